"""Where a picture goes: its file, its format, and whether it says where it came from."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from latentlab.core.errors import Cancelled, ExportError
from latentlab.data.base import Report
from latentlab.export.base import EXPORTERS, Exporter, exporter_for
from latentlab.ui import theme, wording
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import choice_field
from latentlab.ui.widgets.labels import ElidedLabel, Sentence, plain_tooltip
from latentlab.ui.workers import Task, explain

T = TypeVar("T")

#: Milliseconds after the last key until the disk is asked about a name.
LOOK_AFTER = 150
#: Characters of a run's name in a file's: some disks take no more than 255 bytes in all.
NAME_LENGTH = 60
#: Copies that are looked for: nobody has more.
MOST_COPIES = 10_000
#: Characters of a sentence that fit beside the buttons; the tool tip has all of a longer one.
LONGEST = 200

KEPT = "Run, checkpoint, seeds and latents: dropped on latentlab, the file leads back to them."


def formats(animated: bool = False) -> list[type[Exporter]]:
    """What pictures, or films, can be written as."""
    return [exporter for _, exporter in EXPORTERS.items() if exporter.animated == animated]


class ExportTarget(QWidget):
    """A path that is typed, chosen or suggested; `there`, that a file has it, is known a moment later.

    Its widgets are called ``<prefix>_path`` and so on; `animated`: it is for films, which keep no state.
    """

    changed = Signal()
    settled = Signal()  # a person chose a format, or whether the state is kept

    def __init__(
        self,
        session: Session,
        parent: QWidget | None = None,
        *,
        prefix: str = "export",
        title: str = "Export image grid",
        animated: bool = False,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._title, self._animated, self._formats = title, animated, formats(animated)
        self._suggested = ""
        self._task: Task | None = None
        self.there = False
        self._obstacle = self._failure = self._done = ""
        self.path = QLineEdit()
        self.path.setObjectName(f"{prefix}_path")
        self.path.setAccessibleName("File")
        self.browse = push_button(f"{prefix}_browse", "", "Choose a file…", "folder", flat=True)
        self.format = choice_field(
            f"{prefix}_format", "Format", "What kind of file it is; its name says it too."
        )
        for exporter in self._formats:
            self.format.addItem(exporter.title, exporter.suffixes[0])
        self.format.setMinimumWidth(88)
        self.state = QCheckBox("Keep where it came from in the file")
        self.state.setObjectName(f"{prefix}_state")
        self.state.setAccessibleName("Keep where it came from in the file")
        self.told = ElidedLabel("", role="secondary")
        self.message = Sentence(f"{prefix}_message", "error")  # whoever shows this gives it its place
        self._looking = single_shot(self, self._look, LOOK_AFTER)
        self._lay_out()
        self.path.textChanged.connect(self._on_typed)
        self.browse.clicked.connect(self._on_browse)
        self.format.activated.connect(self._on_format_chosen)
        self.state.toggled.connect(self.settled)

    def _lay_out(self) -> None:
        label = ElidedLabel("File", role="field")
        label.setFixedWidth(label.sizeHint().width() + 12)
        label.setBuddy(self.path)
        first = QHBoxLayout()
        first.setSpacing(4)
        first.addWidget(label)
        first.addWidget(self.path, 1)
        first.addWidget(self.browse)
        first.addSpacing(4)
        first.addWidget(self.format)
        second = QWidget()
        row = QHBoxLayout(second)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.state)
        row.addWidget(self.told, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(first)
        layout.addWidget(second)
        second.setVisible(not self._animated)

    @property
    def file(self) -> Path:
        """The path that is meant."""
        path = Path(self.path.text())
        with contextlib.suppress(RuntimeError):  # "~somebody", who has no home here
            path = path.expanduser()
        return path.absolute()

    @property
    def suffix(self) -> str:
        """The ending that the format has."""
        return str(self.format.currentData())

    @property
    def keeps_state(self) -> bool:
        """Whether the state goes into the file."""
        return self.state.isEnabled() and self.state.isChecked()

    @property
    def looking(self) -> bool:
        """Whether it is not yet known what is at the path."""
        return self._looking.isActive() or self._task is not None

    def set_suffix(self, suffix: str) -> None:
        """Choose a format by its usual ending, the first one where that is not known."""
        self.format.setCurrentIndex(max(0, self.format.findData(suffix)))

    def suggest(self, run: str, source: str) -> None:
        """A name that is free, in the folder of the last export, unless a person has named a file."""
        if self.path.text() in ("", self._suggested):
            folder = self._session.settings.export_folder
            name = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", run)[:NAME_LENGTH]
            if self._animated:  # a folder of frames has no ending: a point would be taken for one
                name = name.replace(".", "-")
            first = (Path(folder) if folder else Path.home()) / f"{name}-{source}{self.suffix}"
            self._show_suggestion(first)
            self._ask_free(first)

    def suggest_next(self, written: Path) -> None:
        """Say what was written, and a free name for the next, unless another is named by now."""
        self._done = f"Written: {written.name}"
        self._show()
        if self.file == written:
            self._suggested = self.path.text()
            self._ask_free(_numbered(written, 2))

    def tell_failure(self, sentence: str) -> None:
        """Why nothing was written; it stays until another file is named."""
        self._failure = sentence
        self._look()  # a file may have come to be there
        self._show()

    def forget_last(self) -> None:
        """It is tried again."""
        self._failure = self._done = ""
        self._show()

    # What the path says

    def _on_typed(self, text: str) -> None:
        self.there, self._obstacle, self._failure = False, "", ""
        if text != self._suggested:
            self._done = ""
        self.path.setToolTip(text)
        self.path.setAccessibleDescription(text)
        known = next((e for e in self._formats if Path(text).suffix.lower() in e.suffixes), None)
        if known is not None:
            self.set_suffix(known.suffixes[0])
        self._task = None
        self._looking.start()
        self._show()

    def _look(self) -> None:
        self._task = self._session.start_task(
            functools.partial(_look, self.file, self._animated), self._on_looked
        )

    def _on_looked(self, seen: tuple[bool, str]) -> None:
        if self.sender() is self._task:
            self._task = None
            self.there, self._obstacle = seen
            self._show()

    def _show(self) -> None:
        told = self._failure or self._obstacle
        if not told and self.there and not self._done:
            told = f"{self.file.name} is there already; Replace writes over it."
        role = "error" if self._failure else "obstacle" if told else "secondary"
        told = told or self._done
        theme.set_property(self.message, "role", role)
        self.message.say(told if len(told) <= LONGEST else f"{told[: LONGEST // 2]}…{told[-LONGEST // 2 :]}")
        self.message.setToolTip(plain_tooltip(told))
        self.message.setAccessibleName(told)
        if self._animated:
            self.changed.emit()
            return
        exporter = EXPORTERS.get(self._key())
        keeps = exporter.keeps_state
        self.state.setEnabled(keeps)
        others = wording.listed([other.title for other in self._formats if other.keeps_state])
        why = KEPT if keeps else f"{exporter.title} has no room for it; {others} have."
        self.told.setText(why)
        self.state.setToolTip(why)
        self.state.setAccessibleDescription(why)
        self.changed.emit()

    def _key(self) -> str:
        return next(e.key for e in self._formats if e.suffixes[0] == self.suffix)

    # What a person chooses

    def _on_format_chosen(self) -> None:
        text, suffix = self.path.text(), self.suffix
        known = {ending for exporter in self._formats for ending in exporter.suffixes}
        path = Path(text)
        was_suggested = text == self._suggested
        if text and path.name:
            base = text[: -len(path.suffix)] if path.suffix.lower() in known else text
            if was_suggested:
                self._suggested = base + suffix
            self.path.setText(base + suffix)
            if was_suggested:
                self._ask_free(Path(base + suffix))
        self._show()
        self.settled.emit()

    def _on_browse(self) -> None:
        chosen, every = self.suffix, []
        for exporter in self._formats:
            endings = " ".join(f"*{suffix}" for suffix in exporter.suffixes)
            every.append((exporter.suffixes[0] != chosen, f"{exporter.title} ({endings})"))
        # The chosen format first: that is the one the dialog begins with. It asks about replacing by itself,
        # and the line below the path says it again.
        kinds = ";;".join(kind for _, kind in sorted(every, key=lambda entry: entry[0]))
        name, kind = QFileDialog.getSaveFileName(self, self._title, self.path.text(), kinds)
        if name:
            if not Path(name).suffix:
                name += next((e.suffixes[0] for e in self._formats if kind.startswith(e.title)), chosen)
            self.path.setText(name)

    # Names that are free

    def _show_suggestion(self, path: Path) -> None:
        self._suggested = str(path)
        self.path.setText(str(path))

    def _ask_free(self, first: Path) -> None:
        self._looking.stop()  # its answer is known then
        self._task = self._session.start_task(functools.partial(_first_free, first), self._on_free)

    def _on_free(self, path: Path) -> None:
        if self.sender() is self._task:
            self._task = None
            self._show_suggestion(path)


def attempt(path: Path, replace: bool, failures: list[str], work: Callable[..., T], *given: Any) -> T:
    """Do `work`, which writes `path`, on any thread; why that failed is in `failures` too.

    ExportError where a file has come to be there that nobody agreed to replace.
    """
    try:
        if not replace and path.is_file():
            raise ExportError(f"{path} is there already; Replace writes over it.")
        return work(*given)
    except Cancelled:
        raise
    except Exception as error:
        failures.append(explain(error)[0])
        raise


def _numbered(path: Path, least: int) -> Path:
    """``grid-3.png`` after ``grid-2.png``, ``grid-2.png`` after ``grid.png``."""
    found = re.fullmatch(r"(.+)-(\d{1,4})", path.stem)
    stem, number = (found[1], int(found[2]) + 1) if found else (path.stem, least)
    return path.with_name(f"{stem}-{number}{path.suffix}")


def _first_free(path: Path, report: Report) -> Path:
    """The path, or the same with a number behind, that no file has."""
    for _ in range(MOST_COPIES):
        report(0, 0)
        if not _exists(path):
            break
        path = _numbered(path, 2)
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, a folder that may not be looked into
        return False


def _look(path: Path, animated: bool, report: Report) -> tuple[bool, str]:
    """Whether a file is there that would be replaced, and what is in the way, or ""."""
    try:
        numbered = exporter_for(path, animated).key == "frames"
        if path.is_dir():
            full = numbered and any(path.glob("frame-*.png"))
            obstacle = f"{path} already holds frames; choose another folder." if full else ""
            return False, obstacle if numbered else f"{path} is a folder."
        if not path.parent.is_dir():
            return False, f"There is no folder {path.parent}."
        return path.exists(), ""
    except ExportError as error:
        return False, str(error)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return False, f"{path} cannot be written: {reason}."
