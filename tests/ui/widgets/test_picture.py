import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from latentlab.export.grid import compose
from latentlab.ui.widgets.picture import GridView, PictureView


def shown(qtbot, widget, size=(200, 200)):
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def test_the_empty_state_says_its_text(qtbot):
    view = shown(qtbot, PictureView())
    view.set_empty_text("Press Train")
    assert view.picture is None
    assert view.accessibleDescription() == "Press Train"
    image = view.grab().toImage()
    assert len({image.pixel(x, 100) for x in range(200)}) > 2  # there are letters


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 3), (8, 6, 4)])
def test_pixels_arrive_as_they_were_sent(qtbot, shape):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    if shape[-1] == 4:
        picture[..., 3] = 255
    view = shown(qtbot, PictureView(), (60, 80))
    view.set_picture(picture)
    image = view.grab().toImage()
    target = view.target_rect()
    ratio = image.devicePixelRatio()
    factor = target.width() / 6
    assert factor == target.height() / 8 == 10
    for y in range(1, 7):  # the corners are round
        for x in range(1, 5):
            at = QPointF(target.x() + (x + 0.5) * factor, target.y() + (y + 0.5) * factor) * ratio
            color = image.pixelColor(at.toPoint())
            value = picture[y, x]
            expected = (value,) * 3 if value.ndim == 0 else tuple(value[:3])
            assert (color.red(), color.green(), color.blue()) == tuple(int(v) for v in expected)


def test_the_array_shown_is_the_one_sent(qtbot):
    view = shown(qtbot, PictureView())
    picture = np.zeros((4, 4), np.uint8)
    view.set_picture(picture)
    assert view.picture is picture
    turned = np.zeros((4, 6), np.uint8).T
    view.set_picture(turned)
    assert view.picture.flags.c_contiguous
    assert view.picture.shape == (6, 4)
    view.set_picture(None)
    assert view.picture is None


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_what_cannot_be_shown_is_refused(qtbot, wrong):
    view = PictureView()
    qtbot.addWidget(view)
    with pytest.raises(ValueError, match="picture"):
        view.set_picture(wrong)


def test_painted_comes_once_for_each_new_picture(qtbot):
    view = shown(qtbot, PictureView())
    got = []
    view.painted.connect(lambda: got.append(view.picture))
    first, second = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)
    with qtbot.waitSignal(view.painted, timeout=2000):
        view.set_picture(first)
    view.update()
    QApplication.processEvents()
    with qtbot.waitSignal(view.painted, timeout=2000):
        view.set_picture(second)
    assert got == [first, second] or (got[0] is first and got[1] is second)
    assert len(got) == 2


def test_the_aspect_is_kept_and_pixels_are_whole(qtbot):
    view = shown(qtbot, PictureView(), (205, 333))
    view.set_picture(np.zeros((10, 20), np.uint8))
    target = view.target_rect()
    assert (target.width(), target.height()) == (200, 100)
    view.smooth = True
    target = view.target_rect()
    assert target.width() == 205
    assert target.height() == pytest.approx(102.5, abs=0.6)


def test_large_pictures_are_reduced(qtbot):
    view = shown(qtbot, PictureView(), (100, 100))
    checkers = np.indices((400, 400)).sum(axis=0) % 2 * 255
    view.set_picture(checkers.astype(np.uint8))
    color = view.grab().toImage().pixelColor(50, 50)
    assert 100 < color.red() < 155  # averaged, not every fourth


def test_smooth_blends_and_square_does_not(qtbot):
    picture = np.array([[0, 255], [0, 255]], np.uint8)
    view = shown(qtbot, PictureView(), (100, 100))
    view.set_picture(picture)
    row = [view.grab().toImage().pixelColor(x, 50).red() for x in (40, 60)]
    assert row == [0, 255]
    view.smooth = True
    assert 0 < view.grab().toImage().pixelColor(45, 50).red() < 255


@pytest.fixture
def grid(qtbot):
    tiles = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(10, 2).repeat(10, 3) * 20
    view = shown(qtbot, GridView(), (220, 170))
    view.set_grid(compose(tiles, columns=4, spacing=2), 3, 4, 10, 10, 2)
    return view


def centre(view, index):
    return view.tile_rect(index).center().toPoint()


def test_tiles_lie_where_compose_put_them(grid):
    image = grid.grab().toImage()
    for index in range(12):
        assert image.pixelColor(centre(grid, index) * image.devicePixelRatio()).red() == index * 20
        assert grid.tile_at(QPointF(centre(grid, index))) == index
    between = (grid.tile_rect(0).right() + grid.tile_rect(1).left()) / 2
    assert grid.tile_at(QPointF(between, grid.tile_rect(0).center().y())) is None
    assert grid.tile_at(QPointF(-5, -5)) is None


def test_grids_without_a_frame_work_too(qtbot):
    view = shown(qtbot, GridView())
    view.set_grid(np.zeros((10, 21), np.uint8), 1, 2, 10, 10, 1)
    assert view.tile_at(QPointF(centre(view, 1))) == 1
    with pytest.raises(ValueError, match="do not fit"):
        view.set_grid(np.zeros((10, 10), np.uint8), 2, 2, 10, 10, 1)


def test_a_click_names_the_tile(grid, qtbot):
    with qtbot.waitSignal(grid.tile_clicked) as caught:
        QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=centre(grid, 6))
    assert caught.args == [6]
    with qtbot.assertNotEmitted(grid.tile_clicked):
        QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=QPoint(0, 0))


def test_places_without_a_tile_are_dead(qtbot):
    view = shown(qtbot, GridView())
    view.set_grid(np.zeros((26, 26), np.uint8), 2, 2, 10, 10, 2, count=3)
    assert view.tile_at(QPointF(centre(view, 2))) == 2
    assert view.tile_at(QPointF(centre(view, 3))) is None


def test_the_keyboard_moves_and_chooses(grid, qtbot):
    grid.setFocus()
    got = []
    grid.tile_clicked.connect(got.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Return):
        QTest.keyClick(grid, key)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
        QTest.keyClick(grid, key)
    assert got == [5, 0]


def test_selection_is_drawn_and_kept(grid, qtbot):
    before = grid.grab().toImage()
    with qtbot.assertNotEmitted(grid.tile_clicked):
        grid.set_selected(5)
    assert grid.selected == 5
    assert grid.grab().toImage() != before
    grid.set_grid(grid.picture.copy(), 3, 4, 10, 10, 2)
    assert grid.selected == 5
    grid.set_grid(np.zeros((14, 26), np.uint8), 1, 2, 10, 10, 2)
    assert grid.selected is None


def test_the_tile_under_the_mouse_lights_up(grid):
    before = grid.grab().toImage()
    QTest.mouseMove(grid, centre(grid, 3))
    assert grid.cursor().shape() == Qt.CursorShape.PointingHandCursor
    assert grid.grab().toImage() != before


def test_tooltips_come_from_the_provider(grid):
    asked = []
    grid.tile_tooltip = lambda index: asked.append(index) or f"tile {index}"
    at = centre(grid, 7)
    QApplication.sendEvent(grid, QHelpEvent(QHelpEvent.Type.ToolTip, at, grid.mapToGlobal(at)))
    assert asked == [7]
    assert QToolTip.text() == "tile 7"
    QToolTip.hideText()


def test_a_grid_view_shows_one_picture_too(grid):
    grid.set_picture(np.full((8, 8), 255, np.uint8))
    assert grid.tile_at(QPointF(100, 80)) is None
    assert grid.grab().toImage().pixelColor(110, 85) == QColor("white")
