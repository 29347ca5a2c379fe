"""The Latent dock: seed, truncation, and one slider per dimension."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from latentlab.latent import traversal
from latentlab.ui.latent_state import LARGEST_SEED
from latentlab.ui.session import Session
from latentlab.ui.strips import STRIP_TILES, Strips
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import FloatField, IntField
from latentlab.ui.widgets.latent_list import LatentSliderList


class LatentPanel(QWidget):
    """Moves the present latent; every change is decoded at once."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latent_panel")
        self.setAccessibleName("Latent")
        self._latent = session.latent

        self.seed = IntField()
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setObjectName("latent_seed")
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip(
            "The latent that this seed draws from the prior; tile 7 of the samples is seed 7."
        )
        self.randomize = push_button(
            "latent_randomize", "Randomise", "Draw a random latent; locked dimensions stay (R)", "dice"
        )
        self.reset = push_button(
            "latent_reset", "Reset", "Go to the mean of the prior; locked dimensions stay (0)"
        )
        self.truncation = FloatField(shown=2)
        self.truncation.setRange(0.0, 2.0)
        self.truncation.setSingleStep(0.05)
        self.truncation.setValue(1.0)
        self.truncation.setObjectName("latent_truncation")
        self.truncation.setAccessibleName("Truncation")
        self.truncation.setToolTip(
            "How far drawn latents stray from the mean, 0 to 2: 1 as trained, less is more typical."
        )
        self.sliders = LatentSliderList()
        self.sliders.setAccessibleName("Latent dimensions")
        self.empty = QLabel(
            "Sliders appear here\nwhen a model is there to decode:\npress Train, or open a run."
        )
        self.empty.setProperty("role", "secondary")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.sliders)

        self._strips = Strips(session, self.sliders, "strips", self._along)

        self._lay_out()
        self._on_space_changed()
        self.seed.valueChanged.connect(self._latent.set_seed)
        self.randomize.clicked.connect(self._latent.randomise)
        self.reset.clicked.connect(self._latent.reset)
        self.truncation.valueChanged.connect(self._on_truncation_changed)
        self.sliders.value_changed.connect(self._on_slid)
        self.sliders.drag_started.connect(self._latent.hold)
        self.sliders.drag_ended.connect(self._latent.release)
        self.sliders.lock_toggled.connect(self._latent.set_locked)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.changed.connect(self._on_changed)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        seed = QLabel("Seed")
        seed.setProperty("role", "secondary")
        seed.setBuddy(self.seed)
        first.addWidget(seed)
        first.addWidget(self.seed, 1)
        first.addWidget(self.randomize)
        first.addWidget(self.reset)
        label = QLabel("Truncation ψ")
        label.setProperty("role", "secondary")
        label.setBuddy(self.truncation)
        second = QHBoxLayout()
        second.addWidget(label)
        second.addStretch()
        second.addWidget(self.truncation)
        self.truncation.setFixedWidth(72)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(8)
        head = QVBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.setSpacing(8)
        head.addLayout(first)
        head.addLayout(second)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)

    def _along(self, dimension: int) -> np.ndarray:
        return traversal.traverse(self._latent.z, [dimension], STRIP_TILES)[0]

    def copy(self) -> None:
        """The latent as text to the clipboard."""

    def paste(self) -> None:
        """Go to the latent that is on the clipboard as text."""

    def _on_slid(self, dimension: int, value: float) -> None:
        self._latent.set_value(dimension, value, f"z{dimension}")

    def _on_truncation_changed(self) -> None:
        self._latent.set_truncation(float(self.truncation.exact()))

    def _on_space_changed(self) -> None:
        there = self._latent.model is not None
        for widget in (self.randomize, self.reset):
            widget.setEnabled(there)
        self.stack.setCurrentWidget(self.sliders if there else self.empty)
        if there and self.sliders.count() != self._latent.size:
            self.sliders.set_dimensions(self._latent.size)

    def _on_changed(self) -> None:
        latent = self._latent
        self.sliders.set_values(latent.z)
        self.sliders.set_locked(latent.locked)
        was_blocked = self.seed.blockSignals(True)
        self.seed.setValue(latent.seed)
        self.seed.blockSignals(was_blocked)
