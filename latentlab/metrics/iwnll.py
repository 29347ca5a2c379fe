"""A closer bound on the likelihood of held-out images than the ELBO."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.data.base import Report, no_report
from latentlab.metrics.base import Heldout, Metric, register
from latentlab.metrics.elbo import batches
from latentlab.models.base import Model
from latentlab.models.vae import VAE

if TYPE_CHECKING:
    from torch import Tensor

#: Samples an image, and images, at the end of a training: fewer images the larger they are.
SAMPLES, MOST_IMAGES, FEWEST_IMAGES = 64, 256, 32
#: Pixels, all channels counted, that may then be decoded.
MOST_PIXELS = SAMPLES * MOST_IMAGES * 32 * 32
#: Images that are looked at together, and images that are decoded together: what a small memory holds.
BATCH, CHUNK = 64, 512


@register("iwnll")
class ImportanceWeightedNLL(Metric):
    """-log p(x) in nats by importance sampling (Burda et al., arXiv 1509.00519, equation 8).

    -log 1/K sum p(x, z) / q(z|x) over K latents drawn from q(z|x): with K = 1 the negative ELBO, from there
    down to -log p(x) as K grows.
    """

    about = "Importance-weighted negative log-likelihood of held-out images, in nats."
    figures: ClassVar[Mapping[str, str]] = {"heldout_iw_nll": "Held-out NLL"}
    final_only = True

    @classmethod
    def applies(cls, model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> bool:
        return issubclass(model, VAE) and model.probabilistic

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        fit = MOST_PIXELS // (SAMPLES * math.prod(model.image_shape))
        few = heldout.thinned(min(MOST_IMAGES, max(FEWEST_IMAGES, fit)))
        return {"heldout_iw_nll": importance_weighted_nll(model, few, SAMPLES)}


def importance_weighted_nll(
    model: Model, heldout: Heldout, samples: int, report: Report = no_report
) -> float:
    """Mean over held-out images of -log p(x), in nats, from `samples` latents for each; N > 0.

    `report` is told the images that are done, and may raise to end it.
    """
    import torch

    assert isinstance(model, VAE)
    generator = torch.Generator(model.device).manual_seed(0)
    total, done = 0.0, 0
    with model.evaluating():
        for images, labels in batches(model, heldout, BATCH):
            parts: list[Tensor] = []
            for start in range(0, samples, CHUNK // BATCH):
                count = min(CHUNK // BATCH, samples - start)
                weights = model.log_weights(images, generator, count, *labels)
                parts.append(weights.logsumexp(0))
            total += float((math.log(samples) - torch.stack(parts).logsumexp(0)).sum())
            done += len(images)
            report(done, len(heldout))
    return total / len(heldout)
