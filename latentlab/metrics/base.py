"""What a metric is: figures of a model, measured on held-out data. One file per metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from latentlab.core.registry import Registry
from latentlab.data.gathering import gather

if TYPE_CHECKING:
    from latentlab.models.base import Model


@dataclass(frozen=True, eq=False)
class Heldout:
    """Images kept from training: those of a store that `which` names, and all of it where that is None.

    store: uint8 (N, C, H, W) (points: float32), in memory or mapped. labels: int64 (M,) of the M images that
    are meant, where known. which: int64 (M,).
    """

    store: np.ndarray
    labels: np.ndarray | None = None
    which: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.store if self.which is None else self.which)

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """A copy of the images start..stop: the whole store may be larger than memory."""
        part = slice(start, stop)
        chosen = np.arange(*part.indices(len(self.store))) if self.which is None else self.which[part]
        return gather(self.store, chosen)

    def parts(self, size: int) -> Iterator[np.ndarray]:
        """All images, so many at a time."""
        for start in range(0, len(self), size):
            yield self.read(start, start + size)

    def thinned(self, most: int) -> Heldout:
        """So many of them, evenly spaced, or all where there are no more."""
        count = len(self)
        if count <= most:
            return self
        chosen = np.arange(most) * count // most
        labels = None if self.labels is None else self.labels[chosen]
        return Heldout(self.store, labels, chosen if self.which is None else self.which[chosen])


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
    if len(heldout) == 0:
        return {}
    found: dict[str, float] = {}
    for _, metric in METRICS.items():
        applies = metric.applies(type(model), model.image_shape, heldout.labels is not None)
        if applies and (final or not metric.final_only):
            found |= metric.measure(model, heldout)
    return found
