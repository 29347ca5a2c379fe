"""Whether a direction is a factor: how its coordinate goes along with what is known of the images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Factors in degrees, 360 of which are none.
CIRCULAR = ("rotation", "hue", "angle")
#: Sines and cosines of so many whole multiples of an angle: a square looks the same after a quarter turn.
WAVES = 4
#: A factor of whole numbers counts as categories up to so many.
CATEGORIES = 20


def correlations(
    latents: np.ndarray, directions: np.ndarray, factors: Mapping[str, np.ndarray]
) -> np.ndarray:
    """How the position of latents (N, D) along unit vectors (K, D) goes with factors (N,) -> float64 (K, F).

    Columns are in the mapping's order. An ordered factor gives Spearman's rank correlation, -1 to 1, ties
    sharing their mean rank. Angles (`CIRCULAR`) and categories (`is_categorical`) have no order and give a
    multiple correlation, 0 to 1: with the sines and cosines of up to `WAVES` times the angle, or with the
    categories (the correlation ratio). 0 where either is constant. Of R regressors chance makes about
    sqrt(R / N). Take latents drawn from posteriors: their means correlate where the decoder does not listen.
    """
    positions = np.asarray(latents, np.float64) @ np.asarray(directions, np.float64).T
    ranked = np.stack([_ranks(column) for column in positions.T], axis=1)
    found = np.zeros((len(directions), len(factors)))
    for column, (name, raw) in enumerate(factors.items()):
        values = np.asarray(raw, np.float64)
        if name in CIRCULAR:
            angles = np.deg2rad(values)[:, None] * np.arange(1, WAVES + 1)
            found[:, column] = _multiple(positions, np.hstack([np.sin(angles), np.cos(angles)]))
        elif is_categorical(values):
            found[:, column] = _multiple(positions, values[:, None] == np.unique(values))
        else:
            found[:, column] = _pearson(ranked, _ranks(values))
    return found


def is_categorical(values: np.ndarray) -> bool:
    """Whether a factor (N,) is a category's number: whole numbers, at most `CATEGORIES` different ones."""
    return bool((values == np.rint(values)).all()) and len(np.unique(values)) <= CATEGORIES


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the smallest; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return shared


def _pearson(positions: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of each column (N, K) with values (N,)."""
    positions, values = positions - positions.mean(0), values - values.mean()
    return _shares(values @ positions, np.linalg.norm(positions, axis=0) * np.linalg.norm(values))


def _multiple(positions: np.ndarray, regressors: np.ndarray) -> np.ndarray:
    """The correlation of each column (N, K) with its least-squares fit by regressors (N, R)."""
    positions, regressors = positions - positions.mean(0), regressors - regressors.mean(0)
    basis, sizes, _ = np.linalg.svd(regressors, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * max(sizes.max(), 1)]  # categories sum to 1: one column says nothing new
    return _shares(np.linalg.norm(basis.T @ positions, axis=0), np.linalg.norm(positions, axis=0))


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
