"""The image as a handle: how far a drag, a key and the wheel go."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.ui import theme
from latentlab.ui.widgets.drag_view import SPAN, DragView

LEFT, SHIFT, NONE = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


def move(widget, x, y, modifiers=NONE):
    at = QPointF(x, y)
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, widget.mapToGlobal(at), Qt.MouseButton.NoButton, LEFT, modifiers
    )
    QApplication.sendEvent(widget, event)


def wheel(widget, angle):
    """A turn of the wheel over the middle -> whether the widget took it."""
    at = QPointF(widget.rect().center())
    buttons, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    turn = QWheelEvent(at, widget.mapToGlobal(at), QPoint(), QPoint(0, angle), buttons, NONE, phase, False)
    turn.ignore()
    QApplication.sendEvent(widget, turn)
    return turn.isAccepted()


@pytest.fixture
def view(qtbot):
    """200 x 200: 50 pixels are one sigma."""
    view = DragView(smooth=True)
    qtbot.addWidget(view)
    view.resize(200, 200)
    view.set_picture(np.zeros((8, 8), np.uint8))
    view.set_movable(True)
    view.show()
    qtbot.waitExposed(view)
    return view


@pytest.fixture
def told(view):
    told = []
    view.drag_started.connect(lambda: told.append("started"))
    view.dragged.connect(lambda down, right: told.append((down, right)))
    view.drag_ended.connect(lambda: told.append("ended"))
    return told


def test_a_drag_over_one_side_is_four_sigma(view, told, qtbot):
    qtbot.mousePress(view, LEFT, pos=QPoint(0, 150))
    qtbot.mouseMove(view, QPoint(200, 100))
    qtbot.mouseRelease(view, LEFT, pos=QPoint(200, 100))
    assert told == ["started", (-1.0, SPAN), "ended"]


def test_of_an_oblong_image_the_longer_side_counts_both_ways(view, told, qtbot):
    view.set_picture(np.zeros((4, 8), np.uint8))
    qtbot.mousePress(view, LEFT, pos=QPoint(100, 60))
    qtbot.mouseMove(view, QPoint(150, 110))
    qtbot.mouseRelease(view, LEFT, pos=QPoint(150, 110))
    assert told[1] == (1.0, 1.0)


def test_shift_is_a_tenth_and_changing_it_on_the_way_is_no_jump(view, told, qtbot):
    qtbot.mousePress(view, LEFT, pos=QPoint(20, 20))
    for x, modifiers in ((70, NONE), (70, SHIFT), (120, SHIFT), (120, NONE), (170, NONE)):
        move(view, x, 20, modifiers)
    np.testing.assert_allclose([right for _, right in told[1:]], [1, 1, 1.1, 1.1, 2.1], atol=1e-9)
    assert {down for down, _ in told[1:]} == {0}
    qtbot.mouseRelease(view, LEFT, pos=QPoint(170, 20))


def test_a_click_that_trembles_is_no_drag(view, told, qtbot):
    qtbot.mousePress(view, LEFT, pos=QPoint(50, 50))
    move(view, 51, 51)
    qtbot.mouseRelease(view, LEFT, pos=QPoint(51, 51))
    assert told == []


def test_the_cursor_shows_the_hand_and_closes_it(view, qtbot):
    assert view.cursor().shape() == Qt.CursorShape.OpenHandCursor
    qtbot.mousePress(view, LEFT, pos=QPoint(50, 50))
    move(view, 80, 50)
    assert view.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    qtbot.mouseRelease(view, LEFT, pos=QPoint(80, 50))
    assert view.cursor().shape() == Qt.CursorShape.OpenHandCursor


def test_without_a_plane_nothing_moves_and_the_keyboard_passes_by(view, told, qtbot):
    view.set_movable(False)
    qtbot.mousePress(view, LEFT, pos=QPoint(50, 50))
    move(view, 150, 50)
    qtbot.mouseRelease(view, LEFT, pos=QPoint(150, 50))
    assert told == [] and view.focusPolicy() == Qt.FocusPolicy.NoFocus
    assert view.cursor().shape() == Qt.CursorShape.ArrowCursor
    assert not wheel(view, 120)


@pytest.mark.parametrize("end", [lambda v: v.set_movable(False), lambda v: v.hide()])
def test_a_drag_ends_once_when_the_plane_or_the_view_goes(view, told, qtbot, end):
    qtbot.mousePress(view, LEFT, pos=QPoint(50, 50))
    move(view, 80, 50)
    end(view)
    move(view, 150, 50)
    qtbot.mouseRelease(view, LEFT, pos=QPoint(150, 50))
    assert [t for t in told if isinstance(t, str)] == ["started", "ended"]
    assert len(told) == 3


def test_the_wheel_and_plus_and_minus_ask_for_another_step(view, qtbot):
    turned = []
    view.step_turned.connect(turned.append)
    assert wheel(view, 120)
    wheel(view, -240)
    for _ in range(4):  # a touch pad
        wheel(view, 30)
    QTest.keyClick(view, Qt.Key.Key_Plus)
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert turned == [1, -2, 1, 1, -1]


def test_arrows_nudge_other_keys_pass(view):
    nudges = []
    view.nudged.connect(lambda *nudge: nudges.append(nudge))
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Left, SHIFT)
    assert nudges == [(1, 0, False), (0, -1, True)]


def test_the_keyboards_ring_lies_on_the_image(view, qtbot):
    def edge():
        return view.grab().toImage().pixelColor(100, 1).name()

    view.clearFocus()
    assert edge() == "#000000"
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    assert edge() == theme.current().accent.lower()
