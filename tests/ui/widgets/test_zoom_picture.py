"""A picture that is checked before it is written: as a whole, or pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from latentlab.ui.widgets.zoom_picture import MARGIN, NUDGE, ZoomPicture

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


@pytest.fixture
def view(qtbot):
    view = ZoomPicture()
    view.resize(200, 160)
    qtbot.addWidget(view)
    return view


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def screen(view):
    """What is painted, uint8 (H, W, 3)."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def test_a_small_picture_is_enlarged_by_whole_pixels(view):
    picture = noise(30, 40)
    view.set_picture(picture)
    assert view.magnification() == 4
    place = view.target_rect().toRect()
    assert (place.width(), place.height()) == (160, 120) and place.left() >= MARGIN
    painted = screen(view)[place.top() :, place.left() :][:120, :160]
    np.testing.assert_array_equal(painted, picture.repeat(4, 0).repeat(4, 1))


def test_a_large_picture_is_fitted_from_its_reduced_twin(view):
    picture = np.zeros((1280, 1680, 3), np.uint8)
    view.set_picture(picture, np.full((320, 420, 3), 200, np.uint8))
    assert view.picture is picture
    assert view.magnification() == pytest.approx(0.1, abs=0.001)
    assert (screen(view)[80, 100] == 200).all()


def test_pixel_by_pixel_shows_the_middle_and_goes_to_the_edges_but_not_beyond(view, qtbot):
    picture = noise(400, 600)
    view.set_picture(picture)
    view.set_actual(True)
    inner = slice(8, -8)  # the frame is round
    np.testing.assert_array_equal(screen(view)[inner, inner], picture[120:280, 200:400][inner, inner])
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    QTest.mouseMove(view, QPoint(60, 40))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 40))
    np.testing.assert_array_equal(screen(view)[inner, inner], picture[90:250, 150:350][inner, inner])
    for _ in range(20):
        QTest.keyClick(view, Qt.Key.Key_Right)
        QTest.keyClick(view, Qt.Key.Key_Down)
    corner = screen(view)[8 : 160 - MARGIN - 1, 8 : 200 - MARGIN - 1]
    shown = picture[-(160 - MARGIN) :, -(200 - MARGIN) :][8:-1, 8:-1]
    np.testing.assert_array_equal(corner, shown)


def test_arrows_move_by_the_same_way_and_only_where_there_is_something(view):
    view.set_picture(noise(400, 100))
    view.set_actual(True)
    before = view.target_rect()
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.target_rect() == before  # all of its width is seen
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.target_rect().top() == before.top() - NUDGE


def test_a_double_click_goes_there_and_back(view, qtbot):
    picture = noise(640, 800)
    view.set_picture(picture)
    place = view.target_rect()
    with qtbot.waitSignal(view.actual_changed) as told:
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place.center().toPoint() - QPoint(30, 20))
    assert told.args == [True] and view.magnification() == 1
    left, top = view.target_rect().topLeft().toTuple()
    across, down = (100 - left) / 800, (80 - top) / 640  # what is in the middle now
    assert across == pytest.approx(0.5 - 30 / place.width(), abs=0.01)
    assert down == pytest.approx(0.5 - 20 / place.height(), abs=0.01)
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 80))
    assert not view.actual and view.target_rect() == place


def test_the_place_stays_where_the_next_picture_is_as_large(view):
    view.set_picture(noise(400, 600))
    view.set_actual(True)
    QTest.keyClick(view, Qt.Key.Key_Down)
    place = view.target_rect()
    view.set_picture(noise(400, 600, seed=1))
    assert view.target_rect() == place
    view.set_picture(noise(300, 600))
    assert view.target_rect().center().y() == 80


def test_an_outdated_picture_is_faint(view):
    view.set_picture(np.full((400, 600), 255, np.uint8))
    view.set_actual(True)
    view.set_outdated(True)
    assert screen(view)[80, 100].max() < 128
    view.set_outdated(False)
    assert screen(view)[80, 100].min() == 255


def test_without_a_picture_a_sentence_stands_there(view):
    view.set_picture(noise(4, 4))
    view.set_picture(None)
    view.set_empty_text("Nothing yet.")
    view.set_actual(True)
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 80))
    assert view.magnification() == 0 and view.grab().width() == 200
