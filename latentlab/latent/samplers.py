"""Latents from the prior, by seed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from latentlab.core.errors import ConfigError


def from_seeds(
    seeds: Iterable[int],
    latent_shape: tuple[int, ...],
    truncation: float = 1.0,
    prior: str = "standard-normal",
) -> np.ndarray:
    """One latent per seed -> float32 (N, *latent_shape), drawn from the prior and truncated.

    A seed always gives the same latent, whatever stands beside it, on every machine.
    ConfigError for a negative seed, for a truncation that `truncate` refuses and for an unknown prior.
    """
    if prior != "standard-normal":
        raise ConfigError(f"Unknown prior '{prior}'; expected standard-normal.")
    rows = []
    for seed in seeds:
        if seed < 0:
            raise ConfigError(f"seed: {seed} is not allowed; expected a whole number of at least 0.")
        rows.append(np.random.default_rng(seed).standard_normal(latent_shape, dtype=np.float32))
    latents = np.stack(rows) if rows else np.empty((0, *latent_shape), np.float32)
    return truncate(latents, truncation)


def truncate(latents: np.ndarray, truncation: float) -> np.ndarray:
    """Pull latents towards the prior's mean, z' = psi z: 1 leaves them, 0 gives the mean.

    The truncation trick of Karras et al. (arXiv 1812.04948, appendix B), here about the mean 0 of N(0, I).
    `truncation` is psi in 0 to 2 (above 1 exaggerates); ConfigError otherwise.
    """
    if not 0 <= truncation <= 2:
        raise ConfigError(f"truncation: {truncation} is not allowed; expected a number from 0 to 2.")
    return (latents * np.float32(truncation)).astype(np.float32, copy=False)
