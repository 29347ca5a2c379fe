"""Labelled images whose latents are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentlab import data
from latentlab.core.config import parse
from latentlab.data.base import Dataset
from latentlab.latent.directions import Material

#: A latent of 0 is a grey pixel, and one of ±`REACH` black or white.
REACH = 6


@pytest.fixture
def mirror(linear):
    """mirror(latent_size=4, categories=2) -> a model whose encoder reads the latent off the first pixels."""

    class Mirror(type(linear())):
        def encode(self, images: torch.Tensor) -> torch.Tensor:
            return (images.flatten(1)[:, : self.latent_shape[0]] - 0.5) * 2 * REACH

    def mirror(**values):
        return Mirror(parse(Mirror.Config, values, "model"), (1, 8, 8))

    return mirror


@pytest.fixture
def pictured() -> Callable[..., Dataset]:
    """pictured(latents (N, D), labels=..., ...) -> images (N, 1, 8, 8) that a mirror encodes to them."""

    def pictured(latents, **more):
        images = np.full((len(latents), 64), 128, np.uint8)
        images[:, : latents.shape[1]] = np.rint((latents / (2 * REACH) + 0.5).clip(0, 1) * 255)
        return Dataset(images.reshape(-1, 1, 8, 8), "pictures", "handmade", **more)

    return pictured


@pytest.fixture(scope="session")
def shapes() -> Dataset:
    """Sprites of 8×8 with labels and factors, rotation among them."""
    return data.load("shapes", {"size": 8, "count": 80})


@pytest.fixture
def material(shapes) -> Callable[..., Material]:
    """material(model) -> all that any method may ask for."""

    def material(model, **more):
        rows = np.random.default_rng(0).standard_normal((8, *model.latent_shape)).astype(np.float32)
        given = {"z": rows[0], "dataset": shapes, "liked": rows[1:4], "disliked": rows[4:]}
        return Material(**(given | more))

    return material
