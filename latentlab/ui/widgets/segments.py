"""A few choices side by side in one control, one of them chosen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.buttons import push_button


class Segments(QWidget):
    """Buttons of which exactly one is down, the first at first. The arrow keys go from one to the next."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(2, 2, 2, 2)
        self._row.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group.idToggled.connect(self._on_toggled)

    def add(self, name: str, text: str, tooltip: str) -> QPushButton:
        """One choice more; `name` is its objectName."""
        button = push_button(name, text, tooltip, flat=True)
        button.setCheckable(True)
        index = len(self._group.buttons())
        self._group.addButton(button, index)
        button.setChecked(index == 0)
        button.setProperty("segment", True)  # wider, says the style sheet
        self._row.addWidget(button)
        return button

    def index(self) -> int:
        """The chosen one."""
        return self._group.checkedId()

    def _on_toggled(self, index: int, on: bool) -> None:
        self.update()
        if on:
            self.chosen.emit(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(shown.color("line"), 1))
        painter.setBrush(shown.color("control"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if button := self._group.checkedButton():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shown.color("pressed"))
            painter.drawRoundedRect(QRectF(button.geometry()), 4, 4)
