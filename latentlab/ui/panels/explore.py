"""The Explore mode: the present image, large, what lies around it, and where one has been."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from latentlab.core.points import is_points
from latentlab.export.grid import compose
from latentlab.ui.latent_state import AROUND_SIDE, Axis
from latentlab.ui.panels.explore_pad import ExplorePad, beside, nudge, plane_name
from latentlab.ui.session import Session
from latentlab.ui.widgets.axis_choice import AxisChoice
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.picture import GridView
from latentlab.ui.widgets.pixels import tile_picture
from latentlab.ui.widgets.plane_view import PlaneView
from latentlab.ui.widgets.segments import Segments
from latentlab.ui.widgets.visited_strip import RING, VisitedStrip

if TYPE_CHECKING:
    from latentlab.models.base import Model

EMPTY_TEXT = "Press Train: images appear here as the model learns,\nand every slider moves them."
#: How far apart, in sigma, the neighbours may be; the arrow keys go as far.
STEPS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
#: Pixels: around everything, between image and neighbourhood, heights of the rows; the image matters more
#: than the strip, which goes when it would leave less than SMALLEST.
MARGIN, GAP, HEAD, FOOT, LABEL = 16, 24, 28, 26, 18
SMALLEST = 180


class ExplorePanel(QWidget):
    """What the present latent decodes to; one moves by dragging it, by grid and by pad."""

    timed = Signal(float, float, float)  # ms to decode, ms from request to painted, pictures per second

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explore_panel")
        self.setMinimumSize(320, 200)
        self._session = session
        self._latent, self._directions = session.latent, session.directions
        self._decode_ms = 0.0
        self._painted: deque[float] = deque(maxlen=30)
        self._model: Model | None = None  # whose axes are offered
        self._importance, self._chosen = session.importance, False  # whether a person chose the axes
        self._dimensions: list[Axis] = []
        self._drag_from: tuple[np.ndarray, tuple[Axis, Axis]] | None = None

        self._make_widgets()
        self._join()
        self._on_space_changed()
        latent = session.latent
        latent.explored.connect(self._on_explored)
        latent.surrounded.connect(self._on_surrounded)
        latent.space_changed.connect(self._on_space_changed)
        latent.axes_changed.connect(self._on_axes_changed)
        latent.visited_changed.connect(self._on_visited_changed)
        session.directions.changed.connect(self._on_directions_changed)
        session.importance.changed.connect(self._on_importance_changed)
        session.directions.thumbs_changed.connect(self._on_thumbs_changed)
        session.history.changed.connect(self._show_points)
        session.points.changed.connect(self._show_points)
        session.points.layers_changed.connect(self._show_points)

    def _make_widgets(self) -> None:
        self._choices = self.down, self.right = AxisChoice(), AxisChoice()
        arrows = QLabel("↓"), QLabel("→")
        for arrow in arrows:
            arrow.setProperty("role", "secondary")
        for choice, name, where in ((self.down, "down", "downwards"), (self.right, "right", "to the right")):
            choice.setObjectName(f"explore_axis_{name}")
            choice.setAccessibleName(f"What grows {where}")
            choice.setToolTip(f"The dimension or direction that grows {where}.")
        self.axes = _row(self, arrows[0], self.down, arrows[1], self.right)

        self.mode = Segments(self)
        self.mode.setObjectName("explore_around_mode")
        self.mode.setAccessibleName("What stands beside the image")
        self.mode.add(
            "explore_show_around", "Around", "Images around the present one: click one to go there."
        )
        self.mode.add(
            "explore_show_pad", "Pad", "The whole plane with a handle: drag it, double click centres."
        )

        self.view = PlaneView(self)
        self.view.setObjectName("explore_view")
        self.view.setAccessibleName("The image of the present latent")
        self.view.set_empty_text(EMPTY_TEXT)
        self.around = GridView(self, smooth=True)
        self.around.setObjectName("explore_around")
        self.around.setAccessibleName("The neighbourhood of the present latent")
        self.around.set_empty_text("")
        self.around.tile_tooltip = self._neighbour_tooltip
        self.pad = ExplorePad(self._session, self)
        self.pad.setObjectName("explore_pad")
        self.pad.setAccessibleName("The plane of the two axes")
        self.pad.setToolTip(
            "Drag the handle through the plane; Shift is fine, double click goes to the middle."
        )

        self.like = push_button("explore_like", "", "", "thumb-up", flat=True)
        self.dislike = push_button("explore_dislike", "", "", "thumb-down", flat=True)
        self.like.setAccessibleName("I like this one")
        self.dislike.setAccessibleName("I do not like this one")
        self.caption = ElidedLabel(role="secondary")
        self.foot = _row(self, self.like, self.dislike, self.caption)
        self.visited_label = QLabel("visited", self)
        self.visited_label.setProperty("role", "secondary")
        self.visited = VisitedStrip(self)
        self.visited.setObjectName("explore_visited")
        self.visited.setAccessibleName("Visited images")
        self.visited.setToolTip("Where you have been: click, or arrows and Enter, to go back there.")
        self.visited.tile_tooltip = self._visit_tooltip
        self._on_thumbs_changed()

    def _join(self) -> None:
        self.down.activated.connect(self._on_down_chosen)
        self.right.activated.connect(self._on_right_chosen)
        self.mode.chosen.connect(self._arrange)
        self.view.painted.connect(self._on_painted)
        self.view.drag_started.connect(self._on_drag_started)
        self.view.dragged.connect(self._on_dragged)
        self.view.step_turned.connect(self._on_step_turned)
        self.view.drag_ended.connect(self._on_drag_ended)
        self.view.nudged.connect(self._on_nudged)
        self.around.tile_clicked.connect(self._on_neighbour_clicked)
        self.like.clicked.connect(self._on_liked)
        self.dislike.clicked.connect(self._on_disliked)
        self.visited.chosen.connect(self._latent.go_to_visit)

    # Where everything stands: by hand, because image, neighbourhood and rows share one width and one edge

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(640, 440)

    def _arrange(self) -> None:
        model, plane = self._latent.model, self._latent.axes is not None
        for widget in (self.axes, self.mode):
            widget.setVisible(plane)
        self.foot.setVisible(model is not None)
        on_pad = self.mode.index() == 1
        self.around.setVisible(plane and not on_pad)
        self.pad.setVisible(plane and on_pad)
        room = self.rect().adjusted(MARGIN, MARGIN // 2, -MARGIN, -MARGIN // 2)
        if model is None:
            self.view.setGeometry(room.adjusted(0, MARGIN // 2, 0, 0))
            self.visited_label.hide()
            self.visited.hide()
            return
        top = room.top() + (HEAD + 8 if plane else 8)
        height = room.bottom() + 1 - top - FOOT
        strip = LABEL + self.visited.height() + 4
        with_strip = height - strip >= SMALLEST
        self.visited_label.setVisible(with_strip)
        self.visited.setVisible(with_strip)
        height -= strip if with_strip else 0

        aspect = model.image_shape[2] / model.image_shape[1]
        share = (room.width() - GAP) / 2 if plane else room.width()
        side = max(64, min(height, int(share / aspect)))
        width = max(64, round(side * aspect))
        group = 2 * width + GAP if plane else width
        left = room.left() + (room.width() - group) // 2
        self.view.setGeometry(left, top, width, side)
        beside = QRect(left + width + GAP, top, width, side)
        self.around.setGeometry(beside)
        self.pad.setGeometry(beside)
        switch = self.mode.sizeHint().width()
        self.mode.setGeometry(left + group - switch, room.top(), switch, HEAD)
        # As wide as the image, or wider where that is too little for a name.
        self.axes.setGeometry(left, room.top(), min(max(width, 320), group - switch - GAP), HEAD)
        # A thumb, not its button's padding, is in line with the image.
        self.foot.setGeometry(left - 4, top + side + 2, group + 4, FOOT - 2)
        self.visited_label.setGeometry(left, top + side + FOOT, group, LABEL)
        self.visited.setGeometry(
            left - RING, top + side + FOOT + LABEL, group + 2 * RING, self.visited.height()
        )

    # The plane

    def _on_space_changed(self) -> None:
        latent = self._latent
        self._model = latent.model
        if len(self._dimensions) != len(latent.dimensions()):
            self._chosen = False
        self.view.set_movable(latent.axes is not None)
        self._show_points()
        self._dimensions = [latent.dimension_axis(i) for i in latent.dimensions()]
        for choice in self._choices:
            choice.set_dimensions(self._dimensions)
        self._on_directions_changed()
        self._arrange()

    def _on_directions_changed(self) -> None:
        latent = self._latent
        if self._model is not latent.model:
            return  # the directions heard of the new model first
        found = [Axis(d.name, d.vector) for d in self._directions.items if len(d.vector) == latent.size]
        for choice in self._choices:
            choice.set_directions(found)
        if latent.axes is None:
            return
        down, right = (choice.offered(a) for choice, a in zip(self._choices, latent.axes, strict=True))
        # One that is gone is followed by its dimension.
        down = down or self._default(0, right)
        right = right or self._default(1, down)
        if not all(_alike(*pair) for pair in zip((down, right), latent.axes, strict=True)):
            latent.set_axes(down, right)

    def _default(self, place: int, other: Axis | None) -> Axis:
        """The dimension that stands for an axis that is gone, unless the other axis has it already."""
        mine = self._dimensions[place]
        taken = other is not None and np.array_equal(mine.vector, other.vector)
        return self._dimensions[1 - place] if taken else mine

    def _on_importance_changed(self) -> None:
        """Where nobody chose the axes and one of them changes nothing, the two that matter most take over."""
        value, latent = self._importance.value, self._latent
        if self._chosen or value is None or latent.axes is None or len(value.values) != latent.size:
            return
        idle = self._importance.inactive()
        best = sorted(latent.dimensions(), key=lambda i: -value.values[i])[:2]
        still = [np.count_nonzero(a.vector) == 1 and int(a.vector.argmax()) in idle for a in latent.axes]
        if any(still) and not idle & set(best):
            latent.set_axes(*(latent.dimension_axis(i) for i in best))

    def _on_axes_changed(self) -> None:
        if self._latent.axes is not None:
            for choice, axis in zip(self._choices, self._latent.axes, strict=True):
                choice.show_axis(axis)
        self._show_caption()

    def _on_down_chosen(self) -> None:
        self._choose(self.down.currentData(), 0)

    def _on_right_chosen(self) -> None:
        self._choose(self.right.currentData(), 1)

    def _choose(self, axis: Axis, place: int) -> None:
        assert self._latent.axes is not None
        self._chosen = True
        axes = list(self._latent.axes)
        if np.array_equal(axes[1 - place].vector, axis.vector):  # no plane: they change places
            axes[1 - place] = axes[place]
        axes[place] = axis
        self._latent.set_axes(*axes)

    # What a person does

    def _on_drag_started(self) -> None:
        assert self._latent.axes is not None
        self._drag_from = self._latent.z, self._latent.axes
        self._latent.hold()
        self._directions.hold()

    def _on_drag_ended(self) -> None:
        self._latent.release()
        self._directions.release()

    def _on_dragged(self, down: float, right: float) -> None:
        if self._drag_from is not None:
            start, axes = self._drag_from
            self._latent.set_z(beside(start, axes, down, right), plane_name(axes), "drag")

    def _on_nudged(self, down: int, right: int, fine: bool) -> None:
        nudge(self._latent, down, right, fine)

    def _on_step_turned(self, notches: int) -> None:
        at = min(range(len(STEPS)), key=lambda i: abs(STEPS[i] - self._latent.around_step))
        self._latent.set_around_step(STEPS[max(0, min(len(STEPS) - 1, at + notches))])

    def _on_neighbour_clicked(self, index: int) -> None:
        self._latent.set_z(self._latent.neighbour(index))

    def _on_liked(self) -> None:
        self._directions.give_thumb(True)

    def _on_disliked(self) -> None:
        self._directions.give_thumb(False)

    # What there is to see

    def _on_explored(self, images: np.ndarray, decode_ms: float, waited_ms: float) -> None:
        self._decode_ms = decode_ms
        self._due = time.perf_counter() - waited_ms / 1000
        self.view.set_picture(tile_picture(images[0]))
        self._show_caption()

    def _show_points(self) -> None:
        """Of a model of points the whole plane, with the present one marked."""
        model, points = self._latent.model, self._session.points
        shown = model is not None and is_points(model.image_shape) and points.active
        self.view.set_layers(points.layers)
        self.view.set_scene(points.scene() if shown else None)

    def _show_caption(self) -> None:
        latent = self._latent
        parts = [f"step {latent.step:,}", f"seed {latent.seed}"]
        if latent.axes is not None:
            drag = f"drag to move in {plane_name(latent.axes)}"
            parts = [drag, "Shift fine", f"wheel step {latent.around_step:g} σ", *parts]
        self.caption.setText(" · ".join(parts))
        self.caption.setToolTip(self.caption.text())

    def _on_painted(self) -> None:
        now = time.perf_counter()
        self._painted.append(now)
        span = now - self._painted[0]
        rate = (len(self._painted) - 1) / span if span > 0 else 0.0
        self.timed.emit(self._decode_ms, 1000 * (now - self._due), rate)

    def _on_surrounded(self, images: np.ndarray) -> None:
        _, _, height, width = images.shape
        gap = max(1, height // 14)  # looks the same whatever the tiles' size
        framed = compose(images, AROUND_SIDE, spacing=gap)
        # Without the frame, so that the outer tiles are in line with the image.
        picture = np.ascontiguousarray(framed[gap:-gap, gap:-gap])
        self.around.set_grid(picture, AROUND_SIDE, AROUND_SIDE, height, width, gap)
        self.around.set_selected(len(images) // 2)

    def _on_visited_changed(self) -> None:
        latent = self._latent
        self.visited.set_visits([visit.tile for visit in latent.visits], latent.undo_stack.index())

    def _on_thumbs_changed(self) -> None:
        leads = "the Picks direction leads from what you do not like to what you do."
        liked, disliked = len(self._directions.liked), len(self._directions.disliked)
        self.like.setToolTip(f"I like this one ({liked} so far): {leads}")
        self.dislike.setToolTip(f"I do not like this one ({disliked} so far): {leads}")

    def _neighbour_tooltip(self, index: int) -> str:
        assert self._latent.axes is not None
        z = self._latent.neighbour(index)
        return " · ".join(f"{axis.name} {z @ axis.vector:+.2f}" for axis in self._latent.axes)

    def _visit_tooltip(self, index: int) -> str:
        steps = self._latent.undo_stack
        what = steps.text(index - 1) if index else "where it began"
        return f"{index + 1} of {steps.count() + 1} · {what}: click to go back there"


def _row(parent: QWidget, *widgets: QWidget) -> QWidget:
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget, int(isinstance(widget, AxisChoice | ElidedLabel)))
    layout.addStretch()
    return row


def _alike(one: Axis, other: Axis) -> bool:
    return one.name == other.name and np.array_equal(one.vector, other.vector)
