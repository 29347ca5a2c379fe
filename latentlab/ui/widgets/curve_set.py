"""The series of a plot: what is much is taken in and averaged piece by piece, none of them long. No Qt."""

from __future__ import annotations

from collections import deque

import numpy as np

from latentlab.ui.widgets.curves import Column, Series

#: Points that are taken in or averaged in one piece: some three milliseconds.
PIECE = 1 << 16


class CurveSet:
    """Series by name, and what of their points still waits; `work` until it no longer `is_busy`."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self._waiting: deque[tuple[str, np.ndarray, np.ndarray] | float] = deque()  # a number: go back there

    @property
    def is_busy(self) -> bool:
        """Whether points wait to be taken in or averaged."""
        return bool(self._waiting) or any(series.is_behind for series in self.series.values())

    def extend(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Append to a series that is there; see `Series.extend`. All in its order, also what waits."""
        if self._waiting or len(steps) > PIECE:
            self._waiting.append((name, steps, values))
        else:
            self.series[name].extend(steps, values)

    def rewind(self, step: float) -> None:
        """Forget the points after `step`."""
        if self._waiting:
            self._waiting.append(float(step))
        else:
            self._go_back(step)

    def clear(self) -> None:
        self.series = {}
        self._waiting.clear()

    def work(self) -> None:
        """Take in what waits, then make the averages that were asked for: one piece of it."""
        left = PIECE
        while left > 0 and self._waiting:
            first = self._waiting.popleft()
            if isinstance(first, float):
                self._go_back(first)
                continue
            name, steps, values = first
            self.series[name].extend(steps[:left], values[:left])
            if len(steps) > left:
                self._waiting.appendleft((name, steps[left:], values[left:]))
            left -= len(steps)
        for series in self.series.values():
            if left > 0:
                left -= series.catch_up(left)

    def finish(self) -> None:
        """Do all that is left."""
        while self.is_busy:
            self.work()

    def lent(self) -> dict[str, tuple[Column, Column]]:
        """Name -> (steps, values), unsmoothed; they stay what they are now."""
        self.finish()
        return {name: (series.steps.lent(), series.raw.lent()) for name, series in self.series.items()}

    def _go_back(self, step: float) -> None:
        for series in self.series.values():
            series.rewind(step)
