"""What every session has behind the window: notices, tasks off the window's thread, remembered settings."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from PySide6.QtCore import QDeadlineTimer, QObject, QThread, Signal

from latentlab.core import settings
from latentlab.data.base import Report
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import Task

Level = Literal["info", "good", "warning", "error"]


@dataclasses.dataclass(frozen=True)
class Notice:
    """One sentence for the status bar. `details` can be copied; `action` is a button: its words, its deed."""

    level: Level
    text: str
    details: str = ""
    action: tuple[str, Callable[[], None]] | None = None


class Background(QObject):
    """Tells by notices, works in tasks, writes changed settings a moment later."""

    notified = Signal(object)  # Notice

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings, self._damage = settings.load()
        self._tasks: set[Task] = set()
        self._over = False
        self._saving = single_shot(self, self._save_settings, 500)

    def tell_of_damage(self) -> None:
        """The notice of a settings file that could not be read."""
        if self._damage:
            self.notify("warning", self._damage)

    def notify(
        self,
        level: Level,
        text: str,
        details: str = "",
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        self.notified.emit(Notice(level, text, details, action))

    def start_task(
        self,
        function: Callable[[Report], Any],
        then: Callable[[Any], None] | None = None,
        *,
        failed: Callable[[str, str], None] | None = None,
        progressed: Callable[[int, int], None] | None = None,
        said: Callable[[str], None] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> Task:
        """Run `function` off the window's thread and hand its result to `then`; failures become notices.

        `failed` is told (summary, details) too, and `ended` comes last in any case. All of them are methods
        of QObjects: only those are called on the window's thread. Connecting to the task once it is back
        would be too late: it runs already, and may have failed.
        """
        task = Task(function, self)
        self._tasks.add(task)
        if then is not None:
            task.succeeded.connect(then)
        task.failed.connect(self._on_failed)
        if failed is not None:
            task.failed.connect(failed)
        if progressed is not None:
            task.progressed.connect(progressed)
        if said is not None:
            task.said.connect(said)
        if ended is not None:
            task.finished.connect(ended)
        task.finished.connect(self._on_task_finished)
        if not self._over:  # nobody would wait for it: what a signal on its way asks for is not begun
            task.start()
        return task

    def remember(self, **changes: Any) -> None:
        """Change the settings; they are written in the background soon."""
        self._remember(self.settings.updated(**changes))

    def _remember(self, changed: settings.Settings) -> None:
        self.settings = changed
        self._saving.start()

    def _save_settings(self) -> None:
        now = self.settings
        self.start_task(lambda _: now.save())

    def _on_task_finished(self) -> None:
        task = self.sender()
        assert isinstance(task, Task)
        self._tasks.discard(task)
        self._task_ended(task)
        task.deleteLater()

    def _task_ended(self, task: Task) -> None:
        """For subclasses that keep an eye on one."""

    def _on_failed(self, summary: str, details: str) -> None:
        self.notify("error", summary, details)

    def end_tasks(self, seconds: float, *others: QThread) -> bool:
        """Cancel every task and wait for it and `others`; False where one still runs after `seconds`."""
        self._over = True
        for task in self._tasks:
            task.cancel()
        deadline = QDeadlineTimer(int(1000 * seconds))
        ended = all(thread.wait(deadline) for thread in (*others, *self._tasks))
        if self._saving.isActive():  # the window is gone: nobody waits for this write
            self._saving.stop()
            with contextlib.suppress(OSError):
                self.settings.save()
        return ended
