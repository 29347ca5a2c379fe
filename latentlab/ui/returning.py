"""The way back from an exported picture: its run, its checkpoint, its latent."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from latentlab.training.run_folder import RunFolder
from latentlab.ui.latent_state import LARGEST_SEED

if TYPE_CHECKING:
    from latentlab.export.state import State
    from latentlab.ui.session import Session


class Returning(QObject):
    """Opens the run that a picture is of, as it was then, and goes to the latent that it was made from."""

    grid_wanted = Signal(object)  # State: a person wants the picture's grid in the dialog
    folder_wanted = Signal(object)  # a function of a folder: a person will say where the run is

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._awaited: tuple[Path, State] | None = None  # until the model of its run is there
        session.picture_dropped.connect(self.go)
        session.latent.space_changed.connect(self._on_space_changed)

    def go(self, path: Path, state: State, *folders: Path) -> None:
        """Go back to the state that the picture `path` tells; its run may lie in one of `folders`."""
        session = self._session
        if session.busy:
            session.notify("warning", f"Stop the training before going back to where {path.name} was made.")
            return
        self._awaited = None
        run, model = session.run, session.latent.model
        if run is not None and model is not None and run.fingerprint == state.fingerprint:
            if session.latent.step == state.step:
                self._arrive(path, state)
                return
            folders = (run.path, *folders)
        settings = session.settings
        recent = (Path(entry) for entry in settings.recent_runs)
        places = [*folders, *recent, settings.runs, path.absolute().parent]
        session.start_task(lambda _: (path, state, _place(state, places)), self._on_found)

    def _on_found(self, found: tuple[Path, State, tuple[Path, int | None] | None]) -> None:
        path, state, place = found
        if place is None:
            text = f"{path.name} was made of the run {state.run}, which is not among your runs nor beside it."
            again = functools.partial(self.folder_wanted.emit, functools.partial(self.go, path, state))
            self._session.notify("warning", text, f"Fingerprint {state.fingerprint}", ("Find it…", again))
            return
        self._awaited = path, state
        self._session.open_run(*place, self._on_opening_failed)

    def _on_opening_failed(self, summary: str, details: str) -> None:
        self._awaited = None  # a notice says why; whoever opens the run later wants no more than that

    def _on_space_changed(self) -> None:
        """A model is there: perhaps the one that is waited for."""
        run = self._session.run
        if self._awaited is None or run is None or run.fingerprint != self._awaited[1].fingerprint:
            return
        path, state = self._awaited
        self._awaited = None
        self._arrive(path, state)

    def _arrive(self, path: Path, state: State) -> None:
        from latentlab.run.grids import GRIDS

        latent = self._session.latent
        if latent.size != state.size:
            text = f"{path.name} is of latents of {state.size} numbers, not {latent.size}."
            self._session.notify("error", text)
            return
        z = state.present()
        if z is None and state.seeds and 0 <= state.seeds[0] <= LARGEST_SEED:  # nothing was looked at
            latent.set_truncation(state.truncation)
            latent.set_seed(state.seeds[0])
        else:
            known = [row for row in state.tiles() if row[0] == row[0]]
            if z is not None or known:
                latent.set_z(known[0] if z is None else z, path.name)
        text = f"Back at step {latent.step:,} of {state.run}, as {path.name} was made."
        if latent.step != state.step:
            text = f"Back in {state.run}; its step {state.step:,} is gone, this is {latent.step:,}."
        action = None
        if state.source in GRIDS:
            action = "Open its grid", functools.partial(self.grid_wanted.emit, state)
        self._session.notify("good" if latent.step == state.step else "warning", text, action=action)


def _place(state: State, places: list[Path]) -> tuple[Path, int | None] | None:
    """The folder of the picture's run, and its step where that checkpoint is still there."""
    from latentlab.run.pictures import find_run

    found = find_run(state, places)
    if found is None:
        return None
    there = RunFolder.open(found).checkpoint_path(state.step).exists()
    return found, state.step if there else None
