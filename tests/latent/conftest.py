"""Small models of every kind, and a linear one whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.core.config import Config, parse, setting
from latentlab.models import MODELS, Model
from latentlab.models.base import Choice

#: Narrow enough that a search takes milliseconds.
SMALL = {"latent_size": 6, "width": 8}


class LinearConfig(Config):
    latent_size: int = setting(5, "Latent size", "Continuous dimensions.", ge=1)
    categories: int = setting(0, "Categories", "Of a choice in front of them.", ge=0)


class Linear(Model):
    """decode(z) = W z + b, not kept to 0..1. Its first `categories` numbers are a choice."""

    key = "linear"
    family = "linear"
    evaluation_nets = ("decoder",)
    metric_titles: ClassVar[dict[str, str]] = {}
    Config = LinearConfig

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        labels = tuple("abcdefgh"[: self.config.categories])
        choices = (Choice("kind", "Kind", 0, labels),) if labels else ()
        return self.config.latent_size + len(labels), choices

    def build(self) -> dict[str, nn.Module]:
        pixels = math.prod(self.image_shape)
        layers = [nn.Linear(self.latent_shape[0], pixels), nn.Unflatten(1, self.image_shape)]
        return {"decoder": nn.Sequential(*layers)}

    def initialize(self, generator: torch.Generator) -> None:
        for parameter in self.nets["decoder"].parameters():
            nn.init.normal_(parameter, generator=generator)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.nets["decoder"](z)

    @property
    def weight(self) -> np.ndarray:
        """W, float64 (P, D)."""
        return self.nets["decoder"][0].weight.detach().double().numpy()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def linear() -> Callable[..., Linear]:
    """linear(seed=1, latent_size=3, categories=2) -> a model that decodes by a matrix."""

    def linear(shape: tuple[int, int, int] = (1, 8, 8), seed: int = 0, **values: Any) -> Linear:
        return Linear(parse(LinearConfig, values, "model"), shape, seed=seed)

    return linear


@pytest.fixture
def build(linear) -> Callable[..., Model]:
    """A narrow model by key: build("dcgan", (1, 8, 8), seed=3); "linear" is one of them."""

    def build(key: str, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 0, **values: Any) -> Model:
        if key == "linear":
            return linear(shape, seed, **values)
        kind = MODELS.get(key)
        config = parse(kind.Config, SMALL | values, "model")
        return kind(config, shape, seed=seed, label_names=("a", "b", "c"))

    return build
