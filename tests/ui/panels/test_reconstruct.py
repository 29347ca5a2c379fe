"""The Reconstruct mode: pairs of the dataset, images of one's own, and the search where nothing encodes."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent
from PySide6.QtWidgets import QFileDialog

import latentlab
from latentlab import data
from latentlab.export.grid import compose
from latentlab.latent import inversion, samplers

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def load_digits(window, qtbot):
    """The images that the runs of these tests have learned from."""
    window.session.load_dataset("digits", {"size": 8})
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (1, 8, 8), timeout=30_000)


@pytest.fixture
def look(window, qtbot):
    """Turn to the mode and wait until what it shows is settled."""

    def look():
        window.canvas_tabs.setCurrentWidget(window.reconstruct)
        state = window.reconstruct.state
        qtbot.waitUntil(lambda: not state._outdated and state._look is None, timeout=10_000)
        return state

    return look


@pytest.fixture
def pairs(opened, look, qtbot):
    load_digits(opened, qtbot)
    state = look()
    assert state.pairs is not None
    return state


@pytest.fixture
def gan(window, saved_gan, look, qtbot):
    """The window with the GAN opened and the images it was trained on."""
    load_digits(window, qtbot)
    window.session.open_run(saved_gan)
    qtbot.waitUntil(lambda: window.session.latent.size == 8 and window.session.run is not None)
    qtbot.waitUntil(lambda: window.session.run.path == saved_gan, timeout=10_000)
    return look()


def drop(window, path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, left, none))


def write_png(folder, pixels, name="mine.png"):
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def click_tile(qtbot, view, index):
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.tile_rect(index).center().toPoint())


def laid_out(qtbot, window):
    """Wait until the image of one's own has its place, so that a click can meet its buttons."""
    own = window.reconstruct.own
    qtbot.waitUntil(lambda: own.isVisible() and own.width() > own.minimumSizeHint().width(), timeout=10_000)
    qtbot.waitUntil(lambda: own.close_button.x() > 30, timeout=10_000)


def test_pairs_are_held_out_images_over_what_the_saved_run_makes_of_them(opened, the, pairs, run):
    shown, dataset = pairs.pairs, opened.session.dataset
    training = run.folder.info["training"]
    _, heldout = dataset.split(training["heldout"], training["seed"])
    assert len(set(shown.indices)) == 36 and set(shown.indices) <= set(heldout)
    images = dataset.images[shown.indices]
    # A last bit is decided by the number of kernel threads.
    np.testing.assert_allclose(shown.latents, run.encode(images), rtol=1e-4, atol=1e-5)
    answers = shown.answers
    assert np.abs(answers - run.pixels(shown.latents).astype(int)).max() <= 1
    view = the("reconstruct_view")
    geometry = view._geometry
    assert geometry.count >= 12 and (geometry.tile_height, geometry.tile_width) == (17, 8)
    between = np.zeros((36, 1, 1, 8), np.uint8) + view.picture[geometry.rect(0).top() + 8, 3]
    tiles = np.concatenate([images, between, answers], axis=2)[: geometry.count]
    np.testing.assert_array_equal(view.picture, compose(tiles, geometry.columns, geometry.spacing))
    error = np.square((images / 255 - answers / 255)[: geometry.count]).mean()
    said = the("reconstruct_caption").text()
    assert f"{geometry.count} held-out images of digits" in said
    assert f"{error:.4f}" in said and f"{-10 * math.log10(error):.1f} dB" in said


def test_a_click_on_a_pair_goes_to_its_posterior_mean_and_undo_comes_back(opened, the, pairs, run, qtbot):
    latent = opened.session.latent
    before, steps = latent.z.copy(), latent.undo_stack.count()
    click_tile(qtbot, the("reconstruct_view"), 5)
    np.testing.assert_array_equal(latent.z, pairs.pairs.latents[5])
    image = opened.session.dataset.images[pairs.pairs.indices[5]]
    np.testing.assert_allclose(latent.z, run.encode(image[None])[0], rtol=1e-4, atol=1e-5)
    assert latent.undo_stack.count() == steps + 1
    assert latent.undo_stack.undoText() == "encode"
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_other_images_are_others(pairs, the, click, qtbot):
    first = pairs.pairs
    click("reconstruct_shuffle")
    qtbot.waitUntil(lambda: pairs.pairs is not first, timeout=10_000)
    assert list(pairs.pairs.indices) != list(first.indices)


def test_images_of_another_run_are_not_called_held_out(opened, the, look, qtbot):
    opened.session.load_dataset("digits", {"size": 8, "limit": 500})
    qtbot.waitUntil(lambda: len(opened.session.dataset) == 500, timeout=30_000)
    state = look()
    assert not state.pairs.heldout
    assert "held-out" not in the("reconstruct_caption").text()


def test_images_of_another_shape_are_told_of(opened, the, look):
    state = look()
    assert opened.session.dataset.image_shape == (1, 28, 28)
    assert state.pairs is None and the("reconstruct_view").picture is None
    assert "28×28 in grey" in the("reconstruct_view").accessibleDescription()
    assert "8×8 in grey" in the("reconstruct_view").accessibleDescription()
    assert not the("reconstruct_shuffle").isEnabled()


def test_without_a_model_a_dropped_image_says_what_to_do(window, the, tmp_path, qtbot):
    path = write_png(tmp_path, np.zeros((8, 8), np.uint8))
    drop(window, path)
    qtbot.waitUntil(lambda: window.canvas_tabs.currentWidget() is window.reconstruct)
    assert "mine.png" in the("status_notice").text() and "open a run" in the("status_notice").text()
    assert the("reconstruct_view").accessibleDescription().startswith("Press Train")


def test_a_dropped_image_becomes_its_encoding_exactly(opened, the, look, run, tmp_path, qtbot):
    pixels = data.load("digits", {"size": 8}).images[77, 0]
    latent = opened.session.latent
    before, steps = latent.z.copy(), latent.undo_stack.count()
    drop(opened, write_png(tmp_path, pixels))
    state = opened.reconstruct.state
    qtbot.waitUntil(lambda: state.sought is not None and state.sought.z is not None, timeout=10_000)
    z = run.encode(pixels[None, None])[0]
    np.testing.assert_array_equal(latent.z, z)
    np.testing.assert_array_equal(the("reconstruct_target").picture, pixels)
    np.testing.assert_array_equal(the("reconstruct_answer").picture, run.pixels(z)[0, 0])
    psnr = inversion.psnr(run.pixels(z)[0, 0], pixels)
    assert opened.reconstruct.own.found.text() == f"PSNR {psnr:.1f} dB"
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)
    click_tile(qtbot, the("reconstruct_answer"), 0)
    np.testing.assert_array_equal(latent.z, z)


def test_a_large_image_in_colour_is_brought_to_the_models_shape(opened, the, run, tmp_path, qtbot):
    from latentlab.data.one_image import read_one

    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    path = write_png(tmp_path, pixels)
    opened.reconstruct.open_image(path)
    state = opened.reconstruct.state
    qtbot.waitUntil(lambda: state.sought is not None, timeout=10_000)
    image = read_one(path, (1, 8, 8))
    np.testing.assert_array_equal(opened.session.latent.z, run.encode(image[None])[0])


def test_a_file_that_is_no_image_is_a_notice_and_moves_nothing(opened, the, tmp_path, qtbot):
    path = tmp_path / "broken.png"
    path.write_bytes(b"not a picture")
    before = opened.session.latent.z.copy()
    drop(opened, path)
    qtbot.waitUntil(lambda: "broken.png" in the("status_notice").text(), timeout=10_000)
    np.testing.assert_array_equal(opened.session.latent.z, before)
    assert opened.reconstruct.state.sought is None


@pytest.mark.parametrize("by", ["reconstruct_open", "encode_image_action"])
def test_an_image_is_chosen_in_a_dialog(opened, the, click, look, tmp_path, qtbot, monkeypatch, by):
    path = write_png(tmp_path, np.full((8, 8), 99, np.uint8))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))
    opened.canvas_tabs.setCurrentWidget(opened.reconstruct)
    if by.endswith("_action"):
        opened.findChild(QAction, by).trigger()
    else:
        click(by)
    qtbot.waitUntil(lambda: opened.reconstruct.state.sought is not None, timeout=10_000)
    assert (the("reconstruct_target").picture == 99).all()


def test_refine_comes_nearer_and_is_one_step(opened, the, click, look, run, tmp_path, qtbot):
    pixels = data.load("digits", {"size": 8}).images[3, 0]
    look()
    drop(opened, write_png(tmp_path, pixels))
    state, latent = opened.reconstruct.state, opened.session.latent
    qtbot.waitUntil(lambda: state.sought is not None and state.sought.z is not None, timeout=10_000)
    encoded, steps = state.sought, latent.undo_stack.count()
    laid_out(qtbot, opened)
    click("reconstruct_refine")
    assert the("reconstruct_cancel").isVisible() and the("reconstruct_progress").isVisible()
    qtbot.waitUntil(lambda: not state.searching, timeout=60_000)
    assert state.sought.psnr > encoded.psnr
    np.testing.assert_array_equal(latent.z, state.sought.z)
    np.testing.assert_array_equal(the("reconstruct_answer").picture, run.pixels(latent.z)[0, 0])
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, encoded.z)


def test_an_image_is_put_away(opened, the, click, look, tmp_path, qtbot):
    look()
    opened.reconstruct.open_image(write_png(tmp_path, np.zeros((8, 8), np.uint8)))
    laid_out(qtbot, opened)
    click("reconstruct_close")
    assert not the("reconstruct_target").isVisible()
    assert the("reconstruct_view").isVisible()


def test_pairs_follow_a_training_but_not_more_than_once_a_second(window, the, train, qtbot):
    load_digits(window, qtbot)
    window.canvas_tabs.setCurrentWidget(window.reconstruct)
    state, times = window.reconstruct.state, []
    train(steps=0)
    qtbot.waitUntil(lambda: state.pairs is not None, timeout=10_000)
    first = state.pairs
    state.pairs_changed.connect(lambda: times.append(time.monotonic()))
    qtbot.waitUntil(lambda: len(times) >= 3, timeout=20_000)
    assert min(np.diff(times)[:2]) > 0.5  # a second from begin to begin
    assert list(state.pairs.indices) == list(first.indices)
    assert (state.pairs.answers != first.answers).any()
    window.canvas_tabs.setCurrentWidget(window.explore)
    window.session.stop()
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=20_000)
    qtbot.waitUntil(lambda: state._outdated)  # the last weights are known, and nobody looks


def test_ones_own_image_is_encoded_anew_by_another_model_and_nobody_is_moved(
    opened, the, train, look, tmp_path, qtbot
):
    load_digits(opened, qtbot)
    state = look()
    drop(opened, write_png(tmp_path, opened.session.dataset.images[3, 0]))
    qtbot.waitUntil(lambda: state.sought is not None and state.sought.z is not None, timeout=10_000)
    train(steps=5, latent_size=4)
    qtbot.waitUntil(lambda: state.sought.z is not None and len(state.sought.z) == 4, timeout=10_000)
    assert opened.session.latent.size == 4
    np.testing.assert_array_equal(opened.session.latent.z, samplers.from_seeds([0], (4,))[0])


def test_a_gan_shows_images_to_search_for(gan, the):
    assert gan.pairs.latents is None
    view = the("reconstruct_view")
    assert (view._geometry.tile_height, view._geometry.tile_width) == (8, 8)
    assert "a GAN has no encoder" in the("reconstruct_caption").text()


def test_a_gan_without_images_asks_for_one(window, saved_gan, the, look, qtbot):
    window.session.open_run(saved_gan)
    qtbot.waitUntil(lambda: window.session.latent.size == 8, timeout=10_000)
    look()
    assert the("reconstruct_view").accessibleDescription().startswith("A GAN has no encoder: drop an image")


def test_a_click_searches_the_gan_and_the_best_becomes_the_latent(window, gan, the, saved_gan, qtbot):
    latent, told, moves = window.session.latent, [], []
    before, steps = latent.z.copy(), latent.undo_stack.count()
    gan.sought_changed.connect(lambda: told.append(gan.sought.psnr))
    gan.progressed.connect(lambda done, total: moves.append((done, total)))
    the("reconstruct_steps").setValue(150)
    click_tile(qtbot, the("reconstruct_view"), 2)
    np.testing.assert_array_equal(the("reconstruct_target").picture, gan.pairs.images[2, 0])
    qtbot.waitUntil(lambda: not gan.searching, timeout=60_000)
    found = [psnr for psnr in told if math.isfinite(psnr)]
    assert len(found) > 1 and found == sorted(found) and found[-1] > found[0]
    assert moves[-1] == (150, 150)
    np.testing.assert_array_equal(latent.z, gan.sought.z)
    answer = latentlab.open_run(saved_gan).pixels(latent.z)[0]
    np.testing.assert_array_equal(the("reconstruct_answer").picture, answer[0])
    assert inversion.psnr(answer, gan.pairs.images[2]) == pytest.approx(found[-1])
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_cancel_keeps_the_best_so_far(window, gan, the, click, saved_gan, tmp_path, qtbot):
    latent = window.session.latent
    steps = latent.undo_stack.count()
    the("reconstruct_steps").setValue(5000)
    drop(window, write_png(tmp_path, gan.pairs.images[4, 0]))
    qtbot.waitUntil(lambda: gan.sought is not None and gan.sought.z is not None, timeout=10_000)
    laid_out(qtbot, window)
    assert gan.searching and latent.undo_stack.count() == steps
    click("reconstruct_cancel")
    kept = gan.sought
    assert not gan.searching and not the("reconstruct_progress").isVisible()
    np.testing.assert_array_equal(latent.z, kept.z)
    assert latent.undo_stack.count() == steps + 1
    qtbot.waitUntil(lambda: not window.session._tasks, timeout=10_000)
    assert gan.sought is kept
    shown = latentlab.open_run(saved_gan).pixels(kept.z)[0, 0]
    np.testing.assert_array_equal(the("reconstruct_answer").picture, shown)
    assert the("reconstruct_refine").text() == "Search on"


def test_another_run_ends_a_search(gan, window, the, saved_run, qtbot):
    the("reconstruct_steps").setValue(5000)
    click_tile(qtbot, the("reconstruct_view"), 0)
    assert gan.searching
    window.session.open_run(saved_run)
    qtbot.waitUntil(lambda: window.session.latent.size == 6, timeout=10_000)
    assert not gan.searching
    np.testing.assert_array_equal(window.session.latent.z, samplers.from_seeds([0], (6,))[0])
