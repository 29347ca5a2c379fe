"""The latents that a person wants to find again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from latentlab.ui.session import Session


class Bookmarks(QObject):
    """Named latents of the present run, saved with it."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
