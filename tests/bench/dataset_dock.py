"""Whether 100,000 thumbnails stop the window: pauses of its event loop while one scrolls through them.

``python tests/bench/dataset_dock.py [--images 100000] [--side 64] [--seconds 4] [--turns 2]`` wants a display
(``xvfb-run -a`` will do). Writes colour images to a file, maps it as the cache does, lets the system forget
its pages before each scroll (on Linux), and scrolls by the wheel, by pages and by dragging the scroll bar, in
the room of the dock and in that of a large window. Turn by turn the thumbnails are made by their own thread,
as the program does it, and by the window's thread while it paints, as it once did.

Prints the gaps between two rounds of the event loop, in ms, an idle window's first; "own" is the most that
the window's thread itself worked in one round; "late" the share of thumbnails that were painted as empty
tiles. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from event_loop import gaps, wait
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication

from latentlab.ui import theme
from latentlab.ui.thumbs import Thumbnailer, Wanted, thumbnail
from latentlab.ui.widgets.thumbnails import AHEAD, ThumbnailGrid

#: Milliseconds between two steps of a scroll, and between two pages.
STEP, PAGE = 16, 33
ROOMS = {"dock": (QSize(262, 152), 28), "large": (QSize(1200, 700), 48)}


class Grid(ThumbnailGrid):
    """Counts the tiles that it paints, and those of them that are empty."""

    tiles = empty = 0

    def _paint_tiles(self, painter: QPainter, places: range) -> None:
        self.tiles += len(places)
        self.empty += sum(self.index(place) not in self._kept for place in places)
        super()._paint_tiles(painter, places)


def by_wheel(grid: Grid, count: int) -> Iterator[object]:
    """Three rows a step, down and from the middle on up again."""
    middle = QPointF(grid.viewport().rect().center())
    for i in range(count):
        event = QWheelEvent(
            middle,
            QPointF(grid.viewport().mapToGlobal(middle.toPoint())),
            QPoint(),
            QPoint(0, -120 if i < count / 2 else 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        yield QApplication.sendEvent(grid.viewport(), event)


def by_pages(grid: Grid, count: int) -> Iterator[object]:
    """As if Page down were held."""
    bar = grid.verticalScrollBar()
    for i in range(count):
        yield bar.setValue(i * bar.pageStep() % bar.maximum())


def by_bar(grid: Grid, count: int) -> Iterator[object]:
    """The scroll bar dragged over everything and back."""
    bar = grid.verticalScrollBar()
    for i in range(count):
        yield bar.setValue(round(bar.maximum() * (0.5 - 0.5 * np.cos(2 * np.pi * i / count))))


def idle(grid: Grid, count: int) -> Iterator[object]:
    """Nothing at all."""
    yield from range(count)


def forget(file: Path) -> None:
    """Let the system drop the pages of a file that it holds."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def measure(file: Path, images: np.ndarray, room: str, own_thread: bool, seconds: float) -> list[dict]:
    """Every way of scrolling, in one room."""
    size, side = ROOMS[room]
    grid, thumbnailer = Grid(side=side), Thumbnailer()

    def make(wanted: Wanted) -> None:
        visible = wanted.places[: -(-len(wanted.places) // (1 + AHEAD))]
        grid.take(wanted, {i: thumbnail(images[i], wanted.side) for i in visible.tolist()})

    if own_thread:
        grid.wanted.connect(thumbnailer.ask)
        thumbnailer.made.connect(grid.take)
        thumbnailer.start()
    else:
        grid.wanted.connect(make)
    grid.resize(size)
    grid.show()
    found = []
    for way in (idle, by_wheel, by_pages, by_bar):
        forget(file)
        grid.set_images(images)
        wait(200)
        grid.tiles = grid.empty = 0
        every = PAGE if way is by_pages else STEP
        taken = gaps(way(grid, round(1000 * seconds / every)), every)
        p50, p95, p99 = np.percentile(taken[:, 0], (50, 95, 99))
        found.append(
            {
                "room": room,
                "made_by": "own thread" if own_thread else "window",
                "scrolled": way.__name__.replace("_", " "),
                "p50_ms": round(float(p50), 1),
                "p95_ms": round(float(p95), 1),
                "p99_ms": round(float(p99), 1),
                "max_ms": round(float(taken[:, 0].max()), 1),
                "own_max_ms": round(float(taken[:, 1].max()), 1),
                "late": round(grid.empty / max(1, grid.tiles), 3),
            }
        )
    thumbnailer.stop()
    thumbnailer.wait()
    grid.close()
    grid.deleteLater()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    theme.apply(QApplication([]))
    found: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        file, shape = Path(folder) / "images.u8", (options.images, 3, options.side, options.side)
        some = np.random.default_rng(0).integers(0, 256, (1000, *shape[1:]), np.uint8)
        with file.open("wb") as target:
            for start in range(0, options.images, len(some)):
                target.write(some[: options.images - start].data)
            os.fsync(target.fileno())
        images = np.memmap(file, np.uint8, "r", shape=shape)
        for turn in range(options.turns):
            for room in ROOMS:
                for own_thread in (True, False):
                    for row in measure(file, images, room, own_thread, options.seconds):
                        found.append({"turn": turn, **row})
                        print(" · ".join(f"{key} {value}" for key, value in found[-1].items()), flush=True)
        del images
    print(json.dumps({"bench": "dataset_dock", "images": options.images, "rows": found}))


if __name__ == "__main__":
    main()
