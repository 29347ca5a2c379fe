"""Sums of latents: A − B + C, and mixes."""

from __future__ import annotations

import numpy as np

from latentlab.core.errors import ConfigError


def mix(latents: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted sum of latents (K, D), weights (K,) -> float32 (D,).

    Weights 1, -1, 1 are A − B + C (Radford et al., arXiv 1511.06434, section 6.3: smiling woman − woman +
    man); positive ones that sum to 1 are a mix. Nothing is rescaled: a mix of latents of the prior is shorter
    than they are (White, arXiv 1609.04468). ConfigError for lengths that differ and for no latents.
    """
    latents, weights = np.asarray(latents, np.float64), np.asarray(weights, np.float64)
    if latents.ndim != 2 or len(latents) == 0:
        raise ConfigError(f"latents: {latents.shape} is not allowed; expected (K, D) of at least one.")
    if weights.shape != latents.shape[:1]:
        raise ConfigError(
            f"weights: {weights.shape} is not allowed; expected ({len(latents)},), one a latent."
        )
    if not np.isfinite(weights).all():
        raise ConfigError("weights: expected finite numbers.")
    return (weights @ latents).astype(np.float32)
