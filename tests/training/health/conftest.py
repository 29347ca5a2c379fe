"""Monitors that are fed made-up figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from latentlab.training.health import Finding, Monitor


class Watched(Monitor):
    """A monitor with short ways to feed and to ask it."""

    def train(self, first: int, last: int, **levels: float | tuple[float, float]) -> None:
        """Steps first..last of training; each figure is a level, or goes between two; it trembles."""
        steps = np.arange(first, last + 1)
        noise = 1 + 0.01 * np.random.default_rng(first).standard_normal(len(steps))
        ends = {name: level if isinstance(level, tuple) else (level, level) for name, level in levels.items()}
        self.note(steps, {name: np.linspace(*pair, len(steps)) * noise for name, pair in ends.items()})

    def judge(self, step: int, **figures: float) -> None:
        """An evaluation on held-out data."""
        self.note(np.array([step]), {name: np.array([float(value)]) for name, value in figures.items()})

    def found(self, key: str) -> Finding | None:
        """The finding of that key, None where it is not there."""
        return {finding.key: finding for finding in self.findings()}.get(key)


class GAN(Watched):
    def healthy(self) -> None:
        """4,000 steps as they should be."""
        self.train(1, 4000, d_accuracy=0.8, d_real=0.7, d_fake=0.3, grad_d=1.0, grad_g=1.0)
        self.judge(4000, coverage=0.83, density=0.9, diversity=0.95)


class VAE(Watched):
    def healthy(self) -> None:
        """4,000 steps as they should be."""
        self.train(1, 500, neg_elbo=(310, 140), kl=12, grad=50)
        figures = {"heldout_kl": 12, "active_units": 10, "coverage": 0.5, "diversity": 0.4}
        self.judge(500, heldout_neg_elbo=142, **figures)
        self.train(501, 4000, neg_elbo=(140, 104), kl=15, grad=40)
        figures = {"heldout_kl": 15, "active_units": 12, "coverage": 0.8, "diversity": 0.6}
        self.judge(4000, heldout_neg_elbo=105, **figures)


@pytest.fixture
def gan() -> Callable[..., GAN]:
    return lambda images=5000, **more: GAN("gan", images, **more)


@pytest.fixture
def vae() -> Callable[..., VAE]:
    return lambda images=5000, size=16: VAE("vae", images, config={"latent_size": size})
