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
        """So many of them, evenly spaced, or all where there are no more."""
        count = len(self.images)
        if count <= most:
            return self
        chosen = np.arange(most) * count // most
        return Heldout(self.images[chosen], None if self.labels is None else self.labels[chosen])


class Metric:
    """Measures some figures. Sub-classes are registered.

    figures: name -> what it is called on the screen; the names are columns of metrics.csv and permanent.
    final_only: whether it takes too long to be measured while a training goes on.
    """

    key: ClassVar[str]
    about: ClassVar[str]
    figures: ClassVar[Mapping[str, str]]
    final_only: ClassVar[bool] = False

    @classmethod
    def applies(cls, model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> bool:
        """Whether it can be measured on this kind of model, learning from such data."""
        return True

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        """Figures of `model` on the held-out images, N > 0. Seeded by itself: no run changes.

        Figures that mean nothing on so few images are left out.
        """
        raise NotImplementedError


METRICS: Registry[type[Metric]] = Registry("metric")
register = METRICS.register


def figures(model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> dict[str, str]:
    """Every figure that can be measured on this kind of model and data: name -> title."""
    return {
        name: title
        for _, metric in METRICS.items()
        if metric.applies(model, image_shape, labelled)
        for name, title in metric.figures.items()
    }


def measure(model: Model, heldout: Heldout, final: bool = False) -> dict[str, float]:
    """All figures that apply, `final` ones only where asked for; none where nothing was held out."""
    if len(heldout.images) == 0:
        return {}
    found: dict[str, float] = {}
    for _, metric in METRICS.items():
        applies = metric.applies(type(model), model.image_shape, heldout.labels is not None)
        if applies and (final or not metric.final_only):
            found |= metric.measure(model, heldout)
    return found
