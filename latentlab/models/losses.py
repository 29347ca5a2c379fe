"""The terms of the evidence lower bound, and the bound on information of InfoGAN."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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
