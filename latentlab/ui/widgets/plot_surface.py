"""The bare plot under the loss curves: axes that people can read, nothing automatic."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen


class PlotAxis(pg.AxisItem):
    """Whole steps with thousands below, plain numbers at the side."""

    _specs: Any = None
    picture: Any

    def paint(self, painter: QPainter, option: object, widget: object) -> None:
        """Draw at once what pyqtgraph records first, and the grid without transparency, which costs more time
        than all curves.
        """
        if self.picture is None:  # it is forgotten where ranges or looks change
            if self.style["tickFont"]:
                painter.setFont(self.style["tickFont"])
            axis, ticks, texts = self.generateDrawSpecs(painter) or (None, (), ())
            pens = {pen.color().rgba(): pen for pen, _, _ in ticks}
            pens = {color: self._on_ground(pen) for color, pen in pens.items()}
            ticks = [(pens[pen.color().rgba()], start, end) for pen, start, end in ticks]
            self.picture = self._specs = axis, ticks, texts
        if self._specs[0] is not None:
            self.drawPicture(painter, *self._specs)

    def _on_ground(self, pen: QPen) -> QPen:
        """The pen as it looks on the plot's background."""
        ground = self.getViewWidget().backgroundBrush().color()
        return pg.mkPen(mixed(pen.color(), ground, pen.color().alphaF()), width=pen.widthF())

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logMode:  # a plain range is asked for once more while the scale changes
            return [f"{10.0**v:.3g}" if abs(v) < 300 else "" for v in values]
        if self.orientation == "bottom":
            return [f"{v:,.0f}" if v == int(v) else "" for v in values]
        digits = max(0, -math.floor(math.log10(spacing))) if spacing > 0 else 0
        return [f"{v:,.{digits}f}" if digits < 5 else f"{v:.2g}" for v in values]


class PlotSurface(pg.PlotWidget):
    """A plot without pyqtgraph's own menus, buttons and automatic ranges."""

    double_clicked = Signal()
    left = Signal()

    def __init__(self) -> None:
        axes = {"left": PlotAxis("left"), "bottom": PlotAxis("bottom")}
        super().__init__(axisItems=axes, enableMenu=False)
        # pyqtgraph makes this menu all the same, without a parent: it would outlive the plot.
        menu = self.getPlotItem().ctrlMenu
        if menu is not None:
            menu.setParent(self, menu.windowFlags())
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(0, 4, 8, 0)
        self.disableAutoRange()
        self.setMouseTracking(True)
        self.setMinimumHeight(96)
        self.getAxis("left").setWidth(44)
        self.getAxis("left").setGrid(180)
        for axis in axes.values():  # below the curves, which it would cut
            axis.setZValue(self.getViewBox().zValue() - 1)
        self.getAxis("left").setStyle(tickLength=0)
        self.getAxis("bottom").setStyle(tickLength=0)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()


def mixed(over: QColor, ground: QColor, share: float) -> QColor:
    """What `over` looks like on `ground` where that much of it is opaque, 0 to 1."""
    pairs = (over.red(), ground.red()), (over.green(), ground.green()), (over.blue(), ground.blue())
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs))
