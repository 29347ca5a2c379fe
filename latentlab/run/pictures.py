"""Grids of a run outside the window, and the way from a picture back to its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from latentlab.core.errors import DataError, RunError
from latentlab.data.base import load
from latentlab.export.state import State
from latentlab.latent import bookmarks
from latentlab.latent.directions import saved
from latentlab.models.base import Model
from latentlab.run.grids.base import Material
from latentlab.training.run_folder import RunFolder


def material_of(
    folder: RunFolder, model: Model, z: np.ndarray | None = None, *, with_data: bool = False
) -> Material:
    """What the run's folder holds for grids: bookmarks, kept directions; `with_data` loads its images again.

    RunError where a file of it is damaged, DataError where the images are not there.
    """
    size = model.latent_shape[0]
    dataset = None
    if with_data:
        own = folder.info["data"]
        dataset = load(own["source"], own["config"])
        if dataset.image_shape != model.image_shape:
            raise DataError(f"{dataset.name} no longer holds images of the model's shape.")
    return Material(
        folder,
        z,
        directions=[
            (found.name, found.vector) for found in saved.load(folder.path / saved.FILE, size).directions
        ],
        bookmarks=bookmarks.load(folder.path / bookmarks.FILE, size),
        dataset=dataset,
    )


def find_run(state: State, places: Iterable[Path]) -> Path | None:
    """The folder of the run that a picture is of, among `places` and what lies in them, or None."""
    seen: set[Path] = set()
    for place in places:
        for path in _with_children(place):
            if path in seen or not (path / "run.json").is_file():
                continue
            seen.add(path)
            try:
                if RunFolder.open(path).fingerprint == state.fingerprint:
                    return path
            except RunError:  # damaged, or a later version's: not the one that can be opened
                continue
    return None


def _with_children(place: Path) -> Iterator[Path]:
    yield place
    try:
        yield from sorted(child for child in place.iterdir() if child.is_dir())
    except OSError:  # not there, or not for us
        return
