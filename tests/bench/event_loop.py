"""How long a window's event loop stands still: what the benches of windows measure with."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer

#: Milliseconds between two looks at the clock: an idle window shows this and the machine's noise.
TICK = 4


def wait(milliseconds: int) -> None:
    """Let the event loop run (QTest.qWait would keep the interpreter's lock from the workers)."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def gaps(steps: Iterator[object], every: int, tick: int = TICK) -> np.ndarray:
    """Take a step every so many milliseconds until there is none, and look at the clock every `tick`.

    -> (N, 2): ms from one round of the event loop to the next, and how many of them this thread worked.
    """
    found: list[tuple[float, float]] = []
    last = time.perf_counter(), time.thread_time()

    def look() -> None:
        nonlocal last
        now = time.perf_counter(), time.thread_time()
        found.append((1000 * (now[0] - last[0]), 1000 * (now[1] - last[1])))
        last = now

    def step() -> None:
        if next(steps, loop) is loop:
            loop.quit()

    loop, clock, stepping = QEventLoop(), QTimer(), QTimer()
    clock.setTimerType(Qt.TimerType.PreciseTimer)
    clock.timeout.connect(look)
    stepping.timeout.connect(step)
    clock.start(tick)
    stepping.start(every)
    loop.exec()
    clock.stop()
    stepping.stop()
    return np.array(found)
