"""Sweeps: a whole plane of two dimensions or directions."""

from __future__ import annotations

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.data.base import Report, no_report
from latentlab.latent import samplers
from latentlab.latent.traversal import in_plane
from latentlab.models.base import Model
from latentlab.run.grids.axes import axes_of, first_axes, in_sigma
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register, start_of

#: Cosine of two axes that span no plane.
PARALLEL = 0.999


class SweepConfig(Config):
    along: str = setting(
        "",
        "Down, right",
        "Two dimensions or kept directions, such as 0,1; empty: the plane of Explore.",
        zero="as in Explore",
    )
    rows: int = setting(9, "Rows", "Places along the first.", ge=2, le=MOST)
    columns: int = setting(9, "Columns", "Places along the second.", ge=2, le=MOST)
    extent: float = setting(3.0, "Extent", "How far to go each way.", ge=0.01, le=20, unit="σ")


@register("sweep")
class Sweep(GridSource):
    title = "2-D sweep"
    about = "A plane: one dimension or direction changes downwards, another to the right."
    Config = SweepConfig

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        return "" if len(samplers.continuous(model)) > 1 else "This model has fewer than two dimensions."

    @classmethod
    def size(cls, model: Model, config: SweepConfig, material: Material) -> tuple[int, int]:
        return config.rows, config.columns

    @classmethod
    def make(cls, model: Model, config: SweepConfig, material: Material, report: Report = no_report) -> Grid:
        if config.along.strip():
            axes = axes_of(config.along, model, material)
        else:
            axes = list(material.axes or first_axes(model, 2))
        if len(axes) != 2:
            raise ConfigError(f"along: {len(axes)} named; a sweep goes along 2.")
        (down, first), (right, second) = axes
        if abs(float(first @ second)) > PARALLEL:
            raise ConfigError(f"along: {down} and {right} go the same way; a sweep needs two ways.")
        z, extent = start_of(model, material), config.extent
        downs, rights = (np.linspace(-extent, extent, n) for n in (config.rows, config.columns))
        latents = np.stack([in_plane(z, first, second, y, x) for y in downs for x in rights])
        rows, columns = in_sigma(downs), in_sigma(rights)
        rows[0], columns[0] = f"{down} {rows[0]}", f"{right} {columns[0]}"
        return Grid(decoded(model, latents, report), config.columns, latents, rows, columns)
