"""Runs small enough to be trained many times over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab import run as runs
from latentlab.data.base import Dataset
from latentlab.training import loop
from latentlab.training.control import Control
from latentlab.training.events import Event, Progress


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread, and a Progress after every step."""
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _noise(count: int = 40, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 0, **more) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return Dataset(images, "noise", "handmade", **more)


@pytest.fixture
def noise() -> Callable[..., Dataset]:
    """Images of noise: noise(count=40, shape=(1, 8, 8), seed=0)."""
    return _noise


@pytest.fixture
def plan() -> Callable[..., runs.Plan]:
    """plan("vae-mlp", {"width": 9}, steps=6): small, on the CPU."""

    def plan(key: str = "vae-mlp", model: dict | None = None, **training) -> runs.Plan:
        values = {"steps": 14, "batch_size": 8, "autosave": 86_400, "device": "cpu"} | training
        return runs.plan(key, {"latent_size": 4, "width": 8} | (model or {}), values)

    return plan


@pytest.fixture
def begin(tmp_path: Path, plan: Callable[..., runs.Plan]) -> Callable[..., runs.Training]:
    """begin("name", "vae-mlp", {"width": 9}, steps=6, dataset=..., start_from=...) -> a new run."""

    def begin(name="run", key="vae-mlp", model=None, *, dataset=None, start_from=None, **training):
        made = plan(key, model, **training)
        return runs.begin(dataset or _noise(), made, tmp_path / name, start_from)

    return begin


@pytest.fixture
def follow() -> Callable[..., list[Event]]:
    """Train, steering at steps {3: {"training.batch_size": 4}}; killed at a step, or to the end."""

    def follow(training: runs.Training, edits: dict | None = None, killed: int = 0) -> list[Event]:
        control, told = Control(), []
        events = training.events(control)
        for event in events:
            told.append(event)
            if isinstance(event, Progress):
                control.steer((edits or {}).get(event.step, {}))
                if event.step == killed:
                    events.close()
        return told

    return follow


@pytest.fixture
def state() -> Callable[[runs.Training], SimpleNamespace]:
    """Every number that learning depends on; two of them can be compared."""

    def state(training: runs.Training) -> SimpleNamespace:
        model = training.model
        found = {"generator": model.generator.get_state()}
        for name, net in model.nets.items():
            found |= {f"{name}.{k}": t for k, t in net.state_dict().items()}
        for name, optimizer in model.optimizers().items():
            found[f"{name}.lr"] = torch.tensor([group["lr"] for group in optimizer.param_groups])
            for index, values in optimizer.state_dict()["state"].items():
                found |= {f"{name}.{index}.{k}": t for k, t in values.items()}
        return SimpleNamespace(**{name: tensor.numpy().tobytes() for name, tensor in found.items()})

    return state
