"""Traversals: a row for each dimension or direction, which alone changes from left to right."""

from __future__ import annotations

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.latent import samplers
from latentlab.latent import traversal as latent_traversal
from latentlab.models.base import Model
from latentlab.run.grids.axes import Axis, axes_of, first_axes, in_sigma
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register, start_of


class TraversalConfig(Config):
    along: str = setting(
        "",
        "Along",
        "Dimensions (0,1,2 or 0-9) and kept directions by name; empty: the first dimensions.",
        zero="the first",
    )
    rows: int = setting(
        10,
        "Rows",
        "How many of the first dimensions, where none are named.",
        ge=1,
        le=MOST,
        only={"along": ("",)},
    )
    columns: int = setting(9, "Columns", "Images in a row.", ge=2, le=MOST)
    extent: float = setting(3.0, "Extent", "How far to go each way.", ge=0.01, le=20, unit="σ")


@register("traversal")
class Traversal(GridSource):
    title = "Traversal"
    about = "Each row goes along one dimension or direction, all else as in the present latent."
    Config = TraversalConfig

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        return "" if samplers.continuous(model) else "This model has no dimension to go along."

    @classmethod
    def _axes(cls, model: Model, config: TraversalConfig, material: Material) -> list[Axis]:
        named = config.along.strip()
        return axes_of(named, model, material) if named else first_axes(model, config.rows)

    @classmethod
    def size(cls, model: Model, config: TraversalConfig, material: Material) -> tuple[int, int]:
        return len(cls._axes(model, config, material)), config.columns

    @classmethod
    def make(
        cls, model: Model, config: TraversalConfig, material: Material, report: Report = no_report
    ) -> Grid:
        axes = cls._axes(model, config, material)
        vectors = [vector for _, vector in axes]
        z = start_of(model, material)
        latents = latent_traversal.along(z, vectors, config.columns, config.extent).reshape(-1, len(z))
        places = in_sigma(np.linspace(-config.extent, config.extent, config.columns))
        names = [name for name, _ in axes]
        return Grid(decoded(model, latents, report), config.columns, latents, names, places)
