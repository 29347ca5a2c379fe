"""The plane of points: the data, what the model makes and what lies behind it; or a picture as any other."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from latentlab.core.points import PICTURE, locate
from latentlab.ui import theme
from latentlab.ui.scene import LAYERS, Scene
from latentlab.ui.widgets.drag_view import DragView, paint_focus
from latentlab.ui.widgets.plane_paint import paint, place, unplace

#: Pixels: the ring around the present latent's point, and the room around words.
RING, PAD = 7.0, 8


class PlaneView(DragView):
    """The unit square with a scene of points; pictures of dots that it is given say where its marker is.

    Without a scene it shows the pictures themselves. What stands still is painted once, so that a marker that
    moves costs no more than a picture.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, smooth=True)
        self.scene: Scene | None = None
        self.marker: tuple[float, float] | None = None
        self.layers = frozenset(LAYERS)
        self._ground: QPixmap | None = None
        self._pointed: QPointF | None = None
        self.setMouseTracking(True)

    def set_scene(self, scene: Scene | None) -> None:
        """Show points, or pictures again."""
        self.scene, self._ground = scene, None
        self._mark()

    def set_layers(self, layers: frozenset[str]) -> None:
        """Which layers of the scene to show."""
        self.layers, self._ground = layers, None
        self.update()

    def set_picture(self, picture: np.ndarray | None) -> None:
        """As of every picture; that of a point says where the marker is."""
        super().set_picture(picture)
        self._mark()

    def to_widget(self, x: float, y: float) -> QPointF:
        """A place of the plane as one of the widget."""
        square = self.target_rect()
        ((right, down),) = place(np.array([[x, y]]), square.width())
        return square.topLeft() + QPointF(right, down)

    def reading(self) -> str:
        """What there is to say of the place under the mouse."""
        square = self.target_rect()
        if self.scene is None or self._pointed is None:
            return ""
        x, y = unplace(*(self._pointed - square.topLeft()).toTuple(), square.width())
        if not (0 <= x <= 1 and 0 <= y <= 1):
            return ""
        words = f"x {x:.2f}  y {y:.2f}"
        if found := self.scene.field_at(x, y):
            words += f"  {found[0]} {found[1]:.2f}"
        return words

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position())
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._ground = None
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.scene is None:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        square, ratio = self.target_rect(), self.devicePixelRatioF()
        side = self._device_rect().width()
        if self._ground is None or self._ground.width() != side or self._ground.devicePixelRatio() != ratio:
            self._ground = paint(self.scene, self.layers, side, ratio)
        painter.setClipPath(self._outline(square))
        painter.drawPixmap(square.topLeft(), self._ground)
        if self.marker is not None:
            _paint_marker(painter, self.to_widget(*self.marker))
        painter.setClipping(False)
        if words := self.reading():
            _paint_words(painter, words, square)
        if self.hasFocus():
            paint_focus(painter, square)
        painter.end()
        if self._is_new:
            self._is_new = False
            self.painted.emit()

    def _device_rect(self) -> QRect:
        if self.scene is None:
            return super()._device_rect()
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        side = min(width, height)
        return QRect((width - side) // 2, (height - side) // 2, side, side)

    def _point(self, place: QPointF | None) -> None:
        before = self.reading()
        self._pointed = place
        if self.reading() != before:
            self.update()

    def _mark(self) -> None:
        self.marker = None
        if self.scene is not None and self.picture is not None and self.picture.shape == PICTURE[1:]:
            ((x, y),) = locate(self.picture[None, None]).tolist()
            self.marker = x, y
        self._describe()
        self.update()

    def _describe(self) -> None:
        if self.scene is None:
            self.setAccessibleDescription(self._empty_text)
            return
        plane, real = self.scene.plane, self.scene.real
        words = [f"{len(plane.samples):,} generated points"] if plane is not None else []
        words += [f"{len(real):,} points of the data"] if real is not None else []
        words += [f"the present one at x {self.marker[0]:.2f}, y {self.marker[1]:.2f}"] if self.marker else []
        self.setAccessibleDescription(", ".join(words))


def _paint_marker(painter: QPainter, place: QPointF) -> None:
    """A ring and a dot in the text's colour, with a halo: seen on points and on empty ground alike."""
    shown = theme.current()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((shown.color("canvas"), 5.0), (shown.color("text"), 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(place, RING, RING)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shown.color("text"))
    painter.drawEllipse(place, 2.0, 2.0)


def _paint_words(painter: QPainter, words: str, square: QRectF) -> None:
    """In the lower left corner."""
    shown = theme.current()
    painter.setFont(theme.base_font(12))
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(words) + 2 * PAD, metrics.height() + 6
    box = QRectF(square.left() + PAD, square.bottom() - PAD - height, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shown.color("panel", 0.88))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(shown.color("text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
