"""Interpolations: each row walks from one latent to another."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.data.report import Part, Report, no_report
from latentlab.latent import samplers
from latentlab.latent.walks import WalkConfig, route
from latentlab.models.base import Model
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register


class InterpolationConfig(Config):
    between: Literal["seeds", "bookmarks"] = setting(
        "seeds",
        "Between",
        "Successive seeds, or successive bookmarks.",
        labels={"seeds": "Seeds", "bookmarks": "Bookmarks"},
    )
    rows: int = setting(8, "Rows", "How many walks.", ge=1, le=MOST, only={"between": ("seeds",)})
    columns: int = setting(9, "Columns", "Images in a row, both ends included.", ge=2, le=MOST)
    seed: int = setting(
        0, "First seed", "Where the first row begins.", ge=0, le=2**63 - 2**20, only={"between": ("seeds",)}
    )
    kind: Literal["slerp", "linear", "spline", "geodesic"] = setting(
        "slerp",
        "Path",
        "Slerp keeps latents as long as the prior's own; linear cuts through the middle; spline goes "
        "smoothly from row to row; geodesic changes the image at an even pace.",
        labels={"slerp": "Slerp", "linear": "Linear", "spline": "Spline", "geodesic": "Geodesic"},
    )


@register("interpolation")
class Interpolation(GridSource):
    title = "Interpolation"
    about = "Each row walks from one seed, or bookmark, to the next."
    Config = InterpolationConfig

    @classmethod
    def size(cls, model: Model, config: InterpolationConfig, material: Material) -> tuple[int, int]:
        return len(cls._names(config, material)) - 1, config.columns

    @classmethod
    def _names(cls, config: InterpolationConfig, material: Material) -> list[str]:
        if config.between == "seeds":
            return [str(seed) for seed in range(config.seed, config.seed + config.rows + 1)]
        if len(material.bookmarks) < 2:
            raise ConfigError("between: a walk between bookmarks needs two; add some first.")
        return [mark.name for mark in material.bookmarks]

    @classmethod
    def make(
        cls, model: Model, config: InterpolationConfig, material: Material, report: Report = no_report
    ) -> Grid:
        names = cls._names(config, material)
        if config.between == "seeds":
            ends = samplers.draw(model, map(int, names))
        else:
            ends = np.stack([mark.z for mark in material.bookmarks])
        walk = route(
            ends, WalkConfig(kind=config.kind, loop=False), model.choices, model, Part(report, 0, 0.9)
        )
        t = np.linspace(0, 1, config.columns)
        # The end of a row is the beginning of the next.
        latents = walk.at(np.concatenate([leg + t for leg in range(len(ends) - 1)]))
        tiles = decoded(model, latents, Part(report, 0.9, 1))
        rows = [f"{a} → {b}" for a, b in itertools.pairwise(names)]
        return Grid(tiles, config.columns, latents, rows, [f"{100 * at:.0f} %" for at in t])
