"""All images of a dataset as a scrolling grid; only what is visible is drawn."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture

#: Thumbnails kept after they were made; some screens full.
CACHED = 4000


class ThumbnailGrid(QAbstractScrollArea):
    """Thumbnails of uint8 images in rows. Clicked, or chosen by arrows and Enter, one emits `clicked`."""

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, size: int = 28, spacing: int = 3) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self._size, self._spacing = size, spacing
        self._images: np.ndarray | None = None
        self._labels: list[str] | None = None
        self._empty_text = "No images yet"
        self._cache: OrderedDict[int, QPixmap] = OrderedDict()
        self._current: int | None = None
        self._hovered: int | None = None

    def set_images(self, images: np.ndarray | None, labels: list[str] | None = None) -> None:
        """Show uint8 (N, C, H, W) with one label each, or None for nothing. The array is kept, not copied."""
        if images is not None and (images.dtype != np.uint8 or images.ndim != 4):
            raise ValueError(f"images are uint8 (N, C, H, W), not {images.dtype} {images.shape}")
        if images is not None and labels is not None and len(labels) != len(images):
            raise ValueError(f"{len(labels)} labels for {len(images)} images")
        self._images = images if images is not None and len(images) else None
        self._labels = labels
        self._current = self._hovered = None
        self._cache.clear()
        self.verticalScrollBar().setValue(0)
        self._update_range()
        self.viewport().update()

    def set_empty_text(self, text: str) -> None:
        self._empty_text = text
        self.viewport().update()

    def count(self) -> int:
        return 0 if self._images is None else len(self._images)

    def columns(self) -> int:
        """Thumbnails in a row."""
        return max(1, (self.viewport().width() + self._spacing) // (self._size + self._spacing))

    def index_at(self, position: QPoint) -> int | None:
        """The image at a point of the viewport."""
        column, over_x = divmod(position.x(), self._size + self._spacing)
        row, over_y = divmod(position.y() + self.verticalScrollBar().value(), self._size + self._spacing)
        index = row * self.columns() + column
        inside = over_x < self._size and over_y < self._size and 0 <= column < self.columns()
        return index if inside and 0 <= index < self.count() else None

    def tooltip_text(self, index: int) -> str:
        """``#7 · three``."""
        return f"#{index} · {self._labels[index]}" if self._labels else f"#{index}"

    def sizeHint(self) -> QSize:
        return QSize(8 * (self._size + self._spacing), 3 * (self._size + self._spacing))

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * self._size, self._size)

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
        pitch, columns, offset = self._size + self._spacing, self.columns(), self.verticalScrollBar().value()
        area = event.rect()
        first = max(0, (area.top() + offset) // pitch) * columns
        last = min(self.count(), ((area.bottom() + offset) // pitch + 1) * columns)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(first, last):
            row, column = divmod(index, columns)
            x, y = column * pitch, row * pitch - offset
            pixmap = self._pixmap(index)
            width, height = pixmap.deviceIndependentSize().toTuple()
            painter.drawPixmap(
                QRectF(x + (self._size - width) / 2, y + (self._size - height) / 2, width, height),
                pixmap,
                QRectF(pixmap.rect()),
            )
            if index == self._current or index == self._hovered:
                color = "accent" if index == self._current else "secondary"
                painter.setPen(QPen(shown.color(color), 1.5))
                painter.drawRoundedRect(
                    QRectF(x, y, self._size, self._size).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3
                )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self.index_at(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves: dict[int, int] = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns(),
            Qt.Key.Key_Down: self.columns(),
            Qt.Key.Key_Home: -self.count(),
            Qt.Key.Key_End: self.count(),
        }
        if not self.count() or (
            event.key() not in moves and event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            super().keyPressEvent(event)
            return
        if event.key() in moves:
            # The first arrow only shows where the keyboard is.
            start = -moves[event.key()] if self._current is None else self._current
            goal = self.count() if event.key() == Qt.Key.Key_End else start + moves[event.key()]
            self._current = max(0, min(self.count() - 1, goal))
            self._reveal(self._current)
        elif self._current is not None:
            self.clicked.emit(self._current)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.index_at(event.pos())
            QToolTip.showText(event.globalPos(), "" if index is None else self.tooltip_text(index), self)
            return True
        return super().viewportEvent(event)

    def _choose(self, index: int) -> None:
        self._current = index
        self.viewport().update()
        self.clicked.emit(index)

    def _set_hovered(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.viewport().update()

    def _reveal(self, index: int) -> None:
        pitch, bar = self._size + self._spacing, self.verticalScrollBar()
        top = index // self.columns() * pitch
        if top < bar.value():
            bar.setValue(top)
        elif top + self._size > bar.value() + self.viewport().height():
            bar.setValue(top + self._size - self.viewport().height())
        self.viewport().update()

    def _update_range(self) -> None:
        pitch, bar = self._size + self._spacing, self.verticalScrollBar()
        rows = -(-self.count() // self.columns())
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(pitch)
        bar.setRange(0, max(0, rows * pitch - self._spacing - self.viewport().height()))

    def _pixmap(self, index: int) -> QPixmap:
        pixmap = self._cache.get(index)
        ratio = self.devicePixelRatioF()
        if pixmap is None or pixmap.devicePixelRatio() != ratio:
            assert self._images is not None
            picture = tile_picture(self._images[index])
            height, width = picture.shape[:2]
            factor = self._size * ratio / max(height, width)
            size = QSize(max(1, round(width * factor)), max(1, round(height * factor)))
            pixmap = QPixmap.fromImage(scaled(as_image(picture), size, smooth=True))
            pixmap.setDevicePixelRatio(ratio)
            self._cache[index] = pixmap
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return pixmap
