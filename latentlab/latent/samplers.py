"""Latents from the prior, by seed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from latentlab.core.errors import ConfigError

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model


def draw(model: Model, seeds: Iterable[int], truncation: float = 1.0) -> np.ndarray:
    """One latent of `model` per seed -> float32 (N, D): `from_seeds`, with categories for its choices.

    A category is drawn evenly by the same seed and is not truncated. ConfigError as `from_seeds`.
    """
    seeds = list(seeds)
    latents = from_seeds(seeds, model.latent_shape, truncation, model.prior)
    for z, seed in zip(latents, seeds, strict=True):
        for place, choice in enumerate(model.choices):
            # Another stream than the noise's, so that a choice more changes no number of the latent; from 1,
            # because the seeds n and [n, 0] are one.
            category = np.random.default_rng([seed, 1 + place]).integers(len(choice.labels))
            z[choice.start : choice.stop] = one_hot(choice, int(category))
    return latents


def mean(model: Model) -> np.ndarray:
    """The prior's mean, float32 (D,): zeros, and the first category of each of the model's choices."""
    z = np.zeros(model.latent_shape, np.float32)
    for choice in model.choices:
        z[choice.start : choice.stop] = one_hot(choice, 0)
    return z


def one_hot(choice: Choice, category: int) -> np.ndarray:
    """float32 (K,), 1 at `category` and 0 elsewhere."""
    return np.eye(len(choice.labels), dtype=np.float32)[category]


def continuous(model: Model) -> list[int]:
    """The dimensions of the latent that are not part of a choice: those that sliders move."""
    taken = {i for choice in model.choices for i in range(choice.start, choice.stop)}
    return [i for i in range(model.latent_shape[0]) if i not in taken]


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
