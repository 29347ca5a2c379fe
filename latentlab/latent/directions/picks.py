"""From what a person does not like to what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import whole

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: From so many of both on a linear probe is fitted; of fewer the means are surer.
ENOUGH = 8


@register("picks")
class Picks(Method):
    """Mean of the liked latents minus mean of the disliked; from `ENOUGH` of both the normal of a probe.

    The probe is a logistic regression that weighs both sides alike, as in InterFaceGAN (Shen et al., arXiv
    1907.10786).
    """

    title = "Your picks"
    about = "From the samples you gave a thumb down to those you gave a thumb up; for what has no label."
    paper = "1907.10786"

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        liked, disliked = len(material.liked), len(material.disliked)
        if liked and disliked:
            return ""
        return (
            f"{liked} liked and {disliked} disliked; expected at least 1 of each, and from {ENOUGH} of each "
            "on it is surer."
        )

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        report(0, 1)
        dims = samplers.continuous(model)
        liked, disliked = (z[:, dims].astype(np.float64) for z in (material.liked, material.disliked))
        if min(len(liked), len(disliked)) >= ENOUGH:
            from sklearn.linear_model import LogisticRegression

            answers = np.repeat([1, 0], [len(liked), len(disliked)])
            probe = LogisticRegression(class_weight="balanced", max_iter=2000)
            step = probe.fit(np.concatenate([liked, disliked]), answers).coef_[0]
        else:
            step = liked.mean(0) - disliked.mean(0)
        report(1, 1)
        if not step.any():
            raise ConfigError("What is liked and what is disliked lie in the same place: pick other samples.")
        note = f"{len(liked)} liked, {len(disliked)} disliked"
        return [Direction("Liked", whole(model, step), cls.key, note)]
