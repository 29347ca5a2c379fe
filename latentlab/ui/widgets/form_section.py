"""The heading of a group of settings, which folds it away."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from latentlab.ui import theme
from latentlab.ui.widgets.form_row import Dot

CHEVRON = 12


class FormSection(QAbstractButton):
    """A heading in the whole width of a form; checked means open. `dot` marks what hides in a folded one.

    `what` is under it.
    """

    def __init__(self, prefix: str, title: str, what: str = "settings") -> None:
        super().__init__()
        self.title, self._what = title, what
        self.setObjectName(f"{prefix}_section_{'_'.join(title.lower().split())}")
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.dot = Dot()
        self.dot.setParent(self)  # until a form gives it its place
        self.dot.setParent(self)  # a form puts it into its own column
        self.dot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.toggled.connect(self._say)
        self._differing: tuple[str, ...] = ()
        self._told = ""
        self._say()

    def set_told(self, told: str) -> None:
        """What stands behind the title in a few words, also while it is folded."""
        self._told = told
        self._say()

    def set_differing(self, titles: tuple[str, ...]) -> None:
        """The settings under it that differ from the preset."""
        self._differing = titles
        self._say()

    def _say(self) -> None:
        is_open = self.isChecked()
        self.setAccessibleName(f"{self.title} {self._what}")
        state = "Open" if is_open else "Folded"
        self.setAccessibleDescription(f"{state}: {self._told}" if self._told else state)
        told = f"{'Hide' if is_open else 'Show'} these {self._what}."
        if self._told:
            told = f"{self.title}: {self._told}.\n{told}"
        if self._differing:
            told += f" Differs from the preset: {', '.join(self._differing)}."
        self.setToolTip(told)
        self.dot.set_on(bool(self._differing) and not is_open)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        wanted = {Qt.Key.Key_Left: False, Qt.Key.Key_Right: True}.get(Qt.Key(event.key()))
        if wanted is not None:
            self.setChecked(wanted)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.toggle()
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(60 + self.fontMetrics().horizontalAdvance(self.title), 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strong = self.underMouse() or self.hasFocus()
        painter.setPen(shown.color("line"))
        painter.drawLine(0, 0, self.width(), 0)
        font = self.font()
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(shown.color("accent" if self.hasFocus() else "text" if strong else "secondary"))
        room = self.rect().adjusted(0, 0, -CHEVRON - 10, 0)
        title = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, title)
        if self._told:
            room.setLeft(room.left() + painter.fontMetrics().horizontalAdvance(title) + 10)
            font.setWeight(font.Weight.Normal)
            font.setPixelSize(12)
            painter.setFont(font)
            painter.setPen(shown.color("secondary"))
            told = painter.fontMetrics().elidedText(self._told, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, told)
        name = "chevron-down" if self.isChecked() else "chevron-right"
        place = QRect(self.width() - CHEVRON - 5, (self.height() - CHEVRON) // 2, CHEVRON, CHEVRON)
        theme.icon(name, "accent" if self.hasFocus() else "secondary").paint(painter, place)
