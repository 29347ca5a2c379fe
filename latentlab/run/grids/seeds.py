"""Random seeds."""

from __future__ import annotations

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.latent import samplers
from latentlab.models.base import Model
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register


class SeedsConfig(Config):
    rows: int = setting(8, "Rows", "Rows of the grid.", ge=1, le=MOST)
    columns: int = setting(8, "Columns", "Columns of the grid.", ge=1, le=MOST)
    # The largest seed that samplers take, and a grid of it.
    seed: int = setting(
        0, "First seed", "Tile i, row by row, is that of this seed + i.", ge=0, le=2**63 - 2**20
    )
    truncation: float = setting(
        1.0, "Truncation", "How far latents stray from the mean: 0 all alike, 1 as drawn.", ge=0, le=2
    )


@register("seeds")
class Seeds(GridSource):
    title = "Random seeds"
    about = "Each tile is a seed of its own, from the first one on."
    Config = SeedsConfig

    @classmethod
    def size(cls, model: Model, config: SeedsConfig, material: Material) -> tuple[int, int]:
        return config.rows, config.columns

    @classmethod
    def make(cls, model: Model, config: SeedsConfig, material: Material, report: Report = no_report) -> Grid:
        seeds = range(config.seed, config.seed + config.rows * config.columns)
        latents = samplers.draw(model, seeds, config.truncation)
        firsts = [str(seeds[row * config.columns]) for row in range(config.rows)]
        steps = [f"+{column}" for column in range(config.columns)]
        tiles = decoded(model, latents, report)
        return Grid(tiles, config.columns, latents, firsts, steps, seeds, config.truncation)
