"""Streaming curves: legend, smoothing, log scale, crosshair, marks. Loads pyqtgraph, which takes 0.8 s."""

from __future__ import annotations

import html
from typing import Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from latentlab.ui import theme
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets import plot_picture
from latentlab.ui.widgets.curve_set import CurveSet
from latentlab.ui.widgets.curves import Column, Series
from latentlab.ui.widgets.legend import Legend, format_value
from latentlab.ui.widgets.plot_marks import PlotMarks
from latentlab.ui.widgets.plot_surface import PlotSurface, mixed
from latentlab.ui.widgets.plot_trace import Trace

#: Milliseconds from a change to the repaint that shows it: five a second, however many points come.
REPAINT_MS = 200
#: Curves are thinned to one minimum and one maximum per pixel of the plot, but never below this many.
FEWEST_POINTS = 300
MAX_SMOOTHING = 0.999
EMPTY_TEXT = "Press Train to see losses here"


class LossPlot(QWidget):
    """Curves over the training step, and in `marks` what happened when.

    The view follows the newest step until someone zooms or pans; a double click follows again.
    """

    following_changed = Signal(bool)

    def __init__(self, plot_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves = CurveSet()
        self._titles: dict[str, str] = {}
        self._lines: dict[str, tuple[Trace, Trace]] = {}
        self._colors: dict[str, int] = {}  # places in the theme's palette, of series that were shown
        self._smoothing = 0.0
        self._exact: set[str] = set()
        self._hidden: set[str] = set()  # until someone asks for them
        self._log = False
        self._following = True

        self.legend = Legend()
        self.legend.toggled.connect(self._on_legend_toggled)
        self.follow_button = QPushButton("Follow")
        self.follow_button.setObjectName("curves_follow")
        self.follow_button.setProperty("flat", True)
        self.follow_button.setToolTip(
            "Show the whole run again and keep up with it (double click on the plot)"
        )
        self.follow_button.setAccessibleName("Follow the newest step")
        self.follow_button.clicked.connect(self.follow)
        self.follow_button.hide()
        self.plot = PlotSurface()
        if plot_name:
            self.plot.setObjectName(plot_name)
        self.plot.setAccessibleName("Losses over training steps")
        self.plot.double_clicked.connect(self.follow)
        self.plot.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self.plot.left.connect(self._hide_crosshair)
        view = self.plot.getViewBox()
        view.sigRangeChangedManually.connect(self._on_range_changed_by_hand)
        view.sigXRangeChanged.connect(self._schedule)

        self.marks = PlotMarks(self.plot)
        self._crosshair = pg.InfiniteLine(angle=90)
        self._crosshair.hide()
        self.plot.addItem(self._crosshair, ignoreBounds=True)
        self.readout = _overlay(self.plot, "card")
        self.empty = _overlay(self.plot, "secondary")
        self.empty.setText(EMPTY_TEXT)
        self.empty.show()

        self._timer = single_shot(self, self.refresh, REPAINT_MS)
        self._working = single_shot(self, self._work)

        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.legend, 1)
        top.addWidget(self.follow_button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.plot, 1)
        self._restyle()
        self._show_emptiness()

    # --- data ----------------------------------------------------------------------------------------------

    def extend(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Append points to a series, (n,) and (n,), made when first named. NaN and infinities are gaps.

        Steps do not fall; if they start again further left, they replace what was there from that step on.
        Very many are taken in piece by piece, and what comes after them then; see `is_busy`.
        """
        if name not in self._curves.series:
            self._add_series(name)
        self._curves.extend(name, steps, values)
        self._go_on()

    def is_busy(self) -> bool:
        """Whether points still wait to be taken in or averaged."""
        return self._curves.is_busy

    def series(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """name -> (steps, values), float64 (n,) each, unsmoothed; copies."""
        lent = self._curves.lent()
        return {name: (steps.array(), values.array()) for name, (steps, values) in lent.items()}

    def set_title(self, name: str, text: str, *, smoothed: bool = True, shown: bool = True) -> None:
        """What a series is called in legend and crosshair; may come before its first point.

        Without `smoothed` its values are always shown as they are: an average over a few would lag behind.
        Without `shown` it waits in the legend's menu until someone asks for it.
        """
        self._titles[name] = text
        (self._exact.discard if smoothed else self._exact.add)(name)
        (self._hidden.discard if shown else self._hidden.add)(name)
        if name in self._curves.series:
            self.legend.set_title(name, text)

    def rewind(self, step: float) -> None:
        """Forget what came after `step`: points and marks."""
        self._curves.rewind(step)
        self.marks.rewind(step)
        self._go_on()

    def reset(self) -> None:
        """Back to the empty state; titles, smoothing and scale stay."""
        self.marks.clear()
        for lines in self._lines.values():
            for line in lines:
                self.plot.removeItem(line)
        self._curves.clear()
        self._lines, self._colors = {}, {}
        self.legend.clear()
        self._hide_crosshair()
        self.follow()
        self._show_emptiness()

    # --- looks ---------------------------------------------------------------------------------------------

    def set_smoothing(self, amount: float) -> None:
        """0 shows the values; towards 1, a longer moving average over the faint values."""
        self._smoothing = max(0.0, min(MAX_SMOOTHING, float(amount)))
        for name, series in self._curves.series.items():
            series.set_smoothing(self._smoothing_of(name))
            if name in self._colors:
                self._style_line(name)
        self._work()

    def set_log(self, on: bool) -> None:
        """A logarithmic y axis; values that are not positive become gaps."""
        self._log = on
        self.plot.getAxis("left").setLogMode(x=False, y=on)
        self.follow()  # a range in values means nothing in decades
        self._schedule()

    def follow(self) -> None:
        """Show the whole run and keep up with its newest step."""
        self._set_following(True)
        self._schedule()

    def is_following(self) -> bool:
        return self._following

    def refresh(self) -> None:
        """Hand the visible part of every curve to the screen now; otherwise the timer does."""
        self._timer.stop()
        self._show_emptiness()
        if self._following:
            self._fit_x()
        low, high = self.plot.getViewBox().viewRange()[0]
        points = max(FEWEST_POINTS, self.plot.width())
        extents = []
        for name, series in self._curves.series.items():
            raw_line, main_line = self._lines[name]
            self.legend.item(name).set_value(series.last())
            on = self.legend.is_on(name)
            main_line.setVisible(on)
            raw_line.setVisible(on and series.main is not series.raw)
            if not on:
                continue
            first, last = series.slice(low, high)
            x, y = self._scaled(*series.main.thinned(series.steps, first, last, points))
            main_line.set_points(x, y)
            extents.append(y[np.isfinite(y)])
            if series.main is not series.raw:
                raw_line.set_points(*self._scaled(*series.raw.thinned(series.steps, first, last, points)))
        if self._following:
            self._fit_y(extents)
        self.marks.arrange()
        # Left to the paint, the new ranges would ask for a second one.
        self.plot.scene().prepareForPaint()

    # --- files ---------------------------------------------------------------------------------------------

    def shown(self) -> dict[str, tuple[Column, Column]]:
        """Of the series those that the legend has switched on: name -> (steps, values), unsmoothed.

        They stay what they are now; their arrays are made by whoever asks, where the window need not wait.
        """
        return {name: columns for name, columns in self._curves.lent().items() if self.legend.is_on(name)}

    def picture(self, kind: Literal["png", "svg"]) -> bytes:
        """The plot as it is now under its legend: a drawing, or a PNG twice as fine as the screen at 1x."""
        self._hide_crosshair()
        self._curves.finish()
        self.refresh()
        entries = [(self._titles.get(name, name), QColor(self._color(name))) for name in self.shown()]
        return plot_picture.picture(self.plot, entries, kind)

    # --- inside --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """A piece of what there is to do now, the rest when the window has done what else there is."""
        self._curves.work()
        self._go_on()

    def _go_on(self) -> None:
        if self._curves.is_busy:
            self._working.start()
        else:
            self._schedule()

    def _add_series(self, name: str) -> None:
        self._curves.series[name] = Series(self._smoothing_of(name))
        self._lines[name] = Trace(1), Trace(2)  # the faint values lie below every average
        for line in self._lines[name]:
            self.plot.addItem(line, ignoreBounds=True)
        shown = name not in self._hidden
        self.legend.add(name, self._titles.get(name, name), self._color(name) if shown else "", on=shown)
        if shown:
            self._style_line(name)

    def _smoothing_of(self, name: str) -> float:
        return 0.0 if name in self._exact else self._smoothing

    def _color(self, name: str) -> str:
        """The series keeps what it gets when it is first shown: the colour that the fewest others have."""
        palette = theme.current().series
        if name not in self._colors:
            used = [place for other, place in self._colors.items() if self.legend.is_on(other)]
            self._colors[name] = min(range(len(palette)), key=used.count)
        return palette[self._colors[name]]

    def _scaled(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self._log:
            return x, y
        with np.errstate(invalid="ignore", divide="ignore"):
            return x, np.where(y > 0, np.log10(y), np.nan)

    def _fit_x(self) -> None:
        ends = [(s.steps[0], s.steps[len(s) - 1]) for s in self._curves.series.values() if len(s)]
        if ends:
            low, high = min(e[0] for e in ends), max(e[1] for e in ends)
            self.plot.setXRange(low, high if high > low else low + 1, padding=0)

    def _fit_y(self, extents: list[np.ndarray]) -> None:
        """All but the outermost half percent: one spike must not flatten an evening of training."""
        bounds = []
        for y in filter(len, extents):
            places = [round(0.005 * (len(y) - 1)), round(0.995 * (len(y) - 1))]
            bounds.append(np.partition(y, places)[places])
        if bounds:
            low, high = float(min(b[0] for b in bounds)), float(max(b[1] for b in bounds))
            room = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
            floor = 0.0 if low >= 0 and not self._log and low - room < 0 else low - room
            self.plot.setYRange(floor, high + room, padding=0)

    def _schedule(self, *_: object) -> None:
        if not self._timer.isActive() and self.isVisible():
            self._timer.start()

    def _set_following(self, on: bool) -> None:
        if on != self._following:
            self._following = on
            self.follow_button.setVisible(not on)
            self.following_changed.emit(on)

    def _show_emptiness(self) -> None:
        empty = not any(len(s) for s in self._curves.series.values())
        self.empty.setVisible(empty)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setOpacity(0.0 if empty else 1.0)

    def _on_range_changed_by_hand(self, *_: object) -> None:
        if self._curves.series:
            self._set_following(False)

    def _on_legend_toggled(self, name: str, on: bool) -> None:
        if on:
            self.legend.set_color(name, self._color(name))
            self._style_line(name)
        self._schedule()

    def _on_mouse_moved(self, position: QPointF) -> None:
        view = self.plot.getViewBox()
        if not self._curves.series or not view.sceneBoundingRect().contains(position):
            self._hide_crosshair()
            return
        step = view.mapSceneToView(position).x()
        shown = [(n, s) for n, s in self._curves.series.items() if self.legend.is_on(n) and len(s)]
        lines = []
        for name, series in shown:
            title, value = html.escape(self._titles.get(name, name)), format_value(series.at(step))
            lines.append(f'<span style="color:{self._color(name)}">●</span>&nbsp;{title}&nbsp;<b>{value}</b>')
        self._crosshair.setPos(step)
        self._crosshair.show()
        accent = theme.current().accent
        lines += [f'<span style="color:{accent}">{html.escape(text)}</span>' for text in self.marks.at(step)]
        self.readout.setText("<br>".join([f"step {max(0, round(step)):,}", *lines]))
        self.readout.adjustSize()
        left = position.x() + 14
        if left + self.readout.width() > self.plot.width():
            left = position.x() - 14 - self.readout.width()
        top = min(position.y() + 14, self.plot.height() - self.readout.height() - 4)
        self.readout.move(round(max(0.0, left)), round(max(0.0, top)))
        self.readout.show()

    def _hide_crosshair(self) -> None:
        self._crosshair.hide()
        self.readout.hide()

    # --- theme ---------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and hasattr(self, "_timer"):
            self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.empty.setGeometry(self.plot.rect())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.empty.setGeometry(self.plot.rect())
        self._schedule()

    def sizeHint(self) -> QSize:
        return QSize(480, 200)

    def _restyle(self) -> None:
        shown = theme.current()
        self.plot.setBackground(shown.color("panel"))
        font = theme.base_font(11)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(shown.line))
            axis.setTickPen(pg.mkPen(shown.pressed))
            axis.setTextPen(pg.mkPen(shown.secondary))
            axis.setTickFont(font)
        self._crosshair.setPen(pg.mkPen(shown.faint, width=1))
        for name in self._colors:
            self._style_line(name)
            self.legend.set_color(name, self._color(name))
        self.marks.restyle()

    def _style_line(self, name: str) -> None:
        raw, main = self._lines[name]
        # Mixed with the ground rather than transparent: where a noisy curve crosses itself, alpha adds up.
        strong = QColor(self._color(name))
        raw.set_pen(mixed(strong, theme.current().color("panel"), 0.3))
        # Broader where it has to stand out from the values behind it.
        main.set_pen(strong, strong=self._smoothing_of(name) > 0)


def _overlay(parent: QWidget, role: str) -> QLabel:
    label = QLabel(parent)
    label.setProperty("role", role)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter if role == "secondary" else Qt.AlignmentFlag.AlignLeft)
    label.hide()
    return label
