"""What an append to long curves costs until it is painted, and what memory the curves take.

    python tests/bench/curves.py [--points 1000000] [--series 10] [--turns 60] [--chunk 50]

Offscreen, or on a display (``QT_QPA_PLATFORM=xcb xvfb-run -a``). Each turn appends `chunk` points to every
series, as a training's progress does, and waits until the plot has been painted; beside it a plain pyqtgraph
PlotWidget with a PlotDataItem per series (downsampling "peak", clipped to the view) that is given the grown
arrays. Turns of both alternate. Ours is measured without smoothing, with it, and zoomed in to the last
thousandth; "smoothing" is the longest that the window stands still after the slider was moved, and until the
new average is shown. Memory: what the process grows by while the series are filled, per point.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pyqtgraph as pg
from event_loop import gaps
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.loss_plot import LossPlot

WIDTH, HEIGHT = 1100, 260
#: The slider's place at first.
SMOOTHING = 0.8


class Paints(QObject):
    """Counts how often a widget was painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


class Plain:
    """What pyqtgraph's documentation advises for long curves."""

    def __init__(self, values: np.ndarray, room: int) -> None:
        self.widget = pg.PlotWidget()
        self.widget.resize(WIDTH, HEIGHT)
        self.length = values.shape[1]
        self.steps = np.arange(self.length + room, dtype=np.float64)
        self.values = np.zeros((len(values), self.length + room))
        self.values[:, : self.length] = values
        self.items = []
        for place in range(len(values)):
            item = self.widget.plot([], [], pen=pg.mkPen(pg.intColor(place), width=1))
            item.setDownsampling(auto=True, method="peak")
            item.setClipToView(True)
            self.items.append(item)

    def append(self, values: np.ndarray) -> None:
        end = self.length + values.shape[1]
        self.values[:, self.length : end] = values
        self.length = end
        for item, column in zip(self.items, self.values, strict=True):
            item.setData(self.steps[:end], column[:end])


class Ours:
    def __init__(self) -> None:
        self.widget = LossPlot()
        self.widget.resize(WIDTH, HEIGHT)
        self.length = 0

    def append(self, values: np.ndarray) -> None:
        steps = np.arange(self.length, self.length + values.shape[1])
        self.length += values.shape[1]
        for place, column in enumerate(values):
            self.widget.extend(f"series_{place}", steps, column)
        self.widget.refresh()


def painted(act: Callable[[], None], viewport: QWidget, paints: Paints) -> float:
    """Milliseconds that the window's thread works until what `act` changed is on the screen."""
    before = seen = paints.count
    started = time.perf_counter()
    act()
    while True:  # one paint may ask for another; none is left to the other side's turn
        QApplication.processEvents()
        if paints.count == seen != before:
            break
        if paints.count == before:
            viewport.repaint()
        seen = paints.count
    spent = 1000 * (time.perf_counter() - started)
    assert paints.count > before
    return spent


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def settled(plot: LossPlot) -> None:
    """Wait until the plot has nothing more to do."""
    gaps(iter(lambda: plot.is_busy(), False), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--series", type=int, default=10)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--chunk", type=int, default=50)
    options = parser.parse_args()
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app, "dark")
    random = np.random.default_rng(0)
    trend = 3 / (1 + np.arange(options.points) / 5000)
    values = (
        trend + random.normal(0, 0.2, (options.series, options.points)) + np.arange(options.series)[:, None]
    )
    more = [random.normal(0, 0.2, (options.series, options.chunk)) for _ in range(6 * options.turns)]

    ours = Ours()
    ours.widget.set_smoothing(SMOOTHING)
    ours.widget.show()
    before = resident()
    for part in np.array_split(values, 100, axis=1):
        ours.append(part)
    settled(ours.widget)
    per_point = (resident() - before) / values.size
    plain = Plain(values, 6 * options.turns * options.chunk)
    plain.widget.show()
    del values
    ours_paints = Paints(ours.widget.plot.viewport())
    plain_paints = Paints(plain.widget.viewport())
    sides: dict[str, tuple[Ours | Plain, QWidget, Paints]] = {
        "ours": (ours, ours.widget.plot.viewport(), ours_paints),
        "plain": (plain, plain.widget.viewport(), plain_paints),
    }
    gaps(iter([None] * 20), 10)  # both are painted for the first time

    report: dict[str, object] = {
        "bench": "curves",
        "platform": QApplication.platformName(),
        "points": options.points,
        "series": options.series,
        "bytes_per_point": round(per_point, 1),
    }
    print(f"{options.series} series of {options.points:,} points, {QApplication.platformName()}; ms")
    print(f"{'':12}{'ours p50':>10}{'p95':>8}{'max':>8}{'plain p50':>12}{'p95':>8}{'max':>8}{'ratio':>8}")
    parts = iter(more)
    for name in ("raw", "smoothed", "zoomed"):
        ours.widget.set_smoothing(0.0 if name == "raw" else SMOOTHING)
        settled(ours.widget)
        if name == "zoomed":
            low = options.points * 0.999
            ours.widget.plot.setXRange(low, ours.length, padding=0)
            ours.widget.plot.getViewBox().sigRangeChangedManually.emit([True, True])
            plain.widget.setXRange(low, plain.length, padding=0)
        gaps(iter([None] * 10), 10)
        taken: dict[str, list[float]] = {"ours": [], "plain": []}
        for turn in range(options.turns):
            part = next(parts)
            for side in sides if turn % 2 else reversed(sides):
                taken[side].append(painted(functools.partial(sides[side][0].append, part), *sides[side][1:]))
        found = {side: np.percentile(times, (50, 95, 100)).round(2).tolist() for side, times in taken.items()}
        ratio = float(np.median(np.array(taken["ours"]) / np.array(taken["plain"])))
        cells = "".join(
            f"{v:{w}.1f}" for v, w in zip(found["ours"] + found["plain"], (10, 8, 8, 12, 8, 8), strict=True)
        )
        print(f"{name:12}{cells}{ratio:8.3f}", flush=True)
        report[name] = {**found, "ratio": round(ratio, 4)}
    ours.widget.follow()
    started = time.perf_counter()

    def change() -> object:
        for amount in (0.5, 0.95):
            ours.widget.set_smoothing(amount)
            yield
        while ours.widget.is_busy():
            yield

    longest = float(gaps(change(), 5)[:, 0].max())
    shown = 1000 * (time.perf_counter() - started)
    print(f"smoothing changed twice: longest gap {longest:.1f} ms, shown after {shown:.0f} ms")
    print(f"memory: {per_point:.1f} bytes a point, smoothed")
    report["smoothing"] = {"longest_gap_ms": round(longest, 1), "shown_ms": round(shown)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
