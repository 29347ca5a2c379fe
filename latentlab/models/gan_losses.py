"""What discriminator and generator minimise, on logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


@dataclass(frozen=True)
class GanLoss:
    """The two sides of a game, given logits D(x) and D(G(z)) of shape (B,); finite for logits of +-1e4.

    discriminator(real, fake, smoothing) and generator(fake, real) are scalars to minimise. `pairs` says that
    the generator's looks at real images too, whose logits may otherwise be None. `smooths` says that
    smoothing s has an effect: real images are then to be told as 1 - s (one-sided, arXiv 1606.03498,
    section 3.4). `score` is the D(x) or D(G(z)) that curves show: a probability where logits stand for one,
    else the mean logit. `threshold` is the logit between "real" and "made"; None where only the difference of
    two logits means something.
    """

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor, Tensor | None], Tensor]
    score: Callable[[Tensor], Tensor]
    threshold: float | None
    smooths: bool = False
    pairs: bool = False


def accuracy(loss: GanLoss, real: Tensor, fake: Tensor) -> Tensor:
    """Share of logits (B,) on the right side of the threshold, or of pairs in the right order; ties half."""
    if loss.threshold is None:
        return 0.5 + 0.5 * (real - fake).sign().mean()
    return 0.5 + 0.25 * ((real - loss.threshold).sign().mean() - (fake - loss.threshold).sign().mean())


def _probability(logits: Tensor) -> Tensor:
    return logits.sigmoid().mean()


def _mean(logits: Tensor) -> Tensor:
    return logits.mean()


def _cross_entropy(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    # -t log D(x) - (1 - t) log(1 - D(x)) - log(1 - D(G(z))) with D = sigmoid(logit) and t = 1 - smoothing;
    # softplus keeps it finite for any logit, and softplus(x) = softplus(-x) + x.
    return (F.softplus(-real) + smoothing * real).mean() + F.softplus(fake).mean()


def _least_squares(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    return 0.5 * (real - (1 - smoothing)).square().mean() + 0.5 * fake.square().mean()


def _relativistic(fake: Tensor, real: Tensor | None) -> Tensor:
    assert real is not None, "a relativistic generator is compared with real images"
    return F.softplus(real - fake).mean()


# Arjovsky et al., arXiv 1701.07875, equation 2; what keeps the critic Lipschitz is a regulariser's matter.
_WASSERSTEIN = GanLoss(
    lambda real, fake, _: fake.mean() - real.mean(), lambda fake, _: -fake.mean(), _mean, threshold=None
)

LOSSES: dict[str, GanLoss] = {
    # Goodfellow et al., arXiv 1406.2661, section 3: what the generator should follow instead of minimax.
    "non-saturating": GanLoss(
        _cross_entropy, lambda fake, _: F.softplus(-fake).mean(), _probability, threshold=0, smooths=True
    ),
    # The same paper, equation 1: the generator minimises log(1 - D(G(z))).
    "minimax": GanLoss(
        _cross_entropy, lambda fake, _: -F.softplus(fake).mean(), _probability, threshold=0, smooths=True
    ),
    # Mao et al., arXiv 1611.04076, with a = 0, b = c = 1.
    "lsgan": GanLoss(
        _least_squares, lambda fake, _: 0.5 * (fake - 1).square().mean(), _mean, threshold=0.5, smooths=True
    ),
    "wgan": _WASSERSTEIN,
    "wgan-gp": _WASSERSTEIN,
    # Lim and Ye, arXiv 1705.02894.
    "hinge": GanLoss(
        lambda real, fake, _: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        lambda fake, _: -fake.mean(),
        _mean,
        threshold=0,
    ),
    # Jolicoeur-Martineau, arXiv 1807.00734, RSGAN: how much more real than its partner, pair by pair.
    "relativistic": GanLoss(
        lambda real, fake, _: F.softplus(fake - real).mean(),
        _relativistic,
        _probability,
        threshold=None,
        pairs=True,
    ),
}
