"""The Training dock: how long, how fast, from which seed."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentlab.training.config import TrainingConfig
from latentlab.ui.session import Session
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading
from latentlab.ui.widgets.strip import NextRunStrip

HINT = "While training: applies to the next run."


class TrainingPanel(QWidget):
    """A form of the training's settings; the device has its place in the toolbar."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_panel")
        self.setAccessibleName("Training")
        self._session = session
        self.form = ConfigForm("training", skip={"device"}, strict=True)
        self.form.set_config(TrainingConfig)
        self.strip = NextRunStrip("training", session.steering)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading("Training"))
        layout.addWidget(self.form)
        layout.addWidget(self.strip)

        self._show_plan()
        self.form.changed.connect(self._on_form_changed)
        self.form.settled.connect(session.steering.settled)
        self.form.refused.connect(self._on_refused)
        self.strip.train_anew.clicked.connect(session.train_anew)
        session.plan_changed.connect(self._show_plan)
        session.steering.changed.connect(self._on_steering_changed)

    def _show_plan(self) -> None:
        session = self._session
        self.form.set_values(session.training_values)
        self.form.set_baseline(session.preset_values(session.model_key)[1])

    def _on_form_changed(self, field: str) -> None:
        self._session.edit("training", field, self.form.values())

    def _on_refused(self, sentence: str) -> None:
        self._session.notify("error", sentence)

    def _on_steering_changed(self) -> None:
        self.form.set_hint_of_fixed(HINT if self._session.steering.active else "")
