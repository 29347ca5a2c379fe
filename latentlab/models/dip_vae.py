"""DIP-VAE: the covariance of latents over the images is drawn towards that of the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.vae import Draw, VAEConfig
from latentlab.models.vae_nets import VAEConv

if TYPE_CHECKING:
    from torch import Tensor


class DIPVAEConfig(VAEConfig):
    variant: Literal["ii", "i"] = setting(
        "ii",
        "Variant",
        "II looks at latents as drawn and lets dimensions go unused; I at the posteriors' means.",
        labels={"ii": "DIP-VAE-II, of draws", "i": "DIP-VAE-I, of means"},
        live=True,
        group="Covariance",
    )
    lambda_od: float = setting(
        5.0,
        "λ off the diagonal",
        "What it costs that two dimensions go together.",
        ge=0,
        le=10_000,
        log=True,
        live=True,
        group="Covariance",
    )
    lambda_d: float = setting(
        5.0,
        "λ on the diagonal",
        "What it costs that a dimension's variance is not 1; about ten times the other for DIP-VAE-I.",
        ge=0,
        le=10_000,
        log=True,
        live=True,
        group="Covariance",
    )


@register("dip-vae")
class DIPVAE(VAEConv):
    """`vae-conv` with what the covariance of q(z) differs from that of p(z) beside the KL.

    lambda_od sum_(i != j) C_ij^2 + lambda_d sum_i (C_ii - 1)^2 (Kumar et al., arXiv 1711.00848), where C is
    over the batch: I the covariance of the means, II that and the mean of the variances.
    """

    title = "DIP-VAE"
    about = "Draws latents towards uncorrelated dimensions of variance 1: plain and quick to compute."
    paper = "1711.00848"
    smallest_batch = 2  # one image has no covariance
    metric_titles: ClassVar[Mapping[str, str]] = {
        **VAEConv.metric_titles,
        "covariance": "Covariance penalty",
    }
    Config: ClassVar[type[DIPVAEConfig]] = DIPVAEConfig
    config: DIPVAEConfig

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        pull, figures = super().regularize(draw)
        penalty = self.penalty(draw.mean, draw.log_variance)
        return pull + penalty, figures | {"covariance": penalty.detach()}

    def penalty(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """What the covariance of posteriors (B, D) costs."""
        from latentlab.models import losses

        covariance = losses.covariance(mean)
        diagonal = covariance.diagonal()
        off = covariance.square().sum() - diagonal.square().sum()
        if self.config.variant == "ii":
            diagonal = diagonal + log_variance.exp().mean(0)
        return self.config.lambda_od * off + self.config.lambda_d * (diagonal - 1).square().sum()
