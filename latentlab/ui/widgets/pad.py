"""A plane of the latent space as a square: a handle where one is, and what lies around it faintly behind."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QTransform,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.drag_view import Drag, arrow, is_fine, paint_focus
from latentlab.ui.widgets.picture import RADIUS
from latentlab.ui.widgets.pixels import as_image, scaled

#: Sigma from the middle to an edge.
EXTENT = 3.0
#: How much of the decoded plane shows through.
STRENGTH = 0.4
HANDLE = 6.0


class PlanePad(QWidget):
    """Says where a person wants to be, in sigma down and to the right; `set_position` moves the handle."""

    drag_started = Signal()
    moved = Signal(float, float)  # down, right: within the square
    drag_ended = Signal()
    nudged = Signal(int, int, bool)  # steps down and to the right; whether they are fine ones
    centred = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = ("", "")
        self._position = (0.0, 0.0)
        self._picture: np.ndarray | None = None
        self._background: QPixmap | None = None
        self._drag: Drag | None = None
        self.setMinimumSize(64, 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def set_names(self, down: str, right: str) -> None:
        """What grows downwards and to the right."""
        if (down, right) != self._names:
            self._names = (down, right)
            self._repaint_background()

    def set_position(self, down: float, right: float) -> None:
        """Where the handle is, in sigma; beyond the edge it stays at it, hollow."""
        if (down, right) != self._position:
            self._position = (down, right)
            self.update()

    @property
    def position(self) -> tuple[float, float]:
        """Down and to the right, in sigma."""
        return self._position

    def set_picture(self, picture: np.ndarray | None) -> None:
        """The whole plane decoded, uint8 (H, W[, C]), its edges at `EXTENT`. Kept, not copied."""
        self._picture = picture
        self._repaint_background()

    @property
    def picture(self) -> np.ndarray | None:
        """The array that lies behind."""
        return self._picture

    def area(self) -> QRectF:
        """The square, at the top of the widget and in its middle."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, 0, side, side)

    def point(self, down: float, right: float) -> QPointF:
        """Where a place of the plane lies in the widget."""
        area = self.area()
        scale = area.width() / (2 * EXTENT)
        return QPointF(area.center().x() + right * scale, area.center().y() + down * scale)

    def place(self, point: QPointF) -> tuple[float, float]:
        """The place of the plane, down and right, at a point of the widget; the nearest one of the square."""
        area = self.area()
        scale = 2 * EXTENT / area.width()
        down, right = (point.y() - area.center().y()) * scale, (point.x() - area.center().x()) * scale
        return max(-EXTENT, min(EXTENT, down)), max(-EXTENT, min(EXTENT, right))

    def end_drag(self) -> None:
        """Let go."""
        if self._drag is not None:
            self._drag = None
            self.drag_ended.emit()

    def sizeHint(self) -> QSize:
        return QSize(256, 256)

    # What a person does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._drag is not None:
            event.ignore()
            return
        self.drag_started.emit()
        if is_fine(event):  # from where the handle is: a jump would not be fine
            self._drag = Drag(event.position(), self.point(*self.place(self.point(*self._position))))
        else:
            self._drag = Drag(event.position(), event.position())
            self.moved.emit(*self.place(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            self.moved.emit(*self.place(self._drag.follow(event)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.end_drag()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.centred.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if way := arrow(event):
            self.nudged.emit(*way, is_fine(event))
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.end_drag()
        super().hideEvent(event)

    # Painting: everything but the handle is kept as a pixmap, so that a drag costs next to nothing

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._background = None

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._repaint_background()
        super().changeEvent(event)

    def _repaint_background(self) -> None:
        self._background = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        area, ratio = self.area(), self.devicePixelRatioF()
        if self._background is None or self._background.devicePixelRatio() != ratio:
            self._background = self._paint_background(area.size().toSize(), ratio)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(area.topLeft(), self._background)
        self._paint_handle(painter, area)
        if self.hasFocus():
            paint_focus(painter, area)

    def _paint_handle(self, painter: QPainter, area: QRectF) -> None:
        shown = theme.current()
        place = self.place(self.point(*self._position))
        inside = max(map(abs, self._position)) <= EXTENT + 1e-6
        # At the edge the whole handle is still to be seen.
        room = area.adjusted(HANDLE + 1, HANDLE + 1, -HANDLE - 1, -HANDLE - 1)
        at = self.point(*place)
        painter.setPen(QPen(shown.color("accent", 0.6), 1))
        painter.drawLine(QPointF(area.left(), at.y()), QPointF(area.right(), at.y()))
        painter.drawLine(QPointF(at.x(), area.top()), QPointF(at.x(), area.bottom()))
        at = QPointF(max(room.left(), min(room.right(), at.x())), max(room.top(), min(room.bottom(), at.y())))
        painter.setPen(QPen(shown.color("accent"), 2))
        painter.setBrush(shown.color("handle") if inside else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, HANDLE, HANDLE)
        down, right = self._position
        _label(
            painter, area.adjusted(6, 6, -6, -6), Qt.AlignmentFlag.AlignTop, f"{down:+.2f} ↓  {right:+.2f} →"
        )

    def _paint_background(self, size: QSize, ratio: float) -> QPixmap:
        shown = theme.current()
        pixmap = QPixmap(size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = float(size.width())
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(0, 0, side, side), RADIUS, RADIUS)
        painter.fillPath(frame, shown.color("panel"))
        painter.setClipPath(frame)
        if self._picture is not None:
            image = scaled(as_image(np.ascontiguousarray(self._picture)), size * ratio, smooth=True)
            brush = QBrush(image)
            brush.setTransform(QTransform.fromScale(1 / ratio, 1 / ratio))
            painter.setOpacity(STRENGTH)
            painter.fillPath(frame, brush)
            painter.setOpacity(1)
        for sigma in range(1 - int(EXTENT), int(EXTENT)):
            at = round((sigma / EXTENT + 1) * side / 2 * ratio) / ratio + 0.5 / ratio
            painter.setPen(QPen(shown.color("secondary", 0.7 if sigma == 0 else 0.2), 1 / ratio))
            painter.drawLine(QPointF(at, 0), QPointF(at, side))
            painter.drawLine(QPointF(0, at), QPointF(side, at))
        painter.setPen(QPen(shown.color("line"), 1))
        painter.drawRoundedRect(QRectF(0.5, 0.5, side - 1, side - 1), RADIUS, RADIUS)
        painter.setFont(theme.base_font(11))
        down, right = self._names
        middle = side / 2
        below = QRectF(middle + 6, middle, middle - 12, middle - 6)
        beside = QRectF(middle + 6, middle - 24, middle - 12, 20)
        _label(painter, below, Qt.AlignmentFlag.AlignBottom, down, " ↓")
        _label(painter, beside, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight, right, " →")
        painter.end()
        return pixmap


def _label(painter: QPainter, room: QRectF, where: Qt.AlignmentFlag, text: str, arrow: str = "") -> None:
    """Text on a ground of its own, to be read on any picture; too long, it ends in "…"."""
    shown = theme.current()
    painter.setFont(theme.base_font(11))
    metrics = painter.fontMetrics()
    space = int(room.width()) - metrics.horizontalAdvance(arrow) - 8
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, space) + arrow
    flags = where if where & Qt.AlignmentFlag.AlignRight else where | Qt.AlignmentFlag.AlignLeft
    bounds = painter.boundingRect(room.adjusted(4, 1, -4, -1), flags, text)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shown.color("panel", 0.75))
    painter.drawRoundedRect(bounds.adjusted(-4, -1, 4, 1), 3, 3)
    painter.setPen(shown.color("text"))
    painter.drawText(bounds, Qt.AlignmentFlag.AlignCenter, text)
