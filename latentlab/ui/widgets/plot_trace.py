"""A curve in a plot that is thin already: nothing is looked at twice between two frames."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QWidget


class Trace(pg.GraphicsObject):
    """A line through points, NaN a gap; `set_pen` says how it looks."""

    def __init__(self, z: float) -> None:
        super().__init__()
        self.setZValue(z)
        self.points = np.empty(0), np.empty(0)
        self.pen = QPen()
        self._is_strong = False
        self._path = QPainterPath()

    def set_points(self, x: np.ndarray, y: np.ndarray) -> None:
        """float64 (n,) and (n,)."""
        self.points = x, y
        self._path = pg.arrayToQPath(x, y, connect="finite")
        self.update()

    def set_pen(self, color: QColor, *, strong: bool = False) -> None:
        """One pixel, or with `strong` half as much again."""
        self.pen = pg.mkPen(color, width=1)
        self._is_strong = strong
        self.update()

    # As pyqtgraph asks its own curves: scripts find these by `listDataItems` of the plot.

    def implements(self, interface: str | None = None) -> bool | list[str]:
        return ["plotData"] if interface is None else interface == "plotData"

    def name(self) -> None:
        """None: the plot's own legend leaves it out."""

    def getData(self) -> tuple[np.ndarray, np.ndarray]:
        return self.points

    getOriginalDataset = getData  # noqa: N815 - pyqtgraph's name for it

    # Painting

    def boundingRect(self) -> QRectF:
        """The whole view, which clips: no look at the points."""
        return QRectF(self.viewRect())

    def viewTransformChanged(self) -> None:
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if widget is None:  # a picture, not the screen
            pen = QPen(self.pen)
            pen.setWidthF(1.5 if self._is_strong else 1)
            painter.setPen(pen)
            painter.drawPath(self._path)
            return
        painter.setPen(self.pen)
        # Broader by the same line once more, a pixel lower: a broad pen takes ten times as long.
        before = painter.transform()
        for lower in (0, 1) if self._is_strong else (0,):
            painter.setTransform(before * QTransform.fromTranslate(0, lower / widget.devicePixelRatioF()))
            painter.drawPath(self._path)
