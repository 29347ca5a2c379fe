"""The export-film dialog: the walk through the keyframes, or the training, as a film."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from latentlab.core.config import Config, kept, parse, setting
from latentlab.core.errors import Cancelled, ConfigError
from latentlab.core.points import picture_shape
from latentlab.data.base import Report
from latentlab.models.base import Model
from latentlab.run.films import FilmConfig, frame_size, write_film
from latentlab.run.histories import HOLD, HistoryConfig, write_history
from latentlab.training.run_folder import RunFolder
from latentlab.ui.export_target import ExportTarget, attempt
from latentlab.ui.exports import Job
from latentlab.ui.session import Session
from latentlab.ui.timeline_state import latents
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.form_dialog import FormDialog
from latentlab.ui.widgets.labels import ElidedLabel, Sentence, rule

#: What the film is of.
Subject = Literal["walk", "history"]
TITLES: dict[Subject, str] = {"walk": "Export film", "history": "Export the training as a film"}


class WalkFilm(FilmConfig):
    """A film of the walk. Its frame rate is the walk's own."""

    fps: float = setting(25.0, "Frame rate", "Frames a second.", ge=1, le=60, unit="fps")


class HistoryFilm(FilmConfig, HistoryConfig):
    """A film of the training."""


FORMS: dict[Subject, type[FilmConfig]] = {"walk": WalkFilm, "history": HistoryFilm}


class LastFilm(Config):
    """What the dialog was set to, as `Settings.exports["film"]`; what a version does not know it drops."""

    model_config = ConfigDict(extra="ignore")

    walk: dict[str, Any] = Field(default_factory=dict)
    history: dict[str, Any] = Field(default_factory=dict)
    suffix: str = ".mp4"


class FilmDialog(FormDialog):
    """Choose how large the film is and where it goes; it is written behind the window."""

    def __init__(self, session: Session, parent: QWidget | None = None, *, subject: Subject = "walk") -> None:
        super().__init__("film_dialog", TITLES[subject], parent)
        self.setMinimumWidth(480)
        self._session, self._timeline, self._subject = session, session.timeline, subject
        self._last = kept(LastFilm, session.settings.exports.get("film", {}))
        self._job: Job | None = None
        self._failures: list[str] = []  # of the job

        self.form = ConfigForm("film", strict=True)
        self.form.set_config(FORMS[subject], kept(FORMS[subject], getattr(self._last, subject)).model_dump())
        self.summary = ElidedLabel("", role="secondary")
        self.summary.setObjectName("film_summary")
        self.problem = Sentence("film_problem", "error")
        self.target = ExportTarget(session, prefix="film", title=TITLES[subject], animated=True)
        self.close_button = push_button("film_close", "Close", "Close this window (Escape)")
        self.save = push_button("film_save", "Save", "Write the film to the file", primary=True)
        self.save.setMinimumWidth(88)  # wide enough for both of its words
        self._lay_out()
        self.target.set_suffix(self._last.suffix)
        self._show_rate()
        self._connect()
        self._suggest()
        self._show()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.target.message.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        buttons.addWidget(self.target.message, 1)
        buttons.addStretch()
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.form)
        layout.addWidget(self.problem)
        layout.addWidget(self.summary)
        layout.addStretch(1)
        layout.addWidget(rule())
        layout.addWidget(self.target)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        session = self._session
        self.form.changed.connect(self._on_edited)
        self.form.refused.connect(self._on_refused)
        self.target.changed.connect(self._show)
        self.target.settled.connect(self._remember)
        self.save.clicked.connect(self._on_save)
        self.close_button.clicked.connect(self.close)
        if self._subject == "walk":
            self._timeline.route_changed.connect(self._show)
            self._timeline.walk_changed.connect(self._show_rate)
        else:
            session.history.changed.connect(self._show)
        session.run_opened.connect(self._suggest)
        session.exports.written.connect(self._on_written)
        session.exports.changed.connect(self._on_exports_changed)

    # What it is set to

    def config(self) -> FilmConfig:
        """What the form says. ConfigError where a value is not allowed."""
        return parse(FORMS[self._subject], self.form.values(), "film")

    def _on_edited(self, name: str) -> None:
        if name == "fps" and self._subject == "walk":
            self._timeline.set_walk(fps=self.form.values()["fps"])
        self._remember()
        self._show()

    def _on_refused(self, sentence: str) -> None:
        self.problem.say(sentence)

    def _show_rate(self) -> None:
        if self._subject == "walk":
            self.form.set_values({"fps": self._timeline.walk.fps})
            self._show()

    def _remember(self) -> None:
        """Keep it for the next time."""
        changes = {self._subject: self.form.values(), "suffix": self.target.suffix}
        last = self._last.model_copy(update=changes)
        if last != self._last:
            self._last = last
            exports = self._session.settings.exports | {"film": last.model_dump(mode="json")}
            self._session.remember(exports=exports)

    def _obstacle(self) -> str:
        """Why there is no such film now, in a sentence; "" where there is."""
        if self._session.run is None:
            return "There is no run yet: press Train, or open one."
        if self._subject == "history":
            return "" if self._session.history.steps else "There is no snapshot of the training yet."
        few = "a keyframe" if self._timeline.walk.kind == "noise" else "two keyframes"
        return "" if self._timeline.route is not None else f"Add {few} to the timeline first."

    # What is shown

    def _show(self) -> None:
        obstacle = self._obstacle()
        try:
            config = self.config()
        except ConfigError as error:
            self.problem.say(str(error))
            self.save.setEnabled(False)
            return
        self.problem.say("")
        self.summary.setText(obstacle or self._told(config))
        named = bool(self.target.path.text().strip())
        self.save.setEnabled(not obstacle and self._job is None and named)
        self.save.setText("Replace" if self.target.there else "Save")
        self.save.setAccessibleName(self.save.text())

    def _told(self, config: FilmConfig) -> str:
        """Such as "12.0 s · 300 frames · 512 × 512"."""
        model, timeline = self._session.latent.model, self._timeline
        if isinstance(config, HistoryFilm):
            count, held = max(1, round(config.seconds * config.fps)), round(HOLD * config.fps)
            snapshots = len(self._session.history.steps)
            seconds = (count + held) / config.fps
            return f"{seconds:.1f} s · {count + held:,} frames · of {snapshots:,} snapshots"
        assert timeline.route is not None and model is not None
        frames = max(2, round(timeline.duration * timeline.walk.fps))
        _, height, width = picture_shape(model.image_shape)
        high, wide = frame_size(height, width, config)
        first = "; the geodesic is found first" if timeline.seeking else ""
        return f"{timeline.duration:.1f} s · {frames:,} frames · {wide:,} × {high:,} pixels{first}"

    # Where it goes

    def _suggest(self) -> None:
        run = self._session.run
        self.target.suggest(run.name if run is not None else "film", self._subject)

    def _on_save(self) -> None:
        if self._job is not None or self._obstacle():
            return
        try:
            config = self.config()
        except ConfigError as error:
            self.problem.say(str(error))
            return
        self._remember()
        self.target.forget_last()
        self._failures, path = [], self.target.file
        replace, run = self.target.there, self._session.run
        if isinstance(config, HistoryFilm):
            assert run is not None
            history: Callable[[Report], None] = functools.partial(
                attempt,
                path,
                replace,
                self._failures,
                functools.partial(write_history_film, path, run, config),
            )
            self._job = self._session.exports.start(path, history)
        else:
            film = self._timeline.film()
            work = functools.partial(write_walk_film, path, film, config)
            self._job = self._session.exports.start_with_model(
                path, functools.partial(attempt, path, replace, self._failures, work)
            )
        self._show()

    def _on_exports_changed(self) -> None:
        job = self._job
        if job is None or job in self._session.exports.jobs:
            return
        self._job = None
        if self._failures:
            self.target.tell_failure(self._failures[0])
        self._show()

    def _on_written(self, path: Path) -> None:
        if self._job is not None and self._job.path == path:
            self.target.suggest_next(path)


def write_walk_film(path: Path, film: Any, config: FilmConfig, model: Model, report: Report) -> None:
    """Write the walk that `Timeline.film` told of; on any thread. ExportError; `report` may cancel it."""
    keys, walk, *_ = film
    if keys.shape[1:] != model.latent_shape:
        raise Cancelled  # another model came in between, of which the session tells
    write_film(path, model, latents(film, model, report), walk.fps, config, report)


def write_history_film(path: Path, run: RunFolder, config: HistoryFilm, report: Report) -> None:
    """Write the training as a film; on any thread. ExportError, RunError; `report` may cancel it."""
    write_history(path, run, config, config, report)
