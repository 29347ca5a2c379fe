"""A GAN of densely connected blocks: each layer sees all that came before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.gan import GAN
from latentlab.models.radford import RadfordConfig, critic_norm

if TYPE_CHECKING:
    from torch import nn

#: Layers of a dense block; four growths wide inside, as the paper's bottleneck layers are.
LAYERS = 3
BOTTLENECK = 4


class DenseNetConfig(RadfordConfig):
    width: int = setting(
        12,
        "Growth",
        "Channels that each layer adds to what the layers before it found.",
        ge=4,
        le=128,
    )


@register("densenet-gan")
class DenseNetGAN(GAN):
    """Dense blocks (Huang et al., arXiv 1608.06993, DenseNet-BC) at every size below the image's own.

    At 28x28 with growth k = 12: z -> 7x7x48 -> block (84) -> half as many channels, transposed convolution
    to 14x14 -> block (78) -> transposed convolution to the image; against a convolution to 14x14x24 ->
    block (60) -> half as many, averaged to 7x7 -> block (66) -> dense 1.
    """

    title = "DenseNet GAN"
    about = "Every layer sees all before it: few weights and rich features, at slower steps than a DCGAN."
    paper = "1608.06993"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-4, "batch_size": 64}
    first_weights = None  # layers differ in width, so one deviation would not suit all
    Config: ClassVar[type[DenseNetConfig]] = DenseNetConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        from latentlab.models import blocks

        channels, height, width = self.image_shape
        growth = self.config.width
        *sizes, base = blocks.halvings(height, width)

        # Transitions widen the picture with a transposed convolution of as many channels as it takes.
        count = 4 * growth
        generator: list[nn.Module] = [
            nn.Linear(self.latent_shape[0], count * math.prod(base), bias=False),
            nn.Unflatten(1, (count, *base)),
            nn.BatchNorm2d(count),
            nn.ReLU(),
        ]
        for size in reversed(sizes):
            generator += [_block(count, growth, nn.BatchNorm2d, nn.ReLU())]
            count += LAYERS * growth
            generator += [nn.BatchNorm2d(count), nn.ReLU()]
            if size != sizes[0]:
                generator += [
                    nn.Conv2d(count, count // 2, 1, bias=False),
                    blocks.up(count // 2, count // 2, 4, size, bias=False),
                ]
                count //= 2
        generator += [blocks.up(count, channels, 4, sizes[0]), nn.Tanh()]

        norm = critic_norm(self)
        count = 2 * growth
        discriminator: list[nn.Module] = [blocks.down(channels, count, 4)]
        for size in sizes:
            discriminator += [_block(count, growth, norm, nn.LeakyReLU(0.2))]
            count += LAYERS * growth
            discriminator += [norm(count), nn.LeakyReLU(0.2), blocks.Dropout(self.config.dropout)]
            if size != sizes[-1]:
                discriminator += [
                    nn.Conv2d(count, count // 2, 1, bias=False),
                    nn.AvgPool2d(2, ceil_mode=True),
                ]
                count //= 2
        discriminator += [nn.Flatten(), nn.Linear(count * math.prod(base), 1)]
        return {"generator": nn.Sequential(*generator), "discriminator": nn.Sequential(*discriminator)}


def _block(channels: int, growth: int, norm: Callable[[int], nn.Module], act: nn.Module) -> nn.Module:
    """(B, channels, H, W) -> `LAYERS` * growth channels more: each layer adds its own to all before it."""
    from torch import nn

    from latentlab.models import blocks

    layers = []
    for n in range(LAYERS):
        inputs = channels + n * growth
        layers.append(
            nn.Sequential(
                norm(inputs),
                act,
                nn.Conv2d(inputs, BOTTLENECK * growth, 1, bias=False),
                norm(BOTTLENECK * growth),
                act,
                nn.Conv2d(BOTTLENECK * growth, growth, 3, padding=1, bias=False),
            )
        )
    return nn.Sequential(*(blocks.Joined(layer) for layer in layers))
