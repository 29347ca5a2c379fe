"""A map of points to look around in and to walk on. Loads pyqtgraph, which takes 0.8 s."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.colour_key import Colouring, plain
from latentlab.ui.widgets.pixels import as_image, scaled
from latentlab.ui.widgets.plot_surface import PlotSurface

#: Pixels around a point that belong to it, and that a click may move before it is a drag.
REACH, SLACK = 10, 4
#: Room around the points, as a share of their extent.
PADDING = 0.05
#: Pixels of the longer side of a thumbnail.
THUMBNAIL = 72


class HoverCard(QWidget):
    """A thumbnail with a few words, beside the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.picture: np.ndarray | None = None
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFont(theme.base_font(12))
        self.hide()

    def show_at(self, place: QPointF, picture: np.ndarray, text: str) -> None:
        """Show uint8 (H, W[, C]) and `text`, a line or more, near a point of the parent and inside it."""
        self.picture, self.text = picture, text
        size, room = self.sizeHint(), self._room.size()
        x, y = place.x() + 14, place.y() + 14
        if x + size.width() > room.width():
            x = place.x() - 14 - size.width()
        y = min(y, room.height() - size.height() - 4)
        self.setGeometry(QRect(max(0, round(x)), max(0, round(y)), size.width(), size.height()))
        self.show()
        self.update()

    def sizeHint(self) -> QSize:
        words, picture = self._words(), self._picture_size()
        return QSize(max(words.width(), picture.width()) + 16, picture.height() + (words.height() + 4) + 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.picture is None:
            return
        shown, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(shown.color("pressed"))
        painter.setBrush(shown.color("hover"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        size, ratio = self._picture_size(), self.devicePixelRatioF()
        image = scaled(as_image(self.picture), size * ratio, smooth=True)
        place = QRectF((self.width() - size.width()) / 2, 8, size.width(), size.height())
        painter.drawImage(place, image)
        painter.setPen(shown.color("text"))
        words = self._words()
        words.moveTo(8, 8 + size.height() + 4)
        words.setWidth(self.width() - 16)
        painter.drawText(words, Qt.AlignmentFlag.AlignHCenter, self.text)

    def _picture_size(self) -> QSize:
        assert self.picture is not None
        height, width = self.picture.shape[:2]
        factor = THUMBNAIL / max(height, width)
        return QSize(max(1, round(width * factor)), max(1, round(height * factor)))

    def _words(self) -> QRect:
        return self.fontMetrics().boundingRect(QRect(0, 0, 240, 400), 0, self.text)


class ScatterView(PlotSurface):
    """Coloured points with a marker. Left clicks go to a point, or to a place where the map is `walkable`.

    There a drag with the left button walks; everywhere the right or the middle one pans and the wheel zooms.
    Arrow keys go from point to point, + and − zoom, Home shows all.
    """

    point_clicked = Signal(int)
    place_clicked = Signal(float, float)
    walk_started = Signal(float, float)
    walked = Signal(float, float)
    walk_ended = Signal()
    zoomed = Signal(bool)  # whether not all is shown

    def __init__(self) -> None:
        super().__init__()
        self.setAxisItems({side: pg.AxisItem(side) for side in ("left", "bottom")})
        for side in ("left", "bottom"):
            self.getAxis(side).setStyle(tickLength=0)
            self.getAxis(side).enableAutoSIPrefix(False)
        self.getViewBox().setAspectLocked(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.describe: Callable[[int], tuple[np.ndarray, str]] | None = None
        self.walkable = False
        self.points = np.empty((0, 2), np.float32)
        self.marker: np.ndarray | None = None
        self._colouring: Colouring | None = None
        self._dots = pg.ScatterPlotItem(pen=None, pxMode=True, antialias=True)
        self._ring = pg.ScatterPlotItem(pen=None, brush=None, pxMode=True, antialias=True)
        self._cross = pg.ScatterPlotItem(pen=None, brush=None, pxMode=True, antialias=True)
        for z, item in enumerate((self._dots, self._ring, self._cross)):
            item.setZValue(z)
            self.addItem(item, ignoreBounds=True)
        self.card = HoverCard(self)
        self._hovered: int | None = None
        self._pressed: QPointF | None = None
        self._panned: QPointF | None = None
        self._walking = self._is_zoomed = False
        self._restyle()

    # What is shown

    def set_points(
        self, points: np.ndarray, axes: tuple[str, str], colouring: Colouring | None = None
    ) -> None:
        """Show float (N, 2), all of them, in one colour unless `colouring` says more."""
        self.points = np.ascontiguousarray(points, dtype=np.float64)
        for side, title in zip(("bottom", "left"), axes, strict=True):
            self.getAxis(side).setLabel(title)
            self.getAxis(side).resizeEvent()  # which is what puts a title of another length in the middle
        self._hover(None)
        self.set_colouring(colouring)
        self.show_all()

    def set_colouring(self, colouring: Colouring | None) -> None:
        self._colouring = colouring
        chosen = colouring or plain(len(self.points))
        brushes = np.array([pg.mkBrush(colour) for colour in chosen.colours], object)
        size = 6 if len(self.points) <= 2000 else 5 if len(self.points) <= 5000 else 4
        self._dots.setData(pos=self.points, brush=brushes[chosen.codes], size=size)

    def set_marker(self, place: np.ndarray | None) -> None:
        """Where one is, (2,); None where that is not on the map."""
        self.marker = None if place is None else np.asarray(place, np.float64)
        shown, ratio = theme.current(), self.devicePixelRatioF()  # widths of these pens are in device pixels
        halo, line = pg.mkPen(shown.canvas, width=5 * ratio), pg.mkPen(shown.text, width=2 * ratio)
        places = [] if self.marker is None else [self.marker, self.marker]
        self._cross.setData(pos=np.array(places).reshape(-1, 2), symbol=_cross(), size=20, pen=None)
        if places:
            self._cross.setPen([halo, line])

    def show_all(self) -> None:
        """Every point, and the marker."""
        self._set_zoomed(False)
        shown = self.points if self.marker is None else np.vstack([self.points, self.marker])
        if len(shown):
            (left, top), (right, bottom) = shown.min(0), shown.max(0)
            size = max(right - left, bottom - top, 1e-6)
            rect = QRectF(left, top, max(right - left, 1e-3 * size), max(bottom - top, 1e-3 * size))
            self.setRange(rect, padding=PADDING)

    def to_widget(self, place: np.ndarray) -> QPointF:
        """A point (2,) of the map as one of the widget."""
        (x,), (y,) = self._pixels(np.asarray(place, np.float64)[None]).T
        return QPointF(x, y)

    def to_map(self, position: QPointF) -> tuple[float, float]:
        """A point of the widget as one of the map."""
        place = self.getViewBox().mapSceneToView(self.mapToScene(position.toPoint()))
        return place.x(), place.y()

    def nearest(self, position: QPointF) -> int | None:
        """The point that is drawn within reach of a point of the widget."""
        if not len(self.points):
            return None
        distances = np.square(self._pixels(self.points) - (position.x(), position.y())).sum(1)
        index = int(distances.argmin())
        return index if distances[index] <= REACH**2 else None

    def reaches(self, one: np.ndarray, other: tuple[float, float]) -> bool:
        """Whether two places of the map, (2,) each, are drawn within reach of each other."""
        first, second = self._pixels(np.array([one, other], np.float64))
        return bool(np.square(first - second).sum() <= REACH**2)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        view, seen = self.getViewBox().sceneBoundingRect(), self.getViewBox().viewRect()
        x = view.left() + (points[:, 0] - seen.left()) / seen.width() * view.width()
        y = view.bottom() - (points[:, 1] - seen.top()) / seen.height() * view.height()
        return np.stack([x, y], 1)

    # What a person does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        if left and self._inside(event.position()):
            self._pressed = event.position()
        if not left or (self._pressed is not None and not self.walkable):
            self._panned = event.position()
        self._hover(None)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        moved = self._pressed is not None and (place - self._pressed).manhattanLength() > SLACK
        if self._pressed is not None and moved and self.walkable:
            if not self._walking:
                self._walking = True
                self.walk_started.emit(*self.to_map(self._pressed))
            self.walked.emit(*self.to_map(place))
        elif self._panned is not None and (moved or self._pressed is None):
            step, pixel = place - self._panned, self.getViewBox().viewPixelSize()
            self.getViewBox().translateBy(x=-step.x() * pixel[0], y=step.y() * pixel[1])
            self._panned = place
            self._set_zoomed(True)
        elif self._pressed is None:
            self._hover(self.nearest(place) if self._inside(place) else None)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._panned = self._pressed, None, None
        place = event.position()
        if self._walking:
            self._walking = False
            self.walk_ended.emit()
        elif pressed is not None and (place - pressed).manhattanLength() <= SLACK:
            index = self.nearest(place)
            if index is not None:
                self.point_clicked.emit(index)
            elif self.walkable and len(self.points):
                self.place_clicked.emit(*self.to_map(place))
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)  # two quick clicks are two clicks

    def wheelEvent(self, event: QWheelEvent) -> None:
        if len(self.points):
            super().wheelEvent(event)
            self._set_zoomed(True)
            self._hover(None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ways: dict[int, tuple[int, int]] = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }
        zooms: dict[int, float] = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Minus: 1.25}
        key = event.key()
        if key in ways and len(self.points):
            index = self._next(np.array(ways[key], np.float64))
            if index is not None:
                self.point_clicked.emit(index)
        elif key in zooms:
            self.getViewBox().scaleBy((zooms[key], zooms[key]))
            self._set_zoomed(True)
        elif key == Qt.Key.Key_Home:
            self.show_all()
        else:
            event.ignore()

    def _next(self, way: np.ndarray) -> int | None:
        """The nearest point within 45 degrees of a way from where one is, or from the middle of the view."""
        seen = self.getViewBox().viewRect().center()
        here = self.marker if self.marker is not None else np.array([seen.x(), seen.y()])
        offsets = self.points - here
        along = offsets @ way
        across = np.abs(offsets @ way[::-1])
        ahead = np.flatnonzero((along > 0) & (along >= across))
        return int(ahead[np.square(offsets[ahead]).sum(1).argmin()]) if len(ahead) else None

    def _inside(self, position: QPointF) -> bool:
        return self.getViewBox().sceneBoundingRect().contains(position)

    def _set_zoomed(self, zoomed: bool) -> None:
        if zoomed != self._is_zoomed:
            self._is_zoomed = zoomed
            self.zoomed.emit(zoomed)

    def _hover(self, index: int | None) -> None:
        if index == self._hovered:
            return
        self._hovered = index
        self.setCursor(Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor)
        if index is None or self.describe is None:
            self._ring.clear()
            self.card.hide()
        else:
            place = self.points[index]
            line = pg.mkPen(theme.current().text, width=1.5 * self.devicePixelRatioF())
            self._ring.setData(pos=place[None], size=12, pen=line)
            self.card.show_at(self.to_widget(place), *self.describe(index))

    # Looks

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_cross") and not self._is_zoomed:
            self.show_all()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and hasattr(self, "_cross"):
            self._restyle()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self.viewport())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.current().color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _restyle(self) -> None:
        shown = theme.current()
        self.setBackground(shown.color("canvas"))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(shown.line))
            axis.setTextPen(pg.mkPen(shown.secondary))
            axis.setTickFont(theme.base_font(11))
            axis.label.setFont(theme.base_font(11))
        self.set_marker(self.marker)


def _cross() -> QPainterPath:
    """A ring with a cross that reaches beyond it, one unit large."""
    path = QPainterPath()
    path.addEllipse(QRectF(-0.3, -0.3, 0.6, 0.6))
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(0.3 * x, 0.3 * y)
        path.lineTo(0.5 * x, 0.5 * y)
    return path
