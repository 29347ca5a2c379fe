"""Bookmarks, in their order."""

from __future__ import annotations

import math

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.models.base import Model
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register


class BookmarksConfig(Config):
    columns: int = setting(
        0, "Columns", "Images in a row; as many as rows where it is 0.", ge=0, le=MOST, zero="square"
    )


@register("bookmarks")
class Bookmarks(GridSource):
    title = "Bookmarks"
    about = "The bookmarks of this run, in the order of the panel."
    Config = BookmarksConfig

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        return "" if material.bookmarks else "There are no bookmarks yet: press B to keep the present latent."

    @classmethod
    def size(cls, model: Model, config: BookmarksConfig, material: Material) -> tuple[int, int]:
        count = len(material.bookmarks)
        columns = min(count, config.columns or math.ceil(math.sqrt(count)))
        return -(-count // columns), columns

    @classmethod
    def make(
        cls, model: Model, config: BookmarksConfig, material: Material, report: Report = no_report
    ) -> Grid:
        rows, columns = cls.size(model, config, material)
        names = [mark.name for mark in material.bookmarks]
        latents = np.stack([mark.z for mark in material.bookmarks])
        # Names are one per tile: beside the tiles in one column, above them in one row.
        beside = names if columns == 1 else ()
        above = names if rows == 1 else ()
        return Grid(decoded(model, latents, report), columns, latents, beside, above)
