"""The strip of visited images: what is ringed, what is in view, what is painted, what is chosen."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.ui import theme
from latentlab.ui.widgets.visited_strip import CACHED, GAP, TILE, VisitedStrip


def tiles(count, value=None):
    """Grey tiles, each of its own shade."""
    return [np.full((1, 8, 8), 40 + i % 200 if value is None else value, np.uint8) for i in range(count)]


@pytest.fixture
def strip(qtbot):
    """Room for seven tiles."""
    strip = VisitedStrip()
    qtbot.addWidget(strip)
    strip.resize(400, strip.height())
    strip.show()
    qtbot.waitExposed(strip)
    return strip


def in_view(strip, index):
    return strip.viewport().rect().contains(strip.tile_rect(index).toRect())


def pixel(strip, index, dx=TILE // 2, dy=TILE // 2):
    rect = strip.tile_rect(index)
    return strip.viewport().grab().toImage().pixelColor(int(rect.x()) + dx, int(rect.y()) + dy)


def click(qtbot, strip, index):
    at = strip.tile_rect(index).center().toPoint()
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_without_visits_there_is_nothing_and_no_key_fails(strip, qtbot):
    strip.set_visits([], 0)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Return):
        QTest.keyClick(strip, key)
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert strip.tiles == []


def test_every_tile_is_its_pixels_the_oldest_left(strip):
    strip.set_visits(tiles(5), 4)
    assert [pixel(strip, i).red() for i in range(5)] == [40, 41, 42, 43, 44]
    assert strip.tile_rect(1).x() - strip.tile_rect(0).x() == TILE + GAP


def test_the_present_one_has_the_ring(strip):
    strip.set_visits(tiles(5), 2)
    accent = theme.current().accent.lower()
    assert pixel(strip, 2, TILE // 2, -1).name() == accent
    assert pixel(strip, 3, TILE // 2, -1).name() != accent
    strip.set_visits(tiles(5), 3)
    assert pixel(strip, 2, TILE // 2, -1).name() != accent
    assert pixel(strip, 3, TILE // 2, -1).name() == accent


def test_one_that_was_not_decoded_is_an_empty_cell(strip):
    shown = [*tiles(2), None, *tiles(1)]
    strip.set_visits(shown, 3)
    assert pixel(strip, 2).name() == theme.current().panel.lower()


def test_while_the_present_one_is_on_its_way_what_it_was_stays(strip):
    strip.set_visits(tiles(3), 2)
    strip.set_visits([*tiles(2), None], 2)
    assert pixel(strip, 2).red() == 42
    strip.set_visits([*tiles(2), np.full((1, 8, 8), 99, np.uint8)], 2)
    assert pixel(strip, 2).red() == 99
    strip.set_visits([*tiles(3), None], 3)  # a new one has nothing yet
    assert pixel(strip, 3).name() == theme.current().panel.lower()


def test_the_present_one_is_always_in_view(strip):
    for present in (499, 0, 250, 251, 498):
        strip.set_visits(tiles(500), present)
        assert in_view(strip, present), present
    strip.set_visits(tiles(501), 500)  # the newest
    assert in_view(strip, 500)
    strip.resize(150, strip.height())
    assert in_view(strip, 500)


def test_scrolling_away_is_not_undone_by_a_picture_that_arrives(strip):
    strip.set_visits([*tiles(99), None], 99)
    strip.horizontalScrollBar().setValue(0)
    strip.set_visits(tiles(100), 99)
    assert strip.horizontalScrollBar().value() == 0


def test_the_wheel_scrolls(strip):
    strip.set_visits(tiles(100), 0)
    at = QPointF(100, 20)
    turn = QWheelEvent(
        at,
        strip.viewport().mapToGlobal(at),
        QPoint(),
        QPoint(0, -240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(strip.viewport(), turn)
    assert strip.horizontalScrollBar().value() == 2 * (TILE + GAP)


def test_a_click_chooses_between_tiles_there_is_nothing(strip, qtbot):
    chosen = []
    strip.chosen.connect(chosen.append)
    strip.set_visits(tiles(100), 50)
    click(qtbot, strip, 48)
    between = strip.tile_rect(49).topRight().toPoint() + QPoint(GAP // 2, 10)
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=between)
    click(qtbot, strip, 51)
    assert chosen == [48, 51]


def test_arrows_and_enter_choose_and_begin_at_the_present_one(strip, qtbot):
    chosen = []
    strip.chosen.connect(chosen.append)
    strip.set_visits(tiles(20), 10)
    strip.activateWindow()
    strip.setFocus()
    qtbot.waitUntil(strip.hasFocus)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Return):
        QTest.keyClick(strip, key)
    assert chosen == [8]
    QTest.keyClick(strip, Qt.Key.Key_End)
    assert in_view(strip, 19)
    QTest.keyClick(strip, Qt.Key.Key_Right)  # there is no more
    QTest.keyClick(strip, Qt.Key.Key_Enter)
    QTest.keyClick(strip, Qt.Key.Key_Home)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert chosen == [8, 19, 0]


def test_the_keyboards_place_is_seen(strip, qtbot):
    strip.set_visits(tiles(5), 4)
    strip.activateWindow()
    strip.setFocus()
    qtbot.waitUntil(strip.hasFocus)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert pixel(strip, 3, TILE // 2, 1).name() == theme.current().text.lower()
    assert pixel(strip, 4, TILE // 2, -1).name() == theme.current().accent.lower()


def test_only_what_is_in_view_is_drawn_however_long_it_is(strip):
    strip.set_visits(tiles(10_000), 9_999)
    strip.viewport().grab()
    assert len(strip._cache) <= 9
    for present in range(0, 10_000, 5):
        strip.set_visits(strip.tiles, present)
        strip.viewport().grab()
    assert len(strip._cache) <= CACHED


def test_oblong_tiles_keep_their_shape(strip):
    strip.set_visits([np.full((3, 4, 8), 200, np.uint8), *tiles(1)], 1)
    assert pixel(strip, 0).red() == 200
    assert pixel(strip, 0, TILE // 2, 4).red() != 200
