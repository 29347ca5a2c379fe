"""The evidence lower bound of a VAE on held-out images, and how many latent dimensions it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from latentlab.metrics.base import Heldout, Metric, register
from latentlab.models.base import Model
from latentlab.models.vae import VAE

#: A dimension is active where the variance of its posterior mean over the data exceeds this
#: (Burda et al., arXiv 1509.00519, section 5.2).
ACTIVE_VARIANCE = 0.01
BATCH = 256


@register("elbo")
class Elbo(Metric):
    """ELBO = E_q[log p(x|z)] - KL(q(z|x) || N(0, I)) in nats, one z per image (arXiv 1312.6114)."""

    about = "Evidence lower bound on held-out images, in nats, and active latent dimensions."
    figures: ClassVar[Mapping[str, str]] = {
        "heldout_neg_elbo": "Held-out −ELBO",
        "heldout_reconstruction": "Held-out reconstruction",
        "heldout_kl": "Held-out KL",
        "active_units": "Active dimensions",
    }

    @classmethod
    def applies(cls, model: type[Model]) -> bool:
        return issubclass(model, VAE)

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        import torch

        from latentlab.models.pixels import to_unit

        assert isinstance(model, VAE)
        generator = torch.Generator(model.device).manual_seed(0)
        reconstruction = divergence = 0.0
        means = []
        with model.evaluating():
            for part in torch.from_numpy(heldout.images).split(BATCH):
                images = to_unit(part.to(model.device))
                nll, kl = model.elbo_terms(images, generator)
                reconstruction += float(nll.sum())
                divergence += float(kl.sum())
                means.append(model.posterior(images)[0].cpu())
        count = len(heldout.images)
        spread = torch.cat(means).var(0, correction=0)
        return {
            "heldout_neg_elbo": (reconstruction + divergence) / count,
            "heldout_reconstruction": reconstruction / count,
            "heldout_kl": divergence / count,
            "active_units": float((spread > ACTIVE_VARIANCE).sum()),
        }
