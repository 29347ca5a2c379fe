"""The VAE family: an encoder, a decoder, a likelihood and the pull of the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.core.points import is_points
from latentlab.models.base import Model

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from latentlab.models.likelihoods import Likelihood

#: Steps between two measurements of the gradient's norm: each costs as much as some of a small net's layers.
GRADIENT_EVERY = 20
#: Likelihoods of numbers that are no shades of grey, such as a point's.
CONTINUOUS = ("gaussian", "gaussian-global", "gaussian-pixel")


class AutoencoderConfig(Config):
    """What every autoencoder can be told."""

    latent_size: int = setting(16, "Latent size", "Dimensions of the latent space.", ge=1, le=512)
    width: int = setting(
        32, "Width", "Channels of the first convolution; deeper ones have more.", ge=4, le=256
    )
    likelihood: Literal[
        "bernoulli", "gaussian", "gaussian-global", "gaussian-pixel", "discretised-logistic"
    ] = setting(
        "bernoulli",
        "Likelihood",
        "How a pixel is judged: Bernoulli suits black on white, others photographs; points need a Gaussian.",
        labels={
            "bernoulli": "Bernoulli",
            "gaussian": "Gaussian, fixed noise",
            "gaussian-global": "Gaussian, learned noise",
            "gaussian-pixel": "Gaussian, noise per pixel",
            "discretised-logistic": "Discretised logistic",
        },
    )
    sigma: float = setting(
        0.1,
        "Pixel noise",
        "Standard deviation of the Gaussian likelihood, pixels in 0 to 1; smaller asks for sharper images.",
        ge=0.001,
        le=1,
        log=True,
        live=True,
        only={"likelihood": ("gaussian",)},
    )


class VAEConfig(AutoencoderConfig):
    """What every VAE here can be told."""

    beta: float = setting(
        1.0,
        "β (KL weight)",
        "Weight of the KL term; 1 is the plain ELBO, more disentangles.",
        ge=0,
        le=1000,
        log=True,
        live=True,
    )
    # Linear over no steps is constant; runs from before there was a choice warmed up linearly.
    kl_schedule: Literal["linear", "cyclical", "constant"] = setting(
        "linear",
        "KL schedule",
        "How the KL weight grows from 0 to β: once, again and again, or not at all.",
        labels={"linear": "Linear warm-up", "cyclical": "Cyclical warm-up", "constant": "Constant"},
        live=True,
        group="KL",
    )
    kl_warmup: int = setting(
        0,
        "KL warm-up",
        "The KL weight grows from 0 to β over so many steps, which keeps dimensions alive.",
        ge=0,
        le=1_000_000,
        unit="steps",
        zero="off",
        live=True,
        only={"kl_schedule": ("linear", "cyclical")},
        group="KL",
    )
    kl_cycles: int = setting(
        4,
        "Cycles",
        "How often it grows; between two times the weight stays at β for as long as it grew.",
        ge=1,
        le=1000,
        live=True,
        only={"kl_schedule": ("cyclical",)},
        group="KL",
    )
    free_bits: float = setting(
        0.0,
        "Free nats",
        "Nats that each latent dimension may spend before it costs anything; keeps dimensions alive.",
        ge=0,
        le=100,
        unit="nats",
        zero="off",
        live=True,
        group="KL",
    )


@dataclass(frozen=True, eq=False)
class Draw:
    """What a VAE makes of B images, in nats.

    mean, log_variance: of q(z|x), (B, D); z: one draw of it (B, D); kl: KL(q(z|x) || N(0, I)) per dimension
    (B, D); nll: -log p(x|z) (B,).
    """

    mean: Tensor
    log_variance: Tensor
    z: Tensor
    kl: Tensor
    nll: Tensor


class VAE(Model):
    """Auto-encoding variational Bayes (Kingma and Welling, arXiv 1312.6114).

    Minimises E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I)), summed over pixels and dimensions (a mean over
    pixels would collapse the posterior), averaged over the batch; other members of the family change
    `regularize`, the second term. Encoders give 2 D numbers, mean and log variance; what decoders give is the
    likelihood's matter.

    `probabilistic`: whether there is a posterior, a KL and an ELBO. `condition` is what encoder and decoder
    know of an image beside it, None but for models of classes; where there is one, the latent's numbers are z
    and then the condition's, and only z has a posterior.
    """

    family = "vae"
    paper = "1312.6114"
    probabilistic: ClassVar[bool] = True
    evaluation_nets: tuple[str, ...] = ("encoder", "decoder")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "batch_size": 128}
    metric_titles: ClassVar[Mapping[str, str]] = {
        "neg_elbo": "−ELBO",
        "reconstruction": "Reconstruction",
        "kl": "KL",
        "kl_weight": "KL weight",
        "grad": "Gradient norm",
    }
    config: VAEConfig

    def __init__(self, config: Any, image_shape: tuple[int, int, int], **more: Any) -> None:
        if is_points(image_shape) and config.likelihood not in CONTINUOUS:
            raise ConfigError(
                f"model.likelihood: {config.likelihood!r} is not allowed for points, which are no shades of "
                f"grey; expected one of {', '.join(CONTINUOUS)}."
            )
        super().__init__(config, image_shape, **more)

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z), as the settings say now."""
        from latentlab.models.likelihoods import LIKELIHOODS

        return LIKELIHOODS[self.config.likelihood](self.config.sigma)

    def initialize(self, generator: torch.Generator) -> None:
        from latentlab.models import blocks

        for net in self.nets.values():
            blocks.initialize(net, generator)

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        from latentlab.models import blocks

        nets = [self.nets[name] for name in self.evaluation_nets]
        return {"vae": blocks.adam(nets, learning_rate, (0.9, 0.999), self.device)}

    # What it makes of images. `labels` are int64 (N,), for models that need them.

    def condition(self, images: Tensor, labels: Tensor | None) -> Tensor | None:
        """What is known of images (N, C, H, W) in [0, 1] beside them -> (N, K), or None."""
        return None

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """float32 images (N, C, H, W) in [0, 1] -> mean and log variance of q(z|x), each (N, D)."""
        return self.infer(images, self.condition(images, labels))

    def infer(self, images: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `posterior`, of images whose condition is known."""
        return self.bounded(self.nets["encoder"](images))

    @staticmethod
    def bounded(said: Tensor) -> tuple[Tensor, Tensor]:
        """What an encoder says (N, 2 D) -> mean and log variance, each (N, D)."""
        mean, log_variance = said.chunk(2, dim=1)
        # exp(log variance / 2) must stay finite whatever the first steps do.
        return mean, log_variance.clamp(-20, 20)

    def look(self, images: Tensor, generator: torch.Generator, labels: Tensor | None) -> Draw:
        """Encode images in [0, 1], draw a z for each and decode it."""
        from latentlab.models import losses

        condition = self.condition(images, labels)
        mean, log_variance = self.infer(images, condition)
        z = losses.reparameterize(mean, log_variance, generator)
        nll = self.likelihood.nll(self.nets["decoder"](joined(z, condition)), images)
        return Draw(mean, log_variance, z, losses.kl_to_standard_normal(mean, log_variance), nll)

    def elbo_terms(
        self, images: Tensor, generator: torch.Generator, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Images in [0, 1] -> -log p(x|z) for one drawn z (N,), and KL per dimension (N, D), in nats."""
        draw = self.look(images, generator, labels)
        return draw.nll, draw.kl

    def log_weights(
        self, images: Tensor, generator: torch.Generator, samples: int, labels: Tensor | None = None
    ) -> Tensor:
        """log p(x|z) + log p(z) - log q(z|x), in nats, for `samples` draws of z per image -> (samples, N).

        The log of their exponentials' mean bounds log p(x), the tighter the more there are; for one it is the
        ELBO (Burda et al., arXiv 1509.00519, equation 8).
        """
        import torch

        from latentlab.models import losses

        condition = self.condition(images, labels)
        mean, log_variance = self.infer(images, condition)
        standard = torch.zeros_like(mean)
        rows = []
        for _ in range(samples):
            z = losses.reparameterize(mean, log_variance, generator)
            nll = self.likelihood.nll(self.nets["decoder"](joined(z, condition)), images)
            ratio = losses.log_normal(z, standard, standard) - losses.log_normal(z, mean, log_variance)
            rows.append(ratio.sum(1) - nll)
        return torch.stack(rows)

    def draw_posterior(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images in [0, 1] -> a latent (N, D) for each, drawn from q(z|x) as in training."""
        from latentlab.models import losses

        condition = self.condition(images, None)
        return joined(losses.reparameterize(*self.infer(images, condition), generator), condition)

    def encode(self, images: Tensor) -> Tensor:
        condition = self.condition(images, None)
        return joined(self.infer(images, condition)[0], condition)

    def decode(self, z: Tensor) -> Tensor:
        return self.likelihood.mean(self.nets["decoder"](z))

    # How it learns

    def warmth(self) -> float:
        """The share of its weight, 0 to 1, that the KL has in the next step.

        Linear: Sonderby et al., arXiv 1602.02282. Cyclical: Fu et al., arXiv 1903.10145, half of each cycle.
        """
        warmup, step, cycles = self.config.kl_warmup, self.step_count, self.config.kl_cycles
        if not self._moves:
            return 1.0
        if self.config.kl_schedule == "cyclical" and step < 2 * warmup * cycles:
            step %= 2 * warmup
        return min(1.0, (step + 1) / warmup)

    @property
    def _moves(self) -> bool:
        """Whether the KL's weight changes with time."""
        return self.config.kl_warmup > 0 and self.config.kl_schedule != "constant"

    def kl_weight(self) -> float:
        """Beta, scaled down during warm-up."""
        return self.config.beta * self.warmth()

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """What a batch's loss has beside -log p(x|z), in nats, and figures of it, detached."""
        return self.kl_weight() * self.spent(draw.kl), self.figures(draw)

    def spent(self, kl: Tensor) -> Tensor:
        """KL (B, D) averaged over the batch and summed, each dimension at least at its free nats.

        Kingma et al., arXiv 1606.04934, with a group per dimension.
        """
        if self.config.free_bits == 0:
            return kl.sum(1).mean()
        return kl.mean(0).clamp(min=self.config.free_bits).sum()

    def figures(self, draw: Draw) -> dict[str, Tensor]:
        """The ELBO's figures of a batch, whatever the loss makes of them, and the KL's weight if it moves."""
        kl = draw.kl.detach().sum(1).mean()
        found = {"neg_elbo": draw.nll.detach().mean() + kl, "kl": kl}
        if self._moves:
            found["kl_weight"] = kl.new_full((), self.kl_weight())
        return found

    def step(self, batch: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        from latentlab.models import blocks, pixels

        draw = self.look(pixels.to_unit(batch), self.generator, labels)
        reconstruction = draw.nll.mean()
        pull, figures = self.regularize(draw)
        figures["reconstruction"] = reconstruction.detach()

        optimizer = self._optimizers["vae"]
        optimizer.zero_grad()
        (reconstruction + pull).backward()
        if self.step_count % GRADIENT_EVERY == 0:
            figures["grad"] = blocks.gradient_norm(self.nets[name] for name in self.evaluation_nets)
        optimizer.step()
        self.step_count += 1
        return {name: figures[name] for name in self.metric_titles if name in figures}


def joined(z: Tensor, condition: Tensor | None) -> Tensor:
    """z (N, D) and what else there may be (N, K) -> what a decoder reads."""
    import torch

    return z if condition is None else torch.cat([z, condition], dim=1)
