"""One image of a person's own, brought to the shape that a model works with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.image_file import Unreadable, quiet, read_image
from latentlab.data.preparation import Preparation


def read_one(path: str | Path, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Any image file -> uint8 (C, H, W) of `image_shape`: its middle, resized, in grey, colour or with alpha.

    It is cut exactly as when a folder of images is loaded. DataError for a file that cannot be read.
    """
    path = Path(path).expanduser()
    try:
        with quiet():
            pixels, _ = read_image(path, Preparation(*image_shape))
    except Unreadable as reason:
        raise DataError(f"Cannot use {path}: {reason}.") from None
    return np.ascontiguousarray(pixels)
