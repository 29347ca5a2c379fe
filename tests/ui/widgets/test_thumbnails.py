import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from latentlab.ui.widgets.thumbnails import ThumbnailGrid


@pytest.fixture
def grid(qtbot):
    grid = ThumbnailGrid(size=20, spacing=2)
    qtbot.addWidget(grid)
    grid.resize(230, 90)
    grid.show()
    qtbot.waitExposed(grid)
    return grid


def images(count, channels=1, size=8):
    values = np.arange(count, dtype=np.uint32) % 256
    return np.broadcast_to(values.astype(np.uint8)[:, None, None, None], (count, channels, size, size)).copy()


def at(grid, index):
    row, column = divmod(index, grid.columns())
    return QPoint(column * 22 + 10, row * 22 + 10 - grid.verticalScrollBar().value())


def test_empty(grid):
    assert grid.count() == 0
    picture = grid.viewport().grab().toImage()
    assert len({picture.pixel(x, 45) for x in range(230)}) > 2  # there are letters
    grid.set_images(np.zeros((0, 1, 8, 8), np.uint8))
    assert grid.count() == 0


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_image_is_where_it_belongs(grid, channels):
    pictures = images(200, channels)
    if channels == 4:
        pictures[:, 3] = 255
    grid.set_images(pictures)
    shot = grid.viewport().grab().toImage()
    for index in (0, 5, grid.columns(), grid.columns() * 2 + 3):
        assert shot.pixelColor(at(grid, index) * shot.devicePixelRatio()).red() == index


def test_click_and_tooltip(grid, qtbot):
    grid.set_images(images(30), [f"class {i % 10}" for i in range(30)])
    with qtbot.waitSignal(grid.clicked) as caught:
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 12))
    assert caught.args == [12]
    place = at(grid, 12)
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, grid.viewport().mapToGlobal(place))
    QApplication.sendEvent(grid.viewport(), event)
    assert QToolTip.text() == "#12 · class 2"
    QToolTip.hideText()


def test_the_keyboard_scrolls_and_chooses(grid, qtbot):
    grid.set_images(images(500))
    grid.setFocus()
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert grid.verticalScrollBar().value() == grid.verticalScrollBar().maximum()
    with qtbot.waitSignal(grid.clicked) as caught:
        QTest.keyClick(grid, Qt.Key.Key_Return)
    assert caught.args == [499]
    assert grid.index_at(at(grid, 499)) == 499


def test_a_hundred_thousand_are_fluid(grid):
    grid.set_images(images(100_000))
    bar = grid.verticalScrollBar()
    start = time.perf_counter()
    for value in np.linspace(0, bar.maximum(), 30).astype(int).tolist():
        bar.setValue(value)
        grid.viewport().repaint()
    assert (time.perf_counter() - start) / 30 < 0.1


def test_what_is_no_set_of_images_is_refused(grid):
    with pytest.raises(ValueError, match="uint8"):
        grid.set_images(np.zeros((3, 1, 8, 8)))
    with pytest.raises(ValueError, match="2 labels for 3"):
        grid.set_images(images(3), ["a", "b"])
