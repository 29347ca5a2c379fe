"""Points of a plane in the window: the plane that is shown, and every place that was made for images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt

import latentlab
from latentlab.core import points
from latentlab.export.grid import split
from latentlab.training.plane import look

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]

DATA = {"count": 800, "modes": 4}


def trained(folder: Path, model: str, values: dict) -> Path:
    """A small run on a ring of 4: 30 steps, a snapshot after each of the first three."""
    from latentlab import data, run
    from latentlab.training.control import Control
    from latentlab.training.events import Paused

    limits = {"batch_size": 64, "steps": 30, "learning_rate": 5e-3, "device": "cpu"}
    plan = run.plan(model, values, limits)
    control = Control()
    control.step_once()
    for event in run.begin(data.load("points", DATA), plan, folder).events(control):
        if isinstance(event, Paused):
            (control.step_once if event.step < 3 else control.resume)()
    return folder


@pytest.fixture(scope="session")
def points_vae(tmp_path_factory) -> Path:
    values = {"latent_size": 2, "width": 16, "likelihood": "gaussian"}
    return trained(tmp_path_factory.mktemp("trained") / "points vae", "vae-mlp", values)


@pytest.fixture(scope="session")
def points_gan(tmp_path_factory) -> Path:
    values = {"latent_size": 2, "width": 8}
    return trained(tmp_path_factory.mktemp("trained") / "points gan", "mlp-gan", values)


@pytest.fixture
def load(window, qtbot):
    """Load a ring of 4."""

    def load():
        window.session.load_dataset("points", DATA)
        qtbot.waitUntil(lambda: window.session.dataset.is_points, timeout=10_000)
        return window.session.dataset

    return load


@pytest.fixture
def show(window, qtbot):
    """Open a run, and wait for its point and its newest snapshot."""

    def show(folder):
        session = window.session
        session.open_run(folder)
        qtbot.waitUntil(lambda: session.run is not None and session.run.path == folder, timeout=10_000)
        qtbot.waitUntil(lambda: window.explore.view.picture is not None, timeout=10_000)
        qtbot.waitUntil(lambda: session.history.looked_at is not None, timeout=10_000)
        qtbot.waitUntil(lambda: not session.latent._asked, timeout=10_000)

    return show


def decoded(folder, z):
    """Where a latent lies on the plane."""
    return latentlab.open_run(folder).decode(z[None]).reshape(2)


def test_points_are_shown_before_anything_was_trained(window, the, load):
    window.canvas_tabs.setCurrentWidget(window.samples)
    assert the("samples_view").isVisible() and not the("plane_view").isVisible()
    dataset = load()
    assert the("plane_view").isVisible() and not the("samples_view").isVisible()
    scene = the("plane_view").scene
    np.testing.assert_array_equal(scene.real, dataset.images.reshape(-1, 2))
    assert scene.plane is None and the("plane_note").text().startswith("Press Train")
    assert not the("dataset_thumbnails").isVisible()
    np.testing.assert_array_equal(the("dataset_points").scene.real, dataset.images.reshape(-1, 2))
    window.session.load_dataset("digits", {"size": 8})


def test_a_gan_from_disk_has_its_samples_over_the_field(window, the, load, show, points_gan, qtbot):
    load()
    show(points_gan)
    window.canvas_tabs.setCurrentWidget(window.samples)
    scene, wanted = the("plane_view").scene, look(latentlab.open_run(points_gan).model)
    for name in ("samples", "field", "arrows", "image"):
        np.testing.assert_allclose(getattr(scene.plane, name), getattr(wanted, name), atol=1e-6)
    assert len(scene.real) == 800 and scene.loss == "non-saturating"
    assert the("plane_note").text().endswith("of 4 modes")
    for name in ("plane_field", "plane_arrows", "plane_lattice", "plane_real"):
        assert the(name).isVisible() and the(name).isChecked()


def test_layers_that_are_switched_off_are_not_painted(window, the, load, show, points_gan, click):
    load()
    show(points_gan)
    window.canvas_tabs.setCurrentWidget(window.samples)
    images = [the("plane_view").grab().toImage()]
    for name in ("field", "arrows", "lattice", "real"):
        click(f"plane_{name}")
        assert name not in the("plane_view").layers and name not in the("explore_view").layers
        images.append(the("plane_view").grab().toImage())
        assert images[-1] != images[-2], name
    for name in ("field", "arrows", "lattice", "real"):
        click(f"plane_{name}")
    assert the("plane_view").grab().toImage() == images[0]


def test_older_snapshots_of_a_run_from_disk_are_the_points_of_their_pictures(
    window, the, load, show, points_vae, qtbot
):
    load()
    show(points_vae)
    window.canvas_tabs.setCurrentWidget(window.samples)
    plane, slider = the("plane_view"), the("history_slider")
    assert len(plane.scene.plane.samples) == 1000
    slider.setValue(1)
    qtbot.waitUntil(lambda: window.samples.step.text() == "step 1", timeout=5_000)
    found = plane.scene.plane.samples
    assert found.shape == (64, 2) and plane.scene.plane.image is None
    with Image.open(window.session.run.samples()[1][1]) as image:
        picture = np.asarray(image)
    drawn = points.draw(found.reshape(-1, 2, 1, 1).astype(np.float32))
    tiles = split(picture, 64, 64)
    # A fiftieth of a pixel, on the flank of a dot.
    assert np.abs(drawn.astype(int) - tiles).max() <= 12
    slider.setValue(slider.maximum())
    qtbot.waitUntil(lambda: len(plane.scene.plane.samples) == 1000, timeout=5_000)


def test_a_live_training_keeps_its_planes_for_the_scrubber(window, the, load, qtbot):
    load()
    window.canvas_tabs.setCurrentWidget(window.samples)
    session = window.session
    session.set_model("mlp-gan")
    session.model_values |= {"latent_size": 2, "width": 8}
    session.training_values |= {"steps": 0, "batch_size": 64}
    session.train()
    qtbot.waitUntil(lambda: len(session.history.steps) >= 3, timeout=20_000)
    session.stop()
    qtbot.waitUntil(lambda: session.state == "idle", timeout=10_000)
    steps, planes = session.history.steps, session.history.planes
    assert sorted(planes) == steps
    for index in (0, len(steps) - 1):
        the("history_slider").setValue(index)
        assert the("plane_view").scene.plane is planes[steps[index]]
        assert planes[steps[index]].field.shape == (64, 64)
    assert not np.array_equal(planes[steps[0]].samples, planes[steps[-1]].samples)
    np.testing.assert_array_equal(the("plane_view").scene.real, the("dataset_points").scene.real)


def test_the_marker_is_where_the_latent_is_decoded_to_and_follows_a_drag(
    window, the, load, show, points_vae, qtbot
):
    load()
    show(points_vae)
    view, latent = the("explore_view"), window.session.latent
    assert view.marker == pytest.approx(decoded(points_vae, latent.z), abs=1e-3)
    assert view.scene.plane.image is not None and view.isVisible()
    before, z = view.marker, latent.z.copy()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseMove(view, QPoint(80, 70))
    qtbot.mouseMove(view, QPoint(140, 90))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(140, 90))
    assert not np.array_equal(latent.z, z)
    qtbot.waitUntil(lambda: not latent._asked, timeout=5_000)
    assert view.marker != before
    assert view.marker == pytest.approx(decoded(points_vae, latent.z), abs=1e-3)
    assert the("plane_view").marker == view.marker


def test_points_of_other_data_are_not_shown_as_those_of_the_run(window, the, show, points_gan, load, qtbot):
    show(points_gan)  # digits are loaded
    assert the("plane_view").scene.real is None and not the("plane_real").isVisibleTo(window.samples)
    window.session.load_dataset("points", {**DATA, "distribution": "moons"})
    qtbot.waitUntil(lambda: window.session.dataset.is_points, timeout=10_000)
    assert the("plane_view").scene.real is None
    load()
    qtbot.waitUntil(lambda: the("plane_view").scene.real is not None, timeout=10_000)


def test_a_run_of_images_shows_pictures_again(window, the, load, show, points_vae, saved_run, qtbot):
    load()
    show(points_vae)
    window.canvas_tabs.setCurrentWidget(window.samples)
    show(saved_run)
    qtbot.waitUntil(lambda: the("samples_view").picture is not None, timeout=5_000)
    assert the("samples_view").isVisible() and not the("plane_view").isVisible()
    assert the("explore_view").scene is None and the("explore_view").picture.shape == (8, 8)
    assert not the("plane_field").isVisible()


def test_reconstructions_are_judged_as_points(window, the, load, show, points_vae, qtbot):
    load()
    show(points_vae)
    window.canvas_tabs.setCurrentWidget(window.reconstruct)
    state = window.reconstruct.state
    qtbot.waitUntil(lambda: state.pairs is not None, timeout=10_000)
    pairs, run = state.pairs, latentlab.open_run(points_vae)
    data = pairs.dataset.images[pairs.indices]
    wanted = np.square(run.decode(run.encode(data)) - data).mean((1, 2, 3))
    np.testing.assert_allclose(pairs.errors(), wanted, atol=2e-4)
    assert "held-out points of ring of 4" in window.reconstruct.caption.text()
    qtbot.waitUntil(lambda: the("reconstruct_view").picture is not None, timeout=5_000)
    middle = the("reconstruct_view").tile_rect(0).center().toPoint()
    qtbot.mouseClick(the("reconstruct_view"), Qt.MouseButton.LeftButton, pos=middle)
    np.testing.assert_array_equal(window.session.latent.z, pairs.latents[0])
    # An image can be no point.
    assert not the("reconstruct_open").isEnabled()
    state.open(Path("cat.png"))
    assert "makes points" in the("status_notice").text() and state.sought is None


def test_a_gan_searches_for_a_point(window, the, load, show, points_gan, qtbot):
    load()
    show(points_gan)
    window.canvas_tabs.setCurrentWidget(window.reconstruct)
    state = window.reconstruct.state
    qtbot.waitUntil(lambda: the("reconstruct_view").picture is not None, timeout=10_000)
    state.steps = 20
    middle = the("reconstruct_view").tile_rect(1).center().toPoint()
    qtbot.mouseClick(the("reconstruct_view"), Qt.MouseButton.LeftButton, pos=middle)
    point = state.pairs.dataset.images[state.pairs.indices[1]]
    qtbot.waitUntil(lambda: state.sought is not None and state.sought.z is not None, timeout=10_000)
    qtbot.waitUntil(lambda: not state.searching, timeout=20_000)
    np.testing.assert_array_equal(state.sought.image, point)
    np.testing.assert_array_equal(the("reconstruct_target").picture, points.draw(point[None])[0, 0])
    np.testing.assert_array_equal(window.session.latent.z, state.sought.z)
    error = np.square(decoded(points_gan, state.sought.z) - point.reshape(2)).mean()
    assert state.sought.psnr == pytest.approx(-10 * np.log10(error), abs=0.3)


def test_the_map_has_a_picture_for_every_point(window, the, load, show, points_vae, qtbot):
    dataset = load()
    show(points_vae)
    window.canvas_tabs.setCurrentWidget(window.map)
    qtbot.waitUntil(lambda: window.map.state.drawn is not None, timeout=20_000)
    picture, _ = window.map.plot.describe(5)
    index = window.map.state.drawn.cloud.indices[5]
    np.testing.assert_array_equal(picture, dataset.pictures(np.array([index]))[0, 0])


def test_a_walk_is_written_as_dots(window, the, load, show, points_vae, click, qtbot, tmp_path):
    load()
    show(points_vae)
    window.bottom_tabs.setCurrentWidget(window.timeline)
    for seed in (1, 2):
        window.session.latent.set_seed(seed)
        click("keyframe_add")
    the("interpolation_seconds").setValue(0.1)
    target = tmp_path / "walk.gif"
    click("timeline_export")
    the("film_side").setValue(256)
    the("film_path").setText(str(target))
    qtbot.waitUntil(the("film_save").isEnabled, timeout=10_000)
    click("film_save")
    qtbot.waitUntil(lambda: the("status_notice").text().startswith("Written"), timeout=10_000)
    click("film_close")
    with Image.open(target) as film:
        assert film.size == (256, 256) and film.n_frames > 1


def test_an_exported_grid_has_a_dot_in_every_tile(window, the, load, show, points_gan, qtbot):
    load()
    show(points_gan)
    window.export_grid()
    dialog = window.findChild(object, "export_grid_dialog")
    qtbot.waitUntil(lambda: dialog.picture() is not None, timeout=10_000)
    run = latentlab.open_run(points_gan)
    np.testing.assert_array_equal(dialog.maker.made.grid.tiles, run.pixels(run.latents(64)))
    dialog.close()


def test_every_source_can_be_chosen_after_points(window, the, load, pick, qtbot):
    load()
    pick("dataset_source", "digits")
    qtbot.waitUntil(lambda: window.session.dataset.source == "digits", timeout=10_000)
    assert the("dataset_thumbnails").isVisible() and not the("dataset_points").isVisible()
    pick("dataset_source", "points")
    qtbot.waitUntil(lambda: window.session.dataset.source == "points", timeout=10_000)
    assert window.session.dataset.name == "ring of 8"
