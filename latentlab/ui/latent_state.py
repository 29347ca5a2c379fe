"""Where we are in the latent space, how we came there, and the requests that turn it into pictures."""

from __future__ import annotations

import dataclasses
import random
import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from latentlab.latent import samplers, traversal
from latentlab.latent.walks import Route
from latentlab.ui.timers import single_shot
from latentlab.ui.visits import Move, Place, Visit
from latentlab.ui.workers import Sampler

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model

#: The neighbourhood: so many images a side, so many sigma apart at first.
AROUND_SIDE, AROUND_STEP = 5, 0.75
#: Milliseconds between two neighbourhoods: they cost as much as 25 images, and the image itself comes first.
AROUND_EVERY = 120
#: Milliseconds between two looks at the strip of visited images while they change.
VISITED_EVERY = 100
#: Visited images that are decoded at a time where they are missing.
VISITS_FILLED = 32
#: Changes of one kind are one step of undo until there is none for so many milliseconds.
GESTURE_ENDS = 800
#: Steps of undo that are kept.
UNDO_LIMIT = 500
LARGEST_SEED = 99_999


@dataclasses.dataclass(frozen=True, eq=False)
class Axis:
    """A dimension or a direction that one can move along: a name and a unit vector, float32 (D,)."""

    name: str
    vector: np.ndarray


class LatentState(QObject):
    """The present latent z (D,), float32, and how it came about. Every change asks for pictures.

    Every change is a step that `undo_stack` takes back. Those that carry the same `gesture` are one step, as
    long as `hold` says that a person drags, or until a moment passes without one.
    """

    space_changed = Signal()  # another model: other dimensions or image shape, or none
    changed = Signal()  # z, seed, truncation or a lock
    axes_changed = Signal()  # the plane of the neighbourhood, or its step
    explored = Signal(object, float, float)  # uint8 (1, C, H, W); ms to decode; ms from request to result
    surrounded = Signal(object)  # uint8 (25, C, H, W): the neighbourhood
    visited_changed = Signal()  # `visits`, or which of them is the present one
    weights_changed = Signal(int)  # the model learned on; the step now shown

    def __init__(self, sampler: Sampler, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sampler = sampler
        self.model: Model | None = None  # for its shapes, key and choices alone: its nets are the sampler's
        self.z = np.zeros(0, np.float32)
        self.seed, self.truncation = 0, 1.0
        self.locked: set[int] = set()
        self.axes: tuple[Axis, Axis] | None = (
            None  # down and to the right; None with less than two dimensions
        )
        self.around_step = AROUND_STEP
        self._seeded = True  # whether z is what seed and truncation give
        self._stamp = 0
        self._asked: dict[int, tuple[float, Visit]] = {}  # when, and for which visit
        self.step = 0

        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(UNDO_LIMIT)
        self.visits: list[Visit] = []  # where we have been: one more than the stack has steps
        self._gesture, self._held = 0, False
        self._moving = (
            False  # whether the stack moves because of `_step` or `go_to_visit`, not by its actions
        )
        self.undo_stack.indexChanged.connect(self._on_index_changed)
        self._gesture_end = single_shot(self, self._on_gesture_ended, GESTURE_ENDS)
        self._visited = single_shot(self, self._on_visited_due, VISITED_EVERY)
        self._filling: tuple[int, list[Visit]] = (0, [])  # the stamp of a request, and the visits it decodes
        self._surroundings_due = False
        self._pacing = single_shot(self, self._on_paced, AROUND_EVERY)
        sampler.adopted.connect(self._on_adopted)
        sampler.refreshed.connect(self._on_refreshed)
        sampler.rendered.connect(self._on_rendered)

    @property
    def size(self) -> int:
        """Dimensions, 0 without a model."""
        return len(self.z)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The categorical parts of the latent."""
        return self.model.choices if self.model is not None else ()

    def dimensions(self) -> list[int]:
        """The dimensions that sliders move: all but those of `choices`."""
        return samplers.continuous(self.model) if self.model is not None else []

    def dimension_axis(self, dimension: int) -> Axis:
        """A dimension as an axis."""
        return Axis(f"z{dimension}", traversal.unit(dimension, self.size))

    # What a person does

    def set_value(self, dimension: int, value: float, gesture: str = "") -> None:
        """Move one dimension, in sigma."""
        self.set_z(
            traversal.moved(self.z, traversal.unit(dimension, self.size), value), f"z{dimension}", gesture
        )

    def set_position(self, axis: Axis, value: float, gesture: str = "") -> None:
        """Go along an axis to where z lies at `value` sigma of it."""
        self.set_z(traversal.moved(self.z, axis.vector, value), axis.name, gesture)

    def position(self, axis: Axis) -> float:
        """Where z lies along an axis, in sigma."""
        return float(self.z.astype(np.float64) @ axis.vector)

    def set_z(self, z: np.ndarray, what: str = "move", gesture: str = "") -> None:
        """Go to a latent (D,). `what` names the step in the menu."""
        # A copy: what the sender does with its array later must not reach into the history.
        self._step(Place(np.array(z, np.float32), self.seed, self.truncation, False), what, gesture)

    def set_seed(self, seed: int) -> None:
        """Go to the latent of a seed; locked dimensions stay."""
        self._draw(seed, self.truncation, f"seed {seed}")

    def randomise(self) -> None:
        """Go to a random seed's latent; locked dimensions stay."""
        self.set_seed(random.randint(0, LARGEST_SEED))

    def set_truncation(self, truncation: float) -> None:
        """How far drawn latents stray from the mean; redraws the present one where a seed made it."""
        if self._seeded and self.model is not None:
            self._draw(self.seed, truncation, "truncation", "truncation")
        else:
            self.truncation = truncation

    def reset(self) -> None:
        """Go to the prior's mean; locked dimensions and what was chosen stay."""
        z = self.z.copy()
        z[[i for i in self.dimensions() if i not in self.locked]] = 0
        self.set_z(z, "reset")

    def set_choice(self, choice: Choice, category: int) -> None:
        """Take another category."""
        z = self.z.copy()
        z[choice.start : choice.stop] = samplers.one_hot(choice, category)
        self.set_z(z, f"{choice.title} {choice.labels[category]}")

    def set_locked(self, dimension: int, locked: bool) -> None:
        """Keep a dimension out of Randomise and Reset, or no longer."""
        (self.locked.add if locked else self.locked.discard)(dimension)
        self.changed.emit()

    def set_axes(self, down: Axis, right: Axis) -> None:
        """The plane that the neighbourhood and the pad show."""
        self.axes = (down, right)
        self.axes_changed.emit()
        self.look_around()

    def set_around_step(self, step: float) -> None:
        """How far apart, in sigma, the images of the neighbourhood are."""
        self.around_step = step
        self.axes_changed.emit()
        self.look_around()

    def walk_to(self, route: Route, position: float) -> None:
        """Go to a position on a route, see `Route.at`; places that follow each other are one step of undo."""
        self.set_z(route.at(np.array([position]))[0], "walk", "walk")

    def in_plane(self, down: float, right: float) -> np.ndarray:
        """The latent (D,) that lies at `down` and `right` sigma of the two axes, the rest as in z."""
        assert self.axes is not None
        first, second = self.axes
        return traversal.in_plane(self.z, first.vector, second.vector, down, right)

    def neighbour(self, index: int) -> np.ndarray:
        """The latent (D,) of a tile of the neighbourhood."""
        return self._neighbourhood()[index]

    # Steps and gestures

    def hold(self) -> None:
        """A drag begins: what changes until `release` is one step."""
        self._gesture, self._held = self._gesture + 1, True

    def release(self) -> None:
        """The drag is over."""
        self._gesture, self._held = self._gesture + 1, False
        self._gesture_end.stop()

    def go_to_visit(self, index: int) -> None:
        """Back, or forward again, to a place of `visits`, without a look at those between."""
        self.release()
        if index != self.undo_stack.index():
            self._moving = True
            self.undo_stack.setIndex(index)
            self._moving = False
            self._tell_arrived()

    def _step(self, place: Place, what: str, gesture: str = "") -> None:
        if self.model is None or self._is_here(place):
            return
        if not self._held and gesture:
            self._gesture_end.start()
        key = (gesture, self._gesture) if gesture else None
        before = Place(self.z, self.seed, self.truncation, self._seeded)
        move = Move(what, before, place, key, self._arrive)
        here = self.undo_stack.index()
        self._moving = True
        self.undo_stack.push(move)
        self._moving = False
        del self.visits[here if move.merged else here + 1 :]  # what was undone is gone now
        self.visits.append(Visit(place.z))
        del self.visits[: -(self.undo_stack.count() + 1)]  # and what lies beyond the limit
        self._tell_arrived()

    def _is_here(self, place: Place) -> bool:
        """Whether going there would change nothing, so that there is nothing to take back."""
        drawn = (place.seed, place.truncation, True) == (self.seed, self.truncation, self._seeded)
        return np.array_equal(place.z, self.z) and (drawn or not place.seeded)

    def _arrive(self, place: Place) -> None:
        """Be somewhere else: what a step does, undoes and does again."""
        self.z, self.seed = place.z, place.seed
        self.truncation, self._seeded = place.truncation, place.seeded

    def _on_index_changed(self, index: int) -> None:
        if not self._moving:  # undone or done again
            self._gesture += 1  # what comes next is a step of its own
            self._tell_arrived()

    def _tell_arrived(self) -> None:
        self.changed.emit()
        self.look()
        self._tell_visited()

    def _on_gesture_ended(self) -> None:
        if not self._held:
            self._gesture += 1

    def _on_visited_due(self) -> None:
        self.visited_changed.emit()
        # Places that were left before they were decoded, or that another model decoded.
        missing = [visit for visit in self.visits if visit.tile is None][-VISITS_FILLED:]
        if missing and not self._held and not self._filling[1]:
            self._filling = self.ask("visited", np.stack([visit.z for visit in missing])), missing

    def _tell_visited(self) -> None:
        if not self._visited.isActive():
            self._visited.start()

    # Asking for pictures

    def look(self) -> None:
        """Ask for the present image and its neighbourhood."""
        if self.model is None:
            return
        self._stamp += 1
        self._asked[self._stamp] = time.perf_counter(), self.visits[self.undo_stack.index()]
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
        elif self.model is not None and self.axes is not None:
            self._surroundings_due = False
            self._sampler.request("around", self._stamp, self._neighbourhood())
            self._pacing.start()

    def _on_paced(self) -> None:
        if self._surroundings_due:
            self.look_around()

    def _neighbourhood(self) -> np.ndarray:
        assert self.axes is not None
        down, right = self.axes
        return traversal.around(self.z, down.vector, right.vector, AROUND_SIDE, self.around_step)

    def _draw(self, seed: int, truncation: float, what: str, gesture: str = "") -> None:
        if self.model is not None:
            z = samplers.draw(self.model, [seed], truncation)[0]
            locked = list(self.locked)
            z[locked] = self.z[locked]
            self._step(Place(z, seed, truncation, True), what, gesture)

    # What the sampling thread answers

    def _on_adopted(self, model: Model) -> None:
        before = self.model
        self.model, self.step = model, model.step_count
        layout = (model.latent_shape, model.choices)
        if before is None or (before.latent_shape, before.choices) != layout:
            self.locked.clear()
            self.z = samplers.draw(model, [self.seed], self.truncation)[0]
            self._seeded = True
            free = self.dimensions()
            axes = [self.dimension_axis(i) for i in free[:2]]
            self.axes = (axes[0], axes[1]) if len(axes) == 2 else None
            self._moving = True
            self.undo_stack.clear()
            self._moving = False
            self.visits = [Visit(self.z)]
        # The old pictures are another model's.
        self.visits = [Visit(visit.z) for visit in self.visits]
        self._filling = (0, [])
        self.space_changed.emit()
        self.axes_changed.emit()
        self.changed.emit()
        self._tell_visited()
        self.look()

    def _on_refreshed(self, step: int) -> None:
        self.step = step
        self.weights_changed.emit(step)
        self.look()

    def _on_rendered(self, channel: str, stamp: int, images: np.ndarray, milliseconds: float) -> None:
        if channel == "explore":
            asked = self._asked.pop(stamp, None)
            # Those before it were overtaken: nobody will answer them.
            self._asked = {later: what for later, what in self._asked.items() if later > stamp}
            waited = milliseconds
            if asked is not None:
                waited = 1000 * (time.perf_counter() - asked[0])
                asked[1].tile = images[0]
                self._tell_visited()
            self.explored.emit(images, milliseconds, waited)
        elif channel == "visited" and stamp == self._filling[0]:
            for visit, tile in zip(self._filling[1], images, strict=True):
                visit.tile = tile if visit.tile is None else visit.tile
            self._filling = stamp, []
            self._tell_visited()
        elif channel == "around":
            self.surrounded.emit(images)
