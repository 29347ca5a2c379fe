"""What the window costs training, and how soon it answers: one run, headless and windowed turn by turn.

``python tests/bench/window.py [--seconds 7] [--turns 2]`` wants a display (``xvfb-run -a`` will do). Trains
the first preset and prints steps/s without a window, with it, and with a slider dragged all the time; the
gaps of the event loop; and the time from a slider's move to the painted picture. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

from latentlab import data, run
from latentlab.core import presets
from latentlab.training.events import Done, Progress


def headless(seconds: float) -> float:
    """Steps a second of the first preset."""
    preset = presets.built_in()[0]
    values = {key: value for key, value in preset.data.items() if key != "source"}
    model = {key: value for key, value in preset.model.items() if key != "key"}
    limits = {"steps": 0, "minutes": seconds / 60}
    plan = run.plan(preset.model["key"], model, {**preset.training, **limits})
    with tempfile.TemporaryDirectory() as folder:
        training = run.begin(data.load(preset.data["source"], values), plan, Path(folder) / "run")
        return next(e.step / e.seconds for e in training.events() if isinstance(e, Done))


def wait(milliseconds: int) -> None:
    """Let the event loop run (QTest.qWait would keep the interpreter's lock from the workers)."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


class Window:
    """A window that trains the first preset; `measure` looks at it for a while."""

    def __init__(self) -> None:
        from latentlab.ui.app import create_window

        self.window = create_window()
        self.session = self.window.session
        self.newest: Progress | None = None
        self.waits: list[float] = []
        self.session.progressed.connect(lambda progress: setattr(self, "newest", progress))
        self.window.explore.timed.connect(lambda decode, waited, rate: self.waits.append(waited))
        self.window.show()
        while not self.session.can_train:
            wait(50)
        self.session.training_values |= {"steps": 0}

    def measure(self, seconds: float, drag: bool) -> dict[str, float]:
        gaps: list[float] = []
        last = time.perf_counter()

        def tick() -> None:
            nonlocal last
            now = time.perf_counter()
            gaps.append(1000 * (now - last))
            last = now
            if drag:
                self.session.latent.set_value(0, 3 * np.sin(now))

        self.waits.clear()
        first = self.newest
        timer = QTimer()
        timer.timeout.connect(tick)
        timer.start(16)
        wait(int(1000 * seconds))
        timer.stop()
        steps, spent = 0, 1.0
        if first and self.newest and self.newest is not first:
            steps, spent = self.newest.step - first.step, self.newest.seconds - first.seconds
        return {
            "steps_per_second": steps / spent,
            "gap_p99_ms": float(np.percentile(gaps, 99)),
            "gap_max_ms": max(gaps),
            "eye_p95_ms": float(np.percentile(self.waits, 95)) if self.waits else 0.0,
        }

    def turn(self, seconds: float) -> dict[str, dict[str, float]]:
        idle = self.measure(seconds / 2, drag=False)
        self.session.train()
        while self.session.state != "running":
            wait(20)
        wait(2000)
        found = {"idle": idle, "open": self.measure(seconds, False), "dragged": self.measure(seconds, True)}
        self.session.stop()
        while self.session.busy:
            wait(20)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=7.0)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATENTLAB_HOME"] = home
        window = Window()
        turns: list[dict[str, Any]] = []
        for _ in range(options.turns):
            alone = headless(options.seconds)
            turns.append({"headless": alone, **window.turn(options.seconds)})
            for name in ("idle", "open", "dragged"):
                found = turns[-1][name]
                rate = f"{found['steps_per_second'] / alone:5.2f} of {alone:.1f} it/s headless"
                print(f"{name:8} {rate if name != 'idle' else '':30}", end="")
                print("".join(f" · {key} {value:.1f}" for key, value in found.items() if key.endswith("ms")))
        window.window.close()
        window.session.close(20)
    print(json.dumps({"bench": "window", "turns": turns}))


if __name__ == "__main__":
    main()
