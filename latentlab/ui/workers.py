"""The worker threads. None of them touches a widget; everything comes back as a signal.

Each reports a failure as ``failed(summary, details)`` and always ends with ``finished``.
"""

from __future__ import annotations

import dataclasses
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QThread, Signal

from latentlab.core.errors import Cancelled, LatentlabError
from latentlab.data.base import Dataset, Report
from latentlab.training.control import Control
from latentlab.training.events import (
    Diverged,
    Done,
    Edited,
    Evaluated,
    Health,
    OutOfMemory,
    Paused,
    Plane,
    Preview,
    Progress,
    Saved,
)
from latentlab.training.health import Finding, watch
from latentlab.training.run_folder import RunFolder
from latentlab.ui.kernel_threads import (
    are_known,
    in_full_strength,
    keep_to_one_kernel_thread,
    take_all_kernel_threads,
    yield_to_the_window,
)
from latentlab.ui.mailbox import Mailbox

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.run import Plan, Training

#: Seconds between two copies of the live weights for the sampling thread.
REFRESH = 0.2
#: Seconds of decoding by one kernel thread from which on it is worth the making of a team.
WORTH_A_TEAM = 0.03


def explain(error: BaseException) -> tuple[str, str]:
    """(one sentence, details to copy) for a notice."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, LatentlabError):
        return str(error), details
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or 'no file named'}.", details
    if "out of memory" in str(error).lower():
        return "Out of memory: try a smaller batch, width or image size.", details
    return f"Something unexpected happened: {error}", details


class Worker(QThread):
    """A thread that does `work` and reports what goes wrong with it."""

    failed = Signal(str, str)

    def run(self) -> None:
        try:
            self.work()
        except Cancelled:
            pass
        except BaseException as error:
            self.failed.emit(*explain(error))

    def work(self) -> None:
        """The thread's whole job."""
        raise NotImplementedError


class Task(Worker):
    """Runs one function of a `Report`, which it is itself; gives its result, unless it was cancelled."""

    progressed = Signal(int, int)
    said = Signal(str)  # what goes on now, in a few words
    succeeded = Signal(object)

    def __init__(self, function: Callable[[Report], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function = function
        self._cancelled = threading.Event()
        self._told = 0.0
        self._what = self._said = ""

    def cancel(self) -> None:
        """The next report raises `Cancelled` inside the function."""
        self._cancelled.set()

    def work(self) -> None:
        if are_known():
            (keep_to_one_kernel_thread if Trainer.working else take_all_kernel_threads)()
        result = self._function(self)
        if not self._cancelled.is_set():
            self.succeeded.emit(result)

    def __call__(self, done: int, total: int) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        now = time.monotonic()
        # Signals have no back-pressure: more than 20 a second would only pile up.
        if now - self._told > 0.05 or done == total:
            self._told = now
            if self._what != self._said:
                self._said = self._what
                self.said.emit(self._what)
            self.progressed.emit(done, total)

    def say(self, what: str) -> None:
        """Told with the next progress."""
        self._what = what


class Trainer(Worker):
    """Owns the live model: begins or resumes a run, and hands on the loop's events."""

    started_run = Signal(object)  # OpenedRun
    progressed = Signal(object)  # Progress
    previewed = Signal(object)  # Preview
    evaluated = Signal(object)  # Evaluated
    edited = Signal(object)  # Edited
    diverged = Signal(object)  # Diverged
    out_of_memory = Signal(object)  # OutOfMemory
    health = Signal(object)  # Health
    saved = Signal(object)  # Saved
    paused = Signal(int)  # step
    done = Signal(object)  # Done
    #: Whether one is at work and not paused: the cores are its own then.
    working = False

    def __init__(
        self,
        begin: Callable[[], Training],
        sampler: Sampler,
        parent: QObject | None = None,
        *,
        goes_on: bool = False,
    ) -> None:
        super().__init__(parent)
        self.control = Control(waits=True)
        self.goes_on = goes_on  # whether it resumes a run, with that run's settings
        self._begin = begin
        self._sampler = sampler

    def work(self) -> None:
        Trainer.working = True
        try:
            yield_to_the_window()
            take_all_kernel_threads()
            self._train()
        finally:
            Trainer.working = False

    def _train(self) -> None:
        training = self._begin()
        opened = read_run(training.folder, training.model.latent_shape[0])
        # One right after the other: in between, the window has this model with the run before.
        self._sampler.adopt(training.model.evaluation_copy())
        self.started_run.emit(opened)
        told = {
            Progress: self.progressed,
            Preview: self.previewed,
            Evaluated: self.evaluated,
            Health: self.health,
            Edited: self.edited,
            Diverged: self.diverged,
            OutOfMemory: self.out_of_memory,
            Saved: self.saved,
            Done: self.done,
        }
        refreshed = time.monotonic()
        for event in training.events(self.control):
            Trainer.working = not isinstance(event, Paused)
            # The loop stands still between two events, so the weights are whole.
            if time.monotonic() - refreshed >= REFRESH or isinstance(event, Diverged | Paused | Done):
                self._sampler.refresh(training.model.weights(), training.model.step_count)
                refreshed = time.monotonic()
            if isinstance(event, Paused):
                self.paused.emit(event.step)
            else:
                told[type(event)].emit(event)


class Sampler(Worker):
    """Owns an evaluation copy of the model and decodes what the window asks for.

    Channels in the order they are served: "explore" the one image, "mix" that of an arithmetic, "around" the
    neighbourhood, "plane" a whole plane, "compare" seeds beside another model's, "visited" places without a
    picture, "thumbnails" those of bookmarks, "keyframes" those of the timeline, then the small pictures along
    the sliders: "strips" of dimensions, "direction-strips"; "manifold" the plane of the map, which is the
    most work. What is lent is lent before a new model comes: whoever asked meant the one that was there.
    """

    CHANNELS = (
        "lend",
        "adopt",
        "refresh",
        "explore",
        "mix",
        "around",
        "plane",
        "compare",
        "visited",
        "thumbnails",
        "keyframes",
        "strips",
        "direction-strips",
        "manifold",
    )
    rendered = Signal(str, int, object, float)  # channel, stamp, uint8 (N, C, H, W), milliseconds
    lent = Signal(object)  # a Model of its own for whoever asked by `lend`; None if that failed
    adopted = Signal(object)  # the Model, for its shapes and key alone
    refreshed = Signal(int)  # the step whose weights are now shown

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mailbox = Mailbox(self.CHANNELS)
        self._cost = 0.0  # seconds that one kernel thread took for a latent, the last time

    @property
    def modest(self) -> bool:
        """Whether to leave the cores to training: two teams of kernel threads would wait for each other."""
        return Trainer.working

    def adopt(self, model: Model) -> None:
        """Take a new evaluation copy, from any thread. What waited for the old one is dropped."""
        for channel in self.CHANNELS[self.CHANNELS.index("refresh") :]:
            self._mailbox.drop(channel)
        self._mailbox.put("adopt", model)

    def refresh(self, weights: list[Any], step: int) -> None:
        """Take newer weights of the same model, from any thread."""
        self._mailbox.put("refresh", (weights, step))

    def request(self, channel: str, stamp: int, latents: np.ndarray) -> None:
        """Decode float32 latents (N, D); only the newest request of a channel is answered."""
        self._mailbox.put(channel, (stamp, latents))

    def lend(self) -> None:
        """Ask for a copy of the model as it is now, for work that must not see it change; see `lent`."""
        self._mailbox.put("lend", True)

    def stop(self) -> None:
        """End after the present decode."""
        self._mailbox.close()

    def work(self) -> None:
        model: Model | None = None
        while (letter := self._mailbox.take()) is not None:
            channel, content = letter
            if channel == "adopt":
                model = content
                self.adopted.emit(model)
            elif model is not None:
                self._serve(model, channel, content)

    def _serve(self, model: Model, channel: str, content: Any) -> None:
        from latentlab.models.pixels import render

        keep_to_one_kernel_thread()
        try:
            if channel == "refresh":
                weights, step = content
                model.load_weights(weights)
                model.step_count = step
                self.refreshed.emit(step)
                return
            if channel == "lend":
                self.lent.emit(model.evaluation_copy())
                return
            stamp, latents = content
            if latents.shape[1:] != model.latent_shape:
                return  # asked of the model before this one
            started = time.perf_counter()
            alone = self.modest or self._cost * len(latents) < WORTH_A_TEAM
            images = render(model, latents) if alone else in_full_strength(render, model, latents)
            took = time.perf_counter() - started
            if alone:
                self._cost = took / len(latents)
            self.rendered.emit(channel, stamp, images, 1000 * took)
        except Exception as error:  # one failed decode must not end the thread
            self.failed.emit(*explain(error))
            if channel == "lend":
                self.lent.emit(None)


@dataclasses.dataclass(frozen=True, eq=False)
class OpenedRun:
    """What the window shows of a run that it turns to; `model` where it is there to be looked around in.

    latent_size: D. series: metric name -> (steps, values) so far; samples: (step, file) of every snapshot so
    far. plane: of a model of points. findings: what is to be said of it.
    """

    folder: RunFolder
    latent_size: int
    series: dict[str, tuple[np.ndarray, np.ndarray]]
    samples: list[tuple[int, Path]]
    model: Model | None = None
    plane: Plane | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def step(self) -> int:
        """Of `model`."""
        return self.model.step_count if self.model is not None else 0


def read_run(folder: RunFolder, latent_size: int, model: Model | None = None) -> OpenedRun:
    """Read what is on disk already."""
    from latentlab.training.plane import look

    plane = look(model) if model is not None else None
    series, samples = folder.read_metrics(), folder.samples()
    findings = watch(folder, series=series).findings()
    return OpenedRun(folder, latent_size, series, samples, model, plane, findings)


def look_for_weights(path: Path) -> None:
    """RunError where no run with a checkpoint is."""
    RunFolder.open(path).latest_checkpoint()


def start_training(
    dataset: Dataset, plan: Plan, parent: Path, start_from: Path | None
) -> Callable[[], Training]:
    """What a `Trainer` calls to begin a new run in a folder of `parent`, with the weights of `start_from`."""

    def begin() -> Training:
        from latentlab import run

        return run.begin(
            dataset, plan, run.new_folder(parent, dataset.name, plan.model.key), start_from=start_from
        )

    return begin


def continue_training(folder: Path, dataset: Dataset | None, grow: bool = False) -> Callable[[], Training]:
    """What a `Trainer` calls to resume a run, with its dataset where it is in memory already; with `grow`
    that may be another one.
    """

    def begin() -> Training:
        from latentlab import run

        return run.resume(folder, dataset=dataset, grow=grow)

    return begin


def open_for_looking(path: Path, step: int | None = None) -> OpenedRun:
    """Open a run at its latest checkpoint, or the one of `step`, from a `Task`."""
    from latentlab import run

    opened = run.open_run(path, step)
    return read_run(opened.folder, opened.model.latent_shape[0], opened.model)
