"""Sums of bookmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.latent.arithmetic import mix

if TYPE_CHECKING:
    from latentlab.ui.bookmarks_state import Bookmarks, Item
    from latentlab.ui.session import Session

#: Slots of the arithmetic, and the weights of A − B + C.
SLOTS = 4
DIFFERENCE = (1.0, -1.0, 1.0, 0.0)

Kind = Literal["difference", "average", "free"]


class Mixture(QObject):
    """A weighted sum of up to four bookmarks: A − B + C, their average, or any other."""

    changed = Signal()  # slots, weights, kind
    rendered = Signal()  # `tile` is what the sum decodes to

    def __init__(self, session: Session, owner: Bookmarks) -> None:
        super().__init__(owner)
        self._latent, self._bookmarks = session.latent, owner
        self.slots: list[Item | None] = [None] * SLOTS
        self.weights = list(DIFFERENCE)
        self.kind: Kind = "difference"
        self.tile: np.ndarray | None = None
        self._stamp = -1
        owner.changed.connect(self._on_bookmarks_changed)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)
        session.sampler.rendered.connect(self._on_rendered)

    def fill(self, slot: int, item: Item | None) -> None:
        """Put a bookmark into a slot, or nothing."""
        self.slots[slot] = item
        self._changed()

    def set_weight(self, slot: int, weight: float) -> None:
        """Weigh a slot by hand."""
        self.weights[slot] = weight
        self.kind = "free"
        self._changed()

    def set_kind(self, kind: Kind) -> None:
        """The weights of A − B + C, or equal ones; "free" leaves them."""
        self.kind = kind
        if kind == "difference":
            self.weights = list(DIFFERENCE)
        self._changed()

    def result(self) -> np.ndarray | None:
        """The sum (D,); None while nothing takes part in it, or it is of another model."""
        parts = self._parts()
        if not parts or any(len(item.z) != self._latent.size for item, _ in parts):
            return None
        return mix(np.stack([item.z for item, _ in parts]), np.array([weight for _, weight in parts]))

    def words(self) -> str:
        """Such as "smiling − neutral + 0.5 × other"."""
        parts = self._parts()
        if self.kind == "average" and len(parts) > 1:
            *first, last = (item.name for item, _ in parts)
            return f"the average of {', '.join(first)} and {last}"
        text = ""
        for item, weight in parts:
            sign = ("−" if weight < 0 else "") if not text else (" − " if weight < 0 else " + ")
            factor = f"{abs(weight):.2f}".rstrip("0").rstrip(".")
            text += sign + ("" if factor == "1" else f"{factor} × ") + item.name
        return text

    def go(self) -> None:
        """Go to the sum: one step of undo."""
        if (z := self.result()) is not None:
            self._latent.set_z(z, self.words())

    def bookmark(self) -> Item | None:
        """Keep the sum as a bookmark that is called by its words."""
        z = self.result()
        return None if z is None else self._bookmarks.add(z, self.words())

    def look(self) -> None:
        """Ask for the picture of the sum, where somebody sees it."""
        z = self.result()
        if z is None:
            self.tile = None
            self._stamp = -1
            self.rendered.emit()
        elif self._bookmarks.watched:
            self._stamp = self._latent.ask("mix", z[None])

    def _parts(self) -> list[tuple[Item, float]]:
        return [
            (item, weight)
            for item, weight in zip(self.slots, self.weights, strict=True)
            if item is not None and weight
        ]

    def _changed(self) -> None:
        if self.kind == "average":
            count = sum(item is not None for item in self.slots)
            self.weights = [0.0 if item is None else 1 / count for item in self.slots]
        self.changed.emit()
        self.look()

    def _on_bookmarks_changed(self) -> None:
        there = [item if item in self._bookmarks.items else None for item in self.slots]
        if there != self.slots:
            self.slots = there
            self._changed()
        else:
            self.changed.emit()  # a name may be another

    def _on_space_changed(self) -> None:
        self.tile = None
        self.rendered.emit()
        self.look()

    def _on_weights_changed(self, step: int) -> None:
        if self._bookmarks.watched and self.result() is not None:
            self.look()

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        # While an arrow key is held every answer is shown, also one that a newer request follows.
        if channel == "mix" and self._stamp >= 0 and self.result() is not None:
            self.tile = tiles[0]
            self.rendered.emit()


# Drag and drop
