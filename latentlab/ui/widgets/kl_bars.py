"""A bar per latent dimension: the nats that are spent on it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.ui import theme

#: Pixels: a bar with its gap at least and at most, and the least that a bar of any height shows.
NARROWEST, WIDEST, LEAST = 4, 24, 2
LABEL = 16


class KLBars(QWidget):
    """Dimensions from left to right, active ones in the accent colour. Where there are more than fit, several
    share a bar, which is as high as the largest of them.
    """

    pointed = Signal(str)  # what there is to say of the bar under the mouse; empty where there is none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.empty(0)
        self._active = np.empty(0, bool)
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setFont(theme.base_font(11))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_values(self, values: np.ndarray, active: np.ndarray) -> None:
        """Show nats, float (D,), and which of them count as active, bool (D,)."""
        self._values, self._active = np.asarray(values, np.float64), active
        largest = np.argsort(-self._values)[:8]
        listed = ", ".join(f"z{i} {self._values[i]:.2f}" for i in largest)
        share = f"{active.sum()} of {len(active)} active"
        self.setAccessibleDescription(f"{share}; the largest in nats: {listed}")
        self.update()
        self._point(self._hovered)

    def groups(self) -> list[np.ndarray]:
        """The dimensions of each bar."""
        if not len(self._values):
            return []
        bars = min(len(self._values), max(1, self.width() // NARROWEST))
        return np.array_split(np.arange(len(self._values)), bars)

    def bar(self, index: int) -> QRectF:
        """Where the bar of a group stands, from the ground to the top of the widget."""
        pitch = self._pitch()
        return QRectF(index * pitch, LABEL, pitch, self.height() - LABEL)

    def text(self, index: int) -> str:
        """``z4 · 2.68 nats``, ``z16 to z19 · at most 0.02 nats``."""
        group = self.groups()[index]
        value = f"{self._values[group].max():.2f} nats"
        if len(group) == 1:
            return f"z{group[0]} · {value}"
        return f"z{group[0]} to z{group[-1]} · at most {value}"

    def sizeHint(self) -> QSize:
        return QSize(240, 96)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 48)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = int(event.position().x() // max(1e-6, self._pitch()))
        self._point(index if 0 <= index < len(self.groups()) else None)

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)

    def paintEvent(self, event: QPaintEvent) -> None:
        groups = self.groups()
        if not groups:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shown, highest = theme.current(), float(self._values.max())
        room = self.height() - LABEL
        painter.setPen(shown.color("secondary"))
        above = QRectF(0, 0, self.width(), LABEL - 2)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, f"{highest:.2f} nats")
        painter.setPen(Qt.PenStyle.NoPen)
        for index, group in enumerate(groups):
            value = max(0.0, float(self._values[group].max()))
            height = max(LEAST, room * value / max(highest, 1e-9))
            box = self.bar(index)
            gap = 1 if box.width() < 6 else 2
            colour = "accent" if self._active[group].any() else "faint"
            painter.setBrush(shown.color("accent_hover" if index == self._hovered else colour))
            painter.drawRoundedRect(
                QRectF(box.left(), self.height() - height, box.width() - gap, height), 1.5, 1.5
            )

    def _pitch(self) -> float:
        return min(WIDEST, self.width() / max(1, len(self.groups())))

    def _point(self, index: int | None) -> None:
        if index is not None and index >= len(self.groups()):
            index = None
        if index != self._hovered:
            self._hovered = index
            self.update()
        self.pointed.emit("" if index is None else self.text(index))
