"""Traversals: go along a dimension or a direction, hold the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.core.errors import ConfigError


def traverse(z: np.ndarray, dims: Sequence[int], steps: int = 9, extent: float = 3.0) -> np.ndarray:
    """Each of `dims` in turn set to `steps` even values in [-extent, extent] sigma, the rest as in z (D,).

    -> float32 (len(dims), steps, D). ConfigError for fewer than two steps or a dimension that z lacks.
    """
    return along(z, [unit(dim, len(z)) for dim in dims], steps, extent)


def along(z: np.ndarray, directions: Sequence[np.ndarray], steps: int = 9, extent: float = 3.0) -> np.ndarray:
    """Like `traverse` for unit vectors (D,): where z lies along each goes from -extent to extent sigma.

    -> float32 (len(directions), steps, D), the rest of z kept. ConfigError for fewer than two steps.
    """
    if steps < 2:
        raise ConfigError(f"steps: {steps} is not allowed; expected a whole number of at least 2.")
    values = np.linspace(-extent, extent, steps)
    rows = [[moved(z, direction, value) for value in values] for direction in directions]
    return np.asarray(rows, np.float32).reshape(len(directions), steps, len(z))


def moved(z: np.ndarray, direction: np.ndarray, value: float) -> np.ndarray:
    """z (D,) taken along a unit vector (D,) to where it lies at `value` sigma -> float32 (D,)."""
    if np.count_nonzero(direction) == 1 and direction.max() == 1:  # a dimension: its value is exact
        result = np.array(z, np.float32)
        result[int(direction.argmax())] = value
        return result
    start = np.asarray(z, np.float64)
    return (start + (value - start @ direction) * direction).astype(np.float32)


def in_plane(z: np.ndarray, first: np.ndarray, second: np.ndarray, down: float, right: float) -> np.ndarray:
    """The latent that lies at `down` and `right` sigma of two unit vectors (D,), the rest as in z -> (D,).

    Exact also where the vectors are not at right angles; of two that are nearly one, `right` counts.
    """
    skew = float(np.asarray(first, np.float64) @ second)
    if abs(skew) > 0.99:  # a line rather than a plane
        return moved(z, second, right)
    if skew:  # the way along `second` leads along `first` too: that is made up for
        here, there = (float(np.asarray(z, np.float64) @ axis) for axis in (first, second))
        down = here + (down - here - skew * (right - there)) / (1 - skew**2)
    return moved(moved(z, first, down), second, right)


def around(
    z: np.ndarray, first: np.ndarray, second: np.ndarray, side: int = 5, step: float = 0.5
) -> np.ndarray:
    """The plane of two unit vectors (D,) through z (D,): `second` grows to the right, `first` downwards.

    -> float32 (side * side, D), row by row, z itself in the middle (`side` is odd); `step` is in sigma.
    """
    offsets = ((np.arange(side) - side // 2) * step).astype(np.float32)
    down = offsets[:, None, None] * np.asarray(first, np.float32)
    right = offsets[None, :, None] * np.asarray(second, np.float32)
    return (np.asarray(z, np.float32) + down + right).reshape(side * side, -1)


def plane(
    z: np.ndarray, first: np.ndarray, second: np.ndarray, side: int = 15, extent: float = 3.0
) -> np.ndarray:
    """The whole plane of two unit vectors, -extent to extent sigma each way: a decoded manifold (D,).

    -> float32 (side * side, D), row by row; `first` grows downwards, `second` to the right, the rest as in z.
    """
    values = np.linspace(-extent, extent, side)
    rows = [in_plane(z, first, second, down, right) for down in values for right in values]
    return np.asarray(rows, np.float32)


def unit(dim: int, size: int) -> np.ndarray:
    """The unit vector of a dimension, float32 (size,). ConfigError for one that is not there."""
    if not 0 <= dim < size:
        raise ConfigError(f"dims: {dim} is not allowed; this latent space has dimensions 0 to {size - 1}.")
    vector = np.zeros(size, np.float32)
    vector[dim] = 1
    return vector
