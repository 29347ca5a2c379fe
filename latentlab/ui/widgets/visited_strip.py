"""The images that were looked at, oldest left, in a row that scrolls; only what is visible is drawn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture

TILE, GAP = 48, 8
#: Room for the ring around a tile.
RING = 4
#: Thumbnails kept after they were made.
CACHED = 200


class VisitedStrip(QAbstractScrollArea):
    """One tile per visit, the present one ringed. Clicked, or chosen by arrows and Enter, one is `chosen`."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(TILE + 2 * RING)
        self.viewport().setMouseTracking(True)
        self.tile_tooltip: Callable[[int], str] | None = None
        self._tiles: list[np.ndarray | None] = []
        self._present = self._cursor = 0
        self._hovered: int | None = None
        # By the array's id, kept with the array so that no other is given that id.
        self._cache: OrderedDict[int, tuple[np.ndarray, QPixmap]] = OrderedDict()

    def set_visits(self, tiles: Sequence[np.ndarray | None], present: int) -> None:
        """Show uint8 (C, H, W) each, None for one that was not decoded, and which of them is the present one.

        While a drag goes on the present tile is often on its way: until it is there, the one before it stays.
        """
        now, moved = list(tiles), (len(tiles), present) != (len(self._tiles), self._present)
        if now and now[present] is None and not moved:
            now[present] = self._tiles[present]
        self._tiles = now
        self._update_range()
        if moved:
            self._present = self._cursor = present
            self._reveal(present)
        self.viewport().update()

    @property
    def tiles(self) -> list[np.ndarray | None]:
        """What is shown, oldest first."""
        return list(self._tiles)

    @property
    def present(self) -> int:
        """Which of the tiles has the ring."""
        return self._present

    def tile_rect(self, index: int) -> QRectF:
        """Where a tile lies in the viewport."""
        return QRectF(RING + index * (TILE + GAP) - self._offset(), RING, TILE, TILE)

    def index_at(self, position: QPoint) -> int | None:
        """The tile at a point of the viewport."""
        index = (position.x() + self._offset() - RING) // (TILE + GAP)
        inside = 0 <= index < len(self._tiles) and self.tile_rect(index).contains(position.toPointF())
        return index if inside else None

    def sizeHint(self) -> QSize:
        return QSize(8 * (TILE + GAP), TILE + 2 * RING)

    def minimumSizeHint(self) -> QSize:
        return QSize(TILE + 2 * RING, TILE + 2 * RING)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_range()
        self._reveal(self._present)

    def _offset(self) -> int:
        return self.horizontalScrollBar().value()

    def _update_range(self) -> None:
        bar, width = self.horizontalScrollBar(), self.viewport().width()
        bar.setPageStep(width)
        bar.setRange(0, max(0, len(self._tiles) * (TILE + GAP) - GAP + 2 * RING - width))

    def _reveal(self, index: int) -> None:
        """Scroll so that a tile is in view, and the ones beside it too."""
        bar, pitch = self.horizontalScrollBar(), TILE + GAP
        left, right = (index - 1) * pitch, (index + 2) * pitch - GAP + 2 * RING
        bar.setValue(max(min(bar.value(), left), right - self.viewport().width()))
        self.viewport().update()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        shown, area = theme.current(), event.rect()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = max(0, (area.left() + self._offset() - RING) // (TILE + GAP))
        last = min(len(self._tiles), (area.right() + self._offset() + RING) // (TILE + GAP) + 1)
        for index in range(first, last):
            rect, tile = self.tile_rect(index), self._tiles[index]
            if tile is None:
                painter.setPen(QPen(shown.color("line"), 1))
                painter.setBrush(shown.color("panel"))
                painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            else:
                painter.drawPixmap(rect.topLeft(), self._pixmap(tile))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        focused = self._cursor if self.hasFocus() else None
        for ringed, color, width in (
            (self._hovered, "secondary", 1.5),
            (self._present, "accent", 2.0),
            (focused, "text", 2.0),
        ):
            if ringed is not None and first <= ringed < last:
                # The keyboard's ring lies within the accent one where both are at the same tile.
                out = -width / 2 if ringed == focused and color == "text" else width / 2
                painter.setPen(QPen(shown.color(color), width))
                painter.drawRoundedRect(self.tile_rect(ringed).adjusted(-out, -out, out, out), 5, 5)

    def _pixmap(self, tile: np.ndarray) -> QPixmap:
        """The tile fitted into its place, with round corners."""
        ratio = self.devicePixelRatioF()
        kept = self._cache.get(id(tile))
        if kept is not None and kept[1].devicePixelRatio() == ratio:
            return kept[1]
        picture = tile_picture(tile)
        height, width = picture.shape[:2]
        factor = TILE * ratio / max(height, width)
        size = QSize(max(1, round(width * factor)), max(1, round(height * factor)))
        brush = QBrush(scaled(as_image(picture), size, smooth=True))
        left, top = (TILE - size.width() / ratio) / 2, (TILE - size.height() / ratio) / 2
        brush.setTransform(QTransform.fromTranslate(left, top).scale(1 / ratio, 1 / ratio))
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(left, top, size.width() / ratio, size.height() / ratio), 4, 4)
        pixmap = QPixmap(QSize(TILE, TILE) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outline, brush)
        painter.end()
        self._cache[id(tile)] = tile, pixmap
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return pixmap

    # What a person does

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self.index_at(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self._cursor = index
            self.chosen.emit(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn, bar = event.angleDelta(), self.horizontalScrollBar()
        bar.setValue(bar.value() - (turn.x() or turn.y()) * (TILE + GAP) // 120)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last, key = len(self._tiles) - 1, event.key()
        goals: dict[int, int] = {
            Qt.Key.Key_Left: self._cursor - 1,
            Qt.Key.Key_Right: self._cursor + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if last >= 0 and key in goals:
            self._cursor = max(0, min(last, goals[key]))
            self._reveal(self._cursor)
        elif last >= 0 and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select):
            self.chosen.emit(self._cursor)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._cursor = self._present
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.tile_tooltip:
            index = self.index_at(event.pos())
            QToolTip.showText(event.globalPos(), "" if index is None else self.tile_tooltip(index), self)
            return True
        return super().viewportEvent(event)

    def _set_hovered(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.viewport().setCursor(
                Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor
            )
            self.viewport().update()
