"""The export-grid dialog: many pictures in one file, previewed as they will be written."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.config import kept
from latentlab.data.base import Report
from latentlab.export.base import write_picture
from latentlab.export.state import State
from latentlab.run.grids import GRIDS
from latentlab.ui.export_preview import ExportPreview
from latentlab.ui.export_settings import GridSettings
from latentlab.ui.export_state import GridMaker, LastSettings, material, same
from latentlab.ui.export_target import ExportTarget, attempt
from latentlab.ui.exports import Job
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.form_dialog import FormDialog
from latentlab.ui.widgets.labels import rule
from latentlab.ui.widgets.pixels import as_image

#: Milliseconds after the last change of a setting, and of what the tiles are made from, until they are made.
ASK_AFTER, FOLLOW_AFTER = 80, 300
#: Tiles that took longer, in seconds, do not follow where a person goes: Refresh makes them anew.
SLOW = 1.0
SETTINGS_WIDTH = 312


class ExportGridDialog(FormDialog):
    """Choose what the tiles are and how they are laid out; what is previewed is what is written.

    It begins with what it was set to last, where no `source` of GRIDS, `settings` of that or `layout` is
    given; what of them is no longer allowed is at its default.
    """

    def __init__(
        self,
        session: Session,
        parent: QWidget | None = None,
        *,
        source: str = "",
        settings: Mapping[str, Any] | None = None,
        layout: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__("export_grid_dialog", "Export image grid", parent)
        self.setMinimumSize(760, 480)
        self.resize(1000, 640)
        self._session = session
        self._last = kept(LastSettings, session.settings.exports.get("grid", {}))
        self._job: Job | None = None
        self._failures: list[str] = []  # of the job
        self.maker = GridMaker(session, self)

        self.settings = GridSettings()
        self.pane = ExportPreview()
        self.preview = self.pane.view
        self.target = ExportTarget(session)
        self.copy = push_button("export_copy", "Copy", "Put the picture on the clipboard", "copy")
        self.copy.setShortcut("Ctrl+Shift+C")
        self.copy.setToolTip("Put the picture on the clipboard (Ctrl+Shift+C)")
        self.close_button = push_button("export_close", "Close", "Close this window (Escape)")
        self.save = push_button("export_save", "Save", "Write the picture to the file", primary=True)
        # Wide enough for both of its words: the buttons stay where they are.
        self.save.setMinimumWidth(88)
        self._asking = single_shot(self, self._ask, ASK_AFTER)
        self._following = single_shot(self, self._follow, FOLLOW_AFTER)

        self._lay_out()
        self.target.set_suffix(self._last.suffix)
        self.target.state.setChecked(self._last.state)
        self._begin_with(source, settings, layout)
        self._connect()
        self._on_target_changed()
        self._suggest()
        self._outdate()

    # Layout

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidget(self.settings)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(SETTINGS_WIDTH)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)

        upper = QHBoxLayout()
        upper.setSpacing(12)
        upper.addWidget(scroll)
        upper.addWidget(self.pane, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.target.message.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        buttons.addWidget(self.target.message, 1)
        buttons.addStretch()
        for button in (self.copy, self.close_button, self.save):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(upper, 1)
        layout.addWidget(rule())
        layout.addWidget(self.target)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        session = self._session
        self.settings.source_changed.connect(self._on_source_changed)
        self.settings.settings_changed.connect(self._on_settings_changed)
        self.settings.layout_changed.connect(self._on_layout_changed)
        self.maker.changed.connect(self._show)
        self.maker.progressed.connect(self.pane.show_progress)
        self.pane.refresh.clicked.connect(self._outdate)
        self.target.changed.connect(self._on_target_changed)
        self.target.settled.connect(self._remember)
        self.copy.clicked.connect(self._on_copy)
        self.save.clicked.connect(self._on_save)
        self.close_button.clicked.connect(self.close)
        self.finished.connect(self._on_finished)
        session.latent.space_changed.connect(self._on_other_model)
        session.run_opened.connect(self._on_other_model)
        for signal in (
            session.latent.changed,
            session.latent.axes_changed,
            session.directions.changed,
            session.bookmarks.changed,
            session.dataset_changed,
        ):
            signal.connect(self._following.start)
        session.exports.written.connect(self._on_written)
        session.exports.changed.connect(self._on_exports_changed)

    # What is asked for

    def picture(self) -> np.ndarray | None:
        """The grid as it would be written now, uint8; None until it is there."""
        laid = self.maker.laid
        return None if laid is None else laid.picture

    def _begin_with(
        self, source: str, settings: Mapping[str, Any] | None, layout: Mapping[str, Any] | None
    ) -> None:
        last = self._last
        sources = {key: values for key, values in last.sources.items() if key in GRIDS}
        if source in GRIDS:
            sources |= {source: dict(settings)} if settings is not None else {}
        else:
            source = last.source
            if source not in GRIDS or self._obstacle_of(source):  # it was there then
                source = LastSettings().source
        self.settings.begin_with(source, sources, last.layout if layout is None else layout)

    def _obstacle_of(self, source: str) -> str:
        """Why there is no such grid now, in a sentence; "" where there is."""
        model = self._session.latent.model
        if model is None or self._session.run is None:
            return "There is no model yet: press Train, or open a run."
        return GRIDS.get(source).obstacle(model, material(self._session))

    def _on_source_changed(self) -> None:
        self._suggest()
        self._on_settings_changed()

    def _on_settings_changed(self) -> None:
        self._remember()
        self._outdate()

    def _on_layout_changed(self) -> None:
        self._remember()
        layout = self.settings.arrangement()
        if layout is None or self.maker.made is None:
            self._outdate()
        else:
            self.maker.lay_out(layout)

    def _on_other_model(self) -> None:
        """Of the one before nothing is shown any more."""
        self.pane.show_nothing()
        self._suggest()
        self._outdate()

    def _follow(self) -> None:
        """A person went elsewhere, kept a bookmark, loaded a dataset."""
        maker, there = self.maker, self._session.latent.model is not None and self._session.run is not None
        alike = there and maker.given is not None and same(maker.given, material(self._session))
        if not alike and (maker.made is None or maker.made.seconds < SLOW):
            self._outdate()
        else:
            self.settings.show_obstacles(self._obstacle_of)

    def _outdate(self) -> None:
        self.settings.show_obstacles(self._obstacle_of)
        self.maker.outdate()
        self._asking.start()

    def _ask(self) -> None:
        layout = self.settings.arrangement()
        if self._obstacle_of(self.settings.key):
            self.pane.show_nothing()
        elif layout is not None:
            self.maker.ask(self.settings.key, self.settings.values(), layout)
        self._show()

    def _remember(self) -> None:
        """Keep what it is set to for the next time."""
        last = LastSettings(
            source=self.settings.key,
            sources=self.settings.all_values(),
            layout=self.settings.layout_values(),
            suffix=self.target.suffix,
            state=self.target.state.isChecked(),
        )
        if last != self._last:
            self._last = last
            exports = self._session.settings.exports | {"grid": last.model_dump(mode="json")}
            self._session.remember(exports=exports)

    # What is shown

    def _show(self) -> None:
        maker = self.maker
        if maker.problem[0] or maker.laid is not None:
            self.settings.show_problem(*maker.problem)
        busy = maker.busy or self._asking.isActive()
        self.pane.show_laid(maker.laid, busy)
        reason = self.settings.obstacle.accessibleName() or "No preview"
        self.pane.view.set_empty_text("Decoding…" if busy else reason)
        self._show_buttons()

    def _show_buttons(self) -> None:
        there = self.maker.laid is not None
        self.copy.setEnabled(there)
        self.save.setEnabled(there and self._job is None and bool(self.target.path.text().strip()))
        self.save.setText("Replace" if self.target.there else "Save")
        self.save.setAccessibleName(self.save.text())

    def _on_target_changed(self) -> None:
        self.pane.set_format(self.target.format.currentText())
        self._show_buttons()

    # Where it goes

    def _suggest(self) -> None:
        run = self._session.run
        self.target.suggest(run.name if run is not None else "grid", self.settings.key)

    def _on_copy(self) -> None:
        laid = self.maker.laid
        if laid is not None:
            work = functools.partial(_own_image, laid.picture)
            self._session.start_task(work, self._on_copied)

    def _on_copied(self, image: QImage) -> None:
        QApplication.clipboard().setImage(image)
        self._session.notify("good", f"Copied {image.width():,} × {image.height():,} pixels.")

    def _on_save(self) -> None:
        laid = self.maker.laid
        if laid is None or self._job is not None:
            return
        self.target.forget_last()
        state = laid.state if self.target.keeps_state else None
        self._failures = []
        path = self.target.file
        work = functools.partial(_write, path, laid.picture, state)
        job = functools.partial(attempt, path, self.target.there, self._failures, work)
        self._job = self._session.exports.start(path, job)
        self._show_buttons()

    def _on_exports_changed(self) -> None:
        job = self._job
        if job is None or job in self._session.exports.jobs:
            return
        self._job = None
        if self._failures:
            self.target.tell_failure(self._failures[0])
        self._show_buttons()

    def _on_written(self, path: Path) -> None:
        if self._job is not None and self._job.path == path:
            self.target.suggest_next(path)
            self._remember()  # the ending too, where it was typed

    def _on_finished(self) -> None:
        """Nobody waits for the preview any more; what is being written goes on."""
        self._asking.stop()
        self._following.stop()
        self.maker.outdate()


def _own_image(picture: np.ndarray, report: Report) -> QImage:
    """With pixels of its own: the clipboard outlives the array."""
    return as_image(picture).copy()


def _write(path: Path, picture: np.ndarray, state: State | None, report: Report) -> None:
    write_picture(path, picture, state)
