import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import archive, compressed, files, load, resolve, tar_format, zip_format
from latentlab.data.compressed import Damaged, Expanded, Plain
from latentlab.data.report import no_report

KINDS = ["stored.zip", "deflated.zip", "plain.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]
TARS = {"plain.tar": "w", "a.tar.gz": "w:gz", "a.tgz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}
MODEST = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def png(seed=0, size=(12, 10), mode="RGB"):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def pack(path, members):
    """An archive of the kind that `path` ends in; members: name -> bytes."""
    if path.name.endswith(".zip"):
        method = zipfile.ZIP_STORED if path.name.startswith("stored") else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as file:
            for name, content in members.items():
                file.writestr(name, content)
    else:
        mode = TARS[path.name]
        small = {"compresslevel": 1} if "bz2" in mode else {}  # blocks of 100,000 bytes
        with tarfile.open(path, mode, **small) as file:
            for name, content in members.items():
                file.addfile(entry(name, len(content)), io.BytesIO(content))
    return path


def entry(name, size=0, **more):
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in more.items():
        setattr(found, key, value)
    return found


def reasons(found):
    return {skipped.path: skipped.reason for skipped in found.skipped}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_an_archive_is_its_folder(kind, tmp_path):
    """The same pixels, names, classes, factors and reasons, whatever it is packed with."""
    members = {f"set/{'train' if i % 3 else 'test'}/{'ab'[i % 2]}/{i}.png": png(i) for i in range(40)}
    members["set/train/a/cut.png"] = png(99)[:60]
    members["set/measured.csv"] = "file,age\n" + "".join(f"{i}.png,{i}\n" for i in range(40))
    members = {name: text.encode() if isinstance(text, str) else text for name, text in members.items()}
    for name, content in members.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    folder = load(str(tmp_path / "folder"))
    found = load(str(pack(tmp_path / kind, members)))
    assert found.source == "archive" and found.name == kind.partition(".")[0]
    assert found.label_names == folder.label_names == ("a", "b")
    assert reasons(found) == reasons(folder) and "cut short" in reasons(found)["set/train/a/cut.png"]
    places = [found.names.index(name) for name in folder.names]
    assert sorted(places) == list(range(40))
    np.testing.assert_array_equal(found.images[places], folder.images)
    np.testing.assert_array_equal(found.labels[places], folder.labels)
    np.testing.assert_array_equal(found.factors["age"][places], folder.factors["age"])
    assert {found.names[i] for i in found.heldout} == {folder.names[i] for i in folder.heldout}
    assert found.bytes_found == (tmp_path / kind).stat().st_size
    if "z2" not in kind and "xz" not in kind and "gz" not in kind:
        assert found.names == folder.names


def test_originals(kind, tmp_path):
    path = pack(tmp_path / kind, {f"{i}.png": png(i, (30 + i, 20)) for i in range(5)})
    load(str(path), {"size": 8})
    found = load(str(path), {"size": 8})  # from the cache: nothing is listed yet
    for i in (3, 0, 4, 3):
        expected = np.asarray(Image.open(io.BytesIO(png(i, (30 + i, 20))))).transpose(2, 0, 1)
        np.testing.assert_array_equal(found.original(i), expected)


def test_originals_that_are_damaged_since(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_FEW", 0)
    path = pack(tmp_path / kind, {f"{i}.png": png(i) for i in range(3)})
    found = load(str(path))
    path.write_bytes(bytes(path.stat().st_size))
    if kind.endswith(".zip"):  # it stays open
        return
    with pytest.raises(DataError, match=r"Cannot read 2\.png of .*: .*\."):
        found.original(2)


def test_originals_that_are_gone_since(kind, tmp_path):
    path = pack(tmp_path / kind, {f"{i}.png": png(i) for i in range(3)})
    load(str(path))
    found = load(str(path))
    path.unlink()
    with pytest.raises(DataError, match=r"Cannot read .*: No such file or directory\."):
        found.original(2)


def test_only_a_few_in_an_order(kind, tmp_path):
    path = pack(tmp_path / kind, {f"{'abc'[i // 30]}/{i}.png": png(i) for i in range(90)})
    found = load(str(path), {"limit": 6})
    assert found.class_counts() == {"a": 2, "b": 2, "c": 2}
    np.testing.assert_array_equal(found.images[5], found.original(5))


def test_names_are_only_names(kind, tmp_path):
    (tmp_path / "in").mkdir()
    names = ["../../up.png", "/abs/olute.png", "./here.png", "a//b.png", "..", "c\\d.png"]
    others = ["__MACOSX/._x.png", ".hidden/x.png", "d/.x.png", "notes.md", "thumbs.db"]
    path = pack(tmp_path / "in" / kind, dict.fromkeys(names + others, png()))
    found = load(str(path))
    assert sorted(found.names) == ["a/b.png", "abs/olute.png", "c/d.png", "here.png", "up.png"]
    assert found.skipped == ()
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == [kind]


def test_links_are_not_followed_in_a_tar(tmp_path):
    (tmp_path / "secret.png").write_bytes(png())
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.addfile(entry("a.png", len(png())), io.BytesIO(png()))
        for name, kind in (
            ("b.png", tarfile.SYMTYPE),
            ("c.png", tarfile.LNKTYPE),
            ("d.png", tarfile.FIFOTYPE),
        ):
            file.addfile(entry(name, type=kind, linkname=str(tmp_path / "secret.png")))
        file.addfile(entry("e.png", type=tarfile.DIRTYPE))
    found = load(str(tmp_path / "a.tar"))
    assert found.names == ["a.png"]
    assert reasons(found) == {"b.png": "it is a link", "c.png": "it is a link"}


def test_members_of_a_zip_that_are_not_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("good.png", png())
        link = zipfile.ZipInfo("link.png")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            file.writestr(f"{method}.png", png(), method)
        file.writestr("secret.png", png())
        file.writestr("odd.png", png())
        file.writestr("inner.tar.gz", b"")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"odd.png") - 46 + 10] = 9
    at = content.rindex(b"secret.png") - 46
    content[at + 8] |= 1  # in the directory
    path.write_bytes(content)
    found = load(str(path))
    assert found.names == ["12.png", "14.png", "good.png"]
    assert reasons(found) == {
        "link.png": "it is a link",
        "odd.png": "its compression (Deflate64) is not read",
        "secret.png": "it is encrypted",
        "inner.tar.gz": "it is an archive in the archive: unpack it, and open it by itself",
    }


def test_nothing_but_an_archive_in_an_archive(kind, tmp_path):
    path = pack(tmp_path / kind, {"x/photos.zip": b"", "readme.md": b""})
    with pytest.raises(
        DataError, match=rf"No image in the archive .*{kind}.* It holds x/photos.zip: open that"
    ):
        load(str(path))


def test_a_sparse_file(tmp_path):
    def header(kind, name, size, **at):
        found = bytearray(entry(name, size, type=kind).tobuf(tarfile.GNU_FORMAT))
        for offset, value in at.values():
            found[offset : offset + len(value)] = value
        found[148:156] = b" " * 8
        found[148:156] = b"%06o\0 " % sum(found)
        return bytes(found)

    more = bytes(504) + b"\1" + bytes(7) + bytes(512)  # two more blocks of where its parts lie
    content = header(b"S", "sparse.png", 600, more=(482, b"\1")) + more + bytes(1024)
    content += header(b"0", "good.png", len(png())) + png() + bytes(-len(png()) % 512 + 1024)
    (tmp_path / "a.tar").write_bytes(content)
    found = load(str(tmp_path / "a.tar"))
    assert found.names == ["good.png"] and "sparse" in reasons(found)["sparse.png"]


def test_files_without_a_suffix(kind, tmp_path):
    path = pack(tmp_path / kind, {"0a": png(1), "0b": b"text", "0c": png(2)})
    assert load(str(path)).names == ["0a", "0c"]
    path = pack(tmp_path / kind, {"0a": png(1), "0b.png": png(2)})
    assert load(str(path)).names == ["0b.png"]


# Bounds


def test_a_member_that_is_too_large(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBER", 2**20)
    path = pack(tmp_path / kind, {"a.png": bytes(2**20 + 1), "b.png": png(), "c.png": bytes(2**20)})
    found = load(str(path))
    assert found.names == ["b.png"]
    assert reasons(found)["a.png"] == "it takes 1 MiB; at most 1 MiB are read"
    assert "zeros" in reasons(found)["c.png"]


def test_more_members_than_are_read(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    found = load(str(pack(tmp_path / kind, {f"{i}.png": png(i) for i in range(5)})))
    assert found.names == ["0.png", "1.png", "2.png"]
    assert reasons(found) == {kind: "it holds more than 3 files: the rest is left out"}


@pytest.mark.parametrize("kind", ["deflated.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_bomb_is_not_expanded(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_EXPANDED", 2**18)
    monkeypatch.setattr(archive, "MOST_TIMES", 2)
    path = pack(tmp_path / kind, {"a.png": png(), "b.png": bytes(2**22), "c.png": png()})
    assert path.stat().st_size < 2**16
    found = load(str(path))
    assert found.names == ["a.png"]
    assert "expands to more than" in reasons(found)[kind]


def test_a_stream_that_expands_for_ever_is_left_within_a_block(tmp_path):
    """What comes beyond the bound is not even read from disk."""
    packed, read = gzip.compress(bytes(2**24)), []

    class Watched(io.BytesIO):
        def read(self, count=-1):
            read.append(count)
            return super().read(count)

    stream = Expanded(Watched(packed), "gz", 2**20, lambda: None)
    with pytest.raises(Damaged, match="expands to more than"):
        stream.skip(2**40)
    assert stream.position <= 2**20 + 2**18 and len(read) == 1


def test_a_member_gives_no_more_than_it_says(tmp_path):
    """A zip whose directory says 100 bytes, where a gigabyte could come."""
    path = pack(tmp_path / "deflated.zip", {"a.png": bytes(2**24), "b.png": png()})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2")
    content[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(content)
    found = load(str(path))
    assert found.names == ["b.png"]
    assert reasons(found)["a.png"] == "it is damaged in the archive (Bad CRC-32 for file 'a.png')"


def test_a_name_that_claims_gigabytes(tmp_path):
    header = entry("@LongLink", 2**33, type=b"L").tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "a.tar").write_bytes(header + bytes(512))
    with pytest.raises(DataError, match="a name in it is too long"):
        load(str(tmp_path / "a.tar"))


@pytest.mark.parametrize(("most_held", "ahead"), [(1, {1}), (10_000, set(range(2, 70)))])
def test_memory_is_bounded_while_files_wait_to_be_decoded(tmp_path, monkeypatch, most_held, ahead):
    """So much that more are read ahead, to the end."""
    monkeypatch.setattr(files, "_MOST_HELD", most_held)
    monkeypatch.setattr(files, "_HEAVY", 1)
    monkeypatch.setattr(archive, "MOST_KEPT", 0)
    path = pack(tmp_path / "a.tgz", {f"{i}.png": png(i) for i in range(70)})
    originals = resolve(str(path))[0].open(resolve(str(path))[1], no_report)
    most = 0  # of the second half
    each = originals.container.each

    def watched(places, look):
        nonlocal most
        for count, file in enumerate(each(places, look), 1):
            if count > 35:
                most = max(most, count - done)
            yield file

    monkeypatch.setattr(originals.container, "each", watched)
    done, prepared = 0, files.Preparation(3, 8, 8)
    for chunk in originals.chunks(np.arange(70), prepared, no_report):
        done += len(chunk.places)
    assert done == 70 and most in ahead


# Damage


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_zip_whose_directory_is_missing_or_damaged(tmp_path, damage):
    path = pack(tmp_path / "stored.zip", {f"{i}.png": png(i) for i in range(4)})
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[content.index(b"PK\1\2") + 80 :]
    else:
        content[content.rindex(b"PK\1\2")] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"stored\.zip: its directory at the end is missing or damaged"):
        load(str(path))


@pytest.mark.parametrize("kind", list(TARS))
def test_a_tar_that_is_cut_short(kind, tmp_path):
    random = np.random.default_rng(0)  # what is not compressed ends in each part where it does in the whole
    noise = {f"{i}.bmp": b"" for i in range(12)}
    for name in noise:
        stream = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (120, 120, 3), np.uint8)).save(stream, "BMP")
        noise[name] = stream.getvalue()
    path = pack(tmp_path / kind, noise)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    found = load(str(path))
    assert found.names[:2] == ["0.bmp", "1.bmp"] and len(found) < 9
    assert found.skipped and all("cut short" in reason for reason in reasons(found).values())


def test_a_tar_whose_header_is_damaged(tmp_path):
    path = pack(tmp_path / "plain.tar", {f"{i}.png": png(i) for i in range(4)})
    content = bytearray(path.read_bytes())
    content[content.index(b"2.png")] ^= 1
    path.write_bytes(content)
    found = load(str(path))
    assert found.names == ["0.png", "1.png"]
    assert reasons(found) == {"plain.tar": "it is damaged, or cut short"}


@pytest.mark.parametrize("kind", ["stored.zip", "deflated.zip"])
def test_a_member_of_a_zip_that_is_damaged(kind, tmp_path):
    """Of a kind of image that would not notice itself."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(stream, "BMP")
    path = pack(tmp_path / kind, {"a.png": png(), "b.bmp": stream.getvalue()})
    content = bytearray(path.read_bytes())
    content[content.index(b"b.bmp") + 2000] ^= 16
    path.write_bytes(content)
    found = load(str(path))
    assert found.names == ["a.png"] and "damaged in the archive" in reasons(found)["b.bmp"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no archive that is read; expected .zip"),
        (b"just text " * 100, "no archive that is read; expected .zip"),
        (b"Rar!\x1a\7\1\0" + bytes(100), "a rar archive, which is not read; expected"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive, which is not read"),
        (gzip.compress(b"a text " * 300), "it holds no tar archive"),
        (gzip.compress(b""), "it holds no tar archive"),
        (b"BZh9" + bytes(100), "it cannot be expanded"),
        (lzma.compress(b"")[:9], "it is cut short"),
        (b"PK\5\6" + bytes(18), "No image in the archive"),
        (bytes(10240), "no archive that is read"),
    ],
)
def test_what_is_no_archive(tmp_path, content, words):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(str(tmp_path / "a.zip"))
    assert words in str(caught.value) and str(tmp_path / "a.zip") in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="There is no archive"):
        load("archive", {"path": str(tmp_path / "a.zip")})
    with pytest.raises(DataError, match="is a folder; expected an archive"):
        load("archive", {"path": str(tmp_path)})


def test_content_and_not_the_name_says_what_it_is(tmp_path):
    path = pack(tmp_path / "a.tar.xz", {"a.png": png()})
    for name in ("b.zip", "c.tar", "d.TGZ"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert load(str(tmp_path / name)).names == ["a.png"]
    pack(tmp_path / "stored.zip", {"a.png": png()}).rename(tmp_path / "download")
    assert resolve(str(tmp_path / "download"))[0].key == "archive"


def test_what_others_read_is_left_to_them(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 8, 8), np.uint8))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "c").write_bytes(gzip.compress(b""))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    assert not any(archive.Archive.accepts(path) for path in [*tmp_path.iterdir(), tmp_path])


@given(st.data())
@MODEST
def test_whatever_happened_to_it_only_a_sentence_comes(tmp_path_factory, data):
    kind = data.draw(st.sampled_from(KINDS))
    path = pack(tmp_path_factory.mktemp("a") / kind, {f"{i}.png": png(i, (8, 8)) for i in range(4)})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = load(str(path), {"size": 8})
    except DataError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
    else:
        assert 1 <= len(found) <= 4


# The formats, against Python's own

NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(
        lambda part: part.replace("/", "_")
    ),
    min_size=1,
    max_size=12,
).map("/".join)
MEMBERS = st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=6)


@given(MEMBERS, st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
@MODEST
def test_tar_is_read_as_by_tarfile(members, form):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as file:
        for name, content in members.items():
            file.addfile(entry(name, len(content)), io.BytesIO(content))
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as file:
        expected = [(member.name, file.extractfile(member).read()) for member in file]
    for packed in (Plain(stream), Expanded(io.BytesIO(gzip.compress(stream.getvalue())), "gz", 2**40, no)):
        found = [
            (member.name.rstrip("/"), packed.read(member.size)) for member in tar_format.members(packed, no)
        ]
        assert found == expected


def no():
    pass


def test_ustar_names_are_in_two_parts(tmp_path):
    name = "/".join(["folder" * 5] * 6 + ["a.png"])
    assert 100 < len(name) < 255
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.USTAR_FORMAT) as file:
        file.addfile(entry(name, len(png())), io.BytesIO(png()))
    assert load(str(tmp_path / "a.tar")).names == [name]


def test_sizes_beyond_octal_digits():
    header = entry("a", 2**33 + 5).tobuf(tarfile.GNU_FORMAT)
    assert next(tar_format.members(Plain(io.BytesIO(header)), no)).size == 2**33 + 5
    header = entry("a", 2**33 + 5).tobuf(tarfile.PAX_FORMAT)
    assert next(tar_format.members(Plain(io.BytesIO(header)), no)).size == 2**33 + 5


def test_zip64(tmp_path, monkeypatch):
    """As archives of more than 65,535 files or four gigabytes have it."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50)
    for before in (b"", b"a program that unpacks itself"):
        path = tmp_path / f"{len(before)}.zip"
        path.write_bytes(before)
        with zipfile.ZipFile(path, "a") as file:
            for i in range(4):
                file.writestr(f"{i}.png", png(i))
        assert b"PK\6\6" in path.read_bytes()
        found = load(str(path))
        assert found.names == ["0.png", "1.png", "2.png", "3.png"] and found.skipped == ()


def test_other_bytes_before_a_zip(tmp_path):
    path = pack(tmp_path / "deflated.zip", {f"{i}.png": png(i) for i in range(3)})
    path.write_bytes(b"a program that unpacks itself" + path.read_bytes())
    found = load(str(path))
    assert found.names == ["0.png", "1.png", "2.png"] and found.skipped == ()


def test_a_count_that_has_overflowed(tmp_path):
    """Some write 65,536 files as none."""
    path = pack(tmp_path / "stored.zip", {f"{i}.png": png(i) for i in range(3)})
    content = bytearray(path.read_bytes())
    content[-14:-10] = bytes(4)
    path.write_bytes(content)
    assert load(str(path)).names == ["0.png", "1.png", "2.png"]


def test_offsets_beyond_everything(tmp_path):
    """Numbers of eight bytes that no file has, in the directory and in a member's own header."""
    field = struct.pack("<2H3Q", 1, 24, *[2**64 - 1] * 3)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, *[2**32 - 1] * 2, 5, len(field))
    content = pack(tmp_path / "stored.zip", {"a.png": png()}).read_bytes()
    at = content.index(b"PK\1\2")
    far = struct.pack("<2HQ", 1, 8, 2**64 - 1)
    sizes = (0, 3, 3, 5, len(far), 0, 0, 0, 0)
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, *sizes, 2**32 - 1) + b"b.png" + far
    inner = local + b"b.png" + field
    directory = content[at : content.index(b"PK\5\6")] + central
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(directory), at + len(inner), 0)
    (tmp_path / "a.zip").write_bytes(content[:at] + inner + directory + end)
    found = load(str(tmp_path / "a.zip"))
    assert found.names == ["a.png"] and "b.png" in reasons(found)


def test_names_of_a_zip_in_other_letters(tmp_path):
    path = pack(tmp_path / "stored.zip", {"1.png": png(1), "22.png": png(2), "333.png": png(3)})
    content = path.read_bytes()
    for old, new in ((b"1.png", b"\x81.png"), (b"22.png", "ä.png".encode())):
        content = content.replace(old, new)
    path.write_bytes(content)
    assert load(str(path)).names == ["333.png", "ä.png", "ü.png"]


def test_joined_streams_are_one(tmp_path):
    path = pack(tmp_path / "plain.tar", {f"{i}.png": png(i) for i in range(4)})
    content = path.read_bytes()
    for pack_part, kind in ((gzip.compress, "gz"), (bz2.compress, "bz2"), (lzma.compress, "xz")):
        (tmp_path / f"a.tar.{kind}").write_bytes(pack_part(content[:700]) + pack_part(content[700:]))
        assert len(load(str(tmp_path / f"a.tar.{kind}"))) == 4


# How it goes


def test_opening_reads_nothing_but_the_start(kind, tmp_path, monkeypatch):
    path = pack(tmp_path / kind, {f"{i}.png": png(i) for i in range(4)})
    load(str(path))
    source, config = resolve(str(path))

    def fail(*_):
        raise AssertionError("it was looked into")

    for module in (tar_format, zip_format):
        monkeypatch.setattr(module, "members", fail)
    first = source.open(config, no_report)
    assert len(load(str(path))) == 4  # from the cache
    monkeypatch.undo()
    path.write_bytes(path.read_bytes() + bytes(512))
    assert source.open(config, no_report).stamp != first.stamp


@pytest.mark.parametrize("when", [1, 2, 3])
def test_cancel_while_it_is_listed(kind, tmp_path, when):
    path = pack(tmp_path / kind, {f"{i}.txt": b"" for i in range(1000)} | {"a.png": png()})
    source, config = resolve(str(path))
    originals, told = source.open(config, no_report), []

    def report(done, total):
        told.append(done / total)
        if len(told) == when:
            raise Cancelled

    with pytest.raises(Cancelled):
        originals.listing(report)
    assert len(told) == when
    assert originals.listing(no_report).count == 1  # as if nothing had been


def test_cancel_while_a_large_member_is_passed_over(tmp_path):
    path = pack(tmp_path / "a.tgz", {"a.dat": bytes(2**24), "b.png": png()})
    told = []
    source, config = resolve(str(path))
    source.open(config, no_report).listing(lambda done, total: told.append(done / total))
    assert len(told) >= 2**24 / compressed._EXPAND and told == sorted(told)


@pytest.fixture
def passes(monkeypatch):
    """Of each time that a stream was begun, how far it came."""
    begun = []

    class Watched(Expanded):
        def __init__(self, *args):
            super().__init__(*args)
            begun.append(self)

    monkeypatch.setattr(archive, "Expanded", Watched)
    return begun


@pytest.mark.parametrize(
    ("most", "told", "expected"), [(2**28, {}, 1), (2000, {}, 3), (0, {"size": 8, "channels": 3}, 2)]
)
def test_how_often_a_stream_is_expanded(tmp_path, monkeypatch, passes, most, told, expected):
    monkeypatch.setattr(archive, "MOST_KEPT", most)
    members = {f"{i}.png": png(i) for i in range(100)}
    path = pack(tmp_path / "a.tgz", members)
    found = load(str(path), told)
    assert len(passes) == expected
    assert all(stream.position >= sum(map(len, members.values())) for stream in passes)
    assert not found.originals.container._memory  # no more is held than what was looked at last
    np.testing.assert_array_equal(found.original(50), read(png(50)))
    np.testing.assert_array_equal(found.original(50), read(png(50)))
    assert len(passes) == expected + 1 and len(found.originals.container._memory) == 1


def read(content):
    return np.asarray(Image.open(io.BytesIO(content))).transpose(2, 0, 1)


@pytest.mark.parametrize("most", [0, 2**28])
def test_a_few_are_expanded_once(tmp_path, monkeypatch, passes, most):
    """As when a preparation is looked at."""
    monkeypatch.setattr(archive, "MOST_KEPT", most)
    path = pack(tmp_path / "a.tgz", {f"{i}.png": png(i) for i in range(80)})
    source, config = resolve(str(path))
    originals = source.open(config, no_report)
    originals.listing(no_report)
    preparation = originals.settle(np.arange(80), config, no_report).preparation
    list(originals.chunks(np.array([3, 7, 19]), preparation, no_report))
    passes.clear()
    for place in (3, 7, 19):
        np.testing.assert_array_equal(originals.original(place), read(png(place)))
    assert passes == [] and len(originals.container._memory) == 3
