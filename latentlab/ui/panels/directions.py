"""The Directions dock: ways to find directions, and a slider along each that was found or kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from latentlab.latent import traversal
from latentlab.latent.directions import METHODS
from latentlab.ui import theme
from latentlab.ui.directions_state import Item
from latentlab.ui.latent_state import Axis
from latentlab.ui.session import Session
from latentlab.ui.strips import STRIP_TILES, Strips
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.direction_slider import DirectionSliderList
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.form import ConfigForm

#: The one to begin with, and the one that thumbs are for.
FIRST, OF_THUMBS = "pca", "picks"
EMPTY = "Press Find: directions appear here as sliders,\neach with pictures of where it leads."
EMPTY_WITHOUT_MODEL = "Directions are found in a model:\npress Train, or open a run."


class DirectionsPanel(QWidget):
    """Finds directions, and moves the present latent along them."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("directions_panel")
        self.setAccessibleName("Directions")
        self._latent, self._directions = session.latent, session.directions
        self._values: dict[str, dict[str, Any]] = {}  # settings of the methods that were looked at

        self.method = ChoiceField()
        self.method.setObjectName("directions_method")
        self.method.setAccessibleName("How to find directions")
        for key, method in METHODS.items():
            self.method.addItem(method.title, key)
            self.method.setItemData(self.method.count() - 1, method.about, Qt.ItemDataRole.ToolTipRole)
        self.method.setCurrentIndex(self.method.findData(FIRST))
        self._shown_method = ""
        self.compute = push_button("directions_compute", "Find", "", primary=True)
        self.compute.setMinimumWidth(80)
        self.about = _words("directions_about")
        tooltip = "Show or hide the settings of this search."
        self.settings = push_button("directions_settings", "Settings", tooltip, flat=True)
        self.settings.setIconSize(QSize(12, 12))
        self.settings.setCheckable(True)
        self.settings.setChecked(True)
        self.form = ConfigForm("directions")
        self.follow = QCheckBox("Follow the image")
        self.follow.setObjectName("directions_follow")
        self.follow.setAccessibleName("Follow the image")
        self.follow.setToolTip("Find them again whenever the image has changed; not while one is dragged.")
        self.follow.setChecked(self._directions.follow)
        self.obstacle = _words("directions_obstacle", "obstacle")
        self.progress = QProgressBar()
        self.progress.setObjectName("directions_progress")
        self.progress.setAccessibleName("Progress of the search")
        self.progress.setTextVisible(False)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the list below does not jump
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.thumbs = QLabel()
        self.thumbs.setObjectName("directions_thumbs")
        self.thumbs.setProperty("role", "secondary")
        self.clear_thumbs = push_button(
            "directions_clear_thumbs", "Clear", "Forget what was liked and what was not.", flat=True
        )
        self.sliders = DirectionSliderList()
        self.empty = QLabel()
        self.empty.setProperty("role", "secondary")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.sliders)
        self._strips = Strips(session, self.sliders, "direction-strips", self._along)

        self._lay_out()
        self._show_method()
        self._show_settings()
        self._show_items()
        self._show_thumbs()
        self.method.currentIndexChanged.connect(self._show_method)
        self.compute.clicked.connect(self._on_compute)
        self.settings.toggled.connect(self._show_settings)
        self.follow.toggled.connect(self._directions.set_follow)
        self.clear_thumbs.clicked.connect(self._directions.clear_thumbs)
        self.sliders.value_changed.connect(self._on_slid)
        self.sliders.drag_started.connect(self._on_drag_started)
        self.sliders.drag_ended.connect(self._on_drag_ended)
        self.sliders.lock_toggled.connect(self._on_keep_toggled)
        self.sliders.renamed.connect(self._on_renamed)
        self.sliders.removed.connect(self._on_removed)
        self._directions.changed.connect(self._show_items)
        self._directions.thumbs_changed.connect(self._show_thumbs)
        self._directions.search_changed.connect(self._on_search_changed)
        self._directions.progressed.connect(self._on_progressed)
        session.dataset_changed.connect(self._update)
        self._latent.space_changed.connect(self._update)
        self._latent.changed.connect(self._show_positions)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.method, 1)
        first.addWidget(self.compute)
        thumbs = QHBoxLayout()
        thumbs.setSpacing(8)
        thumbs.addWidget(self.thumbs, 1)
        thumbs.addWidget(self.clear_thumbs)
        head = QVBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.setSpacing(8)
        head.addLayout(first)
        head.addWidget(self.about)
        head.addLayout(thumbs)
        head.addWidget(self.settings, 0, Qt.AlignmentFlag.AlignLeft)
        head.addWidget(self.form)
        head.addWidget(self.follow)
        head.addWidget(self.obstacle)
        head.addWidget(self.progress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)

    # The search

    def _show_method(self) -> None:
        """The chosen method's words and settings."""
        if self._shown_method:
            self._values[self._shown_method] = self.form.values()
        key = self._shown_method = self.method.currentData()
        method = METHODS.get(key)
        self.about.setText(
            f"{method.about} arXiv\N{NO-BREAK SPACE}{method.paper}" if method.paper else method.about
        )
        self.method.setToolTip(method.about)
        self.form.set_config(method.Config, self._values.get(key))
        self.follow.setVisible(method.live)
        self._show_settings()
        self._show_thumbs()

    def _show_settings(self) -> None:
        some = bool(METHODS.get(self._shown_method).Config.model_fields)
        self.settings.setVisible(some)
        self.form.setVisible(some and self.settings.isChecked())
        theme.set_icon(
            self.settings, "chevron-down" if self.settings.isChecked() else "chevron-right", "secondary"
        )

    def _update(self) -> None:
        """What can be done now."""
        searching = self._directions.searching
        reason = "" if searching else self._directions.obstacle(self._shown_method)
        there = self._latent.model is not None
        self.obstacle.setText(reason)
        self.obstacle.setVisible(there and bool(reason))  # without a model the empty list says it
        self.compute.setEnabled(not reason)
        self.compute.setText("Cancel" if searching else "Find")
        self.compute.setAccessibleName(self.compute.text())
        tooltip = "Give up this search." if searching else "Look for directions; those kept stay."
        self.compute.setToolTip(reason or tooltip)
        theme.set_property(self.compute, "primary", not searching)
        self.progress.setVisible(searching)
        self.empty.setText(EMPTY if there else EMPTY_WITHOUT_MODEL)

    def _on_compute(self) -> None:
        if self._directions.searching:
            self._directions.cancel()
        else:
            self._directions.compute(self._shown_method, self.form.values())

    def _on_search_changed(self, searching: bool) -> None:
        if searching:
            self.progress.setRange(0, 0)  # until it says how far it is
        self._update()

    def _on_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    # The list

    def _show_items(self) -> None:
        items, sliders = self._directions.items, self.sliders
        strips = {name: sliders.filmstrip(i) for i, name in enumerate(sliders.names())}
        if len(items) != sliders.count():
            if not sliders.count() or not items:  # the list needs the room of the settings, or not
                self.settings.setChecked(not items)
            sliders.set_dimensions(len(items))
        sliders.set_names([item.name for item in items])
        sliders.set_notes([item.note for item in items])
        sliders.set_locked({i for i, item in enumerate(items) if item.kept})
        for i, item in enumerate(items):
            sliders.set_filmstrip(i, strips.get(item.name))
        self.stack.setCurrentWidget(sliders if items else self.empty)
        self._show_positions()
        self._strips.refresh()

    def _show_positions(self) -> None:
        items = self._directions.items
        if len(items) == self.sliders.count() and all(len(i.vector) == self._latent.size for i in items):
            # A latent is float32: what lies at 0 is off by some 1e-7, and has nothing to reset.
            self.sliders.set_values(np.round([self._latent.position(_axis(item)) for item in items], 5))

    def _along(self, index: int) -> np.ndarray:
        vector = self._directions.items[index].vector
        return traversal.along(self._latent.z, [vector], STRIP_TILES)[0]

    def _on_slid(self, index: int, value: float) -> None:
        item = self._directions.items[index]
        self._latent.set_position(_axis(item), value, gesture=f"direction {item.name}")

    def _on_drag_started(self) -> None:
        self._directions.hold()
        self._latent.hold()

    def _on_drag_ended(self) -> None:
        self._latent.release()
        self._directions.release()

    def _on_keep_toggled(self, index: int, keep: bool) -> None:
        here = self.sliders.row(index).lock.hasFocus()
        index = self._directions.keep(index, keep)
        if here:  # the keyboard stays with the direction
            self._scroll_to(index, self.sliders.row(index).lock)

    def _on_renamed(self, index: int, name: str) -> None:
        here = self._has_focus(index)
        index = self._directions.rename(index, name)
        if here:
            self._scroll_to(index, self.sliders.row(index).slider)

    def _on_removed(self, index: int) -> None:
        here = self._has_focus(index)
        self._directions.remove(index)
        if here and self._directions.items:
            index = min(index, len(self._directions.items) - 1)
            self._scroll_to(index, self.sliders.row(index).slider)

    def _has_focus(self, index: int) -> bool:
        widget = QApplication.focusWidget()
        return widget is not None and self.sliders.row(index).isAncestorOf(widget)

    def _scroll_to(self, index: int, part: QWidget) -> None:
        self.sliders.scroll_to(index)
        part.setFocus()

    # Thumbs

    def _show_thumbs(self) -> None:
        liked, disliked = len(self._directions.liked), len(self._directions.disliked)
        self.thumbs.setText(f"{liked} liked · {disliked} not")
        for widget in (self.thumbs, self.clear_thumbs):
            widget.setVisible(bool(liked or disliked) or self._shown_method == OF_THUMBS)
        self.clear_thumbs.setEnabled(bool(liked or disliked))
        self._update()


def _axis(item: Item) -> Axis:
    return Axis(item.name, item.vector)


def _words(name: str, role: str = "secondary") -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
