"""Where we are in the latent space, and the requests that turn it into pictures."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.latent import paths, samplers, traversal
from latentlab.ui.workers import Sampler

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: The neighbourhood: so many images a side, so many sigma apart.
AROUND_SIDE, AROUND_STEP = 5, 0.75
#: Milliseconds between two neighbourhoods: they cost as much as 25 images, and the image itself comes first.
AROUND_EVERY = 120
LARGEST_SEED = 99_999


class LatentState(QObject):
    """The present latent z (D,), float32, and how it came about. Every change asks for pictures."""

    space_changed = Signal()  # another model: other dimensions or image shape, or none
    changed = Signal()  # z, seed, truncation or a lock
    explored = Signal(object, float, float)  # uint8 (1, C, H, W); ms to decode; ms from request to result
    surrounded = Signal(object)  # uint8 (25, C, H, W): the neighbourhood
    weights_changed = Signal(int)  # the model learned on; the step now shown

    def __init__(self, sampler: Sampler, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sampler = sampler
        self.model: Model | None = None  # for its shapes and key alone: the sampling thread owns its nets
        self.z = np.zeros(0, np.float32)
        self.seed, self.truncation = 0, 1.0
        self.locked: set[int] = set()
        self.axes = (0, 1)
        self._seeded = True  # whether z is what seed and truncation give
        self._stamp = 0
        self._asked: dict[int, float] = {}
        self.step = 0
        self._surroundings_due = False
        self._pacing = QTimer(self)
        self._pacing.setSingleShot(True)
        self._pacing.setInterval(AROUND_EVERY)
        self._pacing.timeout.connect(self._on_paced)
        sampler.adopted.connect(self._on_adopted)
        sampler.refreshed.connect(self._on_refreshed)
        sampler.rendered.connect(self._on_rendered)

    @property
    def size(self) -> int:
        """Dimensions, 0 without a model."""
        return len(self.z)

    # What a person does

    def set_value(self, dimension: int, value: float) -> None:
        """Move one dimension, in sigma."""
        z = self.z.copy()
        z[dimension] = value
        self.set_z(z)

    def set_z(self, z: np.ndarray) -> None:
        """Go to a latent (D,)."""
        self._seeded = False
        self._go(z)

    def set_seed(self, seed: int) -> None:
        """Go to the latent of a seed; locked dimensions stay."""
        self.seed, self._seeded = seed, True
        self._draw()

    def randomise(self) -> None:
        """Go to a random seed's latent; locked dimensions stay."""
        self.set_seed(random.randint(0, LARGEST_SEED))

    def set_truncation(self, truncation: float) -> None:
        """How far drawn latents stray from the mean; redraws the present one where a seed made it."""
        self.truncation = truncation
        if self._seeded:
            self._draw()

    def reset(self) -> None:
        """Go to the prior's mean; locked dimensions stay."""
        self._seeded = False
        self._go(self._keep_locked(np.zeros_like(self.z)))

    def set_locked(self, dimension: int, locked: bool) -> None:
        """Keep a dimension out of Randomise and Reset, or no longer."""
        (self.locked.add if locked else self.locked.discard)(dimension)
        self.changed.emit()

    def set_axes(self, first: int, second: int) -> None:
        """The two dimensions that the neighbourhood varies: down, and to the right."""
        self.axes = (first, second)
        self.look_around()

    def path_through(self, keyframes: list[np.ndarray], position: float, kind: str) -> None:
        """Go to a position on the path through keyframes."""
        self.set_z(paths.through(np.stack(keyframes), position, kind))

    def neighbour(self, index: int) -> np.ndarray:
        """The latent (D,) of a tile of the neighbourhood."""
        return self._neighbourhood()[index]

    # Asking for pictures

    def look(self) -> None:
        """Ask for the present image and its neighbourhood."""
        if self.model is None:
            return
        self._stamp += 1
        now = time.perf_counter()
        self._asked = {s: t for s, t in self._asked.items() if now - t < 2} | {self._stamp: now}
        self._sampler.request("explore", self._stamp, self.z[None])
        self.look_around()

    def ask(self, channel: str, latents: np.ndarray) -> int:
        """Decode latents (N, D) when there is time -> the stamp that `Sampler.rendered` will carry."""
        self._stamp += 1
        self._sampler.request(channel, self._stamp, latents)
        return self._stamp

    def look_around(self) -> None:
        """Ask for the neighbourhood alone: now, or a moment after it was last asked for."""
        if self._pacing.isActive():
            self._surroundings_due = True
        elif self.model is not None and self.size >= 2:
            self._surroundings_due = False
            self._sampler.request("around", self._stamp, self._neighbourhood())
            self._pacing.start()

    def _on_paced(self) -> None:
        if self._surroundings_due:
            self.look_around()

    def _neighbourhood(self) -> np.ndarray:
        return traversal.around(
            self.z, *(traversal.unit(a, self.size) for a in self.axes), AROUND_SIDE, AROUND_STEP
        )

    def _draw(self) -> None:
        if self.model is not None:
            shape = self.model.latent_shape
            self._go(self._keep_locked(samplers.from_seeds([self.seed], shape, self.truncation)[0]))

    def _keep_locked(self, z: np.ndarray) -> np.ndarray:
        for dimension in self.locked:
            z[dimension] = self.z[dimension]
        return z

    def _go(self, z: np.ndarray) -> None:
        self.z = np.asarray(z, np.float32)
        self.changed.emit()
        self.look()

    # What the sampling thread answers

    def _on_adopted(self, model: Model) -> None:
        before = self.model
        self.model, self.step = model, model.step_count
        (size,) = model.latent_shape
        if before is None or before.latent_shape != model.latent_shape:
            self.locked.clear()
            self.axes = (0, min(1, size - 1))
            self.z = samplers.from_seeds([self.seed], model.latent_shape, self.truncation)[0]
            self._seeded = True
        self.space_changed.emit()
        self.changed.emit()
        self.look()

    def _on_refreshed(self, step: int) -> None:
        self.step = step
        self.weights_changed.emit(step)
        self.look()

    def _on_rendered(self, channel: str, stamp: int, images: np.ndarray, milliseconds: float) -> None:
        if channel == "explore":
            asked = self._asked.pop(stamp, None)
            waited = 1000 * (time.perf_counter() - asked) if asked else milliseconds
            self.explored.emit(images, milliseconds, waited)
        elif channel == "around":
            self.surrounded.emit(images)
