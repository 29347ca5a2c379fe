"""A GAN of convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.models.base import register
from latentlab.models.gan import GAN, GANConfig

if TYPE_CHECKING:
    from torch import nn


@register("dcgan")
class DCGAN(GAN):
    """Deep convolutional GAN (Radford et al., arXiv 1511.06434) with kernels of 5 and a dense start.

    At 28x28: z -> dense 7x7x256 -> transposed convolutions 128 (stride 1), 64 and C (stride 2), against
    convolutions 64 and 128 (stride 2) with dropout. Larger images get more levels, up to 512 channels.
    """

    title = "DCGAN"
    about = "Convolutions and batch normalisation: sharper than a VAE, slower, can collapse."
    paper = "1511.06434"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-4, "batch_size": 64}
    smallest_batch = 2  # batch normalisation of one image has no variance
    Config: ClassVar[type[GANConfig]] = GANConfig

    def judged(self) -> tuple[int, int]:
        """How many channels the discriminator is given, and how many numbers it gives."""
        return self.image_shape[0], 1

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        from latentlab.models import blocks

        channels, height, width = self.image_shape
        sizes = blocks.halvings(height, width)
        levels = len(sizes) - 1
        widths = [self.config.width * min(2**i, 8) for i in range(levels + 1)]
        base = (widths[-1], *sizes[-1])

        generator: list[nn.Module] = [
            nn.Linear(self.latent_shape[0], math.prod(base), bias=False),
            nn.BatchNorm1d(math.prod(base)),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, base),
            nn.ConvTranspose2d(base[0], widths[-2], 5, 1, 2, bias=False),
            nn.BatchNorm2d(widths[-2]),
            nn.LeakyReLU(0.2),
        ]
        for level in reversed(range(1, levels)):
            generator += [
                blocks.up(widths[level], widths[level - 1], 5, sizes[level], bias=False),
                nn.BatchNorm2d(widths[level - 1]),
                nn.LeakyReLU(0.2),
            ]
        generator += [blocks.up(widths[0], channels, 5, sizes[0]), nn.Tanh()]

        discriminator: list[nn.Module] = []
        inputs, outputs = self.judged()
        for features in widths[:levels]:
            discriminator += [
                blocks.down(inputs, features, 5),
                nn.LeakyReLU(0.2),
                blocks.Dropout(self.config.dropout),
            ]
            inputs = features
        discriminator += [nn.Flatten(), nn.Linear(inputs * math.prod(sizes[-1]), outputs)]
        return {"generator": nn.Sequential(*generator), "discriminator": nn.Sequential(*discriminator)}
