"""A choice of what to move along: a dimension, or one of the directions that were found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QStylePainter,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.widgets.fields import ChoiceField

if TYPE_CHECKING:
    from latentlab.ui.latent_state import Axis


class _Entries(QStyledItemDelegate):
    """The style sheet leaves no height to a separator."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width(), 9) if _is_separator(index) else size

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        if not _is_separator(index):
            super().paint(painter, option, index)
        else:
            painter.fillRect(option.rect.adjusted(8, 4, -8, -4), theme.current().color("pressed"))


def _is_separator(index: QModelIndex | QPersistentModelIndex) -> bool:
    return index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator"


class AxisChoice(ChoiceField):
    """The dimensions first, entry i being the i-th, then the directions. An entry's data is its Axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dimensions = 0
        self.setMinimumContentsLength(3)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(168)
        self.setItemDelegate(_Entries(self))
        self.view().setTextElideMode(Qt.TextElideMode.ElideRight)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        text = self.currentText() or self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:
        # As wide as the longest name, within reason: the choice itself may be narrow.
        wide = self.view().sizeHintForColumn(0) + 24
        self.view().setMinimumWidth(min(wide, 280))
        super().showPopup()

    def set_dimensions(self, axes: Sequence[Axis]) -> None:
        """Offer these and no directions yet."""
        self.clear()
        self._dimensions = len(axes)
        for axis in axes:
            self.addItem(axis.name, axis)

    def set_directions(self, axes: Sequence[Axis]) -> None:
        """Offer these below the dimensions; what was shown stays if it is still there."""
        shown = self.currentData()
        while self.count() > self._dimensions:
            self.removeItem(self.count() - 1)
        if axes:
            self.insertSeparator(self.count())
        for axis in axes:
            self.addItem(axis.name, axis)
            self.setItemData(self.count() - 1, axis.name, Qt.ItemDataRole.ToolTipRole)
        if shown is not None:
            self.show_axis(shown)

    def show_axis(self, axis: Axis) -> None:
        """Show an axis; one that is not offered is shown by its name alone."""
        index = self._index(axis)
        self.setPlaceholderText(axis.name if index < 0 else "")
        self.setCurrentIndex(index)

    def offered(self, axis: Axis) -> Axis | None:
        """The entry of the same vector, else the direction of the same name."""
        return self.itemData(self._index(axis))

    def _index(self, axis: Axis) -> int:
        def first(start: int, meant: Callable[[Axis], bool]) -> int | None:
            entries = ((i, self.itemData(i)) for i in range(start, self.count()))
            return next((i for i, there in entries if there is not None and meant(there)), None)

        # No further than needed: there may be 512 dimensions.
        index = first(0, lambda there: np.array_equal(there.vector, axis.vector))
        if index is None:
            index = first(self._dimensions, lambda there: there.name == axis.name)
        return -1 if index is None else index
