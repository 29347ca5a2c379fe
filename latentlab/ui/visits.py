"""Steps through the latent space, to be undone and to be seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from PySide6.QtGui import QUndoCommand


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """Where one is: z, float32 (D,), and the seed and truncation that made it, or that were set before it."""

    z: np.ndarray
    seed: int
    truncation: float
    seeded: bool


@dataclasses.dataclass(eq=False)
class Visit:
    """A latent that was looked at, and its image, uint8 (C, H, W), once it is decoded."""

    z: np.ndarray
    tile: np.ndarray | None = None


class Move(QUndoCommand):
    """From one place to another. Moves with the same `key` become one; None joins nothing."""

    def __init__(
        self,
        what: str,
        before: Place,
        after: Place,
        key: tuple[str, int] | None,
        arrive: Callable[[Place], None],
    ) -> None:
        super().__init__(what)
        self._before, self._after, self._key, self._arrive = before, after, key, arrive
        self.merged = False  # whether the move before it took this one in

    def id(self) -> int:
        return 1  # what may be merged at all

    def mergeWith(self, other: QUndoCommand) -> bool:
        assert isinstance(other, Move)
        if self._key is None or self._key != other._key:
            return False
        self._after, other.merged = other._after, True
        return True

    def redo(self) -> None:
        self._arrive(self._after)

    def undo(self) -> None:
        self._arrive(self._before)
