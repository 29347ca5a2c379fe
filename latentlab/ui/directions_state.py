"""The directions that were found or kept, the search for them, and the thumbs that a person gave."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.latent import directions
from latentlab.latent.directions import METHODS, Direction, Material, saved
from latentlab.latent.directions.continuity import continued
from latentlab.ui.kept_file import KeptFile
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.loan import Loan
    from latentlab.ui.session import Session

#: Milliseconds that the latent must have been still, and at least between two searches while training.
SETTLED, WHILE_TRAINING = 150, 1500


@dataclasses.dataclass(frozen=True, eq=False)
class Item(Direction):
    """A direction in the list; those that are kept are saved with the run."""

    kept: bool = False

    def __post_init__(self) -> None:
        """The vector is a Direction's already: made a unit vector once more, a last bit could change."""


class Directions(QObject):
    """Directions of the present model: those kept, then those of the last search, which the next replaces.

    A search by a method that is `live` is done again when the latent has moved and come to rest, or the model
    has learned, as long as `follow` is on; not while `hold` says that one of its own directions is dragged.
    """

    changed = Signal()  # `items`: which, their order, names, vectors or whether they are kept
    thumbs_changed = Signal()
    search_changed = Signal(bool)  # one that a person asked for is under way
    progressed = Signal(int, int)  # of that search

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.items: list[Item] = []  # names are unique
        self.liked: list[np.ndarray] = []
        self.disliked: list[np.ndarray] = []
        self.follow = True
        self._file = KeptFile(saved.FILE, saved.load, _write, session)
        self._run: Path | None = None
        self._size = 0  # dimensions of the run
        self._loaded: saved.Saved | None = None  # of a run whose model is still on its way

        self._loan: Loan | None = None
        self._quiet = False  # whether the search is one that nobody asked for
        self._asked: tuple[str, dict[str, Any]] | None = None  # by what the present answer was sought
        self._answer: Sequence[Direction] = ()
        self._removed: set[str] = set()  # of the answer
        self._sought_at: np.ndarray | None = None
        self._held = self._due = False
        self._arrived: Sequence[Direction] | None = None  # while one was dragged
        self._settling = single_shot(self, self._on_settled, SETTLED)
        self._learning = single_shot(self, self._on_learned, WHILE_TRAINING)

        self._file.loaded.connect(self._on_loaded)
        session.run_opened.connect(self._on_run_opened)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.changed.connect(self._on_moved)
        self._latent.weights_changed.connect(self._on_weights_changed)

    @property
    def _turning(self) -> bool:
        """Whether another run is shown, and its model still on its way: what is said is of the one before."""
        return self._run is not None and self._latent.size != self._size

    # The search

    @property
    def searching(self) -> bool:
        """Whether a search that a person asked for is under way."""
        return self._loan is not None and not self._quiet

    @property
    def following(self) -> bool:
        """Whether the directions are sought again as the latent moves."""
        return self.follow and self._asked is not None and METHODS.get(self._asked[0]).live

    def obstacle(self, method: str) -> str:
        """Why a method cannot be used now, in one sentence, or ""."""
        if self._latent.model is None:
            return "There is no model yet: press Train, or open a run."
        return METHODS.get(method).obstacle(self._latent.model, self._material())

    def compute(self, method: str, values: Mapping[str, Any]) -> None:
        """Look for directions; a search under way is given up. What is found takes the last one's place."""
        if self._latent.model is not None:
            self._asked, self._removed = (method, dict(values)), set()
            self._seek(())

    def cancel(self) -> None:
        """Give up the search, and following; what was found before stays."""
        self._asked = None
        self._give_up()

    def set_follow(self, on: bool) -> None:
        """Whether live directions follow the latent."""
        self.follow = on
        if not on and self._quiet:
            self._give_up()
        self._on_moved()

    def hold(self) -> None:
        """One of the directions is being dragged: they stay what they are until `release`."""
        self._held = True
        self._settling.stop()
        if self._quiet:
            self._give_up()

    def release(self) -> None:
        """The drag is over."""
        self._held = False
        if self._arrived is not None:
            self._show(self._arrived)
        self._on_moved()

    def _seek(self, before: Sequence[Direction]) -> None:
        """`before`: the answer that the next one continues; none for a search that a person asks for."""
        assert self._asked is not None
        self._give_up()
        self._quiet, self._due = bool(before), False
        self._sought_at = self._latent.z
        method, values = self._asked
        work = functools.partial(_find, method, self._material(), values, before)
        self._loan = self._session.with_model(work, self._on_found)
        self._loan.failed.connect(self._on_failed)
        self._loan.ended.connect(self._on_ended)
        if not self._quiet:
            self._loan.progressed.connect(self.progressed)
            self.search_changed.emit(True)

    def _material(self) -> Material:
        size = self._latent.size
        liked, disliked = (_rows(z, size) for z in (self.liked, self.disliked))
        # A dataset of another shape is for the methods to refuse: they say what they need.
        return Material(self._latent.z.copy(), self._session.dataset, liked, disliked)

    def _give_up(self) -> None:
        self._arrived = None
        if self._loan is not None:
            loan, self._loan = self._loan, None
            loan.cancel()
            if self._quiet:
                self._quiet, self._sought_at = False, None
            else:
                self.search_changed.emit(False)

    def _on_found(self, answer: Sequence[Direction]) -> None:
        if not self._quiet and self._asked is not None:
            count, title = len(answer), METHODS.get(self._asked[0]).title
            many = f"{count} direction" if count == 1 else f"{count} directions"
            self._session.notify("good" if answer else "warning", f"{title}: {many} found.")
        if self._held:
            self._arrived = answer
        else:
            self._show(answer)

    def _show(self, answer: Sequence[Direction]) -> None:
        self._answer, self._arrived = answer, None
        items = [item for item in self.items if item.kept]
        for found in answer:
            if found.name not in self._removed:
                name = _free(found.name, items)
                items.append(Item(name, found.vector, found.method, found.note))
        self.items = items
        self.changed.emit()

    def _on_failed(self, summary: str, details: str) -> None:
        if self.sender() is self._loan:
            self._asked = None  # following would fail again and again

    def _on_ended(self) -> None:
        if self.sender() is self._loan:
            self._loan = None
            if not self._quiet:
                self.search_changed.emit(False)
            self._quiet = False
            if self._due:
                self._settling.start()

    # Following

    def _on_moved(self) -> None:
        if self.following and not self._held and self._sought_at is not self._latent.z:
            self._settling.start()

    def _on_settled(self) -> None:
        if not self.following or self._held:
            return
        if self._loan is not None:
            self._due = True  # one search at a time, and then one more
        elif self._answer:
            self._seek(self._answer)

    def _on_weights_changed(self, step: int) -> None:
        if self.following and not self._learning.isActive():
            self._learning.start()

    def _on_learned(self) -> None:
        self._sought_at = None
        self._on_settled()

    # What a person does with them

    def rename(self, index: int, name: str) -> int:
        """Call a direction something else, which keeps it -> where it now is."""
        item, others = self.items[index], [*self.items[:index], *self.items[index + 1 :]]
        if not name.strip() or name.strip() == item.name:
            return index
        self.items[index] = dataclasses.replace(item, name=_free(name.strip(), others), kept=True)
        return self._sorted(index)

    def keep(self, index: int, on: bool) -> int:
        """Keep a direction, or let the next search replace it -> where it now is."""
        self.items[index] = dataclasses.replace(self.items[index], kept=on)
        return self._sorted(index)

    def remove(self, index: int) -> None:
        """Take a direction away; following does not bring it back."""
        item = self.items.pop(index)
        if not item.kept:
            self._removed.update(found.name for found in self._answer if found.vector is item.vector)
        self._tell(item.kept)

    def _sorted(self, index: int) -> int:
        moved = self.items[index]
        self.items = [i for i in self.items if i.kept] + [i for i in self.items if not i.kept]
        self._tell(True)
        return self.items.index(moved)

    def _tell(self, saved_ones: bool) -> None:
        if saved_ones:
            self._save()
        self.changed.emit()

    # Thumbs

    def give_thumb(self, up: bool) -> None:
        """The present latent is liked, or not."""
        if self._latent.model is None or self._turning:
            return
        z = self._latent.z.copy()
        mine, other = (self.liked, self.disliked) if up else (self.disliked, self.liked)
        known = _place(z, mine) is not None
        if not known:
            mine.append(z)
            if (place := _place(z, other)) is not None:  # a change of mind
                del other[place]
            self._save()
            self.thumbs_changed.emit()
        what = "liked" if up else "disliked"
        first = f"This one was {what} already" if known else what.capitalize()
        counts = f"{len(self.liked)} liked, {len(self.disliked)} not"
        self._session.notify("info" if known else "good", f"{first}: {counts}.")

    def clear_thumbs(self) -> None:
        """Forget what was liked and what was not."""
        self.liked, self.disliked = [], []
        self._save()
        self.thumbs_changed.emit()

    # The run's file

    def _save(self) -> None:
        size = self._latent.size
        kept = tuple(item for item in self.items if item.kept)
        self._file.keep((kept, _rows(self.liked, size), _rows(self.disliked, size)))

    def _on_run_opened(self, opened: OpenedRun) -> None:
        self._give_up()
        self._loaded = None
        self._size = opened.latent_size
        if opened.folder.path != self._run:
            self._run = opened.folder.path
            self._forget()
        self._file.show(opened)

    def _on_space_changed(self) -> None:
        # First of all: whoever hears that the search ended asks what there is.
        if any(len(z) != self._latent.size for z in self._vectors()):
            self._forget()
        self._give_up()
        self._take_loaded()
        self._on_moved()

    def _on_loaded(self, content: saved.Saved) -> None:
        self._loaded = content
        self._take_loaded()

    def _take_loaded(self) -> None:
        """Show what was saved, once the model that it is for is there."""
        content = self._loaded
        if content is None or content.liked.shape[1] != self._latent.size:
            return
        self._loaded = None
        kept = [Item(d.name, d.vector, d.method, d.note, True) for d in content.directions]
        # What was kept while the file was read stays too; what was there before it is in it.
        fresh = [i for i in self.items if i.kept and _place(i.vector, [k.vector for k in kept]) is None]
        items = kept + fresh
        for item in self.items:
            if not item.kept:
                items.append(dataclasses.replace(item, name=_free(item.name, items)))
        self.items = items
        added = bool(fresh)
        for mine, theirs in ((self.liked, content.liked), (self.disliked, content.disliked)):
            new = [z for z in mine if _place(z, theirs) is None]
            mine[:] = [*theirs, *new]
            added = added or bool(new)
        if added:
            self._save()
        self.changed.emit()
        self.thumbs_changed.emit()

    def _vectors(self) -> Iterable[np.ndarray]:
        return [*(item.vector for item in self.items), *self.liked, *self.disliked]

    def _forget(self) -> None:
        """Another model: nothing of the one before holds for it."""
        self.items, self.liked, self.disliked = [], [], []
        self._asked, self._answer, self._removed = None, (), set()
        self.changed.emit()
        self.thumbs_changed.emit()


def _find(
    method: str,
    material: Material,
    values: Mapping[str, Any],
    before: Sequence[Direction],
    model: Model,
    report: Report,
) -> Sequence[Direction]:
    found = directions.find(model, method, material, values, report)
    return continued(before, found) if before and found else found


def _write(path: Path, content: tuple[Sequence[Direction], np.ndarray, np.ndarray]) -> None:
    saved.save(path, *content)


def _free(name: str, items: Sequence[Direction]) -> str:
    """The name, or with a number behind it where one of `items` has it."""
    taken, number, result = {item.name for item in items}, 1, name
    while result in taken:
        number += 1
        result = f"{name} ({number})"
    return result


def _place(z: np.ndarray, among: Iterable[np.ndarray]) -> int | None:
    return next((n for n, other in enumerate(among) if np.array_equal(z, other)), None)


def _rows(latents: Sequence[np.ndarray], size: int) -> np.ndarray:
    return np.asarray(latents, np.float32).reshape(-1, size)
