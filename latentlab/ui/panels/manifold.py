"""The Map mode's other half: the whole plane of two axes, decoded tile by tile."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentlab.export.grid import compose
from latentlab.latent import traversal
from latentlab.ui.latent_state import Axis
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.axis_choice import AxisChoice
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.picture import GridView

#: Tiles a side, and how far the plane reaches, in sigma.
SIDES, EXTENT = (9, 15, 21), 3.0
#: Milliseconds from a move to its plane, and between two planes while training goes on.
AFTER_MOVE, WHILE_TRAINING = 100, 1000


class Manifold(QWidget):
    """The plane of two dimensions or directions from -3 to 3 sigma, the rest as in the present latent."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._latent = session, session.latent
        self._latents = self._asked = np.empty((0, 0), np.float32)  # of the tiles shown, and of those to come
        self._stamp = -1

        self.view = GridView(smooth=True)
        self.view.setObjectName("map_manifold")
        self.view.setAccessibleName("The plane of two dimensions")
        self.view.set_empty_text("")
        self.view.tile_tooltip = self._tooltip
        self.down, self.right, self.side = AxisChoice(), AxisChoice(), ChoiceField()
        for choice, name, where in ((self.down, "down", "downwards"), (self.right, "right", "to the right")):
            choice.setObjectName(f"map_axis_{name}")
            choice.setAccessibleName(f"What grows {where}")
            choice.setToolTip(f"The dimension or direction that grows {where}.")
            choice.activated.connect(self._on_chosen)
        self.side.setObjectName("map_side")
        self.side.setAccessibleName("Tiles a side")
        self.side.setToolTip("How many images the plane has a side.")
        for side in SIDES:
            self.side.addItem(f"{side} × {side}", side)
        self.side.setCurrentIndex(SIDES.index(15))
        self.side.setSizeAdjustPolicy(ChoiceField.SizeAdjustPolicy.AdjustToContents)
        self.side.activated.connect(self._on_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)

        self._soon = single_shot(self, self._ask)
        self.view.tile_clicked.connect(self._on_tile_clicked)
        self._stale = False
        session.latent.space_changed.connect(self._on_space_changed)
        session.directions.changed.connect(self._on_directions_changed)
        session.latent.changed.connect(self._on_moved)
        session.latent.weights_changed.connect(self._on_weights_changed)
        session.sampler.rendered.connect(self._on_rendered)

    def axes(self) -> tuple[Axis, Axis] | None:
        """Down and to the right; None without a model."""
        down, right = self.down.currentData(), self.right.currentData()
        return None if down is None or right is None else (down, right)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._take_space()
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._soon.stop()

    def _on_directions_changed(self) -> None:
        if self._stale:
            return
        size = self._latent.size
        axes = [Axis(d.name, d.vector) for d in self._session.directions.items if len(d.vector) == size]
        for choice, place in ((self.down, 0), (self.right, 1)):
            choice.set_directions(axes)
            if choice.currentIndex() < 0:  # the one that was chosen is gone
                choice.setCurrentIndex(min(place, choice.count() - 1))
        self._soon.start(AFTER_MOVE)

    def _ask(self) -> None:
        axes = self.axes()
        if axes is None or not self.isVisible():
            return
        down, right = axes
        z, side = self._latent.z, self.side.currentData()
        self._asked = traversal.plane(z, down.vector, right.vector, side, EXTENT)
        self._stamp = self._latent.ask("manifold", self._asked)

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == "manifold" and stamp == self._stamp:
            side, (_, _, height, width) = round(len(tiles) ** 0.5), tiles.shape
            self._latents = self._asked
            picture = compose(tiles, side, spacing=1)
            self.view.set_grid(picture, side, side, height, width, 1)
            self._mark()

    def _mark(self) -> None:
        """Outline the tile that is nearest to the present latent, where that lies on the plane."""
        axes, side = self.axes(), round(len(self._latents) ** 0.5)
        if axes is None or not side:
            return
        places = [(self._latent.position(axis) / EXTENT + 1) / 2 * (side - 1) for axis in axes]
        row, column = (round(place) for place in places)
        inside = 0 <= row < side and 0 <= column < side
        self.view.set_selected(row * side + column if inside else None)

    def _tooltip(self, index: int) -> str:
        axes = self.axes()
        if axes is None or index >= len(self._latents):
            return ""
        z = self._latents[index]
        return " · ".join(f"{axis.name} {z @ axis.vector:+.2f}" for axis in axes)

    def _on_tile_clicked(self, index: int) -> None:
        self._latent.set_z(self._latents[index], "map")

    def _on_chosen(self) -> None:
        self._ask()

    def _on_moved(self) -> None:
        if self.isVisible():
            self._mark()
            self._soon.start(AFTER_MOVE)

    def _on_weights_changed(self, step: int) -> None:
        if self.isVisible() and not self._soon.isActive():
            self._soon.start(WHILE_TRAINING)

    def _on_space_changed(self) -> None:
        self.view.set_picture(None)
        self._latents = np.empty((0, 0), np.float32)
        self._stale = True
        if self.isVisible():
            self._take_space()

    def _take_space(self) -> None:
        """Offer the dimensions of the model: not before somebody looks, for there may be 512."""
        self._stale = False
        dimensions = [self._latent.dimension_axis(i) for i in self._latent.dimensions()]
        for choice, place in ((self.down, 0), (self.right, 1)):
            kept = choice.currentIndex() if 0 <= choice.currentIndex() < len(dimensions) else place
            choice.set_dimensions(dimensions)
            choice.setCurrentIndex(min(kept, len(dimensions) - 1))
        self._on_directions_changed()
