"""Points of a plane travel through latentlab as images of shape (2, 1, 1): x and y, float32 in [0, 1].

Data, nets and training need no other path for them; where people look at pictures, a point is drawn as one.
"""

from __future__ import annotations

import numpy as np

#: (C, H, W) of a point: its two numbers are the channels.
SHAPE = (2, 1, 1)
#: (C, H, W) of the picture that a point is drawn as.
PICTURE = (1, 64, 64)
#: Standard deviation of the drawn dot, in pixels.
DOT = 1.6


def is_points(image_shape: tuple[int, ...]) -> bool:
    """Whether "images" of this shape are points of a plane."""
    return tuple(image_shape) == SHAPE


def picture_shape(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """(C, H, W) of what is shown of an image of this shape: its own, but for points."""
    return PICTURE if is_points(image_shape) else image_shape


def draw(points: np.ndarray) -> np.ndarray:
    """Points (N, 2, 1, 1), x to the right and y upwards, in [0, 1] -> uint8 pictures (N, 1, 64, 64).

    Each is a round dot on black, placed to a fraction of a pixel, so that it glides when the point does.
    """
    _, height, width = PICTURE
    x, y = points.reshape(len(points), 2).astype(np.float32).T
    across = np.arange(width, dtype=np.float32) + 0.5 - x[:, None] * width
    down = np.arange(height, dtype=np.float32) + 0.5 - (1 - y[:, None]) * height
    dots = np.exp(-0.5 * (down / DOT) ** 2)[:, :, None] * np.exp(-0.5 * (across / DOT) ** 2)[:, None, :]
    return np.rint(255 * dots).astype(np.uint8)[:, None]
