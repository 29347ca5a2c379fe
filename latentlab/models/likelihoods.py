"""How probable an image is given what a decoder says of it: p(x|z) of pixels in [0, 1]."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

#: Least log sigma of a Gaussian that learns one, as in sigma-VAE (Rybkin et al., arXiv 2006.13202), and of
#: one per pixel: 0.6 and 5 grey levels. Pixels that never change would otherwise narrow it, and raise the
#: density, without end; where they can go far, the others count for nothing beside them and images blur.
LEAST_LOG_SIGMA, LEAST_LOG_SIGMA_OF_A_PIXEL = -6.0, -4.0
#: Least log scale of the logistic, from where all of it lies on one grey level.
LEAST_LOG_SCALE = -7.0
#: What a noise learned once for all pixels starts from, near the spread of an image's pixels.
FIRST_LOG_SCALE = -1.5


class Likelihood:
    """p(x|z) of images x (N, C, H, W) in [0, 1]; a decoder's output is (N, K C, H, W).

    `channels`: how many a decoder's last layer must give per channel of the image; `layers` follow it. The
    output's first C channels are logits of the mean; where K is 2, the others say how sure it is.
    """

    channels: ClassVar[int] = 1

    def __init__(self, sigma: float) -> None:
        """`sigma` is the noise of the kind that fixes it; others ignore it."""
        self.sigma = sigma

    def layers(self) -> list[nn.Module]:
        """What a decoder ends with, behind its last layer."""
        return []

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        """-log p(target|z) in nats, summed over pixels -> (N,). `target` is in [0, 1]."""
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """The images (N, C, H, W) in [0, 1] that a decoder means."""
        return output.sigmoid()


class Bernoulli(Likelihood):
    """A pixel is the probability of white; grey targets give the cross entropy (arXiv 1312.6114, C.1)."""

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none").flatten(1).sum(1)


class Gaussian(Likelihood):
    """N(mean, sigma^2) with the sigma that the settings fix, pixels in [0, 1]."""

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        squared = (target - output.sigmoid()).square().flatten(1).sum(1)
        per_pixel = math.log(self.sigma) + 0.5 * math.log(2 * math.pi)
        return squared / (2 * self.sigma**2) + per_pixel * target[0].numel()


class GaussianPixel(Likelihood):
    """N(mean, sigma^2) with a sigma per pixel and image from the decoder, softly kept above a least one.

    log sigma = least + softplus(output - least), as in sigma-VAE (arXiv 2006.13202).
    """

    channels: ClassVar[int] = 2
    least: ClassVar[float] = LEAST_LOG_SIGMA_OF_A_PIXEL

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        logits, raw = output.chunk(2, dim=1)
        log_sigma = soft_floor(raw, self.least)
        scaled = (target - logits.sigmoid()) * (-log_sigma).exp()
        return (0.5 * scaled.square() + log_sigma + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return output.chunk(2, dim=1)[0].sigmoid()


class GaussianGlobal(GaussianPixel):
    """N(mean, sigma^2) with one sigma for all pixels, learned beside the nets (arXiv 2006.13202)."""

    channels: ClassVar[int] = 1
    least: ClassVar[float] = LEAST_LOG_SIGMA

    def layers(self) -> list[nn.Module]:
        return [SharedScale()]


class DiscretizedLogistic(Likelihood):
    """The logistic's mass on each of the 256 grey levels, with one learned scale.

    P(k) = F(k + 1/2) - F(k - 1/2) on the grey levels, where black and white take the tails (Kingma et al.,
    arXiv 1606.04934; Salimans et al., arXiv 1701.05517, section 2.1). Targets are rounded to grey levels.
    """

    def layers(self) -> list[nn.Module]:
        return [SharedScale()]

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        logits, raw = output.chunk(2, dim=1)
        scale = soft_floor(raw, LEAST_LOG_SCALE).exp()
        level = (255 * target).round()
        distance = level / 255 - logits.sigmoid()
        above, below = (distance + 0.5 / 255) / scale, (distance - 0.5 / 255) / scale
        # F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)), so that no difference of nearly equal numbers is formed.
        left = torch.where(level < 255, F.logsigmoid(above), 0)
        right = torch.where(level > 0, F.logsigmoid(-below), 0)
        inner = torch.where((level > 0) & (level < 255), (-torch.expm1(-1 / (255 * scale))).log(), 0)
        return -(left + right + inner).flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return output.chunk(2, dim=1)[0].sigmoid()


class SharedScale(nn.Module):
    """(N, C, H, W) -> (N, 2 C, H, W): behind the channels, a number that is learned and the same for all."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.log_scale.expand_as(x)], dim=1)


def soft_floor(x: Tensor, least: float) -> Tensor:
    """least + softplus(x - least): x where it is well above `least`, and never below that."""
    return least + F.softplus(x - least)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "gaussian-global": GaussianGlobal,
    "gaussian-pixel": GaussianPixel,
    "discretised-logistic": DiscretizedLogistic,
}
