"""All latent dimensions as a scrolling list; a few rows serve them all."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from latentlab.ui.widgets.latent_slider import SPARE, LatentSlider, row_height

#: So many rows are made: scripts find those of small latents by name. Beyond it a row that comes into view is
#: one that went out of view: making it costs 3 ms, giving it another dimension 0.1 ms.
EAGER_ROWS = 40
#: Rows that are ready beyond either edge of what is visible.
AHEAD = 4
#: Milliseconds that `prepare` makes rows before the window has its turn.
SLICE = 8
MARGIN = 16
NO_PICTURES = np.zeros((0, 1, 1, 1), np.uint8)


class LatentSliderList(QScrollArea):
    """One LatentSlider per dimension, in any order. Its two changed signals come from a person only."""

    value_changed = Signal(int, float)
    drag_started = Signal()  # the mouse holds a slider, until `drag_ended`
    drag_ended = Signal()
    lock_toggled = Signal(int, bool)
    rows_shown = Signal(list)  # the dimensions now in view, for those who decode filmstrips

    def __init__(self, parent: QWidget | None = None, *, limit: float = 3.0) -> None:
        super().__init__(parent)
        self.setObjectName("latent_sliders")
        self.setAccessibleName("Latent dimensions")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._limit = limit
        self._values = np.zeros(0)
        self._names: list[str] = []
        self._notes: list[str] = []
        self._locked: set[int] = set()
        self._order: list[int] = []
        self._strips: dict[int, np.ndarray] = {}
        self._with_strips = False
        self._rows: dict[int, LatentSlider] = {}
        self._spare: list[LatentSlider] = []  # rows without a dimension
        self._shown: list[int] = []
        self._chained: list[LatentSlider] = []
        self._positions: dict[int, int] = {}
        self._body = QWidget()
        self.setWidget(self._body)
        self.setWidgetResizable(False)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self._preparing = QTimer(self)
        self._preparing.timeout.connect(self._on_preparing)

    def prepare(self) -> None:
        """Make rows for what will come, in slices while nothing else happens."""
        self._preparing.start()

    def set_dimensions(self, count: int, names: Sequence[str] | None = None) -> None:
        """`count` rows at 0, unlocked, in the order of their index; named z0, z1, ... without `names`."""
        gone = [self._free(index) for index in list(self._rows) if index >= count]
        self._values = np.zeros(count)
        self._names = list(names) if names is not None else [f"z{i}" for i in range(count)]
        self._notes = [""] * count
        self._locked = set()
        self._strips = {}
        self._order = list(range(count))
        for row in gone:  # only now: hiding one that has the focus scrolls to another, which is then needed
            row.slider.setSliderDown(False)  # a drag ends with its row
            row.hide()
            self._spare.append(row)
        for index in self._rows:
            self._refresh(index)
        for index in range(min(count, EAGER_ROWS)):
            self._row(index)
        self._arrange()

    def count(self) -> int:
        return len(self._values)

    def values(self) -> np.ndarray:
        """float64 (count,) in standard deviations of the prior; a copy."""
        return self._values.copy()

    def set_values(self, values: np.ndarray) -> None:
        """Show float (count,); emits nothing."""
        values = np.asarray(values, dtype=np.float64).reshape(-1)
        if values.shape != self._values.shape:
            raise ValueError(f"{len(values)} values for {len(self._values)} latent dimensions")
        self._values = values.copy()
        for index, row in self._rows.items():
            if row.value() != values[index]:
                row.set_value(float(values[index]))

    def set_value(self, index: int, value: float) -> None:
        """Show the value of one dimension; emits nothing."""
        self._values[index] = value
        if index in self._rows:
            self._rows[index].set_value(value)

    def names(self) -> list[str]:
        return list(self._names)

    def set_names(self, names: Sequence[str]) -> None:
        """Call the rows something else."""
        if len(names) != self.count():
            raise ValueError(f"{len(names)} names for {self.count()} latent dimensions")
        self._names = list(names)
        for index, row in self._rows.items():
            row.set_name(self._names[index], self._notes[index])

    def set_notes(self, notes: Sequence[str]) -> None:
        """A word behind each name, such as "KL 2.68"."""
        if len(notes) != self.count():
            raise ValueError(f"{len(notes)} notes for {self.count()} latent dimensions")
        self._notes = list(notes)
        for index, row in self._rows.items():
            row.set_name(self._names[index], self._notes[index])

    def set_limit(self, limit: float) -> None:
        """How far every slider reaches, in standard deviations."""
        self._limit = limit
        for row in self._rows.values():
            row.set_limit(limit)

    def locked(self) -> set[int]:
        """The dimensions that Randomise leaves alone."""
        return set(self._locked)

    def set_locked(self, locked: set[int]) -> None:
        """Lock exactly these; emits nothing."""
        self._locked = set(locked)
        for index, row in self._rows.items():
            if row.is_locked() != (index in self._locked):
                row.set_locked(index in self._locked)

    def order(self) -> list[int]:
        return list(self._order)

    def set_order(self, order: Sequence[int]) -> None:
        """The dimensions from top to bottom. Those left out are hidden; their values stay."""
        wrong = set(order) - set(range(self.count()))
        if wrong or len(set(order)) != len(order):
            raise ValueError(
                f"an order names each of the {self.count()} dimensions at most once, not {order}"
            )
        self._order = list(order)
        self._arrange()

    def set_filmstrips(self, on: bool) -> None:
        """Make room for a filmstrip in every row, or take it away."""
        self._with_strips = on
        if not on:
            self._strips = {}
        for index in self._rows:
            self._refresh(index)
        self._arrange()

    def set_filmstrip(self, index: int, tiles: np.ndarray | None) -> None:
        """The pictures along the track of one dimension, uint8 (K, C, H, W)."""
        if tiles is not None and not self._with_strips:
            self.set_filmstrips(True)
        if index in self._rows:  # else it went out of view since it was asked for
            self._strips.pop(index, None)
            if tiles is not None:
                self._strips[index] = tiles
            self._show_strip(index)

    def filmstrip(self, index: int) -> np.ndarray | None:
        """The pictures along a track, None where there are none yet."""
        return self._strips.get(index)

    def row(self, index: int) -> LatentSlider:
        """The row of a dimension, made now if it was not there."""
        row = self._row(index)
        self._place(index)
        return row

    def visible_dimensions(self) -> list[int]:
        """The dimensions whose rows are in view, from top to bottom."""
        return list(self._shown)

    def scroll_to(self, index: int) -> None:
        """Bring the row of a dimension into view."""
        top = self._order.index(index) * self._pitch()
        bar = self.verticalScrollBar()
        bar.setValue(max(min(bar.value(), top), top + self._pitch() - self.viewport().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(320, 480)

    def _pitch(self) -> int:
        return row_height(self._with_strips)

    def _make_row(self, index: int) -> LatentSlider:
        return LatentSlider(index, limit=self._limit, parent=self._body)

    def _row(self, index: int) -> LatentSlider:
        row = self._rows.get(index)
        if row is None:
            row = self._spare.pop() if self._spare else self._taken() or self._new_row(index)
            row.set_index(index)
            self._rows[index] = row
            self._refresh(index)
        return row

    def _new_row(self, index: int) -> LatentSlider:
        row = self._make_row(index)
        row.value_changed.connect(self._on_value_changed)
        row.lock_toggled.connect(self._on_lock_toggled)
        row.drag_started.connect(self.drag_started)
        row.drag_ended.connect(self.drag_ended)
        return row

    def _taken(self) -> LatentSlider | None:
        """A row from far out of view that nobody holds or types in, where there are enough of them."""
        if len(self._rows) < EAGER_ROWS:
            return None
        near = self._in_view(AHEAD)
        middle, far = (near.start + near.stop) / 2, 2 * len(self._order)  # what is hidden lies farthest
        away = {index: abs(self._positions.get(index, far) - middle) for index in self._rows}
        busy = self.focusWidget()
        for index in sorted(away, key=away.__getitem__, reverse=True):
            row = self._rows[index]
            if near.start <= self._positions.get(index, far) < near.stop:
                break
            if not row.slider.isSliderDown() and not (busy and row.isAncestorOf(busy)):
                return self._free(index)
        return None

    def _free(self, index: int) -> LatentSlider:
        self._strips.pop(index, None)
        row = self._rows.pop(index)
        row.set_index(SPARE)
        return row

    def _on_preparing(self) -> None:
        until = time.perf_counter() + SLICE / 1000
        while time.perf_counter() < until:
            if len(self._rows) + len(self._spare) >= EAGER_ROWS:
                self._preparing.stop()
                return
            row = self._new_row(SPARE)
            row.hide()
            for part in row.findChildren(QWidget):
                part.ensurePolished()  # else the style sheet is asked when all are shown at once
            self._spare.append(row)

    def _refresh(self, index: int) -> None:
        row = self._rows[index]
        row.limit = self._limit
        row.set_name(self._names[index], self._notes[index])
        row.set_value(float(self._values[index]))
        row.set_locked(index in self._locked)
        self._show_strip(index)

    def _show_strip(self, index: int) -> None:
        self._rows[index].set_filmstrip(self._strips.get(index, NO_PICTURES if self._with_strips else None))

    def _arrange(self) -> None:
        self._positions = {index: place for place, index in enumerate(self._order)}
        self._body.resize(self.viewport().width(), len(self._order) * self._pitch() + MARGIN)
        for index in self._rows:
            self._place(index)
        self._make_visible()

    def _place(self, index: int) -> None:
        row, place = self._rows[index], self._positions.get(index)
        if place is None:
            row.hide()
            return
        # The scroll bar lies in the margin: rows end where what is above the list does.
        width = self.width() - 2 * MARGIN
        row.setGeometry(MARGIN, place * self._pitch(), max(width, 120), self._pitch())
        near = self._in_view(AHEAD)
        if near.start <= place < near.stop:  # to show one costs more than all else about it
            row.show()

    def _in_view(self, ahead: int = 0) -> slice:
        """The places in view, and so many more beyond either edge."""
        top, height, pitch = self.verticalScrollBar().value(), self.viewport().height(), self._pitch()
        return slice(max(0, top // pitch - ahead), (top + height) // pitch + 1 + ahead)

    def _make_visible(self) -> None:
        for index in self._order[self._in_view(AHEAD)]:
            if index not in self._rows or self._rows[index].isHidden():
                self._row(index)
                self._place(index)
        self._chain()
        shown = self._order[self._in_view()]
        if shown != self._shown:
            self._shown = shown
            self.rows_shown.emit(list(shown))

    def _chain(self) -> None:
        """Let Tab go through the rows as they stand."""
        placed = self._rows.keys() & self._positions.keys()
        rows = [self._rows[index] for index in sorted(placed, key=self._positions.__getitem__)]
        if rows != self._chained:
            self._chained = rows
            for one, other in itertools.pairwise(part for row in rows for part in row.parts):
                QWidget.setTabOrder(one, other)

    def _on_scrolled(self) -> None:
        self._make_visible()

    def _on_value_changed(self, index: int, value: float) -> None:
        self._values[index] = value
        self.value_changed.emit(index, value)

    def _on_lock_toggled(self, index: int, locked: bool) -> None:
        if locked:
            self._locked.add(index)
        else:
            self._locked.discard(index)
        self.lock_toggled.emit(index, locked)
