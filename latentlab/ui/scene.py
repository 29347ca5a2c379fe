"""What there is to see on a plane of points, as numbers; `widgets.plane_view` shows it."""

from __future__ import annotations

import dataclasses

import numpy as np

from latentlab.training.events import Plane

#: What can be shown or not, beside the generated points.
FIELD, ARROWS, LATTICE, REAL = "field", "arrows", "lattice", "real"
LAYERS = (REAL, FIELD, ARROWS, LATTICE)
#: What the discriminator says of points that are surely made, and surely real, by loss; the logits of some
#: losses stand for a probability. Of the others only differences mean something.
ENDS: dict[str, tuple[float, float]] = {"lsgan": (0.0, 1.0), "hinge": (-1.0, 1.0)}
SIGMOID = ("non-saturating", "minimax")


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """What there is to paint. real: float (N, 2); loss: the key of the loss that the field comes from."""

    plane: Plane | None = None
    real: np.ndarray | None = None
    loss: str = ""

    def has(self, layer: str) -> bool:
        """Whether there is such a layer."""
        if layer == REAL:
            return self.real is not None
        name = {FIELD: "field", ARROWS: "arrows", LATTICE: "image"}[layer]
        return self.plane is not None and getattr(self.plane, name) is not None

    def field_at(self, x: float, y: float) -> tuple[str, float] | None:
        """What the discriminator says of a place: the name of the figure and its value."""
        field = None if self.plane is None else self.plane.field
        if field is None:
            return None
        row, column = (min(max(int(at * len(field)), 0), len(field) - 1) for at in (y, x))
        if self.loss in SIGMOID:
            return "D", float(_sigmoid(field[row, column]))
        return "D" if self.loss in ENDS else "critic", float(field[row, column])


def leaning(field: np.ndarray, loss: str) -> np.ndarray:
    """What a discriminator's outputs mean: float from -1, surely made, to 1, surely real."""
    field = np.nan_to_num(field.astype(np.float64))
    if loss in SIGMOID:
        return 2 * _sigmoid(field) - 1
    # Without a zero of its own: the middle of what it says here, and nearly all of it in range.
    low, high = ENDS[loss] if loss in ENDS else np.percentile(field, (2, 98))
    return np.clip((2 * field - low - high) / max(high - low, 1e-9), -1, 1)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * logits))
