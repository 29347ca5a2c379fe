"""Keyframes in a row: each with its number and how long it takes to the next; reordered by hand or keys."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDragLeaveEvent, QDropEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from latentlab.ui import theme
from latentlab.ui.bookmarks_state import accepted
from latentlab.ui.widgets.bookmark_list import CELL, SIDE, BookmarkList

#: What lies over the thumbnails: readable on any picture.
BACK, FRONT = QColor(0, 0, 0, 176), QColor(255, 255, 255)


class KeyframeList(BookmarkList):
    """A list of items in one row; says what a person wants with them and changes none itself."""

    moved = Signal(object, int)  # [Item] before the one at a place
    shifted = Signal(object, int)  # [Item] by so many places

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keyframe_list")
        self.setAccessibleName("Keyframes")
        self.setToolTip("Drag to reorder, or Alt+Left and Alt+Right; Delete removes.")
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Badges(self))
        self.lengths: Sequence[str] = ()
        self.walked: int | None = None  # so many of them are walked through; None for all
        self.present = -1

    def set_lengths(self, lengths: Sequence[str], walked: int | None = None) -> None:
        """How long it takes from each to the next, in words; only the first `walked` count, the rest fade."""
        self.lengths, self.walked = lengths, walked
        self.viewport().update()

    def set_present(self, row: int) -> None:
        """Mark the keyframe that was passed last; -1 for none."""
        if row != self.present:
            self.present = row
            if 0 <= row < self.count():
                self.scrollToItem(self.item(row))
            self.viewport().update()

    def sizeHint(self) -> QSize:
        return QSize(3 * CELL.width(), CELL.height() + 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if by and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.shifted.emit(self.selected(), by)
            if self.currentItem() is not None:
                self.scrollToItem(self.currentItem())
        else:
            super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        if event.source() is not self:
            super().dropEvent(event)
            return
        self.dragLeaveEvent(QDragLeaveEvent())  # scrolls no more
        if accepted(event):
            self.moved.emit(self.selected(), self.place_at(event.position().toPoint()))

    def place_at(self, position: QPoint) -> int:
        """How many items lie left of a point of the viewport."""
        rows = range(self.count())
        return sum(self.visualItemRect(self.item(row)).center().x() < position.x() for row in rows)


class _Badges(QStyledItemDelegate):
    """Lays the number and the length over a thumbnail, and a line over the one that is present."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        keyframes, row = self.parent(), index.row()
        assert isinstance(keyframes, KeyframeList)
        painter.save()
        if keyframes.walked is not None and row >= keyframes.walked:
            painter.setOpacity(0.45)
        super().paint(painter, option, index)
        area: QRect = option.rect
        picture = QRect(area.center().x() - SIDE // 2 + 1, area.top() + 2, SIDE, SIDE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.base_font(11))
        _badge(painter, str(row + 1), picture, Qt.AlignmentFlag.AlignLeft)
        if row < len(keyframes.lengths):
            _badge(painter, keyframes.lengths[row], picture, Qt.AlignmentFlag.AlignRight)
        if row == keyframes.present:
            painter.fillRect(
                QRectF(picture.left(), picture.top() - 2, SIDE, 2), theme.current().color("accent")
            )
        painter.restore()


def _badge(painter: QPainter, text: str, picture: QRect, side: Qt.AlignmentFlag) -> None:
    if not text:
        return
    width, height = painter.fontMetrics().horizontalAdvance(text) + 8, 16
    x = picture.left() + 2 if side == Qt.AlignmentFlag.AlignLeft else picture.right() - width - 1
    place = QRect(x, picture.bottom() - height - 1, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACK)
    painter.drawRoundedRect(place, 3, 3)
    painter.setPen(FRONT)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
