"""The pad: where the handle is, where a person wants it to be, and what it costs to paint."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.ui import theme
from latentlab.ui.widgets.pad import EXTENT, PlanePad

LEFT, SHIFT, NONE = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


def send(widget, kind, at, modifiers=NONE, button=LEFT):
    """A mouse event with modifiers, which QTest's moves lack."""
    at = QPointF(at)
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
    event = QMouseEvent(kind, at, QPointF(widget.mapToGlobal(at.toPoint())), button, held, modifiers)
    QApplication.sendEvent(widget, event)


def press(widget, at, modifiers=NONE):
    send(widget, QEvent.Type.MouseButtonPress, at, modifiers)


def move(widget, at, modifiers=NONE):
    send(widget, QEvent.Type.MouseMove, at, modifiers, Qt.MouseButton.NoButton)


def release(widget, at, modifiers=NONE):
    send(widget, QEvent.Type.MouseButtonRelease, at, modifiers)


@pytest.fixture
def pad(qtbot):
    """300 x 300: 50 pixels are one sigma."""
    pad = PlanePad()
    qtbot.addWidget(pad)
    pad.resize(300, 300)
    pad.set_names("z4", "z11")
    pad.show()
    qtbot.waitExposed(pad)
    return pad


@pytest.fixture
def told(pad):
    """What it said, in order."""
    told = []
    pad.drag_started.connect(lambda: told.append("started"))
    pad.moved.connect(lambda down, right: told.append((down, right)))
    pad.drag_ended.connect(lambda: told.append("ended"))
    return told


def test_a_press_and_a_drag_go_exactly_where_the_mouse_is(pad, told, qtbot):
    qtbot.mousePress(pad, LEFT, pos=QPoint(200, 100))
    qtbot.mouseMove(pad, QPoint(250, 275))
    qtbot.mouseRelease(pad, LEFT, pos=QPoint(250, 275))
    assert told == ["started", (-1.0, 1.0), (2.5, 2.0), "ended"]


def test_the_pad_moves_its_handle_only_when_it_is_told_to(pad, qtbot):
    qtbot.mouseClick(pad, LEFT, pos=QPoint(200, 100))
    assert pad.position == (0.0, 0.0)
    pad.set_position(-1.0, 1.0)
    assert pad.position == (-1.0, 1.0)
    assert pad.point(-1.0, 1.0) == QPointF(200, 100)


def test_beyond_the_square_a_drag_stays_at_its_edge_and_comes_back_where_the_mouse_does(pad, told, qtbot):
    qtbot.mousePress(pad, LEFT, pos=QPoint(150, 150))
    move(pad, QPoint(400, -90))
    move(pad, QPoint(200, 100))
    assert told[2:] == [(-EXTENT, EXTENT), (-1.0, 1.0)]
    qtbot.mouseRelease(pad, LEFT, pos=QPoint(200, 100))


def test_shift_is_a_tenth_and_changing_it_on_the_way_is_no_jump(pad, told):
    press(pad, QPoint(150, 150))
    move(pad, QPoint(200, 150))  # 1 sigma
    move(pad, QPoint(200, 150), SHIFT)
    move(pad, QPoint(250, 200), SHIFT)  # a tenth of a sigma both ways
    move(pad, QPoint(250, 200))
    move(pad, QPoint(300, 200))  # 1 sigma again
    release(pad, QPoint(300, 200))
    places = [(0, 0), (0, 1), (0, 1), (0.1, 1.1), (0.1, 1.1), (0.1, 2.1)]
    np.testing.assert_allclose(told[1:-1], places, atol=1e-9)


def test_with_shift_from_the_start_the_handle_moves_from_where_it_is(pad, told):
    pad.set_position(1.0, -2.0)
    press(pad, QPoint(280, 20), SHIFT)
    assert told == ["started"]
    move(pad, QPoint(280, 70), SHIFT)
    np.testing.assert_allclose(told[1], (1.1, -2.0), atol=1e-9)
    release(pad, QPoint(280, 70))


def test_a_double_click_asks_for_the_middle(pad, qtbot):
    with qtbot.waitSignal(pad.centred):
        qtbot.mouseDClick(pad, LEFT, pos=QPoint(200, 100))


def test_other_buttons_do_nothing(pad, told, qtbot):
    qtbot.mouseClick(pad, Qt.MouseButton.RightButton, pos=QPoint(200, 100))
    assert told == []


def test_arrow_keys_nudge_and_shift_makes_them_fine(pad, qtbot):
    nudges = []
    pad.nudged.connect(lambda *nudge: nudges.append(nudge))
    for key, modifier in (
        (Qt.Key.Key_Up, NONE),
        (Qt.Key.Key_Right, NONE),
        (Qt.Key.Key_Down, SHIFT),
        (Qt.Key.Key_Left, SHIFT),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier),
    ):
        QTest.keyClick(pad, key, modifier)
    assert nudges == [(-1, 0, False), (0, 1, False), (1, 0, True), (0, -1, True)]


def test_a_drag_ends_when_the_pad_goes_away(pad, told, qtbot):
    qtbot.mousePress(pad, LEFT, pos=QPoint(200, 100))
    pad.hide()
    assert told[-1] == "ended"
    pad.show()
    qtbot.mouseMove(pad, QPoint(100, 100))
    assert told[-1] == "ended"


def test_the_square_lies_at_the_top_in_the_middle(pad):
    pad.resize(400, 300)
    assert pad.area().getRect() == (50, 0, 300, 300)
    assert pad.place(QPointF(0, 150)) == (0.0, -EXTENT)


def pixel(pad, x, y):
    return pad.grab().toImage().pixelColor(x, y)


def test_the_handle_is_seen_where_one_is_hollow_beyond_the_edge(pad):
    pad.set_position(1.0, -1.5)
    assert pixel(pad, 75, 200).name() == theme.current().handle.lower()
    pad.set_position(1.0, -8.0)
    at_edge = pixel(pad, 7, 200)
    assert at_edge.name() != theme.current().handle.lower()
    assert pixel(pad, 75, 200).name() != theme.current().handle.lower()
    ring = {pixel(pad, x, 200 - 6).name() for x in range(5, 10)}
    assert theme.current().accent.lower() in ring


def test_the_decoded_plane_lies_faintly_behind_with_its_edges_at_the_pads(pad):
    empty = pixel(pad, 30, 30), pixel(pad, 270, 270)
    picture = np.zeros((70, 70), np.uint8)
    picture[:35, :35] = 255
    pad.set_picture(picture)
    assert 60 < pixel(pad, 30, 60).red() < 200  # lighter than the ground, and yet no white
    assert pixel(pad, 30, 60).red() > empty[0].red() + 40
    assert pixel(pad, 270, 240).red() < empty[1].red()
    assert pixel(pad, 130, 60).red() > 60 > pixel(pad, 170, 60).red()
    pad.set_picture(None)
    assert (pixel(pad, 30, 30), pixel(pad, 270, 270)) == empty


def test_moving_the_handle_paints_the_background_from_memory(pad):
    pad.set_picture(np.zeros((70, 70), np.uint8))
    pad.grab()
    kept = pad._background
    pad.set_position(1.0, 1.0)
    pad.grab()
    assert pad._background is kept
    for change in (lambda: pad.set_names("PC 1", "z11"), lambda: pad.resize(280, 280)):
        kept = pad._background
        change()
        pad.grab()
        assert pad._background is not kept


def test_the_background_follows_the_theme(pad, qapp):
    theme.apply(qapp, "dark")
    dark = pixel(pad, 20, 200).lightness()
    theme.apply(qapp, "light")
    try:
        assert pixel(pad, 20, 200).lightness() > dark + 100
    finally:
        theme.apply(qapp, "dark")


def test_the_keyboards_ring_is_seen(pad, qtbot):
    pad.clearFocus()
    assert pixel(pad, 100, 1).name() != theme.current().accent.lower()
    pad.activateWindow()
    pad.setFocus()
    qtbot.waitUntil(pad.hasFocus)
    assert pixel(pad, 100, 1).name() == theme.current().accent.lower()


def test_long_names_end_in_dots(pad):
    names = []
    pad.set_names("z4", "z11")
    names.append(pad.grab().toImage())
    pad.set_names("z4", "a very long name of a direction that somebody typed")
    names.append(pad.grab().toImage())
    pad.set_names("z4", "a very long name of a direction that somebody typed, longer still")
    names.append(pad.grab().toImage())
    assert names[0] != names[1]
    assert names[1] == names[2]  # the end is not shown
