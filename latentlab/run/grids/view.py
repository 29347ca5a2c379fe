"""The present view: the image of the present latent, and what lies around it."""

from __future__ import annotations

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.models.base import Model
from latentlab.run.grids.axes import first_axes, in_sigma
from latentlab.run.grids.base import Grid, GridSource, Material, decoded, register, start_of


class ViewConfig(Config):
    rows: int = setting(5, "Rows", "Rows of the neighbourhood; with 1 × 1 the image alone.", ge=1, le=99)
    columns: int = setting(5, "Columns", "Columns of the neighbourhood.", ge=1, le=99)


@register("view")
class View(GridSource):
    title = "Present view"
    about = "The present latent in the middle of its neighbourhood, in the plane and at the step of Explore."
    Config = ViewConfig

    @classmethod
    def size(cls, model: Model, config: ViewConfig, material: Material) -> tuple[int, int]:
        return config.rows, config.columns

    @classmethod
    def make(cls, model: Model, config: ViewConfig, material: Material, report: Report = no_report) -> Grid:
        z, axes = start_of(model, material), list(material.axes or first_axes(model, 2))
        # A latent of one dimension, or none that moves, has no plane: what is missing stands still.
        axes += [("", np.zeros_like(z))] * (2 - len(axes))
        offsets = [((np.arange(n) - n // 2) * material.step) for n in (config.rows, config.columns)]
        down, right = (
            off.astype(np.float32)[:, None] * vector for off, (_, vector) in zip(offsets, axes, strict=True)
        )
        latents = (z + down[:, None] + right[None]).reshape(-1, len(z)).astype(np.float32)
        rows, columns = (
            [f"{name} {text}".strip() if not at else text for at, text in enumerate(in_sigma(off))]
            for off, (name, _) in zip(offsets, axes, strict=True)
        )
        return Grid(decoded(model, latents, report), config.columns, latents, rows, columns)
