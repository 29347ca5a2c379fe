"""Traversals: vary a dimension, hold the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.core.errors import ConfigError


def traverse(z: np.ndarray, dims: Sequence[int], steps: int = 9, extent: float = 3.0) -> np.ndarray:
    """Each of `dims` in turn set to `steps` even values in [-extent, extent] sigma, the rest as in z (D,).

    -> float32 (len(dims), steps, D). ConfigError for fewer than two steps or a dimension that z lacks.
    """
    if steps < 2:
        raise ConfigError(f"steps: {steps} is not allowed; expected a whole number of at least 2.")
    rows = np.tile(np.asarray(z, np.float32), (len(dims), steps, 1))
    for row, dim in zip(rows, dims, strict=True):
        _check(dim, z)
        row[:, dim] = np.linspace(-extent, extent, steps)
    return rows


def around(z: np.ndarray, first: int, second: int, side: int = 5, step: float = 0.5) -> np.ndarray:
    """The plane of two dimensions around z (D,): `second` grows to the right, `first` downwards.

    -> float32 (side * side, D), row by row, z itself in the middle (`side` is odd); `step` is in sigma.
    ConfigError for a dimension that z lacks.
    """
    _check(first, z)
    _check(second, z)
    offsets = (np.arange(side) - side // 2) * step
    plane = np.tile(np.asarray(z, np.float32), (side, side, 1))
    plane[:, :, first] += offsets[:, None]
    plane[:, :, second] += offsets[None, :]
    return plane.reshape(side * side, -1)


def _check(dim: int, z: np.ndarray) -> None:
    if not 0 <= dim < len(z):
        raise ConfigError(f"dims: {dim} is not allowed; this latent space has dimensions 0 to {len(z) - 1}.")
