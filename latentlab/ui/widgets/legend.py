"""A legend of toggles: a coloured dot, the series' title, its latest value."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from latentlab.ui import theme


def format_value(value: float) -> str:
    """A loss as it stands in a legend: four digits, "–" where there is none."""
    if not math.isfinite(value):
        return "–"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.2e}"
    # "#" keeps the zeros: 80.00 among 79.98 and 80.03 must not jump to 80.
    return f"{value:#.4g}" if abs(value) < 999.95 else f"{value:,.0f}"


class LegendItem(QAbstractButton):
    """One toggle; unchecked means hidden."""

    def __init__(self, title: str, color: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.color, self.value = title, color, math.nan
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        self.title = title
        self.setAccessibleName(f"Show {title}")
        self.setToolTip(f"Show or hide {title}")
        self.updateGeometry()
        self.update()

    def set_value(self, value: float) -> None:
        self.value = value
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        # Room for any value of four digits, so that the row does not jump while numbers change.
        number = max(
            metrics.horizontalAdvance("−0.0000"), metrics.horizontalAdvance(format_value(self.value))
        )
        return QSize(18 + metrics.horizontalAdvance(self.title) + 6 + number + 6, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.underMouse() or self.hasFocus():
            painter.setPen(shown.color("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(shown.color("hover") if self.underMouse() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame, 6, 6)
        on = self.isChecked()
        middle = self.height() / 2
        painter.setPen(shown.color("faint") if not on else Qt.PenStyle.NoPen)
        painter.setBrush(Qt.BrushStyle.NoBrush if not on else QColor(self.color))
        painter.drawEllipse(QRectF(6, middle - 4, 8, 8))
        x = 20
        painter.setPen(shown.color("text" if on else "secondary"))
        painter.drawText(x, 0, self.width(), self.height(), Qt.AlignmentFlag.AlignVCenter, self.title)
        x += self.fontMetrics().horizontalAdvance(self.title) + 6
        painter.setPen(shown.color("secondary"))
        painter.drawText(
            x, 0, self.width(), self.height(), Qt.AlignmentFlag.AlignVCenter, format_value(self.value)
        )


class Legend(QWidget):
    """Toggles in a row that breaks where the width ends. `toggled` carries the series' name."""

    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[str, LegendItem] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(24)

    def add(self, name: str, title: str, color: str) -> LegendItem:
        item = LegendItem(title, color, self)
        item.setObjectName(f"curves_show_{name}")
        item.toggled.connect(lambda on: self.toggled.emit(name, on))
        item.show()
        self._items[name] = item
        self._arrange()
        return item

    def item(self, name: str) -> LegendItem:
        return self._items[name]

    def is_on(self, name: str) -> bool:
        return self._items[name].isChecked()

    def set_title(self, name: str, title: str) -> None:
        self._items[name].set_title(title)
        self._arrange()

    def set_color(self, name: str, color: str) -> None:
        self._items[name].color = color
        self._items[name].update()

    def clear(self) -> None:
        for item in self._items.values():
            item.hide()
            item.deleteLater()
        self._items = {}
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        x = y = 0
        for item in self._items.values():
            size = item.sizeHint()
            if x and x + size.width() > self.width():
                x, y = 0, y + 26
            item.setGeometry(x, y, size.width(), size.height())
            x += size.width() + 4
        self.setFixedHeight(y + 24)
