"""The export-grid dialog: what is previewed is written, and both are what the saved run decodes to."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

import latentlab
from latentlab.export import compose
from latentlab.latent import paths, samplers, traversal
from latentlab.ui.export_dialog import ExportGridDialog

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def dialog(window, qtbot):
    """The dialog, opened from the menu after a training of ten steps; its grid is 3 by 4."""
    session = window.session
    session.set_model("vae-mlp")
    session.model_values |= {"latent_size": 5}
    session.training_values |= {"steps": 10, "batch_size": 64}
    session.train()
    qtbot.waitUntil(lambda: session.state == "idle" and session.run is not None, timeout=30_000)
    qtbot.waitUntil(lambda: session.latent.step == 10, timeout=5_000)
    window.menus.export.trigger()
    dialog = window.findChild(ExportGridDialog)
    dialog.rows.setValue(3)
    dialog.columns.setValue(4)
    wait_for(qtbot, dialog)
    return dialog


def wait_for(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog._timer.isActive() and dialog._tiles is not None, timeout=10_000)


def choose(qtbot, dialog, source):
    dialog.source.setCurrentIndex(dialog.source.findData(source))
    wait_for(qtbot, dialog)


def save(qtbot, dialog, path):
    dialog.path.setText(str(path))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog._writing, timeout=10_000)


def wanted(window, source, rows=3, columns=4):
    """The same grid by the run on disk."""
    run = latentlab.open_run(window.session.run.path)
    if source == "seeds":
        latents = run.latents(rows * columns)
    elif source == "traversal":
        latents = traversal.traverse(window.session.latent.z, range(rows), columns).reshape(-1, 5)
    else:
        ends = samplers.from_seeds(range(rows + 1), (5,))
        latents = np.concatenate([paths.between(ends[i], ends[i + 1], columns) for i in range(rows)])
    return compose(run.pixels(latents), columns)


@pytest.mark.parametrize("source", ["seeds", "traversal", "interpolation"])
def test_the_file_is_what_is_previewed_and_what_the_run_on_disk_gives(
    window, dialog, qtbot, tmp_path, source
):
    choose(qtbot, dialog, source)
    picture = dialog.picture()
    assert picture.shape == (3 * (28 + 2) + 2, 4 * (28 + 2) + 2)
    assert dialog.size_text.text() == "122 × 92 pixels"
    np.testing.assert_array_equal(dialog.preview.picture, picture)
    save(qtbot, dialog, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
    np.testing.assert_array_equal(picture, wanted(window, source))
    assert dialog.message.text() == ""
    assert window.session.settings.export_folder == str(tmp_path)


def test_the_three_sources_differ(dialog, qtbot):
    pictures = []
    for source in ("seeds", "traversal", "interpolation"):
        choose(qtbot, dialog, source)
        pictures.append(dialog.picture().tobytes())
    assert len(set(pictures)) == 3


def test_spacing_and_scale_count_in_pixels_of_the_file(dialog, qtbot):
    dialog.spacing.setValue(5)
    dialog.scale.setValue(3)
    assert dialog.picture().shape == (3 * (28 * 3 + 5) + 5, 4 * (28 * 3 + 5) + 5)
    np.testing.assert_array_equal(dialog.preview.picture, dialog.picture())


def test_the_first_seed_shifts_the_tiles(dialog, qtbot):
    second = dialog._tiles[1].copy()
    dialog.seed.setValue(1)
    wait_for(qtbot, dialog)
    np.testing.assert_array_equal(dialog._tiles[0], second)


def test_a_traversal_has_no_more_rows_than_the_latent_has_dimensions(dialog, qtbot):
    dialog.rows.setValue(9)
    choose(qtbot, dialog, "traversal")
    assert dialog.rows.value() == dialog.rows.maximum() == 5
    assert not dialog.seed.isEnabled()
    dialog.columns.setValue(1)
    assert dialog.columns.value() == 2  # a row that goes somewhere needs two places


def test_a_jpeg_is_written(dialog, qtbot, tmp_path):
    save(qtbot, dialog, tmp_path / "grid.jpg")
    with Image.open(tmp_path / "grid.jpg") as image:
        assert image.format == "JPEG"
        np.testing.assert_allclose(np.asarray(image).astype(int), dialog.picture(), atol=40)
        assert np.abs(np.asarray(image).astype(int) - dialog.picture()).mean() < 4


def test_enter_in_the_path_saves(dialog, qtbot, tmp_path):
    dialog.path.setText(str(tmp_path / "grid.png"))
    dialog.path.setFocus()
    qtbot.keyClick(dialog.path, Qt.Key.Key_Return)
    qtbot.waitUntil((tmp_path / "grid.png").exists, timeout=5_000)
    qtbot.waitUntil(lambda: not dialog._writing, timeout=5_000)


def test_enter_in_a_number_neither_saves_nor_asks_for_a_file(dialog, qtbot, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: asked.append(a) or ("", ""))
    dialog.path.setText(str(tmp_path / "grid.png"))
    dialog.rows.setFocus()
    for text in ("2", "2"):  # once it changes, once it does not
        dialog.rows.selectAll()
        qtbot.keyClicks(dialog.rows, text)
        qtbot.keyClick(dialog.rows, Qt.Key.Key_Return)
        assert dialog.rows.value() == 2
        wait_for(qtbot, dialog)
    qtbot.wait(50)
    assert dialog.isVisible()
    assert asked == list(tmp_path.iterdir()) == []


def test_browse_puts_the_chosen_file_into_the_path(dialog, qtbot, tmp_path, monkeypatch):
    chosen = str(tmp_path / "chosen.png")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (chosen, ""))
    qtbot.mouseClick(dialog.browse, Qt.MouseButton.LeftButton)
    assert dialog.path.text() == chosen


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone/grid.png", "No such file or directory"),
        ("grid.bmp", "expected one of"),
        ("grid", "expected one"),
    ],
)
def test_what_cannot_be_written_is_one_sentence_and_no_file(dialog, qtbot, tmp_path, name, reason):
    for _ in range(3):  # and Save is there to try again
        save(qtbot, dialog, tmp_path / name)
        qtbot.waitUntil(lambda: dialog.message.text() != "", timeout=5_000)
    assert reason in dialog.message.text() and str(tmp_path / name) in dialog.message.text()
    assert dialog.message.text().endswith(".")
    assert list(tmp_path.iterdir()) == []
    assert dialog.save.isEnabled()


def test_a_grid_that_is_too_large_is_refused(dialog, qtbot, tmp_path):
    dialog.path.setText(str(tmp_path / "grid.png"))
    dialog.columns.setValue(100)
    wait_for(qtbot, dialog)
    dialog.scale.setValue(32)
    assert "expected at most 65500 a side" in dialog.message.text()
    assert not dialog.save.isEnabled()
    dialog.path.setFocus()
    qtbot.keyClick(dialog.path, Qt.Key.Key_Return)
    qtbot.wait(50)
    assert list(tmp_path.iterdir()) == []
    dialog.scale.setValue(1)
    assert dialog.message.text() == "" and dialog.save.isEnabled()


def test_a_model_of_another_size_leaves_what_was_decoded(window, dialog, qtbot, tmp_path):
    session, before = window.session, dialog.picture()
    session.model_values |= {"latent_size": 2}
    session.train()
    qtbot.waitUntil(lambda: session.state == "idle" and session.latent.size == 2, timeout=30_000)
    np.testing.assert_array_equal(dialog.picture(), before)
    choose(qtbot, dialog, "traversal")
    assert dialog.rows.value() == 2
    assert dialog.picture().shape == (2 * (28 + 2) + 2, 4 * (28 + 2) + 2)


def test_closing_the_dialog_deletes_it(window, dialog, qtbot):
    qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(ExportGridDialog) is None, timeout=5_000)
    window.session.latent.randomise()
    qtbot.wait(50)


def test_without_a_model_the_window_says_what_to_do(window):
    window.menus.export.trigger()
    assert window.findChild(ExportGridDialog) is None
    assert "press Train" in window.notices.text.text()
