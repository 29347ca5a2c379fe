"""A field for a colour: its hex digits, and a swatch that opens a palette."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QColorDialog, QLabel, QLineEdit, QPushButton, QWidget

from latentlab.ui import theme

SWATCH = 16


def read_colour(text: str) -> str:
    """``#fff``, ``ffffff``, ``white`` -> ``#ffffff``; "" for what is no opaque colour."""
    text = text.strip()
    for candidate in (f"#{text}", text):
        # Four digits and eight would have an alpha, which nothing here can show.
        if candidate.startswith("#") and len(candidate) not in (4, 7):
            continue
        if QColor.isValidColorName(candidate) and QColor(candidate).alpha() == 255:
            return QColor(candidate).name()
    return ""


class ColourField(QLineEdit):
    """``#rrggbb``, typed or chosen; what is none goes back to what it was. Alt+Down opens the palette."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._colour = "#000000"
        self.swatch = Swatch(self)
        self.swatch.setAccessibleName(f"Choose the colour: {title}")
        self.swatch.setToolTip("Choose from a palette (Alt+Down).")
        self.swatch.clicked.connect(self.choose)
        self.objectNameChanged.connect(self._on_named)
        self.setTextMargins(SWATCH + 6, 0, 0, 0)
        self.setText(self._colour)
        self.textEdited.connect(self.swatch.update)
        self.editingFinished.connect(self._on_editing_finished)

    def colour(self) -> str:
        """``#rrggbb``; while something else is being typed, what it was before."""
        return read_colour(self.text()) or self._colour

    def set_colour(self, colour: str) -> None:
        """Show ``#rrggbb``."""
        self._colour = colour
        self.setText(colour)
        self.swatch.update()

    def choose(self) -> None:
        """Open the palette; it does not block the window."""
        dialog = QColorDialog(QColor(self.colour()), self)
        dialog.setObjectName(f"{self.objectName()}_palette")
        dialog.setWindowTitle(self._title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        # The system's own palettes know nothing of the theme, and some of them block.
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setOption(QColorDialog.ColorDialogOption.NoEyeDropperButton)
        buttons, labels = dialog.findChildren(QPushButton), dialog.findChildren(QLabel)
        for button in buttons:
            button.setIcon(QIcon())
        parts: list[QPushButton | QLabel] = [*buttons, *labels]
        for part in parts:
            part.setText(part.text().replace("olor", "olour"))
        dialog.colorSelected.connect(self._on_chosen)
        dialog.show()

    def _on_named(self, name: str) -> None:
        self.swatch.setObjectName(f"{name}_swatch" if name else "")

    def _on_chosen(self, colour: QColor) -> None:
        self.set_colour(colour.name())
        self.editingFinished.emit()

    def _on_editing_finished(self) -> None:
        self.set_colour(self.colour())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.choose()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.swatch.setGeometry(7, (self.height() - SWATCH) // 2, SWATCH, SWATCH)


class Swatch(QAbstractButton):
    """A small square of the colour of its field."""

    def __init__(self, field: ColourField) -> None:
        super().__init__(field)
        self._field = field
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the field has Alt+Down

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(shown.color("secondary" if self.underMouse() else "faint"), 1))
        painter.setBrush(QColor(self._field.colour()) if self.isEnabled() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
