"""The strip under a form: what of it waits for the next run, and what to do about that."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latentlab.ui.steering import Steering
from latentlab.ui.widgets.buttons import push_button


class NextRunStrip(QFrame):
    """Says what in the form of "model" or "training" waits; hidden while nothing does."""

    def __init__(self, section: str, steering: Steering, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._section, self._steering = section, steering
        self.setObjectName(f"{section}_strip")
        self.setProperty("surface", "strip")
        self.text = QLabel()
        self.text.setObjectName(f"{section}_waiting")
        self.text.setProperty("role", "secondary")
        self.text.setWordWrap(True)
        self.train_anew = push_button(
            f"{section}_train_anew",
            "Train anew",
            "Stop and save this training, and begin one with these settings.",
        )
        self.put_back = push_button(
            f"{section}_put_back", "Put back", "Show the settings again that this training has.", flat=True
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.train_anew)
        buttons.addWidget(self.put_back)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.put_back.clicked.connect(self._on_put_back)
        steering.changed.connect(self._on_changed)
        self.hide()

    def _on_put_back(self) -> None:
        self._steering.put_back(self._section)

    def _on_changed(self) -> None:
        words = self._steering.words(self._section)
        self.text.setText(words)
        self.setVisible(bool(words))
