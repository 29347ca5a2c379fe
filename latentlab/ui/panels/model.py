"""The Model dock: which net learns, and how it is built."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from latentlab.core.points import is_points
from latentlab.models.base import MODELS, Model
from latentlab.ui.panels.start_from import StartFrom
from latentlab.ui.session import Session
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading
from latentlab.ui.widgets.strip import NextRunStrip

HINT = "While training: needs a new network, applies to the next run."


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
        kept = (group.partition(":") for group in session.settings.open_groups)
        self.form = ConfigForm(
            "model", strict=True, open_groups=[group for form, _, group in kept if form == "model"]
        )
        self.start_from = StartFrom(session)
        self.strip = NextRunStrip("model", session.steering)
        self.about = QLabel()
        self.about.setProperty("role", "secondary")
        self.about.setWordWrap(True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading("Model"))
        layout.addWidget(self.kind)
        layout.addWidget(self.form)
        layout.addWidget(self.start_from)
        layout.addWidget(self.strip)
        layout.addWidget(self.about)

        self._show_plan()
        self.kind.currentIndexChanged.connect(self._on_kind_changed)
        self.form.changed.connect(self._on_form_changed)
        self.form.settled.connect(session.steering.settled)
        self.form.refused.connect(self._on_refused)
        self.form.group_toggled.connect(self._on_group_toggled)
        self.strip.train_anew.clicked.connect(session.train_anew)
        session.plan_changed.connect(self._show_plan)
        session.steering.changed.connect(self._show_hint)
        session.latent.space_changed.connect(self._on_space_changed)

    def _show_plan(self) -> None:
        session = self._session
        was_blocked = self.kind.blockSignals(True)
        self.kind.setCurrentIndex(self.kind.findData(session.model_key))
        self.kind.blockSignals(was_blocked)
        kind = MODELS.get(session.model_key)
        if self.form.config_cls is not kind.Config:
            self.form.set_config(kind.Config)
            self._show_hint()
        self.form.set_values(session.model_values)
        self.form.set_baseline(session.preset_values(session.model_key)[0])
        self.about.setText(kind.about)
        self.kind.setToolTip(f"{kind.about}\narXiv {kind.paper}")

    def _on_kind_changed(self) -> None:
        self._session.set_model(self.kind.currentData())

    def _on_form_changed(self, field: str) -> None:
        self._session.edit("model", field, self.form.values())

    def _on_refused(self, sentence: str) -> None:
        self._session.notify("error", sentence)

    def _on_group_toggled(self, group: str, is_open: bool) -> None:
        others = [name for name in self._session.settings.open_groups if name != f"model:{group}"]
        self._session.remember(open_groups=(*others, *([f"model:{group}"] if is_open else [])))

    def _show_hint(self) -> None:
        self.form.set_hint_of_fixed(HINT if self._session.steering.active else "")

    def _on_space_changed(self) -> None:
        model: Model | None = self._session.latent.model
        if model is not None and model.key == self._session.model_key:
            kind = MODELS.get(model.key)
            width, height = model.image_shape[2], model.image_shape[1]
            made = "points of a plane" if is_points(model.image_shape) else f"{width}×{height} pixels"
            self.about.setText(f"{kind.about} {model.latent_shape[0]} dimensions to {made}.")
