"""The Training dock: how long, how fast, from which seed."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentlab.training.config import TrainingConfig
from latentlab.ui.session import Session
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading


class TrainingPanel(QWidget):
    """A form of the training's settings; the device has its place in the toolbar."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_panel")
        self.setAccessibleName("Training")
        self._session = session
        self.form = ConfigForm("training", skip={"device"})
        self.form.set_config(TrainingConfig)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading("Training"))
        layout.addWidget(self.form)

        self._show_plan()
        self.form.changed.connect(self._on_form_changed)
        session.plan_changed.connect(self._show_plan)
        session.state_changed.connect(self._on_state_changed)

    def _show_plan(self) -> None:
        session = self._session
        self.form.set_values(session.training_values)
        self.form.set_baseline(session.preset_values(session.model_key)[1])

    def _on_form_changed(self, field: str) -> None:
        device = self._session.training_values["device"]
        self._session.training_values = self.form.values() | {"device": device}

    def _on_state_changed(self, state: str) -> None:
        self.form.setEnabled(not self._session.busy)
