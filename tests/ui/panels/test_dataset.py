"""The Dataset panel: every way in which images come, and what happens when they do not."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def test_the_window_begins_with_a_dataset_that_is_counted_and_shown(window, the):
    assert the("dataset_summary").text() == "1,797 images · 28×28 · grey · 10 classes"
    assert the("dataset_thumbnails").count() == 1797
    assert the("dataset_classes").isVisible()
    assert "0 178" in the("dataset_classes").accessibleName()
    assert not the("dataset_cancel").isVisible()
    assert not the("dataset_progress").isVisible()


def test_choosing_a_built_in_source_loads_it(window, the, pick, qtbot, loaded):
    pick("dataset_source", "shapes")
    qtbot.waitUntil(loaded("shapes"), timeout=20_000)
    assert the("dataset_summary").text().startswith("8,192 images · 28×28")  # the size in the form stays
    assert the("dataset_thumbnails").count() == 8192
    assert not the("dataset_path").isVisible()


def test_size_and_channels_of_the_form_are_honoured(window, the, pick, click, type_into, qtbot):
    type_into("dataset_size", "12")
    pick("dataset_channels", 2)  # colour
    type_into("dataset_limit", "50")
    click("dataset_load")
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (3, 12, 12), timeout=10_000)
    assert the("dataset_summary").text() == "50 images · 12×12 · colour · 10 classes"


def test_a_folder_shows_its_classes_and_says_what_it_left_out(
    window, the, pick, click, type_into, qtbot, pictures, loaded
):
    pick("dataset_source", "folder")
    type_into("dataset_path", str(pictures), enter=False)
    type_into("dataset_size", "10")
    click("dataset_load")
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert the("dataset_summary").text() == "5 images · 10×10 · colour · 2 classes · 1 skipped"
    assert the("dataset_classes").accessibleName() == "Images per class: cats 3, dogs 2"
    notice = the("status_notice")
    assert notice.text() == "Left out of pets: 1 file."
    assert notice.accessibleName().startswith("warning")
    click("status_details")
    dialog = window.findChild(object, "details_dialog")
    assert "cats/broken.jpg" in dialog.details.toPlainText()
    dialog.close()
    assert window.session.settings.recent_datasets == (str(pictures),)


def test_duplicates_that_a_person_wants_left_out_are_no_warning(window, the, qtbot, pictures, loaded):
    twice = (pictures / "cats" / "again.png", next((pictures / "cats").glob("*.png")))
    twice[0].write_bytes(twice[1].read_bytes())
    (pictures / "cats" / "broken.jpg").unlink()
    window.session.load_dataset(str(pictures), {"duplicates": "exact"})
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert the("status_notice").text() == "Left out of pets: 1 duplicate."
    assert the("status_notice").accessibleName().startswith("info")


def test_enter_in_the_path_loads_an_idx_file_although_the_source_says_folder(
    window, the, pick, type_into, qtbot, idx_file, loaded
):
    pick("dataset_source", "folder")
    type_into("dataset_path", str(idx_file))
    qtbot.waitUntil(loaded("idx"), timeout=10_000)
    assert the("dataset_source").currentData() == "idx"
    assert the("dataset_path").text() == str(idx_file)
    np.testing.assert_array_equal(window.session.dataset.image_shape[0], 1)
    assert the("dataset_summary").text().startswith("12 images")
    assert not the("dataset_classes").isVisible()


def test_a_folder_without_images_is_one_sentence_and_the_old_images_stay(
    window, the, pick, type_into, qtbot, tmp_path
):
    (tmp_path / "empty").mkdir()
    before = window.session.dataset
    pick("dataset_source", "folder")
    type_into("dataset_path", str(tmp_path / "empty"))
    qtbot.waitUntil(lambda: "No image in the folder" in the("status_notice").text(), timeout=10_000)
    qtbot.waitUntil(lambda: not the("dataset_progress").isVisible(), timeout=5_000)
    qtbot.wait(50)
    sentence = the("dataset_problem").text().replace("\u200b", "")
    assert sentence == the("status_notice").text()
    assert the("dataset_summary").text().startswith("1,797 images")
    assert str(tmp_path / "empty") in sentence and sentence.endswith(".") and "\n" not in sentence
    assert window.session.dataset is before
    assert the("dataset_thumbnails").count() == 1797
    assert the("train_start").isEnabled()


def test_load_without_a_path_asks_for_one(window, the, pick, click):
    pick("dataset_source", "folder")
    click("dataset_load")
    assert the("status_notice").text() == "Choose a folder or a file of images first."
    assert the("dataset_path").hasFocus()


def test_a_missing_path_fails_every_time_with_its_name(window, the, pick, type_into, qtbot, tmp_path):
    pick("dataset_source", "folder")
    said = []
    window.session.dataset_failed.connect(said.append)
    for i in range(20):
        type_into("dataset_path", str(tmp_path / f"gone-{i}"))
        qtbot.waitUntil(lambda: window.session._loading is None, timeout=5_000)
    assert [f"gone-{i}" in text for i, text in enumerate(said)] == [True] * 20


def test_a_load_that_is_cancelled_leaves_the_old_images(window, the, pick, click, qtbot, slow_shapes):
    before, summary = window.session.dataset, the("dataset_summary").text()
    pick("dataset_source", "shapes")
    qtbot.waitUntil(lambda: the("dataset_progress").value() > 0, timeout=5_000)
    assert "%" in the("dataset_summary").text()
    click("dataset_cancel")
    assert the("dataset_summary").text() == summary
    assert not the("dataset_cancel").isVisible()
    qtbot.waitUntil(lambda: not window.session._tasks, timeout=2_000)
    assert window.session.dataset is before


def test_the_last_of_two_loads_wins(window, the, pick, click, type_into, qtbot, slow_shapes):
    pick("dataset_source", "shapes")
    qtbot.waitUntil(lambda: the("dataset_progress").value() > 0, timeout=5_000)
    pick("dataset_source", "digits")
    type_into("dataset_limit", "30")
    click("dataset_load")
    qtbot.waitUntil(lambda: len(window.session.dataset) == 30, timeout=5_000)
    qtbot.waitUntil(lambda: not window.session._tasks, timeout=2_000)
    qtbot.wait(50)
    assert the("dataset_summary").text().startswith("30 images")
    assert not the("dataset_cancel").isVisible()


def test_another_model_leaves_what_is_being_chosen_here_alone(window, the, pick, type_into, pictures):
    pick("dataset_source", "folder")
    type_into("dataset_path", str(pictures), enter=False)
    type_into("dataset_size", "10")
    pick("model_kind", "dcgan")
    assert the("dataset_source").currentData() == "folder"
    assert the("dataset_path").text() == str(pictures)
    assert the("dataset_size").value() == 10


def test_a_folder_dropped_on_the_window_is_loaded(window, the, qtbot, pictures, loaded, drop):
    drop(pictures)
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert the("dataset_source").currentData() == "folder"
    assert the("dataset_path").text() == str(pictures)
    assert the("dataset_path").isVisible()


def test_a_run_dropped_on_the_window_is_opened(window, the, qtbot, saved_run, drop):
    drop(saved_run)
    qtbot.waitUntil(lambda: window.session.run is not None, timeout=10_000)
    assert window.session.run.path == saved_run
    assert window.session.dataset.source == "digits"
    assert window.session.settings.recent_runs == (str(saved_run),)
    assert saved_run.name in window.windowTitle()
