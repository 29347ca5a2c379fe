"""The nets of VAEs, and the two that are nothing but their nets: dense and convolutional."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, ClassVar

from latentlab.core.config import setting
from latentlab.core.points import is_points
from latentlab.models.base import register
from latentlab.models.vae import VAE, VAEConfig

if TYPE_CHECKING:
    from torch import nn

    from latentlab.models.likelihoods import Likelihood


class MLPConfig(VAEConfig):
    width: int = setting(400, "Width", "Units of the hidden layer.", ge=8, le=4096)


@register("vae-mlp")
class VAEMLP(VAE):
    """pixels -> 400 -> 2 x latent; latent -> 400 -> pixels, as in the paper's appendix C."""

    title = "VAE, dense"
    about = "One hidden layer each way: the smallest VAE, quick on tiny images."
    Config: ClassVar[type[MLPConfig]] = MLPConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        pixels, hidden, latent = math.prod(self.image_shape), self.config.width, self.config.latent_size
        channels, *sides = self.image_shape
        outputs = self.likelihood.channels
        return {
            "encoder": nn.Sequential(
                nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
            ),
            "decoder": nn.Sequential(
                nn.Linear(latent, hidden),
                nn.ReLU(),
                nn.Linear(hidden, outputs * pixels),
                nn.Unflatten(1, (outputs * channels, *sides)),
                *self.likelihood.layers(),
            ),
        }


@register("vae-conv")
class VAEConv(VAE):
    """Convolutions of kernel 4 and stride 2, 32-64(-128-256) channels, a dense layer; mirrored to decode.

    For points, two dense layers each way.
    """

    title = "VAE, convolutional"
    about = "The default: smooth latent space, trains in a minute on small images, reconstructs your own."
    Config: ClassVar[type[VAEConfig]] = VAEConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        trunk, features = encoder_trunk(self.image_shape, self.config.width)
        head = encoder_head(self.image_shape, self.config.width, features, 2 * self.config.latent_size)
        decoder = decoder_layers(
            self.image_shape, self.config.width, self.config.latent_size, self.likelihood
        )
        return {"encoder": nn.Sequential(*trunk, *head), "decoder": nn.Sequential(*decoder)}


def _hidden(image_shape: tuple[int, int, int], width: int) -> int:
    """Units of the dense layers."""
    return (2 if is_points(image_shape) else 8) * width


def _levels(image_shape: tuple[int, int, int], width: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Sides of each level from the image down, and its channels."""
    from latentlab.models import blocks

    channels, height, sides = image_shape
    sizes = blocks.halvings(height, sides)
    return sizes, [channels] + [width * min(2**i, 8) for i in range(len(sizes) - 1)]


def encoder_trunk(image_shape: tuple[int, int, int], width: int) -> tuple[list[nn.Module], int]:
    """The layers from images (N, C, H, W) to features (N, F), and F."""
    from torch import nn

    from latentlab.models import blocks

    if is_points(image_shape):
        return [nn.Flatten()], math.prod(image_shape)
    sizes, widths = _levels(image_shape, width)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [blocks.down(inputs, outputs, 4), nn.ReLU()]
    return [*layers, nn.Flatten()], widths[-1] * math.prod(sizes[-1])


def encoder_head(
    image_shape: tuple[int, int, int], width: int, features: int, outputs: int
) -> list[nn.Module]:
    """The dense layers from features (N, F) to what the encoder says (N, outputs)."""
    from torch import nn

    hidden = _hidden(image_shape, width)
    layers: list[nn.Module] = [nn.Linear(features, hidden), nn.ReLU()]
    if is_points(image_shape):
        layers += [nn.Linear(hidden, hidden), nn.ReLU()]
    return [*layers, nn.Linear(hidden, outputs)]


def decoder_layers(
    image_shape: tuple[int, int, int], width: int, inputs: int, likelihood: Likelihood
) -> list[nn.Module]:
    """The layers from latents (N, inputs) to what the likelihood reads."""
    from torch import nn

    from latentlab.models import blocks

    channels, hidden = likelihood.channels * image_shape[0], _hidden(image_shape, width)
    layers: list[nn.Module] = [nn.Linear(inputs, hidden), nn.ReLU()]
    if is_points(image_shape):
        layers += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, channels)]
        return [*layers, nn.Unflatten(1, (channels, 1, 1)), *likelihood.layers()]
    sizes, widths = _levels(image_shape, width)
    widths[0] = channels
    base = (widths[-1], *sizes[-1])
    layers += [nn.Linear(hidden, math.prod(base)), nn.Unflatten(1, base)]
    for level in reversed(range(len(sizes) - 1)):
        layers += [nn.ReLU(), blocks.up(widths[level + 1], widths[level], 4, sizes[level])]
    return [*layers, *likelihood.layers()]
