"""Reconstructions: originals, and below them what the model makes of their latents."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from latentlab.core import points
from latentlab.core.config import Config, setting
from latentlab.data.base import Dataset
from latentlab.data.report import Part, Report, no_report
from latentlab.latent.inversion import locate
from latentlab.models.base import Model
from latentlab.run.grids.base import MOST, Grid, GridSource, Material, decoded, register
from latentlab.run.planning import configs


class ReconstructionsConfig(Config):
    columns: int = setting(8, "Columns", "Images in a row.", ge=1, le=MOST)
    rows: int = setting(1, "Pairs of rows", "Originals above, reconstructions below.", ge=1, le=MOST)
    order: Literal["spread", "as-found"] = setting(
        "spread",
        "Images",
        "Evenly over those that were held out of the training (over all where none were), or one after the "
        "other.",
        labels={"spread": "Held out", "as-found": "As found"},
    )
    first: int = setting(
        0,
        "First image",
        "Which image of the dataset comes first.",
        ge=0,
        le=10**9,
        only={"order": ("as-found",)},
    )


@register("reconstructions")
class Reconstructions(GridSource):
    title = "Reconstructions"
    about = "Images over what the model makes of their latents: encoded by a VAE, searched for in a GAN."
    Config = ReconstructionsConfig

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        if material.images is not None and len(material.images):
            return ""
        if material.dataset is None:
            return "There are no images to reconstruct: load a dataset of the model's size and channels."
        return ""

    @classmethod
    def _places(cls, config: ReconstructionsConfig, material: Material) -> np.ndarray:
        """Which images, of a person's own or of the dataset."""
        wanted = config.columns * config.rows
        if material.images is not None and len(material.images):
            return np.arange(len(material.images))[:wanted]
        assert material.dataset is not None
        count = len(material.dataset)
        if config.order == "as-found":
            return (config.first + np.arange(min(wanted, count))) % count
        # Of a dataset that the run did not learn from every image is as good as held out.
        _, _, training = configs(material.folder)
        _, heldout = material.dataset.split(training.heldout, training.seed)
        known = heldout if len(heldout) else np.arange(count)
        return known[np.linspace(0, len(known) - 1, min(wanted, len(known))).round().astype(int)]

    @classmethod
    def size(cls, model: Model, config: ReconstructionsConfig, material: Material) -> tuple[int, int]:
        count = len(cls._places(config, material))
        columns = min(count, config.columns)
        return 2 * math.ceil(count / columns), columns

    @classmethod
    def make(
        cls, model: Model, config: ReconstructionsConfig, material: Material, report: Report = no_report
    ) -> Grid:
        places = cls._places(config, material)
        if material.images is not None and len(material.images):
            originals, names = material.images[places], list(material.image_names)
        else:
            assert material.dataset is not None
            originals, names = np.array(material.dataset.images[places]), _names(material.dataset, places)
        z = locate(model, originals, Part(report, 0, 0.9))
        made = decoded(model, z, Part(report, 0.9, 1))
        if points.is_points(model.image_shape):
            originals = points.draw(originals)
        columns = min(len(places), config.columns)
        tiles, latents = paired(originals, made, columns), paired(np.full_like(z, np.nan), z, columns)
        rows = ["original", "reconstruction"] * (len(tiles) // columns // 2)
        return Grid(tiles, columns, latents, rows, names if len(tiles) == 2 * columns else ())


def _names(dataset: Dataset, places: np.ndarray) -> list[str]:
    """The classes of images, or else their numbers."""
    if dataset.labels is None:
        return [str(place) for place in places.tolist()]
    return [dataset.label_names[label] for label in dataset.labels[places].tolist()]


def paired(above: np.ndarray, below: np.ndarray, columns: int) -> np.ndarray:
    """Rows of `above` (N, ...), each over its row of `below`; a last row that is not full ends in zeros, or
    NaN where numbers may be.
    """
    rows = []
    for start in range(0, len(above), columns):
        for given in (above, below):
            part = given[start : start + columns]
            empty = np.nan if np.issubdtype(part.dtype, np.floating) else 0
            missing = [(0, columns - len(part))] + [(0, 0)] * (part.ndim - 1)
            rows.append(np.pad(part, missing, constant_values=empty))
    return np.concatenate(rows)
