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


def decomposed_kl(z: Tensor, mean: Tensor, log_variance: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """KL(q(z|x) || N(0, I)) of z (B, D), drawn for B images of `count`, in three parts, each (B,) in nats.

    log q(z|x) - log q(z): what z tells of which image it is. log q(z) - log prod q(z_d): total correlation.
    log prod q(z_d) - log p(z): how far each dimension is from the prior by itself. (Chen et al., arXiv
    1802.04942, equation 2; B > 1.) The aggregate posterior q(z), an average over all images, is estimated
    from the batch: an image's own posterior counts 1 / count, the others share the rest, which unlike equal
    weights is unbiased (appendix C), and exact where the batch is all there is.
    """
    size = len(z)
    count = max(count, size)
    others = (count - 1) / count / (size - 1)
    weights = z.new_full((size, size), math.log(others)).fill_diagonal_(-math.log(count))
    every = log_normal(z[:, None], mean, log_variance)  # (B, B, D): z of a row, posterior of a column
    log_own = every.sum(2).diagonal()
    log_joint = (weights + every.sum(2)).logsumexp(1)
    log_product = (weights[:, :, None] + every).logsumexp(1).sum(1)
    log_prior = log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return log_own - log_joint, log_joint - log_product, log_product - log_prior


def maximum_mean_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """Squared MMD of two sets of draws (B, D), B > 1, without bias, so it may fall below 0 (arXiv 0805.2368).

    The kernel is the inverse multiquadric 2 D / (2 D + |x - y|^2), whose slow tails also reach what lies far
    out (Tolstikhin et al., arXiv 1711.01558): 2 D is what |x - y|^2 is on average under N(0, I).
    """
    size, dimensions = x.shape

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
        return 2 * dimensions / (2 * dimensions + squares.clamp(min=0))

    # k(x, x) = 1: the pairs of a draw with itself are taken out.
    same = kernel(x, x).sum() + kernel(y, y).sum() - 2 * size
    return same / (size * (size - 1)) - 2 * kernel(x, y).mean()


def covariance(x: Tensor) -> Tensor:
    """The covariance (D, D) of rows (B, D), over B."""
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)
