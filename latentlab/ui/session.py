"""The one object that panels are given: dataset, plan, run, latent state; it says what changed by signals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.models.base import MODELS, Model
from latentlab.training.events import Diverged, Done, Health
from latentlab.training.health import Finding
from latentlab.training.run_folder import RunFolder
from latentlab.ui import warming, wording, workers
from latentlab.ui.bookmarks_state import Bookmarks
from latentlab.ui.comparison import Comparison
from latentlab.ui.data_state import DataState
from latentlab.ui.directions_state import Directions
from latentlab.ui.exports import Exports
from latentlab.ui.history import History
from latentlab.ui.importance_state import ImportanceState
from latentlab.ui.kept_file import KeptFile
from latentlab.ui.latent_state import LatentState
from latentlab.ui.loan import Loan
from latentlab.ui.points_state import PointsState
from latentlab.ui.returning import Returning
from latentlab.ui.steering import Steering
from latentlab.ui.thumbs import Thumbnailer
from latentlab.ui.timeline_state import Timeline
from latentlab.ui.workers import OpenedRun, Sampler, Trainer

#: What training is doing; "warming" until torch is imported.
State = Literal["warming", "idle", "starting", "running", "paused", "stopping"]


class Session(DataState):
    """Holds what the window shows and does what its controls ask; knows no widget."""

    plots_ready = Signal()  # pyqtgraph is imported
    ready = Signal(object)  # [(device, description)]: torch is there
    state_changed = Signal(str)  # State
    run_opened = Signal(object)  # OpenedRun: begun, resumed or opened
    progressed = Signal(object)  # Progress
    evaluated = Signal(object)  # Evaluated
    edited = Signal(object)  # Edited
    rewound = Signal(int)  # what came after this step no longer counts
    health_changed = Signal(object)  # tuple[Finding, ...]
    saved = Signal(object)  # Saved
    done = Signal(object)  # Done

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.devices: list[tuple[str, str]] = []
        self.run: RunFolder | None = None
        self.findings: tuple[Finding, ...] = ()
        self.state: State = "warming"
        self._trainer: Trainer | None = None
        self._anew = False  # whether a new run begins when this one has ended
        self.steering = Steering(self)
        self.sampler = Sampler(self)
        self.sampler.failed.connect(self._on_failed)
        self.sampler.lent.connect(self._on_lent)
        self.thumbnailer = Thumbnailer(self)
        self.thumbnailer.failed.connect(self._on_failed)
        self._loans: list[Loan] = []
        self.latent = LatentState(self.sampler, self)
        self.importance = ImportanceState(self)
        self.history = History(self.start_task, self)
        self.points = PointsState(self)
        self.directions = Directions(self)
        self.bookmarks = Bookmarks(self)
        self.timeline = Timeline(self)
        self.comparison = Comparison(self)
        self.exports = Exports(self)
        self.returning = Returning(self)
        self.dataset_changed.connect(self._on_dataset_changed)

    def start(self) -> None:
        """Begin the work behind the window: import torch, load the first dataset. Call once it is painted."""
        self.sampler.start()
        self.thumbnailer.start()
        self.tell_of_damage()
        # One import after the other: threads that import at once wait for each other at every file.
        self.start_task(warming.import_plots, self._on_plots_imported)
        self.load_dataset(self.source, self.data_values)

    def _on_plots_imported(self, _: object) -> None:
        self.plots_ready.emit()
        self.start_task(warming.warm_up, self._on_warm)

    def _on_warm(self, devices: list[tuple[str, str]]) -> None:
        self.devices = devices
        self._set_state("idle")
        self.ready.emit(devices)
        self.start_task(warming.import_dialogs)
        self.notify("info", f"Ready. {self.preset.title}: {self.preset.about}")

    # The plan and the dataset

    def _on_dataset_changed(self, _: object) -> None:
        self.state_changed.emit(self.state)  # what can be done depends on it

    def _loading_over(self, loaded: bool) -> None:
        self._anew = self._anew and loaded
        self._begin_anew()

    def set_model(self, key: str) -> None:
        """Another kind of model, with its own defaults; the one that trains with what it trains with."""
        if self.steering.apart and self.steering.kind is MODELS.get(key) and key != self.model_key:
            self.steering.put_back("model")
        else:
            super().set_model(key)

    def load_data_of_run(self) -> None:
        """The images that the run learns from, where others are chosen by now."""
        assert self.run is not None
        chosen = self.run.info["data"]
        if (self.source, self.data_values) != (chosen["source"], chosen["config"]):
            self.load_dataset(chosen["source"], chosen["config"])

    # Training

    @property
    def busy(self) -> bool:
        """Whether a training is under way, paused or not."""
        return self._trainer is not None

    @property
    def can_train(self) -> bool:
        """Whether Train would begin a run now."""
        return self.state == "idle" and self.dataset is not None and not self.busy

    def train(self) -> None:
        """Begin a new run with what the forms say, or go on after a pause."""
        if self.state == "paused" and self._trainer:
            self._trainer.control.resume()
            self._set_state("running")
        elif self.can_train:
            self._begin()

    def pause(self) -> None:
        """Wait after the present step."""
        if self._trainer and self.state == "running":
            self._trainer.control.pause()

    def step_once(self) -> None:
        """One batch, then wait; begins a run where there is none."""
        if self._trainer:
            self._trainer.control.step_once()
        elif self.can_train:
            self._begin(step_once=True)

    def stop(self) -> None:
        """End after the present step and save."""
        if self._trainer:
            self.steering.end()
            self._trainer.control.stop()
            self._set_state("stopping")

    def train_anew(self) -> None:
        """Stop and save, then begin a new run with what the forms say."""
        if self._trainer and self.plan() is not None:
            self._anew = True
            self.stop()

    def _begin_anew(self) -> None:
        """Once the training has ended, and the images that a preset brought are there."""
        if self._anew and self.can_train and not self.loading:
            self._anew = False
            self._begin()

    def continue_run(self) -> None:
        """Resume the run that is open, from its latest checkpoint, in its own folder."""
        if self.run is not None and not self.busy and self.state == "idle":
            same = self.dataset and self.dataset.fingerprint == self.run.info["data"]["fingerprint"]
            begin = workers.continue_training(self.run.path, self.dataset if same else None)
            self._start_trainer(Trainer(begin, self.sampler, self, goes_on=True))

    def why_not_on_data(self) -> str:
        """Why the open run cannot go on with the images that are loaded; "" where it can."""
        if self.run is None or self.dataset is None:
            return "Open a run, and load the images that it shall go on with."
        if self.busy or self.state != "idle":
            return "Stop the training first."
        return wording.why_not_on(self.run.info, self.dataset)

    def continue_on_data(self) -> None:
        """Resume the run that is open with the images that are loaded: other or more ones of its shape."""
        if self.run is not None and not self.why_not_on_data():
            begin = workers.continue_training(self.run.path, self.dataset, grow=True)
            self._start_trainer(Trainer(begin, self.sampler, self, goes_on=True))

    def _begin(self, step_once: bool = False) -> None:
        plan = self.plan()
        if plan is None or self.dataset is None:
            return
        begin = workers.start_training(self.dataset, plan, self.settings.runs, self.start_from)
        trainer = Trainer(begin, self.sampler, self)
        if step_once:
            trainer.control.step_once()
        self._start_trainer(trainer)

    def _start_trainer(self, trainer: Trainer) -> None:
        self._trainer = trainer
        trainer.started_run.connect(self._on_started_run)
        trainer.progressed.connect(self.progressed)
        trainer.previewed.connect(self.history.add)
        trainer.evaluated.connect(self.evaluated)
        trainer.edited.connect(self.edited)
        trainer.edited.connect(self.steering.on_edited)
        trainer.diverged.connect(self._on_diverged)
        trainer.out_of_memory.connect(self.steering.on_out_of_memory)
        trainer.health.connect(self._on_health)
        trainer.saved.connect(self.saved)
        trainer.paused.connect(self._on_paused)
        trainer.done.connect(self._on_done)
        trainer.failed.connect(self._on_failed)
        trainer.finished.connect(self._on_trainer_finished)
        self._set_state("starting")
        trainer.start()

    def _on_started_run(self, opened: OpenedRun) -> None:
        goes_on, before = self._trainer is not None and self._trainer.goes_on, self.run
        self._show_run(opened)
        self.notify("info", *wording.begun_text(opened.folder, before if goes_on else None))
        if self.state == "starting":
            self._set_state("running")
        if self._trainer is not None and self.state != "stopping":
            self.steering.begin(self._trainer.control, opened.folder, adopt=self._trainer.goes_on)

    def _on_diverged(self, diverged: Diverged) -> None:
        self.history.rewind(diverged.back_to)
        self.rewound.emit(diverged.back_to)
        self.steering.on_diverged(diverged)

    def _on_health(self, health: Health) -> None:
        self._set_findings(health.findings)

    def _set_findings(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        self.health_changed.emit(findings)

    def _on_paused(self, step: int) -> None:
        # A person may have gone on while this was on its way.
        if self.state in ("starting", "running") and self._trainer and self._trainer.control.paused:
            self._set_state("paused")
            self.steering.explain_pause()

    def _on_done(self, done: Done) -> None:
        self.done.emit(done)
        where = self.run.path if self.run else ""
        if done.reason == "diverged":
            text = f"Training stopped at step {done.step:,}: a loss is no longer a finite number."
            self.notify("error", text + " Try a smaller learning rate; the last checkpoint is kept.")
        elif done.reason == "memory":
            text = f"Training stopped at step {done.step:,}, which is saved: a step does not fit into memory."
            self.notify("error", text + " Try a smaller batch, then continue the run.")
        else:
            self.notify("good", f"Saved at step {done.step:,} in {where}")

    def _on_trainer_finished(self) -> None:
        if self._trainer is not None:
            self._trainer.deleteLater()
        self._trainer = None
        self.steering.end()
        self._set_state("idle")
        self._begin_anew()

    def _set_state(self, state: State) -> None:
        self.state = state
        self.state_changed.emit(state)

    # Work on the model

    def with_model(
        self, work: Callable[[Model, Report], Any], then: Callable[[Any], None] | None = None
    ) -> Loan:
        """Run `work` in the background on a copy of the model as it is now, then `then` with its result.

        The loan says how it goes, and cancels it.
        """
        assert self.latent.model is not None
        loan = Loan(work, self)
        if then is not None:
            loan.succeeded.connect(then)
        self._loans.append(loan)
        self.sampler.lend()
        return loan

    def _on_lent(self, model: Model | None) -> None:
        loans, self._loans = self._loans, []
        for loan in loans:
            loan.begin(model, self.start_task)

    # Runs

    def open_run(
        self, path: str | Path, step: int | None = None, failed: Callable[[str, str], None] | None = None
    ) -> None:
        """Open a saved run, at its latest checkpoint or that of `step`; Continue trains it on.

        `failed`: see `start_task`.
        """
        if self.busy:
            self.notify("warning", "Stop the training before opening another run.")
            return
        self.start_task(lambda _: workers.open_for_looking(Path(path), step), self._on_opened, failed=failed)

    def _on_opened(self, opened: OpenedRun) -> None:
        if not self.busy and opened.model is not None:
            self.sampler.adopt(opened.model)
            self._show_run(opened)
            self.notify("good", f"Opened {opened.folder.name} at step {opened.model.step_count:,}")
            self.state_changed.emit(self.state)

    def _show_run(self, opened: OpenedRun) -> None:
        self.run = opened.folder
        self._set_findings(opened.findings)
        self.history.show(opened.folder, opened.samples, opened.plane, opened.step)
        self._remember(self.settings.with_recent("recent_runs", str(opened.folder.path)))
        self.run_opened.emit(opened)

    # The end

    def close(self, seconds: float = 1.8) -> bool:
        """Stop every thread, saving what is trained; False where one still runs after `seconds`."""
        if self._trainer is not None:
            self._trainer.control.stop()
        self.cancel_loading()
        self.sampler.stop()
        self.thumbnailer.stop()
        self.comparison.stop()
        for kept in self.findChildren(KeptFile):
            kept.flush()
        trainer = [self._trainer] if self._trainer else []
        return self.end_tasks(seconds, *trainer, self.sampler, self.thumbnailer, *self.comparison.samplers)
