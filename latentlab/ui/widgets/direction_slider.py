"""The row of a direction: a slider whose name can be written over, with a pin to keep it; and their list."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QSizePolicy, QStyle, QStyleOptionFrame, QToolButton, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.latent_list import LatentSliderList
from latentlab.ui.widgets.latent_slider import LatentSlider

#: Of the field with a value: what is typed is rarely above ten, and the note needs the room.
VALUE_WIDTH = 54


class DirectionSlider(LatentSlider):
    """The row of direction `index`; its lock is the pin that keeps it. Delete does what the cross does."""

    prefix, lock_part = "direction", "keep"

    renamed = Signal(int, str)  # by a person
    removed = Signal(int)

    def _make_name(self) -> QLabel | QLineEdit:
        name = NameEdit()
        name.setObjectName(f"direction_name_{self.index}")
        name.setToolTip("Click to rename: Enter takes the name and keeps the direction, Escape does not")
        name.renamed.connect(self._on_renamed)
        return name

    def _lay_out(self) -> None:
        super()._lay_out()
        self.spin.setFixedWidth(VALUE_WIDTH)
        # The name has room first, the note what is left.
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _more_buttons(self) -> list[QToolButton]:
        self.remove = QToolButton()
        self.remove.setObjectName(f"direction_remove_{self.index}")
        theme.set_icon(self.remove, "close", "secondary")
        self.remove.clicked.connect(self._on_removed)
        return [self.remove]

    def set_name(self, name: str, note: str = "") -> None:
        super().set_name(name, note)
        self.name.setAccessibleName(f"{name}, name")
        self.lock.setAccessibleName(f"Keep {name}")
        self.spin.setToolTip(f"Where the latent lies along {name}, in standard deviations, to type")
        self.remove.setAccessibleName(f"Remove {name}")
        self.remove.setToolTip(f"Remove {name} (Delete)")

    def _show_name(self, name: str) -> None:
        assert isinstance(self.name, NameEdit)
        self.name.show_name(name)

    def _show_lock(self, locked: bool) -> None:
        theme.set_icon(self.lock, "pin", "accent" if locked else "secondary")
        kept = "Kept and saved with the run; click to let the next search replace it"
        self.lock.setToolTip(kept if locked else "Keep: saved with the run, and the next search leaves it")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self._on_removed()
        else:
            super().keyPressEvent(event)

    def _on_renamed(self, name: str) -> None:
        self.renamed.emit(self.index, name)

    def _on_removed(self) -> None:
        self.removed.emit(self.index)


class NameEdit(QLineEdit):
    """A name that looks like a label until it is clicked, and ends in "…" where it does not fit."""

    renamed = Signal(str)  # by a person: neither empty nor what it was

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("flat", True)
        self.setTextMargins(-2, 0, 0, 0)  # Qt's own, so that it begins where the strip below it does
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._name = ""
        self.textChanged.connect(self.updateGeometry)
        self.editingFinished.connect(self._on_finished)

    def show_name(self, name: str) -> None:
        """Show a name; emits nothing. What is half typed stays, as long as it is for this one."""
        if name != self._name or not self.hasFocus():
            self._name = name
            self.setText(name)
            self.setCursorPosition(0)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 3, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(40, self.sizeHint().width()), super().minimumSizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._name)
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus() or self.sizeHint().width() <= self.width():
            super().paintEvent(event)
            return
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        painter = QPainter(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option, painter, self)
        rect = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        painter.setPen(self.palette().text().color())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _on_finished(self) -> None:
        name = self.text().strip()
        if name and name != self._name:
            self._name = name
            self.renamed.emit(name)
        else:
            self.setText(self._name)


class DirectionSliderList(LatentSliderList):
    """One DirectionSlider per direction."""

    renamed = Signal(int, str)
    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("direction_sliders")
        self.setAccessibleName("Directions")

    def _make_row(self, index: int) -> LatentSlider:
        row = DirectionSlider(index, limit=self._limit, parent=self._body)
        row.renamed.connect(self.renamed)
        row.removed.connect(self.removed)
        return row
