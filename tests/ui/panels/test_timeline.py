"""The Timeline dock: what a person does to keyframes and the walk, by mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from latentlab.latent import samplers, walks
from latentlab.latent.walks import WalkConfig
from latentlab.ui.bookmarks_state import Item, dragged

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]

WALKING = ["interpolation_play", "interpolation_position", "timeline_export"]


@pytest.fixture
def timeline(opened, the, click, type_into):
    """Keyframes of the seeds 1, 2 and 3."""
    opened.bottom_tabs.setCurrentWidget(opened.timeline)
    for seed in (1, 2, 3):
        type_into("latent_seed", str(seed))
        click("keyframe_add")
    return opened.session.timeline


def keyframes(*seeds):
    return samplers.from_seeds(list(seeds) or [1, 2, 3], (6,))


def latents(timeline):
    return np.stack([item.z for item in timeline.items])


class Drop(QDropEvent):
    """A drop that comes from a widget: only the window system can make one of those."""

    def __init__(self, position, data, source=None):
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        super().__init__(QPointF(position), copy, data, left, none)
        self._source, self._data = source, data  # which the event does not hold

    def source(self):
        return self._source


def test_with_fewer_than_two_keyframes_there_is_no_path(opened, the, click):
    opened.bottom_tabs.setCurrentWidget(opened.timeline)
    assert not any(the(name).isEnabled() for name in [*WALKING, "keyframe_remove", "keyframe_update"])
    click("keyframe_add")
    assert not any(the(name).isEnabled() for name in WALKING)
    click("keyframe_add")
    assert all(the(name).isEnabled() for name in WALKING)


def test_keyframes_are_exact_latents_with_a_picture(opened, the, timeline, qtbot):
    frames = the("keyframe_list")
    assert frames.count() == 3
    np.testing.assert_array_equal(latents(timeline), keyframes())
    qtbot.waitUntil(lambda: all(item.tile is not None for item in timeline.items), timeout=10_000)
    assert list(frames.lengths) == ["1.5 s"] * 3


def test_a_removed_keyframe_is_gone(opened, the, timeline, click, qtbot):
    frames = the("keyframe_list")
    frames.show_item(timeline.items[1])
    click("keyframe_remove")
    np.testing.assert_array_equal(latents(timeline), keyframes(1, 3))
    assert the("interpolation_position").maximum() == 3000
    frames.show_item(timeline.items[0])
    qtbot.keyClick(frames, Qt.Key.Key_Delete)
    click("keyframe_remove")
    assert frames.count() == 0
    assert not the("keyframe_remove").isEnabled()


def test_a_keyframe_becomes_the_present_view_or_is_there_twice(opened, the, timeline, click):
    the("keyframe_list").show_item(timeline.items[0])
    opened.session.latent.set_seed(9)
    click("keyframe_update")
    np.testing.assert_array_equal(latents(timeline), keyframes(9, 2, 3))
    click("keyframe_duplicate")
    np.testing.assert_array_equal(latents(timeline), keyframes(9, 9, 2, 3))


def test_dragging_within_the_list_reorders_and_shows_where(opened, the, timeline):
    frames = the("keyframe_list")
    frames.show_item(timeline.items[0])
    data = frames.mimeData([frames.item(0)])
    place = frames.visualItemRect(frames.item(2)).center() + QPoint(9, 0)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    move = QDragMoveEvent(place, copy, data, left, none)
    frames.dragMoveEvent(move)
    assert move.isAccepted() and frames._mark == 3
    frames.dropEvent(Drop(place, data, frames))
    assert frames._mark is None
    np.testing.assert_array_equal(latents(timeline), keyframes(2, 3, 1))
    assert [frames.item(row).text() for row in range(3)] == ["View 2", "View 3", "View 1"]
    assert frames.selected() == [timeline.items[2]]  # it stays the chosen one


def test_alt_and_arrows_reorder(opened, the, timeline, qtbot):
    frames, alt = the("keyframe_list"), Qt.KeyboardModifier.AltModifier
    frames.show_item(timeline.items[2])
    qtbot.keyClick(frames, Qt.Key.Key_Left, alt)
    np.testing.assert_array_equal(latents(timeline), keyframes(1, 3, 2))
    qtbot.keyClick(frames, Qt.Key.Key_Left, alt)
    qtbot.keyClick(frames, Qt.Key.Key_Left, alt)
    np.testing.assert_array_equal(latents(timeline), keyframes(3, 1, 2))
    qtbot.keyClick(frames, Qt.Key.Key_Right, alt)
    np.testing.assert_array_equal(latents(timeline), keyframes(1, 3, 2))


def test_bookmarks_that_are_dropped_become_keyframes_where_they_fell(opened, the, timeline):
    frames = the("keyframe_list")
    data = dragged([Item("eight", keyframes(8)[0]), Item("nine", keyframes(9)[0])])
    place = frames.visualItemRect(frames.item(1)).center() - QPoint(9, 0)
    frames.dropEvent(Drop(place, data))
    np.testing.assert_array_equal(latents(timeline), keyframes(1, 8, 9, 2, 3))
    assert timeline.items[1].name == "eight"
    frames.dropEvent(Drop(place, QMimeData()))
    frames.dropEvent(Drop(place, dragged([Item("other", np.zeros(4, np.float32))])))
    assert len(timeline.items) == 5
    assert the("status_notice").text() == "These latents are of another latent space."


def test_the_position_goes_exactly_through_the_keyframes_and_back_to_the_first(opened, the, timeline):
    position, latent = the("interpolation_position"), opened.session.latent
    assert position.maximum() == 4500
    for leg in (1, 2, 3, 0):
        position.setValue(1500 * leg)
        np.testing.assert_array_equal(latent.z, keyframes()[leg % 3])
    position.setValue(3200)
    assert the("interpolation_time").text() == "0:03.2 / 0:04.5"


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline"])
def test_between_keyframes_the_path_is_of_the_chosen_kind(opened, the, timeline, pick, kind):
    assert the("interpolation_kind").count() == 5
    if the("interpolation_kind").currentData() != kind:
        pick("interpolation_kind", kind)
    the("interpolation_position").setValue(1875)
    wanted = walks.route(keyframes(), WalkConfig(kind=kind)).at(np.array([1.25]))[0]
    np.testing.assert_array_equal(opened.session.latent.z, wanted)


def test_a_noise_walk_shows_its_seed_and_length(opened, the, timeline, pick, type_into):
    assert not the("interpolation_seed").isVisible()
    pick("interpolation_kind", "noise")
    assert the("interpolation_seed").isVisible() and the("interpolation_legs").isVisible()
    type_into("interpolation_seed", "4")
    type_into("interpolation_legs", "3")
    assert timeline.walk.seed == 4 and timeline.duration == 4.5
    the("interpolation_position").setValue(2000)
    wanted = walks.route(keyframes(1), timeline.walk).at(np.array([2 / 1.5]))[0]
    np.testing.assert_array_equal(opened.session.latent.z, wanted)


def test_what_is_set_rarely_is_behind_a_button(opened, the, timeline, click, pick, type_into):
    click("interpolation_more")
    type_into("interpolation_fps", "30")
    pick("interpolation_easing", "in-out")
    the("interpolation_loop").click()
    assert (timeline.walk.fps, timeline.walk.easing, timeline.walk.loop) == (30.0, "in-out", False)
    assert the("interpolation_position").maximum() == 3000
    assert list(the("keyframe_list").lengths) == ["1.5 s", "1.5 s", ""]
    opened.timeline.popup.hide()


def test_a_click_on_a_keyframe_goes_there(opened, the, timeline, qtbot):
    frames = the("keyframe_list")
    place = frames.visualItemRect(frames.item(1)).center()
    qtbot.mouseClick(frames.viewport(), Qt.MouseButton.LeftButton, pos=place)
    np.testing.assert_array_equal(opened.session.latent.z, keyframes()[1])
    assert the("interpolation_position").value() == 1500


def test_play_follows_the_clock_and_stops(opened, the, timeline, click, qtbot):
    position = the("interpolation_position")
    click("interpolation_play")
    assert the("interpolation_play").text() == "Pause"
    qtbot.waitUntil(lambda: position.value() > 300, timeout=10_000)
    click("interpolation_play")
    assert the("interpolation_play").text() == "Play"
    assert not timeline._clock.isActive()
    wanted = walks.route(keyframes(), timeline.walk).at(np.array([timeline.time / 1.5]))[0]
    np.testing.assert_array_equal(opened.session.latent.z, wanted)
    assert position.value() == round(1000 * timeline.time)


def test_scrubbing_stops_playing_and_is_one_step_of_undo(opened, the, timeline, click, qtbot):
    position, stack = the("interpolation_position"), opened.session.latent.undo_stack
    click("interpolation_play")
    position.setSliderDown(True)
    assert not timeline.playing and not the("interpolation_play").isChecked()
    before = stack.count()
    for value in (100, 900, 2000):
        position.setValue(value)
    position.setSliderDown(False)
    assert stack.count() == before + 1


def test_keyframes_of_another_latent_size_are_dropped(opened, the, timeline, click, train):
    click("interpolation_play")
    train(steps=2, latent_size=4)
    assert the("keyframe_list").count() == 0
    assert not the("interpolation_play").isChecked()
    assert not timeline._clock.isActive()


def test_all_fits_into_a_small_window(opened, the, timeline, pick):
    opened.resize(1100, 700)
    pick("interpolation_kind", "noise")
    QApplication.processEvents()
    assert opened.width() == 1100
    panel = opened.timeline
    for name in (
        "interpolation_kind",
        "interpolation_seed",
        "interpolation_legs",
        "interpolation_more",
        *WALKING,
    ):
        widget = the(name)
        place = widget.mapTo(panel, QPoint(0, 0))
        assert panel.rect().contains(widget.rect().translated(place)), name
