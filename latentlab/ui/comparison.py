"""Two models side by side: the same latent, decoded by both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from latentlab.ui.session import Session


class Comparison(QObject):
    """Being written."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
