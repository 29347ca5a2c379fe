"""Whether samples look like data, and whether they look like all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from latentlab.core.points import is_points
from latentlab.metrics.base import Heldout, Metric, register
from latentlab.metrics.samples import samples
from latentlab.models.base import Model

if TYPE_CHECKING:
    from torch import Tensor

#: Neighbours that make a ball, as in the paper's experiments.
K = 5
#: Held-out images at most, evenly spaced; as many samples.
MOST_IMAGES = 1024
#: With fewer held-out images balls of K neighbours say nothing.
FEWEST_IMAGES = 4 * K
#: Images are brought to at most this side, and seen by three layers of so many random filters.
SIDE, FILTERS = 32, (16, 32, 64)
CHUNK = 256


@register("coverage")
class Coverage(Metric):
    """Coverage and density of as many samples as held-out images (Naeem et al., arXiv 2002.09797), k = 5.

    Around each held-out image lies a ball that reaches to its k-th nearest other one. Coverage is the share
    of balls that hold a sample: 1 - 2^-k = 0.97 where samples are distributed as the data, about 1/8 where
    they show one of eight modes. Density is how many balls a sample lies in, over k: 1 as often as data,
    below that samples lie beside it, above that they crowd where it is dense.

    Distances are those of `features`. As figures of one such space they compare runs on the same data, not
    with figures of papers.
    """

    about = "How much of the held-out data samples come near to, and how near they are."
    figures: ClassVar[Mapping[str, str]] = {"coverage": "Coverage", "density": "Density"}

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        images = heldout.thinned(MOST_IMAGES).read()
        if len(images) < FEWEST_IMAGES:
            return {}
        coverage, density = cover(features(images), features(samples(model, len(images))))
        return {"coverage": coverage, "density": density}


def cover(real: Tensor, fake: Tensor, k: int = K) -> tuple[float, float]:
    """Features (N, F) of data, N > k, and (M, F) of samples -> coverage and density."""
    import torch

    exact = "donot_use_mm_for_euclid_dist"  # the quick way is too coarse for points that lie close together
    radii = torch.cdist(real, real, compute_mode=exact).kthvalue(k + 1, dim=1).values  # itself is the first
    inside = torch.cdist(real, fake, compute_mode=exact) <= radii[:, None]
    return float(inside.any(1).double().mean()), float(inside.sum()) / (k * len(fake))


def features(images: np.ndarray) -> Tensor:
    """uint8 images (N, C, H, W) -> float32 (N, 256) on the CPU; points -> their coordinates (N, 2).

    Three convolutions with ReLU, their filters drawn once and for all, and the mean over the four quarters:
    random filters are what the paper advises where images are unlike ImageNet's. On digits plain pixels and
    their principal components call blurred or noisy copies of the data as good as the data; this does not.
    """
    import torch
    from torch.nn import functional

    if is_points(images.shape[1:]):
        return torch.from_numpy(images).flatten(1)
    generator = torch.Generator().manual_seed(0)
    filters = []
    channels = images.shape[1]
    for count in FILTERS:
        scale = (2 / (9 * channels)) ** 0.5  # keeps the variance of what goes through (arXiv 1502.01852)
        filters.append(torch.randn(count, channels, 3, 3, generator=generator) * scale)
        channels = count
    parts = []
    with torch.inference_mode():
        for chunk in torch.from_numpy(images).split(CHUNK):
            x = chunk.float() / 255 - 0.5
            height, width = x.shape[-2:]
            if max(height, width) > SIDE:
                x = functional.adaptive_avg_pool2d(x, (min(height, SIDE), min(width, SIDE)))
            for weights in filters:
                stride = 2 if min(x.shape[-2:]) > 4 else 1
                x = functional.conv2d(x, weights, stride=stride, padding=1).relu_()
            parts.append(functional.adaptive_avg_pool2d(x, 2).flatten(1))
    return torch.cat(parts)
