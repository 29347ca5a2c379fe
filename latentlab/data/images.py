"""What sources share: choosing some images, and bringing them to a size and a number of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.base import Report

if TYPE_CHECKING:
    from PIL import Image

#: Images that are converted between two progress reports.
CHUNK = 256


def allocate(count: int, channels: int, height: int, width: int) -> np.ndarray:
    """An unfilled uint8 (count, channels, height, width); DataError where it does not fit into memory."""
    try:
        return np.empty((count, channels, height, width), np.uint8)
    except MemoryError:
        size = count * channels * height * width / 2**30
        raise DataError(
            f"{count:,} images of {width}×{height} with {channels} channels need {size:.1f} GiB of memory; "
            "set a limit or a smaller size."
        ) from None


def evenly_spaced(total: int, limit: int) -> np.ndarray:
    """Ascending int64 indices of at most `limit` of `total` things, spread evenly; all for a limit of 0.

    Files are often sorted by class: the first N of them would hold only some classes.
    """
    if not limit or limit >= total:
        return np.arange(total, dtype=np.int64)
    return np.arange(limit, dtype=np.int64) * total // limit


def to_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """uint8 (N, C, H, W) with 1, 3 or 4 channels -> the same with `channels`; unchanged for 0.

    Alpha is straight (not premultiplied). It is flattened onto black where it goes, and 255 where it is new.
    Grey is the luma of ITU-R BT.601 in Pillow's fixed-point form, so both agree to the bit.
    """
    found = images.shape[1]
    if channels in (0, found):
        return images
    if found == 4:
        images = ((images[:, :3].astype(np.uint16) * images[:, 3:] + 127) // 255).astype(np.uint8)
        found = 3
    if channels == 1 and found == 3:
        red, green, blue = (images[:, i : i + 1].astype(np.uint32) for i in range(3))
        images = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
    elif channels >= 3 and found == 1:
        images = np.repeat(images, 3, axis=1)
    if channels == 4:
        images = np.concatenate([images, np.full_like(images[:, :1], 255)], axis=1)
    return images


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """A Pillow image of mode L, RGB or RGBA, cropped to its central square and resized to `size` pixels.

    Lanczos over the whole footprint of a target pixel when shrinking (no aliasing), bicubic when enlarging
    (Lanczos rings around strokes). Pillow premultiplies alpha while it resizes.
    """
    from PIL.Image import Resampling

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.size != (side, side):
        image = image.crop((left, top, left + side, top + side))
    if side == size:
        return image
    if side > size:
        return image.resize((size, size), Resampling.LANCZOS, reducing_gap=3.0)
    return image.resize((size, size), Resampling.BICUBIC)


def to_array(image: Image.Image) -> np.ndarray:
    """A Pillow image of mode L, RGB or RGBA -> uint8 (C, H, W)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def prepare(images: np.ndarray, size: int, channels: int, report: Report) -> np.ndarray:
    """uint8 (N, C, H, W) -> (N, channels, size, size), C-contiguous; 0 leaves size or channels as found.

    Squares are cut as in `fit_square`. Reports images done of N every `CHUNK`; what that raises passes.
    """
    count, _, height, width = images.shape
    shape = (size, size) if size else (height, width)
    if shape == (height, width) and channels in (0, images.shape[1]):
        report(0, count)
        report(count, count)
        return np.ascontiguousarray(images)
    result = allocate(count, channels or images.shape[1], *shape)
    for start in range(0, count, CHUNK):
        report(start, count)
        part = to_channels(images[start : start + CHUNK], channels)
        result[start : start + CHUNK] = part if shape == (height, width) else _resized(part, size)
    report(count, count)
    return result


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    result = np.empty((*images.shape[:2], size, size), np.uint8)
    for target, pixels in zip(result, images, strict=True):
        grey = len(pixels) == 1
        image = Image.fromarray(pixels[0] if grey else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        target[:] = to_array(fit_square(image, size))
    return result
