"""Points of a plane as one picture."""

from __future__ import annotations

import numpy as np

from latentlab.core.errors import ExportError

#: Side of the picture at scale 1, and the largest one, in pixels.
SIDE, MAX_SIDE = 512, 8192
#: Radius of a dot in sides of the picture, and how much of it covers what lies below.
RADIUS, COVER = 1 / 200, 0.7
SAMPLE = np.array([91, 157, 255], np.float32)
DATA = np.array([110, 110, 110], np.float32)
#: Points that are drawn together: each takes a small square of numbers.
CHUNK = 1024


def scatter(samples: np.ndarray, data: np.ndarray | None = None, scale: int = 1) -> np.ndarray:
    """Points (N, 2), x to the right and y upwards, in [0, 1] -> a uint8 picture (512 scale, 512 scale, 3).

    Samples are blue over smaller grey points of the data, on black; the denser, the brighter. ExportError for
    a picture that is too large.
    """
    side = SIDE * scale
    if side > MAX_SIDE:
        raise ExportError(f"The picture would be {side}×{side} pixels; expected at most {MAX_SIDE} a side.")
    picture = np.zeros((side, side, 3), np.float32)
    if data is not None:
        picture += _ink(data, side, RADIUS * side / 2)[..., None] * (DATA - picture)
    picture += _ink(samples, side, RADIUS * side)[..., None] * (SAMPLE - picture)
    return np.rint(picture).astype(np.uint8)


def _ink(points: np.ndarray, side: int, radius: float) -> np.ndarray:
    """How much round dots at points (N, 2) cover of each pixel: float32 (side, side) in 0..1."""
    clear = np.zeros((side, side), np.float32)  # the logarithm of what still shines through
    around = np.arange(-int(radius + 1), int(radius + 1) + 1)
    for start in range(0, len(points), CHUNK):
        x, y = points[start : start + CHUNK].T.astype(np.float32) * side
        y = side - y
        columns, rows = (np.floor(v).astype(np.int64)[:, None] + around for v in (x, y))
        off = np.hypot((columns + 0.5 - x[:, None])[:, None, :], (rows + 0.5 - y[:, None])[:, :, None])
        covered = np.log1p(-COVER * np.clip(radius + 0.5 - off, 0, 1))
        rows, columns = (np.broadcast_to(v, off.shape) for v in (rows[:, :, None], columns[:, None, :]))
        inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
        np.add.at(clear, (rows[inside], columns[inside]), covered[inside])
    return 1 - np.exp(clear)
