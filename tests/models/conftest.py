"""Small models of every kind, on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from latentlab.core.config import parse
from latentlab.models import MODELS, Model

#: Narrow enough that a step takes milliseconds.
SMALL = {"latent_size": 6, "width": 8}
#: The classes of the data, for models that learn from labels.
NAMES = ("ant", "bee", "cat")

Build = Callable[..., Model]
Metrics = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Nets this small lose more than they gain by a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def build() -> Build:
    """A narrow model by key: build("dcgan", (1, 28, 28), seed=3, beta1=0.9)."""

    def build(key: str, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 0, **values: object) -> Model:
        kind = MODELS.get(key)
        return kind(parse(kind.Config, SMALL | values, "model"), shape, seed=seed, label_names=NAMES)

    return build


@pytest.fixture
def started(build: Build) -> Build:
    """As `build`, ready to train at a rate that shows."""

    def started(*args: object, rate: float = 1e-3, **values: object) -> Model:
        model = build(*args, **values)
        model.start_training(rate)
        return model

    return started


@pytest.fixture
def batch() -> Callable[..., torch.Tensor]:
    """uint8 noise (count, C, H, W)."""

    def batch(shape: tuple[int, int, int] = (1, 8, 8), count: int = 8, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)

    return batch


@pytest.fixture
def learn() -> Callable[[Model, torch.Tensor], Metrics]:
    """One step on images; where the model learns from labels, of the classes 0, 1, 2, 0, ..."""

    def learn(model: Model, images: torch.Tensor) -> Metrics:
        labels = torch.arange(len(images)) % len(NAMES)
        return model.step(images, labels if model.needs_labels else None)

    return learn
