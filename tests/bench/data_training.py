"""Training from a mapped store beside training from memory, and how much memory a large store takes.

    python tests/bench/data_training.py [turns] [images of the large store]

The epochs of both kinds are trained at once, a tenth of a second of one, then of the other: what else the
machine does falls on both. They learn the same numbers, which is checked. The large store (245,760 images of
64x64, 3 GB) is written and trained from under a budget of 1 GB in processes of their own; Linux tells what
they took: VmHWM, of which RssFile are pages of files, and RssAnon what is this process's alone.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentlab import data, run
from latentlab.core import settings
from latentlab.data.base import Dataset, Source, register
from latentlab.data.originals import ArrayOriginals, Listing
from latentlab.training.events import Done, Evaluated, Paused, Saved

IMAGES, SHAPE, BATCH = 20_480, (3, 32, 32), 128
CASES: dict[str, dict[str, Any]] = {"vae-mlp": {}, "vae-conv": {}}
#: Different images of the large store; the others are these, changed by their number.
BLOCK = 4096


class Noise(ArrayOriginals):
    name, stamp = "noise", "1"
    shape = (3, 64, 64)

    def __init__(self, images: int) -> None:
        self._count = images

    @functools.cached_property
    def _block(self) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (BLOCK, *self.shape), np.uint8)

    def listing(self, report: Any) -> Listing:
        return Listing(self._count)

    def read(self, places: np.ndarray) -> np.ndarray:
        changed: np.ndarray = (
            self._block[places % BLOCK] ^ (places // BLOCK).astype(np.uint8)[:, None, None, None]
        )
        return changed


@register("noise")
class NoiseSource(Source):
    title, about = "Noise", "Random images."

    @classmethod
    def open(cls, config: Any, report: Any) -> Noise:
        return Noise(config.limit)


# Mapped beside memory


class Epoch:
    """One epoch that can be trained bit by bit; `seconds` are those of its steps and what is told of them."""

    numbers = count()

    def __init__(self, key: str, dataset: Dataset, folder: Path, steps: int) -> None:
        values = {
            "batch_size": BATCH,
            "steps": steps,
            "heldout": 0,
            "device": "cpu",
            "autosave": 86_400,
        }
        self.training = run.begin(
            dataset, run.plan(key, CASES[key], values), folder / str(next(self.numbers))
        )
        self.seconds, self.done = 0.0, False
        self._events = self.training.events()
        while not isinstance(next(self._events), Saved):
            pass  # the first picture and checkpoint

    def go_on(self) -> None:
        """Up to the next event."""
        started = time.perf_counter()
        event = next(self._events, None)
        if not isinstance(event, Saved | Evaluated | Paused | Done | None):
            self.seconds += time.perf_counter() - started
        self.done = event is None

    def weights(self) -> bytes:
        nets = self.training.model.nets.values()
        return b"".join(t.numpy().tobytes() for net in nets for t in net.state_dict().values())


def compare(
    key: str, stores: dict[str, Dataset], folder: Path, cold: Path | None = None, steps: int = IMAGES // BATCH
) -> dict[str, float]:
    """Seconds of an epoch from each store; of a mapped file that is not in memory yet where `cold` is one."""
    if cold is not None:
        with cold.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    epochs = {name: Epoch(key, dataset, folder, steps) for name, dataset in stores.items()}
    while not all(epoch.done for epoch in epochs.values()):
        for epoch in epochs.values():
            if not epoch.done:
                epoch.go_on()
    assert len({epoch.weights() for epoch in epochs.values()}) == 1, "they learned different things"
    return {name: epoch.seconds for name, epoch in epochs.items()}


def epochs(turns: int, folder: Path) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *SHAPE), dtype=np.uint8)
    file = folder / "images.u8"
    images.tofile(file)
    with file.open("rb") as written:
        os.fsync(written.fileno())
    mapped = np.memmap(file, np.uint8, "r", shape=images.shape)
    stores = {"memory": Dataset(images, "noise", "noise"), "mapped": Dataset(mapped, "noise", "noise")}
    cold = file if hasattr(os, "posix_fadvise") else None
    found: dict[str, Any] = {}
    for key in CASES:
        compare(key, stores, folder, steps=5)  # what the first steps cost once
        warm = [compare(key, stores, folder) for _ in range(turns)]
        fresh = [compare(key, stores, folder, cold)] if cold else []
        found[key] = {
            "memory_s": round(statistics.median(turn["memory"] for turn in warm), 2),
            "mapped_s": round(statistics.median(turn["mapped"] for turn in warm), 2),
            "ratio": _ratio(warm),
            "ratio_cold": _ratio(fresh) if fresh else None,
        }
        print(key, json.dumps(found[key]), file=sys.stderr, flush=True)
    return found


def _ratio(turns: list[dict[str, float]]) -> float:
    return round(statistics.median(turn["mapped"] / turn["memory"] for turn in turns), 3)


# A store that is larger than the budget


def child(what: str, images: int) -> None:
    """In a process of its own: load so many images, train an epoch of them, tell of the memory."""
    settings.load()[0].updated(dataset_memory=1.0).save()
    started = time.perf_counter()
    dataset = data.load("noise", {"limit": images})
    told: dict[str, Any] = {"mapped": dataset.is_mapped, "load_s": round(time.perf_counter() - started, 1)}
    if what == "train":
        steps = images * 9 // 10 // BATCH
        plan = run.plan("vae-mlp", {"width": 32}, {"batch_size": BATCH, "steps": steps, "device": "cpu"})
        training = run.begin(dataset, plan, Path(os.environ["LATENTLAB_HOME"]) / "runs" / str(images))
        started = time.perf_counter()
        for event in training.events():
            if isinstance(event, Evaluated) and event.final:
                told["heldout"] = len(training.dataset.split(0.1, 0)[1])
        told |= {"steps": event.step, "train_s": round(time.perf_counter() - started, 1)}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmHWM", "VmRSS", "RssAnon", "RssFile"):
            told[f"{name}_MB"] = round(int(value.split()[0]) / 1024)
    print(json.dumps(told))


def memory(images: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:

        def started(what: str, count: int) -> dict[str, Any]:
            command = [sys.executable, __file__, "--child", what, str(count)]
            environment = os.environ | {"LATENTLAB_HOME": home}
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            print(what, count, json.dumps(told), file=sys.stderr, flush=True)
            return told

        return {
            "bytes": images * 3 * 64 * 64,
            "budget": 2**30,
            "written": started("write", images),
            "trained": started("train", images),
            "trained_on_little": started("train", BLOCK),
        }


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
        return
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    images = int(sys.argv[2]) if len(sys.argv) > 2 else 245_760
    report: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        report["epochs"] = epochs(turns, Path(folder))
    if sys.platform.startswith("linux"):
        report["memory"] = memory(images)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
