"""The images that are loaded, and how others come in their place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from latentlab import data
from latentlab.data.base import Dataset, Report
from latentlab.ui import choosing
from latentlab.ui.background import Level
from latentlab.ui.dataset_facts import left_out
from latentlab.ui.plan_state import PlanState
from latentlab.ui.preparation_state import Preparation
from latentlab.ui.workers import Task


class DataState(PlanState):
    """Loads images in the background; the dataset before them stays until they are there."""

    loading_changed = Signal(bool)
    loading_progressed = Signal(int, int)
    dataset_changed = Signal(object)  # Dataset
    dataset_failed = Signal(str)
    skipped_wanted = Signal()  # a person wants to see what was left out
    choice_seen = Signal(object)  # choosing.Seen: of what `look_at` asked for last
    recent_seen = Signal(object)  # {path of what was loaded lately: whether it is there}
    image_dropped = Signal(object)  # Path
    run_dropped = Signal(object)  # Path
    picture_dropped = Signal(object, object)  # Path, State: of an exported one
    latents_dropped = Signal(object)  # Path

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self._loading: Task | None = None
        #: What goes on while images are loaded: "Reading images".
        self.loading_stage = "Loading"
        self._looked: Task | None = None
        self._counted: Task | None = None
        self.preparation = Preparation(self)

    @property
    def loading(self) -> bool:
        """Whether images are being loaded."""
        return self._loading is not None

    def load_dataset(self, source: str, values: Mapping[str, Any]) -> None:
        """Load images in the background; what was being loaded is given up. `source` is a key or a path."""
        self._load(lambda report: data.load(source, values, report))

    def load_choice(self, key: str, values: Mapping[str, Any]) -> None:
        """Load what a person chose, a source's key and settings; see `choosing.resolve`."""
        self._load(functools.partial(choosing.load, key, values))

    def open_data(self, path: str | Path) -> None:
        """Load the person's own images; the kind is found by looking."""
        self.load_dataset(str(Path(path).expanduser().absolute()), {})

    def open_dropped(self, path: Path) -> None:
        """Open what was let go of over the window: images, or what a `..._dropped` tells of."""
        self.start_task(lambda _: choosing.what_is(path), self._on_dropped)

    def look_at(self, key: str, path: str) -> None:
        """Find out what a person's choice is, and tell by `choice_seen`; the newest counts."""
        self._looked = self.start_task(lambda _: choosing.look(key, path), self._on_looked)

    def look_at_recent(self) -> None:
        """Find out which of what was loaded lately is still there, and tell by `recent_seen`."""
        paths = self.settings.recent_datasets
        if self._counted is None:  # a folder of the network that is gone may take a minute to be missed
            self._counted = self.start_task(
                lambda _: {path: Path(path).exists() for path in paths},
                self._on_recent,
                ended=self._on_counted,
            )

    def _load(self, function: Callable[[Report], Dataset]) -> None:
        def loaded(report: Report) -> Dataset:
            dataset = function(report)
            _ = dataset.fingerprint  # kept; not in the window's thread, as it reads thousands of images
            return dataset

        self.cancel_loading()
        self.loading_stage = "Loading"
        self._loading = self.start_task(
            loaded,
            self._on_dataset,
            failed=self._on_loading_failed,
            progressed=self._on_loading_progressed,
            said=self._on_loading_said,
        )
        self.loading_changed.emit(True)

    def cancel_loading(self) -> None:
        """Give up what is being loaded; the dataset before it stays."""
        if self._loading is not None:
            self._loading.cancel()
            self._loading_ended(loaded=False)

    def forget_recent_data(self) -> None:
        """Empty the list of what was loaded lately."""
        self.remember(recent_datasets=())

    def _on_dropped(self, dropped: choosing.Dropped) -> None:
        if dropped.kind == "run":
            self.run_dropped.emit(dropped.path)
        elif dropped.kind == "picture":
            self.picture_dropped.emit(dropped.path, dropped.state)
        elif dropped.kind == "latents":
            self.latents_dropped.emit(dropped.path)
        elif dropped.kind == "image":
            self.image_dropped.emit(dropped.path)
        else:
            self.open_data(dropped.path)

    def _on_looked(self, seen: choosing.Seen) -> None:
        if self.sender() is self._looked:
            self.choice_seen.emit(seen)

    def _on_recent(self, there: dict[str, bool]) -> None:
        self.recent_seen.emit(there)

    def _on_counted(self) -> None:
        self._counted = None

    def _on_loading_said(self, what: str) -> None:
        if self.sender() is self._loading:
            self.loading_stage = what

    def _on_loading_progressed(self, done: int, total: int) -> None:
        if self.sender() is self._loading:
            self.loading_progressed.emit(done, total)

    def _on_loading_failed(self, summary: str, details: str) -> None:
        if self.sender() is self._loading:
            self._loading_ended(loaded=False)  # before the reason, which then stays
            self.dataset_failed.emit(summary)

    def _on_dataset(self, dataset: Dataset) -> None:
        if self.sender() is not self._loading:
            return  # given up while its result was on the way
        self.dataset = dataset
        self.source, self.data_values = dataset.source, dict(dataset.config)
        self.dataset_changed.emit(dataset)
        if path := dataset.config.get("path"):
            self._remember(self.settings.with_recent("recent_datasets", str(path)))
        if dataset.skipped:
            listed = "\n".join(f"{s.path}: {s.reason}" for s in dataset.skipped)
            text = f"Left out of {dataset.name}: {left_out(dataset)}."
            # Duplicates go because a person said so.
            level: Level = "info" if all(s.is_duplicate for s in dataset.skipped) else "warning"
            self.notify(level, text, listed, ("Show them", self.skipped_wanted.emit))

    def _task_ended(self, task: Task) -> None:
        if task is self._loading:
            self._loading_ended(loaded=True)

    def _loading_ended(self, loaded: bool) -> None:
        self._loading = None
        self.loading_changed.emit(False)
        self._loading_over(loaded)

    def _loading_over(self, loaded: bool) -> None:
        """For subclasses: the images are there, or will not come."""
