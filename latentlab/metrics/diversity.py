"""How much samples vary, beside how much the data varies: the plainest sign of mode collapse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from latentlab.metrics.base import Heldout, Metric, register
from latentlab.metrics.samples import samples
from latentlab.models.base import Model

SAMPLES = 256
#: Held-out images that are compared with, evenly spaced.
MOST_IMAGES = 2048
#: Images that are looked at together: whole pictures as numbers of eight bytes take room.
CHUNK = 64


@register("diversity")
class Diversity(Metric):
    """Mean squared distance between two samples over that between two held-out images, in pixels.

    1 is as varied as the data; near 0 every sample is the same picture. Both means come from per-pixel
    variances (the mean squared distance of independent pairs is twice the summed variance), so no pairs
    are formed. Of points it is the distance in their plane.
    """

    about = "How much samples vary beside the data: 1 as much, near 0 collapsed."
    figures: ClassVar[Mapping[str, str]] = {"diversity": "Diversity"}

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        data = spread(heldout.thinned(MOST_IMAGES))
        return {"diversity": spread(Heldout(samples(model, SAMPLES))) / data if data > 0 else 0.0}


def spread(images: Heldout) -> float:
    """Variance of N images, unbiased, summed over pixels in [0, 1]; 0 for one."""
    if len(images) < 2:
        return 0.0
    if images.store.dtype != np.uint8:  # points
        return float(images.read().astype(np.float64).var(axis=0, ddof=1).sum())
    # Whole numbers, so that the sums are exact and the short formula for the variance loses nothing.
    totals, squares = np.zeros(images.store.shape[1:], np.int64), 0
    for part in images.parts(CHUNK):
        chunk = part.astype(np.int64)
        totals += chunk.sum(axis=0)
        squares += int((chunk * chunk).sum())
    scatter = squares - float((totals.astype(np.float64) ** 2).sum()) / len(images)
    return scatter / (len(images) - 1) / 255**2
