"""What is being written: one job or several, each with its progress and a way to give it up."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from latentlab.data.base import Report
from latentlab.ui.loan import Loan
from latentlab.ui.workers import Task

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session


@dataclasses.dataclass(eq=False)
class Job:
    """Something that is being written to `path`."""

    path: Path
    work: Task | Loan | None = None
    done: int = 0
    total: int = 0
    cancelled: bool = False
    is_whole: bool = False  # whether the file is there: it may be, where it was given up too late


class Exports(QObject):
    """Writes in the background; a notice says what came of it, and leads to the file."""

    changed = Signal()  # `jobs`, or how far the first of them is
    written = Signal(object)  # Path

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.jobs: list[Job] = []

    def start(self, path: Path, work: Callable[[Report], Any]) -> Job:
        """Run `work`, which writes `path`; failures are notices."""
        job = Job(path)
        listener = _Listener(self, job)
        job.work = self._session.start_task(
            functools.partial(_done, job, work),
            listener.on_succeeded,
            progressed=listener.on_progressed,
            ended=listener.on_ended,
        )
        self._begun(job)
        return job

    def start_with_model(self, path: Path, work: Callable[[Model, Report], Any]) -> Job:
        """The same for work on a copy of the model as it is now."""
        job = Job(path)
        listener = _Listener(self, job)
        loan = self._session.with_model(functools.partial(_done, job, work), listener.on_succeeded)
        loan.progressed.connect(listener.on_progressed)
        loan.ended.connect(listener.on_ended)
        job.work = loan
        self._begun(job)
        return job

    def cancel(self, job: Job) -> None:
        """Give it up; nothing stays of its file."""
        if job.work is not None:
            job.cancelled = True
            job.work.cancel()

    def _begun(self, job: Job) -> None:
        self.jobs.append(job)
        # What is short is over before one could read more.
        self._session.notify("info", f"Writing {job.path.name}…")
        self.changed.emit()

    def ended(self, job: Job) -> None:
        job.work = None
        if job in self.jobs:
            self.jobs.remove(job)
        if job.cancelled:
            what = "was written before it could be given up." if job.is_whole else "was not written."
            self._session.notify("info", f"{job.path.name} {what}")
        self.changed.emit()

    def succeeded(self, job: Job, told: str = "") -> None:
        """`told`: what the work has to say of the file."""
        self._session.remember(export_folder=str(job.path.parent))
        show = functools.partial(_open, job.path.parent)
        self._session.notify(
            "good", f"Written: {job.path}" + (f"; {told}." if told else ""), action=("Show folder", show)
        )
        self.written.emit(job.path)


def _done(job: Job, work: Callable[..., Any], *given: Any) -> Any:
    """Do the work and note that it is done; on its own thread."""
    result = work(*given)
    job.is_whole = True
    return result


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class _Listener(QObject):
    """Only methods of QObjects are called on the window's thread."""

    def __init__(self, exports: Exports, job: Job) -> None:
        super().__init__(exports)
        self._exports, self._job = exports, job

    def on_progressed(self, done: int, total: int) -> None:
        self._job.done, self._job.total = done, total
        self._exports.changed.emit()

    def on_succeeded(self, result: object) -> None:
        self._exports.succeeded(self._job, result if isinstance(result, str) else "")

    def on_ended(self) -> None:
        self._exports.ended(self._job)
        self.deleteLater()
