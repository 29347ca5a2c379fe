"""FactorVAE: a second net learns to see how dimensions depend on each other, the VAE to hide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import register
from latentlab.models.vae import Draw, VAEConfig
from latentlab.models.vae_nets import VAEConv

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class FactorVAEConfig(VAEConfig):
    gamma: float = setting(
        10.0,
        "γ (total correlation)",
        "What it costs that dimensions depend on each other, beside the KL.",
        ge=0,
        le=1000,
        log=True,
        zero="off",
        live=True,
        group="Total correlation",
    )
    critic_width: int = setting(
        256,
        "Critic's width",
        "Units of each of the three layers of the net that estimates the dependence.",
        ge=8,
        le=2048,
        group="Total correlation",
    )
    critic_rate: float = setting(
        0.1,
        "Critic's rate",
        "Its learning rate, in terms of the VAE's.",
        ge=0.001,
        le=100,
        log=True,
        live=True,
        group="Total correlation",
    )


@register("factor-vae")
class FactorVAE(VAEConv):
    """`vae-conv` with gamma TC(z) beside the KL (Kim and Mnih, arXiv 1802.05983).

    Net "critic" learns to tell latents of q(z) from the same with each dimension shuffled over the batch; its
    logit is then log q(z) / prod q(z_d), of which TC(z) is the mean. As in the paper's algorithm 2, but that
    one batch serves both, where the paper draws another one to shuffle, and that the critic goes first.
    """

    title = "FactorVAE"
    about = "Keeps dimensions independent, as a second net that plays against it judges."
    paper = "1802.05983"
    smallest_batch = 2  # one latent cannot be shuffled
    metric_titles: ClassVar[Mapping[str, str]] = {
        **VAEConv.metric_titles,
        "total_correlation": "Total correlation, estimated",
        "critic": "Critic's loss",
    }
    Config: ClassVar[type[FactorVAEConfig]] = FactorVAEConfig
    config: FactorVAEConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        inputs, width = self.config.latent_size, self.config.critic_width
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Linear(inputs, width), nn.LeakyReLU(0.2)]
            inputs = width
        return super().build() | {"critic": nn.Sequential(*layers, nn.Linear(width, 1), nn.Flatten(0))}

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        from latentlab.models import blocks

        critic = blocks.adam([self.nets["critic"]], learning_rate, (0.5, 0.9), self.device)
        return super().make_optimizers(learning_rate) | {"critic": critic}

    def rates(self, learning_rate: float) -> dict[str, float]:
        return super().rates(learning_rate) | {"critic": learning_rate * self.config.critic_rate}

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        pull, figures = super().regularize(draw)
        figures["critic"] = self.learn_to_judge(draw.z.detach())
        critic = self.nets["critic"]
        critic.requires_grad_(False)  # the VAE's turn: nobody needs the critic's own gradients
        correlation = critic(draw.z).mean()
        critic.requires_grad_(True)
        figures["total_correlation"] = correlation.detach()
        return pull + self.config.gamma * correlation, figures

    def learn_to_judge(self, z: Tensor) -> Tensor:
        """A step of the critic on latents (B, D) -> its loss, ln 2 where it sees no dependence."""
        from torch.nn.functional import softplus

        critic, optimizer = self.nets["critic"], self._optimizers["critic"]
        together, apart = critic(z), critic(shuffled(z, self.generator))
        loss = 0.5 * (softplus(-together).mean() + softplus(apart).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()


def shuffled(z: Tensor, generator: torch.Generator) -> Tensor:
    """Each dimension of (B, D) in an order of its own: draws of prod q(z_d)."""
    import torch

    order = torch.rand(z.shape, generator=generator, device=z.device).argsort(0)
    return z.gather(0, order)
