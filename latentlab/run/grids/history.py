"""The training: how the fixed latents changed, a row per stage."""

from __future__ import annotations

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.models.base import Model
from latentlab.run.grids.base import Grid, GridSource, Material, register
from latentlab.run.histories import chosen, history
from latentlab.run.training import PREVIEW_COUNT


class HistoryGridConfig(Config):
    rows: int = setting(6, "Stages", "Evenly chosen, the first and the last included.", ge=1, le=1000)
    columns: int = setting(8, "Columns", "How many of the fixed latents.", ge=1, le=PREVIEW_COUNT)
    early: bool = setting(
        False, "More of the beginning", "Most is learned in the first seconds: more stages of those."
    )


@register("history")
class History(GridSource):
    """Its tiles were made by the weights of their steps, so that it has no latents for those of now."""

    title = "Training history"
    about = "Each row is a stage of the training: the same latents, from the first step to now."
    Config = HistoryGridConfig

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        return "" if material.folder.samples() else "This run has no snapshots yet: train it for a moment."

    @classmethod
    def size(cls, model: Model, config: HistoryGridConfig, material: Material) -> tuple[int, int]:
        return len(chosen(len(material.folder.samples()), config.rows, config.early)), config.columns

    @classmethod
    def make(
        cls, model: Model, config: HistoryGridConfig, material: Material, report: Report = no_report
    ) -> Grid:
        steps, tiles = history(
            material.folder, config.rows, config.columns, early=config.early, report=report
        )
        names = [f"{step:,}" for step in steps]
        seeds = [str(seed) for seed in range(config.columns)]
        none = np.empty((0, model.latent_shape[0]), np.float32)
        return Grid(tiles, config.columns, none, names, seeds)
