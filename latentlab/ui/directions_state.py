"""The directions that were found or kept, and the thumbs that a person gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from latentlab.latent.directions import Direction

if TYPE_CHECKING:
    from latentlab.ui.session import Session


class Directions(QObject):
    """Directions of the present model; those that are kept are saved with the run."""

    changed = Signal()  # `items`, a name, or what is kept
    thumbs_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.items: list[Direction] = []
        self.liked: list = []
        self.disliked: list = []

    def give_thumb(self, up: bool) -> None:
        """The present latent is liked, or not."""
