"""What the decoder's first layer passes on most: closed-form factorisation of its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.config import setting
from latentlab.latent import samplers
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import oriented, percent, whole

if TYPE_CHECKING:
    from torch import Tensor

    from latentlab.models.base import Model


@register("sefa")
class SeFa(Method):
    """Eigenvectors of A^T A, A the first weight of the decoder (Shen and Zhou, arXiv 2007.06600, eq. 5)."""

    title = "SeFa"
    about = "What the decoder's first layer passes on most; at once and without a sample, a first look."
    paper = "2007.06600"

    class Config(Method.Config):
        count: int = setting(10, "Count", "Directions to find, the strongest first.", ge=1, le=512)

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        if first_weight(model) is None:
            return f"SeFa needs a decoder that starts with a layer of the latent, which a {model.key} lacks."
        return ""

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        weight = first_weight(model)
        assert weight is not None
        report(0, 1)
        a = weight.detach().cpu().double().numpy()[:, samplers.continuous(model)]
        squares, vectors = np.linalg.eigh(a.T @ a)
        report(1, 1)
        found = []
        for place, i in enumerate(reversed(range(max(0, len(squares) - config.count), len(squares))), 1):
            share = percent(max(squares[i], 0) / max(squares.sum(), np.finfo(float).tiny))
            vector = whole(model, oriented(vectors[:, i]))
            found.append(Direction(f"SeFa {place}", vector, cls.key, f"{share} of the first layer"))
        return found


def first_weight(model: Model) -> Tensor | None:
    """(outputs, D): the weight of the decoding net's first layer, or None where it does not take latents."""
    from torch import nn

    for layer in model.decoding_net.modules():
        if isinstance(layer, nn.Linear):
            return layer.weight if layer.in_features == model.latent_shape[0] else None
        if isinstance(layer, nn.ConvTranspose2d):
            return layer.weight.flatten(1).T if layer.in_channels == model.latent_shape[0] else None
        if next(layer.parameters(recurse=False), None) is not None:
            return None
    return None
