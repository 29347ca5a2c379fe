"""Losses on logits, and the terms of the evidence lower bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


@dataclass(frozen=True)
class GanLoss:
    """What discriminator and generator minimise, given logits D(x) and D(G(z)) of shape (B,)."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def _cross_entropy_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    # -log D(x) - log(1 - D(G(z))) with D = sigmoid(logit); softplus keeps it finite for any logit.
    return F.softplus(-real).mean() + F.softplus(fake).mean()


GAN_LOSSES: dict[str, GanLoss] = {
    # Goodfellow et al., arXiv 1406.2661, section 3: what the generator should follow instead of minimax.
    "non-saturating": GanLoss(_cross_entropy_discriminator, lambda fake: F.softplus(-fake).mean()),
    # The same paper, equation 1: the generator minimises log(1 - D(G(z))).
    "minimax": GanLoss(_cross_entropy_discriminator, lambda fake: -F.softplus(fake).mean()),
    # Mao et al., arXiv 1611.04076, with a = 0, b = c = 1.
    "lsgan": GanLoss(
        lambda real, fake: 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean(),
        lambda fake: 0.5 * (fake - 1).square().mean(),
    ),
    # Lim and Ye, arXiv 1705.02894.
    "hinge": GanLoss(
        lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda fake: -fake.mean()
    ),
}


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z; mean, exp(log_variance)) per dimension, in nats, of the arguments' common shape."""
    return -0.5 * (math.log(2 * math.pi) + log_variance + (z - mean).square() * (-log_variance).exp())


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) per dimension, in nats, of the arguments' shape.

    -1/2 (1 + log var - mean^2 - var): Kingma and Welling, arXiv 1312.6114, appendix B.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())


def information_bound(logits: Tensor, category: Tensor, mean: Tensor, codes: Tensor) -> Tensor:
    """E[log q(c|x)] + H(c) <= I(c; x) in nats, of codes c and the image x made from them -> (B,).

    Chen et al., arXiv 1606.03657, equation 5, for a one-hot `category` (B, K), evenly drawn and recognised
    by `logits`, and `codes` (B, C) from N(0, 1), recognised as N(mean, 1). 0 where nothing is recognised;
    at most log K + C/2, where everything is.
    """
    known = math.log(category.shape[1]) + (category * logits.log_softmax(1)).sum(1)
    # H(N(0, 1)) + log N(c; mean, 1): the constants but 1/2 cancel.
    return known + 0.5 * (1 - (codes - mean).square()).sum(1)


def reparameterize(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """z = mean + exp(log_variance / 2) eps with eps from N(0, I) (arXiv 1312.6114, section 2.4)."""
    noise = torch.empty_like(mean).normal_(generator=generator)
    return mean + (0.5 * log_variance).exp() * noise
