"""The Map mode: points where the library puts them, exact latents behind every click, the decoded plane."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

import latentlab
from latentlab.latent import projection as maps
from latentlab.latent import traversal
from latentlab.ui import theme
from latentlab.ui.directions_state import Item

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def look(window, qtbot):
    """Turn to the mode and wait until the map is drawn and laid out."""

    def look():
        qtbot.waitUntil(lambda: window.map.plot is not None, timeout=30_000)
        window.canvas_tabs.setCurrentWidget(window.map)
        state = window.map.state
        qtbot.waitUntil(lambda: state.drawn is not None and not state.busy, timeout=30_000)
        qtbot.waitUntil(lambda: laid_out(window.map), timeout=10_000)
        return state

    return look


def laid_out(panel):
    """Whether the plot has its place, beside the key where there is one, and the points theirs in it."""
    plot, beside = panel.plot, panel.key.width() + 12 if panel.key.isVisible() else 0
    inside = plot.getViewBox().sceneBoundingRect()
    fills = plot.width() + beside == panel.points.width() and plot.width() > 100
    return fills and 0 < plot.width() - inside.right() < 20


@pytest.fixture
def drawn(opened, look, qtbot):
    """The run's map of the 1,797 digits that it has learned from."""
    opened.session.load_dataset("digits", {"size": 8})
    qtbot.waitUntil(lambda: opened.session.dataset.image_shape == (1, 8, 8), timeout=30_000)
    return look()


@pytest.fixture
def cloud(drawn, run, opened):
    """The cloud that is shown: what the library makes of the same model and images, but for a last bit that
    the number of kernel threads decides."""
    shown, same = drawn.drawn.cloud, maps.cloud(run.model, opened.session.dataset, 2000)
    np.testing.assert_allclose(shown.latents, same.latents, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(shown.images, opened.session.dataset.images)
    return shown


@pytest.fixture
def wait_drawn(opened, qtbot):
    """Wait until another map than `before` is drawn."""

    def wait_drawn(before):
        state = opened.map.state
        qtbot.waitUntil(lambda: state.drawn is not before and not state.busy, timeout=60_000)
        return state.drawn

    return wait_drawn


def lonely(points):
    """The point that is furthest from its neighbours: a click can mean no other."""
    near = [np.partition(np.square(points - p).sum(1), 1)[1] for p in points]
    return int(np.argmax(near))


def click(qtbot, plot, place):
    qtbot.mouseClick(plot.viewport(), LEFT, pos=plot.to_widget(place).toPoint())


def empty_place(plot):
    """A corner of the plot without points, in its widget's coordinates."""
    rect = plot.getViewBox().sceneBoundingRect()
    place = QPointF(rect.right() - 20, rect.top() + 20).toPoint()
    assert plot.nearest(QPointF(place)) is None
    return place


def test_without_a_model_it_says_what_to_do(window, the):
    window.canvas_tabs.setCurrentWidget(window.map)
    assert window.map.empty.isVisible() and window.map.empty.text().startswith("Press Train")
    assert not the("map_kind").isEnabled() and not the("map_colour").isEnabled()


def test_nothing_is_drawn_before_somebody_looks(opened, look):
    assert opened.map.state.drawn is None and not opened.map.state.busy
    look()


def test_the_first_map_is_the_pca_of_the_encoded_images(drawn, cloud, the):
    plot, expected = the("map_view"), maps.project("pca", cloud)
    np.testing.assert_array_equal(plot.points, expected.points)
    assert (plot.getAxis("bottom").labelText, plot.getAxis("left").labelText) == expected.axes
    assert "of variance" in expected.axes[0]
    assert the("map_note").text().startswith("1,797 images of digits")
    shown = plot.getViewBox().viewRect()
    low, high = plot.points.min(0), plot.points.max(0)
    assert shown.left() < low[0] and shown.right() > high[0]
    assert shown.top() < low[1] and shown.bottom() > high[1]
    across, up = plot.getViewBox().viewPixelSize()
    assert across == pytest.approx(up)  # a sigma is as long in both ways


def test_a_click_on_a_point_goes_to_its_latent_and_undo_comes_back(opened, drawn, cloud, the, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    before, steps, index = latent.z.copy(), latent.undo_stack.count(), lonely(plot.points)
    click(qtbot, plot, plot.points[index])
    np.testing.assert_array_equal(latent.z, cloud.latents[index])
    np.testing.assert_allclose(plot.marker, plot.points[index], atol=1e-5)
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)
    np.testing.assert_allclose(plot.marker, maps.place(drawn.drawn.projection, before))


def test_under_the_mouse_a_point_shows_its_image_and_label(opened, drawn, the, qtbot):
    plot, dataset = the("map_view"), opened.session.dataset
    index = lonely(plot.points)
    qtbot.mouseMove(plot.viewport(), plot.to_widget(plot.points[index]).toPoint())
    assert plot.card.isVisible()
    np.testing.assert_array_equal(plot.card.picture, dataset.images[index, 0])
    assert plot.card.text == f"#{index} · {dataset.label_names[dataset.labels[index]]}"
    assert plot.rect().contains(plot.card.geometry())
    qtbot.mouseMove(plot.viewport(), empty_place(plot))
    assert not plot.card.isVisible()


def test_a_click_where_no_point_is_goes_to_that_place_of_the_plane(opened, drawn, the, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    place = empty_place(plot)
    goal = plot.to_map(QPointF(place))
    qtbot.mouseClick(plot.viewport(), LEFT, pos=place)
    np.testing.assert_array_equal(latent.z, maps.back(drawn.drawn.projection, np.array(goal)))
    np.testing.assert_allclose(plot.marker, goal, atol=1e-4)


def drag(qtbot, plot, start, steps):
    qtbot.mousePress(plot.viewport(), LEFT, pos=start)
    for step in steps:
        qtbot.mouseMove(plot.viewport(), start + step)
    qtbot.mouseRelease(plot.viewport(), LEFT, pos=start + steps[-1])


def test_a_drag_walks_on_the_plane_and_is_one_step(opened, drawn, the, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    before, steps = latent.z.copy(), latent.undo_stack.count()
    start = empty_place(plot)
    ways = [QPoint(-10, 5), QPoint(-30, 20), QPoint(-60, 40)]
    drag(qtbot, plot, start, ways)
    goal = np.array(plot.to_map(QPointF(start + ways[-1])))
    np.testing.assert_array_equal(latent.z, maps.back(drawn.drawn.projection, goal))
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_the_cross_takes_the_rest_of_the_latent_along(opened, drawn, the, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    before = latent.z.copy()
    start = plot.to_widget(plot.marker).toPoint()
    drag(qtbot, plot, start, [QPoint(20, 0), QPoint(40, 10)])
    goal = np.array(plot.to_map(QPointF(start + QPoint(40, 10))))
    np.testing.assert_array_equal(latent.z, maps.back(drawn.drawn.projection, goal, before))
    moved = latent.z.astype(np.float64) - before
    outside = moved - drawn.drawn.projection.basis.T @ (drawn.drawn.projection.basis @ moved)
    np.testing.assert_allclose(outside, 0, atol=1e-5)
    assert np.abs(moved).max() > 0.1


def test_arrow_keys_go_from_point_to_point(opened, drawn, cloud, the, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    here = plot.marker.copy()
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    ahead = plot.points - here
    ahead = np.flatnonzero((ahead[:, 0] > 0) & (ahead[:, 0] >= np.abs(ahead[:, 1])))
    nearest = ahead[np.square(plot.points[ahead] - here).sum(1).argmin()]
    np.testing.assert_array_equal(latent.z, cloud.latents[nearest])
    assert plot.marker[0] > here[0]


def test_dimensions_are_shown_as_they_are_without_encoding_again(opened, drawn, cloud, the, pick, wait_drawn):
    before = drawn.drawn
    assert not the("map_dim_x").isVisible()
    pick("map_kind", "dimensions")
    after = wait_drawn(before)
    assert after.cloud is before.cloud
    pick("map_dim_x", 3)
    after = wait_drawn(after)
    plot = the("map_view")
    np.testing.assert_array_equal(plot.points, cloud.latents[:, [3, 1]])
    assert (plot.getAxis("bottom").labelText, plot.getAxis("left").labelText) == ("z3", "z1")
    np.testing.assert_allclose(plot.marker, opened.session.latent.z[[3, 1]], rtol=1e-6)
    assert after.cloud is before.cloud


def test_t_sne_can_be_given_up_and_the_map_before_it_stays(opened, drawn, the, pick, click, qtbot):
    before, points = drawn.drawn, the("map_view").points
    pick("map_kind", "tsne")
    assert the("map_compute").text() == "Cancel" and the("map_progress").isVisible()
    click("map_compute")
    assert not drawn.busy and not the("map_progress").isVisible()
    qtbot.waitUntil(lambda: not opened.session._tasks, timeout=10_000)
    assert drawn.drawn is before and the("map_view").points is points


def test_on_a_t_sne_one_goes_to_points_alone(opened, drawn, the, pick, wait_drawn, qtbot):
    latent, plot = opened.session.latent, the("map_view")
    before = drawn.drawn
    drawn.count = 60  # fewer than the field offers: it takes a while
    drawn.update()
    pick("map_kind", "tsne")
    cloud = wait_drawn(before).cloud
    assert len(cloud.latents) == 60 and drawn.drawn.kind == "tsne"
    assert plot.marker is None  # nobody knows where this latent would lie
    z = latent.z.copy()
    qtbot.mouseClick(plot.viewport(), LEFT, pos=empty_place(plot))
    np.testing.assert_array_equal(latent.z, z)
    index = lonely(plot.points)
    click_at = plot.to_widget(plot.points[index]).toPoint()
    qtbot.mouseClick(plot.viewport(), LEFT, pos=click_at)
    np.testing.assert_array_equal(latent.z, cloud.latents[index])
    np.testing.assert_allclose(plot.marker, plot.points[index])


def test_more_or_fewer_images_are_encoded_anew(opened, drawn, the, pick, wait_drawn):
    pick("map_count", 0)
    after = wait_drawn(drawn.drawn)
    assert len(after.cloud.latents) == 1000
    assert the("map_note").text().startswith("1,000 images")


def test_colours_say_the_label_and_the_key_says_the_colours(opened, drawn, the, pick, qtbot):
    plot, dataset = the("map_view"), opened.session.dataset
    assert the("map_colour").currentData() == "label"
    shown, key = plot._colouring, opened.map.key
    assert shown.names == dataset.label_names
    np.testing.assert_array_equal(shown.codes, dataset.labels)
    brushes = plot._dots.data["brush"]
    for index in (0, 5, 1000):
        assert brushes[index].color().name().upper() == shown.colours[dataset.labels[index]]
    assert len(set(shown.colours)) == 10
    assert key.isVisible() and not key.geometry().intersects(plot.geometry())
    pick("map_colour", "none")
    assert {brush.color().name() for brush in plot._dots.data["brush"]} == {theme.current().series[0].lower()}
    assert not key.isVisible()


def test_the_theme_colours_the_points_too(opened, drawn, the, qtbot):
    plot = the("map_view")
    opened.menus.set_theme("light")
    try:
        qtbot.waitUntil(lambda: plot._colouring.colours[0] == theme.LIGHT.series[0], timeout=5_000)
        assert plot.backgroundBrush().color() == theme.LIGHT.color("canvas")
    finally:
        opened.menus.set_theme("dark")


def turn_wheel(widget, place, angle):
    none, no = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    phase, on_screen = Qt.ScrollPhase.NoScrollPhase, QPointF(widget.mapToGlobal(place.toPoint()))
    event = QWheelEvent(place, on_screen, QPoint(), QPoint(0, angle), none, no, phase, False)
    QApplication.sendEvent(widget, event)


def test_zoomed_in_show_all_comes_back(drawn, the, click, qtbot):
    plot = the("map_view")
    whole = plot.getViewBox().viewRect()
    assert not the("map_fit").isVisible()
    middle = QPointF(plot.viewport().rect().center())
    turn_wheel(plot.viewport(), middle, 240)
    qtbot.waitUntil(lambda: plot.getViewBox().viewRect().width() < 0.9 * whole.width(), timeout=5_000)
    qtbot.waitUntil(lambda: the("map_fit").width() > 30 and the("map_fit").isVisible())
    click("map_fit")
    qtbot.waitUntil(lambda: plot.getViewBox().viewRect().width() > 0.99 * whole.width(), timeout=5_000)
    assert not the("map_fit").isVisible()
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.RightButton, pos=middle.toPoint())
    qtbot.mouseMove(plot.viewport(), middle.toPoint() + QPoint(50, 0))
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.RightButton, pos=middle.toPoint() + QPoint(50, 0))
    qtbot.waitUntil(lambda: plot.getViewBox().viewRect().left() < whole.left() - 0.1, timeout=5_000)
    assert plot.getViewBox().viewRect().width() == pytest.approx(whole.width())


def test_images_that_do_not_fit_are_told_of_and_samples_shown(opened, look, the):
    state = look()
    assert state.drawn.dataset is None and state.drawn.cloud.indices is None
    assert "2,000 samples: digits has other images" in the("map_note").text()
    assert [the("map_colour").itemData(i) for i in range(the("map_colour").count())] == ["none"]


def test_a_gans_map_is_of_samples(window, saved_gan, look, the, qtbot):
    window.session.open_run(saved_gan)
    qtbot.waitUntil(lambda: window.session.latent.size == 8, timeout=10_000)
    state, run = look(), latentlab.open_run(saved_gan)
    plot, cloud = the("map_view"), maps.cloud(run.model, None, 2000)
    np.testing.assert_array_equal(state.drawn.cloud.latents, cloud.latents)
    np.testing.assert_allclose(np.abs(plot.points), np.abs(maps.project("pca", cloud).points), atol=1e-3)
    assert "a GAN has no encoder" in the("map_note").text()
    index = lonely(plot.points)

    def is_told_of():
        """Again while the plot still takes the room that the colours' key leaves to it."""
        qtbot.mouseMove(plot.viewport(), plot.to_widget(plot.points[index]).toPoint())
        return plot.card.picture is not None

    qtbot.waitUntil(is_told_of, timeout=5_000)
    np.testing.assert_array_equal(plot.card.picture, state.drawn.cloud.images[index, 0])
    # A net adds up in another order in a batch, on another number of threads: a half may round either way.
    alone = run.pixels(run.latents(1, seed=index))[0, 0]
    np.testing.assert_allclose(plot.card.picture.astype(int), alone.astype(int), atol=1)
    assert plot.card.text == f"seed {index}"
    click(qtbot, plot, plot.points[index])
    np.testing.assert_array_equal(window.session.latent.z, run.latents(1, seed=index)[0])
    assert state.drawn.projection.basis is None


def test_a_training_does_not_draw_but_says_how_old_the_map_is(window, the, train, look, click, qtbot):
    window.session.load_dataset("digits", {"size": 8})
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (1, 8, 8), timeout=30_000)
    train(steps=0)
    state = look()
    first = state.drawn
    qtbot.waitUntil(lambda: "the map is of step" in the("map_note").text(), timeout=20_000)
    assert state.drawn is first and the("map_compute").text() == "Update"
    window.session.stop()
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=20_000)
    click("map_compute")
    qtbot.waitUntil(lambda: state.drawn is not first and not state.busy, timeout=20_000)
    assert state.drawn.step == window.session.latent.step > first.step
    assert "the map is of step" not in the("map_note").text()


# The manifold


@pytest.fixture
def manifold(opened, the, click, qtbot):
    opened.canvas_tabs.setCurrentWidget(opened.map)
    click("map_show_manifold")
    view = the("map_manifold")
    qtbot.waitUntil(lambda: view.picture is not None, timeout=10_000)
    return view


def tiles_of(view):
    geometry = view._geometry
    cut = [geometry.rect(i) for i in range(geometry.count)]
    return np.stack([view.picture[r.top() : r.bottom() + 1, r.left() : r.right() + 1] for r in cut])


def plane(z, down, right, side):
    return traversal.plane(z, traversal.unit(down, 6), traversal.unit(right, 6), side)


def test_the_manifold_is_the_decoded_plane(opened, manifold, run):
    z = opened.session.latent.z
    np.testing.assert_array_equal(tiles_of(manifold), run.pixels(plane(z, 0, 1, 15))[:, 0])
    assert not opened.map.points.isVisible() and not opened.map.kind.isVisible()


def test_a_click_on_a_tile_goes_there(opened, manifold, qtbot):
    latent = opened.session.latent
    before = latent.z.copy()
    goal = plane(before, 0, 1, 15)[40]
    place = manifold.tile_rect(40).center().toPoint()
    qtbot.mouseClick(manifold, LEFT, pos=place)
    np.testing.assert_array_equal(latent.z, goal)
    assert manifold.selected == 40
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_other_axes_and_sides_decode_another_plane(opened, manifold, pick, run, qtbot):
    pick("map_side", 0)
    pick("map_axis_down", 4)
    z = opened.session.latent.z
    wanted = run.pixels(plane(z, 4, 1, 9))[:, 0]
    qtbot.waitUntil(lambda: manifold._geometry.count == 81, timeout=10_000)
    qtbot.waitUntil(lambda: np.array_equal(tiles_of(manifold), wanted), timeout=10_000)


def test_the_manifold_follows_the_latent(opened, manifold, run, qtbot):
    opened.session.latent.set_value(3, 2.0)
    wanted = run.pixels(plane(opened.session.latent.z, 0, 1, 15))[:, 0]
    qtbot.waitUntil(lambda: np.array_equal(tiles_of(manifold), wanted), timeout=10_000)


def test_directions_are_axes_too(opened, manifold, the, pick, run, qtbot):
    way = Item("slant", traversal.unit(2, 6) * 0.6 + traversal.unit(3, 6) * 0.8, "pca")
    opened.session.directions.items = [way]
    opened.session.directions.changed.emit()
    pick("map_axis_right", the("map_axis_right").findText("slant"))
    z = opened.session.latent.z
    wanted = run.pixels(traversal.plane(z, traversal.unit(0, 6), way.vector, 15))[:, 0]
    qtbot.waitUntil(lambda: np.array_equal(tiles_of(manifold), wanted), timeout=10_000)
    opened.session.directions.items = []
    opened.session.directions.changed.emit()
    assert the("map_axis_right").currentText() == "z1"
