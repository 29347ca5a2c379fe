"""Asking where a file shall be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget


def choose_file(parent: QWidget, title: str, start: Path, formats: Mapping[str, str]) -> Path | None:
    """A path with one of the endings that `formats`, what the dialog offers -> ending, has; None for Cancel.

    What is typed without one gets that of the chosen format. Whatever is there already, a person was asked.
    """
    while True:
        name, chosen = QFileDialog.getSaveFileName(parent, title, str(start), ";;".join(formats))
        if not name:
            return None
        path = Path(name)
        if path.suffix.lower() in formats.values():
            return path
        path = path.with_name(path.name + formats.get(chosen, next(iter(formats.values()))))
        if not path.exists():
            return path
        start = path  # of this name the dialog has not asked yet whether it may be replaced
