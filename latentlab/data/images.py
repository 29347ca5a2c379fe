"""What sources share: choosing some images, and bringing them to a size and a number of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

#: Images that are worked on at a time.
CHUNK = 256
BLACK = (0, 0, 0)


def evenly_spaced(total: int, limit: int) -> np.ndarray:
    """Ascending int64 indices of at most `limit` of `total` things, spread evenly; all for a limit of 0.

    Files are often sorted by class: the first N of them would hold only some classes.
    """
    if not limit or limit >= total:
        return np.arange(total, dtype=np.int64)
    return np.arange(limit, dtype=np.int64) * total // limit


def to_channels(images: np.ndarray, channels: int, background: tuple[int, int, int] = BLACK) -> np.ndarray:
    """uint8 (N, C, H, W) with 1, 3 or 4 channels -> the same with `channels`; unchanged for 0.

    Alpha is straight (not premultiplied). It is flattened onto `background` where it goes, and 255 where it
    is new. Grey is the luma of ITU-R BT.601 in Pillow's fixed-point form, so both agree to the bit.
    """
    found = images.shape[1]
    if channels in (0, found):
        return images
    if found == 4:
        alpha, behind = images[:, 3:].astype(np.uint32), np.array(background, np.uint32)[:, None, None]
        images = ((images[:, :3] * alpha + behind * (255 - alpha) + 127) // 255).astype(np.uint8)
        found = 3
    if channels == 1 and found == 3:
        red, green, blue = (images[:, i : i + 1].astype(np.uint32) for i in range(3))
        images = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
    elif channels >= 3 and found == 1:
        images = np.repeat(images, 3, axis=1)
    if channels == 4:
        images = np.concatenate([images, np.full_like(images[:, :1], 255)], axis=1)
    return images


def flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """A Pillow image of mode RGBA -> RGB on `background`."""
    from PIL import Image as pillow  # noqa: N813

    flat = pillow.new("RGB", image.size, background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


Box = tuple[float, float, float, float]


def fit(
    image: Image.Image,
    width: int,
    height: int,
    how: str = "crop",
    background: tuple[int, int, int] = BLACK,
    part: Box | None = None,
) -> Image.Image:
    """A Pillow image of mode L, RGB or RGBA -> `width`×`height`, of its mode.

    `how` is "crop" (its largest middle part of those proportions), "pad" (all of it, `background` at two
    sides) or "stretch". Lanczos over the whole footprint of a target pixel when shrinking (no aliasing),
    bicubic when enlarging (Lanczos rings around strokes). Pillow premultiplies alpha while it resizes.
    `part` (left, top, right, bottom, in fractions of pixels too) is what of the image there is to see.
    """
    if part is None and image.size == (width, height):
        return image
    left, top, right, bottom = part or (0, 0, *image.size)
    wide, tall = right - left, bottom - top
    if how == "stretch":
        return _resized(image, width, height, part)
    if how == "pad":
        scale = min(width / wide, height / tall)
        inner = max(1, round(wide * scale)), max(1, round(tall * scale))
        return _padded(_resized(image, *inner, part), width, height, background)
    if part is None and width == height:  # whole pixels: a square that has the size is not resized at all
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return _resized(image.crop((left, top, left + side, top + side)), width, height)
    scale = min(wide / width, tall / height)
    # Without the bounds a last digit may lie outside, which Pillow refuses.
    beside, above = max(0, (wide - width * scale) / 2), max(0, (tall - height * scale) / 2)
    return _resized(image, width, height, (left + beside, top + above, right - beside, bottom - above))


def _resized(image: Image.Image, width: int, height: int, box: Box | None = None) -> Image.Image:
    from PIL.Image import Resampling

    if box is None and image.size == (width, height):
        return image
    left, top, right, bottom = box or (0, 0, *image.size)
    if (right - left) * (bottom - top) > width * height:
        return image.resize((width, height), Resampling.LANCZOS, box, reducing_gap=3.0)
    return image.resize((width, height), Resampling.BICUBIC, box)


def _padded(image: Image.Image, width: int, height: int, background: tuple[int, int, int]) -> Image.Image:
    from PIL import Image as pillow  # noqa: N813

    padded = pillow.new("RGB", (width, height), background).convert(image.mode)
    padded.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return padded


def to_array(image: Image.Image) -> np.ndarray:
    """A Pillow image of mode L, RGB or RGBA -> uint8 (C, H, W)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def to_pillow(pixels: np.ndarray) -> Image.Image:
    """uint8 (C, H, W) with 1, 3 or 4 channels -> a Pillow image of mode L, RGB or RGBA."""
    from PIL import Image

    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
