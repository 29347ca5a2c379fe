"""The Explore mode: image, pad and neighbourhood move in the plane of two axes; the strip leads back."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.latent import samplers, traversal
from latentlab.latent.directions import Direction
from latentlab.latent.importance import Importance
from latentlab.ui.directions_state import Item

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]

LEFT, SHIFT, NONE = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


@pytest.fixture
def latent(opened):
    return opened.session.latent


@pytest.fixture
def shown(latent, qtbot):
    """Wait until nothing more is to be decoded of the present latent, nor told of the visits."""

    def shown():
        qtbot.waitUntil(lambda: not latent._asked and not latent._visited.isActive(), timeout=10_000)

    return shown


@pytest.fixture
def pad(the, click):
    click("explore_show_pad")
    return the("explore_pad")


def move(widget, at, modifiers=NONE):
    """A move of the held mouse with modifiers, which QTest's moves lack."""
    at, none = QPointF(at), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, at, widget.mapToGlobal(at), none, LEFT, modifiers)
    QApplication.sendEvent(widget, event)


def drag(qtbot, widget, *way):
    """Hold the mouse along a way."""
    qtbot.mousePress(widget, LEFT, pos=way[0])
    for at in way[1:]:
        move(widget, at)
    qtbot.mouseRelease(widget, LEFT, pos=way[-1])


def wheel(widget, notches):
    at, none = QPointF(widget.rect().center()), Qt.MouseButton.NoButton
    turn = QWheelEvent(
        at, widget.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), none, NONE, Qt.NoScrollPhase, False
    )
    QApplication.sendEvent(widget, turn)


def focus(qtbot, window, widget):
    window.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)


def drawn(seed):
    return samplers.from_seeds([seed], (6,))[0]


def item(name, *vector):
    found = Direction(name, np.array(vector, np.float64), "pca")
    return Item(found.name, found.vector, found.method)


def offer(window, *items):
    window.session.directions.items = list(items)
    window.session.directions.changed.emit()


def trigger(window, name):
    action = window.findChild(QAction, name)
    assert action.isEnabled()
    action.trigger()


# The image


def test_a_drag_on_the_image_moves_in_the_plane_and_is_one_step(opened, latent, the, pick, shown, run, qtbot):
    pick("explore_axis_down", 4)
    pick("explore_axis_right", 2)
    latent.set_seed(3)
    start, view = latent.z.copy(), the("explore_view")
    side = view.target_rect().width()
    middle = view.rect().center()
    drag(qtbot, view, middle, middle + QPoint(7, 9), middle + QPoint(40, -25))
    assert latent.z[2] == pytest.approx(start[2] + 4 * 40 / side, abs=1e-6)
    assert latent.z[4] == pytest.approx(start[4] - 4 * 25 / side, abs=1e-6)
    assert np.delete(latent.z, [2, 4]).tobytes() == np.delete(start, [2, 4]).tobytes()
    shown()
    np.testing.assert_array_equal(view.picture, run.pixels(latent.z)[0, 0])
    assert latent.undo_stack.count() == 2  # the seed and the drag
    trigger(opened, "undo_action")
    assert latent.z.tobytes() == start.tobytes() == drawn(3).tobytes()
    shown()
    np.testing.assert_array_equal(view.picture, run.pixels(start)[0, 0])


def test_two_drags_are_two_steps_and_a_click_is_none(opened, latent, the, qtbot):
    view = the("explore_view")
    middle = view.rect().center()
    places = [latent.z.tobytes()]
    for _ in range(2):
        drag(qtbot, view, middle, middle + QPoint(10, 0), middle + QPoint(20, 0))
        places.append(latent.z.tobytes())
    qtbot.mouseClick(view, LEFT, pos=middle)
    assert latent.undo_stack.count() == 2 and len(set(places)) == 3
    for place in reversed(places[:2]):
        trigger(opened, "undo_action")
        assert latent.z.tobytes() == place


@pytest.mark.parametrize("name", ["explore_view", "explore_pad"])
def test_a_drag_is_one_step_however_long_the_hand_rests(opened, latent, the, click, qtbot, name):
    if name == "explore_pad":
        click("explore_show_pad")
    handle = the(name)
    middle = handle.rect().center()
    latent._gesture_end.setInterval(1)
    qtbot.mousePress(handle, LEFT, pos=middle)
    for dx in (10, 20, 30):
        move(handle, middle + QPoint(dx, 0))
        qtbot.waitUntil(lambda: not latent._gesture_end.isActive())
    qtbot.mouseRelease(handle, LEFT, pos=middle + QPoint(30, 0))
    assert latent.undo_stack.count() == 1


def test_shift_is_fine_and_taking_it_on_the_way_is_no_jump(latent, the, qtbot):
    view, start = the("explore_view"), latent.z.copy()
    middle = view.rect().center()
    one = 4 / view.target_rect().width()
    qtbot.mousePress(view, LEFT, pos=middle)
    for dx, modifiers, expected in (
        (20, NONE, 20),
        (20, SHIFT, 20),
        (60, SHIFT, 24),
        (60, NONE, 24),
        (70, NONE, 34),
    ):
        move(view, middle + QPoint(dx, 0), modifiers)
        assert latent.z[1] - start[1] == pytest.approx(expected * one, abs=1e-6)
    qtbot.mouseRelease(view, LEFT, pos=middle)
    assert latent.undo_stack.count() == 1


def test_a_drag_along_directions_moves_by_their_vectors(opened, latent, the, qtbot):
    one, other = item("slant", 1, 2, 0, 0, 0, 0), item("width", 0, 0, 3, 0, 4, 0)
    offer(opened, one, other)
    for name, index in (("explore_axis_down", 7), ("explore_axis_right", 8)):
        the(name).setCurrentIndex(index)
        the(name).activated.emit(index)
    view, start = the("explore_view"), latent.z.astype(np.float64)
    side, middle = view.target_rect().width(), view.rect().center()
    drag(qtbot, view, middle, middle + QPoint(30, 20))
    way = 80 / side * one.vector.astype(np.float64) + 120 / side * other.vector.astype(np.float64)
    np.testing.assert_allclose(latent.z, start + way, atol=1e-6)


def test_the_wheel_changes_how_far_apart_the_neighbours_are(latent, the, run, qtbot):
    view, around = the("explore_view"), the("explore_around")
    assert latent.around_step == 0.75
    before = latent.z.copy()
    for notches, step in ((1, 1.0), (1, 1.5), (-4, 0.25), (-1, 0.1), (-1, 0.1), (20, 3.0)):
        wheel(view, notches)
        assert latent.around_step == step
    assert f"wheel step {step:g} σ" in the("explore_panel").caption.text()
    tile = run.pixels(traversal.around(before, *(a.vector for a in latent.axes), 5, 3.0))[0, 0]
    qtbot.waitUntil(lambda: np.array_equal(around.picture[:8, :8], tile), timeout=5_000)
    np.testing.assert_array_equal(latent.z, before)


def test_arrow_keys_move_by_that_step_and_nudges_within_a_moment_are_one_step(opened, latent, the, qtbot):
    view = the("explore_view")
    latent.set_z(np.zeros(6, np.float32))
    focus(qtbot, opened, view)
    steps = latent.undo_stack.count()
    for key, modifier, place in (
        (Qt.Key.Key_Right, NONE, (0, 0.75)),
        (Qt.Key.Key_Down, NONE, (0.75, 0.75)),
        (Qt.Key.Key_Up, SHIFT, (0.675, 0.75)),
        (Qt.Key.Key_Left, NONE, (0.675, 0)),
    ):
        QTest.keyClick(view, key, modifier)
        np.testing.assert_allclose(latent.z, [*place, 0, 0, 0, 0], atol=1e-6)
    assert latent.undo_stack.count() == steps + 1
    trigger(opened, "undo_action")
    assert not latent.z.any()


def test_the_caption_names_the_plane_the_step_and_the_seed(opened, latent, the, pick, shown):
    pick("explore_axis_down", 4)
    latent.set_seed(41)
    shown()
    text = the("explore_panel").caption.text()
    assert text == "drag to move in z4 × z1 · Shift fine · wheel step 0.75 σ · step 60 · seed 41"
    offer(opened, item("a direction with a very long name", 1, 1, 0, 0, 0, 0))
    latent.set_axes(latent.axes[0], latent.axes[1].__class__("a direction with a very long name", drawn(1)))
    assert "z4 × a direction with…" in the("explore_panel").caption.text()


# The pad


def test_one_of_grid_and_pad_fills_the_square(opened, the, click):
    around, pad = the("explore_around"), the("explore_pad")
    assert the("explore_show_around").isChecked()
    assert around.isVisible() and not pad.isVisible()
    click("explore_show_pad")
    assert pad.isVisible() and not around.isVisible()
    assert pad.geometry() == around.geometry()
    the("canvas_tabs").setCurrentIndex(1)
    the("canvas_tabs").setCurrentIndex(0)
    assert pad.isVisible() and the("explore_show_pad").isChecked()
    click("explore_show_around")
    assert around.isVisible() and not pad.isVisible()


def test_a_press_on_the_pad_goes_exactly_there_and_a_drag_is_one_step(opened, latent, pad, shown, run, qtbot):
    start = latent.z.copy()
    ways = [pad.point(-2, 1.5).toPoint(), pad.point(0.5, 0.5).toPoint(), pad.point(2.25, -1.25).toPoint()]
    drag(qtbot, pad, *ways)
    expected = start.copy()
    expected[:2] = pad.place(QPointF(ways[-1]))
    assert latent.z.tobytes() == expected.tobytes()
    assert pad.position == tuple(latent.z[:2])
    assert latent.undo_stack.count() == 1
    shown()
    np.testing.assert_array_equal(opened.explore.view.picture, run.pixels(expected)[0, 0])
    trigger(opened, "undo_action")
    assert latent.z.tobytes() == start.tobytes()
    assert pad.position == tuple(start[:2])


def test_the_handle_follows_whatever_moves_the_latent(latent, pad, type_into):
    type_into("latent_value_0", "1.25")
    type_into("latent_value_1", "-2.5")
    assert pad.position == (1.25, -2.5)


def test_a_double_click_on_the_pad_goes_to_the_middle(latent, pad, qtbot):
    start = latent.z.copy()
    qtbot.mouseDClick(pad, LEFT, pos=pad.point(2, 2).toPoint())
    np.testing.assert_array_equal(latent.z, [0, 0, *start[2:]])


def test_arrow_keys_move_the_pads_handle(opened, latent, pad, qtbot):
    latent.set_z(np.zeros(6, np.float32))
    focus(qtbot, opened, pad)
    QTest.keyClick(pad, Qt.Key.Key_Down)
    QTest.keyClick(pad, Qt.Key.Key_Right, SHIFT)
    np.testing.assert_allclose(latent.z, [0.75, 0.075, 0, 0, 0, 0], atol=1e-7)


def test_behind_the_pad_lies_the_decoded_plane_of_the_rest_of_z(latent, pad, run, shown, qtbot):
    def plane():
        tiles = run.pixels(traversal.plane(latent.z, *(a.vector for a in latent.axes), 7, 3 * 6 / 7))
        return tiles.reshape(7, 7, 8, 8).swapaxes(1, 2).reshape(56, 56)

    qtbot.waitUntil(lambda: pad.picture is not None, timeout=10_000)
    np.testing.assert_array_equal(pad.picture, plane())
    latent.set_seed(8)
    qtbot.waitUntil(lambda: np.array_equal(pad.picture, plane()), timeout=10_000)
    latent.set_axes(latent.dimension_axis(5), latent.dimension_axis(3))
    qtbot.waitUntil(lambda: np.array_equal(pad.picture, plane()), timeout=10_000)


def test_a_move_within_the_plane_decodes_no_plane_and_neither_does_a_hidden_pad(
    opened, latent, pad, click, shown, qtbot
):
    qtbot.waitUntil(lambda: pad.picture is not None and not pad._due.isActive(), timeout=10_000)
    stamp, picture = pad._stamp, pad.picture
    drag(qtbot, pad, pad.point(0, 0).toPoint(), pad.point(1, 1).toPoint())
    assert not pad._due.isActive()
    click("explore_show_around")
    latent.set_seed(5)
    assert not pad._due.isActive()
    shown()
    assert (pad._stamp, pad.picture) == (stamp, picture) or pad.picture is picture
    click("explore_show_pad")
    qtbot.waitUntil(lambda: pad._stamp != stamp and pad.picture is not picture, timeout=10_000)


def test_the_plane_is_decoded_again_while_the_model_learns(latent, pad, train, qtbot):
    train(steps=0)
    seen = []
    place = latent.z.tobytes()
    for _ in range(3):
        known = len(seen) and seen[-1]
        qtbot.waitUntil(
            lambda known=known: pad.picture is not None and pad.picture is not known, timeout=30_000
        )
        seen.append(pad.picture)
    assert not np.array_equal(seen[1], seen[2]) and latent.z.tobytes() == place


# The axes


def names(choice):
    return [choice.itemText(i) for i in range(choice.count()) if choice.itemData(i) is not None]


def test_directions_are_offered_below_the_dimensions(opened, latent, the, pick):
    dimensions = [f"z{i}" for i in range(6)]
    assert names(the("explore_axis_down")) == names(the("explore_axis_right")) == dimensions
    offer(opened, item("slant", 1, 1, 0, 0, 0, 0), item("width", 0, 0, 1, 1, 0, 0))
    assert names(the("explore_axis_down")) == [*dimensions, "slant", "width"]
    pick("explore_axis_right", 8)
    assert [axis.name for axis in latent.axes] == ["z0", "width"]
    np.testing.assert_array_equal(latent.axes[1].vector, opened.session.directions.items[1].vector)


def test_a_direction_that_is_gone_is_followed_by_its_dimension(opened, latent, the, pick):
    slant, width = item("slant", 1, 1, 0, 0, 0, 0), item("width", 0, 0, 1, 1, 0, 0)
    offer(opened, slant, width)
    pick("explore_axis_down", 7)
    pick("explore_axis_right", 8)
    offer(opened, slant)
    assert [axis.name for axis in latent.axes] == ["slant", "z1"]
    assert the("explore_axis_right").currentText() == "z1"
    pick("explore_axis_right", 0)
    offer(opened)
    assert [axis.name for axis in latent.axes] == ["z1", "z0"]  # z0 is taken
    assert (the("explore_axis_down").currentText(), the("explore_axis_right").currentText()) == ("z1", "z0")


def test_a_renamed_or_turned_direction_is_followed(opened, latent, the, pick):
    offer(opened, item("slant", 1, 1, 0, 0, 0, 0))
    pick("explore_axis_down", 7)
    offer(opened, item("lean", 1, 1, 0, 0, 0, 0))
    assert latent.axes[0].name == the("explore_axis_down").currentText() == "lean"
    offer(opened, item("lean", 1, 2, 0, 0, 0, 0))
    np.testing.assert_array_equal(latent.axes[0].vector, opened.session.directions.items[0].vector)


def test_to_choose_the_other_axis_swaps_them(latent, the, pick):
    pick("explore_axis_down", 4)
    pick("explore_axis_right", 4)
    assert [axis.name for axis in latent.axes] == ["z1", "z4"]
    assert the("explore_axis_down").currentText() == "z1"


def weigh(window, *kl):
    """As if the dimensions had just been found to matter so much."""
    window.session.importance.value = Importance(np.array(kl), "KL")
    window.session.importance.changed.emit()


def chosen(latent):
    return [axis.name for axis in latent.axes]


def test_axes_that_change_nothing_give_way_to_the_two_that_matter_most(opened, latent, the):
    weigh(opened, 0.5, 0.02, 3, 1, 2, 0)
    assert chosen(latent) == ["z0", "z1"]  # they do something
    weigh(opened, 0.001, 0.002, 0.003, 0, 0, 0)
    assert chosen(latent) == ["z0", "z1"]  # nothing else does more
    weigh(opened, 0.5, 0.001, 2, 1, 3, 0)
    assert chosen(latent) == ["z4", "z2"]
    assert (the("explore_axis_down").currentText(), the("explore_axis_right").currentText()) == ("z4", "z2")


def test_axes_that_a_person_chose_stay(opened, latent, pick):
    pick("explore_axis_down", 5)
    weigh(opened, 1, 1, 1, 1, 1, 0)
    assert chosen(latent) == ["z5", "z1"]


def test_axes_chosen_elsewhere_are_shown(latent, the):
    latent.set_axes(latent.dimension_axis(3), latent.dimension_axis(5))
    assert the("explore_axis_down").currentText() == "z3"
    assert the("explore_axis_right").currentText() == "z5"


def test_a_latent_of_one_dimension_has_no_plane(opened, latent, the, train, qtbot):
    offer(opened, item("slant", 1, 1, 0, 0, 0, 0))
    train(steps=3, latent_size=1)
    for name in (
        "explore_around",
        "explore_pad",
        "explore_axis_down",
        "explore_axis_right",
        "explore_show_pad",
    ):
        assert not the(name).isVisible(), name
    view, before = the("explore_view"), latent.z.copy()
    drag(qtbot, view, view.rect().center(), view.rect().center() + QPoint(40, 40))
    assert (latent.z == before).all()
    qtbot.waitUntil(lambda: the("explore_panel").caption.text().startswith("step 3"), timeout=5_000)
    train(steps=3, latent_size=3)
    assert the("explore_axis_down").isVisible() and the("explore_axis_right").currentText() == "z1"


def test_another_size_in_the_middle_of_a_drag_lets_go(opened, latent, the, train, qtbot):
    offer(opened, item("slant", 1, 1, 0, 0, 0, 0))
    latent.set_axes(latent.axes[0], latent.axes[0].__class__("slant", item("", 1, 1, 0, 0, 0, 0).vector))
    view = the("explore_view")
    middle = view.rect().center()
    qtbot.mousePress(view, LEFT, pos=middle)
    move(view, middle + QPoint(20, 0))
    train(steps=3, latent_size=4)
    assert latent.size == 4 and not latent._held
    before = latent.z.copy()
    move(view, middle + QPoint(40, 0))
    assert (latent.z == before).all()
    assert [axis.name for axis in latent.axes] == ["z0", "z1"]


# Where one has been


def test_the_strip_shows_every_visit_as_the_runs_own_pixels(opened, latent, the, shown, run, qtbot):
    strip = the("explore_visited")
    for seed in (1, 2, 3):
        latent.set_seed(seed)
        shown()
    view = the("explore_view")
    middle = view.rect().center()
    drag(qtbot, view, middle, middle + QPoint(10, 0), middle + QPoint(30, 10))
    shown()
    assert len(strip.tiles) == 5 and strip.present == 4
    for tile, visit in zip(strip.tiles, latent.visits, strict=True):
        np.testing.assert_array_equal(tile, run.pixels(visit.z)[0])
    np.testing.assert_array_equal(latent.visits[2].z, drawn(2))


def test_undo_and_redo_move_the_ring(opened, latent, the, shown):
    strip = the("explore_visited")
    for seed in (1, 2, 3):
        latent.set_seed(seed)
    for action, present in (("undo_action", 2), ("undo_action", 1), ("redo_action", 2)):
        trigger(opened, action)
        shown()
        assert strip.present == present and len(strip.tiles) == 4
    latent.set_seed(9)
    shown()
    assert strip.present == 3 and not latent.undo_stack.canRedo()
    np.testing.assert_array_equal([v.z for v in latent.visits], [drawn(s) for s in (0, 1, 2, 9)])


def test_a_click_or_enter_on_a_visit_goes_there(opened, latent, the, shown, qtbot):
    strip = the("explore_visited")
    for seed in (1, 2, 3, 4):
        latent.set_seed(seed)
    shown()
    at = strip.tile_rect(1).center().toPoint()
    qtbot.mouseClick(strip.viewport(), LEFT, pos=at)
    assert latent.z.tobytes() == drawn(1).tobytes() and latent.seed == 1
    shown()
    assert strip.present == 1
    focus(qtbot, opened, strip)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(strip, key)
    assert latent.z.tobytes() == drawn(3).tobytes()
    assert latent.undo_stack.count() == 4  # going there is no step


@pytest.mark.parametrize(
    "change",
    [
        lambda use: drag(use["qtbot"], use["the"]("latent_slider_2"), QPoint(20, 10), QPoint(90, 10)),
        lambda use: use["type_into"]("latent_value_0", "1.2345678"),
        lambda use: use["click"]("latent_randomize"),
        lambda use: use["type_into"]("latent_seed", "77"),
        lambda use: use["click"]("latent_reset"),
    ],
    ids=["slider", "typed", "randomise", "seed", "reset"],
)
def test_undo_restores_the_exact_latent_whatever_changed_it(
    opened, latent, the, click, type_into, qtbot, change
):
    latent.set_z(drawn(5) * np.float32(1.1))
    before, steps = latent.z.tobytes(), latent.undo_stack.count()
    change({"qtbot": qtbot, "the": the, "click": click, "type_into": type_into})
    after = latent.z.tobytes()
    assert after != before and latent.undo_stack.count() == steps + 1
    trigger(opened, "undo_action")
    assert latent.z.tobytes() == before
    trigger(opened, "redo_action")
    assert latent.z.tobytes() == after


# Thumbs


def test_thumbs_are_given_to_the_present_latent(opened, latent, the, click):
    latent.set_seed(2)
    click("explore_like")
    latent.set_seed(3)
    click("explore_dislike")
    directions = opened.session.directions
    np.testing.assert_array_equal(directions.liked, [drawn(2)])
    np.testing.assert_array_equal(directions.disliked, [drawn(3)])
    for name, count in (("explore_like", "1 so far"), ("explore_dislike", "1 so far")):
        assert count in the(name).toolTip() and "Picks" in the(name).toolTip()


# Where everything stands


def inside(panel, widget):
    return panel.rect().contains(widget.geometry().adjusted(4, 0, 0, 0))


@pytest.mark.parametrize(("width", "height"), [(1100, 700), (1280, 800), (1920, 1080)])
@pytest.mark.parametrize("mode", ["explore_show_around", "explore_show_pad"])
def test_image_and_square_stand_side_by_side_of_one_height(opened, the, click, qtbot, width, height, mode):
    click(mode)
    opened.resize(width, height)
    panel, view = the("explore_panel"), the("explore_view")
    square = the("explore_around" if mode == "explore_show_around" else "explore_pad")
    qtbot.waitUntil(lambda: opened.size().toTuple() == (width, height))
    assert (view.y(), view.height()) == (square.y(), square.height())
    assert view.width() == square.width() and view.height() >= 180
    target = view.target_rect()
    assert (target.top(), target.height()) == pytest.approx((0, view.height()), abs=1)
    assert square.x() > view.geometry().right()
    for widget in (view, square, panel.axes, panel.mode, panel.foot):
        assert inside(panel, widget), widget
    strip = the("explore_visited")
    assert strip.isVisible() == (height > 700)
    if strip.isVisible():
        assert inside(panel, strip) and strip.y() > panel.foot.geometry().bottom()
    rows = [panel.axes, panel.mode, view, square, panel.foot, *([strip] if strip.isVisible() else [])]
    for one in rows:
        for other in rows:
            assert one is other or not one.geometry().intersects(other.geometry())


def test_the_outer_tiles_are_in_line_with_the_image(opened, the, qtbot):
    around, view = the("explore_around"), the("explore_view")
    qtbot.waitUntil(lambda: around.picture is not None)
    assert around.tile_rect(0).top() == pytest.approx(view.target_rect().top(), abs=1)
    assert around.tile_rect(24).bottom() == pytest.approx(view.target_rect().bottom(), abs=1)


def test_without_a_model_the_mode_says_what_to_do(window, the):
    for name in (
        "explore_axis_down",
        "explore_show_pad",
        "explore_like",
        "explore_visited",
        "explore_around",
    ):
        assert not the(name).isVisible(), name
    assert "Press Train" in the("explore_view").accessibleDescription()
    panel = the("explore_panel")
    assert the("explore_view").width() == panel.width() - 32
