"""What the Dataset dock shows of what was loaded: driven as a person does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

import latentlab
from latentlab.data.base import Dataset
from latentlab.ui.panels.dataset_original import MOST_PIXELS, look, on_checks, picture_of

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),
]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three cats of 30×20 and two dogs of 12×12, each of one colour, and two files that are none."""
    for name, count, size in (("cats", 3, (20, 30, 3)), ("dogs", 2, (12, 12, 3))):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(np.full(size, 50 * i + 20, np.uint8)).save(tmp_path / "pets" / name / f"{i}.png")
    (tmp_path / "pets" / "cats" / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "pets" / "dogs" / "empty.png").write_bytes(b"")
    return tmp_path / "pets"


@pytest.fixture
def load(window, qtbot):
    def load(path, values=None):
        session = window.session
        before = session.dataset
        session.load_dataset(str(path), values or {})
        qtbot.waitUntil(lambda: session.dataset is not before and not session.loading, timeout=20_000)
        return session.dataset

    return load


@pytest.fixture
def give(window):
    """Let the session hold a dataset that no source makes."""

    def give(images, **known):
        dataset = Dataset(images=images, name="given", source="digits", **known)
        window.session.dataset = dataset
        window.session.dataset_changed.emit(dataset)
        return dataset

    return give


def middle(grid, place):
    """Where a thumbnail is in the viewport."""
    row, column = divmod(place, grid.columns())
    pitch = grid.tile + 3
    return QPoint(column * pitch + grid.tile // 2, row * pitch + grid.tile // 2)


def grey(grid, place):
    shot = grid.viewport().grab().toImage()
    return shot.pixelColor(middle(grid, place) * shot.devicePixelRatio()).red()


def test_thumbnails_are_the_images(window, the, give, qtbot):
    values = np.arange(300, dtype=np.uint32) % 200 + 20
    give(values.astype(np.uint8)[:, None, None, None] * np.ones((1, 1, 8, 8), np.uint8))
    grid = the("dataset_thumbnails")
    qtbot.waitUntil(lambda: grey(grid, 3) == values[3], timeout=5000)
    grid.verticalScrollBar().setValue(2 * (grid.tile + 3))
    qtbot.waitUntil(lambda: grey(grid, 0) == values[2 * grid.columns()], timeout=5000)


def test_a_class_is_chosen_by_name_by_bar_and_all_come_back(window, the, pick, load, pets, qtbot):
    load(pets)
    chooser, grid, bars = the("dataset_class"), the("dataset_thumbnails"), the("dataset_classes")
    assert [chooser.itemText(i) for i in range(chooser.count())] == [
        "All classes (5)",
        "cats (3)",
        "dogs (2)",
    ]
    pick("dataset_class", "class 1")
    assert grid.count() == 2 and grid.index(0) == 3
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(bars.width() // 4, 10))
    assert chooser.currentText() == "cats (3)" and grid.count() == 3
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(bars.width() // 4, 10))
    assert chooser.currentText() == "All classes (5)" and grid.count() == 5


def test_the_parts_of_a_split_are_chosen(window, the, pick, give):
    images = np.zeros((40, 1, 8, 8), np.uint8)
    give(images, heldout=np.array([5, 1, 30]))
    pick("dataset_class", "heldout")
    grid = the("dataset_thumbnails")
    assert [grid.index(place) for place in range(grid.count())] == [1, 5, 30]
    pick("dataset_class", "training")
    assert grid.count() == 37 and grid.place(30) is None
    give(images)
    assert not the("dataset_class").isVisible()
    assert grid.count() == 40


def test_a_thousand_classes_with_long_names(window, the, give, pick):
    names = tuple(f"{i} <b>{'long ' * 30}</b>" for i in range(1000))
    give(np.zeros((2000, 1, 8, 8), np.uint8), labels=np.arange(2000) % 1000, label_names=names)
    chooser = the("dataset_class")
    assert chooser.count() == 1001
    assert chooser.itemText(1000).endswith("… (2)") and len(chooser.itemText(1000)) < 50
    assert chooser.itemData(1000, Qt.ItemDataRole.ToolTipRole).startswith("<span>999 &lt;b&gt;")
    pick("dataset_class", "class 999")
    assert the("dataset_thumbnails").count() == 2


def test_the_facts_are_told_and_the_fold_is_remembered(window, the, load, pets, qtbot):
    load(pets, {"size": 10})
    more, facts = the("dataset_section_more"), the("dataset_facts")
    assert not facts.isVisible()
    more.setFocus()
    qtbot.keyClick(more, Qt.Key.Key_Return)
    assert facts.isVisible()
    told = [label.text() for label in facts.findChildren(QLabel) if label.isVisible()]
    assert {"2 sizes", "30×20 (3)", "10×10, grey", "2 (dogs)", "3 (cats)", "2 files"} <= set(told)
    # Five images of one grey each: 20, 70, 120 and 20, 70.
    assert (the("dataset_mean").picture == 60).all()
    assert "dataset:More" in window.session.settings.open_groups
    qtbot.keyClick(more, Qt.Key.Key_Left)
    assert not facts.isVisible() and "dataset:More" not in window.session.settings.open_groups


def test_the_size_of_the_thumbnails_is_remembered(window, the, qtbot):
    slider, grid = the("dataset_thumbnail_size"), the("dataset_thumbnails")
    before = grid.columns()
    slider.setFocus()
    for _ in range(4):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert grid.side == 44 and grid.columns() < before
    assert window.session.settings.thumbnail_size == 44


def test_what_was_left_out_is_a_click_away(window, the, click, load, pets, qtbot):
    assert not the("dataset_show_skipped").isVisible()
    load(pets)
    assert the("dataset_show_skipped").text() == "2 left out · see why"
    click("dataset_show_skipped")
    dialog = the("dataset_skipped")
    assert dialog.isVisible() and not dialog.isModal()
    assert {entry.path for entry in dialog.model.rows} == {"cats/broken.png", "dogs/empty.png"}
    load("digits", {"limit": 20})
    qtbot.waitUntil(lambda: not window.findChildren(QWidget, "dataset_skipped"), timeout=5000)
    assert not the("dataset_show_skipped").isVisible()


def test_the_notice_of_what_was_left_out_opens_the_list(window, the, click, load, pets):
    load(pets)
    click("status_action")
    assert the("dataset_skipped").isVisible()


def test_a_click_shows_the_original_and_arrows_go_on(window, the, pick, load, pets, qtbot):
    load(pets, {"size": 10})
    grid = the("dataset_thumbnails")
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=middle(grid, 1))
    dialog = the("dataset_original")
    assert dialog.isVisible() and not dialog.isModal()
    qtbot.waitUntil(lambda: the("dataset_original_name").text() == "cats/1.png", timeout=5000)
    assert the("dataset_original_picture").picture.shape[:2] == (20, 30)
    assert (the("dataset_original_picture").picture == 70).all()
    assert the("dataset_original_prepared").picture.shape[:2] == (10, 10)
    assert dialog.original_title.text() == "Original · 30×20"
    assert the("dataset_original_facts").text() == "#1 of 5 · class cats"
    for _ in range(3):
        QTest.keyClick(dialog, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: the("dataset_original_name").text() == "dogs/1.png", timeout=5000)
    assert grid.current == 4
    assert not the("dataset_original_next").isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_Right)  # there is none
    assert grid.current == 4
    pick("dataset_class", "class 1")
    QTest.keyClick(dialog, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: the("dataset_original_name").text() == "dogs/0.png", timeout=5000)
    assert not the("dataset_original_back").isEnabled()  # cats are not shown now
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_enter_shows_the_original_too(window, the, qtbot):
    grid = the("dataset_thumbnails")
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    dialog = the("dataset_original")
    qtbot.waitUntil(lambda: dialog.seen is not None, timeout=5000)
    dataset = window.session.dataset
    np.testing.assert_array_equal(dialog.seen.original, dataset.original(0)[0])
    np.testing.assert_array_equal(dialog.seen.prepared, dataset.images[0, 0])


def test_a_file_that_is_gone_is_a_sentence(window, the, load, pets, qtbot):
    load(pets)
    (pets / "cats" / "0.png").unlink()
    before = the("status_notice").text()
    window.dataset.view.show_original(0)
    view = the("dataset_original_picture")
    qtbot.waitUntil(lambda: "cats/0.png" in view.accessibleDescription(), timeout=5000)
    assert view.picture is None and view.accessibleDescription().endswith(".")
    assert the("dataset_original_prepared").picture is not None
    assert the("status_notice").text() == before  # it is said where one looks


def test_hurrying_past_images_reads_the_last(window, the, give, qtbot, monkeypatch):
    from latentlab.ui.panels import dataset_original

    read = []

    def counted(dataset, index, report):
        read.append(index)
        return look(dataset, index, report)

    monkeypatch.setattr(dataset_original, "look", counted)
    values = np.arange(200, dtype=np.uint8)[:, None, None, None]
    give(values * np.ones((1, 1, 8, 8), np.uint8))
    view = window.dataset.view
    for index in range(150):
        view.show_original(index)
    qtbot.waitUntil(
        lambda: view._original.seen is not None and view._original.seen.index == 149, timeout=5000
    )
    assert len(read) <= 3
    assert (the("dataset_original_picture").picture == 149).all()


def test_go_there_encodes_the_image(opened, the, qtbot, saved_run):
    from latentlab.latent import inversion

    window = opened
    qtbot.waitUntil(lambda: not window.session.loading, timeout=10_000)
    window.session.load_dataset("digits", {"size": 8})
    shape = (1, 8, 8)
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == shape, timeout=10_000)
    window.dataset.view.show_original(5)
    qtbot.waitUntil(the("dataset_original_go").isVisible, timeout=5000)
    qtbot.mouseClick(the("dataset_original_go"), Qt.MouseButton.LeftButton)
    model = latentlab.open_run(saved_run).model
    expected = inversion.locate(model, window.session.dataset.images[5:6])[0]
    qtbot.waitUntil(lambda: np.allclose(window.session.latent.z, expected, atol=1e-5), timeout=10_000)


def test_there_is_nowhere_to_go_without_a_model(window, the, qtbot):
    window.dataset.view.show_original(0)
    qtbot.waitUntil(lambda: the("dataset_original").seen is not None, timeout=5000)
    assert not the("dataset_original_go").isVisible()


def test_a_failure_is_said_in_the_dock_and_the_images_stay(window, the, qtbot, tmp_path):
    (tmp_path / "empty folder").mkdir()
    window.session.open_data(tmp_path / "empty folder")
    problem = the("dataset_problem")
    qtbot.waitUntil(problem.isVisible, timeout=10_000)
    assert "No image in the folder" in problem.accessibleName()
    assert problem.text().replace("\u200b", "") == problem.accessibleName()
    assert the("dataset_summary").text().startswith("1,797 images")
    assert the("dataset_thumbnails").count() == 1797
    window.session.load_dataset("digits", {})
    assert not problem.isVisible()


def test_one_oblong_image_with_alpha(window, the, give, qtbot):
    give(np.full((1, 4, 8, 32), 255, np.uint8))
    grid = the("dataset_thumbnails")
    assert the("dataset_summary").text().startswith("1 image · 32×8")
    qtbot.waitUntil(lambda: grey(grid, 0) == 255, timeout=5000)
    assert not the("dataset_class").isVisible()


def test_points_hide_what_is_of_images(window, the, pick, qtbot):
    pick("dataset_source", "points")
    qtbot.waitUntil(the("dataset_points").isVisible, timeout=10_000)
    for name in ("dataset_thumbnails", "dataset_class", "dataset_thumbnail_size", "dataset_mean"):
        assert not the(name).isVisible(), name


def test_every_control_has_a_name_and_a_tooltip(window, the, load, pets):
    load(pets)
    window.dataset.view.show_original(0)
    window.dataset.view.show_skipped()
    for parent in ("dataset_original", "dataset_skipped"):
        for child in the(parent).findChildren(QWidget):
            if child.objectName().startswith("dataset_") and child.focusPolicy() & Qt.FocusPolicy.TabFocus:
                assert child.accessibleName(), child.objectName()
    for name in ("dataset_class", "dataset_thumbnail_size", "dataset_show_skipped", "dataset_section_more"):
        assert the(name).accessibleName() and the(name).toolTip(), name


def test_pictures_for_people():
    pixels = np.zeros((4, 64, 64), np.uint8)
    assert len(np.unique(picture_of(pixels))) == 2  # nothing but the checkerboard
    pixels[3], pixels[1] = 255, 77
    assert (on_checks(np.ascontiguousarray(pixels.transpose(1, 2, 0))) == (0, 77, 0)).all()
    large = picture_of(np.zeros((3, 100, 4000), np.uint8))
    assert large.shape == (MOST_PIXELS * 100 // 4000, MOST_PIXELS, 3)
