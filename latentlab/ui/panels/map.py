"""The Map mode: where images lie in the latent space, to go there; or the plane of two axes, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.points import draw, is_points
from latentlab.latent import projection as maps
from latentlab.latent.projection import PROJECTIONS
from latentlab.models.base import Choice
from latentlab.ui.mapping import LatentMap
from latentlab.ui.panels.manifold import Manifold
from latentlab.ui.session import Session
from latentlab.ui.widgets import colour_key
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField, choice_field
from latentlab.ui.widgets.flow import FlowLayout
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.pixels import tile_picture
from latentlab.ui.widgets.segments import Segments

if TYPE_CHECKING:
    from latentlab.ui.widgets.scatter import ScatterView

NO_MODEL = (
    "Press Train, or open a run: the map shows where images lie in its latent space,\nand a click goes there."
)
POINTS = 0
COUNTS = (1000, 2000, 5000, 10_000)
HINT = "click or drag to go there · right drag pans · wheel zooms"
HINT_POINTS = "click a point to go there · drag pans · wheel zooms"


class MapPanel(QWidget):
    """Points or manifold. The plot is built by `build`, because pyqtgraph is slow to import."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map_panel")
        self._session, self._latent = session, session.latent
        self.state = LatentMap(session)
        self.plot: ScatterView | None = None
        self._colours_of: object = None  # the dataset and categories that can be chosen
        self._walk_from: np.ndarray | None = None
        self._stale = False  # whether the dimensions on offer are another model's

        self.manifold = Manifold(session)
        self.mode = Segments()
        self.mode.setObjectName("map_mode")
        self.mode.setAccessibleName("What the map shows")
        self.mode.add("map_show_points", "Points", "Where images lie in the latent space.")
        self.mode.add(
            "map_show_manifold",
            "Manifold",
            "The plane of two dimensions or directions, decoded tile by tile.",
        )
        self.kind = _choice("map_kind", "Kind of map", "How the latent space is laid out on the plane.")
        for key, kind in PROJECTIONS.items():
            self.kind.addItem(kind.title, key)
            self.kind.setItemData(self.kind.count() - 1, kind.about, Qt.ItemDataRole.ToolTipRole)
        self.kind.setCurrentIndex(self.kind.findData(self.state.kind))
        self.dim_x = _choice("map_dim_x", "Dimension to the right", "The dimension that grows to the right.")
        self.dim_y = _choice("map_dim_y", "Dimension upwards", "The dimension that grows upwards.")
        for field in (self.dim_x, self.dim_y):
            field.setFixedWidth(74)
        self.colour = _choice("map_colour", "Colour by", "What the points' colours say.")
        self.colour.setFixedWidth(114)
        self.count = _choice("map_count", "Images", "At most so many images of the dataset.")
        for count in COUNTS:
            self.count.addItem(f"{count:,}", count)
        self.count.setCurrentIndex(COUNTS.index(self.state.count))
        self.compute = push_button("map_compute", "Draw the map", "Draw it for the model as it is now.")
        self.progress = QProgressBar()
        self.progress.setObjectName("map_progress")
        self.progress.setAccessibleName("Progress of the map")
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(96)
        self.progress.hide()
        self.fit = push_button("map_fit", "Show all", "Show every point again (Home).", flat=True)
        self.fit.hide()
        self.key = colour_key.ColourKey()
        self.note = ElidedLabel(role="secondary")
        self.note.setObjectName("map_note")
        self.empty = QLabel(NO_MODEL)
        self.empty.setProperty("role", "secondary")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)

        self._lay_out()
        self.mode.chosen.connect(self._on_mode_chosen)
        for field in (self.kind, self.dim_x, self.dim_y):
            field.activated.connect(self._on_kind_chosen)
        self.count.activated.connect(self._on_count_chosen)
        self.colour.activated.connect(self._colour_points)
        self.compute.clicked.connect(self._on_compute)
        self.state.changed.connect(self._on_drawn)
        self.state.busy_changed.connect(self._on_busy_changed)
        self.state.progressed.connect(self._on_progressed)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.changed.connect(self._mark)
        self._latent.weights_changed.connect(self._show_note)
        self._on_space_changed()

    def _lay_out(self) -> None:
        self.of_dimensions = [_pair("→", self.dim_x), _pair("↑", self.dim_y)]
        self.of_points = [self.kind, self.colour]
        self.of_manifold = [
            _pair("↓", self.manifold.down),
            _pair("→", self.manifold.right),
            _pair("Tiles", self.manifold.side),
        ]
        controls = FlowLayout(spacing=6)
        for widget in (self.mode, self.kind, *self.of_dimensions, self.colour, *self.of_manifold):
            controls.addWidget(widget)
        above = QHBoxLayout()
        above.setSpacing(12)
        above.addStretch(1)  # the plot's place
        above.addWidget(self.key)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.note, 1)
        for widget in (self.fit, self.progress, _pair("Images", self.count), self.compute):
            below.addWidget(widget)
        self.points = QWidget()
        column = QVBoxLayout(self.points)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(above, 1)
        column.addLayout(below)
        self._beside_key = above
        self.stack = QStackedWidget()
        for page in (self.empty, self.points, self.manifold):
            self.stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(controls)
        layout.addWidget(self.stack, 1)

    def build(self) -> None:
        """Make the plot; call once pyqtgraph is imported."""
        from latentlab.ui.widgets.scatter import ScatterView

        self.plot = ScatterView()
        self.plot.setObjectName("map_view")
        self.plot.setAccessibleName("Map of the latent space")
        self.plot.setAccessibleDescription(HINT)
        self.plot.describe = self._describe
        self._beside_key.takeAt(0)
        self._beside_key.insertWidget(0, self.plot, 1)
        self.plot.point_clicked.connect(self._on_point_clicked)
        self.plot.place_clicked.connect(self._on_place_clicked)
        self.plot.walk_started.connect(self._on_walk_started)
        self.plot.walked.connect(self._on_walked)
        self.plot.walk_ended.connect(self._on_walk_ended)
        self.plot.zoomed.connect(self.fit.setVisible)
        self.fit.clicked.connect(self.plot.show_all)
        self._on_drawn()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._take_space()
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.state.watch(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.plot is not None:
            self._colour_points()

    def _watch(self) -> None:
        self.state.watch(self.isVisible() and self.mode.index() == POINTS)

    # What is chosen

    def _on_mode_chosen(self, _: int) -> None:
        self._show_mode()
        self._watch()

    def _show_mode(self) -> None:
        points, there = self.mode.index() == POINTS, self._latent.model is not None
        planar = points and self.kind.currentData() == "dimensions"
        for widgets, wanted in (
            (self.of_points, points),
            (self.of_dimensions, planar),
            (self.of_manifold, not points),
        ):
            for widget in widgets:
                widget.setVisible(wanted)
                widget.setEnabled(there)
        self.mode.setEnabled(there)
        page = self.empty if not there else self.points if points else self.manifold
        self.stack.setCurrentWidget(page)

    def _on_space_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self._take_space()
        self._show_mode()

    def _take_space(self) -> None:
        """Offer the dimensions of the model: not before somebody looks, for there may be 512."""
        self._stale = False
        dimensions = self._latent.dimensions()
        for field, place in ((self.dim_x, 0), (self.dim_y, 1)):
            kept = field.currentData()
            field.clear()
            for i in dimensions:
                field.addItem(f"z{i}", i)
            fallback = min(place, len(dimensions) - 1)
            field.setCurrentIndex(dimensions.index(kept) if kept in dimensions else fallback)

    def _on_kind_chosen(self) -> None:
        self._show_mode()
        self.state.show_kind(self.kind.currentData(), (self.dim_x.currentData(), self.dim_y.currentData()))

    def _on_count_chosen(self) -> None:
        self.state.set_count(self.count.currentData())

    def _on_compute(self) -> None:
        if self.state.busy:
            self.state.cancel()
        else:
            self.state.update()

    # What is drawn

    def _on_busy_changed(self, busy: bool) -> None:
        self.progress.setRange(0, 0)
        self.progress.setVisible(busy)
        self._show_note()

    def _on_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _on_drawn(self) -> None:
        drawn = self.state.drawn
        self._show_note()
        if self.plot is None:
            return
        if drawn is None:
            self.plot.set_points(np.empty((0, 2)), ("", ""))
            self.plot.set_marker(None)
            self.key.set_colouring(None)
            return
        self.plot.walkable = drawn.projection.basis is not None
        self._offer_colours()
        colouring = self._colouring()
        self.plot.set_points(drawn.projection.points, drawn.projection.axes, colouring)
        self.key.set_colouring(colouring)
        self._mark()

    def _show_note(self, _: object = None) -> None:
        drawn, model = self.state.drawn, self._latent.model
        text = "Cancel" if self.state.busy else "Draw the map" if drawn is None else "Update"
        self.compute.setText(text)
        self.compute.setAccessibleName(text)
        if drawn is None or model is None:
            self.note.setText("drawing…" if self.state.busy else "")
            return
        count = len(drawn.cloud.latents)
        if drawn.dataset is not None:
            what = f"{count:,} {'points' if drawn.dataset.is_points else 'images'} of {drawn.dataset.name}"
        elif not model.can_encode:
            what = f"{count:,} samples: a {model.family.upper()} has no encoder"
        else:
            dataset = self._session.dataset
            other = f"{dataset.name} has other images than the model's" if dataset else "no images are loaded"
            what = f"{count:,} samples: {other}"
        if drawn.step != self._latent.step:
            what += f" · the map is of step {drawn.step:,}, the model at {self._latent.step:,}"
        text = f"{what} · {HINT if drawn.projection.basis is not None else HINT_POINTS}"
        self.note.setText(text)
        self.note.setToolTip(text)

    def _offer_colours(self) -> None:
        """Label, factors and categories where there are any; what is chosen stays where it is still there."""
        assert self.state.drawn is not None
        dataset, choices = self.state.drawn.dataset, self._latent.choices
        if self._colours_of == (dataset, choices):
            return
        self._colours_of, kept = (dataset, choices), self.colour.currentData()
        self.colour.clear()
        if dataset is not None and dataset.labels is not None:
            self.colour.addItem("by label", "label")
        for name in dataset.factors if dataset is not None else ():
            self.colour.addItem(f"by {name}", f"factor {name}")
        for choice in choices:
            self.colour.addItem(f"by {choice.title.lower()}", choice)
        self.colour.addItem("plain", "none")
        self.colour.setCurrentIndex(max(0, self.colour.findData(kept) if kept != "none" else 0))

    def _colour_points(self, _: object = None) -> None:
        if self.plot is not None and self.state.drawn is not None:
            colouring = self._colouring()
            self.plot.set_colouring(colouring)
            self.key.set_colouring(colouring)

    def _colouring(self) -> colour_key.Colouring | None:
        """The chosen one; None for one colour."""
        drawn, chosen = self.state.drawn, self.colour.currentData()
        if drawn is None or chosen == "none":
            return None
        if isinstance(chosen, Choice):
            return colour_key.by_class(
                drawn.cloud.latents[:, chosen.start : chosen.stop].argmax(1), chosen.labels
            )
        assert drawn.dataset is not None
        dataset, indices = drawn.dataset, drawn.cloud.indices
        if chosen == "label":
            assert dataset.labels is not None
            return colour_key.by_class(dataset.labels[indices], dataset.label_names)
        name = chosen.removeprefix("factor ")
        return colour_key.by_factor(name, dataset.factors[name][indices])

    def _mark(self) -> None:
        drawn = self.state.drawn
        if self.plot is not None and drawn is not None:
            self.plot.set_marker(drawn.at(self._latent.z))

    def _describe(self, index: int) -> tuple[np.ndarray, str]:
        assert self.state.drawn is not None
        images = self.state.drawn.cloud.images[index : index + 1]
        pictures = draw(images) if is_points(images.shape[1:]) else images
        return tile_picture(pictures[0]), self.state.drawn.name(index)

    # Going there

    def _on_point_clicked(self, index: int) -> None:
        if self.state.drawn is not None:
            self._latent.set_z(self.state.drawn.cloud.latents[index], "map")

    def _on_place_clicked(self, x: float, y: float) -> None:
        self._go(x, y)

    def _on_walk_started(self, x: float, y: float) -> None:
        """From the cross one walks on from where one is, from elsewhere on the plane of the map."""
        assert self.plot is not None
        cross = self.plot.marker
        held = cross is not None and self.plot.reaches(cross, (x, y))
        self._walk_from = self._latent.z if held else None
        self._latent.hold()

    def _on_walked(self, x: float, y: float) -> None:
        self._go(x, y, self._walk_from, "map")

    def _on_walk_ended(self) -> None:
        self._walk_from = None
        self._latent.release()

    def _go(self, x: float, y: float, start: np.ndarray | None = None, gesture: str = "") -> None:
        if self.state.drawn is not None:
            z = maps.back(self.state.drawn.projection, np.array([x, y]), start)
            if z is not None:
                self._latent.set_z(z, "map", gesture)


def _choice(name: str, spoken: str, tooltip: str) -> ChoiceField:
    field = choice_field(name, spoken, tooltip)
    field.setSizeAdjustPolicy(ChoiceField.SizeAdjustPolicy.AdjustToContents)
    return field


def _pair(text: str, field: QWidget) -> QWidget:
    """A word and its field, which stay together."""
    pair = QWidget()
    row = QHBoxLayout(pair)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    label = QLabel(text)
    label.setProperty("role", "secondary")
    label.setBuddy(field)
    row.addWidget(label)
    row.addWidget(field)
    return pair
