"""The Explore mode: the present image, large, and its neighbourhood."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latentlab.export.grid import compose
from latentlab.ui.latent_state import AROUND_SIDE
from latentlab.ui.session import Session
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.picture import GridView, PictureView
from latentlab.ui.widgets.pixels import tile_picture

EMPTY_TEXT = "Press Train: images appear here as the model learns,\nand every slider moves them."


class ExplorePanel(QWidget):
    """What the present latent decodes to, and what lies around it in the plane of two dimensions."""

    timed = Signal(float, float, float)  # ms to decode, ms from request to painted, pictures per second

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explore_panel")
        self._latent = session.latent
        self._decode_ms = 0.0
        self._painted: deque[float] = deque(maxlen=30)

        self.view = PictureView(smooth=True)
        self.view.setObjectName("explore_view")
        self.view.setAccessibleName("The image of the present latent")
        self.view.set_empty_text(EMPTY_TEXT)
        self.around = GridView(smooth=True)
        self.around.setObjectName("explore_around")
        self.around.setAccessibleName("The neighbourhood of the present latent")
        self.around.set_empty_text("")
        self.around.tile_tooltip = self._neighbour_tooltip
        self.down, self.right = ChoiceField(), ChoiceField()
        for choice, name, where in ((self.down, "down", "downwards"), (self.right, "right", "to the right")):
            choice.setObjectName(f"explore_axis_{name}")
            choice.setFixedWidth(80)
            choice.setAccessibleName(f"The dimension that grows {where}")
            choice.setToolTip(f"The dimension that grows {where}.")
        self.caption = QLabel()
        self.caption.setProperty("role", "secondary")

        self._lay_out()
        self._latent.explored.connect(self._on_explored)
        self._latent.surrounded.connect(self._on_surrounded)
        self._latent.space_changed.connect(self._on_space_changed)
        self.view.painted.connect(self._on_painted)
        self.around.tile_clicked.connect(self._on_neighbour_clicked)
        self.down.activated.connect(self._on_axes_chosen)
        self.right.activated.connect(self._on_axes_chosen)

    def _lay_out(self) -> None:
        heading = QLabel("around here")
        heading.setProperty("role", "secondary")
        axes = QHBoxLayout()
        axes.setSpacing(4)
        axes.addWidget(heading)
        axes.addStretch()
        for arrow, choice in (("↓", self.down), ("→", self.right)):
            label = QLabel(arrow)
            label.setProperty("role", "secondary")
            axes.addWidget(label)
            axes.addWidget(choice)
        beside = QVBoxLayout()
        beside.setSpacing(8)
        beside.addLayout(axes)
        beside.addWidget(self.around, 1)
        self.beside = QWidget()
        self.beside.setLayout(beside)
        beside.setContentsMargins(0, 0, 0, 0)
        self.beside.hide()

        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.view, 1)
        left.addWidget(self.caption)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(24)
        layout.addLayout(left, 6)
        layout.addWidget(self.beside, 5)

    def _on_space_changed(self) -> None:
        size = self._latent.size
        self.beside.setVisible(size >= 2)
        for choice, place in ((self.down, 0), (self.right, 1)):
            if choice.count() != size:
                choice.clear()
                choice.addItems([f"z{i}" for i in range(size)])
            choice.setCurrentIndex(min(place, size - 1))

    def _on_axes_chosen(self) -> None:
        chosen = (self.down.currentIndex(), self.right.currentIndex())
        self._latent.set_axes(*(self._latent.dimension_axis(i) for i in chosen))

    def _on_explored(self, images: np.ndarray, decode_ms: float, waited_ms: float) -> None:
        self._decode_ms = decode_ms
        self._due = time.perf_counter() - waited_ms / 1000
        self.view.set_picture(tile_picture(images[0]))
        self.caption.setText(f"step {self._latent.step:,} · seed {self._latent.seed}")

    def _on_painted(self) -> None:
        now = time.perf_counter()
        self._painted.append(now)
        span = now - self._painted[0]
        rate = (len(self._painted) - 1) / span if span > 0 else 0.0
        self.timed.emit(self._decode_ms, 1000 * (now - self._due), rate)

    def _on_surrounded(self, images: np.ndarray) -> None:
        _, _, height, width = images.shape
        picture = compose(images, AROUND_SIDE, spacing=_gap(height))
        self.around.set_grid(picture, AROUND_SIDE, AROUND_SIDE, height, width, _gap(height))
        self.around.set_selected(len(images) // 2)

    def _neighbour_tooltip(self, index: int) -> str:
        assert self._latent.axes is not None
        z = self._latent.neighbour(index)
        return " · ".join(f"{axis.name} {z @ axis.vector:+.2f}" for axis in self._latent.axes)

    def _on_neighbour_clicked(self, index: int) -> None:
        self._latent.set_z(self._latent.neighbour(index))


def _gap(height: int) -> int:
    """Spacing that looks the same whatever the tiles' size."""
    return max(1, height // 14)
