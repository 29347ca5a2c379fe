"""Bars of how many images each class has."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.labels import plain_tooltip

#: Classes that screen readers are told of.
TOLD = 24
#: Pixels of a bar from which on its name is written below, cut where it is longer.
NAMED = 40


class ClassBars(QWidget):
    """A bar for each class, with its name where there is room; hidden without classes.

    A click on one is told by `clicked`; the keyboard has the same in the class chooser.
    """

    clicked = Signal(int)

    HEIGHT, LABEL = 28, 16

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._counts: list[int] = []
        self._selected: int | None = None
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    def set_counts(self, counts: dict[str, int]) -> None:
        """Class name -> images."""
        self._names, self._counts = list(counts), list(counts.values())
        self._selected = self._hovered = None
        told = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:TOLD])
        more = len(counts) - TOLD
        self.setAccessibleName(f"Images per class: {told}" + (f", and {more:,} more" if more > 0 else ""))
        self.setVisible(bool(counts))
        self.update()

    def set_selected(self, index: int | None) -> None:
        """The class that is looked at; None for all."""
        self._selected = index
        self.update()

    def class_at(self, x: float) -> int | None:
        """The class whose bar stands there."""
        index = int(x * len(self._counts) // max(1, self.width()))
        return index if 0 <= index < len(self._counts) else None

    def tooltip_text(self, index: int) -> str:
        """``three · 6,131 images (10%)``."""
        count, total = self._counts[index], sum(self._counts)
        noun = "image" if count == 1 else "images"
        return f"{self._names[index]} · {count:,} {noun} ({100 * count / max(1, total):.3g}%)"

    def sizeHint(self) -> QSize:
        return QSize(200, self.HEIGHT + self.LABEL)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.HEIGHT + self.LABEL)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.current()
        slot = self.width() / len(self._counts)
        gap = 4 if slot >= 10 else 1 if slot >= 3 else 0
        highest = max(self._counts) or 1
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        # Cut names are better than none, unless little is left of them.
        named = slot >= NAMED or all(metrics.horizontalAdvance(name) <= slot for name in self._names)
        highest_bar = self.HEIGHT if named else self.height()
        for index, count in enumerate(self._counts):
            left, height = index * slot, max(2.0, highest_bar * count / highest)
            chosen = index == self._selected
            bar = "accent" if chosen else "faint" if index == self._hovered else "hover"
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color(bar))
            width = max(slot - gap, 2.0 if chosen else 0.0)
            painter.drawRoundedRect(QRectF(left, highest_bar - height, width, height), 2, 2)
            if named:
                painter.setPen(tokens.color("text" if chosen else "secondary"))
                below = QRectF(left, self.HEIGHT, slot - gap, self.LABEL)
                name = metrics.elidedText(self._names[index], Qt.TextElideMode.ElideRight, int(slot - gap))
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self.class_at(event.position().x()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.class_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self.clicked.emit(index)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.class_at(event.pos().x())
            text = "" if index is None else plain_tooltip(self.tooltip_text(index))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def _set_hovered(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()
