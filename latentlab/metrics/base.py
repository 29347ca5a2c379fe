"""What a metric is: figures of a model, measured on held-out data. One file per metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from latentlab.core.registry import Registry

if TYPE_CHECKING:
    from latentlab.models.base import Model


@dataclass(frozen=True, eq=False)
class Heldout:
    """Images kept from training: uint8 (N, C, H, W) (points: float32), and int64 labels (N,) where known."""

    images: np.ndarray
    labels: np.ndarray | None = None

    def thinned(self, most: int) -> Heldout:
        """At most `most` of them, evenly spaced."""
        stride = max(1, -(-len(self.images) // most))
        return Heldout(self.images[::stride], None if self.labels is None else self.labels[::stride])


class Metric:
    """Measures some figures. Sub-classes are registered.

    figures: name -> what it is called on the screen; the names are columns of metrics.csv and permanent.
    """

    key: ClassVar[str]
    about: ClassVar[str]
    figures: ClassVar[Mapping[str, str]]

    @classmethod
    def applies(cls, model: type[Model]) -> bool:
        """Whether it can be measured on this kind of model."""
        return True

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        """Figures of `model` on the held-out images, N > 0. Seeded by itself: no run changes."""
        raise NotImplementedError


METRICS: Registry[type[Metric]] = Registry("metric")
register = METRICS.register


def figures(model: type[Model]) -> dict[str, str]:
    """Every figure that can be measured on this kind of model: name -> title."""
    return {name: title for _, m in METRICS.items() if m.applies(model) for name, title in m.figures.items()}


def measure(model: Model, heldout: Heldout) -> dict[str, float]:
    """All figures that apply; none where nothing was held out."""
    if len(heldout.images) == 0:
        return {}
    found: dict[str, float] = {}
    for _, metric in METRICS.items():
        if metric.applies(type(model)):
            found |= metric.measure(model, heldout)
    return found
