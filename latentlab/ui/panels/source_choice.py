"""Where images come from: a source, the path that some need, and what was loaded lately."""

from __future__ import annotations

import functools
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from latentlab.data.base import SOURCES, Dataset, Source
from latentlab.data.fetched import Fetched, listed
from latentlab.ui.choosing import Seen
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.labels import Sentence, plain_tooltip

#: Pixels of a path in a menu.
PATH_WIDTH = 380


class SourceChoice(QWidget):
    """A menu of sources, a menu to browse with, and the path of the person's own images.

    `changed`: another source is chosen, or a path that was looked at. `load_wanted`: load it now.
    """

    changed = Signal()
    load_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._missing = 0  # bytes that loading would fetch
        self._loads_when_seen = False
        self.source = ChoiceField()
        self.source.setObjectName("dataset_source")
        self.source.setAccessibleName("Source")
        self.source.setMaxVisibleItems(24)
        self._fill_sources()
        tip = "Open a folder or a file, or one of those opened lately."
        self.browse = push_button("dataset_browse", "", tip, "folder", flat=True)
        self.browse.setAccessibleName("Open images")
        self.menu = QMenu(self)
        self.menu.setObjectName("dataset_browse_menu")
        self.menu.setToolTipsVisible(True)
        self.menu.addAction("Folder…", self.choose_folder).setObjectName("dataset_browse_folder")
        self.menu.addAction("File…", self.choose_file).setObjectName("dataset_browse_file")
        self.menu.addSeparator()
        self.recent = RecentMenu(self.menu, session)
        self.browse.setMenu(self.menu)
        self.browse.setProperty("menu", True)
        self.path = QLineEdit()
        self.path.setObjectName("dataset_path")
        self.path.setAccessibleName("Path")
        self.path.setPlaceholderText("Folder or file of images")
        self.path.setAcceptDrops(False)  # it would take a folder as the text of a URL; the window loads it
        self.hint = Sentence("dataset_hint", "secondary")
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.source, 1)
        row.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(self.path)
        layout.addWidget(self.hint)
        self.hint.say("")

        self.source.activated.connect(self._on_source_activated)
        self.source.currentIndexChanged.connect(self._on_source_changed)
        self.path.returnPressed.connect(self._on_return_pressed)
        self.path.editingFinished.connect(self._on_path_edited)
        self.path.textChanged.connect(self._show_tips)
        session.choice_seen.connect(self._on_seen)
        session.dataset_changed.connect(self._on_dataset_changed)

    @property
    def kind(self) -> type[Source]:
        """The source that is chosen."""
        return SOURCES.get(self.source.currentData())

    @property
    def missing(self) -> int:
        """Bytes that loading it would fetch, as far as is known."""
        return self._missing

    def chosen_path(self) -> str:
        """What the path says; "" where the source needs none, or there is none."""
        text = self.path.text().strip().strip('"')
        if text.startswith("file://"):  # as some file managers copy it
            text = QUrl(text).toLocalFile()
        return text if self.kind.needs_path else ""

    def show_choice(self, source: str, path: str) -> None:
        """What is loaded, without a signal; an empty path leaves what stands there."""
        was_blocked = self.source.blockSignals(True)
        self.source.setCurrentIndex(self.source.findData(source))
        self.source.blockSignals(was_blocked)
        if path:
            self.path.setText(path)
        self._missing = 0
        self.hint.say("")
        self._show_tips()

    def ask_for_path(self) -> None:
        """There is none yet."""
        self.path.setFocus()

    def choose_folder(self) -> None:
        """Ask for a folder of images and load it."""
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of images", self._start())
        if folder:
            self._session.open_data(folder)

    def choose_file(self) -> None:
        """Ask for a file that holds images and load it."""
        name, _ = QFileDialog.getOpenFileName(self, "Open a file of images", self._start(), file_filters())
        if name:
            self._session.open_data(name)

    def _start(self) -> str:
        """Where the system's dialog begins; it copes with what is gone."""
        return self.path.text() or str(Path.home())

    def _fill_sources(self) -> None:
        for kind in listed():
            self.source.addItem(kind.title, kind.key)
            self.source.setItemData(self.source.count() - 1, kind.about, Qt.ItemDataRole.ToolTipRole)

    def _on_source_changed(self) -> None:
        self._missing = 0
        self.hint.say("")
        self._show_tips()
        self.changed.emit()

    def _on_source_activated(self) -> None:
        # What is drawn is there at once; one's own wants a path first, and a download a word.
        if not self.kind.needs_path and not issubclass(self.kind, Fetched):
            self.load_wanted.emit()
        elif self.kind.needs_path and not self.path.text():
            self.path.setFocus()
        else:
            self._loads_when_seen = not self.kind.needs_path
            self._session.look_at(self.kind.key, self.chosen_path())

    def _on_return_pressed(self) -> None:
        self.path.setModified(False)  # loading it looks at it too
        self.load_wanted.emit()

    def _on_path_edited(self) -> None:
        if self.path.isModified() and self.chosen_path():
            self.path.setModified(False)
            self._loads_when_seen = False
            self._session.look_at(self.kind.key, self.chosen_path())

    def _on_seen(self, seen: Seen) -> None:
        if (seen.key, seen.path) != (self.kind.key, self.chosen_path()):
            return  # something else is chosen by now
        self._missing = seen.missing
        if seen.problem:
            self.hint.say(seen.problem)
        elif seen.missing:
            self.hint.say(
                f"{self.kind.title} is not here yet: {seen.missing / 1e6:.1f} MB come from the network."
            )
        elif seen.kind != seen.key:
            wanted, found = self.kind.title, SOURCES.get(seen.kind).title
            self.source.setCurrentIndex(self.source.findData(seen.kind))
            self.hint.say(f"{Path(seen.path).name} is not of the kind “{wanted}” but “{found}”.")
        self.changed.emit()
        if self._loads_when_seen and not seen.missing:
            self.load_wanted.emit()

    def _on_dataset_changed(self, dataset: Dataset) -> None:
        if dataset.source == self.kind.key:  # whatever was said of it before
            self._missing = 0
            self.hint.say("")

    def _show_tips(self) -> None:
        self.path.setVisible(self.kind.needs_path)
        self.source.setToolTip(f"Where the images come from.\n{self.kind.about}")
        self.path.setToolTip(plain_tooltip(f"{self.path.text()}\n{self.kind.about}".strip()))


class RecentMenu:
    """Fills the end of a menu with what was loaded lately, newest first; what is gone is grey."""

    def __init__(self, menu: QMenu, session: Session) -> None:
        self._menu, self._session = menu, session
        self._added: list[object] = []
        self._there: dict[str, bool] = {}
        menu.aboutToShow.connect(self._fill)
        session.recent_seen.connect(self._on_seen)

    def _fill(self) -> None:
        menu, session = self._menu, self._session
        for action in self._added:
            menu.removeAction(action)  # type: ignore[arg-type]
        self._added = []
        for path in session.settings.recent_datasets:
            action = menu.addAction(
                short_path(path, menu.fontMetrics()), functools.partial(session.open_data, path)
            )
            action.setData(path)
            self._added.append(action)
        if self._added:
            self._added += [menu.addSeparator(), menu.addAction("Clear list", session.forget_recent_data)]
        else:
            nothing = menu.addAction("Nothing opened yet")
            nothing.setEnabled(False)
            self._added.append(nothing)
        self._show_there()
        session.look_at_recent()

    def _on_seen(self, there: dict[str, bool]) -> None:
        self._there = there
        self._show_there()

    def _show_there(self) -> None:
        for action in self._menu.actions():
            path = action.data()
            if isinstance(path, str):
                is_there = self._there.get(path, True)
                action.setEnabled(is_there)
                action.setToolTip(plain_tooltip(path if is_there else f"{path}\nThis is not there any more."))


def short_path(path: str, metrics: QFontMetrics) -> str:
    """A path as the entry of a menu: its name first, then where it lies."""
    name, parent = Path(path).name or path, str(Path(path).parent)
    name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, PATH_WIDTH // 2)
    rest = PATH_WIDTH - metrics.horizontalAdvance(name)
    parent = metrics.elidedText(parent, Qt.TextElideMode.ElideMiddle, rest)
    return f"{name}  —  {parent}".replace("&", "&&")


def file_filters() -> str:
    """What the system's dialog offers: all files that some source reads, then those of each."""
    kinds = [(kind.title, " ".join(kind.patterns)) for _, kind in SOURCES.items() if kind.patterns]
    every = " ".join(dict.fromkeys(" ".join(patterns for _, patterns in kinds).split()))
    lines = [f"Images ({every})", *(f"{title} ({patterns})" for title, patterns in kinds), "All files (*)"]
    return ";;".join(lines)
