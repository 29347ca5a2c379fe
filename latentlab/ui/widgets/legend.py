"""A legend of toggles: a coloured dot, the series' title, its latest value; the rest in a menu."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.buttons import push_button

#: Rows that a legend takes at most, the height of one, and the space between two toggles.
MOST_ROWS, ROW, GAP = 2, 26, 4
#: Width of the menu's button, with "+99" on it.
MORE = 36


def format_value(value: float) -> str:
    """A loss as it stands in a legend: four digits, "–" where there is none."""
    if not math.isfinite(value):
        return "–"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.2e}"
    # "#" keeps the zeros: 80.00 among 79.98 and 80.03 must not jump to 80.
    return f"{value:#.4g}" if abs(value) < 999.95 else f"{value:,.0f}"


class LegendItem(QAbstractButton):
    """One toggle; unchecked means hidden. `alone_wanted`: a double click or Enter, for this series only."""

    alone_wanted = Signal()
    grown = Signal()  # a longer number needs more room

    def __init__(self, title: str, color: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.color, self.value = title, color, math.nan
        self._longest = "0.0000"
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        self.title = title
        self.setAccessibleName(f"Show {title}")
        self.setToolTip(f"Show or hide {title}. Double click or Enter: nothing else, and back.")
        self.updateGeometry()
        self.update()

    def set_value(self, value: float) -> None:
        self.value = value
        text, advance = format_value(value), self.fontMetrics().horizontalAdvance
        if advance(text) > advance(self._longest):
            self._longest = text
            self.grown.emit()
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.alone_wanted.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.alone_wanted.emit()
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        advance = self.fontMetrics().horizontalAdvance
        # Room for the longest number so far, so that the row does not jump while numbers change.
        return QSize(18 + advance(self.title) + 6 + advance(self._longest) + 6, 24)

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
    """Toggles in one row, or two where the width ends. `toggled` carries the series' name.

    What was never shown, and what has no room, is in a menu behind them.
    """

    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[str, LegendItem] = {}
        self._wanted: list[str] = []  # those that were shown at some time
        self._beside: list[str] = []  # what was shown beside the one that is now alone
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.more = push_button("curves_more", "+0", "Further curves to show.", flat=True)
        self.more.setParent(self)
        self._menu = QMenu(self.more)
        self.more.setMenu(self._menu)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._arrange()

    def add(self, name: str, title: str, color: str, *, on: bool = True) -> LegendItem:
        item = LegendItem(title, color, self)
        item.setObjectName(f"curves_show_{name}")
        item.setChecked(on)
        item.toggled.connect(lambda on: self._on_toggled(name, on))
        item.alone_wanted.connect(lambda: self.show_alone(name))
        item.grown.connect(self._arrange)
        self._items[name] = item
        if on:
            self._wanted.append(name)
        self._arrange()
        return item

    def item(self, name: str) -> LegendItem:
        return self._items[name]

    def is_on(self, name: str) -> bool:
        return name in self._items and self._items[name].isChecked()

    def in_menu(self) -> list[str]:
        """The series that have no toggle of their own now."""
        return [name for name, item in self._items.items() if item.isHidden()]

    def set_title(self, name: str, title: str) -> None:
        self._items[name].set_title(title)
        self._arrange()

    def set_color(self, name: str, color: str) -> None:
        self._items[name].color = color
        self._items[name].update()

    def show_alone(self, name: str) -> None:
        """Hide all other series; where they are hidden already, show those again that were before."""
        self._items[name].setChecked(True)
        others = [other for other in self._wanted if other != name and self.is_on(other)]
        wanted = [] if others else self._beside
        self._beside = others
        for other in {*others, *wanted} & self._items.keys():
            self._items[other].setChecked(other in wanted)

    def clear(self) -> None:
        for item in self._items.values():
            item.hide()
            item.deleteLater()
        self._items, self._wanted, self._beside = {}, [], []
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _on_toggled(self, name: str, on: bool) -> None:
        if on and name not in self._wanted:
            self._wanted.append(name)
            self._arrange()
        self.toggled.emit(name, on)

    def _fill_menu(self) -> None:
        self._menu.clear()
        for name in self.in_menu():
            item = self._items[name]
            action = self._menu.addAction(item.title)
            action.setCheckable(True)
            action.setChecked(item.isChecked())
            action.toggled.connect(item.setChecked)

    def _arrange(self) -> None:
        button = max(MORE, self.more.sizeHint().width())
        places, (x, y) = self._places(0 if len(self._wanted) == len(self._items) else button + GAP)
        if len(places) < len(self._wanted):
            places, (x, y) = self._places(button + GAP)
        for name, item in self._items.items():
            item.setVisible(name in places)
            if name in places:
                item.setGeometry(places[name])
        left_out = len(self._items) - len(places)
        is_needed = left_out > 0
        self.more.setText(f"+{left_out}")
        self.more.setAccessibleName(f"{left_out} further curves")
        if is_needed and x and x + button > self.width():
            x, y = 0, y + ROW
        self.more.setVisible(is_needed)
        self.more.setGeometry(x, y, button, ROW - 2)
        self.setFixedHeight(y + ROW - 2)

    def _places(self, kept: int) -> tuple[dict[str, QRect], tuple[int, int]]:
        """Where toggles go while there is room, `kept` pixels of the last row left free; where they end."""
        places: dict[str, QRect] = {}
        x = y = 0
        last = (MOST_ROWS - 1) * ROW
        for name in self._wanted:
            width = self._items[name].sizeHint().width()
            if x and y < last and x + width > self.width():
                x, y = 0, y + ROW
            if y == last and x + width > self.width() - kept:
                break
            places[name] = QRect(x, y, width, ROW - 2)
            x += width + GAP
        return places, (x, y)
