"""One image of a person's own, brought to the shape that a model works with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.image_file import Unreadable, quiet, read_image
from latentlab.data.images import to_array


def read_one(path: str | Path, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Any image file -> uint8 (C, H, W) of `image_shape`: its centre, resized, in grey, colour or with alpha.

    A square is cut exactly as when a folder of images is loaded. DataError for a file that cannot be read.
    """
    path = Path(path).expanduser()
    channels, height, width = image_shape
    try:
        with quiet():
            if height == width:
                pixels = read_image(path, channels, height)
            else:
                pixels = _fitted(read_image(path, channels), height, width)
    except Unreadable as reason:
        raise DataError(f"Cannot use {path}: {reason}.") from None
    return np.ascontiguousarray(pixels)


def _fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 (C, H, W) -> (C, height, width): as `images.fit_square`, for shapes that are not square."""
    from PIL import Image
    from PIL.Image import Resampling

    found_height, found_width = pixels.shape[1:]
    if (found_height, found_width) == (height, width):
        return pixels
    image = Image.fromarray(
        pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    )
    scale = min(found_height / height, found_width / width)
    left, top = (found_width - width * scale) / 2, (found_height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    kind = Resampling.LANCZOS if scale > 1 else Resampling.BICUBIC
    return to_array(image.resize((width, height), kind, box, reducing_gap=3.0 if scale > 1 else None))
