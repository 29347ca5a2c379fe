"""How soon the window is there, and how soon it can train, beside what `python -c "import torch"` takes.

    python tests/bench/start.py [--turns 7] [--display offscreen|here] [--gaps]

Each turn is a fresh process: plain Python that imports torch, and `latentlab` as a person starts it, with
empty settings. Counted from the start of the process by the parent's clock: until the first paint, until
Train can be pressed (torch is imported, the first dataset loaded), and from that press to the first steps
told. Turns alternate, after one of each that warms the file cache; the medians of the ratios of neighbours
count. `torch` is the whole life of its process; `imported` is when its import has ended, before the process
does. `here` is the display of this machine (``xvfb-run -a`` will do). Byte code is kept, as it is of an
installed program. With `--gaps` one more window tells how long its event loop stands still, at most and at
the 99th percentile, between the first paint and half a second after it can train. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TORCH = "import torch, time; print(time.time())"


def child(gaps: bool) -> None:
    """Start as the command does, and print what happened when, as one line of JSON."""
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        from latentlab.cli import display

        display.obstacle = lambda: None  # what nobody sees is no window for a person

    from PySide6.QtCore import QTimer

    from latentlab.ui import app

    found: dict[str, float] = {}
    waits: list[float] = []
    last = 0.0

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        waits.append(1000 * (now - last))
        last = now

    create = app.create_window

    def create_watched(argv=()):
        nonlocal last
        window = create(argv)
        session, clock = window.session, QTimer(window)
        clock.timeout.connect(tick)

        def painted() -> None:
            nonlocal last
            found["painted"], last = time.time(), time.perf_counter()
            found["modules"] = len(sys.modules)
            if gaps:
                clock.start(4)

        def end() -> None:
            clock.stop()
            window.end()

        def told(*_: object) -> None:
            if "ready" not in found and window.toolbar.start.isEnabled():
                found["ready"] = time.time()
                QTimer.singleShot(500, end) if gaps else window.toolbar.start.click()

        def progressed(_: object) -> None:
            if "trained" not in found:
                found["trained"] = time.time()
                window.end()

        window.painted.connect(painted)
        session.state_changed.connect(told)
        session.progressed.connect(progressed)
        return window

    app.create_window = create_watched
    sys.argv = ["latentlab"]
    from latentlab.__main__ import main as command

    try:
        command()
    finally:
        found |= {"gap_max": max(waits), "gap_p99": sorted(waits)[int(0.99 * len(waits))]} if waits else {}
        print(json.dumps(found), flush=True)


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """-> (its whole life, what it printed last, with the start taken from every time in it)."""
    started = time.time()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.time() - started, str(started) + " " + done.stdout.splitlines()[-1]


def torch(environment: dict[str, str]) -> dict[str, float]:
    took, line = seconds([sys.executable, "-c", TORCH], environment)
    started, imported = map(float, line.split())
    return {"torch": took, "imported": imported - started}


def window(environment: dict[str, str], *options: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(Path(__file__).absolute()), "--child", *options]
        _, line = seconds(command, environment | {"LATENTLAB_HOME": home})
    started, _, found = line.partition(" ")
    told = {key: value - float(started) if value > 1e9 else value for key, value in json.loads(found).items()}
    if "trained" in told:
        told["trained"] -= told["ready"]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--display", choices=("offscreen", "here"), default="offscreen")
    parser.add_argument("--gaps", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.gaps)
        return
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["QT_QPA_PLATFORM"] = "offscreen" if options.display == "offscreen" else ""
    if options.display == "here":
        del environment["QT_QPA_PLATFORM"]
    torch(environment), window(environment)
    turns = []
    for _ in range(options.turns):
        turns.append(torch(environment) | window(environment))
        print("  ".join(f"{key} {value:6.3f}" for key, value in turns[-1].items()), flush=True)
    report: dict[str, object] = {"bench": "start", "display": options.display, "turns": options.turns}
    print(f"\n{'':10}{'seconds':>10}{'by torch':>10}{'by imported':>13}")
    for key in ("torch", "imported", "painted", "ready", "trained"):
        took = statistics.median(turn[key] for turn in turns)
        by = [statistics.median(turn[key] / turn[other] for turn in turns) for other in ("torch", "imported")]
        print(f"{key:10}{took:10.3f}{by[0]:10.2f}{by[1]:13.2f}")
        report[key] = {"seconds": round(took, 3), "by_torch": round(by[0], 3), "by_imported": round(by[1], 3)}
    if options.gaps:
        told = [window(environment, "--gaps") for _ in range(3)]
        for key in ("gap_max", "gap_p99"):
            report[f"{key}_ms"] = round(statistics.median(turn[key] for turn in told), 1)
            print(f"{key:10}{report[f'{key}_ms']:10} ms")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
