"""The GAN family: a generator, a discriminator and a loss (Goodfellow et al., arXiv 1406.2661)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from latentlab.core.config import Config, setting
from latentlab.models.base import Model, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class GANConfig(Config):
    """What every GAN here can be told."""

    latent_size: int = setting(
        100, "Latent size", "Dimensions of the noise the generator starts from.", ge=1, le=512
    )
    width: int = setting(
        64, "Width", "Channels nearest the image; each level further in has twice as many.", ge=4, le=256
    )
    loss: Literal["non-saturating", "minimax", "lsgan", "hinge"] = setting(
        "non-saturating",
        "Loss",
        "What the two nets play for; minimax stalls when the discriminator wins early.",
        labels={
            "non-saturating": "Non-saturating",
            "minimax": "Minimax",
            "lsgan": "Least squares",
            "hinge": "Hinge",
        },
    )
    dropout: float = setting(
        0.3, "Dropout", "Share of the discriminator's features dropped at random.", ge=0, le=0.9
    )
    beta1: float = setting(
        0.5, "Adam β₁", "Memory of the gradient's direction; GANs want 0 to 0.5.", ge=0, le=0.999
    )


class GAN(Model):
    """Images inside are in [-1, 1] (tanh); `decode` gives [0, 1]. Nets: "generator" and "discriminator"."""

    family = "gan"
    evaluation_nets = ("generator",)
    metric_titles: ClassVar[Mapping[str, str]] = {
        "loss_d": "Discriminator loss",
        "loss_g": "Generator loss",
        "d_real": "D(x)",
        "d_fake": "D(G(z))",
    }
    config: GANConfig

    def initialize(self, generator: torch.Generator) -> None:
        from latentlab.models import blocks

        for net in self.nets.values():
            blocks.initialize(net, generator, normal=0.02)

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        from latentlab.models import blocks

        for layer in self.nets["discriminator"].modules():
            if isinstance(layer, blocks.Dropout):
                layer.generator = self.generator
        betas = (self.config.beta1, 0.999)
        return {
            name: blocks.adam([net], learning_rate, betas, self.device) for name, net in self.nets.items()
        }

    def step(self, batch: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        from latentlab.models import losses, pixels

        generator, discriminator = self.nets["generator"], self.nets["discriminator"]
        loss = losses.GAN_LOSSES[self.config.loss]
        real = pixels.to_signed(batch)
        fake = generator(self.draw(len(batch), self.generator))

        # The discriminator learns to tell them apart; the generator's graph is kept for its own turn.
        d_real, d_fake = discriminator(real).flatten(), discriminator(fake.detach()).flatten()
        loss_d = loss.discriminator(d_real, d_fake)
        self._optimizers["discriminator"].zero_grad()
        loss_d.backward()
        self._optimizers["discriminator"].step()

        # The generator learns to fool the new discriminator, whose own gradients nobody needs now.
        discriminator.requires_grad_(False)
        loss_g = loss.generator(discriminator(fake).flatten())
        self._optimizers["generator"].zero_grad()
        loss_g.backward()
        self._optimizers["generator"].step()
        discriminator.requires_grad_(True)

        self.step_count += 1
        return self.figures(loss_d, loss_g, d_real, d_fake)

    @staticmethod
    def figures(loss_d: Tensor, loss_g: Tensor, d_real: Tensor, d_fake: Tensor) -> dict[str, Tensor]:
        """What a step tells: both losses, and how real the discriminator's logits (N,) say images are."""
        return {
            "loss_d": loss_d.detach(),
            "loss_g": loss_g.detach(),
            "d_real": d_real.detach().sigmoid().mean(),
            "d_fake": d_fake.detach().sigmoid().mean(),
        }

    def decode(self, z: Tensor) -> Tensor:
        return (self.nets["generator"](z) + 1) / 2


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

    def initialize(self, generator: torch.Generator) -> None:
        from latentlab.models import blocks

        # Without batch normalisation N(0, 0.02) would let the signal die in four dense layers.
        for net in self.nets.values():
            blocks.initialize(net, generator)


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
        inputs = channels
        for outputs in widths[:levels]:
            discriminator += [
                blocks.down(inputs, outputs, 5),
                nn.LeakyReLU(0.2),
                blocks.Dropout(self.config.dropout),
            ]
            inputs = outputs
        discriminator += [nn.Flatten(), nn.Linear(inputs * math.prod(sizes[-1]), 1)]
        return {"generator": nn.Sequential(*generator), "discriminator": nn.Sequential(*discriminator)}
