"""The DCGAN of the paper: kernels of 4 and batch normalisation in both nets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.gan import GAN, GANConfig

if TYPE_CHECKING:
    from torch import nn


class RadfordConfig(GANConfig):
    dropout: float = setting(
        0.0,
        "Dropout",
        "Share of the discriminator's features dropped at random.",
        ge=0,
        le=0.9,
        zero="off",
        group="Stability",
    )


@register("dcgan-radford")
class Radford(GAN):
    """Radford et al., arXiv 1511.06434: strided convolutions of kernel 4 only, N(0, 0.02) to start from.

    At 28x28: z -> 4x4x256 -> transposed convolutions 128 (7x7), 64 (14x14) and C, each but the last with
    batch normalisation and ReLU, against convolutions 64, 128, 256 with LeakyReLU 0.2, each but the first
    with batch normalisation. Larger images get more levels, up to eight times the width. The paper's first
    and last convolution cover their whole input or output: they are dense layers here, which is the same.
    """

    title = "DCGAN of the paper"
    about = "Kernels of 4 and batch normalisation in both nets: steps cheaper than a DCGAN's, quick to learn."
    paper = "1511.06434"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-4, "batch_size": 64}
    Config: ClassVar[type[RadfordConfig]] = RadfordConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        from latentlab.models import blocks

        channels, height, width = self.image_shape
        sizes = blocks.halvings(height, width, target=4)
        levels = len(sizes) - 1
        widths = [self.config.width * min(2**i, 8) for i in range(levels)]
        base = (widths[-1], *sizes[-1])

        generator: list[nn.Module] = [
            nn.Linear(self.latent_shape[0], math.prod(base), bias=False),
            nn.Unflatten(1, base),
            nn.BatchNorm2d(base[0]),
            nn.ReLU(),
        ]
        for level in reversed(range(1, levels)):
            generator += [
                blocks.up(widths[level], widths[level - 1], 4, sizes[level], bias=False),
                nn.BatchNorm2d(widths[level - 1]),
                nn.ReLU(),
            ]
        generator += [blocks.up(widths[0], channels, 4, sizes[0]), nn.Tanh()]

        norm = critic_norm(self)
        discriminator: list[nn.Module] = [
            blocks.down(channels, widths[0], 4),
            nn.LeakyReLU(0.2),
            blocks.Dropout(self.config.dropout),
        ]
        for inputs, outputs in itertools.pairwise(widths):
            discriminator += [
                blocks.down(inputs, outputs, 4, bias=norm is nn.Identity),
                norm(outputs),
                nn.LeakyReLU(0.2),
                blocks.Dropout(self.config.dropout),
            ]
        discriminator += [nn.Flatten(), nn.Linear(math.prod(base), 1)]
        return {"generator": nn.Sequential(*generator), "discriminator": nn.Sequential(*discriminator)}


def critic_norm(model: GAN) -> Callable[[int], nn.Module]:
    """What normalises the channels of a discriminator that would like batch normalisation.

    None where spectral normalisation bounds its slope, which a layer that scales would undo (Miyato et al.,
    arXiv 1802.05957); layer normalisation where gradients are penalised (see `penalised`).
    """
    from torch import nn

    from latentlab.models import blocks

    if model.config.regularizer == "spectral-norm":
        return nn.Identity
    return blocks.layer_norm2d if model.penalised else nn.BatchNorm2d
