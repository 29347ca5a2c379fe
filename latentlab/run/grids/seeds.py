"""Random seeds."""

from __future__ import annotations

from typing import Any

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.latent import samplers
from latentlab.models.base import Model
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, register


class SeedsConfig(Config):
    rows: int = setting(8, "Rows", "Rows of the grid.", ge=1, le=MOST)
    columns: int = setting(8, "Columns", "Columns of the grid.", ge=1, le=MOST)
    seed: int = setting(0, "First seed", "Tile i, row by row, is that of this seed + i.", ge=0, le=2**31 - 1)
    truncation: float = setting(1.0, "Truncation", "How far latents stray from the mean.", ge=0, le=2)


@register("seeds")
class Seeds(GridSource):
    title = "Random seeds"
    about = "Each tile is a seed of its own, from the first one on."
    Config = SeedsConfig

    @classmethod
    def size(cls, model: Model, config: Any, material: Material) -> tuple[int, int]:
        return config.rows, config.columns

    @classmethod
    def make(cls, model: Model, config: Any, material: Material, report: Report = no_report) -> Grid:
        from latentlab.models.pixels import render

        seeds = range(config.seed, config.seed + config.rows * config.columns)
        latents = samplers.draw(model, seeds, config.truncation)
        rows = [f"{seeds[row * config.columns]}" for row in range(config.rows)]
        return Grid(render(model, latents), config.columns, latents, rows, (), seeds, config.truncation)
