import gzip
import io
import tarfile
import tracemalloc

import numpy as np
import pytest

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import cifar, load
from latentlab.data.report import no_report

TRAIN = [f"data_batch_{i}.bin" for i in range(1, 6)]
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
META = "\n".join(NAMES) + "\n\n"
#: The order in which the published archive holds them.
AS_PACKED = [TRAIN[0], "batches.meta.txt", *TRAIN[2:4], "test_batch.bin", "readme.html", TRAIN[4], TRAIN[1]]


def records(count, seed, most=(9,)):
    """(labels (N, 1 or 2), images (N, 3, 32, 32), the file's bytes)."""
    random = np.random.default_rng(seed)
    labels = np.stack([random.integers(0, m + 1, count, np.uint8) for m in most], 1)
    images = random.integers(0, 256, (count, 3, 32, 32), np.uint8)
    return labels, images, np.concatenate([labels, images.reshape(count, -1)], 1).tobytes()


@pytest.fixture(scope="module")
def batches():
    return {name: records(7 if i < 5 else 5, i) for i, name in enumerate([*TRAIN, "test_batch.bin"])}


def whole(batches):
    labels, images = (np.concatenate([batch[i] for batch in batches.values()]) for i in (0, 1))
    return labels, images


def write_folder(folder, batches, meta=META):
    folder.mkdir(parents=True, exist_ok=True)
    for name, batch in batches.items():
        (folder / name).write_bytes(batch[2])
    (folder / "batches.meta.txt").write_text(meta)
    return folder


def write_archive(path, batches, order=AS_PACKED, mode="w:gz"):
    contents = {name: batch[2] for name, batch in batches.items()}
    contents |= {"batches.meta.txt": "\n".join(NAMES).encode(), "readme.html": b"<html>"}
    with tarfile.open(path, mode) as archive:
        folder = tarfile.TarInfo("cifar-10-batches-bin/")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name in order:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(contents[name])
            archive.addfile(member, io.BytesIO(contents[name]))
    return path


def write(kind, tmp_path, batches):
    if kind == "folder":
        return write_folder(tmp_path / "cifar", batches)
    if kind == "folder around it":
        write_folder(tmp_path / "cifar" / "cifar-10-batches-bin", batches)
        return tmp_path / "cifar"
    packed = kind.endswith("gz")
    return write_archive(tmp_path / f"cifar-10-binary.{kind}", batches, mode="w:gz" if packed else "w")


KINDS = ["folder", "folder around it", "tar.gz", "tar", "tgz"]


@pytest.mark.parametrize("kind", KINDS)
def test_ten_classes(tmp_path, batches, kind):
    found = load(str(write(kind, tmp_path, batches)))
    labels, images = whole(batches)
    assert found.source == "cifar-binary"
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels[:, 0])
    assert found.label_names == NAMES and found.heldout.tolist() == list(range(35, 40))
    assert found.name == ("cifar" if "folder" in kind else "cifar-10-binary")
    np.testing.assert_array_equal(found.original(36), images[36])
    assert found.bytes_found > 0


def test_the_archive_is_read_once_and_let_go(tmp_path, batches, monkeypatch):
    path = write("tar.gz", tmp_path, batches)
    opened = []
    inner = cifar._open_archive
    monkeypatch.setattr(cifar, "_open_archive", lambda *a: (opened.append(1), inner(*a))[1])
    found = load(str(path))
    assert len(opened) == 1 and found.originals._found is None
    load(str(path))  # from the cache
    assert len(opened) == 1


def test_some_of_the_batches(tmp_path, batches):
    few = {name: batches[name] for name in TRAIN[1:3]}
    found = load(str(write_folder(tmp_path / "a", few)))
    np.testing.assert_array_equal(found.images, whole(few)[1])
    assert found.heldout is None
    tested = {"test_batch.bin": batches["test_batch.bin"]}
    assert load(str(write_folder(tmp_path / "b", tested))).heldout is None


@pytest.mark.parametrize("name", ["data_batch_3.bin", "test_batch.bin", "mine.bin"])
def test_one_file(tmp_path, batches, name):
    labels, images, content = batches["data_batch_3.bin"]
    path = tmp_path / name
    path.write_bytes(content)
    found = load(str(path))
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels[:, 0])
    assert found.label_names == NAMES
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"thing {i}" for i in range(10)))
    assert load(str(path)).label_names[3] == "thing 3"


@pytest.mark.parametrize("meta", ["", "one\ntwo\n", "same\n" * 10])
def test_names_that_are_too_few(tmp_path, batches, meta):
    assert load(str(write_folder(tmp_path, batches, meta))).label_names == NAMES


def test_a_hundred_classes(tmp_path):
    parts = {"train.bin": records(9, 1, (19, 99)), "test.bin": records(4, 2, (19, 99))}
    fine = [f"fine {i}" for i in range(100)]
    write_folder(tmp_path, parts)
    assert load(str(tmp_path)).label_names == tuple(map(str, range(100)))
    (tmp_path / "fine_label_names.txt").write_text("\n".join(fine))
    found = load(str(tmp_path), {"size": 16})
    labels, images = whole(parts)
    np.testing.assert_array_equal(found.labels, labels[:, 1])
    assert found.label_names == tuple(fine) and found.heldout.tolist() == [9, 10, 11, 12]
    np.testing.assert_array_equal(found.factors["coarse"], labels[:, 0].astype(np.float32))
    np.testing.assert_array_equal(load(str(tmp_path / "train.bin")).images, images[:9])


def test_a_limit_keeps_both_parts(tmp_path, batches):
    found = load(str(write("tar.gz", tmp_path, batches)), {"limit": 8})
    np.testing.assert_array_equal(found.images, whole(batches)[1][::5])
    assert found.heldout.tolist() == [7]


def says(path, *words):
    with pytest.raises(DataError) as caught:
        load("cifar-binary", {"path": str(path)})
    message = str(caught.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
@pytest.mark.parametrize("content", [b"", b"\x01" * 3072, b"\x01" * (3 * 3073 + 5)])
def test_cut_records(tmp_path, batches, kind, content):
    damaged = batches | {TRAIN[2]: (None, None, content)}
    says(write(kind, tmp_path, damaged), "data_batch_3.bin", f"found {len(content):,} bytes")


def test_a_label_that_none_has(tmp_path, batches):
    content = bytearray(batches[TRAIN[0]][2])
    content[4 * 3073] = 200
    path = write_folder(tmp_path, {TRAIN[0]: (None, None, content)})
    says(path, "data_batch_1.bin is no CIFAR-10 file: record 4 has the label 200; expected 0 to 9")


def test_cut_and_damaged_archives(tmp_path, batches):
    path = write("tar.gz", tmp_path, batches)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    says(path, "is cut short: expected a whole gzip file")
    path.write_bytes(b"not an archive at all, by any means" * 40)
    says(path, "is a damaged tar archive")
    plain = gzip.decompress(content)
    path.write_bytes(plain[: len(plain) // 2])
    says(path, "is a damaged tar archive")
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("other.txt"))
    says(path, "holds none of CIFAR's files; expected data_batch_1.bin or train.bin")


def test_an_archive_that_unfolds_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "MAX_BYTES", 2**22)
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("data_batch_1.bin")
        member.size = 3073 * 20_000
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    tracemalloc.start()
    says(path, "unfolds to more than 4 MiB")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_links_and_sparse_members_are_passed_over(tmp_path, batches):
    path = tmp_path / "cifar-10-binary.tar.gz"
    content = batches[TRAIN[0]][2]
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo(TRAIN[1])
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        sparse = tarfile.TarInfo(TRAIN[2])
        sparse.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.size": str(10**12),
            "GNU.sparse.map": "0,0",
        }
        archive.addfile(sparse)
        member = tarfile.TarInfo(f"../../{TRAIN[0]}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    assert len(load(str(path))) == 7


def test_the_python_version_is_never_loaded(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "batches.meta"):
        (folder / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"\x1f\x8b")
    for path in (folder, tmp_path, archive):
        with pytest.raises(DataError, match="pickled data that can run programs and is never loaded"):
            load(str(path))


def test_other_things_are_left_to_others(tmp_path, write_image):
    write_image(tmp_path / "pictures" / "a.png")
    other = tmp_path / "firmware.bin"
    other.write_bytes(b"\x05" * 4096)
    high = tmp_path / "high.bin"
    high.write_bytes(b"\xff" * 3073)
    for path in (tmp_path / "pictures", other, high, tmp_path / "nowhere"):
        assert not cifar.Cifar.accepts(path)
    says(tmp_path / "pictures", "holds none of CIFAR's files")
    says(tmp_path / "nowhere", "There is no file or folder")


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
def test_cancelling_while_it_is_listed(tmp_path, batches, kind):
    originals = cifar.CifarOriginals(write(kind, tmp_path, batches))

    def cancelled(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        originals.listing(cancelled)
    assert originals.listing(no_report).count == 40
