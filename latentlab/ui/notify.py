"""Notices: one sentence in the status bar, its details a click away. Never a box in the way."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.background import Notice
from latentlab.ui.widgets.labels import ElidedLabel

ICONS = {"info": "info", "good": "check", "warning": "warning", "error": "error"}


class NoticeBar(QWidget):
    """Shows the newest notice; `status_notice` is its text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.icon = QLabel()
        self.icon.setFixedWidth(16)
        self.text = ElidedLabel("", role="secondary")
        self.text.setObjectName("status_notice")
        self.details = QPushButton("Details")
        self.details.setObjectName("status_details")
        self.details.setToolTip("Read all that is known about this, and copy it.")
        self.details.setProperty("flat", True)
        self.details.hide()
        self.action = QPushButton("")
        self.action.setObjectName("status_action")
        self.action.setAccessibleName("Do what this notice offers")
        self.action.setToolTip("Do what this notice offers.")
        self.action.setProperty("flat", True)
        self.action.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(self.icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.details)
        self.details.clicked.connect(self._on_details)
        self.action.clicked.connect(self._on_action)
        self._notice = Notice("info", "")

    def show_notice(self, notice: Notice) -> None:
        """Replace what stands there."""
        self._notice = notice
        colour = {"info": "secondary"}.get(notice.level, notice.level)
        self.icon.setPixmap(theme.icon(ICONS[notice.level], colour).pixmap(16, 16))
        self.text.setText(notice.text)
        self.text.setToolTip(html.escape(notice.text) if len(notice.text) > 80 else "")
        self.text.setAccessibleName(f"{notice.level}: {notice.text}")
        self.details.setVisible(bool(notice.details))
        self.action.setVisible(notice.action is not None)
        if notice.action is not None:
            self.action.setText(notice.action[0])
            self.action.setAccessibleName(notice.action[0])

    def _on_action(self) -> None:
        if self._notice.action is not None:
            self.action.hide()  # once is enough
            self._notice.action[1]()

    def _on_details(self) -> None:
        dialog = DetailsDialog(self._notice, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()


class DetailsDialog(QDialog):
    """A notice with all that is known about it, to read and to copy. Not modal."""

    def __init__(self, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("details_dialog")
        self.setWindowTitle("Details")
        self.resize(640, 400)
        summary = QLabel(notice.text)
        summary.setWordWrap(True)
        self.details = QPlainTextEdit(notice.details)
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setObjectName("details_copy")
        copy.clicked.connect(self._on_copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(summary)
        layout.addWidget(self.details, 1)
        layout.addWidget(buttons)
        self._notice = notice

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._notice.text}\n\n{self._notice.details}")
