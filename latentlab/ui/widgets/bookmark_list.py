"""Thumbnails with names below: to go there, to rename, to reorder, to drag elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.bookmarks_state import MIME, Item, accepted, dragged, dropped
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture

#: A cell, and the thumbnail in it.
CELL, SIDE = QSize(90, 104), 72


class BookmarkList(QListWidget):
    """Shows items; says what a person wants with them and changes none itself."""

    chosen = Signal(object)  # Item: go there
    renamed = Signal(object, str)
    removal_wanted = Signal()  # of what is selected
    dropped = Signal(object, int)  # [Item], as they were dragged, and the place they shall have

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[Item] = []
        self._tiles: list[np.ndarray | None] = []
        self._mark: int | None = None  # the place where a drop would go
        self._modifiers = Qt.KeyboardModifier.NoModifier
        self._empty_text = ""
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)  # in rows always; what is dropped is put by hand
        self.setGridSize(CELL)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # numbered names differ at their end
        self.setFont(theme.base_font(11))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)  # keys and clicks are below
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)  # which a static list had switched off
        self.setDropIndicatorShown(False)
        self.itemClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_edited)

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these, in this order; what was selected stays so."""
        selected, at = self.selected(), self.current()
        if list(items) != self._items:  # a name that is being typed would land on another item
            for editor in self.viewport().findChildren(QLineEdit):
                super().closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)
        was_blocked = self.blockSignals(True)
        while self.count() > len(items):
            self.takeItem(self.count() - 1)
        while self.count() < len(items):
            self.addItem(QListWidgetItem())
        self._items = list(items)
        self._tiles = [None] * len(items)
        for row, item in enumerate(items):
            if self._is_edited(row):
                continue
            cell = self.item(row)
            cell.setSizeHint(CELL - QSize(4, 6))
            cell.setText(item.name)
            cell.setToolTip(f"{item.name}: click to go there, double-click the name to change it")
            cell.setFlags(cell.flags() | Qt.ItemFlag.ItemIsEditable)
            cell.setIcon(_icon(item.tile))
            cell.setSelected(item in selected)
            self._tiles[row] = item.tile
        if at in self._items:
            self.setCurrentRow(self._items.index(at), self.selectionModel().SelectionFlag.NoUpdate)
        self.blockSignals(was_blocked)
        self.itemSelectionChanged.emit()
        self.viewport().update()

    def refresh_tiles(self) -> None:
        """Show the tiles that the items have now."""
        was_blocked = self.blockSignals(True)
        for row, item in enumerate(self._items):
            if self._tiles[row] is not item.tile and not self._is_edited(row):
                self._tiles[row] = item.tile
                self.item(row).setIcon(_icon(item.tile))
        self.blockSignals(was_blocked)

    def _is_edited(self, row: int) -> bool:
        """Whether a name is being typed there: every change of the cell would put the old one back."""
        return self.state() == self.State.EditingState and row == self.currentRow()

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        self.set_items(self._items)

    def set_empty_text(self, text: str) -> None:
        """What stands here while there are none."""
        self._empty_text = text
        self.setAccessibleDescription(text)
        self.viewport().update()

    def selected(self) -> list[Item]:
        return [self._items[row] for row in range(len(self._items)) if self.item(row).isSelected()]

    def current(self) -> Item | None:
        return self._items[self.currentRow()] if 0 <= self.currentRow() < len(self._items) else None

    def show_item(self, item: Item) -> None:
        """Select it alone and scroll to it."""
        only = self.selectionModel().SelectionFlag.ClearAndSelect
        self.setCurrentRow(self._items.index(item), only)
        self.scrollToItem(self.currentItem())

    def sizeHint(self) -> QSize:
        return QSize(3 * CELL.width(), 2 * CELL.height())

    def minimumSizeHint(self) -> QSize:
        return CELL

    # Mouse and keys

    def _on_clicked(self, cell: QListWidgetItem) -> None:
        # With Ctrl or Shift a click selects more; it goes nowhere.
        if self._modifiers == Qt.KeyboardModifier.NoModifier:
            self.chosen.emit(self._items[self.row(cell)])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._modifiers = event.modifiers()
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell = self.itemAt(event.position().toPoint())
        if cell is not None and event.position().y() > self.visualItemRect(cell).top() + SIDE:
            self.editItem(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, item = event.key(), self.current()
        if key == Qt.Key.Key_F2 and item is not None:
            self.editItem(self.currentItem())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self.chosen.emit(item)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_wanted.emit()
        else:
            super().keyPressEvent(event)

    def _on_edited(self, cell: QListWidgetItem) -> None:
        self.renamed.emit(self._items[self.row(cell)], cell.text())

    # Drag and drop

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, cells: Sequence[QListWidgetItem]) -> QMimeData:
        return dragged([self._items[row] for row in sorted(self.row(cell) for cell in cells)])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        super().dragMoveEvent(event)  # scrolls near the edges
        if accepted(event):
            self._set_mark(self.place_at(event.position().toPoint()))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        super().dragLeaveEvent(event)
        self._set_mark(None)

    def dropEvent(self, event: QDropEvent) -> None:
        self.dragLeaveEvent(QDragLeaveEvent())  # scrolls no more
        if accepted(event) and (items := dropped(event.mimeData())):
            self.dropped.emit(items, self.place_at(event.position().toPoint()))

    def place_at(self, position: QPoint) -> int:
        """How many items lie before a point of the viewport, in reading order."""
        for row in range(self.count()):
            rect = self.visualItemRect(self.item(row))
            if position.y() < rect.top() or (
                position.y() <= rect.bottom() and position.x() < rect.center().x()
            ):
                return row
        return self.count()

    def _set_mark(self, place: int | None) -> None:
        if place != self._mark:
            self._mark = place
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        shown = theme.current()
        if not self._items:
            painter.setPen(shown.color("secondary"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(8, 0, -8, 0), flags, self._empty_text)
        elif self._mark is not None:
            after = self._mark == self.count()
            rect = self.visualItemRect(self.item(self._mark - after))
            x = rect.right() - 1 if after else max(0, rect.left() - 1)
            painter.fillRect(QRectF(x, rect.top() + 4, 2, rect.height() - 8), shown.color("accent"))


def _icon(tile: np.ndarray | None) -> QIcon:
    if tile is None:
        return theme.icon("image", "secondary")
    picture = tile_picture(tile)
    height, width = picture.shape[:2]
    factor = 2 * SIDE / max(height, width)  # crisp at two device pixels a point
    size = QSize(max(1, round(width * factor)), max(1, round(height * factor)))
    # A pixmap owns its pixels, so the picture may go.
    pixmap = QPixmap.fromImage(scaled(as_image(picture), size, smooth=True))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else it would be tinted
    return icon
