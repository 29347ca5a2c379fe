"""The Latent dock: seed, truncation, choices, and one slider per dimension, sorted and searched."""

from __future__ import annotations

import re

import numpy as np
from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.errors import ConfigError
from latentlab.latent import traversal
from latentlab.latent.text import from_text, to_text
from latentlab.models.base import Choice
from latentlab.ui import theme
from latentlab.ui.latent_state import LARGEST_SEED
from latentlab.ui.session import Session
from latentlab.ui.strips import STRIP_TILES, Strips
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.choice_row import ChoiceRow
from latentlab.ui.widgets.fields import ChoiceField, FloatField, IntField
from latentlab.ui.widgets.latent_list import LatentSliderList

MARGIN, GAP = 16, 4
#: How far sliders reach at first, and at most, in sigmas of the prior.
REACH, LONGEST_REACH = 3.0, 10.0
RANDOMISE, RESET, FIND = "Randomise", "Reset", "Find a dimension"
#: Pixels that the style sheet adds to a choice's text, to a button's word and icon; those of an icon alone.
SORT_EDGES, WORD_EDGES, ICON_WIDTH = 26, 46, 28
#: How wide the dock is where `FIND` fits.
WIDE_SEARCH = 348
NO_MODEL = "Sliders appear here\nwhen a model is there to decode:\npress Train, or open a run."
NONE_FOUND = (
    "No dimension is called “{}”.\nType part of a name, or indices\nsuch as 3, 7-12. Escape shows all."
)
#: Indices that are searched for, also while they are typed: "3, 7-".
_INDICES = re.compile(r"[\d\s,–-]*\d[\d\s,–-]*")
_RANGE = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")


class LatentPanel(QWidget):
    """Moves the present latent; every change is decoded at once."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latent_panel")
        self.setAccessibleName("Latent")
        self._session, self._latent, self._importance = session, session.latent, session.importance
        self._held = self._order_waits = self._ranked = False

        self._make_first_line()
        self._make_second_line()
        self.choices: list[ChoiceRow] = []
        self.sliders = LatentSliderList(limit=REACH)
        self.sliders.setAccessibleName("Latent dimensions")
        self.empty = QLabel()
        self.empty.setProperty("role", "secondary")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.sliders)
        self.show_inactive = push_button(
            "latent_show_inactive",
            "",
            "Dimensions that carry nothing: moving them changes no image.",
            flat=True,
        )
        self.show_inactive.setCheckable(True)
        self._strips = Strips(session, self.sliders, "strips", self._along)

        self._lay_out()
        self._connect()
        self._on_space_changed()

    def _make_first_line(self) -> None:
        self.seed = IntField()
        self.seed.setPrefix("seed ")
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setObjectName("latent_seed")
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip(
            "The latent that this seed draws from the prior; tile 7 of the samples is seed 7."
        )
        self.randomize = push_button(
            "latent_randomize", RANDOMISE, "Draw a random latent; locked dimensions stay (R)", "dice"
        )
        self.reset = push_button(
            "latent_reset", RESET, "Go to the mean of the prior; locked dimensions stay (0)", "reset"
        )
        self.sort = ChoiceField()
        self.sort.setSizeAdjustPolicy(ChoiceField.SizeAdjustPolicy.AdjustToContents)
        self.sort.setProperty("flat", True)
        self.sort.setObjectName("latent_sort")
        self.sort.setAccessibleName("Order of the dimensions")
        self.sort.setToolTip(
            "By index, or the dimension that matters most first: by the nats that a VAE spends on it (KL), "
            "or by how much the image changes with it (sensitivity)."
        )
        self.sort.addItem("by index", "index")
        self.sort.addItem("by KL", "importance")

    def _make_second_line(self) -> None:
        self.truncation = FloatField(shown=2)
        self.truncation.setPrefix("ψ ")
        self.truncation.setRange(0.0, 2.0)
        self.truncation.setSingleStep(0.05)
        self.truncation.setValue(1.0)
        self.truncation.setObjectName("latent_truncation")
        self.truncation.setAccessibleName("Truncation")
        self.truncation.setToolTip(
            "Truncation ψ: how far drawn latents stray from the mean, 0 to 2. "
            "1 is as trained, less is more typical."
        )
        self.range = FloatField(unit="σ")
        self.range.setPrefix("± ")
        self.range.setRange(1.0, LONGEST_REACH)
        self.range.setSingleStep(0.5)
        self.range.setValue(REACH)
        self.range.setObjectName("latent_range")
        self.range.setAccessibleName("Reach of the sliders")
        self.range.setToolTip("How far the sliders reach, 1 to 10 standard deviations of the prior.")
        self.search = QLineEdit()
        self.search.setObjectName("latent_search")
        self.search.setAccessibleName(FIND)
        self.search.setToolTip("Part of a name, or indices such as 3, 7-12. Escape shows all again.")
        self.search.setMinimumWidth(64)
        # Qt's own clear button knows no theme.
        self.clear_search = push_button("latent_search_clear", "", "Show all dimensions", "close", flat=True)
        self.clear_search.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Escape does it
        self.clear_search.setCursor(Qt.CursorShape.ArrowCursor)
        self.clear_search.hide()
        inside = QHBoxLayout(self.search)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.clear_search, 0, Qt.AlignmentFlag.AlignRight)
        tooltip = "Copy the latent as text, every digit of it (Ctrl+C)"
        self.copy_text = push_button("latent_copy", "", tooltip, "copy", flat=True)
        tooltip = "Go to the latent that was copied as text (Ctrl+V)"
        self.paste_text = push_button("latent_paste", "", tooltip, "paste", flat=True)

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for line, widgets in (
            (first, (self.seed, self.randomize, self.reset, self.sort)),
            (second, (self.truncation, self.range, self.search, self.copy_text, self.paste_text)),
        ):
            line.setSpacing(GAP)
            for widget in widgets:
                line.addWidget(widget, int(widget in (self.seed, self.search)))
        self.seed.setMinimumWidth(88)
        self.truncation.setFixedWidth(60)
        self.range.setFixedWidth(64)
        for button in (self.randomize, self.reset):
            button.setMinimumWidth(ICON_WIDTH)  # so that the dock can become narrow: see `_fit`
        head = QVBoxLayout()
        head.setContentsMargins(MARGIN, 0, MARGIN, 0)
        head.setSpacing(8)
        head.addLayout(first)
        head.addLayout(second)
        self._choice_rows = QVBoxLayout()
        self._choice_rows.setSpacing(4)
        head.addLayout(self._choice_rows)
        last = QHBoxLayout()
        last.setContentsMargins(MARGIN - 4, 0, MARGIN, 8)
        last.addWidget(self.show_inactive)
        last.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)
        layout.addLayout(last)

    def _connect(self) -> None:
        latent, sliders = self._latent, self.sliders
        self.seed.valueChanged.connect(latent.set_seed)
        self.randomize.clicked.connect(latent.randomise)
        self.reset.clicked.connect(latent.reset)
        self.truncation.valueChanged.connect(self._on_truncation_changed)
        self.range.valueChanged.connect(self._on_range_changed)
        self.sort.currentIndexChanged.connect(self._reorder)
        self.search.textChanged.connect(self._on_searched)
        self.clear_search.clicked.connect(self.search.clear)
        self.show_inactive.toggled.connect(self._reorder)
        self.copy_text.clicked.connect(self.copy)
        self.paste_text.clicked.connect(self.paste)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.search, self.search.clear)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        sliders.value_changed.connect(self._on_slid)
        sliders.drag_started.connect(self._on_drag_started)
        sliders.drag_ended.connect(self._on_drag_ended)
        sliders.lock_toggled.connect(latent.set_locked)
        sliders.installEventFilter(self)
        latent.space_changed.connect(self._on_space_changed)
        latent.changed.connect(self._on_changed)
        self._importance.changed.connect(self._on_importance_changed)
        self._session.ready.connect(sliders.prepare)

    def _along(self, dimension: int) -> np.ndarray:
        return traversal.traverse(self._latent.z, [dimension], STRIP_TILES, self.range.value())[0]

    # What a person does

    def copy(self) -> None:
        """The latent as text to the clipboard."""
        if self._latent.model is None:
            self._session.notify("info", "There is no latent to copy yet: press Train, or open a run.")
            return
        QGuiApplication.clipboard().setText(to_text(self._latent.z))
        self._session.notify("info", f"Copied the latent as text: {self._latent.size} numbers.")

    def paste(self) -> None:
        """Go to the latent that is on the clipboard as text."""
        if self._latent.model is None:
            self._session.notify(
                "info", "There is no model to paste a latent into: press Train, or open a run."
            )
            return
        try:
            z = from_text(QGuiApplication.clipboard().text(), self._latent.size)
        except ConfigError as error:
            self._session.notify("error", f"Cannot paste: {error}")
            return
        self._latent.set_z(z, "paste")

    def _on_slid(self, dimension: int, value: float) -> None:
        self._latent.set_value(dimension, value, f"z{dimension}")

    def _on_drag_started(self) -> None:
        self._held = True
        self._latent.hold()

    def _on_drag_ended(self) -> None:
        self._held = False
        self._latent.release()
        self._reorder_when_free()

    def _on_truncation_changed(self) -> None:
        self._latent.set_truncation(float(self.truncation.exact()))

    def _on_range_changed(self, sigmas: float) -> None:
        self.sliders.set_limit(sigmas)
        self._strips.refresh()

    def _on_searched(self, text: str) -> None:
        self.clear_search.setVisible(bool(text))
        self.search.setTextMargins(0, 0, 18 if text else 0, 0)
        self._reorder()

    def _on_choice_locked(self, choice: Choice, locked: bool) -> None:
        *others, last = range(choice.start, choice.stop)
        with QSignalBlocker(self._latent):  # one change, not one for each of a hundred categories
            for dimension in others:
                self._latent.set_locked(dimension, locked)
        self._latent.set_locked(last, locked)

    # The order of the sliders, and which of them are shown

    def _reorder(self) -> None:
        """Show what sort and search ask for, now."""
        self._order_waits = False
        latent, text = self._latent, self.search.text().strip()
        dimensions, importance = latent.dimensions(), self._importance.value
        idle: set[int] = set()
        if self.sort.currentData() == "importance" and importance is not None:
            dimensions.sort(key=lambda i: -importance.values[i])
            idle = self._importance.inactive() & set(dimensions)
        if text or len(idle) == len(dimensions):  # a search finds all, and something must be there to move
            idle = set()
        self.show_inactive.setVisible(bool(idle))
        shown = self.show_inactive.isChecked()
        self.show_inactive.setText(f"{len(idle)} inactive " + ("shown · hide" if shown else "hidden · show"))
        if text:
            dimensions = [i for i in dimensions if _found(text, i)]
        elif not shown:
            dimensions = [i for i in dimensions if i not in idle]
        if dimensions != self.sliders.order():
            self.sliders.set_order(dimensions)
        self.empty.setText(NONE_FOUND.format(text) if latent.model is not None else NO_MODEL)
        self.stack.setCurrentWidget(self.sliders if dimensions else self.empty)

    def _reorder_when_free(self) -> None:
        """The same once nobody is about to take hold of a slider: none may jump from under the mouse."""
        if self._order_waits and not self._held and not self.sliders.underMouse():
            self._reorder()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._reorder_when_free()
        return False

    # What the session tells

    def _on_space_changed(self) -> None:
        latent = self._latent
        for button in (self.randomize, self.reset, self.copy_text, self.paste_text):
            button.setEnabled(latent.model is not None)
        if self.sliders.count() != latent.size:
            self.sliders.set_dimensions(latent.size)
        if tuple(row.choice for row in self.choices) != latent.choices:
            self._make_choices()
        self._reorder()

    def _make_choices(self) -> None:
        for row in self.choices:
            row.hide()
            row.setParent(None)
            row.deleteLater()
        self.choices = [ChoiceRow(choice) for choice in self._latent.choices]
        for row in self.choices:
            self._choice_rows.addWidget(row)
            row.chosen.connect(self._latent.set_choice)
            row.lock_toggled.connect(self._on_choice_locked)

    def _on_importance_changed(self) -> None:
        importance, first = self._importance.value, not self._ranked
        self._ranked = importance is not None
        self.sliders.set_notes(self._importance.notes(self.sliders.count()))
        self.sort.setItemText(1, f"by {self._importance.unit}")
        self._fit()
        if importance is not None:
            self._order_waits = True
            if first and not self._held:
                self._reorder()
            self._reorder_when_free()

    def _on_changed(self) -> None:
        latent = self._latent
        self.sliders.set_values(latent.z)
        self.sliders.set_locked(latent.locked)
        for row in self.choices:
            part = range(row.choice.start, row.choice.stop)
            row.set_part(latent.z[part.start : part.stop])
            row.set_locked(latent.locked.issuperset(part))
        for field in (self.seed, self.truncation):
            field.blockSignals(True)
        self.seed.setValue(latent.seed)
        self.truncation.setValue(latent.truncation)
        for field in (self.seed, self.truncation):
            field.blockSignals(False)

    # Room

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Words on Randomise and Reset where there is room for them, else their icons alone."""
        self.sort.setFixedWidth(_widest(self.sort) + SORT_EDGES)
        room = self.width() - 2 * MARGIN - 3 * GAP - self.seed.minimumWidth() - self.sort.width()
        both = _worded(self.randomize, RANDOMISE) + _worded(self.reset, RESET)
        _say(self.randomize, RANDOMISE if both <= room else "")
        _say(self.reset, RESET if ICON_WIDTH + _worded(self.reset, RESET) <= room else "")
        self.search.setPlaceholderText(FIND if self.width() >= WIDE_SEARCH else "Find")


def _widest(choice: ChoiceField) -> int:
    texts = [choice.itemText(i) for i in range(choice.count())]
    return max(map(choice.fontMetrics().horizontalAdvance, texts))


def _worded(button: QPushButton, word: str) -> int:
    return button.fontMetrics().horizontalAdvance(word) + WORD_EDGES


def _say(button: QPushButton, word: str) -> None:
    if button.text() != word:
        button.setText(word)
        theme.set_property(button, "flat", not word)


def _found(text: str, dimension: int) -> bool:
    """Whether a search means a dimension: by part of its name, or by its index, as in "3, 7-12"."""
    if text.casefold() in f"z{dimension}":
        return True
    if not _INDICES.fullmatch(text):
        return False
    return any(int(low) <= dimension <= int(high or low) for low, high in _RANGE.findall(text))
