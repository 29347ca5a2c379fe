"""The widgets that paint decoded pictures: one image, or a grid of tiles that can be pointed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Property, QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QTransform,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.pixels import as_image, scaled

RADIUS = 6.0


class PictureView(QWidget):
    """Paints a uint8 picture, fitted into the widget with its aspect kept, square pixels unless `smooth`.

    `painted` comes at the end of the paintEvent that first shows a new picture: from request to `painted` is
    what a person waits.
    """

    #: Pixels that stay free around a fitted picture.
    margin = 0
    painted = Signal()

    def __init__(self, parent: QWidget | None = None, *, smooth: bool = False) -> None:
        super().__init__(parent)
        self._picture: np.ndarray | None = None
        self._scaled: QImage | None = None
        self._smooth = smooth
        self._is_new = False
        self._empty_text = ""
        self.setMinimumSize(64, 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show uint8 (H, W), (H, W, 3) or (H, W, 4); None shows the empty state.

        The array is kept, not copied: the sender must not write to it any more. One that is not
        C-contiguous is copied.
        """
        if picture is not None:
            picture = np.ascontiguousarray(picture)
            as_image(picture)  # refuses what cannot be shown here, where the sender is on the stack
        self._picture = picture
        self._scaled = None
        self._is_new = picture is not None
        self.update()

    @property
    def picture(self) -> np.ndarray | None:
        """The array now shown."""
        return self._picture

    def set_empty_text(self, text: str) -> None:
        """What stands here while there is no picture."""
        self._empty_text = text
        self.setAccessibleDescription(text)
        self.update()

    def _get_smooth(self) -> bool:
        return self._smooth

    def _set_smooth(self, smooth: bool) -> None:
        if smooth != self._smooth:
            self._smooth, self._scaled = smooth, None
            self.update()

    smooth = Property(bool, _get_smooth, _set_smooth)

    def target_rect(self) -> QRectF:
        """Where the picture lies, in widget coordinates and on whole device pixels; empty without one."""
        target, ratio = self._device_rect(), self.devicePixelRatioF()
        return QRectF(target.x() / ratio, target.y() / ratio, target.width() / ratio, target.height() / ratio)

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._picture is None:
            self._paint_empty(painter)
            return
        target = self.target_rect()
        painter.fillPath(self._outline(target), self._brush(target))
        self._paint_over(painter)
        painter.end()
        if self._is_new:
            self._is_new = False
            self.painted.emit()

    def _device_rect(self) -> QRect:
        if self._picture is None:
            return QRect()
        ratio = self.devicePixelRatioF()
        room_w, room_h = round(self.width() * ratio), round(self.height() * ratio)
        height, width = self._picture.shape[:2]
        margin = round(2 * self.margin * ratio)
        factor = min(max(1, room_w - margin) / width, max(1, room_h - margin) / height)
        if factor > 1 and not self._smooth:
            factor = float(int(factor))  # every pixel equally large
        w, h = max(1, round(width * factor)), max(1, round(height * factor))
        return QRect((room_w - w) // 2, (room_h - h) // 2, w, h)

    def _brush(self, target: QRectF) -> QBrush:
        size = self._device_rect().size()
        if self._scaled is None or self._scaled.size() != size:
            assert self._picture is not None
            self._scaled = scaled(as_image(self._picture), size, self._smooth)
        ratio = self.devicePixelRatioF()
        brush = QBrush(self._scaled)
        brush.setTransform(QTransform.fromTranslate(target.x(), target.y()).scale(1 / ratio, 1 / ratio))
        return brush

    def _outline(self, target: QRectF) -> QPainterPath:
        path = QPainterPath()
        path.addRoundedRect(target, RADIUS, RADIUS)
        return path

    def _paint_over(self, painter: QPainter) -> None:
        """What lies on the picture; for subclasses."""

    def _paint_empty(self, painter: QPainter) -> None:
        shown = theme.current()
        painter.setPen(QPen(shown.color("line"), 1))
        painter.setBrush(shown.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setPen(shown.color("secondary"))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(16, 16, -16, -16), flags, self._empty_text)


@dataclass(frozen=True)
class GridGeometry:
    """Where tiles lie in a composed picture; all in its pixels. `margin` is the frame around them."""

    rows: int
    columns: int
    count: int
    tile_height: int
    tile_width: int
    spacing: int
    margin_x: int
    margin_y: int

    def rect(self, index: int) -> QRect:
        row, column = divmod(index, self.columns)
        x = self.margin_x + column * (self.tile_width + self.spacing)
        y = self.margin_y + row * (self.tile_height + self.spacing)
        return QRect(x, y, self.tile_width, self.tile_height)

    def index_at(self, x: float, y: float) -> int | None:
        """The tile at a point of the picture; None on the spacing, the frame or a place without a tile."""
        column, over_x = divmod(x - self.margin_x, self.tile_width + self.spacing)
        row, over_y = divmod(y - self.margin_y, self.tile_height + self.spacing)
        inside = over_x < self.tile_width and over_y < self.tile_height
        if not inside or not (0 <= column < self.columns and 0 <= row < self.rows):
            return None
        index = int(row) * self.columns + int(column)
        return index if index < self.count else None


class GridView(PictureView):
    """A composed grid whose tiles light up under the mouse and are chosen by click or by arrows and Enter."""

    tile_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, smooth: bool = False) -> None:
        super().__init__(parent, smooth=smooth)
        self.tile_tooltip: Callable[[int], str] | None = None
        self._geometry: GridGeometry | None = None
        self._hovered: int | None = None
        self._cursor: int | None = None
        self._selected: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_grid(
        self,
        picture: np.ndarray,
        rows: int,
        columns: int,
        tile_height: int,
        tile_width: int,
        spacing: int,
        count: int | None = None,
    ) -> None:
        """Show a composed grid, uint8 (H, W[, C]), whose tiles have this geometry in pixels.

        A frame around the tiles is found from the picture's size. `count` is how many tiles are there if not
        rows * columns. The selection stays where the geometry does.
        """
        height, width = picture.shape[:2]
        margin_x = (width - columns * tile_width - (columns - 1) * spacing) // 2
        margin_y = (height - rows * tile_height - (rows - 1) * spacing) // 2
        if margin_x < 0 or margin_y < 0:
            raise ValueError(f"{rows}x{columns} tiles do not fit into a picture of {height}x{width}")
        tiles = rows * columns if count is None else count
        geometry = GridGeometry(rows, columns, tiles, tile_height, tile_width, spacing, margin_x, margin_y)
        if geometry != self._geometry:
            self._geometry = geometry
            self._hovered = self._cursor = None
            if self._selected is not None and self._selected >= geometry.count:
                self._selected = None
        super().set_picture(picture)

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show one picture without tiles; None shows the empty state."""
        self._geometry = None
        self._hovered = self._cursor = self._selected = None
        super().set_picture(picture)

    def set_selected(self, index: int | None) -> None:
        """Outline a tile in the accent colour; emits nothing."""
        self._selected = index
        self._cursor = index
        self.update()

    @property
    def selected(self) -> int | None:
        return self._selected

    def tile_rect(self, index: int) -> QRectF:
        """Where a tile lies, in the widget's coordinates."""
        assert self._geometry is not None and self._picture is not None
        target, tile = self.target_rect(), self._geometry.rect(index)
        fx, fy = target.width() / self._picture.shape[1], target.height() / self._picture.shape[0]
        return QRectF(
            target.x() + tile.x() * fx, target.y() + tile.y() * fy, tile.width() * fx, tile.height() * fy
        )

    def tile_at(self, position: QPointF) -> int | None:
        """The tile at a point of the widget."""
        target = self.target_rect()
        if self._geometry is None or self._picture is None or not target.contains(position):
            return None
        height, width = self._picture.shape[:2]
        x = (position.x() - target.x()) * width / target.width()
        y = (position.y() - target.y()) * height / target.height()
        return self._geometry.index_at(x, y)

    def _outline(self, target: QRectF) -> QPainterPath:
        if self._geometry is None:
            return super()._outline(target)
        path = QPainterPath()
        for index in range(self._geometry.count):
            rect = self.tile_rect(index)
            radius = min(4.0, rect.width() / 8)
            path.addRoundedRect(rect, radius, radius)
        return path

    def _paint_over(self, painter: QPainter) -> None:
        shown = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        focused = self._cursor if self.hasFocus() else None
        for index, color, width in (
            (self._hovered, shown.color("secondary"), 1.5),
            (focused, shown.color("text"), 2.0),
            (self._selected, shown.color("accent"), 2.0),
        ):
            if index is None or self._geometry is None or index >= self._geometry.count:
                continue
            rect = self.tile_rect(index)
            if index == self._selected and focused == index:
                width = 3.0
            radius = min(4.0, rect.width() / 8)
            half = width / 2
            bounds = QRectF(self.rect()).adjusted(half, half, -half, -half)
            ring = rect.adjusted(-half, -half, half, half).intersected(bounds)
            painter.setPen(QPen(color, width))
            painter.drawRoundedRect(ring, radius + half, radius + half)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self.tile_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered(None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        tile = self.tile_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and tile is not None:
            self._cursor = tile
            self.update()
            self.tile_clicked.emit(tile)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        geometry = self._geometry
        if geometry is None:
            super().keyPressEvent(event)
            return
        at = self._cursor if self._cursor is not None else 0
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select):
            self._cursor = at
            self.tile_clicked.emit(at)
        elif key in (moves := self._moves(geometry.columns)):
            goal = at + moves[key]
            crosses = abs(moves[key]) == 1 and goal // geometry.columns != at // geometry.columns
            if self._cursor is None:
                self._cursor = 0
            elif 0 <= goal < geometry.count and not crosses:
                self._cursor = goal
        else:
            super().keyPressEvent(event)
            return
        self.update()

    @staticmethod
    def _moves(columns: int) -> dict[int, int]:
        return {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
        }

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self._cursor is None and self._geometry is not None:
            self._cursor = self._selected or 0
        super().focusInEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.tile_tooltip:
            tile = self.tile_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if tile is None else self.tile_tooltip(tile), self)
            return True
        return super().event(event)

    def _set_hovered(self, tile: int | None) -> None:
        if tile != self._hovered:
            self._hovered = tile
            self.setCursor(Qt.CursorShape.ArrowCursor if tile is None else Qt.CursorShape.PointingHandCursor)
            self.update()
