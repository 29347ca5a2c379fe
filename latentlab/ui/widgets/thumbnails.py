"""All images of a dataset as a scrolling grid; only what is visible is made, by another thread."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.thumbs import Wanted
from latentlab.ui.widgets.labels import plain_tooltip

#: Bytes of thumbnails that are kept: some twenty thousand small ones.
KEPT_BYTES = 64 * 2**20
#: Screens full of thumbnails that are made ahead, in the direction that one scrolls in.
AHEAD = 2
#: A thumbnail's side in pixels of the window, and by how much the wheel and the keys change it.
SMALLEST, LARGEST, STEP = 16, 96, 4


class ThumbnailGrid(QAbstractScrollArea):
    """Thumbnails of uint8 images in rows. Clicked, or chosen by arrows and Enter, one emits `clicked`.

    What is to be seen and not there yet is `wanted`, and comes back by `take`: until then a calm tile stands
    in its place, or the same image made for another size. Indices are those of the images, also where only
    some are shown.
    """

    wanted = Signal(object)  # Wanted
    clicked = Signal(int)
    side_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, side: int = 28, spacing: int = 3) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self._side, self._spacing = side, spacing
        self._images: np.ndarray | None = None
        self._shown: np.ndarray | None = None  # ascending int64 indices; None for all
        self._describe: Callable[[int], str] | None = None
        self._empty_text = "No images yet"
        self._kept: OrderedDict[int, QImage] = OrderedDict()
        self._kept_bytes = 0
        self._asked: tuple[int, ...] = ()  # what was wanted last: rows, columns, device pixels
        self._offset, self._down = (
            0,
            True,
        )  # where it was scrolled to when last painted, and in what direction
        self._current: int | None = None  # both are places in the grid
        self._hovered: int | None = None

    # What it shows

    def set_images(self, images: np.ndarray | None, describe: Callable[[int], str] | None = None) -> None:
        """Show uint8 (N, C, H, W), or None for nothing. The array is kept, not copied, and not read here.

        `describe` gives the words of one image for its tool tip, "#7" without it.
        """
        if images is not None and (images.dtype != np.uint8 or images.ndim != 4):
            raise ValueError(f"images are uint8 (N, C, H, W), not {images.dtype} {images.shape}")
        self._images = images if images is not None and len(images) else None
        self._shown, self._describe = None, describe
        self._kept.clear()
        self._kept_bytes = 0
        self._begin_anew()

    def set_shown(self, indices: np.ndarray | None) -> None:
        """Show only some of the images, ascending int64 indices; None shows all."""
        current = None if self._current is None else self.index(self._current)
        self._shown = indices
        self._begin_anew()
        if current is not None:
            self.set_current(current)

    def _begin_anew(self) -> None:
        self._current = self._hovered = None
        self._asked = ()
        self.verticalScrollBar().setValue(0)
        self._update_range()
        self.viewport().update()

    def set_empty_text(self, text: str) -> None:
        """What stands here while there are no images."""
        self._empty_text = text
        self.setAccessibleDescription(text)
        self.viewport().update()

    @property
    def side(self) -> int:
        """What a thumbnail's square has at least, in pixels of the window: rows are filled to their end."""
        return self._side

    @property
    def tile(self) -> int:
        """What it has."""
        columns = self.columns()
        return max(1, (self._room() - (columns - 1) * self._spacing) // columns)

    def set_side(self, side: int) -> None:
        """Make thumbnails larger or smaller; the topmost row stays there."""
        side = max(SMALLEST, min(LARGEST, side))
        if side == self._side:
            return
        bar = self.verticalScrollBar()
        first = bar.value() // self._pitch * self.columns()
        self._side = side
        self._update_range()
        bar.setValue(first // self.columns() * self._pitch)
        self.viewport().update()
        self.side_changed.emit(side)

    # What is where

    @property
    def _pitch(self) -> int:
        return self.tile + self._spacing

    def _room(self) -> int:
        """Pixels of a row: as many without a scroll bar, or rows that it makes narrower would banish it."""
        return self.contentsRect().width() - self.verticalScrollBar().sizeHint().width()

    def count(self) -> int:
        """Images that can be scrolled to."""
        if self._images is None:
            return 0
        return len(self._images if self._shown is None else self._shown)

    def index(self, place: int) -> int:
        """Of the image at a place in the grid."""
        return place if self._shown is None else int(self._shown[place])

    def place(self, index: int) -> int | None:
        """Where an image is in the grid; None where it is not shown."""
        if self._shown is None:
            return index if 0 <= index < self.count() else None
        place = int(np.searchsorted(self._shown, index))
        return place if place < len(self._shown) and self._shown[place] == index else None

    def columns(self) -> int:
        """Thumbnails in a row."""
        return max(1, (self._room() + self._spacing) // (self._side + self._spacing))

    def place_at(self, position: QPoint) -> int | None:
        """The place at a point of the viewport."""
        pitch, tile = self._pitch, self.tile
        column, over_x = divmod(position.x(), pitch)
        row, over_y = divmod(position.y() + self.verticalScrollBar().value(), pitch)
        place = row * self.columns() + column
        inside = over_x < tile and over_y < tile and 0 <= column < self.columns()
        return place if inside and 0 <= place < self.count() else None

    def tooltip_text(self, index: int) -> str:
        """``#7 · three``."""
        return self._describe(index) if self._describe is not None else f"#{index:,}"

    @property
    def current(self) -> int | None:
        """The index of the image that the keyboard is at."""
        return None if self._current is None else self.index(self._current)

    def set_current(self, index: int) -> None:
        """Go to an image, if it is shown; emits nothing."""
        place = self.place(index)
        if place is not None:
            self._current = place
            self._reveal(place)

    def neighbour(self, index: int, step: int) -> int | None:
        """The image so many places further on among those that are shown; None beyond the ends."""
        place = self.place(index)
        if place is None or not 0 <= place + step < self.count():
            return None
        return self.index(place + step)

    # Thumbnails

    def take(self, wanted: Wanted, made: dict[int, QImage]) -> None:
        """Some of what was wanted."""
        if wanted.images is not self._images:
            return
        for index, image in made.items():
            before = self._kept.pop(index, None)
            self._kept_bytes += image.sizeInBytes() - (before.sizeInBytes() if before is not None else 0)
            self._kept[index] = image
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > len(made):
            self._kept_bytes -= self._kept.popitem(last=False)[1].sizeInBytes()
        self.viewport().update()

    def _device_side(self) -> int:
        return max(1, round(self.tile * self.devicePixelRatioF()))

    def _ask(self) -> None:
        """Want what can be seen and what comes next, once for each stretch of rows."""
        columns, height, offset = self.columns(), self.viewport().height(), self.verticalScrollBar().value()
        if offset != self._offset:
            self._offset, self._down = offset, offset > self._offset
        pitch = self._pitch
        first, last = offset // pitch, (offset + height - 1) // pitch
        ahead = AHEAD * (last - first + 1)
        rows = [*range(first, last + 1)]
        rows += range(last + 1, last + 1 + ahead) if self._down else range(first - 1, first - 1 - ahead, -1)
        side = self._device_side()
        asked = (rows[0], rows[-1], columns, side)
        if asked == self._asked:
            return
        self._asked = asked
        places = (np.array(rows)[:, None] * columns + np.arange(columns)).ravel()
        places = places[(places >= 0) & (places < self.count())]
        indices = places if self._shown is None else self._shown[places]
        missing = [i for i in indices.tolist() if not self._has(i, side)]
        if missing:
            assert self._images is not None
            self.wanted.emit(Wanted(self._images, np.array(missing, np.int64), side))

    def _has(self, index: int, side: int) -> bool:
        kept = self._kept.get(index)
        return kept is not None and max(kept.width(), kept.height()) == side

    # Painting

    def sizeHint(self) -> QSize:
        pitch = self._side + self._spacing
        return QSize(8 * pitch, 3 * pitch)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * self._side, self._side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_range()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        shown = theme.current()
        if self._images is None:
            painter.setPen(shown.color("secondary"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect(), flags, self._empty_text)
            return
        self._ask()
        columns, pitch = self.columns(), self._pitch
        offset, area = self.verticalScrollBar().value(), event.rect()
        first = max(0, (area.top() + offset) // pitch) * columns
        last = min(self.count(), ((area.bottom() + offset) // pitch + 1) * columns)
        self._paint_tiles(painter, range(first, last))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, color in ((self._hovered, "secondary"), (self._current, "accent")):
            if place is not None and first <= place < last:
                row, column = divmod(place, columns)
                tile = QRectF(column * pitch, row * pitch - offset, self.tile, self.tile)
                painter.setPen(QPen(shown.color(color), 1.5))
                painter.drawRoundedRect(tile.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _paint_tiles(self, painter: QPainter, places: range) -> None:
        """Kept short: there are hundreds of them in a large window."""
        assert self._images is not None
        inside, columns, side = self._inside(), self.columns(), self._device_side()
        offset, pitch, kept = self.verticalScrollBar().value(), self._pitch, self._kept
        blank = theme.current().color("control")
        checks = checkerboard(theme.current()) if self._images.shape[1] == 4 else None
        for place in places:
            row, column = divmod(place, columns)
            target = inside.translated(column * pitch, row * pitch - offset)
            index = self.index(place)
            image = kept.get(index)
            if image is None:
                painter.fillRect(target, blank)
                continue
            kept.move_to_end(index)
            if checks is not None:
                painter.fillRect(target, checks)
            if side not in (image.width(), image.height()):  # made for another size
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, image)

    def _inside(self) -> QRectF:
        """The middle of a tile that has the images' proportions, on whole device pixels."""
        assert self._images is not None
        ratio, (height, width) = self.devicePixelRatioF(), self._images.shape[2:]
        factor = self._device_side() / max(width, height)
        w, h = max(1, round(width * factor)), max(1, round(height * factor))
        x, y = (math.floor((self.tile * ratio - length) / 2) for length in (w, h))
        return QRectF(x / ratio, y / ratio, w / ratio, h / ratio)

    # The mouse and the keyboard

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self.place_at(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self._current = place
            self.viewport().update()
            self.clicked.emit(self.index(place))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            turn = event.angleDelta().y()
            self.set_side(self._side + (STEP if turn > 0 else -STEP if turn < 0 else 0))
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and key in (
            Qt.Key.Key_Plus,
            Qt.Key.Key_Equal,
            Qt.Key.Key_Minus,
        ):
            self.set_side(self._side + (-STEP if key == Qt.Key.Key_Minus else STEP))
            return
        screen = max(1, self.viewport().height() // self._pitch) * self.columns()
        moves: dict[int, int] = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns(),
            Qt.Key.Key_Down: self.columns(),
            Qt.Key.Key_PageUp: -screen,
            Qt.Key.Key_PageDown: screen,
            Qt.Key.Key_Home: -self.count(),
            Qt.Key.Key_End: self.count(),
        }
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if not self.count() or not (enter or key in moves):
            super().keyPressEvent(event)
        elif enter and self._current is not None:
            self.clicked.emit(self.index(self._current))
        elif not enter:
            # The first arrow only shows where the keyboard is.
            start = -moves[key] if self._current is None else self._current
            goal = self.count() if key == Qt.Key.Key_End else start + moves[key]
            self._current = max(0, min(self.count() - 1, goal))
            self._reveal(self._current)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self.place_at(event.pos())
            text = "" if place is None else plain_tooltip(self.tooltip_text(self.index(place)))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    def _set_hovered(self, place: int | None) -> None:
        if place != self._hovered:
            self._hovered = place
            self.viewport().update()

    def _reveal(self, place: int) -> None:
        bar, top = self.verticalScrollBar(), place // self.columns() * self._pitch
        if top < bar.value():
            bar.setValue(top)
        elif top + self.tile > bar.value() + self.viewport().height():
            bar.setValue(top + self.tile - self.viewport().height())
        self.setAccessibleDescription(self.tooltip_text(self.index(place)))
        self.viewport().update()

    def _update_range(self) -> None:
        bar, pitch = self.verticalScrollBar(), self._pitch
        rows = -(-self.count() // self.columns())
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(pitch)
        bar.setRange(0, max(0, rows * pitch - self._spacing - self.viewport().height()))


def checkerboard(shown: theme.Tokens) -> QBrush:
    """What lies behind transparent pixels: squares of 4 pixels in two quiet greys."""
    squares = QPixmap(8, 8)
    squares.fill(shown.color("control"))
    painter = QPainter(squares)
    for x, y in ((0, 0), (4, 4)):
        painter.fillRect(x, y, 4, 4, shown.color("pressed"))
    painter.end()
    return QBrush(squares)
