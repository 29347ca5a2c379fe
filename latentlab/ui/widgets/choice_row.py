"""One row per categorical part of the latent: what it is called, its category, and a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.labels import ElidedLabel

if TYPE_CHECKING:
    from latentlab.models.base import Choice


class ChoiceRow(QWidget):
    """A category to choose; an entry more, "mixed", says that it is none. Signals come from a person only."""

    chosen = Signal(object, int)  # the Choice, a category
    lock_toggled = Signal(object, bool)

    def __init__(self, choice: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        label = ElidedLabel(choice.title, role="secondary")
        label.setMaximumWidth(120)
        self.field = ChoiceField()
        self.field.setObjectName(f"latent_choice_{choice.name}")
        self.field.setAccessibleName(choice.title)
        self.field.setToolTip(f"{choice.title}: one of {len(choice.labels)} kinds of images.")
        self.field.addItems(list(choice.labels))
        label.setBuddy(self.field)
        self.lock = QToolButton()
        self.lock.setObjectName(f"latent_choice_lock_{choice.name}")
        self.lock.setAccessibleName(f"Lock {choice.title}")
        self.lock.setCheckable(True)
        self.lock.setProperty("flat", True)
        self.lock.setIconSize(QSize(16, 16))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(label)
        row.addWidget(self.field, 1)
        row.addWidget(self.lock)
        self.set_locked(False)
        self.field.activated.connect(self._on_activated)
        self.lock.clicked.connect(self._on_lock_clicked)

    def set_part(self, part: np.ndarray) -> None:
        """Show what this part of the latent, float (K,), holds; emits nothing."""
        category, mixed = int(part.argmax()), self.field.count() > len(part)
        pure = part[category] == 1 and np.count_nonzero(part) == 1
        if not pure and not mixed:
            self.field.addItem("mixed")
            entries = self.field.model()
            assert isinstance(entries, QStandardItemModel)
            entries.item(len(part)).setEnabled(False)
        self.field.setCurrentIndex(category if pure else len(part))
        if pure and mixed:
            self.field.removeItem(len(part))

    def set_locked(self, locked: bool) -> None:
        """Show whether Randomise leaves it alone; emits nothing."""
        title = self.choice.title
        self.lock.setChecked(locked)
        self.lock.setToolTip(f"{title} stays as it is" if locked else f"Keep {title} out of Randomise")
        theme.set_icon(self.lock, "lock" if locked else "unlock", "accent" if locked else "faint")

    def _on_activated(self, category: int) -> None:
        self.chosen.emit(self.choice, category)

    def _on_lock_clicked(self, locked: bool) -> None:
        self.lock_toggled.emit(self.choice, locked)
