"""Does a training slow down or grow with its length, and what does the loop cost beside the model's own step?

    python tests/bench/long_runs.py [--steps 100000] [--model vae-mlp] [--model mlp-gan] [--chunks 100]
                                      [--clock 1]

A tiny model is trained as a person would, with run folder, metrics, previews, health and checkpoints; beside
it the same kind of model takes a quarter of the steps in a plain loop: a permutation, an index_select and
`model.step`. Chunks of one and of the other alternate, so that what else the machine does falls on both.

Told for each tenth: microseconds a step of both, those of latentlab's without what is told beside progress
(pictures, figures, checkpoints), and the memory that the process holds. `kept` is the throughput of the last
tenth by that of the first, and once more of the median chunk beside the plain loop's; the first twentieth
warms up. The timers of pictures and checkpoints go on while the plain loop has its turn, so that
these come a little more often here.

--clock 100 lets the loop's clock run so many times faster: as many pictures, figures and checkpoints come in
a minute as in hours of training, so that what they leave behind is seen. Then `kept` compares the last tenth
with the fifth, because pictures are taken ever more seldom in the first five minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import torch

from latentlab import data, run
from latentlab.data.base import Dataset
from latentlab.models import MODELS
from latentlab.training import loop, progress
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Done, Progress

#: Model -> its settings, the batch, and the data it learns.
CASES: dict[str, tuple[dict[str, Any], int, Any]] = {
    "vae-mlp": ({"width": 8, "latent_size": 4}, 32, lambda: data.load("digits")),
    "mlp-gan": ({"width": 8, "latent_size": 2}, 64, lambda: data.load("points", {"distribution": "ring"})),
}

#: The plain loop takes one step for so many.
PLAIN_SHARE = 4


class Ours:
    """A run of latentlab, gone on with a chunk of steps at a time."""

    def __init__(self, key: str, dataset: Dataset, batch: int, folder: Path) -> None:
        values = {"batch_size": batch, "steps": 0, "device": "cpu"}
        self.training = run.begin(dataset, run.plan(key, CASES[key][0], values), folder)
        self.control, self.step = Control(), 0
        self._events = self.training.events(self.control)

    def learn(self, until: int) -> tuple[int, float, float]:
        """On to this step or a little further -> how many, seconds of all, seconds up to Progress alone."""
        first, all_seconds, learning = self.step, 0.0, 0.0
        while self.step < until:
            started = time.perf_counter()
            event = next(self._events)
            took = time.perf_counter() - started
            all_seconds += took
            if isinstance(event, Progress):
                self.step, learning = event.step, learning + took
        return self.step - first, all_seconds, learning

    def end(self) -> None:
        self.control.stop()
        for event in self._events:
            assert not isinstance(event, Done) or event.reason == "stopped"


class Plain:
    """The same nets without a loop around them that anybody looks at."""

    def __init__(self, key: str, dataset: Dataset, batch: int) -> None:
        config = run.plan(key, CASES[key][0], {"device": "cpu"})
        self.model = MODELS.get(key)(config.model_config, dataset.image_shape)
        train, _ = dataset.split(TrainingConfig().heldout, 0)
        self.images, self.batch = torch.from_numpy(dataset.images[train]), batch
        self.model.start_training(config.training.learning_rate, len(train))
        self.order, self.at = torch.randperm(len(self.images)), 0

    def learn(self, steps: int) -> float:
        """So many more -> seconds."""
        started = time.perf_counter()
        for _ in range(steps):
            if self.at + self.batch > len(self.order):
                self.order, self.at = torch.randperm(len(self.images)), 0
            indices = self.order[self.at : self.at + self.batch]
            self.at += self.batch
            self.model.step(self.images.index_select(0, indices))
        return time.perf_counter() - started


def hurry(times: float) -> None:
    """The loop's clock runs so many times faster; progress is told often enough for all the rest."""
    clock = SimpleNamespace(monotonic=lambda: times * time.monotonic())
    loop.time = progress.time = clock  # type: ignore[attr-defined, assignment]
    loop.TELL_EVERY *= min(times, 20.0)


def measure(key: str, steps: int, chunks: int, folder: Path, base: int) -> dict[str, Any]:
    _, batch, load = CASES[key]
    dataset = load()
    ours, plain = Ours(key, dataset, batch, folder), Plain(key, dataset, batch)
    process = psutil.Process()
    warm_up = steps // 20
    ours.learn(warm_up)
    plain.learn(warm_up // PLAIN_SHARE)
    tenths: list[dict[str, float]] = []
    print(f"{key}, batch {batch}; microseconds a step")
    print(f"{'steps':>9} {'plain':>8} {'latentlab':>10} {'learning':>9} {'over':>7} {'MiB':>8}")
    for tenth in range(10):
        rows = []
        for chunk in range(tenth * chunks // 10 + 1, (tenth + 1) * chunks // 10 + 1):
            count, everything, learning = ours.learn(warm_up + (steps - warm_up) * chunk // chunks)
            if not count:  # a little further was as far as the next chunk's end
                continue
            few = max(1, count // PLAIN_SHARE)
            rows.append((plain.learn(few) / few, everything / count, learning / count, count))
        counts = [row[3] for row in rows]
        told = {
            name: 1e6 * sum(row[column] * row[3] for row in rows) / sum(counts)
            for column, name in enumerate(("plain", "all", "learning"))
        }
        told["over"] = 1e6 * statistics.median(row[2] - row[0] for row in rows)
        told["beside"] = statistics.median(row[0] / row[1] for row in rows)
        told["mib"] = process.memory_info().rss / 2**20
        tenths.append(told)
        values = f"{told['plain']:8.0f} {told['all']:10.0f} {told['learning']:9.0f} {told['over']:7.0f}"
        print(f"{ours.step:9,} {values} {told['mib']:8.1f}", flush=True)
    ours.end()
    first, last = tenths[base], tenths[-1]
    return {
        "steps": ours.step,
        "kept": round(first["all"] / last["all"], 3),
        "kept_beside_plain": round(last["beside"] / first["beside"], 3),
        "over_us": round(statistics.median(tenth["over"] for tenth in tenths), 1),
        "plain_us": round(statistics.median(tenth["plain"] for tenth in tenths), 1),
        "mib": [round(tenth["mib"], 1) for tenth in tenths],
        "pictures": len(ours.training.folder.samples()),
        "training_s": round(ours.training.folder.seconds()),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--model", action="append", choices=list(CASES))
    parser.add_argument("--clock", type=float, default=1.0)
    given = parser.parse_args()
    hurry(given.clock)
    report: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        for key in given.model or CASES:
            report[key] = measure(key, given.steps, given.chunks, Path(folder) / key, 4 * (given.clock > 1))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
