"""How long the window stands still, and how long one waits, when a long run is opened and scrubbed through.

    python tests/bench/opening.py [--rows 1000000] [--snapshots 2000] [--checkpoints 50] [--turns 2]

Offscreen, or on a display (``QT_QPA_PLATFORM=xcb xvfb-run -a``). Makes the files of a run without training
it, opens it in the real window and waits until curves and the newest snapshot are painted. Beside it, turn
by turn, a plain reading of the same files: csv.reader with float(), the folder's listing, Pillow. Then drags
the history's slider over all snapshots. Gaps are times from one round of the event loop to the next; "idle"
is the window before anything is opened. Memory is what the process has grown by since then, also at most.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from event_loop import gaps, wait
from PIL import Image

from latentlab import data, export, run
from latentlab.training import checkpoint
from latentlab.training.run_folder import RunFolder
from latentlab.ui.app import create_window
from latentlab.ui.main_window import MainWindow

#: Steps from one evaluation to the next, and rows that are appended at a time.
EVALUATION, ROWS = 1000, 10_000


def make(path: Path, rows: int, snapshots: int, checkpoints: int) -> None:
    """Write a VAE's run folder of so many steps."""
    plan = run.plan("vae-mlp", {"width": 64}, {"steps": rows})
    training = run.begin(data.load("digits", {}), plan, path)
    folder, model = training.folder, training.model
    random = np.random.default_rng(0)
    for start in range(1, rows + 1, ROWS):
        steps = np.arange(start, min(start + ROWS, rows + 1))
        noise = random.normal(0, 1, (3, len(steps)))
        values = {
            name: level + 400 / (1 + steps / 5000) + row
            for name, level, row in zip(
                ("neg_elbo", "reconstruction", "kl"), (90, 70, 20), noise, strict=True
            )
        }
        folder.append_metrics(steps, start / 100, values)
        for step in range(start + EVALUATION - 1, int(steps[-1]) + 1, EVALUATION):
            folder.append_metrics([step], step / 100, {"heldout_neg_elbo": [95.0], "active_units": [8.0]})
    places = np.linspace(1, rows, snapshots).astype(int).tolist()
    for place, step in enumerate(places):
        if place < 20:
            images = random.integers(0, 255, (64, *model.image_shape), dtype=np.uint8)
            export.write_picture(folder.sample_path(step), export.compose(images, run.PREVIEW_COLUMNS))
        else:
            shutil.copyfile(folder.sample_path(places[place % 20]), folder.sample_path(step))
    kept = np.linspace(rows / checkpoints, rows, checkpoints).astype(int).tolist()
    for place, step in enumerate(kept):
        model.step_count = step
        if place in (0, checkpoints - 1):
            meta = {"epoch": 0, "position": 0, "seconds": 0.0, "data": folder.info["data"]["fingerprint"]}
            checkpoint.save(folder.checkpoint_path(step), model, meta)
        else:
            shutil.copyfile(folder.checkpoint_path(kept[0]), folder.checkpoint_path(step))


def plain(path: Path) -> float:
    """Seconds that a straightforward reading of the same files takes."""
    started = time.perf_counter()
    with (path / "metrics.csv").open(newline="") as file:
        lines = csv.reader(file)
        names = next(lines)
        columns: list[list[tuple[int, float]]] = [[] for _ in names]
        for row in lines:
            for column, cell in zip(columns, row, strict=True):
                if cell:
                    column.append((int(row[0]), float(cell)))
    arrays = [np.array(column) for column in columns]
    sorted((path / "checkpoints").iterdir())
    np.asarray(Image.open(max((path / "samples").iterdir())))
    assert len(arrays) == len(names)
    return time.perf_counter() - started


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def peak() -> int:
    """Bytes that this process has had in memory at most, since `forget_peak`."""
    try:
        return 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    except OSError:
        return 0


def forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


class Opening:
    """Opens a run in `window`; the iterator ends when everything of it is shown."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.seconds = 0.0
        self.shown: list[int] = []
        window.session.history.shown.connect(lambda step, images: self.shown.append(step))

    def open(self, path: Path, steps: int) -> Iterator[None]:
        session = self.window.session
        started = time.perf_counter()
        self.shown.clear()
        session.open_run(path)
        plot = self.window.curves.plot
        assert plot is not None
        while not (self.shown and plot.plot.getViewBox().viewRange()[0][1] >= steps and not plot.is_busy()):
            yield
        self.seconds = time.perf_counter() - started
        yield  # what was asked for last is painted
        yield

    def scrub(self, count: int) -> Iterator[None]:
        slider, history = self.window.samples.slider, self.window.session.history
        last = slider.maximum()
        self.shown.clear()
        for place in np.linspace(0, last, count).astype(int).tolist():
            slider.setValue(place)
            yield
        slider.setValue(last // 2)
        while not self.shown or self.shown[-1] != history.steps[last // 2]:
            yield


def told(found: np.ndarray) -> dict[str, float]:
    return {
        "p50": round(float(np.percentile(found[:, 0], 50)), 1),
        "p99": round(float(np.percentile(found[:, 0], 99)), 1),
        "max": round(float(found[:, 0].max()), 1),
        "own_max": round(float(found[:, 1].max()), 1),
        "over_100": int((found[:, 0] > 100).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--snapshots", type=int, default=2000)
    parser.add_argument("--checkpoints", type=int, default=50)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the run is made, or was made before")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["LATENTLAB_HOME"] = temporary
        path = (options.folder or Path(temporary)) / "long"
        if not path.exists():
            make(path, options.rows, options.snapshots, options.checkpoints)
        assert len(RunFolder.open(path).checkpoints()) == options.checkpoints
        window = create_window()
        window.show()
        while not window.session.can_train:
            wait(50)
        wait(2000)
        window.canvas_tabs.setCurrentWidget(window.samples)
        report: dict[str, object] = {"bench": "opening", **vars(options) | {"folder": None}}
        rows: list[tuple[str, dict[str, float]]] = []
        rows.append(("idle", told(gaps(iter([None] * 150), 10))))
        before = resident()
        opening = Opening(window)
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        grown: list[float] = []
        forget_peak()
        for turn in range(options.turns):
            if turn:
                seconds["plain"].append(plain(path))
            rows.append((f"opening {turn + 1}", told(gaps(opening.open(path, options.rows), 5))))
            seconds["ours"].append(opening.seconds)
            grown.append((resident() - before) / 2**20)
            if not turn:  # behind it, so that the memory told first is all ours
                report["peak_MiB"] = round((peak() - before) / 2**20)
                seconds["plain"].append(plain(path))
        rows.append(("scrubbing", told(gaps(opening.scrub(options.snapshots), 2))))
        print(f"{'gaps, ms':12}{'p50':>9}{'p99':>9}{'max':>9}{'own max':>9}{'over 100':>10}")
        for name, found in rows:
            print(
                f"{name:12}"
                + "".join(f"{v:{w}}" for v, w in zip(found.values(), (9, 9, 9, 9, 10), strict=True))
            )
            report[name] = found
        ratio = np.median(np.array(seconds["ours"]) / np.array(seconds["plain"]))
        for side, taken in seconds.items():
            report[f"{side}_s"] = [round(t, 2) for t in taken]
        report |= {"ratio": round(float(ratio), 3), "shown_while_scrubbing": len(opening.shown)}
        report["grown_MiB"] = [round(g) for g in grown]
        print(f"shown after {report['ours_s']} s, plain reading {report['plain_s']} s, ratio {ratio:.3f}")
        print(f"{len(opening.shown)} of {options.snapshots} snapshots were shown while scrubbing")
        print(f"memory: {report['grown_MiB']} MiB more, at most {report['peak_MiB']} in the first opening")
        window.close()
        window.session.close(20)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
