"""What several ways share: from numbers of the continuous dimensions to unit vectors of a fixed sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latentlab.latent import samplers

if TYPE_CHECKING:
    from latentlab.models.base import Model


def whole(model: Model, part: np.ndarray | Sequence[float]) -> np.ndarray:
    """Numbers of the continuous dimensions (K,) -> float64 (D,), 0 in the dimensions of choices."""
    vector = np.zeros(model.latent_shape)
    vector[samplers.continuous(model)] = part
    return vector


def oriented(vector: np.ndarray) -> np.ndarray:
    """The vector or its negative: that whose largest component is positive, so that + is always the same."""
    return vector if vector[np.abs(vector).argmax()] > 0 else -vector


def percent(share: float) -> str:
    """``31%``, ``0.4%``."""
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"
