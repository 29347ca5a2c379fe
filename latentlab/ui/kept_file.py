"""A small file of the run folder: read when its run is shown, written a moment after it changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.ui.background import Background
from latentlab.ui.workers import OpenedRun, Task

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
        self._damaged = False
        self._reading: Task | None = None
        self._waiting: Any = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(WRITE_AFTER)
        self._soon.timeout.connect(self._on_due)

    def show(self, opened: OpenedRun) -> None:
        """Turn to another run; what was to be written to the one before is written."""
        self.flush()
        path = opened.folder.path / self._name
        self._path, self._damaged = path, False
        self._reading = self._background.start_task(
            lambda _: self._read(path, opened.latent_size), self._on_read, failed=self._on_unreadable
        )

    def keep(self, content: Any) -> None:
        """The value changed; it is written soon."""
        self._waiting = content
        self._soon.start()

    def flush(self) -> None:
        """Write now, on this thread, what waits: the window closes, or the run changes."""
        if self._soon.isActive():
            self._soon.stop()
            try:
                self._put(self._path, self._waiting, self._damaged)
            except OSError as error:
                self._background.notify("error", f"Cannot write {self._path}: {error.strerror or error}.")

    def _on_read(self, content: Any) -> None:
        # A change made while it was read came later than the file.
        if self.sender() is self._reading and not self._soon.isActive():
            self.loaded.emit(content)

    def _on_unreadable(self, summary: str, details: str) -> None:
        if self.sender() is self._reading:
            self._damaged = True

    def _on_due(self) -> None:
        path, content, damaged = self._path, self._waiting, self._damaged
        self._damaged = False
        self._background.start_task(lambda _: self._put(path, content, damaged))

    def _put(self, path: Path | None, content: Any, damaged: bool) -> None:
        if path is None:
            return
        if damaged and path.exists():
            path.replace(path.with_name(path.name + ".damaged"))
        self._write(path, content)
