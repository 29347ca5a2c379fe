"""The Compare mode: two models, the same latent and the same seeds, side by side."""

from __future__ import annotations

import functools

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from latentlab.export.grid import compose
from latentlab.ui import theme
from latentlab.ui.comparison import NOTHING, PRESENT, SEEDS, Side, split_key
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.picture import GridView, PictureView
from latentlab.ui.widgets.pixels import tile_picture

#: The entry that is no run but a way to one.
BROWSE = "browse"
#: A row of seeds is as high as this allows and the window leaves.
LOWEST_ROW, HIGHEST_ROW = 28, 72
GAP, ROW_GAP, LETTER = 16, 4, 18


class ComparePanel(QWidget):
    """A on the left, B on the right, what differs between them; below, a row of seeds of each."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_panel")
        self.setAccessibleName("Compare")
        self._session, self._latent, self._comparison = session, session.latent, session.comparison

        self.choices = [self._choice(place) for place in (0, 1)]
        tooltip = "Show where, and how much, the two pictures differ."
        self.difference = push_button("compare_difference", "Difference", tooltip)
        self.difference.setCheckable(True)
        self.view = QWidget()
        self.view.setObjectName("compare_view")
        self.view.setAccessibleName("The present latent through both models")
        self.pictures = [self._picture(f"compare_picture_{letter}", f"{letter.upper()}") for letter in "ab"]
        self.between = self._picture("compare_picture_difference", "The difference")
        self.between.set_empty_text("Two pictures of one size\nshow a difference.")
        self.captions = [ElidedLabel(role="secondary") for _ in "ab"]
        self.amount = ElidedLabel(role="secondary")
        for name, label in zip(("a", "difference", "b"), self._labels(), strict=True):
            label.setObjectName(f"compare_caption_{name}")
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.seeds = [self._seeds(place) for place in (0, 1)]

        self._lay_out()
        self._on_choices_changed()
        self._on_difference_toggled(False)
        for place, side in enumerate(self._comparison.sides):
            self._show_side(place)
            self._show_pictures(place)
            side.changed.connect(functools.partial(self._show_side, place))
            side.pictured.connect(functools.partial(self._show_pictures, place))
            self.choices[place].activated.connect(functools.partial(self._on_chosen, place))
            self.seeds[place].tile_clicked.connect(self._latent.set_seed)
        self.difference.toggled.connect(self._on_difference_toggled)
        self._comparison.choices_changed.connect(self._on_choices_changed)

    def _labels(self) -> tuple[ElidedLabel, ElidedLabel, ElidedLabel]:
        return self.captions[0], self.amount, self.captions[1]

    def _choice(self, place: int) -> ChoiceField:
        letter = "AB"[place]
        choice = ChoiceField()
        choice.setObjectName(f"compare_{letter.lower()}")
        choice.setAccessibleName(f"What {letter} shows")
        choice.setToolTip(f"What {letter} shows: the present model, one of its checkpoints, another run.")
        return choice

    def _picture(self, name: str, spoken: str) -> PictureView:
        picture = PictureView(smooth=True)
        picture.setObjectName(name)
        picture.setAccessibleName(spoken)
        return picture

    def _seeds(self, place: int) -> GridView:
        letter = "AB"[place]
        row = GridView(smooth=True)
        row.setObjectName(f"compare_seeds_{letter.lower()}")
        row.setAccessibleName(f"Seeds 0 to {SEEDS - 1} of {letter}")
        row.set_empty_text("")
        row.tile_tooltip = lambda seed: f"{letter}, seed {seed}: click to explore it"
        row.setMinimumHeight(LOWEST_ROW)
        return row

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        for place, letter in enumerate("AB"):
            label = QLabel(letter)
            label.setProperty("role", "heading")
            label.setBuddy(self.choices[place])
            head.addWidget(label)
            head.addWidget(self.choices[place], 1)
            if place == 0:
                head.addWidget(self.difference)
        columns = QHBoxLayout(self.view)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(GAP)
        self.columns = []
        for picture, label in zip(
            (self.pictures[0], self.between, self.pictures[1]), self._labels(), strict=True
        ):
            column = QWidget()
            inside = QVBoxLayout(column)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.setSpacing(4)
            inside.addWidget(picture, 1)
            inside.addWidget(label)
            columns.addWidget(column, 1)
            self.columns.append(column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.view, 5)
        layout.addWidget(SeedRows(self.seeds), 3)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._comparison.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._comparison.watch(False)

    # What is chosen

    def _on_choices_changed(self) -> None:
        groups = self._comparison.choices()
        for place, choice in enumerate(self.choices):
            choice.clear()
            for group in groups:
                if choice.count():
                    choice.insertSeparator(choice.count())
                for key, title in group:
                    choice.addItem(title, key)
                    if key not in (NOTHING, PRESENT):
                        tooltip = str(split_key(key)[0])
                        choice.setItemData(choice.count() - 1, tooltip, Qt.ItemDataRole.ToolTipRole)
            choice.insertSeparator(choice.count())
            choice.addItem("Open another run…", BROWSE)
            self._show_choice(place)

    def _show_choice(self, place: int) -> None:
        choice = self.choices[place]
        choice.setCurrentIndex(choice.findData(self._side(place).key))

    def _on_chosen(self, place: int, index: int) -> None:
        key = self.choices[place].itemData(index)
        if key == BROWSE:
            folder = str(self._session.settings.runs)
            key = QFileDialog.getExistingDirectory(self, "Open a run", folder) or self._side(place).key
        self._side(place).choose(key)
        self._on_choices_changed()

    def _on_difference_toggled(self, shown: bool) -> None:
        self._show_difference()

    # What the sides show

    def _side(self, place: int) -> Side:
        return self._comparison.sides[place]

    def _show_side(self, place: int) -> None:
        side = self._side(place)
        problem = side.problem()
        self.captions[place].setText(side.label())
        self.captions[place].setToolTip(side.label())
        self.pictures[place].set_empty_text(problem)
        if self.choices[place].currentData() != side.key:
            self._on_choices_changed()

    def _show_pictures(self, place: int) -> None:
        side = self._side(place)
        self.pictures[place].set_picture(None if side.tile is None else tile_picture(side.tile))
        self._show_seeds(self.seeds[place], side.seeds)
        self._show_difference()

    def _show_seeds(self, row: GridView, tiles: np.ndarray | None) -> None:
        row.setVisible(tiles is not None)
        if tiles is not None:
            count, _, height, width = tiles.shape
            gap = max(1, height // 14)
            row.set_grid(compose(tiles, count, gap), 1, count, height, width, gap)

    def _show_difference(self) -> None:
        both = all(side.tile is not None for side in self._comparison.sides)
        shown = self.difference.isChecked() and both
        self.columns[1].setVisible(shown)
        if not shown:
            return
        difference = self._comparison.difference()
        if difference is None:
            self.between.set_picture(None)
            self.amount.setText("")
        else:
            self.between.set_picture(tile_picture(difference))
            self.amount.setText(f"mean |A − B| {difference.mean():.2f} of 255")


class SeedRows(QWidget):
    """A row of seeds over the other, of one height to the pixel, each behind its letter."""

    def __init__(self, rows: list[GridView]) -> None:
        super().__init__()
        self._rows = rows
        for row in rows:
            row.setParent(self)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)
        self.setMinimumHeight(2 * LOWEST_ROW + ROW_GAP)
        self.setMaximumHeight(2 * HIGHEST_ROW + ROW_GAP)

    def _height(self) -> int:
        return (self.height() - ROW_GAP) // 2

    def resizeEvent(self, event: QResizeEvent) -> None:
        for place, row in enumerate(self._rows):
            row.setGeometry(LETTER, place * (self._height() + ROW_GAP), self.width() - LETTER, self._height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.current().color("secondary"))
        for letter, row in zip("AB", self._rows, strict=True):
            if row.picture is not None:
                painter.drawText(0, row.y(), LETTER, row.height(), Qt.AlignmentFlag.AlignVCenter, letter)
