"""A folder of everything that can be wrong or odd: what can be read is right, the rest is told why.

What is right is decoded a second time here, by plain Pillow and numpy and by none of our functions.
"""

import contextlib
import functools
import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from latentlab.data import load

WIDTH, HEIGHT = 48, 32
BACKGROUND = (200, 40, 90)
KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


def picture(seed=0, size=(WIDTH, HEIGHT)):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def see_through(seed):
    image = picture(seed).convert("RGBA")
    image.putalpha(picture(seed + 100).convert("L"))
    return image


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, depth, colour, rows, *more):
    """A PNG as its specification has it (ISO/IEC 15948); `rows` are the bytes of each."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    scanlines = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = b"".join([chunk(b"IHDR", header), *more, chunk(b"IDAT", scanlines), chunk(b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def deep_png(colour, channels, seed):
    values = np.random.default_rng(seed).integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(">u2")
    return png(WIDTH, HEIGHT, 16, colour, [row.tobytes() for row in values])


def tiff(tags, pixels):
    """A little-endian TIFF 6.0 of one strip; `tags` (tag, type, count, value) beside those it needs."""
    needed = [(256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    needed += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, HEIGHT), (279, 4, 1, len(pixels))]
    entries = {tag: entry for tag, *entry in [*needed, *tags]}
    directory = struct.pack("<H", len(entries))
    for tag in sorted(entries):
        directory += struct.pack("<HHII", tag, *entries[tag])
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory + bytes(4)


def turned(seed, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture(seed, (HEIGHT, WIDTH)), "PNG", exif=exif)


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def keyed(seed):
    image = picture(seed).quantize(8)
    return encoded(image, "PNG", transparency=bytes([0, 60, 120, 180, 255, 255, 255, 255]))


@functools.cache
def readable():
    """Name -> content of files of 48×32 that are odd but sound."""
    grey = np.random.default_rng(50).integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    rows = [bytes(np.packbits(row > 30000)) for row in grey]
    pixels = picture(51).convert("L").tobytes()
    frames = [picture(53), picture(54)]
    return {
        "plain.png": encoded(picture(1), "PNG"),
        "plain.jpg": encoded(picture(2), "JPEG", quality=90),
        "progressive.jpeg": encoded(picture(3), "JPEG", progressive=True),
        "phone.jfif": encoded(picture(4), "MPO", save_all=True, append_images=[picture(5)]),
        "print.jpe": encoded(picture(6).convert("CMYK"), "JPEG"),
        "plain.webp": encoded(picture(7), "WEBP", quality=80),
        "lossless alpha.webp": encoded(see_through(8), "WEBP", lossless=True),
        "film.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True),
        "plain.bmp": encoded(picture(9), "BMP"),
        "palette.bmp": encoded(picture(10).quantize(16), "BMP"),
        "one bit.bmp": encoded(picture(11).convert("1"), "BMP"),
        "headless.dib": encoded(picture(12), "DIB"),
        "palette.gif": encoded(picture(13), "GIF"),
        "film.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "film.apng": encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "one bit.png": png(WIDTH, HEIGHT, 1, 0, rows),
        "grey.png": encoded(picture(14).convert("L"), "PNG"),
        "grey alpha.png": encoded(see_through(15).convert("LA"), "PNG"),
        "alpha.png": encoded(see_through(16), "PNG"),
        "palette.png": encoded(picture(17).quantize(32), "PNG"),
        "palette alpha.png": keyed(18),
        "grey key.png": png(WIDTH, HEIGHT, 8, 0, [bytes(WIDTH)] * HEIGHT, chunk(b"tRNS", b"\0\0")),
        "deep grey.png": encoded(Image.fromarray(grey), "PNG"),
        "deep colour.png": deep_png(2, 3, 19),
        "deep grey alpha.png": deep_png(4, 2, 20),
        "deep alpha.png": deep_png(6, 4, 21),
        "profile.png": encoded(picture(22), "PNG", icc_profile=b"no profile at all"),
        "deep grey.tif": encoded(Image.fromarray(grey), "TIFF"),
        "whole numbers.tif": encoded(Image.fromarray(grey.astype(np.int32)), "TIFF"),
        "floats.tif": encoded(Image.fromarray((grey / 65535).astype(np.float32)), "TIFF"),
        "print.tif": encoded(picture(23).convert("CMYK"), "TIFF"),
        "video.tif": encoded(picture(24).convert("YCbCr"), "TIFF", compression="tiff_lzw"),
        "alpha.tiff": encoded(see_through(25), "TIFF", compression="tiff_lzw"),
        "pages.tif": encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        "big.tif": encoded(picture(26), "TIFF", big_tiff=True),
        "fax.tif": encoded(picture(27).convert("1"), "TIFF", compression="group4"),
        "in a jpeg.tif": encoded(picture(28), "TIFF", compression="jpeg"),
        "absurd tags.tif": tiff(
            [(33432, 7, 9, 2**32 - 1), (40000, 2, 2**31, 10**9), (65000, 99, 5, 5)], pixels
        ),
        **{f"turned {i}.png": turned(30 + i, i) for i in range(5, 9)},
        "is a png.jpg": encoded(picture(40), "PNG"),
        "is a jpeg.png": encoded(picture(41), "JPEG"),
        "is a png.heic": encoded(picture(42), "PNG"),
        "garbage follows.png": encoded(picture(43), "PNG") + b"garbage" * 99,
        "garbage follows.jpg": encoded(picture(44), "JPEG") + b"garbage" * 99,
        "no end.png": encoded(picture(45), "PNG")[:-12],
        "UPPER.PNG": encoded(picture(46), "PNG"),
        "n" * 240 + ".png": encoded(picture(47), "PNG"),
        "new\nline.png": encoded(picture(48), "PNG"),
        "cat \N{CAT FACE} é.png": encoded(picture(49), "PNG"),
    }


def other_sizes():
    """Name -> content of sound files that are not of 48×32."""
    return {
        "dot.png": encoded(picture(1, (1, 1)), "PNG"),
        "pole.png": encoded(picture(2, (1, 5000)), "PNG"),
        "wire.png": encoded(picture(3, (20000, 1)), "PNG"),
        "wire.tif": encoded(picture(4, (4001, 2)).convert("L"), "TIFF"),
        "photo.png": encoded(picture(5, (500, 300)), "PNG"),
        "photo.bmp": encoded(see_through(6).resize((70, 110)), "PNG"),
        "upright.png": encoded(picture(7, (HEIGHT, WIDTH)), "PNG"),
    }


def not_read(kind):
    return f"{kind} images are not read; save it as PNG or JPEG"


CUT, CUT_OR_DAMAGED = "it is cut short", "it is cut short or damaged"
UNKNOWN = "it is no image of a known kind"
DAMAGED_START = f"{UNKNOWN}, or its start is damaged"


@functools.cache
def unreadable():
    """Name -> (content, reason)."""
    sound = {kind: encoded(picture(60, (90, 60)), kind) for kind in KINDS}
    half = {kind: content[: len(content) // 2] for kind, content in sound.items()}
    noise = np.random.default_rng(61).integers(0, 256, 4000, np.uint8).tobytes()
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**24)))
    blank = [bytes(WIDTH)] * HEIGHT
    film = encoded(picture(62), "WEBP", save_all=True, append_images=[picture(63)])
    numbers = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    return {
        "empty.png": (b"", "the file is empty"),
        "letter.png": (b"Dear Sir,\n\nthis is no image.\n", f"{UNKNOWN}, but text"),
        "page.jpg": (b"<!DOCTYPE html>\n<html><body>404</body></html>", f"{UNKNOWN}, but a web page"),
        "pointer.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                        f"{UNKNOWN}, but a pointer of Git LFS to it"),
        "zeros.png": (bytes(5000), f"{UNKNOWN}, but zeros"),
        "noise.jpg": (b"\x81" + noise, DAMAGED_START),
        "archive.png": (b"PK\3\4" + noise, f"{UNKNOWN}, but a zip archive"),
        "script.gif": (b"%!PS-Adobe-3.0 EPSF-3.0\n", f"{UNKNOWN}, but a PostScript document"),
        "document.jpg": (b"%PDF-1.7\n" + noise, f"{UNKNOWN}, but a PDF document"),
        "holiday.gif": (b"\0\0\0\x18ftypisom" + noise, f"{UNKNOWN}, but a film"),
        "phone.heic": (b"\0\0\0\x18ftypheic" + noise, not_read("HEIC")),
        "phone.jpg": (b"\0\0\0\x18ftypmif1" + noise, not_read("HEIC")),
        "web.avif": (b"\0\0\0\x18ftypavif" + noise, not_read("AVIF")),
        "drawing.svg": (b'<?xml version="1.0"?>\n<svg xmlns="">', not_read("SVG")),
        "layers.psd": (b"8BPS\0\1" + noise, not_read("Photoshop")),
        "favicon.ico": (b"\0\0\1\0\1\0" + noise, not_read("icon")),
        "targa.tga": (b"\0\0\2" + noise, not_read("TGA")),
        "map.ppm": (b"P6 1 1 255\nabc", not_read("PNM")),
        "wavelets.jp2": (b"\0\0\0\x0cjP  \r\n" + noise, not_read("JPEG 2000")),
        "camera.cr2": (b"II*\0\x10\0\0\0CR\2\0" + noise, not_read("camera raw")),
        "camera.nef": (sound["TIFF"], not_read("camera raw")),
        "a negative.tif": (tiff([(50706, 1, 4, 1025)], b"".join(blank)),
                          not_read("camera raw")),
        **{f"half.{kind.lower()[:4].replace('tiff', 'tif')}":
           (half[kind], CUT_OR_DAMAGED if kind == "WEBP" else CUT) for kind in KINDS},
        "barely a start.png": (sound["PNG"][:20], CUT),
        "barely a start.jpg": (sound["JPEG"][:30], CUT),
        "barely a start.gif": (sound["GIF"][:20], CUT_OR_DAMAGED),
        "barely a start.tif": (sound["TIFF"][:30], CUT_OR_DAMAGED),
        "a flipped header.png": (flipped(sound["PNG"], 18), "it is damaged (broken PNG file)"),
        "flipped pixels.png": (flipped(sound["PNG"], 500), "it is damaged"),
        "no width.png": (png(0, HEIGHT, 8, 0, []), "it has no pixels"),
        "bomb.png": (png(60000, 60000, 8, 0, [b""]),
                     "it has 60,000×60,000 pixels; at most 89 million are decoded"),
        "bomb.bmp": (grown(sound["BMP"], 18, "<ii", 50000, 2000),
                     "it has 50,000×2,000 pixels; at most 89 million are decoded"),
        "bomb.gif": (grown(sound["GIF"], 6, "<HH", 65535, 65535),
                     "it has 65,535×65,535 pixels; at most 89 million are decoded"),
        "bomb.jpg": (grown(sound["JPEG"], sound["JPEG"].index(b"\xff\xc0") + 5, ">HH", 65500, 65500),
                     "it has 65,500×65,500 pixels; at most 89 million are decoded"),
        "bomb.tif": (tiff([(256, 4, 1, 60000), (257, 4, 1, 60000)], b"".join(blank)),
                     "it has 60,000×60,000 pixels; at most 89 million are decoded"),
        "bomb.webp": (grown(film, film.index(b"VP8X") + 12, "<IH", 12287 + (255 << 24), 12287 >> 8),
                      "it has 12,288×12,288 pixels; at most 89 million are decoded"),
        "text bomb.png": (png(WIDTH, HEIGHT, 8, 0, blank, text),
                          "its texts or its colour profile are too large"),
        "doubles.tif": (tiff([(258, 3, 1, 64), (339, 3, 1, 3)], bytes(8 * WIDTH * HEIGHT)),
                        "how it is stored is not read"),
        "heights.tif": (encoded(Image.fromarray(numbers.astype(np.float32)), "TIFF"),
                        "its pixels are floating-point numbers from 0 to 1535; expected 0 to 1"),
        "below zero.tif": (encoded(Image.fromarray((numbers - 9).astype(np.int32)), "TIFF"),
                           "its pixels are whole numbers from -9 to 1526; expected 0 to 65535"),
    }  # fmt: skip


def grown(content, at, form, width, height):
    """Its declared size, at a place of its own in every kind of file, made absurd."""
    packed = struct.pack(form, width, height)
    return content[:at] + packed + content[at + len(packed) :]


NOT_REGULAR = "it is not a regular file, or a link to nothing"


def write(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_what_only_some_systems_have(folder):
    """Name -> reason of what could be made here; what is passed over in silence is made, too."""
    listed = {}
    (folder / "a folder.png").mkdir()
    (folder / ".hidden.png").write_bytes(b"hidden")
    (folder / "._resource fork.jpg").write_bytes(b"hidden")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "inside.png").write_bytes(b"hidden")
    (folder / "Thumbs.db").write_bytes(b"no image")
    (folder / "notes.md").write_bytes(b"no image")
    with contextlib.suppress(OSError, NotImplementedError):
        (folder / "a folder.png" / "loop").symlink_to(folder)
        (folder / "itself.png").symlink_to(folder / "itself.png")
        listed["itself.png"] = None  # every system has words of its own
        (folder / "dangling.png").symlink_to(folder / "nowhere.png")
        listed["dangling.png"] = NOT_REGULAR
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")
        listed["pipe.png"] = NOT_REGULAR
    with contextlib.suppress(OSError):
        (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
        listed["caf\ufffd.png"] = "the file is empty"
    return listed


@pytest.fixture(scope="module")
def torture(tmp_path_factory):
    """(folder, name -> reason of what is left out; None where the reason is the system's)."""
    folder = tmp_path_factory.mktemp("torture")
    write(folder, readable())
    write(folder, other_sizes())
    write(folder, {name: content for name, (content, _) in unreadable().items()})
    reasons = {name: reason for name, (_, reason) in unreadable().items()}
    return folder, reasons | write_what_only_some_systems_have(folder)


def decoded(path):
    """The second decoding: float64 (H, W, 3) of whole numbers, flattened onto `BACKGROUND`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes())))
    if image.mode.startswith("I"):
        grey = np.rint(np.asarray(image).astype(float) / 257)
        return np.stack([grey] * 3, axis=-1)
    if image.mode == "F":
        grey = np.rint(np.asarray(image) * np.float32(255)).astype(float)
        return np.stack([grey] * 3, axis=-1)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA")).astype(float)
        alpha = pixels[..., 3:] / 255
        return np.rint(pixels[..., :3] * alpha + np.array(BACKGROUND) * (1 - alpha))
    return np.asarray(image.convert("RGB")).astype(float)


def squared(pixels, size):
    """The middle of (H, W, 3), brought to size×size as the README says: Lanczos smaller, bicubic larger."""
    height, width, _ = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(pixels[top : top + side, left : left + side].astype(np.uint8))
    if side > size:
        return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)) if side < size else square


def shown(name):
    return name.replace("\n", "\ufffd")


def path_of(folder, name):
    return folder / name.replace("\ufffd", "\n")


def check_skipped(found, expected):
    said = {entry.path: entry.reason for entry in found.skipped}
    assert said.keys() == expected.keys()
    assert {name: reason for name, reason in said.items() if expected[name] is not None} == {
        name: reason for name, reason in expected.items() if reason is not None
    }
    for reason in said.values():
        check_reason(reason)


def check_reason(reason):
    assert 0 < len(reason) < 120 and reason.isprintable() and not reason.endswith(".") and "0x" not in reason


def test_it_holds_enough():
    assert len(unreadable()) >= 40 and len(readable()) >= 40
    assert not unreadable().keys() & (readable().keys() | other_sizes().keys())


@pytest.mark.parametrize("size", [0, 20, 32, 64])
def test_every_file_is_right_or_told(torture, size):
    folder, reasons = torture
    found = load(str(folder), {"size": size, "background": "#c8285a"})
    sound = readable().keys() | other_sizes().keys()
    assert set(found.names) == {shown(name) for name in sound}
    assert found.labels is None and found.image_shape == (3, size or 64, size or 64)
    for name, image in zip(found.names, found.images, strict=True):
        expected = squared(decoded(path_of(folder, name)), size or 64)
        np.testing.assert_array_equal(image.transpose(1, 2, 0), expected, err_msg=name)
    check_skipped(found, reasons)


def test_as_found_files_of_one_size_keep_their_pixels(tmp_path):
    write(tmp_path, readable())
    write(tmp_path, {name: content for name, (content, _) in unreadable().items()})
    found = load(str(tmp_path), {"background": "#c8285a"})
    assert len(found) == len(readable()) and found.image_shape == (3, HEIGHT, WIDTH)
    for name, image in zip(found.names, found.images, strict=True):
        expected = decoded(path_of(tmp_path, name))
        np.testing.assert_array_equal(image.transpose(1, 2, 0), expected, err_msg=name)
    check_skipped(found, {name: reason for name, (_, reason) in unreadable().items()})


def test_originals_are_as_found(torture):
    folder, _ = torture
    found = load(str(folder), {"size": 32, "background": "#c8285a"})
    for i, name in enumerate(found.names):
        whole = found.original(i).astype(float)
        if len(whole) == 4:
            alpha = whole[3:] / 255
            whole = np.rint(whole[:3] * alpha + np.array(BACKGROUND)[:, None, None] * (1 - alpha))
        expected = decoded(path_of(folder, name)).transpose(2, 0, 1)
        np.testing.assert_array_equal(np.broadcast_to(whole, expected.shape), expected, err_msg=name)
