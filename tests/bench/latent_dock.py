"""Whether 512 sliders stop the window: pauses of its event loop while they open, are sorted and are scrolled.

``python tests/bench/latent_dock.py [--turns 3] [--dimensions 512]`` wants a display (``xvfb-run -a`` will
do). Shows an untrained dense VAE in the Latent dock, then scrolls from top to bottom and back by the wheel,
by pages and by the scroll bar. Prints the gaps between two rounds of the event loop, in ms, an idle window's
first; "own" is the most that the window's thread itself worked in one round, whatever else the machine did.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
from event_loop import gaps, wait
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.models.base import MODELS, Model


class Dock:
    """A window with the dock; every method is one look at it."""

    def __init__(self, dimensions: int) -> None:
        from latentlab.ui.app import create_window

        self.dimensions = dimensions
        self.window = create_window()
        self.session = self.window.session
        self.sliders = self.window.latent.sliders
        self.bar = self.sliders.verticalScrollBar()
        self.window.show()
        while not self.session.can_train:
            wait(50)
        wait(2000)

    def built(self, dimensions: int) -> Model:
        kind = MODELS.get("vae-mlp")
        assert self.session.dataset is not None
        model = kind(kind.Config(latent_size=dimensions), self.session.dataset.image_shape)
        return model.evaluation_copy()

    def idle(self) -> np.ndarray:
        return gaps(iter(range(100)), 20)

    def open(self) -> np.ndarray:
        """From a model with few dimensions to one with many, its filmstrips and its KL measured."""

        model = self.built(self.dimensions)  # the training thread's work, not the window's

        def steps() -> Iterator[None]:
            self.session.sampler.adopt(model)
            for _ in range(100):
                yield

        self.session.sampler.adopt(self.built(4))
        wait(2000)
        return gaps(steps(), 20)

    def sort(self) -> np.ndarray:
        """By importance and back, everything shown."""
        sort = self.window.latent.sort

        def steps() -> Iterator[None]:
            for index in (1, 0, 1, 0):
                sort.setCurrentIndex(index)
                for _ in range(10):
                    yield

        return gaps(steps(), 30)

    def _down_and_up(self, step: Callable[[int], None]) -> Iterator[None]:
        for direction, end in ((-1, self.bar.maximum()), (1, 0)):
            while self.bar.value() != end:
                step(direction)
                yield

    def wheel(self) -> np.ndarray:
        """Three notches at a time, as a quick finger turns it."""
        viewport = self.sliders.viewport()
        middle = QPointF(viewport.rect().center())

        def notch(direction: int) -> None:
            event = QWheelEvent(
                middle,
                QPointF(viewport.mapToGlobal(middle.toPoint())),
                QPoint(),
                QPoint(0, 360 * direction),
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(viewport, event)

        return gaps(self._down_and_up(notch), 16)

    def pages(self) -> np.ndarray:
        """As if Page down were held."""
        page = self.bar.pageStep()
        return gaps(self._down_and_up(lambda d: self.bar.setValue(self.bar.value() - d * page)), 33)

    def drag(self) -> np.ndarray:
        """The scroll bar's handle, from one end to the other in two seconds."""
        left, x = Qt.MouseButton.LeftButton, self.bar.width() // 2
        far = self.bar.height() - 4

        def steps() -> Iterator[None]:
            QTest.mousePress(self.bar, left, pos=QPoint(x, 8))
            for y in [*np.linspace(8, far, 120), *np.linspace(far, 8, 120)]:
                QTest.mouseMove(self.bar, QPoint(x, int(y)))
                yield
            QTest.mouseRelease(self.bar, left, pos=QPoint(x, 8))

        return gaps(steps(), 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--dimensions", type=int, default=512)
    options = parser.parse_args()
    turns: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATENTLAB_HOME"] = home
        dock = Dock(options.dimensions)
        print(f"{'':8} {'p50':>6} {'p99':>6} {'max':>6} {'over 50':>8} {'own':>6}")
        for _ in range(options.turns):
            turns.append({})
            for look in (dock.idle, dock.open, dock.sort, dock.wheel, dock.pages, dock.drag):
                wall, own = look().T
                p50, p99 = np.percentile(wall, [50, 99])
                over = int((wall > 50).sum())
                figures = {"p50": p50, "p99": p99, "max": wall.max(), "over_50": over, "own": own.max()}
                turns[-1][look.__name__] = {key: round(float(value), 1) for key, value in figures.items()}
                line = f"{look.__name__:8} {p50:6.1f} {p99:6.1f} {wall.max():6.1f} {over:8d} {own.max():6.1f}"
                print(line, flush=True)
        dock.window.close()
        dock.session.close(20)
    print(json.dumps({"bench": "latent_dock", "dimensions": options.dimensions, "turns": turns}))


if __name__ == "__main__":
    main()
