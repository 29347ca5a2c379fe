"""The beta-TCVAE: of the KL only what makes dimensions depend on each other weighs more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.vae import Draw, VAEConfig
from latentlab.models.vae_nets import VAEConv

if TYPE_CHECKING:
    from torch import Tensor


class BetaTCVAEConfig(VAEConfig):
    beta: float = setting(
        6.0,
        "β (total correlation)",
        "Weight of the part of the KL that says how much dimensions depend on each other.",
        ge=0,
        le=1000,
        log=True,
        live=True,
    )
    alpha: float = setting(
        1.0,
        "α (information)",
        "Weight of the part that says how much latents tell of images; below 1 they may tell more.",
        ge=0,
        le=1000,
        log=True,
        live=True,
        group="KL",
    )
    gamma: float = setting(
        1.0,
        "γ (each dimension)",
        "Weight of the part that says how far each dimension is from the prior by itself.",
        ge=0,
        le=1000,
        log=True,
        live=True,
        group="KL",
    )


@register("beta-tcvae")
class BetaTCVAE(VAEConv):
    """`vae-conv` with alpha I(x; z) + beta TC(z) + gamma sum KL(q(z_d) || p(z_d)) for the KL, their sum.

    (Chen et al., arXiv 1802.04942, equation 4.) The KL itself is known, so only what the weights add to it or
    take from it is estimated from the batch, by `losses.decomposed_kl`. KL warm-up scales all of it.
    """

    title = "β-TCVAE"
    about = "Keeps dimensions independent of each other, at less cost in sharpness than a β-VAE."
    paper = "1802.04942"
    smallest_batch = 2  # the aggregate posterior is estimated from others of the batch
    metric_titles: ClassVar[Mapping[str, str]] = {
        **VAEConv.metric_titles,
        "mutual_information": "Mutual information, estimated",
        "total_correlation": "Total correlation, estimated",
        "dimension_kl": "KL of each dimension, estimated",
    }
    Config: ClassVar[type[BetaTCVAEConfig]] = BetaTCVAEConfig
    config: BetaTCVAEConfig

    def kl_weight(self) -> float:
        return self.warmth()

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        from latentlab.models import losses

        config = self.config
        parts = losses.decomposed_kl(draw.z, draw.mean, draw.log_variance, self.train_count)
        information, correlation, each = (part.mean() for part in parts)
        pull = self.spent(draw.kl) + (config.beta - 1) * correlation
        pull = pull + (config.alpha - 1) * information + (config.gamma - 1) * each
        figures = {
            "mutual_information": information.detach(),
            "total_correlation": correlation.detach(),
            "dimension_kl": each.detach(),
        }
        return self.kl_weight() * pull, self.figures(draw) | figures
