"""The legend of a plane of points: what each colour and line is, and whether it is shown."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from latentlab.ui import theme
from latentlab.ui.scene import ARROWS, FIELD, LATTICE, LAYERS, REAL, Scene
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.plane_paint import made_colour, real_colour

#: The generated points, which are always shown.
MADE = "made"
TEXTS = {
    REAL: ("Data", "Points that the model learns from."),
    MADE: ("Generated", "Points that the model makes from its prior."),
    FIELD: ("Field", "What the discriminator takes for made, and what for real."),
    ARROWS: ("Gradient", "Where the discriminator pushes generated points to; longer where it is steeper."),
    LATTICE: ("Latent grid", "A square grid over the first two latent dimensions, where it is decoded to."),
}
#: Pixels: a swatch and the room around words.
SWATCH, GAP = 8, 6


class LayerButton(QAbstractButton):
    """A swatch with a word; flat. Unchecked means hidden. That of what is always shown cannot be pressed."""

    def __init__(self, layer: str, name: str) -> None:
        super().__init__()
        self.layer = layer
        title, about = TEXTS[layer]
        self.setText(title)
        self.setObjectName(name)
        self.setToolTip(about)
        self.setCheckable(layer != MADE)
        self.setChecked(True)
        self.setAccessibleName(title if layer == MADE else f"Show {title}")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if layer == MADE else Qt.FocusPolicy.StrongFocus)
        if layer != MADE:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(3 * GAP + self._swatch() + self.fontMetrics().horizontalAdvance(self.text()), 24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        shown, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pressable = self.isCheckable()
        if pressable and (self.underMouse() or self.hasFocus()):
            painter.setPen(shown.color("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(shown.color("hover") if self.underMouse() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        on = self.isChecked() or not pressable
        painter.setOpacity(1.0 if on else 0.35)
        self._paint_swatch(painter, QRectF(GAP, (self.height() - SWATCH) / 2, self._swatch(), SWATCH))
        painter.setOpacity(1.0)
        painter.setPen(shown.color("text" if on else "secondary"))
        words = self.rect().adjusted(2 * GAP + self._swatch(), 0, 0, 0)
        font = painter.font()
        font.setStrikeOut(not on)  # not by its colour alone
        painter.setFont(font)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())

    def _swatch(self) -> int:
        return {FIELD: 24, ARROWS: 12, LATTICE: 12}.get(self.layer, SWATCH)

    def _paint_swatch(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        if self.layer in (REAL, MADE):
            painter.setBrush(real_colour() if self.layer == REAL else made_colour())
            painter.drawEllipse(box)
        elif self.layer == FIELD:
            gradient = QLinearGradient(box.topLeft(), box.topRight())
            for at, colour in ((0.0, made_colour()), (0.5, made_colour(0)), (0.5, real_colour(0))):
                gradient.setColorAt(at, colour)
            gradient.setColorAt(1.0, real_colour())
            painter.setBrush(gradient)
            painter.drawRoundedRect(box, 2, 2)
        else:
            painter.setPen(QPen(theme.current().color("secondary"), 1.2))
            painter.drawLines(_arrow(box) if self.layer == ARROWS else _mesh(box))


class PlaneLegend(QWidget):
    """A row of `LayerButton`s, as many as the scene has layers, and a note at its end."""

    toggled = Signal(str, bool)  # layer, whether it is to be shown

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons = {layer: LayerButton(layer, f"plane_{layer}") for layer in (MADE, *LAYERS)}
        self.note = ElidedLabel(role="secondary")
        self.note.setObjectName("plane_note")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for layer, button in self._buttons.items():
            button.setFont(theme.base_font(12))
            row.addWidget(button)
            if layer != MADE:
                button.toggled.connect(self._on_toggled)
        row.addWidget(self.note, 1)

    def show_scene(self, scene: Scene, layers: frozenset[str], note: str) -> None:
        """What there is, what of it is shown, and what else is to be said."""
        for layer in LAYERS:
            button = self._buttons[layer]
            button.setVisible(scene.has(layer))
            was_blocked = button.blockSignals(True)
            button.setChecked(layer in layers)
            button.blockSignals(was_blocked)
        self._buttons[MADE].setVisible(scene.plane is not None)
        self.note.setText(note)
        self.note.setToolTip(note)

    def _on_toggled(self, shown: bool) -> None:
        button = self.sender()
        assert isinstance(button, LayerButton)
        self.toggled.emit(button.layer, shown)


def _arrow(box: QRectF) -> list[QPointF]:
    """Pairs of ends of its lines."""
    tip = box.topRight()
    ends = [box.bottomLeft(), tip + QPointF(-5, 0), tip + QPointF(0, 5)]
    return [point for end in ends for point in (end, tip)]


def _mesh(box: QRectF) -> list[QPointF]:
    ends = [(x, y) for y in (0.0, 0.5, 1.0) for x in (0.0, 1.0)]
    places = ends + [(y, x) for x, y in ends]
    return [QPointF(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in places]
