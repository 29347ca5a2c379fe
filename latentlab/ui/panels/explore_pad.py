"""The pad of the Explore mode: the present latent in the plane of its two axes, decoded faintly behind."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from latentlab.export.grid import compose
from latentlab.ui.latent_state import Axis, LatentState
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.drag_view import FINE
from latentlab.ui.widgets.pad import EXTENT, PlanePad

#: Images a side behind the pad, and milliseconds until they are decoded again.
PLANE_SIDE = 7
PLANE_SETTLES, PLANE_WHILE_TRAINING = 150, 1500
#: Letters of an axis's name in a sentence.
NAME_LENGTH = 18


class ExplorePad(PlanePad):
    """Moves the present latent and follows it. While it is not to be seen nothing is decoded for it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._latent, self._directions = session.latent, session.directions
        self._plane: tuple[tuple[Axis, Axis], np.ndarray] | None = (
            None  # what was decoded: axes, their origin
        )
        self._stamp = -1
        self._due = single_shot(self, self._on_due)
        for held in (self._latent, self._directions):  # directions that follow z would turn under the hand
            self.drag_started.connect(held.hold)
            self.drag_ended.connect(held.release)
        self.moved.connect(self._on_moved)
        self.nudged.connect(self._on_nudged)
        self.centred.connect(self._on_centred)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.axes_changed.connect(self._on_axes_changed)
        self._latent.changed.connect(self._on_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)
        session.sampler.rendered.connect(self._on_rendered)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._on_changed()

    def _on_moved(self, down: float, right: float) -> None:
        if self._latent.axes is not None:
            self._latent.set_z(self._latent.in_plane(down, right), plane_name(self._latent.axes), "pad")

    def _on_nudged(self, down: int, right: int, fine: bool) -> None:
        nudge(self._latent, down, right, fine)

    def _on_centred(self) -> None:
        if self._latent.axes is not None:
            self._latent.set_z(self._latent.in_plane(0, 0), "centre")

    # What lies behind the handle

    def _on_space_changed(self) -> None:
        self.end_drag()
        self.set_picture(None)
        self._plane = None

    def _on_axes_changed(self) -> None:
        if self._latent.axes is not None:
            self.set_names(*(axis.name for axis in self._latent.axes))
            self._on_changed()

    def _on_changed(self) -> None:
        latent = self._latent
        if latent.axes is None:
            return
        self.set_position(*(latent.position(axis) for axis in latent.axes))
        if self.isVisible() and not self._is_right():
            self._due.start(PLANE_SETTLES)

    def _on_weights_changed(self, step: int) -> None:
        if self._plane is not None and not self._due.isActive():
            self._plane = None
            self._due.start(PLANE_WHILE_TRAINING)

    def _is_right(self) -> bool:
        """Whether what was decoded is the plane one is in; moves within it change nothing."""
        if self._plane is None or self._plane[0] is not self._latent.axes:
            return False
        return np.allclose(self._plane[1], self._latent.in_plane(0, 0), atol=1e-4)

    def _on_due(self) -> None:
        if self._latent.axes is None or not self.isVisible():
            return
        self._plane = self._latent.axes, self._latent.in_plane(0, 0)
        # The middles of so many tiles that together fill the pad to its edges.
        values = np.linspace(-EXTENT, EXTENT, 2 * PLANE_SIDE + 1)[1::2]
        latents = [self._latent.in_plane(down, right) for down in values for right in values]
        self._stamp = self._latent.ask("plane", np.stack(latents))

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == "plane" and stamp == self._stamp:
            self.set_picture(compose(tiles, PLANE_SIDE, spacing=0))


def nudge(latent: LatentState, down: int, right: int, fine: bool) -> None:
    """So many steps along both axes, as the arrow keys go."""
    if latent.axes is not None:
        step = latent.around_step * (FINE if fine else 1.0)
        z = beside(latent.z, latent.axes, down * step, right * step)
        latent.set_z(z, plane_name(latent.axes), "nudge")


def beside(z: np.ndarray, axes: tuple[Axis, Axis], down: float, right: float) -> np.ndarray:
    """z (D,) taken so many sigma along both axes -> float32 (D,)."""
    first, second = (axis.vector.astype(np.float64) for axis in axes)
    return (z.astype(np.float64) + down * first + right * second).astype(np.float32)


def plane_name(axes: tuple[Axis, Axis]) -> str:
    """``z4 × z11``."""
    return " × ".join(_short(axis.name) for axis in axes)


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1].rstrip() + "…"
