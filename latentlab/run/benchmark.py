"""How fast this machine trains and decodes: latentlab's own loop on random images in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import latentlab
from latentlab.core.config import Config, parse, setting
from latentlab.core.errors import ConfigError, RunError
from latentlab.data.base import Dataset
from latentlab.data.report import Part, Report, no_report, say
from latentlab.models import device as devices
from latentlab.models.base import Model
from latentlab.run.planning import Plan, plan
from latentlab.run.starting import begin
from latentlab.run.training import PREVIEW_COUNT
from latentlab.training.control import Control

if TYPE_CHECKING:
    from latentlab.run.training import Training

#: What is measured where no model is named, with the settings of the presets where they differ from its own.
USUAL: Mapping[str, Mapping[str, Any]] = {
    "vae-conv": {},
    "vae-mlp": {},
    "mlp-gan": {},
    "dcgan": {"width": 32},
}
#: Images that are trained on, fewer where they would take more than so many bytes, and their classes.
IMAGES, BYTES, CLASSES = 4096, 2**26, 10
#: Share of the seconds that is trained beforehand, half a second at most, and that each decoding is given.
WARM_UP, WARM_UP_S, DECODING = 0.25, 0.5, 0.1
#: A decoding is measured so often at least.
FEWEST = 5


class BenchmarkConfig(Config):
    """What a benchmark can be told."""

    seconds: float = setting(
        3.0, "Seconds", "How long each model is trained on each device.", ge=0.05, le=3600, unit="s"
    )
    size: int = setting(28, "Size", "Side of the images, which are grey.", ge=8, le=256, unit="px")
    device: Literal["auto", "all", "cuda", "mps", "cpu"] = setting(
        "auto", "Device", "Where the work is done; all: one after another."
    )
    threads: int = setting(
        0, "Threads", "Threads of the CPU's kernels.", ge=0, le=1024, zero="as many as torch takes"
    )


@dataclasses.dataclass(frozen=True)
class Machine:
    """What was measured: memory in bytes; threads are those of the CPU's kernels; gpu is "" without one."""

    cpu: str
    cores: int
    threads: int
    memory: int
    gpu: str
    system: str
    torch: str
    latentlab: str


@dataclasses.dataclass(frozen=True)
class Measured:
    """One model on one device.

    settings: those that are not its own defaults. steps, seconds: what was timed of the training.
    images_per_second, ms_per_step: of the loop as it is used, with metrics, pictures and checkpoints. one_ms,
    grid_ms: the median milliseconds from latents to pixels, both in the CPU's memory, of one image and of
    8 x 8. memory: bytes, the GPU's peak while it trained, else what this process held.
    """

    model: str
    settings: Mapping[str, Any]
    device: str
    batch_size: int
    steps: int
    seconds: float
    images_per_second: float
    ms_per_step: float
    one_ms: float
    grid_ms: float
    memory: int


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What a machine can do; by device, best first, and then in the order that the models were named in."""

    machine: Machine
    config: BenchmarkConfig
    results: tuple[Measured, ...]

    def values(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        settings = self.config.model_dump(mode="json") | {"threads": self.machine.threads}
        return {
            "machine": dataclasses.asdict(self.machine),
            **settings,
            "results": [dataclasses.asdict(result) for result in self.results],
        }


def benchmark(models: Sequence[str] = (), report: Report = no_report, **settings: Any) -> Benchmark:
    """Train models by their keys, else the usual ones, on random images, and let them decode.

    `settings` are fields of `BenchmarkConfig`: seconds (of each training), size, device ("all" for one after
    another), threads. Everything is written to a temporary folder, as in any training, which is gone
    afterwards, whatever happens. ConfigError for what cannot be, before anything is measured; RunError where
    a model does not fit into memory or diverges.
    """
    import tempfile

    config = parse(BenchmarkConfig, settings, "benchmark")
    chosen = {key: {} for key in models} if models else USUAL
    plans = [plan(key, values, {"steps": 0, "heldout": 0}) for key, values in chosen.items()]
    dataset = _random_images(config.size)
    for todo in plans:
        if reason := todo.model.obstacle(dataset.image_shape, dataset.label_names):
            raise ConfigError(reason)
    say(report, "Starting torch")
    report(0, 1)
    names = devices.available() if config.device == "all" else [devices.choose(config.device)]
    cases = [(name, todo) for name in names for todo in plans]
    with _threads(config.threads), tempfile.TemporaryDirectory(prefix="latentlab-bench-") as folder:
        results = []
        for number, (name, todo) in enumerate(cases):
            say(report, f"{todo.model.key} on {devices.TITLES[name]}")
            part = Part(report, number / len(cases), (number + 1) / len(cases))
            results.append(_measure(todo, name, dataset, config.seconds, Path(folder) / str(number), part))
        return Benchmark(_machine(names), config, tuple(results))


def _random_images(size: int) -> Dataset:
    draws, count = np.random.default_rng(0), min(IMAGES, BYTES // size**2)
    return Dataset(
        draws.integers(0, 256, (count, 1, size, size), np.uint8),
        "random images",
        "random",
        labels=draws.integers(0, CLASSES, count),
        label_names=tuple(str(number) for number in range(CLASSES)),
    )


@contextlib.contextmanager
def _threads(wanted: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _measure(
    todo: Plan, device: str, dataset: Dataset, seconds: float, folder: Path, report: Report
) -> Measured:
    settings = todo.training.model_copy(update={"device": device})
    training = begin(dataset, dataclasses.replace(todo, training=settings), folder)
    steps, took, memory = _train(training, seconds, report)
    batch = min(settings.batch_size, len(dataset))
    return Measured(
        model=todo.model.key,
        settings=todo.model_config.model_dump(mode="json", exclude_defaults=True),
        device=device,
        batch_size=batch,
        steps=steps,
        seconds=took,
        images_per_second=steps * batch / took,
        ms_per_step=1000 * took / steps,
        one_ms=_decoding_ms(training.model, 1, seconds),
        grid_ms=_decoding_ms(training.model, PREVIEW_COUNT, seconds),
        memory=memory,
    )


def _train(training: Training, seconds: float, report: Report) -> tuple[int, float, int]:
    """Train a little, then for `seconds` -> steps of those, how long they really took, bytes taken."""
    from latentlab.training.events import Diverged, OutOfMemory, Progress

    what = f"{training.model.key} on {training.model.device.type}"
    warm_up = min(WARM_UP_S, WARM_UP * seconds)
    begun: float | None = None  # when the first steps had been done
    first, since = 0, 0.0
    with contextlib.closing(training.events(Control())) as events:
        for event in events:
            now = time.perf_counter()
            if isinstance(event, OutOfMemory):
                fits = f"{event.fits} do" if event.fits else "no smaller one does"
                raise RunError(f"{what}: out of memory; a batch of {event.batch_size} does not fit, {fits}.")
            if isinstance(event, Diverged):
                raise RunError(f"{what}: {event.what} became NaN or infinite at step {event.step:,}.")
            if not isinstance(event, Progress):
                continue
            if begun is None:
                begun = now
            elif not first:
                if now - begun >= warm_up:
                    first, since = event.step, now
            elif now - since >= seconds:
                return event.step - first, now - since, event.memory
            else:
                report(round(1000 * (now - since)), round(1000 * seconds))
    raise AssertionError("a training without limits ended")


def _decoding_ms(model: Model, count: int, seconds: float) -> float:
    """The median of milliseconds from `count` latents to pixels."""
    from latentlab.latent import samplers
    from latentlab.models.pixels import render

    latents = samplers.draw(model, range(count))
    times: list[float] = []
    render(model, latents)  # what the first time costs once
    end = time.perf_counter() + DECODING * seconds
    while len(times) < FEWEST or time.perf_counter() < end:
        started = time.perf_counter()
        render(model, latents)
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


# The machine


def _machine(names: Sequence[str]) -> Machine:
    import platform

    import psutil
    import torch

    gpus = [devices.describe(name) for name in names if name != "cpu"]
    return Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        memory=psutil.virtual_memory().total,
        gpu=", ".join(gpus),
        system=platform.platform(),
        torch=torch.__version__,
        latentlab=latentlab.__version__,
    )


def _cpu_name() -> str:
    """What the maker calls the processor, where the system tells; else what it calls itself."""
    import platform
    import subprocess

    ways: dict[str, Callable[[], str]] = {
        "linux": lambda: _after_colon(Path("/proc/cpuinfo").read_text("utf-8", "replace")),
        "darwin": lambda: subprocess.check_output(["sysctl", "-n", "machdep.cpu.brand_string"], text=True),
    }
    found = ""
    with contextlib.suppress(OSError, subprocess.SubprocessError, KeyError):
        found = ways[sys.platform]().strip()
    return found or platform.processor() or platform.machine()


def _after_colon(text: str) -> str:
    lines = (line.partition(":") for line in text.splitlines())
    return next((value for name, _, value in lines if name.strip() == "model name"), "")
