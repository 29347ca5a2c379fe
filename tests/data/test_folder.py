import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import load, pile
from latentlab.data.folder import Folder, FolderConfig, find_images
from latentlab.data.naming import natural_key


def read(folder, **settings):
    return load("folder", {"path": str(folder)} | settings)


def reasons(found):
    return {entry.path: entry.reason for entry in found.skipped}


def test_flat_folder(tmp_path, write_image):
    write_image(tmp_path / "only.png")
    found = read(tmp_path)
    assert found.labels is None and found.label_names == () and found.class_counts() == {}
    assert found.name == tmp_path.name and found.config["path"] == str(tmp_path)
    assert found.summary() == "1 image · 24×16 · colour"


def test_order_is_natural_and_every_suffix_counts(tmp_path):
    names = ["1.PNG", "2.jpeg", "10.bmp", "11.Gif", "12.tif", "13.TIFF", "14.webp", "15.jpg"]
    for i, name in enumerate(names):
        options = {"lossless": True} if name.endswith("webp") else {}
        Image.new("L", (8, 8), 30 * i).save(tmp_path / name, **options)
    (tmp_path / "3.txt").write_text("no image")
    (tmp_path / "4.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    found = read(tmp_path)
    np.testing.assert_allclose(found.images[:, 0, 4, 4], np.arange(8) * 30, atol=2)
    assert found.image_shape == (1, 8, 8)
    assert reasons(found) == {"4.svg": "SVG images are not read; save it as PNG or JPEG"}


def test_natural_key():
    paths = ["b/1", "a/10", "a/9", "a2/1", "a10/1", "A/8", "x", "a/09", "²/1"]
    assert sorted(paths, key=natural_key) == [
        "A/8",
        "a/09",
        "a/9",
        "a/10",
        "a2/1",
        "a10/1",
        "b/1",
        "x",
        "²/1",
    ]


def by_parts(path):
    """The order by its definition: parts, in which texts and numbers take turns."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.split("/")]
    return tuple(tuple(int(p) if i % 2 else p for i, p in enumerate(part)) for part in parts), path


@given(st.lists(st.text(st.sampled_from("aAbß019/. _٣")), max_size=12))
def test_natural_key_by_its_definition(paths):
    assert sorted(paths, key=natural_key) == sorted(paths, key=by_parts)


def test_many_are_in_the_same_order(monkeypatch):
    """Sorted in runs, and as a whole."""
    monkeypatch.setattr(pile, "_RUN", 7)
    paths = [f"{'ab'[i % 2]}{i % 3}/{i * 37 % 100}.png" for i in range(100)]
    told, images = [], pile.Pile()
    for path in paths:
        images.add(path, object())
    images.add(paths[0], object())  # as an archive may have it
    images.sort(lambda done, total: told.append(done))
    assert [path for path, _ in images.images] == sorted([*paths, paths[0]], key=natural_key)
    assert told == list(range(0, 101, 7))


def test_sub_folders_are_classes(tmp_path, write_image):
    for path in ("class10/a.png", "class2/deep/er/b.png", "class2/c.png"):
        write_image(tmp_path / path)
    (tmp_path / "no images").mkdir()
    found = read(tmp_path)
    assert found.label_names == ("class2", "class10")
    assert found.class_counts() == {"class2": 2, "class10": 1}
    assert found.labels.dtype == np.int64


def test_folders_around_the_classes_are_passed_through(tmp_path, write_image):
    for path in ("all/of it/b/1.png", "all/of it/a/x/1.png"):
        write_image(tmp_path / path)
    (tmp_path / "empty").mkdir()
    found = read(tmp_path)
    assert found.class_counts() == {"a": 1, "b": 1}
    assert found.names == ["all/of it/a/x/1.png", "all/of it/b/1.png"]


def test_train_and_test_folders(tmp_path, write_image):
    for i, path in enumerate(("train/a", "train/b", "val/a", "test/b", "train/a")):
        write_image(tmp_path / path / f"{i}.png", seed=i)
    found = read(tmp_path)
    assert found.class_counts() == {"a": 3, "b": 2}
    assert [found.names[i] for i in found.heldout] == ["test/b/3.png", "val/a/2.png"]
    assert found.split(0.1, 0)[1].tolist() == found.heldout.tolist()
    ignored = read(tmp_path, split="ignore")
    assert ignored.class_counts() == {"test": 1, "train": 3, "val": 1} and ignored.heldout is None
    (tmp_path / "val" / "a" / "2.png").write_bytes(b"")
    (tmp_path / "train" / "a" / "0.png").write_bytes(b"")
    found = read(tmp_path)  # what could not be read does not shift the others
    assert [found.names[i] for i in found.heldout] == ["test/b/3.png"]


def test_images_beside_sub_folders_are_unsorted(tmp_path, write_image):
    for path in ("b/1.png", "a/1.png", "0.png"):
        write_image(tmp_path / path)
    found = read(tmp_path)
    assert found.label_names == ("a", "b", "(unsorted)")
    assert found.labels.tolist() == [2, 0, 1]


def test_limit_reaches_every_class(tmp_path, write_image):
    for i in range(30):
        write_image(tmp_path / "abc"[i // 10] / f"{i}.png")
    assert read(tmp_path, limit=6).class_counts() == {"a": 2, "b": 2, "c": 2}
    assert read(tmp_path, limit=1).label_names == ("a", "b", "c")


def test_hidden_things_are_passed_over(tmp_path, write_image):
    for path in ("a.png", ".b.png", "._c.png", ".hidden/d.png", "__MACOSX/e.png", "__MACOSX/x/f.png"):
        write_image(tmp_path / path)
    found = read(tmp_path)
    assert len(found) == 1 and found.labels is None


def test_bytes_found_are_those_of_the_images(tmp_path, write_image):
    write_image(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "2.png").write_bytes(b"damaged")
    (tmp_path / "backup.zip").write_bytes(bytes(5000))
    assert read(tmp_path).bytes_found == (tmp_path / "a" / "1.png").stat().st_size + 7


def test_links_and_loops(tmp_path, write_image):
    root = tmp_path / "root"
    write_image(root / "b" / "1.png")
    write_image(tmp_path / "elsewhere" / "2.png")
    try:
        (root / "b" / "up").symlink_to(root)
        (root / "a").symlink_to(root / "b")
        (root / "c").symlink_to(tmp_path / "elsewhere")
        (root / "self").symlink_to(root / "self")
        (root / "gone.png").symlink_to(root / "nowhere.png")
    except OSError:
        pytest.skip("no links here")
    found = read(root)
    assert found.class_counts() == {"b": 1, "c": 1, "(unsorted)": 0}
    assert reasons(found) == {"gone.png": "it is not a regular file, or a link to nothing"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hang(tmp_path, write_image):
    write_image(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    assert "regular file" in reasons(read(tmp_path))["b.png"]


def test_empty_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=rf"No image in the folder {tmp_path}: expected png, jpg, .* files"):
        load(str(tmp_path))


def test_an_archive_in_the_folder_is_not_opened(tmp_path, write_image):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "photos.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"No image in the folder .* It holds x/photos\.tar\.gz: open that\."):
        read(tmp_path)
    (tmp_path / "more.zip").write_bytes(b"")
    with pytest.raises(DataError, match=r"It holds 2 archives, such as .*: open one\."):
        read(tmp_path)
    write_image(tmp_path / "1.png")
    assert read(tmp_path).skipped == ()


def test_kinds_that_are_not_read(tmp_path, write_image):
    write_image(tmp_path / "1.png")
    names = ["a.heic", "b.AVIF", "c.svg", "d.psd", "e.cr2", "f.jxl"]
    for name in names:
        (tmp_path / name).write_bytes(b"\1\2\3\4" * 20)
    found = read(tmp_path)
    assert len(found) == 1 and list(reasons(found)) == names
    kinds = ["HEIC", "AVIF", "SVG", "Photoshop", "camera raw", "JPEG XL"]
    for kind, reason in zip(kinds, reasons(found).values(), strict=True):
        assert reason == f"{kind} images are not read; save it as PNG or JPEG"
    (tmp_path / "1.png").unlink()
    with pytest.raises(DataError, match=r"No readable image in .*first a\.heic: HEIC images are not read"):
        read(tmp_path)


def test_an_image_under_another_kinds_name(tmp_path, write_image):
    write_image(tmp_path / "1.png")
    (tmp_path / "1.png").rename(tmp_path / "1.heic")
    assert read(tmp_path).names == ["1.heic"]


def test_files_without_a_suffix(tmp_path, write_image):
    write_image(tmp_path / "1.png")
    (tmp_path / "1.png").rename(tmp_path / "0a1f")
    (tmp_path / "README").write_text("words")
    found = read(tmp_path)
    assert found.names == ["0a1f"] and found.skipped == ()
    write_image(tmp_path / "2.png")
    assert read(tmp_path).names == ["2.png"]


def test_what_is_no_folder(tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file; expected a folder"):
        read(tmp_path / "file")


@pytest.mark.parametrize("settings", [{}, {"size": 16, "channels": 3}])
def test_damaged_files_are_skipped_with_a_reason(tmp_path, write_image, settings):
    write_image(tmp_path / "good.png", (40, 40))
    for name in ("cut.jpg", "cut.png"):
        write_image(tmp_path / name, (90, 90))
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("this is no image at all")
    (tmp_path / "page.gif").write_text("%!PS-Adobe-3.0 EPSF-3.0\n")
    content = bytearray((tmp_path / "good.png").read_bytes())
    content[60] ^= 255
    (tmp_path / "flipped.png").write_bytes(content)
    found = read(tmp_path, **settings)
    assert len(found) == 1
    assert found.image_shape == (
        (3, 16, 16) if settings else (3, 40, 40)
    )  # the cut ones do not make it mixed
    said = reasons(found)
    assert list(said) == ["cut.jpg", "cut.png", "empty.png", "flipped.png", "page.gif", "text.png"]
    assert said["cut.jpg"] == said["cut.png"] == "it is cut short"
    assert said["empty.png"] == "the file is empty"
    assert "no image of a known kind" in said["text.png"] and "no image of a known kind" in said["page.gif"]
    assert "damaged" in said["flipped.png"]
    assert found.summary().endswith("6 skipped")


def test_nothing_readable(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"3 of 3 image files tried, all skipped \(first 0\.png: the file is empty"
    ):
        read(tmp_path)
    with pytest.raises(DataError, match="2 of 3 image files tried"):
        read(tmp_path, limit=2, size=8, channels=1)


@pytest.mark.parametrize("most", [2000, 900])  # Pillow warns above its limit and refuses above twice that
def test_too_many_pixels(tmp_path, write_image, monkeypatch, most):
    write_image(tmp_path / "small.png", (10, 10))
    write_image(tmp_path / "large.png", (50, 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    found = read(tmp_path)
    assert found.image_shape == (3, 10, 10)
    assert "pixels" in reasons(found)["large.png"]


def test_a_folder_that_may_not_be_listed(tmp_path, write_image, monkeypatch):
    write_image(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert reasons(read(tmp_path)) == {"b": "the folder cannot be listed: Permission denied"}
    monkeypatch.setattr(os, "scandir", lambda path: scandir("b"))
    with pytest.raises(DataError, match=r"Cannot list the folder .*Permission denied"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(24, 16), (24, 16)], (16, 24)),
        ([(256, 8)], (8, 256)),
        ([(24, 16), (16, 24)], (64, 64)),
        ([(7, 20)], (64, 64)),
        ([(257, 257)], (64, 64)),
    ],
)
def test_size_as_found(tmp_path, write_image, sizes, expected):
    for i, size in enumerate(sizes):
        write_image(tmp_path / f"{i}.png", size)
    assert read(tmp_path).image_shape[1:] == expected


def test_size_crops_the_middle(tmp_path):
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 180
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.jpg", quality=95)
    found = read(tmp_path, size=20)
    assert abs(found.images[..., 2:-2, 2:-2].astype(int) - 180).max() <= 3


def test_grey_as_found(tmp_path, write_image):
    for i, mode in enumerate(("1", "L", "LA", "I;16")):
        write_image(tmp_path / f"{i}.png", mode=mode)
    assert read(tmp_path).image_shape[0] == 1
    write_image(tmp_path / "stored as colour.jpg", mode="L")
    Image.open(tmp_path / "stored as colour.jpg").convert("RGB").save(tmp_path / "as colour.png")
    assert read(tmp_path).image_shape[0] == 1
    write_image(tmp_path / "colour.png")
    assert read(tmp_path).image_shape[0] == 3
    assert read(tmp_path, channels=1).image_shape[0] == 1


def test_modes_agree(tmp_path, write_image):
    """The same picture in every mode comes out the same, but for what the file itself lost."""
    picture = write_image(tmp_path / "0.png", (32, 32))
    picture.convert("RGBA").save(tmp_path / "1.png")
    picture.convert("CMYK").save(tmp_path / "2.jpg", quality=95)
    picture.convert("CMYK").save(tmp_path / "3.tif")
    picture.quantize(256).save(tmp_path / "4.png")
    picture.quantize(256).save(tmp_path / "5.gif")
    picture.convert("YCbCr").save(tmp_path / "6.tif")
    found = read(tmp_path)
    assert len(found) == 7 and found.image_shape == (3, 32, 32)
    few_colours = np.asarray(picture.quantize(256).convert("RGB")).transpose(2, 0, 1)
    for i, image in enumerate(found.images):
        expected = few_colours if i in (4, 5) else found.images[0]
        assert abs(image.astype(int) - expected).mean() < (3 if i in (2, 6) else 0.01), i


def test_sixteen_bit_grey(tmp_path):
    values = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "1.png")
    Image.fromarray(values).save(tmp_path / "2.tif")
    Image.fromarray(values.astype(np.int32)).save(tmp_path / "3.tif")
    Image.fromarray((values / 65535).astype(np.float32)).save(tmp_path / "4.tif")
    Image.fromarray(values.astype(np.int32) - 9).save(tmp_path / "5.tif")
    Image.fromarray(values.astype(np.float32)).save(tmp_path / "6.tif")
    found = read(tmp_path)
    for image in found.images:
        np.testing.assert_array_equal(image[0].ravel(), np.arange(256))
    assert len(found) == 4
    assert reasons(found)["5.tif"] == "its pixels are whole numbers from -9 to 65526; expected 0 to 65535"
    assert reasons(found)["6.tif"] == "its pixels are floating-point numbers from 0 to 65535; expected 0 to 1"


def test_alpha(tmp_path):
    pixels = np.full((8, 8, 4), 200, np.uint8)
    pixels[:4, :, 3], pixels[4:, :, 3] = 0, 128
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    flat = read(tmp_path, channels=3).images[0]
    assert (flat[:, :4] == 0).all() and (flat[:, 4:] == 100).all()
    assert read(tmp_path).image_shape[0] == 1  # white on black once it is flat
    np.testing.assert_array_equal(read(tmp_path, channels=4).images[0].transpose(1, 2, 0), pixels)


def test_transparent_palette_and_colour_key(tmp_path):
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([250, 0, 0, 0, 250, 0])
    palette.paste(1, (0, 0, 8, 4))
    palette.save(tmp_path / "1.png", transparency=0)
    palette.save(tmp_path / "2.gif", transparency=0)
    keyed = Image.new("RGB", (8, 8), (250, 0, 0))
    keyed.paste((0, 250, 0), (0, 0, 8, 4))
    keyed.save(tmp_path / "3.png", transparency=(250, 0, 0))
    for image in read(tmp_path).images:
        assert (image[1, :4] == 250).all() and (image[:, 4:] == 0).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("settings", [{}, {"size": 16}])
def test_exif_rotation(tmp_path, suffix, settings):
    """A phone stores the sensor's rows and says how to turn them: eight files, one picture."""
    turned_back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> the Transpose that undoes it
    picture = np.zeros((48, 32, 3), np.uint8)
    picture[8:24, :16] = (250, 0, 0)
    picture[8:24, 16:] = (0, 0, 250)
    picture[24:40, :16] = (0, 250, 0)
    for orientation in range(1, 9):
        image = Image.fromarray(picture)
        if orientation > 1:
            image = image.transpose(Image.Transpose(turned_back[orientation]))
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
        image.save(tmp_path / f"{orientation}.{suffix}", exif=exif, **options)
    found = read(tmp_path, **settings)
    assert found.skipped == ()
    assert found.image_shape == ((3, 16, 16) if settings else (3, 48, 32))
    for image in found.images:
        assert abs(image.astype(int) - found.images[0]).max() < 12
    corner = found.images[0][:, 2, 2] if settings else found.images[0][:, 12, 4]
    assert corner[0] > 235 and corner[1:].max() < 20


def test_the_first_frame_of_a_film_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    found = read(tmp_path)
    assert len(found) == 1 and found.images[0, :, 0, 0].tolist() == [255, 0, 0]


def test_a_name_that_is_not_utf8(tmp_path, write_image):
    write_image(tmp_path / "good.png")
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert [entry.path.encode() for entry in read(tmp_path).skipped] == ["caf\ufffd.png".encode()]


def test_progress_comes_every_few_files(tmp_path, write_image):
    for i in range(50):
        write_image(tmp_path / f"{i}.png", (8, 8))
    steps = []
    load(str(tmp_path), {"size": 8, "channels": 1}, lambda done, total: steps.append(done / total))
    assert max(np.diff(steps)) <= 0.35 and steps[-1] == 1


def opened(folder, report=lambda done, total: None):
    return Folder.open(FolderConfig(path=str(folder)), report)


def test_the_stamp_is_of_what_matters(tmp_path, write_image, monkeypatch):
    write_image(tmp_path / "a" / "1.png")
    write_image(tmp_path / "b" / "2.png")
    write_image(tmp_path / "b" / "3.png")
    stamp = opened(tmp_path).stamp
    for name in ("notes.md", "README", "backup.zip"):
        (tmp_path / name).write_text("no matter")
    real = os.scandir

    class Backwards:
        """A disk that gives its files in another order."""

        def __init__(self, path):
            with real(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert opened(tmp_path).stamp == stamp
    seen = {stamp}
    for change in (
        lambda: os.utime(tmp_path / "a" / "1.png", ns=(1, 1)),
        lambda: (tmp_path / "a" / "1.png").rename(tmp_path / "b" / "1.png"),
        lambda: (tmp_path / "b" / "1.png").unlink(),
        lambda: (tmp_path / "labels.csv").write_text("file,label"),
        lambda: (tmp_path / "labels.csv").write_text("file,another"),
        lambda: (tmp_path / "extra.heic").write_text(""),
    ):
        change()
        assert opened(tmp_path).stamp not in seen
        seen.add(opened(tmp_path).stamp)


def test_opening_asks_the_disk_once_for_each_file(tmp_path, monkeypatch):
    for i in range(300):
        (tmp_path / f"{i}.png").touch()
    asked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda *args, **more: asked.append(args) or real(*args, **more))
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("a file was opened"))
    opened(tmp_path)
    assert len(asked) < 10  # of the folder; those of the files come with the listing


@pytest.mark.parametrize("when", [1, 2, 3])
def test_cancel_while_a_folder_is_listed(tmp_path, when):
    for i in range(700):
        (tmp_path / f"{i}.dat").touch()
    told = []

    def report(done, total):
        told.append(done)
        if len(told) == when:
            raise Cancelled

    with pytest.raises(Cancelled):
        opened(tmp_path, report)
    assert len(told) == when


def test_images_are_found_without_reading_them(tmp_path, write_image):
    for name in ("b/10.png", "b/9.png", "a/x.heic", "notes.txt", "labels.csv", ".x/1.png"):
        write_image(tmp_path / "it.png")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "it.png").rename(tmp_path / name)
    assert find_images(tmp_path) == (["a/x.heic", "b/9.png", "b/10.png"], [])
