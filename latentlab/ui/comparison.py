"""Two models side by side: the same latent, decoded by both, and the same seeds."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.latent import samplers
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import OpenedRun, Sampler, Task, open_for_looking

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session

#: What a side shows besides runs, which are their path, with a step behind `AT_STEP` where one is meant.
NOTHING, PRESENT, AT_STEP = "", "present", "//"
#: Seeds that each side decodes, and milliseconds between two looks at them while the present model learns.
SEEDS, SEEDS_EVERY = 8, 1000
#: Letters of a run's name that a sentence has room for.
LONGEST_NAME = 40


class Side(QObject):
    """One of the two: the present model, or a saved one that a sampler of its own decodes."""

    changed = Signal()  # what it shows, its label, or the reason why there is no picture
    pictured = Signal()  # `tile` or `seeds`

    def __init__(self, session: Session, owner: Comparison, key: str) -> None:
        super().__init__(owner)
        self._session, self._latent, self._comparison = session, session.latent, owner
        self.key = key
        self.name = ""  # of the saved run
        self.model: Model | None = None  # the saved one, for its shapes and step alone
        self.tile: np.ndarray | None = None  # the present latent, uint8 (C, H, W)
        self.seeds: np.ndarray | None = None  # uint8 (8, C, H, W)
        self._sampler: Sampler | None = None
        self._opening: Task | None = None

    @property
    def opening(self) -> bool:
        """Whether a saved model is being read."""
        return self._opening is not None

    def choose(self, key: str) -> None:
        """Show something else; see `NOTHING`."""
        if key == self.key:
            return
        self.leave()
        self.key = key
        if key not in (NOTHING, PRESENT):
            path, step = split_key(key)
            self.name = path.name
            open_it = functools.partial(open_for_looking, path, step)
            self._opening = self._session.start_task(
                lambda _: open_it(), self._on_opened, failed=self._on_failed
            )
        self.changed.emit()
        self.pictured.emit()
        self.look()

    def leave(self) -> None:
        """Let go of what is shown; its sampler ends by itself."""
        if self._sampler is not None:
            self._sampler.stop()
        self._sampler = self._opening = self.model = self.tile = self.seeds = None

    def label(self) -> str:
        """``first vae · step 1,000``."""
        if self.key == PRESENT:
            run = self._session.run
            known = run is not None and self._latent.model is not None
            return f"{run.name} · step {self._latent.step:,}" if run is not None and known else ""
        if self.model is None:
            return f"Opening {self.name}…" if self.opening else ""
        return f"{self.name} · step {self.model.step_count:,}"

    def problem(self) -> str:
        """Why the present latent has no picture here; empty where it has, or will have."""
        present = self._latent.model
        if self.key == NOTHING:
            return "Choose a checkpoint, or another run, to see the same latent through it."
        if present is None:
            return "Press Train, or open a run:\nits latent drives both sides."
        if self.model is None:
            return ""
        name = self.name if len(self.name) <= LONGEST_NAME else self.name[: LONGEST_NAME - 1] + "…"
        mine, others = self.model.latent_shape[0], present.latent_shape[0]
        no_common = "they do not share a latent space."
        if mine != others:
            return f"{name} has {mine} dimensions, the present model {others}: {no_common}"
        if self.model.choices != present.choices:
            return f"{name} has other categories than the present model: {no_common}"
        return ""

    # Asking, while somebody watches

    def look(self) -> None:
        """Ask for everything that is shown."""
        self.look_here()
        self.look_at_seeds()

    def look_here(self) -> None:
        """Ask for the present latent. What the present model makes of it is decoded already."""
        if self.key == PRESENT and self.tile is not self._comparison.present_tile:
            self.tile = self._comparison.present_tile
            self.pictured.emit()
        elif self._sampler is not None and self._comparison.watched and not self.problem():
            self._sampler.request("explore", 0, self._latent.z[None])

    def look_at_seeds(self) -> None:
        """Ask for the seeds; a saved model's do not change."""
        if self.key == PRESENT:
            self._comparison.look_at_seeds()
        elif self._sampler is not None and self._comparison.watched and self.seeds is None:
            assert self.model is not None
            self._sampler.request("compare", 0, samplers.draw(self.model, range(SEEDS)))

    def forget_present(self) -> None:
        """The present model is another one."""
        if self.key == PRESENT:
            self.tile = self.seeds = None
        elif self.problem():
            self.tile = None
        self.changed.emit()
        self.pictured.emit()
        self.look()

    # What comes back

    def _on_opened(self, opened: OpenedRun) -> None:
        if self.sender() is not self._opening or opened.model is None:
            return  # something else was chosen meanwhile
        self._opening = None
        self.name, self.model = opened.folder.name, opened.model
        self._sampler = self._comparison.start_sampler()
        self._sampler.rendered.connect(self._on_rendered)
        self._sampler.adopt(opened.model)
        self.changed.emit()
        self.look()

    def _on_failed(self, summary: str, details: str) -> None:
        if self.sender() is self._opening:
            self.choose(NOTHING)

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if self.sender() is not self._sampler:
            return
        if channel == "compare":
            self.seeds = tiles
        elif not self.problem():
            self.tile = tiles[0]
        self.pictured.emit()


class Comparison(QObject):
    """Sides A and B, and what they can show. Decodes only while `watch` says that somebody sees it."""

    choices_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.watched = False
        self.present_tile: np.ndarray | None = None
        self._stamp = -1  # of the present model's seeds
        self.samplers: list[Sampler] = []  # those of sides, until they have ended
        self.steps: list[int] = []  # checkpoints of the present run, newest first
        self._listing: Task | None = None
        self.sides = (Side(session, self, PRESENT), Side(session, self, NOTHING))
        self._pacing = single_shot(self, self.look_at_seeds, SEEDS_EVERY)
        session.run_opened.connect(self._on_run_opened)
        session.saved.connect(self.list_checkpoints)
        session.sampler.rendered.connect(self._on_rendered)
        self._latent.changed.connect(self._on_changed)
        self._latent.explored.connect(self._on_explored)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)

    def watch(self, watched: bool) -> None:
        """Whether the sides are seen."""
        self.watched = watched
        if watched:
            for side in self.sides:
                side.look()

    def choices(self) -> list[list[tuple[str, str]]]:
        """(key, title) of what a side can show, in groups."""
        run, shown = self._session.run, [side.key for side in self.sides]
        groups = [[(NOTHING, "Nothing"), (PRESENT, "Present model")]]
        present = "" if run is None else str(run.path)
        groups.append([(f"{present}{AT_STEP}{step}", f"step {step:,}") for step in self.steps])
        keys = [path for path in self._session.settings.recent_runs if path != present]
        listed = {key for group in groups for key, _ in group} | set(keys)
        keys += [key for key in dict.fromkeys(shown) if key not in listed]
        groups.append([(key, key_title(key)) for key in keys])
        return [group for group in groups if group]

    def difference(self) -> np.ndarray | None:
        """|A - B| of the present latent, uint8 (C, H, W); None without two pictures of one shape."""
        a, b = (side.tile for side in self.sides)
        if a is None or b is None or a.shape != b.shape:
            return None
        return np.abs(a.astype(np.int16) - b).astype(np.uint8)

    def look_at_seeds(self) -> None:
        """Ask the present model for its seeds, while somebody watches."""
        model = self._latent.model
        if self.watched and model is not None:
            self._stamp = self._latent.ask("compare", samplers.draw(model, range(SEEDS)))

    # Samplers

    def start_sampler(self) -> Sampler:
        """Another sampling thread; `stop` it when it is not needed, and it goes by itself."""
        sampler = Sampler(self)
        sampler.failed.connect(self._on_sampler_failed)
        sampler.finished.connect(self._on_sampler_finished)
        self.samplers.append(sampler)
        sampler.start()
        return sampler

    def stop(self) -> None:
        """The window closes: end the sides' threads."""
        for side in self.sides:
            side.leave()

    def _on_sampler_failed(self, summary: str, details: str) -> None:
        self._session.notify("error", summary, details)

    def _on_sampler_finished(self) -> None:
        sampler = self.sender()
        assert isinstance(sampler, Sampler)
        self.samplers.remove(sampler)
        sampler.deleteLater()

    # What the session tells

    def _on_run_opened(self, opened: OpenedRun) -> None:
        self.steps = []
        self.list_checkpoints()
        self.choices_changed.emit()
        for side in self.sides:
            side.changed.emit()

    def list_checkpoints(self) -> None:
        """Look into the run's folder for its checkpoints."""
        folder = self._session.run
        if folder is not None:
            self._listing = self._session.start_task(
                lambda _: [int(file.stem.removeprefix("step-")) for file in folder.checkpoints()],
                self._on_listed,
            )

    def _on_listed(self, steps: list[int]) -> None:
        if self.sender() is self._listing and steps[::-1] != self.steps:
            self.steps = steps[::-1]
            self.choices_changed.emit()

    def _on_changed(self) -> None:
        for side in self.sides:
            side.look_here()

    def _on_explored(self, images: np.ndarray, decode_ms: float, waited_ms: float) -> None:
        self.present_tile = images[0]
        for side in self.sides:
            if side.key == PRESENT:
                side.look_here()

    def _on_space_changed(self) -> None:
        self.present_tile = None
        for side in self.sides:
            side.forget_present()

    def _on_weights_changed(self, step: int) -> None:
        present = [side for side in self.sides if side.key == PRESENT]
        for side in present:
            side.changed.emit()
        if present and self.watched and not self._pacing.isActive():
            self._pacing.start()

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == "compare" and stamp == self._stamp:
            for side in self.sides:
                if side.key == PRESENT:
                    side.seeds = tiles
                    side.pictured.emit()


def split_key(key: str) -> tuple[Path, int | None]:
    """The folder of a run, and the step of its checkpoint where one is named."""
    path, mark, step = key.rpartition(AT_STEP)
    return (Path(path), int(step)) if mark else (Path(key), None)


def key_title(key: str) -> str:
    """``first vae``, or ``first vae · step 1,000``."""
    path, step = split_key(key)
    return path.name if step is None else f"{path.name} · step {step:,}"
