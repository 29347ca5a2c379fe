"""Colours of points by what is known of them, and the key that says what they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.latent.factors import CIRCULAR, is_categorical
from latentlab.ui import theme

#: Steps of a continuous scale.
SHADES = 64
#: Contrast with the ground (WCAG) that a colour needs to be seen as a dot.
CONTRAST = 3.0
#: Pixels: a line, a dot, between that and its name, a column, a scale at most.
LINE, DOT, GAP, NARROWEST, WIDEST, SCALE = 18, 8, 6, 64, 128, 120


@dataclasses.dataclass(frozen=True, eq=False)
class Colouring:
    """`codes`, int (N,), says which of `colours` each point has.

    names: what each colour means; without names they are a scale of `title` from `low` to `high`.
    """

    codes: np.ndarray
    colours: list[str]
    names: tuple[str, ...] = ()
    title: str = ""
    low: str = ""
    high: str = ""


def plain(count: int) -> Colouring:
    """All points alike."""
    return Colouring(np.zeros(count, np.int64), [theme.current().series[0]])


def by_class(codes: np.ndarray, names: Sequence[str]) -> Colouring:
    """A colour per class."""
    return Colouring(codes, palette(len(names)), tuple(names))


def by_factor(name: str, values: np.ndarray) -> Colouring:
    """Categories have a colour each, angles a scale that closes, other factors one from dark to bright."""
    if is_categorical(values) and name not in CIRCULAR:
        kinds, codes = np.unique(values, return_inverse=True)
        return by_class(codes, [f"{name} {kind:g}" for kind in kinds])
    low, high = (0.0, 360.0) if name in CIRCULAR else (float(values.min()), float(values.max()))
    share = (values - low) / (high - low) if high > low else np.zeros(len(values))
    codes = np.clip(np.rint(share * (SHADES - 1)), 0, SHADES - 1).astype(np.int64)
    colours = _scale("CET-CBC1" if name in CIRCULAR else "viridis", SHADES)
    return Colouring(codes, colours, (), name, f"{low:.3g}", f"{high:.3g}")


def palette(count: int) -> list[str]:
    """The theme's series; more than those come from a cyclic map that colour-blind people can read.

    Of its shades each next one is the most unlike those before it.
    """
    chosen = list(theme.current().series)
    if count > len(chosen):
        ground = theme.current().color("canvas")
        pool = [c for c in _scale("CET-CBC1", 4 * count) if _contrast(QColor(c), ground) >= CONTRAST]
        while len(chosen) < count:
            chosen.append(max(pool, key=lambda shade: min(_unlike(shade, other) for other in chosen)))
            pool.remove(chosen[-1])
    return chosen[:count]


def _unlike(one: str, other: str) -> int:
    a, b = QColor(one), QColor(other)
    return (a.red() - b.red()) ** 2 + (a.green() - b.green()) ** 2 + (a.blue() - b.blue()) ** 2


def _scale(name: str, count: int) -> list[str]:
    import pyqtgraph as pg

    table = pg.colormap.get(name).getLookupTable(0, 1, count, alpha=False)
    return ["#{:02X}{:02X}{:02X}".format(*shade) for shade in table.tolist()]


def _contrast(one: QColor, other: QColor) -> float:
    dark, bright = sorted(_luminance(color) for color in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: QColor) -> float:
    channels = color.redF(), color.greenF(), color.blueF()
    parts = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in channels]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


class ColourKey(QWidget):
    """A column beside the plot: dots with names, or a scale with its ends. Takes no room without either."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colouring: Colouring | None = None
        self.setFont(theme.base_font(12))
        self.setAccessibleName("Colours of the map")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.set_colouring(None)

    def set_colouring(self, colouring: Colouring | None) -> None:
        self._colouring = colouring
        words = [] if colouring is None else [*(colouring.names or (colouring.title, colouring.low))]
        if colouring is not None and not colouring.names:
            words.append(colouring.high)
        self.setAccessibleDescription(", ".join(words))
        self.setToolTip("\n".join(words))
        widest = max((self.fontMetrics().horizontalAdvance(word) for word in words), default=0)
        self.setFixedWidth(max(NARROWEST, min(WIDEST, widest + DOT + GAP + 2)))
        self.setVisible(any(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._colouring is not None and self._colouring.names:
            self._paint_names(painter, self._colouring)
        elif self._colouring is not None:
            self._paint_scale(painter, self._colouring)

    def _paint_names(self, painter: QPainter, colouring: Colouring) -> None:
        room, count = max(1, self.height() // LINE), len(colouring.names)
        shown = count if count <= room else room - 1
        for row, (name, colour) in enumerate(zip(colouring.names, colouring.colours, strict=True)):
            if row == shown:
                self._write(painter, row * LINE, f"+{count - shown} more")
                break
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QRectF(0, row * LINE + (LINE - DOT) / 2, DOT, DOT))
            self._write(painter, row * LINE, name)

    def _paint_scale(self, painter: QPainter, colouring: Colouring) -> None:
        bar = QRectF(0, LINE + 4, DOT, max(24, min(SCALE, self.height() - LINE - 8)))
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        for place, colour in enumerate(colouring.colours):
            gradient.setColorAt(place / (len(colouring.colours) - 1), QColor(colour))
        self._write(painter, 0, colouring.title, left=0)
        self._write(painter, round(bar.top()), colouring.high)
        self._write(painter, round(bar.bottom()) - LINE, colouring.low)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 2, 2)

    def _write(self, painter: QPainter, top: int, text: str, left: int = DOT + GAP) -> None:
        painter.setPen(theme.current().color("secondary"))
        room = self.width() - left
        short = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(left, top, room, LINE, Qt.AlignmentFlag.AlignVCenter, short)
