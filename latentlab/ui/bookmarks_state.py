"""The latents that a person wants to find again, and sums of them."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDropEvent

from latentlab.latent import bookmarks
from latentlab.latent.files import save_latents
from latentlab.ui.kept_file import KeptFile
from latentlab.ui.mixture import Mixture
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.ui.session import Session

#: Thumbnails decoded by one request, and milliseconds between two rounds while the model learns.
CHUNK, ROUND_EVERY = 32, 2000
#: What is dragged: NPZ of `z` float32 (N, D), `names`, and `tiles` uint8 (N, C, H, W) where all are there.
MIME = "application/x-latentlab-latents"

Order = Literal["hand", "name", "age"]


@dataclasses.dataclass(eq=False)
class Item:
    """A latent, float32 (D,), its name, and what it decodes to now, uint8 (C, H, W), or None. The larger
    `age`, the later it was made."""

    name: str
    z: np.ndarray
    tile: np.ndarray | None = None
    age: int = 0


class Bookmarks(QObject):
    """Named latents of the present run, saved with it.

    Thumbnails are decoded while `watch` says that somebody sees them.
    """

    changed = Signal()  # `items`, a name, their order, or what can be restored
    pictured = Signal()  # some have another tile

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.items: list[Item] = []  # as they are shown
        self.order: Order = "hand"
        self.removed: list[tuple[int, Item]] = []  # what `restore` brings back, and where each was by hand
        self._by_hand: list[Item] = []
        self._ages = itertools.count()
        self._path: Path | None = None
        self._size = 0
        self._file = KeptFile(bookmarks.FILE, bookmarks.load, bookmarks.save, session)
        self._watched = False
        self._due: list[Item] = []
        self._stamp = -1
        self._pacing = single_shot(self, self.picture, ROUND_EVERY)
        session.run_opened.connect(self._on_run_opened)
        self._file.loaded.connect(self._on_loaded)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)
        session.sampler.rendered.connect(self._on_rendered)
        self.mixture = Mixture(session, self)

    # What a person does

    def add(self, z: np.ndarray | None = None, name: str = "") -> Item | None:
        """Keep a latent (D,), or the present one; None where there is no model, or it is of another."""
        z = self._latent.z if z is None else z
        if self._latent.model is None or len(z) != self._size:
            return None
        item = Item(name or self._free_name(), z.astype(np.float32), age=next(self._ages))
        self._by_hand.append(item)
        self._changed()
        self._ask([*self._due, item])
        return item

    def bring_in(self, path: Path) -> None:
        """Add the latents of a file: .npz, .npy, .json, or an exported picture's."""
        if self._latent.model is None:
            self._session.notify("info", "Open the run first that these latents are of.")
            return
        from latentlab.run.latents import read_latents

        size = self._size
        self._session.start_task(lambda _: read_latents(path, size), self._on_brought)

    def _on_brought(self, found: tuple[list[str], np.ndarray]) -> None:
        names, z = found
        if z.shape[1] != self._size:
            return  # of the run before this one
        new = [Item(name, row, age=next(self._ages)) for name, row in zip(names, z, strict=True)]
        self._by_hand += new
        self._changed()
        self._ask([*self._due, *new])
        count = "1 bookmark" if len(new) == 1 else f"{len(new):,} bookmarks"
        self._session.notify("good", f"Added {count}.")

    def write(self, path: Path, items: Sequence[Item]) -> None:
        """Write some as .npz or .json, by the ending."""
        run, step = self._session.run, self._latent.step
        names, z = [item.name for item in items], np.stack([item.z for item in items])
        name = run.name if run is not None else ""
        self._session.exports.start(path, lambda _: save_latents(path, z, names=names, run=name, step=step))

    def rename(self, item: Item, name: str) -> None:
        """Call it something else; nothing but spaces leaves the name."""
        name = " ".join(name.split())
        if name and name != item.name:
            item.name = name
            self._changed()
        else:
            self.changed.emit()  # whoever shows what was typed shows the name again

    def remove(self, items: Sequence[Item]) -> None:
        """Forget some; `restore` brings back the last that went."""
        gone = [(place, item) for place, item in enumerate(self._by_hand) if item in items]
        if gone:
            self._by_hand = [item for item in self._by_hand if item not in items]
            self._changed(gone)
            what = f"“{gone[0][1].name}”" if len(gone) == 1 else f"{len(gone)} bookmarks"
            self._session.notify("info", f"Removed {what}. Restore, on the Bookmarks tab, undoes that.")

    def restore(self) -> None:
        """Bring back what was removed last, to where it was; possible until the next change."""
        for place, item in self.removed:
            self._by_hand.insert(place, item)
        back = [item for _, item in self.removed]
        self._changed()
        self._ask([*self._due, *back])

    def move(self, items: Sequence[Item], place: int) -> None:
        """Put some before the one that is shown at `place`; from now on they lie as they were put."""
        before = sum(item in items for item in self.items[:place])
        moved = [item for item in self.items if item in items]
        rest = [item for item in self.items if item not in items]
        at = place - before
        self._by_hand = [*rest[:at], *moved, *rest[at:]]
        self.order = "hand"
        self._changed()

    def sort(self, order: Order) -> None:
        """Show them by name, by age, or as a person put them."""
        self.order = order
        self._sort()
        self.changed.emit()

    def go(self, item: Item) -> None:
        """Go there: one step of undo."""
        if len(item.z) == self._latent.size:
            self._latent.set_z(item.z, item.name)

    def take(self, dropped: Sequence[Item]) -> list[Item]:
        """The items that something dropped is, new ones added; none of another latent space."""
        if any(len(item.z) != self._size for item in dropped):
            self._session.notify("warning", "These latents are of another latent space.")
            return []
        return [self._same(item) or self.add(item.z, item.name) or item for item in dropped]

    def _same(self, other: Item) -> Item | None:
        return next((i for i in self.items if i.name == other.name and np.array_equal(i.z, other.z)), None)

    def _free_name(self) -> str:
        taken = {item.name for item in self._by_hand}
        return next(name for n in itertools.count(len(taken) + 1) if (name := f"Bookmark {n}") not in taken)

    def _changed(self, removed: list[tuple[int, Item]] | None = None) -> None:
        self.removed = removed or []
        self._sort()
        self._file.keep([bookmarks.Bookmark(item.name, item.z) for item in self._by_hand])
        self.changed.emit()

    def _sort(self) -> None:
        keys = {"name": lambda item: (item.name.casefold(), item.age), "age": lambda item: item.age}
        by_hand = self.order == "hand"
        self.items = list(self._by_hand) if by_hand else sorted(self._by_hand, key=keys[self.order])

    # The run

    def _on_run_opened(self, opened: OpenedRun) -> None:
        if opened.folder.path == self._path:
            return  # it is trained on: what is here is newer than its file
        self._path, self._size = opened.folder.path, opened.latent_size
        self._by_hand, self.removed, self._due = [], [], []
        self._sort()
        self._file.show(opened)
        self.changed.emit()

    def _on_loaded(self, content: list[bookmarks.Bookmark]) -> None:
        early = self._by_hand  # made while the file was read
        self._by_hand = [Item(mark.name, mark.z, age=next(self._ages)) for mark in content] + early
        if early:
            self._changed()
        else:
            self._sort()
            self.changed.emit()
        self.picture()

    # Thumbnails: a chunk at a time while nothing more urgent is asked for

    def watch(self, watched: bool) -> None:
        """Whether the thumbnails and the arithmetic's result are seen."""
        self._watched = watched
        if watched:
            self.picture()
            self.mixture.look()

    @property
    def watched(self) -> bool:
        return self._watched

    def picture(self) -> None:
        """Decode every thumbnail anew."""
        self._ask([*self.items, *(item for _, item in self.removed)])

    def _ask(self, items: list[Item]) -> None:
        self._due = [item for item in items if len(item.z) == self._latent.size]
        self._stamp = -1
        if self._due and self._watched:
            chunk = np.stack([item.z for item in self._due[:CHUNK]])
            self._stamp = self._latent.ask("thumbnails", chunk)

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == "thumbnails" and stamp == self._stamp:
            for item, tile in zip(self._due, tiles, strict=False):  # the first of those that are due
                item.tile = tile
            self.pictured.emit()
            self._ask(self._due[len(tiles) :])

    def _on_space_changed(self) -> None:
        for item in self._by_hand:
            item.tile = None  # another model's
        self.pictured.emit()
        self.picture()

    def _on_weights_changed(self, step: int) -> None:
        if self._watched and self.items and not self._pacing.isActive():
            self._pacing.start()


def dragged(items: Sequence[Item]) -> QMimeData:
    """Items as what a drag carries."""
    arrays = {"z": np.stack([item.z for item in items]), "names": np.array([item.name for item in items])}
    tiles = [item.tile for item in items if item.tile is not None]
    if len(tiles) == len(items):
        arrays["tiles"] = np.stack(tiles)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes the names for its own flags
    data = QMimeData()
    data.setData(MIME, content.getvalue())
    return data


def accepted(event: QDropEvent) -> bool:
    """Whether an event of a drag brings latents; it is accepted or ignored accordingly."""
    if not event.mimeData().hasFormat(MIME):
        event.ignore()
        return False
    event.setDropAction(Qt.DropAction.CopyAction)  # a move would have the view remove what it dragged
    event.accept()
    return True


def dropped(data: QMimeData) -> list[Item]:
    """The items that a drag carries; none where it carries something else, or is damaged."""
    if not data.hasFormat(MIME):
        return []
    try:
        with np.load(io.BytesIO(data.data(MIME).data()), allow_pickle=False) as arrays:
            z, names = arrays["z"], arrays["names"].tolist()
            tiles = arrays["tiles"] if "tiles" in arrays else [None] * len(names)
    except Exception:  # whatever another program put there
        return []
    good = z.ndim == 2 and z.dtype == np.float32 and np.isfinite(z).all() and len(z) == len(names)
    if not good or not all(isinstance(name, str) for name in names) or len(tiles) != len(names):
        return []
    return [Item(name, row.copy(), tile) for name, row, tile in zip(names, z, tiles, strict=True)]
