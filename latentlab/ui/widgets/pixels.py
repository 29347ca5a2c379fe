"""uint8 arrays as Qt images."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage

_FORMATS = {
    1: QImage.Format.Format_Grayscale8,
    3: QImage.Format.Format_RGB888,
    4: QImage.Format.Format_RGBA8888,
}


def as_image(picture: np.ndarray) -> QImage:
    """A view of `picture`, uint8 (H, W), (H, W, 3) or (H, W, 4), C-contiguous.

    The image does not own its pixels: keep the array alive and unchanged for as long as the image is used.
    """
    if picture.dtype != np.uint8 or not picture.flags.c_contiguous or picture.ndim not in (2, 3):
        raise ValueError(f"a picture is C-contiguous uint8 (H, W[, C]), not {picture.dtype} {picture.shape}")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels not in _FORMATS or 0 in picture.shape:
        raise ValueError(f"a picture has 1, 3 or 4 channels and some pixels, not {picture.shape}")
    height, width = picture.shape[:2]
    return QImage(picture.data, width, height, width * channels, _FORMATS[channels])


def tile_picture(tile: np.ndarray) -> np.ndarray:
    """A tile, uint8 (C, H, W), as a picture: C-contiguous (H, W) for one channel, else (H, W, C)."""
    return np.ascontiguousarray(tile[0] if tile.shape[0] == 1 else tile.transpose(1, 2, 0))


def scaled(image: QImage, size: QSize, smooth: bool) -> QImage:
    """A copy of `image` with exactly `size` device pixels; it owns its pixels.

    Enlarging keeps the pixels square unless `smooth`; reducing always averages, for dropped pixels lie.
    """
    smaller = size.width() < image.width() or size.height() < image.height()
    mode = (
        Qt.TransformationMode.SmoothTransformation
        if smooth or smaller
        else Qt.TransformationMode.FastTransformation
    )
    if size == image.size():
        return image.copy()  # scaled would return the very same, borrowing image
    return image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
