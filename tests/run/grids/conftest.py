"""Runs of every kind of model, small, after two steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from latentlab import run as runs
from latentlab.data.base import Dataset
from latentlab.latent import samplers
from latentlab.latent.bookmarks import Bookmark
from latentlab.run.grids import Material

#: Name -> key of the model, shape of what it learns from.
KINDS = {
    "vae": ("vae-mlp", (1, 8, 8)),
    "colour": ("vae-mlp", (3, 8, 10)),
    "ae": ("ae", (1, 8, 8)),
    "cvae": ("cvae", (1, 8, 8)),
    "cgan": ("cgan", (1, 8, 8)),
    "gan": ("mlp-gan", (1, 8, 8)),
    "points": ("mlp-gan", (2, 1, 1)),
}


def images_of(shape: tuple[int, int, int], count: int = 40) -> Dataset:
    random = np.random.default_rng(0)
    if shape == (2, 1, 1):
        images = random.random((count, *shape), np.float32)
    else:
        images = random.integers(0, 256, (count, *shape), dtype=np.uint8)
    return Dataset(
        images, "noise", "handmade", labels=np.arange(count) % 3, label_names=("ant", "bee", "cat")
    )


@dataclasses.dataclass
class Subject:
    """A run that is open, and what there is beside its model."""

    run: runs.Run
    material: Material


@pytest.fixture(scope="session")
def _subjects(tmp_path_factory) -> dict[str, Subject]:
    return {}


@pytest.fixture
def subject(_subjects, tmp_path_factory) -> Callable[[str], Subject]:
    """subject("cvae"): made once; nothing may be changed in its folder."""

    def subject(name: str) -> Subject:
        if name not in _subjects:
            _subjects[name] = _made(name, tmp_path_factory.mktemp("runs") / name)
        return _subjects[name]

    return subject


def _made(name, path) -> Subject:
    key, shape = KINDS[name]
    data = images_of(shape)
    plan = runs.plan(
        key, {"latent_size": 4, "width": 8}, {"steps": 2, "batch_size": 8, "device": "cpu", "heldout": 0.25}
    )
    for _ in runs.begin(data, plan, path).events():
        pass
    run = runs.open_run(path)
    latents = samplers.draw(run.model, range(3))
    wide = run.model.latent_shape[0]
    smile = np.zeros(wide, np.float32)
    smile[:2] = 0.6, 0.8
    material = Material(
        run.folder,
        samplers.draw(run.model, [77])[0],
        directions=[("Smile", smile)],
        bookmarks=[Bookmark(f"mark {n}", z) for n, z in enumerate(latents)],
        dataset=data,
    )
    return Subject(run, material)
