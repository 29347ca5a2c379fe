"""The VAE family: an encoder, a decoder, a likelihood and the pull of the prior."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from latentlab.core.config import Config, setting
from latentlab.models.base import Model, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class VAEConfig(Config):
    """What every VAE here can be told."""

    latent_size: int = setting(16, "Latent size", "Dimensions of the latent space.", ge=1, le=512)
    width: int = setting(
        32, "Width", "Channels of the first convolution; deeper ones have more.", ge=4, le=256
    )
    likelihood: Literal["bernoulli", "gaussian"] = setting(
        "bernoulli",
        "Likelihood",
        "How a pixel is judged: Bernoulli suits black on white, Gaussian photographs.",
        labels={"bernoulli": "Bernoulli", "gaussian": "Gaussian"},
    )
    sigma: float = setting(
        0.1,
        "Pixel noise",
        "Standard deviation of the Gaussian likelihood, pixels in 0 to 1; smaller asks for sharper images.",
        ge=0.001,
        le=1,
        log=True,
    )
    beta: float = setting(
        1.0, "β (KL weight)", "Weight of the KL term; 1 is the plain ELBO, more disentangles.", ge=0, le=1000
    )
    kl_warmup: int = setting(
        0,
        "KL warm-up",
        "The KL weight grows from 0 to β over so many steps, which keeps dimensions alive.",
        ge=0,
        le=1_000_000,
        unit="steps",
        zero="off",
    )


class VAE(Model):
    """Auto-encoding variational Bayes (Kingma and Welling, arXiv 1312.6114).

    Minimises E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I)), summed over pixels and dimensions (a mean over
    pixels would collapse the posterior), averaged over the batch. Encoders give 2 D numbers, mean and log
    variance; decoders give logits of the pixels.
    """

    family = "vae"
    paper = "1312.6114"
    evaluation_nets = ("encoder", "decoder")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "batch_size": 128}
    metric_titles: ClassVar[Mapping[str, str]] = {
        "neg_elbo": "−ELBO",
        "reconstruction": "Reconstruction",
        "kl": "KL",
    }
    config: VAEConfig

    def initialize(self, generator: torch.Generator) -> None:
        from latentlab.models import blocks

        for net in self.nets.values():
            blocks.initialize(net, generator)

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        from latentlab.models import blocks

        nets = [self.nets["encoder"], self.nets["decoder"]]
        return {"vae": blocks.adam(nets, learning_rate, (0.9, 0.999), self.device)}

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """float32 images (N, C, H, W) in [0, 1] -> mean and log variance of q(z|x), each (N, D)."""
        mean, log_variance = self.nets["encoder"](images).chunk(2, dim=1)
        # exp(log variance / 2) must stay finite whatever the first steps do.
        return mean, log_variance.clamp(-20, 20)

    def elbo_terms(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images in [0, 1] -> -log p(x|z) for one drawn z (N,), and KL per dimension (N, D), in nats."""
        from latentlab.models import losses

        mean, log_variance = self.posterior(images)
        logits = self.nets["decoder"](losses.reparameterize(mean, log_variance, generator))
        if self.config.likelihood == "bernoulli":
            reconstruction = losses.bernoulli_nll(logits, images)
        else:
            reconstruction = losses.gaussian_nll(logits.sigmoid(), images, self.config.sigma)
        return reconstruction, losses.kl_to_standard_normal(mean, log_variance)

    def kl_weight(self) -> float:
        """Beta, scaled down during warm-up (Sonderby et al., arXiv 1602.02282)."""
        warmup = self.config.kl_warmup
        return self.config.beta * (min(1.0, (self.step_count + 1) / warmup) if warmup else 1.0)

    def step(self, batch: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        from latentlab.models import pixels

        reconstruction, kl = self.elbo_terms(pixels.to_unit(batch), self.generator)
        reconstruction, kl = reconstruction.mean(), kl.sum(1).mean()
        loss = reconstruction + self.kl_weight() * kl

        optimizer = self._optimizers["vae"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.step_count += 1
        reconstruction, kl = reconstruction.detach(), kl.detach()
        return {"neg_elbo": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}

    def decode(self, z: Tensor) -> Tensor:
        return self.nets["decoder"](z).sigmoid()

    def encode(self, images: Tensor) -> Tensor:
        return self.posterior(images)[0]


class MLPConfig(VAEConfig):
    width: int = setting(400, "Width", "Units of the hidden layer.", ge=8, le=4096)


@register("vae-mlp")
class VAEMLP(VAE):
    """pixels -> 400 -> 2 x latent; latent -> 400 -> pixels, as in the paper's appendix C."""

    title = "VAE, dense"
    about = "One hidden layer each way: the smallest VAE, quick on tiny images."
    Config: ClassVar[type[MLPConfig]] = MLPConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        pixels, hidden, latent = math.prod(self.image_shape), self.config.width, self.config.latent_size
        return {
            "encoder": nn.Sequential(
                nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
            ),
            "decoder": nn.Sequential(
                nn.Linear(latent, hidden),
                nn.ReLU(),
                nn.Linear(hidden, pixels),
                nn.Unflatten(1, self.image_shape),
            ),
        }


@register("vae-conv")
class VAEConv(VAE):
    """Convolutions of kernel 4 and stride 2, 32-64(-128-256) channels, a dense layer; mirrored to decode."""

    title = "VAE, convolutional"
    about = "The default: smooth latent space, trains in a minute on small images, reconstructs your own."
    Config: ClassVar[type[VAEConfig]] = VAEConfig

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        from latentlab.models import blocks

        channels, height, width = self.image_shape
        sizes = blocks.halvings(height, width)
        widths = [channels] + [self.config.width * min(2**i, 8) for i in range(len(sizes) - 1)]
        base = (widths[-1], *sizes[-1])
        hidden = 8 * self.config.width

        encoder: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            encoder += [blocks.down(inputs, outputs, 4), nn.ReLU()]
        encoder += [nn.Flatten(), nn.Linear(math.prod(base), hidden), nn.ReLU()]
        encoder += [nn.Linear(hidden, 2 * self.config.latent_size)]

        decoder: list[nn.Module] = [nn.Linear(self.config.latent_size, hidden), nn.ReLU()]
        decoder += [nn.Linear(hidden, math.prod(base)), nn.Unflatten(1, base)]
        for level in reversed(range(len(sizes) - 1)):
            decoder += [nn.ReLU(), blocks.up(widths[level + 1], widths[level], 4, sizes[level])]
        return {"encoder": nn.Sequential(*encoder), "decoder": nn.Sequential(*decoder)}
