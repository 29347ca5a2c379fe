"""Which latent dimensions matter: the nats a VAE spends on each, or how far each moves the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from latentlab.data.base import Report, no_report
from latentlab.data.gathering import gather
from latentlab.latent import jacobian, samplers

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: Images that `importance` looks at: the mean over more differs in the third digit.
IMAGES = 2048
BATCH = 256


@dataclass(frozen=True, eq=False)
class Importance:
    """A number per latent dimension, float64 (D,), the larger the more it matters, and what it is.

    unit "KL": nats of KL(q(z_i|x) || N(0, 1)) averaged over images; a dimension near 0 is not used, and the
    numbers of a choice, which have no posterior, are 0.
    unit "sensitivity": the norm of the image's change per sigma; see `jacobian.sensitivity`.
    """

    values: np.ndarray
    unit: Literal["KL", "sensitivity"]


def importance(
    model: Model, images: np.ndarray | None = None, report: Report = no_report, most: int = 0
) -> Importance:
    """KL where `model` has a posterior and images (N, C, H, W) of its shape are given, else sensitivity.

    At most some `most` (0: `IMAGES`) of the images, uint8 or points, are looked at, evenly spaced.
    """
    from latentlab.models.vae import VAE

    usable = images is not None and len(images) and images.shape[1:] == model.image_shape
    if isinstance(model, VAE) and model.probabilistic and images is not None and usable:
        which = np.arange(0, len(images), -(-len(images) // (most or IMAGES)))
        return Importance(kl_per_dimension(model, images, report, which), "KL")
    latents = samplers.draw(model, range(max(4, 2048 // model.latent_shape[0])))
    return Importance(jacobian.sensitivity(model, latents, report), "sensitivity")


def kl_per_dimension(
    model: Model, images: np.ndarray, report: Report = no_report, which: np.ndarray | None = None
) -> np.ndarray:
    """KL(q(z_i|x) || N(0, 1)) of a VAE in nats, averaged over uint8 images (N, C, H, W) -> float64 (D,).

    Over those that `which`, int64 (M,), names, or all. 0 for the numbers of a choice.
    """
    import torch

    from latentlab.models import losses, pixels
    from latentlab.models.vae import VAE

    assert isinstance(model, VAE)
    total = np.zeros(model.latent_shape)
    chosen = np.arange(len(images)) if which is None else which
    for start in range(0, len(chosen), BATCH):
        part = torch.from_numpy(gather(images, chosen[start : start + BATCH]))
        with model.evaluating():
            mean, log_variance = model.posterior(pixels.to_unit(part.to(model.device)))
            kl = losses.kl_to_standard_normal(mean, log_variance)
        total[: kl.shape[1]] += kl.cpu().double().sum(0).numpy()
        report(start + len(part), len(chosen))
    return total / len(chosen)
