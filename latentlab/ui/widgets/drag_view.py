"""A picture that is the handle itself: dragged, or pushed by arrow keys, it says how far."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.picture import RADIUS, PictureView

#: Sigma that a drag over one side of the picture is worth.
SPAN = 4.0
#: With Shift everything goes a tenth as far.
FINE = 0.1
#: Pixels that a click may tremble without being a drag.
SLACK = 3
#: Arrow keys as steps down and to the right.
ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def is_fine(event: QMouseEvent | QKeyEvent) -> bool:
    """Whether Shift is held."""
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)


def arrow(event: QKeyEvent) -> tuple[int, int] | None:
    """The step, down and to the right, that a key asks for."""
    return None if event.modifiers() & _COMMANDS else ARROWS.get(event.key())


class Drag:
    """Where a drag has come to, beginning at `at`: holding or leaving Shift on the way is no jump."""

    def __init__(self, pressed: QPointF, at: QPointF) -> None:
        self._last, self.at = pressed, at

    def follow(self, event: QMouseEvent) -> QPointF:
        """The mouse moved."""
        way, self._last = event.position() - self._last, event.position()
        self.at += way * (FINE if is_fine(event) else 1.0)
        return self.at


class DragView(PictureView):
    """The picture itself stays where it is: what a drag means is for others to show."""

    drag_started = Signal()
    dragged = Signal(float, float)  # sigma down and to the right, since the drag began
    drag_ended = Signal()
    nudged = Signal(int, int, bool)  # steps down and to the right; whether they are fine ones
    step_turned = Signal(int)  # longer steps (above 0) or shorter ones: wheel, plus and minus

    def __init__(self, parent: QWidget | None = None, *, smooth: bool = False) -> None:
        super().__init__(parent, smooth=smooth)
        self._movable = False
        self._pressed: QPointF | None = None
        self._drag: Drag | None = None
        self._turned = 0

    def set_movable(self, movable: bool) -> None:
        """Whether there is a plane to move in. A drag that is under way ends."""
        self.end_drag()
        self._movable = movable
        policy = Qt.FocusPolicy.StrongFocus if movable else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(policy)
        self.setCursor(Qt.CursorShape.OpenHandCursor if movable else Qt.CursorShape.ArrowCursor)

    def end_drag(self) -> None:
        """Let go."""
        self._pressed = None
        if self._drag is not None:
            self._drag = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self.drag_ended.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._movable:
            self._pressed = event.position()
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            event.ignore()
            return
        if self._drag is None:
            if (event.position() - self._pressed).manhattanLength() < SLACK:
                return
            self._drag = Drag(self._pressed, QPointF(0, 0))
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.drag_started.emit()
        target = self.target_rect()
        way = self._drag.follow(event) * (SPAN / max(target.width(), target.height()))
        self.dragged.emit(way.y(), way.x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.end_drag()

    def hideEvent(self, event: QHideEvent) -> None:
        self.end_drag()
        super().hideEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._movable:
            event.ignore()
            return
        event.accept()
        # A touch pad sends many small turns.
        self._turned += event.angleDelta().y()
        notches = int(self._turned / 120)
        self._turned -= 120 * notches
        if notches:
            self.step_turned.emit(notches)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._movable and (way := arrow(event)):
            self.nudged.emit(*way, is_fine(event))
        elif self._movable and event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.step_turned.emit(1 if event.key() == Qt.Key.Key_Plus else -1)
        else:
            super().keyPressEvent(event)

    def _paint_over(self, painter: QPainter) -> None:
        if self.hasFocus():
            paint_focus(painter, self.target_rect())


def paint_focus(painter: QPainter, target: QRectF) -> None:
    """The ring of a picture that has the keyboard, along the inside of its edge."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.current().color("accent"), 2))
    painter.drawRoundedRect(target.adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)
