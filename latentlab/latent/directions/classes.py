"""From everything else to a class: differences of class means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.latent.directions import labelled
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import whole

if TYPE_CHECKING:
    from latentlab.models.base import Model


@register("classes")
class Classes(Method):
    """Mean latent of a class minus that of the rest, a direction per class (Larsen et al., arXiv 1512.09300).

    A model without an encoder judges its own samples; see `labelled.gather`.
    """

    title = "Class means"
    about = "From everything else towards each class of the data; for adding a class, or taking it away."
    paper = "1512.09300"

    class Config(Method.Config):
        samples: int = setting(
            4000, "Samples", "Images encoded, or samples judged, at most.", ge=20, le=100_000
        )
        seed: int = setting(0, "Seed", "Another seed takes other images.", ge=0, le=2**31 - 1)

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        if reason := labelled.obstacle(model, material.dataset, "labels"):
            return reason
        assert material.dataset is not None
        if sum(count > 0 for count in material.dataset.class_counts().values()) < 2:
            return f"{material.dataset.name} has no labels; expected images of at least two classes."
        return ""

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        assert material.dataset is not None
        known = labelled.gather(model, material.dataset, config.samples, config.seed, report)
        assert known.labels is not None
        latents = known.latents[:, samplers.continuous(model)].astype(np.float64)
        found = []
        for index, name in enumerate(material.dataset.label_names):
            inside = known.labels == index
            if not inside.any() or inside.all():
                continue
            step = latents[inside].mean(0) - latents[~inside].mean(0)
            length = np.linalg.norm(step)
            if length > 0:
                along = latents @ (step / length)
                spread = np.sqrt((along[inside].var() + along[~inside].var()) / 2)
                apart = length / spread if spread > 0 else np.inf  # one image of each
                direction = Direction(name, whole(model, step), cls.key, f"means {apart:.1f} σ apart")
                found.append((apart, direction))
        if not found:
            raise ConfigError("All samples are of one class, as far as can be seen: there is no other mean.")
        found.sort(key=lambda pair: -pair[0])
        return [direction for _, direction in found]
