"""Marks on the curves: edits as dashed lines with their words, checkpoints as ticks at the foot."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt

from latentlab.ui import theme
from latentlab.ui.widgets.plot_surface import PlotSurface

MARKS_KEPT = 200
#: Rows for words, because neighbours would cover each other in one, and the pixels of a row.
ROWS, ROW = 3, 18
#: Pixels around the mouse within which a mark is meant.
REACH = 6


class PlotMarks:
    """What happened at which step. Words stand beside a line where there is room; `at` has them always."""

    def __init__(self, plot: PlotSurface) -> None:
        self._plot = plot
        self._edits: list[tuple[float, str, Any]] = []  # by step
        self.checkpoints: tuple[float, ...] = ()
        self._ticks = pg.VTickGroup(yrange=[0, 0.045])
        plot.addItem(self._ticks, ignoreBounds=True)
        self.restyle()

    def add_edit(self, step: float, text: str) -> None:
        """A dashed vertical line; the newest 200 are kept."""
        line = pg.InfiniteLine(
            pos=step, angle=90, label=text.replace("{", "{{").replace("}", "}}"), labelOpts={"position": 0.97}
        )
        line.label.setVisible(False)
        insort(self._edits, (step, text, line), key=itemgetter(0))
        self._plot.addItem(line, ignoreBounds=True)
        self._style(line)
        if len(self._edits) > MARKS_KEPT:
            self._plot.removeItem(self._edits.pop(0)[2])
        self._describe()
        self.arrange()

    def edits(self) -> list[tuple[float, str]]:
        """(step, words), by step."""
        return [(step, text) for step, text, _ in self._edits]

    def set_checkpoints(self, steps: Sequence[float]) -> None:
        self.checkpoints = tuple(sorted(steps))
        self._ticks.setXVals(self.checkpoints)
        self._ticks.update()

    def rewind(self, step: float) -> None:
        """Take away what was marked after `step`."""
        for late in [edit for edit in self._edits if edit[0] > step]:
            self._plot.removeItem(late[2])
            self._edits.remove(late)
        self.set_checkpoints([at for at in self.checkpoints if at <= step])
        self._describe()

    def clear(self) -> None:
        self.rewind(float("-inf"))

    def at(self, step: float) -> list[str]:
        """What is marked within a few pixels of `step`: words of edits, then "checkpoint"."""
        reach = REACH * self._steps_per_pixel()
        found = [text for at, text, _ in self._edits if abs(at - step) <= reach]
        if any(abs(at - step) <= reach for at in self.checkpoints):
            found.append("checkpoint")
        return found

    def arrange(self) -> None:
        """Show the words that do not cover each other, the newest first; on the left where the plot ends."""
        view = self._plot.getViewBox()
        (low, high), width, height = view.viewRange()[0], view.width(), max(1.0, view.height())
        rows = min(ROWS, int(height / 3 / ROW))  # the curves have most of the plot to themselves
        taken: list[list[tuple[float, float]]] = [[] for _ in range(max(1, rows))]
        for step, _, line in reversed(self._edits):
            x = (step - low) / self._steps_per_pixel()
            words = line.label.boundingRect().width()
            is_left = x + words > width
            span = (x - words, x) if is_left else (x, x + words)
            free = [
                row for row, spans in enumerate(taken) if all(b <= span[0] or span[1] <= a for a, b in spans)
            ]
            is_shown = bool(free and span[0] >= 0 and low <= step <= high)  # no numpy, which Qt refuses
            line.label.setVisible(is_shown)
            if is_shown:
                taken[free[0]].append(span)
                line.label.anchors = [(1, 0), (1, 0)] if is_left else [(0, 0), (0, 0)]
                line.label.setPosition(1 - (2 + ROW * free[0]) / height)

    def restyle(self) -> None:
        """The colours of the theme now shown."""
        self._ticks.setPen(pg.mkPen(theme.current().secondary, width=1))
        for _, _, line in self._edits:
            self._style(line)

    def _style(self, line: Any) -> None:
        accent = theme.current().accent
        line.setPen(pg.mkPen(accent, width=1, style=Qt.PenStyle.DashLine))
        line.label.setColor(accent)
        line.label.fill = pg.mkBrush(theme.current().color("panel", 0.8))
        line.label.setFont(theme.base_font(11))

    def _describe(self) -> None:
        told = "; ".join(f"step {step:,.0f}: {text}" for step, text in self.edits())
        self._plot.setAccessibleDescription(f"Edits: {told}" if told else "")

    def _steps_per_pixel(self) -> float:
        view = self._plot.getViewBox()
        low, high = view.viewRange()[0]
        return (high - low) / max(1.0, view.width())
