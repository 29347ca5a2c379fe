import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from latentlab.ui import theme
from latentlab.ui.thumbs import thumbnail
from latentlab.ui.widgets import thumbnails
from latentlab.ui.widgets.thumbnails import ThumbnailGrid


class Maker:
    """Makes what a grid wants when it is told to."""

    def __init__(self, grid):
        self.grid, self.asked = grid, []
        grid.wanted.connect(self.asked.append)

    def make(self):
        for wanted in self.asked[-1:]:
            self.grid.take(wanted, made_of(wanted))


def made_of(wanted):
    return {i: thumbnail(wanted.images[i], wanted.side) for i in wanted.places.tolist()}


@pytest.fixture
def grid(qtbot):
    grid = ThumbnailGrid(side=20, spacing=2)
    qtbot.addWidget(grid)
    grid.resize(230, 90)
    grid.show()
    qtbot.waitExposed(grid)
    return grid


@pytest.fixture
def maker(grid):
    return Maker(grid)


def images(count, channels=1, size=8):
    values = np.arange(count, dtype=np.uint32) % 256
    return np.broadcast_to(values.astype(np.uint8)[:, None, None, None], (count, channels, size, size)).copy()


def at(grid, place):
    row, column = divmod(place, grid.columns())
    pitch = grid.tile + 2
    half = grid.tile // 2
    return QPoint(column * pitch + half, row * pitch + half - grid.verticalScrollBar().value())


def seen(grid, place):
    """The colour in the middle of a thumbnail."""
    shot = grid.viewport().grab().toImage()
    return shot.pixelColor(at(grid, place) * shot.devicePixelRatio())


def test_empty(grid, maker):
    assert grid.count() == 0
    picture = grid.viewport().grab().toImage()
    assert len({picture.pixel(x, 45) for x in range(230)}) > 2  # there are letters
    grid.set_images(np.zeros((0, 1, 8, 8), np.uint8))
    assert grid.count() == 0
    grid.viewport().grab()
    assert not maker.asked


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_image_is_where_it_belongs_once_it_is_made(grid, maker, channels):
    pictures = images(200, channels)
    if channels == 4:
        pictures[:, 3] = 255
    grid.set_images(pictures)
    places = (0, 5, grid.columns(), grid.columns() * 2 + 3)
    tile = theme.current().color("control")
    assert [seen(grid, place) for place in places] == [tile] * 4  # nothing is made by painting
    maker.make()
    assert [seen(grid, place).red() for place in places] == list(places)


def test_transparent_pixels_lie_on_a_checkerboard(grid, maker):
    grid.set_images(np.zeros((1, 4, 8, 8), np.uint8))
    grid.viewport().grab()
    maker.make()
    shot = grid.viewport().grab().toImage()
    tokens = theme.current()
    found = {shot.pixelColor(QPoint(x, 10) * shot.devicePixelRatio()).name() for x in range(2, 18)}
    assert found == {tokens.color("control").name(), tokens.color("pressed").name()}


def test_what_is_seen_comes_first_then_what_is_scrolled_to(grid, maker):
    grid.set_images(images(10_000))
    bar, columns = grid.verticalScrollBar(), grid.columns()
    bar.setValue(100 * (grid.tile + 2))
    grid.viewport().grab()
    wanted = maker.asked[-1].places
    assert wanted[0] == 100 * columns and np.all(np.diff(wanted) == 1)
    on_screen = 5 * columns
    assert wanted[-1] > 100 * columns + 2 * on_screen
    bar.setValue(90 * (grid.tile + 2))
    grid.viewport().grab()
    upwards = maker.asked[-1].places
    assert upwards[0] == 90 * columns
    assert upwards.min() < 85 * columns  # what lies above is made ahead now
    assert upwards[on_screen:].max() < 90 * columns


def test_what_is_there_is_not_asked_for_again(grid, maker):
    grid.set_images(images(10_000))
    grid.viewport().grab()
    first = set(maker.asked[-1].places.tolist())
    maker.make()
    for _ in range(3):
        grid.viewport().grab()
    assert len(maker.asked) == 1
    grid.verticalScrollBar().setValue(grid.tile + 2)
    grid.viewport().grab()
    assert len(maker.asked) == 2
    assert not first & set(maker.asked[-1].places.tolist())


def test_what_was_made_of_other_images_is_thrown_away(grid, maker):
    grid.set_images(images(50))
    grid.viewport().grab()
    grid.set_images(np.full((50, 1, 8, 8), 200, np.uint8))
    maker.make()
    assert seen(grid, 7) == theme.current().color("control")
    maker.make()  # what the second painting asked for
    assert seen(grid, 7).red() == 200


def test_the_thumbnails_that_are_kept_have_a_bound(grid, maker, monkeypatch):
    one = thumbnail(images(1)[0], 20).sizeInBytes()
    monkeypatch.setattr(thumbnails, "KEPT_BYTES", 300 * one)
    grid.set_images(images(20_000))
    for row in range(0, 1000, 20):
        grid.verticalScrollBar().setValue(row * (grid.tile + 2))
        grid.viewport().grab()
        maker.make()
        assert sum(image.sizeInBytes() for image in grid._kept.values()) == grid._kept_bytes <= 300 * one
    shown = 980 * grid.columns()
    assert seen(grid, shown).red() == shown % 256  # the newest are the ones that stay


def test_other_sizes_show_the_old_pixels_until_the_new_ones_come(grid, maker):
    grid.set_images(images(200))
    grid.viewport().grab()
    maker.make()
    told = []
    grid.side_changed.connect(told.append)
    middle = QPointF(20, 20)
    event = QWheelEvent(
        middle,
        QPointF(grid.viewport().mapToGlobal(middle.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(grid.viewport(), event)
    assert told == [24] and grid.side == 24
    assert seen(grid, 5).red() == 5
    assert maker.asked[-1].side == round(grid.tile * grid.devicePixelRatioF())
    maker.make()
    assert seen(grid, 5).red() == 5
    grid.setFocus()
    QTest.keyClick(grid, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert grid.side == 20
    grid.set_side(1000)
    assert grid.side == thumbnails.LARGEST


def test_rows_end_where_the_room_does(grid):
    grid.set_images(images(3))
    for width in range(100, 300, 7):
        grid.resize(width, 90)
        grid.set_images(images(3))
        tile, columns = grid.tile, grid.columns()
        left = grid.viewport().width() - (columns * (tile + 2) - 2)
        grid.set_images(images(500))  # a scroll bar comes, and moves nothing
        assert (grid.tile, grid.columns()) == (tile, columns)
        assert tile >= 20 and left - grid.verticalScrollBar().sizeHint().width() < columns


def test_click_and_tooltip(grid, qtbot):
    grid.set_images(images(30), lambda index: f"<b>{index}</b> & more")
    with qtbot.waitSignal(grid.clicked) as caught:
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 12))
    assert caught.args == [12]
    place = at(grid, 12)
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, grid.viewport().mapToGlobal(place))
    QApplication.sendEvent(grid.viewport(), event)
    assert QToolTip.text() == "<span>&lt;b&gt;12&lt;/b&gt; &amp; more</span>"  # a file's name is no HTML
    QToolTip.hideText()
    grid.set_images(images(30))
    assert grid.tooltip_text(12) == "#12"


def test_the_keyboard_scrolls_and_chooses(grid, qtbot):
    grid.set_images(images(500))
    grid.setFocus()
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert grid.current == 0  # the first arrow shows where the keyboard is
    QTest.keyClick(grid, Qt.Key.Key_PageDown)
    assert grid.current == 90 // (grid.tile + 2) * grid.columns()
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert grid.verticalScrollBar().value() == grid.verticalScrollBar().maximum()
    with qtbot.waitSignal(grid.clicked) as caught:
        QTest.keyClick(grid, Qt.Key.Key_Return)
    assert caught.args == [499]
    assert grid.place_at(at(grid, 499)) == 499


def test_only_some_images(grid, maker, qtbot):
    grid.set_images(images(250))
    grid.set_current(102)
    chosen = np.arange(2, 250, 10)
    grid.set_shown(chosen)
    assert grid.count() == 25
    assert grid.current == 102  # it is among them
    grid.viewport().grab()
    assert maker.asked[-1].places.tolist() == chosen[: len(maker.asked[-1].places)].tolist()
    maker.make()
    grid.verticalScrollBar().setValue(0)
    assert seen(grid, 3).red() == 32
    with qtbot.waitSignal(grid.clicked) as caught:
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at(grid, 3))
    assert caught.args == [32]
    assert grid.neighbour(32, 1) == 42
    assert grid.neighbour(242, 1) is None and grid.neighbour(2, -1) is None
    assert grid.neighbour(33, 1) is None  # not shown
    grid.set_shown(chosen + 1)
    assert seen(grid, 3) == theme.current().color("control")
    maker.make()
    assert seen(grid, 3).red() == 33
    grid.set_shown(chosen[:2])
    assert grid.current is None
    grid.set_shown(None)
    assert grid.count() == 250


def test_a_map_on_disk_is_not_read_by_the_window(grid, tmp_path):
    (tmp_path / "images").write_bytes(bytes(1000 * 64))

    class Watched(np.memmap):
        def __getitem__(self, key):
            raise AssertionError("the window's thread read pixels")

    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=(1000, 1, 8, 8)).view(Watched)
    grid.set_images(mapped)
    grid.verticalScrollBar().setValue(500)
    grid.viewport().grab()


def test_what_is_no_set_of_images_is_refused(grid):
    with pytest.raises(ValueError, match="uint8"):
        grid.set_images(np.zeros((3, 1, 8, 8)))
