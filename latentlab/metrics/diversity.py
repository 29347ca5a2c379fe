"""How much samples vary, beside how much the data varies: the plainest sign of mode collapse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from latentlab.metrics.base import Metric, register
from latentlab.models.base import Model

SAMPLES = 256


@register("diversity")
class Diversity(Metric):
    """Mean squared distance between two samples over that between two held-out images, in pixels.

    1 is as varied as the data; near 0 every sample is the same picture. Both means come from per-pixel
    variances (the mean squared distance of independent pairs is twice the summed variance), so no pairs
    are formed.
    """

    about = "How much samples vary beside the data: 1 as much, near 0 collapsed."
    figures: ClassVar[Mapping[str, str]] = {"diversity": "Diversity"}

    @classmethod
    def measure(cls, model: Model, heldout: np.ndarray) -> dict[str, float]:
        from latentlab.models.pixels import render

        latents = np.random.default_rng(0).standard_normal((SAMPLES, *model.latent_shape), dtype=np.float32)
        data = spread(heldout[:: max(1, len(heldout) // 2048)])
        return {"diversity": spread(render(model, latents)) / data if data > 0 else 0.0}


def spread(images: np.ndarray) -> float:
    """Variance of uint8 images (N, C, H, W) over N, unbiased, summed over pixels in [0, 1]; 0 for one."""
    if len(images) < 2:
        return 0.0
    return float((images.astype(np.float32) / 255).var(axis=0, ddof=1).sum())
