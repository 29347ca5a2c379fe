"""Work in the background on a copy of the model: how it goes, and the way to give it up."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.ui.workers import Task

if TYPE_CHECKING:
    from latentlab.models.base import Model


class Loan(QObject):
    """One piece of work that was given a model; made by `Session.with_model`. Deletes itself when it `ended`.

    `told` carries what the work itself hands out on its way by `tell`, at most as often as it calls that.
    """

    progressed = Signal(int, int)
    told = Signal(object)
    succeeded = Signal(object)
    failed = Signal(str, str)  # the session makes it a notice too
    ended = Signal()  # whatever came of it, also after `cancel`
    _handed = Signal(object)  # by the work's thread to the window's

    def __init__(self, work: Callable[[Model, Report], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        self._task: Task | None = None
        self.cancelled = False
        self._handed.connect(self._on_handed)

    def cancel(self) -> None:
        """Give it up: there will be no result, and the work ends at its next report."""
        self.cancelled = True
        if self._task is not None:
            self._task.cancel()

    def tell(self, something: object) -> None:
        """For the work, from its own thread."""
        if not self.cancelled:
            self._handed.emit(something)

    def begin(self, model: Model | None, start_task: Callable[..., Task]) -> None:
        """The model is there, or could not be copied, of which the sampler told."""
        if self.cancelled or model is None:
            self._end()
            return
        self._task = start_task(
            functools.partial(self._work, model),
            self._on_succeeded,
            failed=self._on_failed,
            progressed=self._on_progressed,
            ended=self._end,
        )

    def _on_handed(self, something: object) -> None:
        if not self.cancelled:  # what was given up while it was on the way is not told
            self.told.emit(something)

    def _on_succeeded(self, result: object) -> None:
        if not self.cancelled:
            self.succeeded.emit(result)

    def _on_failed(self, summary: str, details: str) -> None:
        self.failed.emit(summary, details)

    def _on_progressed(self, done: int, total: int) -> None:
        if not self.cancelled:
            self.progressed.emit(done, total)

    def _end(self) -> None:
        self._task = None
        self.ended.emit()
        self.deleteLater()
