"""A few images before and after the preparation that the form says, asked for while it is being edited."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from latentlab.core.errors import LatentlabError
from latentlab.data.base import Dataset, Report, SourceConfig
from latentlab.ui import choosing
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import Task, explain

if TYPE_CHECKING:
    from latentlab.run.preparing import Opened, PreparationPreview
    from latentlab.ui.data_state import DataState

#: Milliseconds without another edit before images are prepared.
PATIENCE = 200


@dataclasses.dataclass(frozen=True)
class _Wanted:
    key: str
    values: Mapping[str, Any]
    count: int
    seed: int
    loaded: Dataset | None


class Preparation(QObject):
    """Prepares a few images at a time, in the background; the newest question is answered.

    What was opened is kept for the next one: the files of a large folder are listed once.
    """

    busy_changed = Signal(bool)
    said = Signal(str)  # what goes on now
    shown = Signal(object)  # PreparationPreview
    failed = Signal(str)  # why there is nothing to show, in a sentence

    def __init__(self, session: DataState) -> None:
        super().__init__(session)
        self._session = session
        self._watched = False
        self._wanted: _Wanted | None = None
        self._task: Task | None = None
        self._opened: Opened | None = None  # the task's while one runs
        self._timer = single_shot(self, self._begin, PATIENCE)

    def ask(self, key: str, values: Mapping[str, Any], count: int, seed: int = 0, soon: bool = False) -> None:
        """Show `count` images of a source with these settings; `soon`: at once, no further edit will come."""
        self._watched = True
        self._wanted = _Wanted(key, values, count, seed, self._session.dataset)
        self._timer.start(0 if soon else PATIENCE)

    def forget(self) -> None:
        """Nobody looks any more."""
        self._watched, self._wanted = False, None
        self._timer.stop()
        if self._task is not None:
            self._task.cancel()
        else:
            self._opened = None

    def _begin(self) -> None:
        if self._task is not None:
            self._task.cancel()  # what was opened has one user at a time: the next begins when this has ended
            return
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        self._task = self._session.start_task(
            lambda report: self._prepare(wanted, report),
            self._on_done,
            said=self._on_said,
            ended=self._on_ended,
        )
        self.busy_changed.emit(True)

    def _prepare(self, wanted: _Wanted, report: Report) -> PreparationPreview | str:
        """In the task's thread. What is wrong with the choice is no notice: the preview says it there."""
        from latentlab.run import preparing

        try:
            source, config = choosing.resolve(wanted.key, wanted.values)
            if not isinstance(config, SourceConfig):
                return f"{source.title} are learned from as they are drawn."
            loaded = wanted.loaded
            held = None if loaded is None else preparing.opened(loaded)
            if held is None or not held.fits(source, config):
                loaded, held = None, self._opened
            if held is None or not held.fits(source, config):
                held = preparing.open_originals(source, config, report)
            self._opened = held
            return preparing.prepared(held, config, wanted.count, wanted.seed, report, loaded)
        except (LatentlabError, OSError) as error:
            return explain(error)[0]

    def _on_said(self, what: str) -> None:
        if self._wanted is None:
            self.said.emit(what)

    def _on_done(self, result: PreparationPreview | str) -> None:
        if self._wanted is not None or not self._watched:
            return  # another question was asked meanwhile
        if isinstance(result, str):
            self.failed.emit(result)
        else:
            self.shown.emit(result)

    def _on_ended(self) -> None:
        self._task = None
        self.busy_changed.emit(False)
        if not self._watched:
            self._opened = None
        elif not self._timer.isActive():
            self._begin()
