"""Reading one image file: modes, headers, orientation, detail left out, threads, what goes wrong."""

import io
import struct
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from latentlab.data import image_file
from latentlab.data.image_file import Unreadable, quiet, read_header, read_image, read_whole
from latentlab.data.image_kinds import LOOKED_AT, NAMED_AS_IMAGES, SUFFIXES, kind_of, why_not
from latentlab.data.preparation import Preparation

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F")
GREY = ("1", "L", "LA", "I;16", "I", "F")


def picture(width=40, height=30, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def photo(width, height):
    """Something with soft parts, sharp edges, fine stripes and noise."""
    random = np.random.default_rng(0)
    pixels = np.asarray(picture(width, height)).astype(float)
    y, x = np.mgrid[:height, :width]
    pixels[(x - width * 0.6) ** 2 + (y - height * 0.5) ** 2 < (height * 0.3) ** 2] = 240, 230, 40
    pixels[:, np.arange(width) % 37 < 3] *= 0.2
    return Image.fromarray((pixels + random.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def as_tiff(mode, width=40, height=30):
    # Before version 13 Pillow does not read YCbCr as it writes it unpacked.
    return encoded(in_mode(mode, width, height), "TIFF", compression="tiff_lzw" if mode == "YCbCr" else None)


def in_mode(mode, width=40, height=30):
    image = picture(width, height)
    if mode in ("I", "I;16", "F"):
        grey = np.asarray(image.convert("L"))
        return Image.fromarray(
            (grey / np.float32(255)) if mode == "F" else grey.astype(np.int32 if mode == "I" else np.uint16)
        )
    if mode in ("LA", "RGBA"):
        image.putalpha(picture(width, height, 1).convert("L"))
    return image.convert(mode)


@examples(deadline=None, derandomize=True, database=None, max_examples=60)
@given(
    st.sampled_from(MODES),
    st.integers(1, 50),
    st.integers(1, 50),
    st.builds(
        Preparation, st.sampled_from([1, 3, 4]), st.integers(8, 40), st.integers(8, 40),
        st.sampled_from(["crop", "pad", "stretch"]), st.just((1, 2, 3)),
    ),
)  # fmt: skip
def test_every_mode_becomes_what_is_prepared(mode, width, height, preparation):
    content = as_tiff(mode, width, height)
    header = read_header(io.BytesIO(content))
    assert (header.width, header.height, header.grey) == (width, height, mode in GREY)
    pixels, found = read_image(io.BytesIO(content), preparation)
    assert pixels.shape == preparation.shape and pixels.dtype == np.uint8 and found == (width, height)
    whole = read_whole(io.BytesIO(content))
    assert whole.shape == ({"LA": 4, "RGBA": 4}.get(mode, 1 if mode in GREY else 3), height, width)
    np.testing.assert_array_equal(pixels, preparation.of_array(whole[None])[0])


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_shows_the_picture(mode):
    whole = read_whole(io.BytesIO(as_tiff(mode)))
    if mode in ("I", "I;16"):  # numbers up to 255 of 65535
        np.testing.assert_array_equal(whole, np.rint(np.asarray(picture().convert("L")) / 257)[None])
        return
    expected = np.asarray(picture().convert("L" if mode in GREY else "RGB")).astype(int)
    expected = expected.reshape(30, 40, -1).transpose(2, 0, 1)
    limit = {"1": 128, "P": 40, "YCbCr": 3}.get(mode, 0)
    assert abs(whole[:3].astype(int) - expected).mean() <= limit


def test_sixteen_bits_are_scaled_and_rounded():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(values / 257).astype(np.uint8)[None]
    for content in (encoded(Image.fromarray(values), "PNG"), encoded(Image.fromarray(values), "TIFF"),
                    encoded(Image.fromarray(values.astype(np.int32)), "TIFF")):  # fmt: skip
        np.testing.assert_array_equal(read_whole(io.BytesIO(content)), expected)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("white_is_zero", [True, False])
def test_a_tiff_may_count_from_white(bits, white_is_zero):
    content = bytearray(encoded(Image.new("L" if bits == 8 else "I;16", (9, 9), 2**bits - 1), "TIFF"))
    at = content.index(struct.pack("<HHI", 262, 3, 1))  # PhotometricInterpretation
    content[at + 8] = 0 if white_is_zero else 1
    assert (read_whole(io.BytesIO(bytes(content))) == (0 if white_is_zero else 255)).all()


def test_ink_is_turned_into_light():
    """Adobe writes CMYK turned over into JPEG; Pillow writes as Adobe does, and TIFF as it is."""
    ink = picture().convert("CMYK")
    expected = np.asarray(picture()).transpose(2, 0, 1).astype(int)
    for content in (encoded(ink, "JPEG", quality=95), encoded(ink, "TIFF")):
        assert abs(read_whole(io.BytesIO(content)) - expected).mean() < 2


@pytest.mark.parametrize(
    "settings", [{"width": 40, "height": 30}, {"width": 32, "height": 32}, {"width": 16, "height": 16}]
)
@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_no_detail_of_a_jpeg_is_left_out_where_it_is_wanted(settings, how):
    content = encoded(picture(), "JPEG")
    preparation = Preparation(3, settings["height"], settings["width"], how)
    whole = np.asarray(Image.open(io.BytesIO(content)))
    expected = preparation.of_array(whole.transpose(2, 0, 1)[None])[0]
    np.testing.assert_array_equal(read_image(io.BytesIO(content), preparation)[0], expected)


@pytest.mark.parametrize("size", [(512, 384), (301, 299), (1200, 903)])
@pytest.mark.parametrize(("side", "how"), [(64, "crop"), (32, "pad"), (32, "stretch")])
def test_a_jpeg_decoded_smaller_looks_the_same(size, side, how):
    """Averaging whole pixels first blurs a trace; on this picture 1 of 255 or 2. Where the decoded picture's
    last pixel is only in part image, taking it for whole would shift the rest: by 4 in the mean."""
    content = encoded(photo(*size), "JPEG", quality=90)
    preparation = Preparation(3, side, side, how)
    whole = np.asarray(Image.open(io.BytesIO(content)))
    expected = preparation.of_array(whole.transpose(2, 0, 1)[None])[0]
    pixels, found = read_image(io.BytesIO(content), preparation)
    difference = abs(pixels.astype(int) - expected)
    assert found == size and difference.mean() < 2 and difference.max() < 25
    assert difference.any()  # so this test is of what it says


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(400, 320), (301, 240)])
def test_a_turned_photograph_is_decoded_smaller_too(orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(*size), "JPEG", quality=90, exif=exif)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's word -> `Image.Transpose`
    image = Image.open(io.BytesIO(content))
    upright = image if orientation == 1 else image.transpose(Image.Transpose(turns[orientation]))
    preparation = Preparation(3, 32, 32)
    pixels, found = read_image(io.BytesIO(content), preparation)
    assert found == upright.size
    header = read_header(io.BytesIO(content))
    assert (header.width, header.height) == upright.size
    expected = preparation.of_array(np.asarray(upright).transpose(2, 0, 1)[None])[0]
    assert abs(pixels.astype(int) - expected).mean() < 1


def test_an_orientation_may_stand_in_xmp_and_none_stands_in_nonsense():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    turned = encoded(picture(), "JPEG", xmp=xmp)
    assert read_whole(io.BytesIO(turned)).shape == (3, 40, 30)
    exif = Image.Exif()
    for nonsense in (0, 9, 65535):
        exif[0x0112] = nonsense
        assert read_whole(io.BytesIO(encoded(picture(), "PNG", exif=exif))).shape == (3, 30, 40)
    assert read_whole(io.BytesIO(encoded(picture(), "JPEG", exif=b"Exif\0\0nonsense"))).shape == (3, 30, 40)


@pytest.mark.parametrize(
    "read", [read_header, read_whole, lambda file: read_image(file, Preparation(1, 8, 8))]
)
def test_what_is_given_is_closed(read):
    for content in (encoded(picture(), "PNG"), b"no image", b""):
        file = io.BytesIO(content)
        try:
            read(file)
        except Unreadable:
            assert len(content) < 10
        assert file.closed


def test_the_system_s_reason_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(picture(), "PNG"))

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    for read in (read_header, read_whole):
        with pytest.raises(Unreadable, match=r"^it cannot be opened: Permission denied$"):
            read(tmp_path / "a.png")


def test_an_image_larger_than_memory_is_told(monkeypatch):
    file = io.BytesIO(encoded(picture(), "PNG"))

    def full(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", full)
    with pytest.raises(Unreadable, match=r"^it does not fit into memory$"):
        read_whole(file)


def test_many_threads_may_be_the_first_to_read(tmp_path):
    """In a fresh process: Pillow imports what it reads a kind with where that is first wanted."""
    kinds = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
    for kind in kinds:
        picture().save(tmp_path / kind.lower(), kind)
    code = (
        "import sys, threading; from pathlib import Path\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from latentlab.data.image_file import read_whole\n"
        "ready = threading.Barrier(24)\n"
        "def read(path): ready.wait(60); return read_whole(path).shape\n"
        "with ThreadPoolExecutor(24) as pool:\n"
        "    print({*pool.map(read, [*Path(sys.argv[1]).iterdir()] * 4)})"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, tmp_path], capture_output=True, text=True
    )
    assert ran.stdout.strip() == "{(3, 30, 40)}", ran.stderr


@pytest.mark.parametrize(("room", "together"), [(2500, 2), (1999, 1), (10, 1)])
def test_large_images_wait_for_each_other(monkeypatch, room, together):
    """Of 40×25 pixels each: two have room at once, or one, and one even where it is larger than all room."""
    monkeypatch.setattr(image_file, "_ROOM", image_file._Room(room))
    content = encoded(picture(40, 25), "PNG")
    lock, active, most = threading.Lock(), set(), []
    met = threading.Barrier(together)
    load = Image.Image.convert

    def slow(image, mode):
        with lock:
            active.add(threading.get_ident())
            most.append(len(active))
        met.wait(60)  # none goes on before as many as may are here
        try:
            return load(image, mode)
        finally:
            with lock:
                active.discard(threading.get_ident())

    monkeypatch.setattr(Image.Image, "convert", slow)
    with ThreadPoolExecutor(6) as pool:
        results = list(
            pool.map(lambda _: read_image(io.BytesIO(content), Preparation(1, 25, 40))[0], range(12))
        )
    assert max(most) == together and len(most) == 12
    assert all(np.array_equal(result, results[0]) for result in results)


def test_silence_lasts_as_long_as_the_last_who_wants_it():
    def tell():
        warnings.warn_explicit("harmless", UserWarning, "file.py", 1, "PIL.TiffImagePlugin")

    before = list(warnings.filters)
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    tell()  # under pytest it would raise
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning):
        tell()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "MPO"])
def test_a_kind_is_known_by_its_content(kind):
    assert kind_of(encoded(picture(), kind)[:LOOKED_AT]) == {"MPO": "JPEG"}.get(kind, kind)


@pytest.mark.parametrize("kind", ["EPS", "PCX", "PPM", "ICO", "TGA", "JPEG2000", "SGI", "PDF"])
def test_other_kinds_that_pillow_knows_are_not_opened(kind):
    with pytest.raises(Unreadable):
        read_whole(io.BytesIO(encoded(picture(), kind)))


def test_a_suffix_helps_where_content_does_not():
    unknown = b"\x93\x81\x82"
    assert why_not(unknown, ".TGA") == "TGA images are not read; save it as PNG or JPEG"
    assert why_not(unknown, ".png") == "it is no image of a known kind, or its start is damaged"
    assert ".tga" in NAMED_AS_IMAGES and ".png" in SUFFIXES < NAMED_AS_IMAGES
