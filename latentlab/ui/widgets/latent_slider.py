"""One row per latent dimension: name, filmstrip, track, number, reset and lock; and the list of such rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.widgets.fields import FloatField
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture

#: Slider ticks from the middle to either end: finer than any screen has pixels.
TICKS = 1000
STRIP_HEIGHT = 24
#: Farthest value that can be typed, in standard deviations of the prior.
TYPED_LIMIT = 100.0
#: The index of a row that serves no dimension for now.
SPARE = -1


class RowState(NamedTuple):
    """What a row shows. `value` is in standard deviations of the prior."""

    value: float = 0.0
    locked: bool = False
    name: str = ""
    note: str = ""


class LatentSlider(QWidget):
    """The row of dimension `index`. `value_changed` and `lock_toggled` come from a person only.

    The slider spans -limit..limit standard deviations; a value typed beyond it is kept exactly, the handle
    stays at the end. Values are never rounded to the slider's ticks unless it is the slider that moved.
    Its parts are named ``<prefix>_slider_<index>``, and so on.
    """

    prefix, lock_part = "latent", "lock"

    value_changed = Signal(int, float)
    drag_started = Signal()  # the mouse holds the slider, until `drag_ended`
    drag_ended = Signal()
    lock_toggled = Signal(int, bool)

    def __init__(
        self, index: int, name: str = "", *, limit: float = 3.0, note: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.index, self.limit = index, limit
        self._value = 0.0
        self.name: QLabel | QLineEdit = self._make_name()
        self.note = ElidedLabel(role="faint")
        self.strip = Filmstrip()
        self.slider = TrackSlider()
        self.slider.setObjectName(f"{self.prefix}_slider_{index}")
        self.slider.setRange(-TICKS, TICKS)
        self.slider.setSingleStep(TICKS // 60)
        self.slider.setPageStep(TICKS // 6)
        self.spin = FloatField(shown=2, signed=True)
        self.spin.setObjectName(f"{self.prefix}_value_{index}")
        self.spin.setRange(-TYPED_LIMIT, TYPED_LIMIT)
        self.spin.setSingleStep(0.05)
        self.spin.setFixedWidth(64)
        self.spin.setMinimumWidth(64)
        self.reset = QToolButton()
        self.reset.setObjectName(f"{self.prefix}_reset_{index}")
        self.reset.setEnabled(False)
        theme.set_icon(self.reset, "reset", "secondary")
        self.lock = QToolButton()
        self.lock.setObjectName(f"{self.prefix}_{self.lock_part}_{index}")
        self.lock.setCheckable(True)
        self._buttons = [self.reset, self.lock, *self._more_buttons()]
        parts = (self.name, self.slider, self.spin, *self._buttons)
        #: What can have the focus, in the order that Tab takes.
        self.parts = [part for part in parts if part.focusPolicy() != Qt.FocusPolicy.NoFocus]
        self._lay_out()
        self.set_name(name or f"z{index}", note)
        self._show_lock(False)
        self.slider.valueChanged.connect(self._on_slid)
        self.slider.sliderPressed.connect(self.drag_started)
        self.slider.sliderReleased.connect(self.drag_ended)
        self.slider.reset_wanted.connect(self._on_reset)
        self.spin.valueChanged.connect(self._on_typed)
        self.reset.clicked.connect(self._on_reset)
        self.lock.toggled.connect(self._on_lock_toggled)

    def _make_name(self) -> QLabel | QLineEdit:
        name = QLabel()
        name.setProperty("role", "number")
        return name

    def _more_buttons(self) -> list[QToolButton]:
        """What comes behind the lock."""
        return []

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.name)
        top.addWidget(self.note, 1)
        top.addWidget(self.spin)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for button in self._buttons:
            button.setProperty("flat", True)
            button.setIconSize(QSize(16, 16))
            buttons.addWidget(button)
        top.addLayout(buttons)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setSpacing(0)
        grid.addLayout(top, 0, 0)
        grid.setRowMinimumHeight(1, 4)
        grid.addWidget(self.strip, 2, 0)
        grid.addWidget(self.slider, 3, 0)
        grid.setRowStretch(4, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        QWidget.setTabOrder(self.slider, self.spin)

    def set_index(self, index: int) -> None:
        """Serve another dimension, or none (`SPARE`); what it shows is to be set next."""
        before, after = f"_{self.index}", f"_{index}"
        self.index = index
        for part in self.findChildren(QWidget):
            if part.objectName().endswith(before):
                part.setObjectName(part.objectName().removesuffix(before) + after)

    def sizeHint(self) -> QSize:
        return QSize(240, row_height(not self.strip.isHidden()))

    def value(self) -> float:
        """In standard deviations of the prior; exactly what was set or typed."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value; emits nothing."""
        self._value = float(value)
        for widget in (self.slider, self.spin):
            widget.blockSignals(True)
        self.slider.setValue(round(max(-1.0, min(1.0, self._value / self.limit)) * TICKS))
        self.spin.setValue(self._value)
        for widget in (self.slider, self.spin):
            widget.blockSignals(False)
        self.reset.setEnabled(self._value != 0)

    def set_name(self, name: str, note: str = "") -> None:
        """What the row is called, and a word behind it ("KL 2.68")."""
        self._show_name(name)
        self.note.setText(note)
        self.note.setToolTip(note)
        self.slider.setAccessibleName(f"{name}, slider")
        self.spin.setAccessibleName(f"{name}, value")
        self.spin.setToolTip(f"{name} in standard deviations of the prior, to type")
        self.reset.setAccessibleName(f"Reset {name}")
        self.reset.setToolTip(f"Reset {name} to 0")
        self.lock.setAccessibleName(f"Lock {name}")
        self.slider.setToolTip(f"{name}: drag, or use the arrow keys; double click resets")
        self._show_lock(self.is_locked())

    def _show_name(self, name: str) -> None:
        self.name.setText(name)

    def set_limit(self, limit: float) -> None:
        """How far the slider reaches to either side, in standard deviations."""
        self.limit = limit
        self.set_value(self._value)

    def is_locked(self) -> bool:
        return self.lock.isChecked()

    def set_locked(self, locked: bool) -> None:
        """Keep the dimension out of Randomise; emits nothing."""
        self.lock.blockSignals(True)
        self.lock.setChecked(locked)
        self.lock.blockSignals(False)
        self._show_lock(locked)

    def set_filmstrip(self, tiles: np.ndarray | None) -> None:
        """Small decodes along the track, uint8 (K, C, H, W) from -limit to limit; None takes them away."""
        self.strip.set_tiles(tiles)
        self.updateGeometry()

    def set_state(self, state: RowState) -> None:
        """Show all at once; emits nothing."""
        self.set_name(state.name or f"z{self.index}", state.note)
        self.set_value(state.value)
        self.set_locked(state.locked)

    def _change(self, value: float) -> None:
        if value != self._value:
            self.set_value(value)
            self.value_changed.emit(self.index, self._value)

    def _on_slid(self, tick: int) -> None:
        self._change(tick / TICKS * self.limit)

    def _on_typed(self, value: float) -> None:
        self._change(value)

    def _on_reset(self) -> None:
        self._change(0.0)

    def _on_lock_toggled(self, locked: bool) -> None:
        self._show_lock(locked)
        self.lock_toggled.emit(self.index, locked)

    def _show_lock(self, locked: bool) -> None:
        theme.set_icon(self.lock, "lock" if locked else "unlock", "accent" if locked else "faint")
        name = self.name.text()
        self.lock.setToolTip(f"{name} stays as it is" if locked else f"Keep {name} out of Randomise")


def row_height(with_strip: bool) -> int:
    """The height of a LatentSlider in pixels."""
    return 56 + (STRIP_HEIGHT if with_strip else 0)


class TrackSlider(QSlider):
    """A horizontal slider whose track can be clicked anywhere; a double click asks for a reset.

    The wheel goes to the list around it: sliders that change while their list is scrolled are a trap.
    """

    reset_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(20)
        self.setMinimumWidth(64)
        self._dragging = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        self._dragging = True
        self.setSliderDown(True)
        self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset_wanted.emit()

    def _follow(self, event: QMouseEvent) -> None:
        # The style sheet's handle is 12 px wide; its middle runs from 6 to width - 6.
        share = (event.position().x() - 6) / max(1, self.width() - 12)
        span = self.maximum() - self.minimum()
        self.setValue(self.minimum() + round(max(0.0, min(1.0, share)) * span))


class Filmstrip(QWidget):
    """A row of small pictures above a track, in equal cells over the whole width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: np.ndarray | None = None
        self._painted: tuple[tuple[int, int, float], list[QBrush]] | None = None
        self.setFixedHeight(STRIP_HEIGHT)
        self.hide()

    def set_tiles(self, tiles: np.ndarray | None) -> None:
        """uint8 (K, C, H, W); none of them (K = 0) keeps the room, None hides the strip."""
        self._tiles = tiles
        self._painted = None
        self.setVisible(tiles is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._tiles is None or not len(self._tiles):
            return
        count, ratio = len(self._tiles), self.devicePixelRatioF()
        gap = 2.0
        cell = (self.width() - gap * (count - 1)) / count
        key = (self.width(), self.height(), ratio)
        if self._painted is None or self._painted[0] != key:
            self._painted = key, [self._brush(tile, cell, ratio) for tile in self._tiles]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, brush in enumerate(self._painted[1]):
            x = i * (cell + gap)
            brush.setTransform(QTransform.fromTranslate(x, 0).scale(1 / ratio, 1 / ratio))
            path = QPainterPath()
            path.addRoundedRect(QRectF(x, 0, cell, self.height()), 3, 3)
            painter.fillPath(path, brush)

    def _brush(self, tile: np.ndarray, cell: float, ratio: float) -> QBrush:
        """The tile covering a cell: scaled to the longer side and cut in the middle."""
        picture = tile_picture(tile)
        height, width = picture.shape[:2]
        target_w, target_h = max(1, round(cell * ratio)), max(1, round(self.height() * ratio))
        factor = max(target_w / width, target_h / height)
        size = QSize(max(target_w, round(width * factor)), max(target_h, round(height * factor)))
        image = scaled(as_image(picture), size, smooth=True)
        left, top = (size.width() - target_w) // 2, (size.height() - target_h) // 2
        return QBrush(image.copy(left, top, target_w, target_h))
