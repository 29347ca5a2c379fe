"""Runs small enough to be trained many times over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab.core.config import parse
from latentlab.models import MODELS, Model
from latentlab.training import loop
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.feed import Feed
from latentlab.training.order import Order
from latentlab.training.run_folder import RunFolder

SMALL = {"latent_size": 3, "width": 8}
SHAPE = (1, 8, 8)
NAMES = ("a", "b", "c")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _model(key: str = "vae-mlp", seed: int = 0, rate: float = 1e-3, **values: object) -> Model:
    kind = MODELS.get(key)
    names = NAMES if kind.needs_labels else ()
    model = kind(parse(kind.Config, SMALL | values, "model"), SHAPE, seed=seed, label_names=names)
    if rate:
        model.start_training(rate)
    return model


@pytest.fixture
def model() -> Callable[..., Model]:
    """A narrow model, ready to train; rate=0 leaves it without optimizers."""
    return _model


def _folder(path: Path, key: str = "vae-mlp", figures: tuple[str, ...] = ("figure",)) -> RunFolder:
    info = {
        "data": {"source": "handmade", "config": {}, "summary": "", "fingerprint": ""},
        "model": {"key": key, "config": dict(SMALL)},
        "training": {"batch_size": 4},
        "image_shape": list(SHAPE),
        "metrics": [*MODELS.get(key).metric_titles, *figures],
    }
    return RunFolder.create(path, info)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., RunFolder]:
    """A new run folder: folder("name", key="dcgan")."""
    return lambda name="run", **more: _folder(tmp_path / name, **more)


@pytest.fixture
def images() -> np.ndarray:
    """22 uint8 images of noise: with a batch of 4 an epoch ends between steps 5 and 6."""
    return np.random.default_rng(0).integers(0, 256, (22, *SHAPE), dtype=np.uint8)


@pytest.fixture
def start(tmp_path: Path, images: np.ndarray) -> Iterator[Callable[..., SimpleNamespace]]:
    """A loop ready to be iterated, and everything it was given."""
    numbers, opened = iter(range(1000)), contextlib.ExitStack()

    def start(
        key: str = "vae-mlp",
        *,
        evaluate=lambda everything: ({}, None),
        store=images,
        order=None,
        live=None,
        waits=False,
        folder=None,
        augmentation=None,
        **training,
    ) -> SimpleNamespace:
        values = {"batch_size": 4, "steps": 12, "autosave": 86_400} | training
        config = parse(TrainingConfig, values, "training")
        model = live or _model(key, rate=config.learning_rate)
        run = SimpleNamespace(
            model=model,
            config=config,
            folder=folder or _folder(tmp_path / f"run-{next(numbers)}", key),
            control=Control(waits),
            order=order or Order(len(store), config.batch_size, config.seed),
            latents=model.draw(5, torch.Generator().manual_seed(1)).numpy(),
        )
        labels = np.arange(len(store)) % len(NAMES) if run.model.needs_labels else None
        which, device = np.arange(len(store)), run.model.device
        feed = Feed(store, which, device, labels=labels, augmentation=augmentation, seed=config.seed)
        opened.callback(feed.close)
        run.events = loop.run(
            run.model,
            feed,
            config,
            folder=run.folder,
            fixed_latents=run.latents,
            evaluate=evaluate,
            control=run.control,
            order=run.order,
        )
        return run

    with opened:
        yield start
