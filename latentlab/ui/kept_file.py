"""A small file of the run folder: read when its run is shown, written a moment after it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.ui.background import Background
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import OpenedRun, Task, explain

#: Milliseconds from a change to its writing: typing a name is one change.
WRITE_AFTER = 500


class KeptFile(QObject):
    """Keeps one value, such as the bookmarks, in a file of the run that is shown.

    A file that cannot be read is told by a notice, and set aside as ``<name>.damaged`` before it would be
    written over.
    """

    loaded = Signal(object)  # what `read` gave for the run that is now shown

    def __init__(
        self,
        name: str,
        read: Callable[[Path, int], Any],
        write: Callable[[Path, Any], None],
        background: Background,
    ) -> None:
        super().__init__(background)
        self._name, self._read, self._write = name, read, write
        self._background = background
        self._path: Path | None = None
        self._reading: Task | None = None
        self._waiting: Any = None
        self._soon = single_shot(self, self._on_due, WRITE_AFTER)
        # What no thread has written yet: one place a file, so that the newest value is what stays.
        self._unwritten: dict[Path, Any] = {}
        self._damaged: set[Path] = set()
        self._disk = threading.Lock()

    def show(self, opened: OpenedRun) -> None:
        """Turn to another run; what was to be written to the one before is written."""
        self.flush()
        path, size = opened.folder.path / self._name, opened.latent_size
        self._path, self._waiting = path, None

        def read(_: Report) -> Any:
            with self._disk:
                return self._read(path, size)

        self._reading = self._background.start_task(read, self._on_read, failed=self._on_unreadable)

    def keep(self, content: Any) -> None:
        """The value changed; it is written soon, and must not be changed any more.

        One that comes while the file is still being read is dropped where there is a file to read: it would
        wipe out what that holds. `loaded` tells, and whoever added something meanwhile keeps both.
        """
        if self._path is not None:
            self._waiting = content
            if self._reading is None:
                self._soon.start()

    def flush(self) -> None:
        """Write now, on this thread, what waits: the window closes, or the run changes."""
        if self._soon.isActive():
            self._soon.stop()
            self._hand_over()
        if self._unwritten:
            try:
                self._write_all()
            except Exception as error:  # a window that closes must close
                self._background.notify("error", *explain(error))

    def _on_read(self, content: Any) -> None:
        if self.sender() is self._reading:
            self._reading = self._waiting = None
            self.loaded.emit(content)

    def _on_unreadable(self, summary: str, details: str) -> None:
        if self.sender() is self._reading:
            self._reading = None
            assert self._path is not None
            self._damaged.add(self._path)
            if self._waiting is not None:
                self._soon.start()

    def _on_due(self) -> None:
        self._hand_over()
        self._background.start_task(lambda _: self._write_all())

    def _hand_over(self) -> None:
        assert self._path is not None
        self._unwritten[self._path] = self._waiting

    def _write_all(self) -> None:
        """On any thread: one writes at a time, and none an older value over a newer one."""
        with self._disk:
            while self._unwritten:
                path, content = self._unwritten.popitem()
                if path in self._damaged:
                    if path.exists():
                        path.replace(path.with_name(path.name + ".damaged"))
                    self._damaged.discard(path)
                self._write(path, content)
