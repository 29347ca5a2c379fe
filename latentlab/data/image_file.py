"""One image file, read with Pillow: whatever it holds becomes 8-bit grey, colour or colour with alpha."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from latentlab.data.images import to_array
from latentlab.data.preparation import Preparation

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
#: Nothing but these is tried: Pillow also knows formats that run other programs. JPEG includes MPO (phones).
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_ORIENTATION = 0x0112
_EXIF_OF_PNG = frozenset({"exif", "Raw profile type exif"})


class Unreadable(Exception):  # noqa: N818 - a reason to leave a file out, in plain words
    """Why a file cannot be used."""


@dataclass(frozen=True)
class ImageHeader:
    """What a file says without being decoded: pixels after EXIF rotation; whether its mode has no colour."""

    width: int
    height: int
    grey: bool


def read_header(file: Path | BinaryIO) -> ImageHeader:
    """Size and kind without decoding the pixels. Raises Unreadable."""
    with _opened(file) as image:
        width, height = image.size
        # Asked for its EXIF, a PNG that has none so far is decoded to its end.
        if (image.format != "PNG" or _EXIF_OF_PNG & image.info.keys()) and _is_turned(image):
            width, height = height, width
        grey = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")
        return ImageHeader(width, height, grey)


def read_image(file: Path | BinaryIO, preparation: Preparation) -> tuple[np.ndarray, tuple[int, int]]:
    """The first frame of a file, upright as EXIF says, prepared: (uint8 (C, H, W), (width, height) found).

    16-bit grey is scaled by 255 / 65535, floating point by 255 (it must lie in 0..1), palettes and CMYK
    become RGB. Raises Unreadable.
    """
    with _opened(file) as image:
        width, height = image.size
        target = preparation.width, preparation.height
        if target not in ((width, height), (height, width)):
            # A JPEG can leave out detail while decoding; twice the size leaves the rest to the good filter.
            image.draft(None, (2 * max(target), 2 * max(target)))
        image.load()
        found = (height, width) if _is_turned(image) else (width, height)
        return preparation.of_image(_in_eight_bits(_upright(image))), found


def read_whole(file: Path | BinaryIO) -> np.ndarray:
    """The same of its own size, in grey, colour or colour with alpha as it is: uint8 (C, H, W)."""
    with _opened(file) as image:
        image.load()
        return to_array(_in_eight_bits(_upright(image)))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides Pillow's warnings: what matters of them is a reason to skip, the rest is about harmless tags."""
    # Filters are the whole process's: wrap a load, not a file, and name Pillow, so that others do not notice.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        yield


@contextlib.contextmanager
def _opened(file: Path | BinaryIO) -> Iterator[Image.Image]:
    from PIL import Image

    try:
        if isinstance(file, Path) and not file.is_file():  # a pipe would wait for ever
            raise Unreadable("it is not a regular file, or a link to nothing")
        with Image.open(file, formats=_FORMATS) as image:
            _refuse_too_large(image)
            yield image
    except Unreadable:
        raise
    except Exception as error:  # damaged files make Pillow's plugins raise almost anything
        raise Unreadable(_reason(file, error)) from error


def _refuse_too_large(image: Image.Image) -> None:
    from PIL import Image as pillow  # noqa: N813

    most = pillow.MAX_IMAGE_PIXELS
    if most and image.width * image.height > most:
        raise Unreadable(
            f"it has {image.width:,}×{image.height:,} pixels; at most {most // 10**6} million are decoded"
        )


def _reason(file: Path | BinaryIO, error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        empty = (file.stat().st_size if isinstance(file, Path) else file.seek(0, 2)) == 0
        return "the file is empty" if empty else "it is no image of a known kind, or its start is damaged"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "it has too many pixels to be decoded"
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be opened: {error.strerror}"
    if "truncated" in str(error).lower():
        return "it is cut short"
    return f"it is damaged ({str(error) or type(error).__name__})"


def _is_turned(image: Image.Image) -> bool:
    """Whether width and height change places when it is upright."""
    # Pillow turns TIFF itself and says the turned size.
    return image.format != "TIFF" and _orientation(image) >= 5


def _orientation(image: Image.Image) -> int:
    """1..8 as in EXIF 2.3, 4.6.4 A; 1 (upright) where there is none or it cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged tag is no reason to lose the pixels
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
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
    turn = turns.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Any mode -> L, RGB or RGBA."""
    from PIL import Image as pillow  # noqa: N813

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return pillow.fromarray(_scaled_grey(np.asarray(image)))
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled_grey(pixels: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits, (H, W) -> uint8."""
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # NaN too
            raise Unreadable(
                f"its pixels are floating-point numbers from {low:g} to {high:g}; expected 0 to 1"
            )
        return np.rint(pixels * 255).astype(np.uint8)
    if low < 0 or high > 65535:
        raise Unreadable(f"its pixels are whole numbers from {low} to {high}; expected 0 to 65535")
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
