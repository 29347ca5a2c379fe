"""What a grid shows: the contract of its sources, and what they are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError
from latentlab.core.points import picture_shape
from latentlab.core.registry import Registry
from latentlab.data.base import Dataset, Report, no_report
from latentlab.export.layout import Layout
from latentlab.export.sheet import sheet
from latentlab.export.state import State, packed
from latentlab.latent import samplers
from latentlab.latent.bookmarks import Bookmark
from latentlab.models.base import Model
from latentlab.training.run_folder import RunFolder

#: Rows or columns of a grid at most, and tiles in all.
MOST, MOST_TILES = 1000, 20_000
#: Latents that are decoded between two reports.
AT_A_TIME = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """What there is beside the model; sources say by `obstacle` what they lack.

    folder: of the run. z: the present latent, float32 (D,). axes: names and unit vectors of the plane that
    is looked at, down and to the right; step: sigma between two images of the neighbourhood. directions: kept
    ones, by name. dataset: images to be reconstructed, of the model's shape. images: a person's own, uint8
    (N, C, H, W), and names of them; they come before the dataset's.
    """

    folder: RunFolder
    z: np.ndarray | None = None
    truncation: float = 1.0
    axes: tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]] | None = None
    step: float = 0.75
    directions: Sequence[tuple[str, np.ndarray]] = ()
    bookmarks: Sequence[Bookmark] = ()
    dataset: Dataset | None = None
    images: np.ndarray | None = None
    image_names: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Tiles, uint8 pictures (N, C, H, W) row by row, and what they are.

    latents: float32 (N, D) of the tiles, a row of NaN where a tile has none (an original); (0, D) where none
    has (the history). seeds: of the tiles where seeds alone made them. Labels may be empty.
    """

    tiles: np.ndarray
    columns: int
    latents: np.ndarray
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()
    seeds: Sequence[int] = ()
    truncation: float = 1.0

    @property
    def rows(self) -> int:
        return -(-len(self.tiles) // self.columns)


class GridSource:
    """One kind of grid; registered. Its Config has `rows` and `columns` where a person chooses them."""

    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    Config: ClassVar[type[Config]]

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        """Why there is no such grid now, in a sentence; "" where there is."""
        return ""

    @classmethod
    def size(cls, model: Model, config: Any, material: Material) -> tuple[int, int]:
        """Rows and columns that `make` will give, before anything is decoded."""
        raise NotImplementedError

    @classmethod
    def make(cls, model: Model, config: Any, material: Material, report: Report = no_report) -> Grid:
        """Decode the tiles. ConfigError where a setting does not fit the model or the material."""
        raise NotImplementedError


GRIDS: Registry[type[GridSource]] = Registry("grid")
register = GRIDS.register


def make(
    key: str, values: Mapping[str, Any], model: Model, material: Material, report: Report = no_report
) -> Grid:
    """The grid of a source and its settings. ConfigError says what is wrong, or why there is none."""
    source = GRIDS.get(key)
    config = parse(source.Config, values, key)
    if reason := source.obstacle(model, material):
        raise ConfigError(reason)
    rows, columns = source.size(model, config, material)
    if rows * columns > MOST_TILES:
        raise ConfigError(
            f"{key}: {rows:,} × {columns:,} images are too many; expected at most {MOST_TILES:,}."
        )
    return source.make(model, config, material, report)


def decoded(model: Model, latents: np.ndarray, report: Report = no_report) -> np.ndarray:
    """Latents (N, D) as uint8 pictures (N, C, H, W); `report` counts latents and may raise `Cancelled`."""
    from latentlab.models.pixels import render

    if not len(latents):
        return np.empty((0, *picture_shape(model.image_shape)), np.uint8)
    parts = []
    for start in range(0, len(latents), AT_A_TIME):
        report(start, len(latents))
        parts.append(render(model, latents[start : start + AT_A_TIME]))
    report(len(latents), len(latents))
    return np.concatenate(parts)


def start_of(model: Model, material: Material) -> np.ndarray:
    """The present latent, or else the prior's mean, float32 (D,)."""
    return samplers.mean(model) if material.z is None else material.z


def compose(grid: Grid, layout: Layout) -> np.ndarray:
    """The picture, uint8, as every export of it is written."""
    return sheet(grid.tiles, grid.columns, layout, grid.row_labels, grid.column_labels)


def state(
    grid: Grid, key: str, values: Mapping[str, Any], layout: Layout, model: Model, material: Material
) -> State:
    """What the picture of a grid tells of where it came from."""
    return State(
        run=material.folder.name,
        fingerprint=material.folder.fingerprint,
        step=model.step_count,
        model=model.key,
        source=key,
        settings=dict(values),
        layout=layout.model_dump(mode="json"),
        rows=grid.rows,
        columns=grid.columns,
        seeds=tuple(grid.seeds),
        truncation=grid.truncation,
        size=model.latent_shape[0],
        z="" if material.z is None else packed(material.z),
        latents=packed(grid.latents),
    )
