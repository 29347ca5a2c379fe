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


def locate(pictures: np.ndarray) -> np.ndarray:
    """Where the dots of pictures that `draw` made are: uint8 (N, 1, 64, 64) -> float64 (N, 2), x and y.

    To a fiftieth of a pixel for every point of the unit square, also where the edge cuts its dot; the middle
    where there is none.
    """
    dots = pictures[:, 0].astype(np.float64)
    x, down = _centres(dots.sum(1)), _centres(dots.sum(2))
    return np.stack([x, 1 - down], 1)


def _centres(profiles: np.ndarray) -> np.ndarray:
    """Middles of dots from the brightness (N, S) of their columns, in 0..1.

    The logarithm of a Gaussian, without its square term, is a line whose slope tells the middle: a fit that,
    unlike the centre of mass, does not mind that a part is missing.
    """
    size = profiles.shape[1]
    place = np.arange(size) + 0.5
    # What rounding left of the tails says nothing any more.
    weights = np.where(profiles >= 0.1 * profiles.max(1, keepdims=True), profiles, 0.0)
    total = weights.sum(1, keepdims=True)
    if not total.all():
        weights, total = np.where(total, weights, 1.0), np.where(total, total, size)
    lines = np.log(np.maximum(profiles, 1.0)) + 0.5 * (place / DOT) ** 2
    offset = place - (weights * place).sum(1, keepdims=True) / total
    slope = (weights * offset * lines).sum(1) / (weights * offset**2).sum(1)
    return slope * DOT**2 / size
