"""The Reconstruct panel."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from latentlab.ui.session import Session


class ReconstructPanel(QWidget):
    """Being written."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reconstruct_panel")
        self._session = session

    def build(self) -> None: ...

    def add_here(self) -> None: ...

    def choose_image(self) -> None: ...

    def open_image(self, path: Path) -> None: ...
