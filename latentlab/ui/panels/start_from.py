"""The row under the Model form: with which weights the next training begins."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from latentlab.ui.session import Session
from latentlab.ui.widgets.fields import choice_field
from latentlab.ui.widgets.form_row import Dot
from latentlab.ui.widgets.labels import ElidedLabel

#: The entries that are no run: what every preset begins with, and a way to other runs.
RANDOM, BROWSE = "", "browse"
ABOUT = "The weights that the next training begins with: random ones, or those of a run whose layers fit."
LATER = "While training: applies to the next run."
#: Pixels of a name in the opened list; longer ones lose their middle.
NAME_WIDTH = 400


class StartFrom(QWidget):
    """Shows and chooses `session.start_from`."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.label = ElidedLabel("Start from", role="field")
        self.dot = Dot()
        self.choice = choice_field("model_start_from", "Start from", ABOUT)
        self.label.setBuddy(self.choice)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.label)
        row.addWidget(self.dot)
        row.addWidget(self.choice, 1)

        self._fill()
        self.choice.currentIndexChanged.connect(self._on_changed)
        self.choice.activated.connect(self._on_activated)
        session.start_from_changed.connect(self._fill)
        session.run_opened.connect(self._on_run_opened)
        session.steering.changed.connect(self._show_tooltip)

    def _fill(self) -> None:
        session, choice = self._session, self.choice
        present = "" if session.run is None else str(session.run.path)
        chosen = RANDOM if session.start_from is None else str(session.start_from)
        # Also one from elsewhere, or that is no longer among the recent ones.
        runs = dict.fromkeys((*session.settings.recent_runs, *([chosen] if chosen else ())))
        was_blocked = choice.blockSignals(True)
        choice.clear()
        choice.addItem("Random weights", RANDOM)
        if present:
            self._add_run("This run", present)
        for path in runs:
            if path != present:
                self._add_run(Path(path).name, path)
        choice.insertSeparator(choice.count())
        choice.addItem("Choose a run…", BROWSE)
        choice.setCurrentIndex(choice.findData(chosen))
        choice.blockSignals(was_blocked)
        self.dot.set_on(bool(chosen), "The preset begins with random weights")
        self._show_tooltip()

    def _add_run(self, title: str, path: str) -> None:
        metrics = self.choice.fontMetrics()
        self.choice.addItem(metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, NAME_WIDTH), path)
        self.choice.setItemData(self.choice.count() - 1, path, Qt.ItemDataRole.ToolTipRole)

    def _show_tooltip(self) -> None:
        session = self._session
        chosen = "" if session.start_from is None else f"Now: {session.start_from}"
        later = LATER if session.steering.active else ""
        text = "\n".join(part for part in (ABOUT, chosen, later) if part)
        for widget in (self.label, self.choice):
            widget.setToolTip(text)

    def _on_changed(self) -> None:
        key = self.choice.currentData()
        if key != BROWSE:
            self._session.set_start_from(Path(key) if key else None)

    def _on_activated(self) -> None:
        if self.choice.currentData() != BROWSE:
            return
        session = self._session
        folder = QFileDialog.getExistingDirectory(self, "Start from a run", str(session.settings.runs))
        if folder:
            session.set_start_from(Path(folder))
        else:
            self._fill()

    def _on_run_opened(self, opened: object) -> None:
        self._fill()
