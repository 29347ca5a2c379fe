"""Grids of a run outside the window, and the way from a picture back to its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import parse
from latentlab.core.errors import DataError, RunError
from latentlab.core.points import is_points, picture_shape
from latentlab.data.base import Report, load, no_report
from latentlab.export.layout import Layout
from latentlab.export.sheet import sheet_size
from latentlab.export.state import State
from latentlab.latent import bookmarks
from latentlab.latent.directions import saved
from latentlab.models.base import Model
from latentlab.run import grids
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


def layout_of(model: Model, values: Mapping[str, Any]) -> Layout:
    """The layout of a grid with what was said of it. ConfigError."""
    # Dots on black would not show which tile they are of.
    grey = {"background": "#404040"} if is_points(model.image_shape) else {}
    return parse(Layout, {**grey, **values}, "layout")


def picture_of(
    source: str,
    values: Mapping[str, Any],
    layout: Layout,
    model: Model,
    material: Material,
    report: Report = no_report,
) -> tuple[np.ndarray, State]:
    """A grid as it is written, uint8 (H, W) or (H, W, 3), and what it tells of where it came from.

    ConfigError as `grids.make`; ExportError for a picture that is too large, before anything is decoded.
    """
    kind = grids.GRIDS.get(source)
    config = parse(kind.Config, values, source)
    if not kind.obstacle(model, material):  # `make` says it
        _, height, width = picture_shape(model.image_shape)
        sheet_size(*kind.size(model, config, material), height, width, layout)
    values = config.model_dump(mode="json")
    grid = grids.make(source, values, model, material, report)
    return grids.compose(grid, layout), grids.state(grid, source, values, layout, model, material)


def find_run(state: State, places: Iterable[Path]) -> Path | None:
    """The folder of the run that a picture is of, among `places` and what lies in them, or None.

    A folder called "runs" in a place is looked into, too.
    """
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
    for folder in (place, place / "runs"):
        try:
            yield from sorted(child for child in folder.iterdir() if child.is_dir())
        except OSError:  # not there, or not for us
            continue
