"""Labels that give way when room is short."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QStyle, QStyleOption, QWidget


class ElidedLabel(QLabel):
    """One line of text that ends in "…" when it does not fit; the layout may squeeze it."""

    def __init__(self, text: str = "", parent: QWidget | None = None, *, role: str = "") -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(32, self.sizeHint().width()), super().minimumSizeHint().height())

    def fitting(self, width: int) -> str:
        """What of the text is shown in so many pixels."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, width)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        rect = self.contentsRect()
        text = self.fitting(rect.width())
        role = self.foregroundRole()
        flags = self.alignment().value
        self.style().drawItemText(painter, rect, flags, self.palette(), self.isEnabled(), text, role)


class Sentence(QLabel):
    """Text of several lines that may name files: shown as it is; long names are broken rather than cut."""

    def __init__(self, name: str, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.hide()

    def say(self, sentence: str) -> None:
        """Show it; "" hides the label."""
        self.setText(breakable(sentence))
        self.setAccessibleName(sentence)
        self.setVisible(bool(sentence))


def breakable(text: str) -> str:
    """With places to wrap at inside paths and names, which have no spaces: behind signs, else anywhere."""
    text = re.sub(r"([/\\_.-])(?=\S)", "\\1\u200b", text)
    return re.sub(r"[^\s\u200b]{20}(?=[^\s\u200b])", "\\g<0>\u200b", text)


class PartsLabel(ElidedLabel):
    """One line of parts with " · " between them, which gives up whole ones."""

    def fitting(self, width: int) -> str:
        parts, metrics = self.text().split(" · "), self.fontMetrics()
        for count in range(len(parts), 0, -1):
            text = " · ".join(parts[:count]) + (" …" if count < len(parts) else "")
            if metrics.horizontalAdvance(text) <= width:
                return text
        return super().fitting(width)


def heading(text: str) -> QLabel:
    """A section's heading."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def rule() -> QFrame:
    """A line of one pixel between sections."""
    frame = QFrame()
    frame.setProperty("line", True)
    frame.setFixedHeight(1)
    return frame


def plain_tooltip(text: str) -> str:
    """For a tool tip of names that others chose: shown as it is, even where Qt would take it for HTML."""
    return f"<span>{html.escape(text)}</span>" if {"<", "&"} & set(text) else text
