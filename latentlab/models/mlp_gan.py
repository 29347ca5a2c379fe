"""A GAN of dense layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.gan import GAN, GANConfig

if TYPE_CHECKING:
    from torch import nn


class MLPGANConfig(GANConfig):
    width: int = setting(
        256,
        "Width",
        "Units of the generator's first layer; the widest has four times as many.",
        ge=8,
        le=1024,
    )


@register("mlp-gan")
class MLPGAN(GAN):
    """z -> 256 -> 512 -> 1024 -> 1024 -> pixels against pixels -> 1024 -> 512 -> 256 -> 1, LeakyReLU 0.2."""

    title = "GAN, dense"
    about = "Dense layers only: the first GAN to watch; quick steps, grainy images."
    paper = "1406.2661"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-4, "batch_size": 128}
    learns_points = True
    first_weights = None  # without batch normalisation N(0, 0.02) lets the signal die in four dense layers
    Config: ClassVar[type[MLPGANConfig]] = MLPGANConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        from latentlab.models import blocks

        pixels, w = math.prod(self.image_shape), self.config.width
        generator: list[nn.Module] = []
        sizes = [self.latent_shape[0], w, 2 * w, 4 * w, 4 * w]
        for inputs, outputs in itertools.pairwise(sizes):
            generator += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
        generator += [nn.Linear(4 * w, pixels), nn.Tanh(), nn.Unflatten(1, self.image_shape)]

        discriminator: list[nn.Module] = [nn.Flatten()]
        sizes = [pixels, 4 * w, 2 * w, w]
        for inputs, outputs in itertools.pairwise(sizes):
            discriminator += [
                nn.Linear(inputs, outputs),
                nn.LeakyReLU(0.2),
                blocks.Dropout(self.config.dropout),
            ]
        discriminator += [nn.Linear(w, 1)]
        return {"generator": nn.Sequential(*generator), "discriminator": nn.Sequential(*discriminator)}
