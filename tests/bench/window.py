"""What the window costs training, and how soon it answers: one run, headless and windowed turn by turn.

``python tests/bench/window.py [--seconds 6] [--turns 3] [--presets "First VAE" "DCGAN, light"]`` wants a
display (``xvfb-run -a`` will do, and so does QT_QPA_PLATFORM=offscreen). Each turn looks at an idle window,
trains the preset in a process without one, then in the window: left alone, with a slider dragged without
pause, with 200 moves of it in one second, and with grids of 64 asked for. Prints steps a second, the gaps of
the event loop, and the times from a move to the painted picture; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from event_loop import gaps, wait
from PySide6.QtCore import QEventLoop

from latentlab import data, run
from latentlab.core import presets
from latentlab.export import compose
from latentlab.latent import samplers
from latentlab.training.events import Done, Progress
from latentlab.ui.widgets.picture import PictureView

#: Milliseconds between two moves of a dragged slider, and between two looks at the clock: a screen's frame.
FRAME = 16


def preset_of(title: str) -> presets.Preset:
    return next(preset for preset in presets.built_in() if preset.title == title)


def headless(title: str, seconds: float) -> float:
    """Steps a second of a preset, in this process."""
    preset = preset_of(title)
    values = {key: value for key, value in preset.data.items() if key != "source"}
    model = {key: value for key, value in preset.model.items() if key != "key"}
    limits = {"steps": 0, "minutes": seconds / 60}
    plan = run.plan(preset.model["key"], model, {**preset.training, **limits})
    with tempfile.TemporaryDirectory() as folder:
        training = run.begin(data.load(preset.data["source"], values), plan, Path(folder) / "run")
        return next(e.step / e.seconds for e in training.events() if isinstance(e, Done))


class Window:
    """A window that trains presets; every method is one look at it."""

    def __init__(self, seconds: float) -> None:
        from latentlab.ui.app import create_window

        self.seconds = seconds
        self.window = create_window()
        self.session = self.window.session
        self.newest: Progress | None = None
        self.waits: list[float] = []
        self.session.progressed.connect(lambda progress: setattr(self, "newest", progress))
        self.window.explore.timed.connect(lambda decode, waited, rate: self.waits.append(waited))
        self.grid = PictureView(self.window)
        self.grid.setGeometry(40, 40, 280, 280)
        self.window.show()
        self.until(lambda: self.session.can_train)

    @staticmethod
    def until(ready: Callable[[], object]) -> None:
        while not ready():
            wait(20)

    def choose(self, title: str) -> None:
        self.session.apply_preset(preset_of(title))
        wait(500)
        self.until(lambda: self.session.can_train)
        self.session.training_values |= {"steps": 0}

    def train(self) -> None:
        self.newest = None
        self.session.train()
        self.until(lambda: self.newest is not None)
        wait(2000)

    def stop(self) -> None:
        self.session.stop()
        self.until(lambda: not self.session.busy)

    def nothing(self) -> Iterator[None]:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            yield

    def drag(self) -> Iterator[None]:
        for _ in self.nothing():
            self.session.latent.set_value(0, 3 * np.sin(time.monotonic()))
            yield

    def look(self, steps: Iterator[None]) -> dict[str, float]:
        """Gaps and waits while `steps` are taken, and how fast it trained."""
        self.waits.clear()
        first = self.newest
        found = gaps(steps, FRAME, FRAME)[:, 0]
        looked = {"gap_p99_ms": float(np.percentile(found, 99)), "gap_max_ms": float(found.max())}
        if self.waits:
            looked["eye_p95_ms"] = float(np.percentile(self.waits, 95))
        if first is not None and self.newest is not None and self.newest.seconds > first.seconds:
            spent = self.newest.seconds - first.seconds
            looked["steps_per_second"] = (self.newest.step - first.step) / spent
        return looked

    def hurry(self) -> dict[str, float]:
        """200 moves in a second: how many pictures were painted, and when the last one was."""
        self.waits.clear()
        started = time.perf_counter()

        def moves() -> Iterator[None]:
            for index in range(200):
                self.session.latent.set_value(0, np.sin(index))
                yield

        gaps(moves(), 5)
        took, painted = time.perf_counter() - started, len(self.waits)
        last = max(self.waits[-1:], default=0.0)
        wait(500)
        late = len(self.waits) - painted
        return {"seconds": took, "painted": painted, "painted_later": late, "last_waited_ms": last}

    def grids(self) -> float:
        """The 95th percentile of milliseconds from asking for an 8x8 grid until it is painted."""
        model = self.session.latent.model
        assert model is not None
        found, sampler, stamp = [], self.session.sampler, -1
        loop = QEventLoop()

        def rendered(channel: str, its: int, images: np.ndarray, took: float) -> None:
            if its == stamp:
                self.grid.set_picture(compose(images, 8))

        sampler.rendered.connect(rendered)
        self.grid.painted.connect(loop.quit)
        self.grid.show()
        self.grid.raise_()
        for index in range(60):
            latents = samplers.draw(model, range(64 * index, 64 * index + 64))
            stamp -= 1
            started = time.perf_counter()
            sampler.request("compare", stamp, latents)
            loop.exec()
            found.append(1000 * (time.perf_counter() - started))
            wait(20)
        sampler.rendered.disconnect(rendered)
        self.grid.hide()
        return float(np.percentile(found, 95))

    def close(self) -> None:
        self.window.close()
        self.session.close(20)


def turn(window: Window, title: str, seconds: float) -> dict[str, Any]:
    idle = window.look(window.nothing())
    command = [sys.executable, __file__, "--headless", title, "--seconds", str(seconds)]
    alone = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    window.train()
    found = {
        "idle": idle,
        "headless": {"steps_per_second": alone},
        "open": window.look(window.nothing()),
        "dragged": window.look(window.drag()),
        "hurry": window.hurry(),
        "grid_p95_ms": window.grids(),
    }
    window.stop()
    # The model stays: what an idle window answers with.
    found["idle dragged"] = window.look(window.drag())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--presets", nargs="+", default=["First VAE", "DCGAN, light"])
    parser.add_argument("--headless", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.headless:
        return print(headless(options.headless, options.seconds))
    report: dict[str, Any] = {"bench": "window"}
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATENTLAB_HOME"] = home
        window = Window(options.seconds)
        for title in options.presets:
            window.choose(title)
            turns = [turn(window, title, options.seconds) for _ in range(options.turns)]
            report[title] = turns
            alone = [t["headless"]["steps_per_second"] for t in turns]
            calm = [t["idle"]["gap_p99_ms"] for t in turns]
            print(f"{title}: {median(alone):.1f} steps/s headless, an 8x8 grid "
                  f"{median(t['grid_p95_ms'] for t in turns):.1f} ms (p95, while training)")  # fmt: skip
            print(f"{'':14}{'of headless':>12}{'gap p99':>9}{'of idle':>9}{'gap max':>9}{'eye p95':>9}")
            for name in ("idle", "idle dragged", "open", "dragged"):
                looks = [t[name] for t in turns]
                gap = [look["gap_p99_ms"] for look in looks]
                cells = [
                    median(x["steps_per_second"] / y for x, y in zip(looks, alone, strict=True))
                    if "steps_per_second" in looks[0] and "idle" not in name
                    else None,
                    median(gap),
                    median(x / y for x, y in zip(gap, calm, strict=True)),
                    max(look["gap_max_ms"] for look in looks),
                    median(look["eye_p95_ms"] for look in looks) if "eye_p95_ms" in looks[0] else None,
                ]
                widths = (12, 9, 9, 9, 9)
                row = ("" if cell is None else f"{cell:.2f}" for cell in cells)
                print(f"{name:14}" + "".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)))
            print("200 moves in a second:", turns[-1]["hurry"], flush=True)
        window.close()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
