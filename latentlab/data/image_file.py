"""One image file, read with Pillow: whatever it holds becomes 8-bit grey, colour or colour with alpha."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import logging
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from latentlab.data.image_kinds import (
    CAMERA_RAW,
    LOOKED_AT,
    NAMED_AS_IMAGES,
    SUFFIXES,
    is_camera_raw,
    kind_of,
    not_read,
    why_not,
)
from latentlab.data.images import Box, to_array
from latentlab.data.preparation import Preparation

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["NAMED_AS_IMAGES", "SUFFIXES", "ImageHeader", "Unreadable", "quiet", "read_header", "read_image",
           "read_whole"]  # fmt: skip

#: What Pillow reads it with. Nothing but these is tried: it also knows formats that run other programs.
_READERS = {
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),  # of the several pictures of a phone's file the first
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "DIB": ("BmpImagePlugin", "DibImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
}
#: Files up to so many bytes are read at once: each of the small reads of a decoder makes other threads wait.
_AT_ONCE = 2**24
_ORIENTATION = 0x0112
#: Where Pillow keeps what may hold an orientation.
_EXIF = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
_PHOTOMETRIC, _WHITE_IS_ZERO, _DNG_VERSION = 0x0106, 0, 0xC612
#: uint16 -> uint8, rounded.
_TO_EIGHT_BITS = ((np.arange(65536, dtype=np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
#: Words of Pillow's -> what is wrong; the first that fits.
_REASONS = (
    ("it is damaged", ("data stream", "decoder error", "next frame", "codec configuration")),
    ("it is cut short", ("truncated", "requires a buffer", "out of range", "end of file", "not enough")),
    (
        "it is cut short or damaged",
        ("missing dimensions", "data organization", "no more images", "create decoder"),
    ),
    ("it has no pixels", ("not identified by this driver",)),
    ("its texts or its colour profile are too large", ("max_text", "too much memory used in text")),
    ("how it is stored is not read", ("unsupported", "not supported", "unknown pixel mode")),
)


class Unreadable(Exception):  # noqa: N818 - a reason to leave a file out, in plain words
    """Why a file cannot be used."""


@dataclass(frozen=True)
class ImageHeader:
    """What a file says without being decoded: pixels after EXIF rotation; whether its mode has no colour."""

    width: int
    height: int
    grey: bool


def read_header(file: Path | BinaryIO) -> ImageHeader:
    """Size and kind without decoding the pixels. Raises Unreadable; closes what it is given."""
    with _opened(file) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        grey = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")
        return ImageHeader(width, height, grey)


def read_image(file: Path | BinaryIO, preparation: Preparation) -> tuple[np.ndarray, tuple[int, int]]:
    """The first frame of a file, upright as EXIF says, prepared: (uint8 (C, H, W), (width, height) found).

    16-bit grey is scaled by 255 / 65535, floating point by 255 (it must lie in 0..1), palettes and CMYK
    become RGB; colour profiles are not applied. Raises Unreadable; closes what it is given.
    """
    with _opened(file, at_once=True) as image:
        width, height = image.size
        part = _leave_out_detail(image, preparation) if image.format == "JPEG" else None
        with _ROOM.for_pixels(image.width * image.height):
            image.load()
            orientation = _orientation(image)
            found = (height, width) if orientation >= 5 else (width, height)
            return preparation.of_image(_upright(_in_eight_bits(image), orientation), part), found


def read_whole(file: Path | BinaryIO) -> np.ndarray:
    """The same of its own size, in grey, colour or colour with alpha as it is: uint8 (C, H, W)."""
    with _opened(file, at_once=True) as image, _ROOM.for_pixels(image.width * image.height):
        image.load()
        return to_array(_upright(_in_eight_bits(image), _orientation(image)))


class _Room:
    """For so many decoded pixels at once over all threads: large images then wait for each other.

    Pillow takes four bytes for a pixel, and twice that while it turns or converts an image.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels, self._used, self._changed = pixels, 0, threading.Condition()

    @contextlib.contextmanager
    def for_pixels(self, pixels: int) -> Iterator[None]:
        if pixels < self._pixels // 1000:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + pixels <= self._pixels)
            self._used += pixels
        try:
            yield
        finally:
            with self._changed:
                self._used -= pixels
                self._changed.notify_all()


_ROOM = _Room(2**27)


class _Silence:
    """One for all threads: of loads that go on at once the last to end brings the warnings back."""

    def __init__(self) -> None:
        self._lock, self._users, self._filters = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
            self._users += 1
            warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._filters.__exit__(None, None, None)


_SILENCE = _Silence()


def quiet() -> contextlib.AbstractContextManager[None]:
    """Hides Pillow's warnings: what matters of them is a reason to skip, the rest is about harmless tags."""
    # Filters are the whole process's: wrap a load, not a file, and name Pillow, so that others do not notice.
    return _SILENCE


@contextlib.contextmanager
def _opened(file: Path | BinaryIO, at_once: bool = False) -> Iterator[Image.Image]:
    try:
        with _stream(file, at_once) as stream:
            start = stream.read(LOOKED_AT)
            kind = kind_of(start)
            if kind is None:
                raise Unreadable(why_not(start, _suffix(file)))
            stream.seek(0)
            # Without its name Pillow does not map it: one that is cut meanwhile would end the process.
            image = _reader(kind)(stream, "")
            _refuse_too_large(image)
            if kind == "TIFF" and (is_camera_raw(_suffix(file)) or _DNG_VERSION in image.tag_v2):
                raise Unreadable(not_read(CAMERA_RAW))
            yield image
    except Unreadable:
        raise
    except Exception as error:  # damaged files make Pillow's plugins raise almost anything
        raise Unreadable(_reason(error)) from error


def _stream(file: Path | BinaryIO, at_once: bool) -> BinaryIO:
    if not isinstance(file, Path):
        file.seek(0)
        return file
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
        raise Unreadable("it is not a regular file, or a link to nothing")
    if at_once and status.st_size <= _AT_ONCE:
        with file.open("rb", buffering=0) as raw:
            return io.BytesIO(raw.read())
    return file.open("rb")


def _suffix(file: Path | BinaryIO) -> str:
    return Path(str(getattr(file, "name", ""))).suffix


@functools.cache
def _reader(kind: str) -> Any:
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to the terminal too
    module, name = _READERS[kind]
    return getattr(importlib.import_module(f"PIL.{module}"), name)


def _refuse_too_large(image: Image.Image) -> None:
    from PIL import Image as pillow  # noqa: N813

    most = pillow.MAX_IMAGE_PIXELS
    if most and image.width * image.height > most:
        raise Unreadable(
            f"it has {image.width:,}×{image.height:,} pixels; at most {most // 10**6} million are decoded"
        )


def _reason(error: Exception) -> str:
    from PIL.Image import DecompressionBombError

    if isinstance(error, DecompressionBombError):
        return "it has too many pixels to be decoded"
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be opened: {error.strerror}"
    said = " ".join(str(error).split())
    for reason, words in _REASONS:
        if any(word in said.lower() for word in words):
            return reason
    said = said.split(" (")[0][:80]
    return f"it is damaged ({said})" if " " in said else "it is damaged"


def _leave_out_detail(image: Image.Image, preparation: Preparation) -> Box | None:
    """Have a JPEG decoded to a half, a quarter or an eighth, but no smaller than twice what is wanted: the
    good filter does the rest. The part that is image, where it does not end with a whole pixel."""
    least = 2 * max(preparation.width, preparation.height)
    for scale in (8, 4, 2):
        width, height = image.width / scale, image.height / scale
        if min(width, height) >= least:
            whole = width.is_integer() and height.is_integer()
            if not whole and _orientation(image) != 1:  # the part would have to be turned as well
                return None
            image.draft(None, (int(width), int(height)))
            return None if whole else (0, 0, width, height)
    return None


def _orientation(image: Image.Image) -> int:
    """1..8 as in EXIF 2.3, 4.6.4 A; 1 (upright) where there is none or it cannot be read.

    Pillow turns TIFF itself and says the turned size.
    """
    from PIL import Image as pillow  # noqa: N813

    if image.format == "TIFF" or not _EXIF & image.info.keys():
        return 1
    try:
        # Not the PNG reader's own, which decodes the whole of a PNG first.
        found = pillow.Image.getexif(image).get(_ORIENTATION, 1)
    except Exception:  # a damaged tag is no reason to lose the pixels
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if orientation == 1:
        return image
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation])


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Any mode -> L, RGB or RGBA."""
    from PIL import Image as pillow  # noqa: N813

    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        grey = _scaled_grey(np.asarray(image))
        if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # type: ignore[attr-defined]
            grey = ~grey  # of 8 bits and less Pillow does it
        return pillow.fromarray(grey)
    if image.has_transparency_data:
        return image if mode == "RGBA" else image.convert("RGBA")
    if mode in ("L", "RGB"):
        return image
    return image.convert("L" if mode == "1" else "RGB")


def _scaled_grey(pixels: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits, (H, W) -> uint8."""
    if pixels.dtype.kind == "f":
        low, high = pixels.min(), pixels.max()
        if not (low >= 0 and high <= 1):  # NaN too
            raise Unreadable(
                f"its pixels are floating-point numbers from {low:g} to {high:g}; expected 0 to 1"
            )
        return np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype.itemsize > 2:
        low, high = pixels.min(), pixels.max()
        if low < 0 or high > 65535:
            raise Unreadable(f"its pixels are whole numbers from {low} to {high}; expected 0 to 65535")
    return _TO_EIGHT_BITS[pixels]
