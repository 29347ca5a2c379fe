"""The Model dock: which net learns, and how it is built."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from latentlab.models.base import MODELS, Model
from latentlab.ui.session import Session
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading


class ModelPanel(QWidget):
    """A menu of the registered models and a form of the chosen one's settings."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("model_panel")
        self.setAccessibleName("Model")
        self._session = session

        self.kind = ChoiceField()
        self.kind.setObjectName("model_kind")
        self.kind.setAccessibleName("Kind of model")
        for key, model in MODELS.items():
            self.kind.addItem(model.title, key)
            self.kind.setItemData(self.kind.count() - 1, model.about, Qt.ItemDataRole.ToolTipRole)
        self.form = ConfigForm("model")
        self.about = QLabel()
        self.about.setProperty("role", "secondary")
        self.about.setWordWrap(True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading("Model"))
        layout.addWidget(self.kind)
        layout.addWidget(self.form)
        layout.addWidget(self.about)

        self._show_plan()
        self.kind.currentIndexChanged.connect(self._on_kind_changed)
        self.form.changed.connect(self._on_form_changed)
        session.plan_changed.connect(self._show_plan)
        session.state_changed.connect(self._on_state_changed)
        session.latent.space_changed.connect(self._on_space_changed)

    def _show_plan(self) -> None:
        session = self._session
        was_blocked = self.kind.blockSignals(True)
        self.kind.setCurrentIndex(self.kind.findData(session.model_key))
        self.kind.blockSignals(was_blocked)
        kind = MODELS.get(session.model_key)
        if self.form.config_cls is not kind.Config:
            self.form.set_config(kind.Config)
        self.form.set_values(session.model_values)
        self.form.set_baseline(session.preset_values(session.model_key)[0])
        self.about.setText(kind.about)
        self.kind.setToolTip(f"{kind.about}\narXiv {kind.paper}")

    def _on_kind_changed(self) -> None:
        self._session.set_model(self.kind.currentData())

    def _on_form_changed(self, field: str) -> None:
        self._session.model_values = self.form.values()

    def _on_state_changed(self, state: str) -> None:
        editable = not self._session.busy
        self.form.setEnabled(editable)
        self.kind.setEnabled(editable)

    def _on_space_changed(self) -> None:
        model: Model | None = self._session.latent.model
        if model is not None and model.key == self._session.model_key:
            kind = MODELS.get(model.key)
            width, height = model.image_shape[2], model.image_shape[1]
            self.about.setText(f"{kind.about} {model.latent_shape[0]} dimensions to {width}×{height} pixels.")
