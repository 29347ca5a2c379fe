"""The plane of points: everything lies where its numbers say, and only what is wanted is seen."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from latentlab.core import points
from latentlab.training.events import Plane
from latentlab.ui import theme
from latentlab.ui.scene import ARROWS, FIELD, LATTICE, LAYERS, REAL, Scene, leaning
from latentlab.ui.widgets.drag_view import SPAN
from latentlab.ui.widgets.plane_legend import PlaneLegend
from latentlab.ui.widgets.plane_paint import made_colour, real_colour
from latentlab.ui.widgets.plane_view import PlaneView

NOTHING = np.empty((0, 2), np.float32)


@pytest.fixture
def view(qtbot):
    view = PlaneView()
    qtbot.addWidget(view)
    view.resize(340, 320)
    view.show()
    qtbot.waitExposed(view)
    return view


def pixels(view):
    """What is painted, float (H, W, 3)."""
    image = view.grab().toImage().convertToFormat(view.grab().toImage().Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(float)


def lit(view):
    """Where there is something on the ground of the square, bool (H, W) of the whole view."""
    square, found = view.target_rect().toRect(), np.zeros((view.height(), view.width()), bool)
    inner = slice(square.top() + 2, square.bottom() - 1), slice(square.left() + 2, square.right() - 1)
    found[inner] = np.abs(pixels(view)[inner] - ground()).sum(2) > 20
    return found


def colour_at(view, x, y):
    """The colour in the middle of a point of the plane."""
    at = view.to_widget(x, y)
    return pixels(view)[int(at.y()), int(at.x())]


def rgb(colour):
    return np.array(colour.getRgb()[:3], float)


def ground():
    return rgb(theme.current().color("canvas"))


def dot(x, y):
    return points.draw(np.array([[x, y]], np.float32).reshape(1, 2, 1, 1))[0, 0]


def is_like(found, colour):
    """Whether a pixel leaves the ground in the direction of a colour."""
    way, wanted = found - ground(), rgb(colour) - ground()
    if np.linalg.norm(way) < 8:
        return False
    return float(way @ wanted / np.linalg.norm(way) / np.linalg.norm(wanted)) > 0.97


def test_generated_and_real_points_lie_where_they_are_y_upwards(view):
    plane = Plane(np.array([[0.1, 0.8], [0.9, 0.9]], np.float32))
    view.set_scene(Scene(plane, np.array([[0.3, 0.2]], np.float32)))
    assert is_like(colour_at(view, 0.1, 0.8), made_colour())
    assert is_like(colour_at(view, 0.9, 0.9), made_colour())
    assert is_like(colour_at(view, 0.3, 0.2), real_colour())
    # Nowhere else, their mirror images above all.
    for x, y in ((0.1, 0.2), (0.9, 0.1), (0.3, 0.8), (0.8, 0.1)):
        np.testing.assert_array_equal(colour_at(view, x, y), ground())


def test_the_square_is_as_large_as_fits_and_its_corners_are_seen_whole(view):
    view.set_scene(Scene(Plane(np.array([[0, 0], [1, 1]], np.float32))))
    square = view.target_rect()
    assert square.width() == square.height() == 320 and square.left() == 10
    for x, y in ((0, 0), (1, 1)):
        assert is_like(colour_at(view, x, y), made_colour())
        assert square.adjusted(4, 4, -4, -4).contains(view.to_widget(x, y))


def test_the_field_tells_made_from_real_and_row_0_is_below(view):
    field = np.zeros((4, 4), np.float32)
    field[0, 1], field[3, 2] = 5, -5
    view.set_scene(Scene(Plane(NOTHING, field=field), loss="minimax"))
    assert is_like(colour_at(view, 0.375, 0.125), real_colour())  # column 1 of the lowest row
    assert is_like(colour_at(view, 0.625, 0.875), made_colour())
    np.testing.assert_allclose(colour_at(view, 0.125, 0.625), ground(), atol=3)  # undecided
    view.set_layers(frozenset({ARROWS, LATTICE, REAL}))
    np.testing.assert_array_equal(colour_at(view, 0.375, 0.125), ground())


def test_the_zero_of_every_loss_is_between_made_and_real():
    from latentlab.models.gan_losses import LOSSES

    known = {name: loss.threshold for name, loss in LOSSES.items() if loss.threshold is not None}
    assert len(known) >= 4
    for name, threshold in known.items():
        low, middle, high = leaning(np.array([threshold - 50, threshold, threshold + 50], np.float32), name)
        assert (low, middle, high) == pytest.approx((-1, 0, 1), abs=1e-6), name
    # Others have none: what is in the middle of the field is.
    np.testing.assert_allclose(leaning(np.array([7.0, 8.0, 9.0]), "wgan-gp"), (-1, 0, 1), atol=1e-9)
    assert not leaning(np.full((3, 3), 2.0), "wgan").any()


def test_arrows_point_uphill_and_are_longer_where_it_is_steeper(view):
    arrows = np.array([[0.25, 0.25, 4, 0], [0.75, 0.25, 0, 1], [0.25, 0.75, 0, 0]], np.float32)
    view.set_scene(Scene(Plane(NOTHING, arrows=arrows)))
    found = lit(view)

    def around(x, y):
        """Lit places beside a point of the plane: to the right and upwards of it."""
        at, reach = view.to_widget(x, y), 60
        rows, columns = np.nonzero(found)
        right, up = columns - at.x(), at.y() - rows
        near = (np.abs(right) < reach) & (np.abs(up) < reach)
        return right[near], up[near]

    right, up = around(0.25, 0.25)
    length = np.ptp(right)
    assert length > 2 * np.ptp(up)
    assert right[np.abs(up) > 2].mean() > 0  # the head's barbs are on the right
    right, up = around(0.75, 0.25)
    assert np.ptp(up) > 2 * np.ptp(right) and np.ptp(up) < 0.7 * length
    assert up[np.abs(right) > 2].mean() > 0
    assert not len(around(0.25, 0.75)[0])


def test_what_became_nan_is_left_out(view):
    nowhere = np.full((2, 2), np.nan, np.float32)
    plane = Plane(
        nowhere, nowhere, np.full((3, 4), np.nan, np.float32), np.full((3, 3, 2), np.nan, np.float32)
    )
    for loss in ("minimax", "wgan"):
        view.set_scene(Scene(plane, loss=loss))
        np.testing.assert_array_equal(colour_at(view, 0.5, 0.5), ground())


def test_the_lattice_is_where_it_is_decoded_to(view):
    side = np.linspace(0, 1, 33, dtype=np.float32)
    x, y = np.meshgrid(side, side)
    view.set_scene(Scene(Plane(NOTHING, image=np.stack([0.2 + 0.2 * x, 0.2 + 0.6 * y], 2), extent=2.0)))
    found = lit(view)
    rows, columns = np.nonzero(found)
    below, above = view.to_widget(0.2, 0.2), view.to_widget(0.4, 0.8)
    assert (columns.min(), rows.max()) == pytest.approx((below.x(), below.y()), abs=2)
    assert (columns.max(), rows.min()) == pytest.approx((above.x(), above.y()), abs=2)
    # Every second of the 33 lines: 17 each way.
    across = found[int(view.to_widget(0, 0.5 + 0.01).y())]
    assert np.count_nonzero(np.diff(across.astype(int)) == 1) == 17


def test_a_picture_of_a_point_moves_the_marker_without_painting_the_rest_again(view):
    view.set_scene(Scene(Plane(np.full((1, 2), 0.5, np.float32))))
    assert view.marker is None
    view.set_picture(dot(0.25, 0.75))
    assert view.marker == pytest.approx((0.25, 0.75), abs=5e-4)
    np.testing.assert_allclose(colour_at(view, 0.25, 0.75), rgb(theme.current().color("text")), atol=2)
    painted = view._ground.cacheKey()
    view.set_picture(dot(0.8, 0.1))
    assert view.marker == pytest.approx((0.8, 0.1), abs=5e-4)
    np.testing.assert_array_equal(colour_at(view, 0.25, 0.75), ground())
    assert view._ground.cacheKey() == painted
    assert "x 0.80, y 0.10" in view.accessibleDescription()
    view.set_scene(Scene(Plane(np.full((3, 2), 0.5, np.float32))))  # training goes on
    assert view.marker == pytest.approx((0.8, 0.1), abs=5e-4)
    view.grab()
    assert view._ground.cacheKey() != painted
    view.set_picture(None)
    assert view.marker is None
    assert view.accessibleDescription() == "3 generated points"


def test_pictures_of_images_are_no_points(view):
    view.set_picture(np.full((28, 28), 200, np.uint8))
    np.testing.assert_array_equal(pixels(view)[160, 170], (200, 200, 200))
    assert view.marker is None
    view.set_scene(Scene(Plane(NOTHING)))
    assert view.marker is None  # another run's, that is still on the way


def test_the_mouse_reads_x_y_and_what_the_discriminator_says(view, qtbot):
    field = np.zeros((4, 4), np.float32)
    field[3, 0] = np.log(3)  # sigmoid: 0.75
    view.set_scene(Scene(Plane(NOTHING, field=field), loss="non-saturating"))
    assert view.reading() == ""
    at = view.to_widget(0.125, 0.875).toPoint()
    x = (at.x() - view.to_widget(0, 0).x()) / (view.to_widget(1, 0).x() - view.to_widget(0, 0).x())
    qtbot.mouseMove(view, at)
    assert view.reading() == f"x {x:.2f}  y 0.87  D 0.75" or view.reading() == f"x {x:.2f}  y 0.88  D 0.75"
    view.set_scene(Scene(Plane(NOTHING, field=field), loss="wgan"))
    assert view.reading().endswith("critic 1.10")
    view.set_scene(Scene(Plane(NOTHING)))
    assert "D" not in view.reading() and view.reading().startswith("x 0.1")
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert view.reading() == ""


def test_a_drag_over_the_plane_is_that_of_any_picture(view, qtbot):
    view.set_scene(Scene(Plane(NOTHING)))
    view.set_movable(True)
    told = []
    view.dragged.connect(lambda down, right: told.append((down, right)))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    for x in (110, 180):
        at = QPointF(x, 100)
        event = QMouseEvent(
            QEvent.Type.MouseMove, at, view.mapToGlobal(at), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(180, 100))
    assert told[-1] == pytest.approx((0, SPAN * 80 / 320))


def test_another_theme_paints_it_anew(view, qtbot):
    app = QApplication.instance()
    theme.apply(app, "dark")
    view.set_scene(Scene(Plane(NOTHING)))
    np.testing.assert_array_equal(colour_at(view, 0.5, 0.5), rgb(theme.DARK.color("canvas")))
    try:
        theme.apply(app, "light")
        np.testing.assert_array_equal(colour_at(view, 0.5, 0.5), rgb(theme.LIGHT.color("canvas")))
    finally:
        theme.apply(app, "dark")


def test_the_legend_has_a_button_for_every_layer_that_is_there(qtbot):
    legend = PlaneLegend()
    qtbot.addWidget(legend)
    legend.show()
    told = []
    legend.toggled.connect(lambda layer, shown: told.append((layer, shown)))

    def shown():
        return {layer for layer, button in legend._buttons.items() if button.isVisible()}

    legend.show_scene(Scene(real=NOTHING), frozenset(LAYERS), "")
    assert shown() == {REAL}
    plane = Plane(NOTHING, np.zeros((2, 2), np.float32), np.zeros((1, 4), np.float32))
    legend.show_scene(Scene(plane), frozenset({ARROWS}), "8 of 8 modes")
    assert shown() == {"made", FIELD, ARROWS}
    assert legend.note.text() == "8 of 8 modes"
    field, arrows = legend.findChild(object, "plane_field"), legend.findChild(object, "plane_arrows")
    assert not field.isChecked() and arrows.isChecked() and told == []
    qtbot.mouseClick(arrows, Qt.MouseButton.LeftButton)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Space)
    assert told == [(ARROWS, False), (FIELD, True)]
    for button in legend._buttons.values():
        assert button.accessibleName() and button.toolTip()
