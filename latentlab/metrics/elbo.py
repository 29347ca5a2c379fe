"""The evidence lower bound of a VAE on held-out images, and how many latent dimensions it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from latentlab.metrics.base import Heldout, Metric, register
from latentlab.models.base import Model
from latentlab.models.vae import VAE

if TYPE_CHECKING:
    from torch import Tensor

#: A dimension is active where the variance of its posterior mean over the data exceeds this
#: (Burda et al., arXiv 1509.00519, section 5.2).
ACTIVE_VARIANCE = 0.01
BATCH = 256


@register("reconstruction")
class Reconstruction(Metric):
    """-log p(x|z) of held-out images for models without a posterior, z being the image's code."""

    about = "How well an autoencoder gives back held-out images, in nats."
    figures: ClassVar[Mapping[str, str]] = {"heldout_reconstruction": "Held-out reconstruction"}

    @classmethod
    def applies(cls, model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> bool:
        return issubclass(model, VAE) and not model.probabilistic

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        import torch

        assert isinstance(model, VAE)
        generator = torch.Generator(model.device).manual_seed(0)
        with model.evaluating():
            total = sum(
                float(model.elbo_terms(images, generator, *labels)[0].sum())
                for images, labels in batches(model, heldout)
            )
        return {"heldout_reconstruction": total / len(heldout)}


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
    def applies(cls, model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> bool:
        return issubclass(model, VAE) and model.probabilistic

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        import torch

        assert isinstance(model, VAE)
        generator = torch.Generator(model.device).manual_seed(0)
        reconstruction = divergence = 0.0
        # In one piece: small ones behind those of each batch would keep their memory from being used again.
        means, done = torch.empty(len(heldout), 0), 0
        with model.evaluating():
            for images, labels in batches(model, heldout):
                nll, kl = model.elbo_terms(images, generator, *labels)
                reconstruction += float(nll.sum())
                divergence += float(kl.sum())
                mean = model.posterior(images, *labels)[0]
                if not done:
                    means = torch.empty(len(heldout), mean.shape[1])
                means[done : done + len(mean)] = mean
                done += len(mean)
        count = len(heldout)
        spread = means.var(0, correction=0)
        return {
            "heldout_neg_elbo": (reconstruction + divergence) / count,
            "heldout_reconstruction": reconstruction / count,
            "heldout_kl": divergence / count,
            "active_units": float((spread > ACTIVE_VARIANCE).sum()),
        }


def kl_per_dimension(model: Model, heldout: Heldout) -> np.ndarray | None:
    """Mean KL(q(z|x) || N(0, I)) over held-out images -> float32 (D,), nats; the encoder alone works.

    None for models without a posterior, and where nothing was held out.
    """

    from latentlab.models import losses

    if not isinstance(model, VAE) or not model.probabilistic or len(heldout) == 0:
        return None
    total: Tensor | None = None  # one for all batches, as in `Elbo.measure`
    with model.evaluating():
        for images, labels in batches(model, heldout):
            kl = losses.kl_to_standard_normal(*model.posterior(images, *labels)).sum(0)
            total = kl if total is None else total.add_(kl)
    assert total is not None
    means: np.ndarray = (total / len(heldout)).cpu().numpy()
    return means


def batches(model: VAE, heldout: Heldout, size: int = BATCH) -> Iterator[tuple[Tensor, tuple[Any, ...]]]:
    """Images in [0, 1] (B, C, H, W) on the model's device, and their labels ((B,),), () if it needs none."""
    import torch

    from latentlab.models.pixels import to_unit

    for start in range(0, len(heldout), size):
        images = to_unit(torch.from_numpy(heldout.read(start, start + size)).to(model.device))
        labels: tuple[Any, ...] = ()
        if model.needs_labels:
            assert heldout.labels is not None
            labels = (torch.from_numpy(heldout.labels[start : start + size]).to(model.device),)
        yield images, labels
