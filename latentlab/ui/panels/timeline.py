"""The Timeline dock: keyframes in the latent space, a walk through them, played and exported."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from latentlab.core.config import describe
from latentlab.latent.walks import WalkConfig
from latentlab.ui import theme
from latentlab.ui.bookmarks_state import Item
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import FloatField, IntField, choice_field
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.keyframe_list import KeyframeList
from latentlab.ui.widgets.labels import ElidedLabel

#: Positions of the slider a second.
TICKS = 1000
#: Pixels below which buttons lose their words, and those that a menu of keys has too are left out.
NARROW = 560
SPECS = {spec.name: spec for spec in describe(WalkConfig)}
EMPTY = "Add two keyframes to walk between them (K), or drop bookmarks here"


class TimelinePanel(QWidget):
    """Shows the session's timeline and does nothing by itself."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline_panel")
        self.setAccessibleName("Timeline")
        self._session, self._timeline = session, session.timeline

        self.add = push_button("keyframe_add", "Add", "Add the present latent as a keyframe (K)", "plus")
        self.update_button = push_button(
            "keyframe_update", "", "Let the chosen keyframe be the present latent", "paste", flat=True
        )
        self.duplicate = push_button(
            "keyframe_duplicate", "", "Duplicate the chosen keyframe", "copy", flat=True
        )
        self.remove = push_button(
            "keyframe_remove", "", "Remove the chosen keyframes (Delete)", "minus", flat=True
        )
        self.list = KeyframeList()
        self.list.set_empty_text(EMPTY)
        self._build_walk()
        self.play = push_button("interpolation_play", "Play", "Walk through the keyframes.", "play")
        self.play.setCheckable(True)
        self.play.setFixedWidth(84)  # wide enough for both of its words
        self.position = QSlider(Qt.Orientation.Horizontal)
        self.position.setObjectName("interpolation_position")
        self.position.setAccessibleName("Position on the path")
        self.position.setToolTip("Scrub along the path.")
        self.clock = QLabel("")
        self.clock.setObjectName("interpolation_time")
        self.clock.setProperty("role", "secondary")
        self.clock.setToolTip("Where on the walk we are, and how long it takes.")
        self.told = ElidedLabel("", role="secondary")
        self.told.setObjectName("interpolation_told")
        self.export = push_button("timeline_export", "", "Export the walk as a film…", "film")

        self._lay_out()
        self._connect()
        self._show_keyframes()
        self._show_walk()
        self._show_route()

    def _build_walk(self) -> None:
        """The settings of the walk: those that are used most in the row, the rest behind a button."""
        self.kind = choice_field("interpolation_kind", "Path", SPECS["kind"].help)
        self.kind.setMinimumWidth(124)
        for key in SPECS["kind"].choices:
            self.kind.addItem(SPECS["kind"].label(key), key)
        self.seconds = FloatField(shown=1, unit="s")
        self.seconds.setRange(0.1, 60)
        self.seconds.setSingleStep(0.1)
        self.seed = IntField(minimum=0)
        self.seed.setPrefix("seed ")
        self.legs = IntField(minimum=1, maximum=1000, unit="legs")
        for field, name, width in (
            (self.seconds, "seconds", 64),
            (self.seed, "seed", 80),
            (self.legs, "legs", 72),
        ):
            field.setObjectName(f"interpolation_{name}")
            field.setAccessibleName(SPECS[name].title)
            field.setToolTip(SPECS[name].help)
            field.setFixedWidth(width)
        self.more = push_button("interpolation_more", "", "Easing, frame rate, loop…", "settings", flat=True)
        self.popup = QFrame(self, Qt.WindowType.Popup)
        self.popup.setObjectName("interpolation_popup")
        self.popup.setProperty("surface", "panel")
        self.popup.setFrameShape(QFrame.Shape.StyledPanel)
        self.form = ConfigForm("interpolation", strict=True, skip=("kind", "seconds", "seed", "legs"))
        self.form.set_config(WalkConfig)
        self.form.setMinimumWidth(248)
        inside = QVBoxLayout(self.popup)
        inside.setContentsMargins(12, 12, 12, 12)
        inside.addWidget(self.form)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(4)
        for button in (self.add, self.update_button, self.duplicate, self.remove):
            first.addWidget(button)
        first.addSpacing(4)
        first.addWidget(self.told, 1)
        first.addSpacing(4)
        for widget in (self.kind, self.seconds, self.seed, self.legs, self.more):
            first.addWidget(widget)
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.play)
        last.addWidget(self.position, 1)
        last.addWidget(self.clock)
        last.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 8)
        layout.setSpacing(8)
        layout.addLayout(first)
        layout.addWidget(self.list, 1)
        layout.addLayout(last)

    def _connect(self) -> None:
        timeline = self._timeline
        self.add.clicked.connect(self.add_keyframe)
        self.update_button.clicked.connect(self._on_update)
        self.duplicate.clicked.connect(self._on_duplicate)
        self.remove.clicked.connect(self._on_remove)
        self.list.chosen.connect(timeline.go)
        self.list.renamed.connect(timeline.rename)
        self.list.removal_wanted.connect(self._on_remove)
        self.list.dropped.connect(timeline.take)
        self.list.moved.connect(timeline.move)
        self.list.shifted.connect(timeline.shift)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.kind.activated.connect(self._on_kind_chosen)
        self.seconds.valueChanged.connect(lambda value: timeline.set_walk(seconds=value))
        self.seed.valueChanged.connect(lambda value: timeline.set_walk(seed=value))
        self.legs.valueChanged.connect(lambda value: timeline.set_walk(legs=value))
        self.more.clicked.connect(self._on_more)
        self.form.changed.connect(self._on_form_changed)
        self.play.toggled.connect(timeline.play)
        self.position.valueChanged.connect(lambda value: timeline.scrub(value / TICKS))
        self.position.sliderPressed.connect(self._on_pressed)
        self.position.sliderReleased.connect(self._session.latent.release)
        self.export.clicked.connect(self.export_film)
        timeline.changed.connect(self._show_keyframes)
        timeline.pictured.connect(self.list.refresh_tiles)
        timeline.walk_changed.connect(self._show_walk)
        timeline.route_changed.connect(self._show_route)
        timeline.sought.connect(self._on_sought)
        timeline.moved.connect(self._show_time)
        timeline.played.connect(self._on_played)
        self._session.latent.space_changed.connect(self._show_buttons)
        self._session.run_opened.connect(self._show_buttons)

    # What a person does

    def add_keyframe(self) -> None:
        """The present latent becomes the last keyframe."""
        item = self._timeline.add()
        if item is not None:
            self.list.show_item(item)

    def export_film(self) -> None:
        """Open the export-film dialog; it does not block the window."""
        from latentlab.ui.film_dialog import FilmDialog

        FilmDialog(self._session, self.window()).show()

    def _chosen(self) -> list[Item]:
        """What is selected, or the last."""
        return self.list.selected() or self._timeline.items[-1:]

    def _on_update(self) -> None:
        if self.list.current() in self.list.selected():
            self._timeline.update(self.list.selected()[0])

    def _on_duplicate(self) -> None:
        selected = self.list.selected()
        if selected and (item := self._timeline.duplicate(selected[-1])):
            self.list.show_item(item)

    def _on_remove(self) -> None:
        self._timeline.remove(self._chosen())

    def _on_kind_chosen(self) -> None:
        self._timeline.set_walk(kind=self.kind.currentData())

    def _on_form_changed(self, name: str) -> None:
        self._timeline.set_walk(**{name: self.form.values()[name]})

    def _on_more(self) -> None:
        self.popup.adjustSize()
        size = self.popup.size()
        # Above the button: the dock lies at the lower edge.
        corner = self.more.mapToGlobal(QPoint(self.more.width() - size.width(), -size.height() - 4))
        self.popup.move(corner)
        self.popup.show()

    def _on_pressed(self) -> None:
        self._timeline.play(False)
        self._session.latent.hold()

    # What is shown

    def _show_keyframes(self) -> None:
        self.list.set_items(self._timeline.items)
        self._show_buttons()
        self._show_lengths()

    def _show_lengths(self) -> None:
        timeline = self._timeline
        noise, lengths = timeline.walk.kind == "noise", [""] * len(timeline.items)
        if noise and timeline.route is not None:  # it begins and ends at the first
            lengths[0] = f"{timeline.duration:g} s"
        elif timeline.route is not None:
            legs = timeline.route.legs  # none from the last one on where the walk does not loop
            lengths[:legs] = [f"{timeline.walk.seconds:g} s"] * legs
        self.list.set_lengths(lengths, 1 if noise else None)

    def _show_buttons(self) -> None:
        there = self._session.latent.model is not None
        one = bool(self.list.selected())
        self.add.setEnabled(there)
        self.update_button.setEnabled(there and one)
        self.duplicate.setEnabled(one)
        self.remove.setEnabled(bool(self._timeline.items))

    def _show_walk(self) -> None:
        walk = self._timeline.walk
        fields = (self.seconds, self.seed, self.legs)
        blocked = [field.blockSignals(True) for field in fields]
        self.seconds.setValue(walk.seconds)
        self.seed.setValue(walk.seed)
        self.legs.setValue(walk.legs)
        for field, was_blocked in zip(fields, blocked, strict=True):
            field.blockSignals(was_blocked)
        self.kind.setCurrentIndex(self.kind.findData(walk.kind))
        self.form.set_values(walk.model_dump())
        self._arrange()
        self._show_route()

    def _show_route(self) -> None:
        timeline = self._timeline
        for widget in (self.play, self.position, self.export):
            widget.setEnabled(timeline.route is not None)
        was_blocked = self.position.blockSignals(True)
        self.position.setRange(0, round(TICKS * timeline.duration))
        self.position.setSingleStep(round(TICKS / timeline.walk.fps))
        self.position.setPageStep(round(TICKS * timeline.walk.seconds))
        self.position.blockSignals(was_blocked)
        if timeline.problem:
            self._tell(f"{timeline.problem} Slerp instead.")
        elif timeline.seeking:
            self._on_sought(0, 1)
        elif timeline.route is None and timeline.items:
            self._tell("Add a second keyframe")
        else:
            self._tell("")
        self._show_lengths()
        self._show_time()

    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setToolTip(text)

    def _on_sought(self, done: int, total: int) -> None:
        # The number first: it is what a narrow panel has room for.
        self._tell(f"{done / max(1, total):.0%} · finding the geodesic, slerp until then")

    def _show_time(self) -> None:
        timeline = self._timeline
        was_blocked = self.position.blockSignals(True)
        self.position.setValue(round(TICKS * timeline.time))
        self.position.blockSignals(was_blocked)
        self.clock.setText(f"{_clock(timeline.time)} / {_clock(timeline.duration)}")
        leg = min(int(timeline.place()), len(timeline.items) - 1) if timeline.route is not None else -1
        self.list.set_present(0 if timeline.walk.kind == "noise" and leg >= 0 else leg)

    def _on_played(self, playing: bool) -> None:
        self.play.setChecked(playing)
        theme.set_icon(self.play, "pause" if playing else "play")
        self.play.setText("Pause" if playing else "Play")
        self.play.setAccessibleName(self.play.text())

    def _arrange(self) -> None:
        """What there is room for."""
        noise, narrow = self._timeline.walk.kind == "noise", self.width() < NARROW
        self.seed.setVisible(noise)
        self.legs.setVisible(noise)
        self.add.setText("" if narrow else "Add")
        self.update_button.setVisible(not (noise and narrow))
        self.duplicate.setVisible(not (noise and narrow))
        self.remove.setVisible(not (noise and narrow))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timeline.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timeline.watch(False)


def _clock(seconds: float) -> str:
    """Such as 0:03.2."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths // 10:02}.{tenths % 10}"
