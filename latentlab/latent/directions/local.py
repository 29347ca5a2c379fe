"""What moves the image most, from where we are: the singular vectors of the decoder's Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.config import setting
from latentlab.latent import jacobian, samplers
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import oriented, whole

if TYPE_CHECKING:
    from latentlab.models.base import Model


@register("local")
class Local(Method):
    """Right singular vectors of d decode / d z at the present latent (Ramesh et al., arXiv 1812.01161).

    To first order no step of the same length changes the image more than one along the first, and the
    changes that different ones make are orthogonal. The notes tell the norms of the changes, the singular
    values.
    """

    title = "Local"
    about = "What changes the present image most; follows you, for walking from where you are."
    paper = "1812.01161"
    live = True

    class Config(Method.Config):
        count: int = setting(10, "Count", "Directions to find, the strongest first.", ge=1, le=512)

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        dims = samplers.continuous(model)
        squares, vectors = np.linalg.eigh(jacobian.gram(model, material.z, report)[np.ix_(dims, dims)])
        found = []
        for place, i in enumerate(reversed(range(max(0, len(dims) - config.count), len(dims))), start=1):
            value = np.sqrt(max(squares[i], 0))
            vector = whole(model, oriented(vectors[:, i]))
            found.append(Direction(f"Local {place}", vector, cls.key, f"{value:.3g} per σ"))
        return found
