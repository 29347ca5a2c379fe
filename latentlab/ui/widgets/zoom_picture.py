"""A picture to be checked before it is written: as a whole, or pixel by pixel."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.drag_view import ARROWS
from latentlab.ui.widgets.picture import RADIUS, PictureView
from latentlab.ui.widgets.pixels import as_image, scaled

#: Around a fitted picture, in pixels.
MARGIN = 16
#: What an arrow key moves an actual one by, in pixels of the screen.
NUDGE = 64
#: How visible a picture is that will be another one in a moment.
OUTDATED = 0.35


class ZoomPicture(PictureView):
    """Fitted into the widget, or one pixel for each of the screen's: then it is dragged, or moved by arrows
    and wheel. A double click goes from one to the other.
    """

    margin = MARGIN
    actual_changed = Signal(bool)
    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._small: np.ndarray | None = None
        self._actual = self._outdated = False
        self._offset = QPoint()  # of the picture's middle from the widget's, in pixels of the screen
        self._drag: QPointF | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_picture(self, picture: np.ndarray | None, small: np.ndarray | None = None) -> None:
        """Show uint8 (H, W[, C]), fitted by the help of `small`, which is the same with fewer pixels."""
        before = self._picture
        self._small = small
        super().set_picture(picture)
        if before is None or picture is None or before.shape != picture.shape:
            self._move(QPoint())

    def set_outdated(self, outdated: bool) -> None:
        """Whether another picture is on its way."""
        if outdated != self._outdated:
            self._outdated = outdated
            self.update()

    @property
    def actual(self) -> bool:
        """Whether a pixel of the picture is one of the screen."""
        return self._actual

    def set_actual(self, actual: bool) -> None:
        """Show it pixel by pixel, or as a whole."""
        if actual != self._actual:
            self._actual, self._scaled = actual, None
            self._move(QPoint())
            self.actual_changed.emit(actual)

    def magnification(self) -> float:
        """Pixels of the screen for one of the picture."""
        return 0.0 if self._picture is None else self._device_rect().width() / self._picture.shape[1]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._move(self._offset)
        self.resized.emit()

    def _device_rect(self) -> QRect:
        if self._picture is None or not self._actual:
            return super()._device_rect()
        ratio = self.devicePixelRatioF()
        height, width = self._picture.shape[:2]
        left = (round(self.width() * ratio) - width) // 2 + self._offset.x()
        top = (round(self.height() * ratio) - height) // 2 + self._offset.y()
        return QRect(left, top, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            super().paintEvent(event)
            return
        shown = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.fillPath(frame, shown.color("canvas"))
        painter.setClipPath(frame)
        painter.setOpacity(OUTDATED if self._outdated else 1.0)
        if self._actual:
            self._paint_actual(painter)
        else:
            target = self.target_rect()
            painter.fillRect(target, self._brush(target))
        painter.setOpacity(1.0)
        outline = self.target_rect().adjusted(-0.5, -0.5, 0.5, 0.5)  # where a dark picture ends
        painter.setPen(shown.color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(outline)
        painter.setClipping(False)
        painter.setPen(shown.color("accent" if self.hasFocus() else "line"))
        painter.drawPath(frame)
        painter.end()
        if self._is_new:
            self._is_new = False
            self.painted.emit()

    def _paint_actual(self, painter: QPainter) -> None:
        """Only what is seen: the rest of a large picture would be copied for nothing."""
        assert self._picture is not None
        ratio, place = self.devicePixelRatioF(), self._device_rect()
        seen = place & QRect(0, 0, round(self.width() * ratio), round(self.height() * ratio))
        target = QRectF(seen.x() / ratio, seen.y() / ratio, seen.width() / ratio, seen.height() / ratio)
        painter.drawImage(target, as_image(self._picture), QRectF(seen.translated(-place.topLeft())))

    def _brush(self, target: QRectF) -> QBrush:
        size = self._device_rect().size()
        if self._small is not None and (self._scaled is None or self._scaled.size() != size):
            self._scaled = scaled(as_image(np.ascontiguousarray(self._small)), size, smooth=False)
        return super()._brush(target)

    def _move(self, offset: QPoint) -> None:
        """No further than to the picture's edges."""
        if self._picture is not None:
            ratio = self.devicePixelRatioF()
            height, width = self._picture.shape[:2]
            most_x = max(0, (width - round(self.width() * ratio)) // 2 + MARGIN)
            most_y = max(0, (height - round(self.height() * ratio)) // 2 + MARGIN)
            x, y = max(-most_x, min(most_x, offset.x())), max(-most_y, min(most_y, offset.y()))
            offset = QPoint(x if most_x > MARGIN else 0, y if most_y > MARGIN else 0)
        self._offset = offset
        self._show_cursor()
        self.update()

    def _show_cursor(self) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self._actual:
            shape = Qt.CursorShape.OpenHandCursor if self._drag is None else Qt.CursorShape.ClosedHandCursor
        self.setCursor(shape)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._picture is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place, at = self._device_rect(), event.position() * self.devicePixelRatioF()
        across, down = (at.x() - place.x()) / place.width(), (at.y() - place.y()) / place.height()
        self.set_actual(not self._actual)
        if self._actual:  # what was clicked comes to the middle
            height, width = self._picture.shape[:2]
            self._move(QPoint(round((0.5 - across) * width), round((0.5 - down) * height)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._actual and event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()
            self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            way = (event.position() - self._drag) * self.devicePixelRatioF()
            self._drag = event.position()
            self._move(self._offset + way.toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        self._show_cursor()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._actual:
            event.ignore()
            return
        turn = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            turn = turn.transposed()
        self._move(self._offset + turn)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = ARROWS.get(event.key())
        if way is not None and self._actual:
            self._move(self._offset - QPoint(way[1] * NUDGE, way[0] * NUDGE))
        else:
            super().keyPressEvent(event)
