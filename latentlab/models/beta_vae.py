"""The beta-VAE: a heavier KL, or one that is held at a capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.vae import Draw, VAEConfig
from latentlab.models.vae_nets import VAEConv

if TYPE_CHECKING:
    from torch import Tensor


class BetaVAEConfig(VAEConfig):
    beta: float = setting(
        4.0,
        "β (KL weight)",
        "Weight of the KL term; the larger, the more each dimension means one thing, and the blurrier.",
        ge=0,
        le=1000,
        log=True,
        live=True,
    )
    capacity: float = setting(
        0.0,
        "Capacity",
        "Nats that the KL is held at, in place of β; more of them let more detail through.",
        ge=0,
        le=1000,
        unit="nats",
        zero="off",
        live=True,
        group="Capacity",
    )
    capacity_steps: int = setting(
        10_000,
        "Grows over",
        "Steps over which the capacity grows from 0, so that factors come in one by one.",
        ge=0,
        le=10_000_000,
        unit="steps",
        zero="at once",
        live=True,
        group="Capacity",
    )
    gamma: float = setting(
        30.0,
        "γ (hold)",
        "How hard the KL is held at the capacity.",
        ge=0,
        le=10_000,
        log=True,
        live=True,
        group="Capacity",
    )


@register("beta-vae")
class BetaVAE(VAEConv):
    """`vae-conv` with beta > 1 (Higgins et al., arXiv 1606.05579).

    With a capacity C the loss is -log p(x|z) + gamma |KL - C| instead, where C grows linearly from 0
    (Burgess et al., arXiv 1804.03599).
    """

    title = "β-VAE"
    about = "A heavier KL asks each dimension to mean one thing: clearer sliders, blurrier images."
    paper = "1606.05579"
    metric_titles: ClassVar[Mapping[str, str]] = {**VAEConv.metric_titles, "capacity": "Capacity"}
    Config: ClassVar[type[BetaVAEConfig]] = BetaVAEConfig
    config: BetaVAEConfig

    def capacity(self) -> float:
        """The nats that the KL is held at in the next step."""
        grown = (self.step_count + 1) / max(1, self.config.capacity_steps)
        return self.config.capacity * min(1.0, grown)

    def kl_weight(self) -> float:
        return self.config.gamma * self.warmth() if self.config.capacity else super().kl_weight()

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        if self.config.capacity == 0:
            return super().regularize(draw)
        capacity = draw.nll.new_full((), self.capacity())
        figures = self.figures(draw) | {"capacity": capacity}
        return self.kl_weight() * (self.spent(draw.kl) - capacity).abs(), figures
