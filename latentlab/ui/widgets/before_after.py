"""A few images as they are found, beside what they become."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture

if TYPE_CHECKING:
    from latentlab.run.preparing import PreparationPreview

GAP, BETWEEN, CAPTION = 4, 12, 18
#: Tiles of a row: two images found and prepared, or one and two of its variants.
COLUMNS = 4
#: Squares behind what is transparent.
CHECKER = 6


class BeforeAfter(QWidget):
    """Rows of tiles: an image in its own proportions, what it is prepared to, how training varies that.

    `most`: pixels a side of the largest tiles. `clicked` comes from the mouse, Enter and Space.
    """

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None, *, most: int = 112) -> None:
        super().__init__(parent)
        self._most = most
        self._preview: PreparationPreview | None = None
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(COLUMNS * 32)
        self.set_preview(None)

    def set_preview(self, preview: PreparationPreview | None) -> None:
        """Show these images, or none."""
        self._preview = preview
        self._pixmaps.clear()
        self.setAccessibleDescription("; ".join(self._told(i) for i in range(self.count())) or "Nothing yet")
        self._set_height()
        self.update()

    def tile(self, index: int, column: int) -> np.ndarray | None:
        """What is shown of image `index`: uint8 (c, h, w); column 0 as found, 1 prepared, then variants."""
        shown = self._preview
        assert shown is not None
        if column == 0:
            return shown.originals[index]
        if column == 1:
            return shown.prepared[index]
        return None if shown.augmented is None else shown.augmented[index, column - 2]

    def tile_rect(self, index: int, column: int) -> QRect:
        """Where that stands."""
        side, per_row = self._side(), self._per_row()
        row, place = divmod(index, per_row)
        at = place * COLUMNS // per_row + column
        left = at * (side + GAP) + (BETWEEN - GAP if at >= COLUMNS // 2 else 0)
        return QRect(left, CAPTION + row * (side + GAP), side, side)

    def count(self) -> int:
        """Images that are shown."""
        return 0 if self._preview is None else len(self._preview.names)

    def _per_row(self) -> int:
        return 2 if self._preview is None or self._preview.augmented is None else 1

    def _side(self) -> int:
        return max(24, min(self._most, (self.width() - BETWEEN - (COLUMNS - 2) * GAP) // COLUMNS))

    def _set_height(self) -> None:
        rows = max(1, -(-self.count() // self._per_row()))
        self.setFixedHeight(CAPTION + rows * (self._side() + GAP))

    def _told(self, index: int) -> str:
        shown = self._preview
        assert shown is not None
        width, height = shown.sizes[index]
        return f"{shown.names[index]}: {width}×{height} → {shown.prepared.shape[3]}×{shown.prepared.shape[2]}"

    def sizeHint(self) -> QSize:
        return QSize(256, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._pixmaps.clear()
        self._set_height()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self._pixmaps.clear()  # what is transparent stands on colours of the theme

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(event.pos())
            text = "" if index is None else f"<span>{html.escape(self._told(index))}</span>"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def _index_at(self, position: QPoint) -> int | None:
        columns = range(COLUMNS // self._per_row())
        return next(
            (
                index
                for index in range(self.count())
                if any(self.tile_rect(index, column).contains(position) for column in columns)
            ),
            None,
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self._preview
        if shown is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        tokens = theme.current()
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(tokens.color("secondary"))
        titles = ("found", "prepared") * 2 if shown.augmented is None else ("found", "prepared", "augmented")
        for at, title in enumerate(titles[: 2 * self.count()] if shown.augmented is None else titles):
            index, column = divmod(at, COLUMNS // self._per_row())
            place = self.tile_rect(index, column)
            place.setRect(place.left(), 0, place.width() * (2 if column > 1 else 1), CAPTION)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        for index in range(self.count()):
            for column in range(COLUMNS // self._per_row()):
                pixmap, place = self._pixmap(index, column), self.tile_rect(index, column)
                width, height = pixmap.deviceIndependentSize().toTuple()
                top_left = (
                    place.left() + (place.width() - width) / 2,
                    place.top() + (place.height() - height) / 2,
                )
                painter.drawPixmap(QRectF(*top_left, width, height), pixmap, QRectF(pixmap.rect()))
        if self.hasFocus():
            painter.setPen(tokens.color("accent"))
            painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)

    def _pixmap(self, index: int, column: int) -> QPixmap:
        key, ratio = (index, column), self.devicePixelRatioF()
        pixmap = self._pixmaps.get(key)
        if pixmap is None or pixmap.devicePixelRatio() != ratio:
            tile = self.tile(index, column)
            assert tile is not None
            picture = tile_picture(tile)
            height, width = picture.shape[:2]
            factor = self._side() * ratio / max(height, width)
            size = QSize(max(1, round(width * factor)), max(1, round(height * factor)))
            pixmap = QPixmap.fromImage(scaled(as_image(picture), size, smooth=False))
            if tile.shape[0] == 4:
                pixmap = _on_checker(pixmap, ratio)
            pixmap.setDevicePixelRatio(ratio)
            self._pixmaps[key] = pixmap
        return pixmap


def _on_checker(pixmap: QPixmap, ratio: float) -> QPixmap:
    """What is transparent shows squares of two greys."""
    under = QPixmap(pixmap.size())
    under.fill(QColor("#808080"))
    painter, square = QPainter(under), round(CHECKER * ratio)
    for row in range(-(-under.height() // square)):
        for column in range(row % 2, -(-under.width() // square), 2):
            painter.fillRect(column * square, row * square, square, square, QColor("#a0a0a0"))
    painter.drawPixmap(0, 0, pixmap)
    painter.end()
    return under
