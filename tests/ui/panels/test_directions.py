"""The Directions dock: choose a way, find, move along what was found, name and keep it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QTabWidget, QWidget

import latentlab.latent.directions as library
from latentlab.latent import traversal
from latentlab.latent.directions import METHODS, Direction

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def saved_run(saved_run, tmp_path):
    """A copy, because directions are written into the run."""
    return shutil.copytree(saved_run, tmp_path / "run")


@pytest.fixture
def dock(opened, the, qtbot):
    """The window with a run opened and the Directions tab in front."""
    tabs = the("latent_tabs").tabBar()
    qtbot.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(1).center())
    assert the("directions_panel").isVisible()
    return opened


@pytest.fixture
def directions(dock):
    return dock.session.directions


@pytest.fixture
def find(dock, directions, pick, click, qtbot):
    """find("pca"): choose it, press Find, wait for what it finds."""

    def find(method):
        pick("directions_method", method)
        click("directions_compute")
        assert directions.searching
        qtbot.waitUntil(lambda: not directions.searching, timeout=60_000)
        assert directions.items
        dock.activateWindow()  # the screenless platform does not, once a combo box's list is closed
        qtbot.waitUntil(dock.isActiveWindow, timeout=5_000)

    return find


@pytest.fixture
def gate(monkeypatch):
    """Every search waits until this is set, then finds one direction."""
    opened = threading.Event()

    def search(model, method, material, values=None, report=None):
        for done in range(10_000):
            if opened.wait(0.005):
                break
            report(min(done, 3), 4)
        return [Direction("One", np.arange(1, 7), method, f"by {sorted(values)}")]

    monkeypatch.setattr(library, "find", search)
    yield opened
    opened.set()


@pytest.fixture
def drag(the, qtbot):
    """Take a slider's handle to its right end, doing something half way."""

    def drag(name, half_way=lambda: None):
        slider = the(name)
        end = QPoint(slider.width() - 7, slider.height() // 2)
        qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 10))
        half_way()
        qtbot.mouseMove(slider, end)
        qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)

    return drag


def names(directions):
    return [item.name for item in directions.items]


# The search


def test_every_method_is_offered_with_its_words_and_its_settings(dock, the, pick):
    method = the("directions_method")
    assert [method.itemData(i) for i in range(method.count())] == list(METHODS)
    assert method.currentData() == "pca"
    assert the("directions_count").value() == 10 and the("directions_samples").value() == 2000
    for key, kind in METHODS.items():
        pick("directions_method", key)
        assert method.itemData(method.currentIndex(), Qt.ItemDataRole.ToolTipRole) == kind.about
        assert kind.about in the("directions_about").text()
        assert kind.paper in the("directions_about").text()
        rows = {name for name in kind.Config.model_fields if dock.findChild(QWidget, f"directions_{name}")}
        assert rows == set(kind.Config.model_fields)
        assert the("directions_form").isVisible() == the("directions_settings").isVisible() == bool(rows)
        assert the("directions_follow").isVisible() == kind.live


def test_settings_go_into_the_search_and_stay_with_their_method(
    directions, the, find, pick, type_into, click
):
    type_into("directions_count", "3")
    find("pca")
    assert names(directions) == ["PCA 1", "PCA 2", "PCA 3"]
    pick("directions_method", "sefa")
    assert the("directions_count").value() == 10
    pick("directions_method", "pca")
    assert the("directions_count").value() == 3


def test_the_settings_fold_for_the_list_and_can_be_opened(directions, the, find, click):
    assert the("directions_form").isVisible()
    find("sefa")
    assert not the("directions_form").isVisible()
    click("directions_settings")
    assert the("directions_form").isVisible()
    find("sefa")  # what a person opened stays open
    assert the("directions_form").isVisible()


def test_what_is_found_is_the_runs_own_and_becomes_rows(directions, the, find, run):
    find("pca")
    expected = library.find(run.model, "pca", library.Material(np.zeros(6, np.float32)))
    assert len(expected) == 6
    for i, direction in enumerate(expected):
        assert the(f"direction_name_{i}").text() == direction.name
        np.testing.assert_allclose(directions.items[i].vector, direction.vector, atol=1e-4)
        assert the("direction_sliders").row(i).note.text() == direction.note
    assert the("direction_sliders").isVisible()


def test_progress_shows_and_cancel_gives_up(directions, the, click, gate, qtbot):
    button, progress = the("directions_compute"), the("directions_progress")
    assert button.text() == "Find" and not progress.isVisible()
    click("directions_compute")
    assert button.text() == button.accessibleName() == "Cancel"
    qtbot.waitUntil(lambda: progress.isVisible() and progress.maximum() == 4, timeout=5_000)
    qtbot.waitUntil(lambda: progress.value() == 3, timeout=5_000)
    click("directions_compute")
    assert button.text() == "Find" and not progress.isVisible()
    gate.set()
    assert directions.items == []
    click("directions_compute")
    qtbot.waitUntil(lambda: names(directions) == ["One"], timeout=5_000)
    assert directions.items[0].note == "by ['count', 'samples', 'seed', 'space']"


def test_without_a_model_the_empty_list_says_what_to_do(window, the):
    window.findChild(QTabWidget, "latent_tabs").setCurrentWidget(window.directions)
    assert not the("directions_compute").isEnabled()
    assert "open a run" in the("directions_compute").toolTip()
    assert "press Train" in window.directions.empty.text() and window.directions.empty.isVisible()
    assert not the("directions_obstacle").isVisible()


def test_an_obstacle_is_said_and_goes_when_there_are_labels(dock, the, pick, find, qtbot):
    session, obstacle = dock.session, the("directions_obstacle")
    pick("directions_method", "classes")
    assert obstacle.isVisible() and "8×8" in obstacle.text()  # the digits that are loaded are larger
    assert not the("directions_compute").isEnabled()
    with qtbot.waitSignal(session.dataset_changed, timeout=20_000):
        session.load_dataset("digits", {"size": 8})
    assert not obstacle.isVisible() and the("directions_compute").isEnabled()
    labelled = session.dataset
    session.dataset = dataclasses.replace(labelled, labels=None, label_names=(), name="Unlabelled")
    session.dataset_changed.emit(session.dataset)
    assert obstacle.isVisible() and obstacle.text().startswith("Unlabelled has no labels")
    assert obstacle.text() == the("directions_compute").toolTip()
    session.dataset = labelled
    session.dataset_changed.emit(labelled)
    find("classes")
    assert set(names(session.directions)) == set("0123456789")


# Moving along what was found


def test_a_dragged_slider_moves_the_latent_along_its_direction_alone(
    directions, dock, the, find, drag, settled, run
):
    find("pca")
    latent, vector = dock.session.latent, directions.items[1].vector.astype(np.float64)
    before = latent.z.astype(np.float64)
    steps = latent.undo_stack.count()
    drag("direction_slider_1")
    moved = latent.z - before
    assert latent.z @ vector == pytest.approx(3, abs=0.05)
    np.testing.assert_allclose(moved, (moved @ vector) * vector, atol=1e-6)
    assert abs(moved @ vector) > 0.5
    assert the("direction_value_1").value() == pytest.approx(latent.z @ vector, abs=1e-5)
    assert latent.undo_stack.count() == steps + 1
    settled()
    np.testing.assert_array_equal(the("explore_view").picture, run.pixels(latent.z)[0, 0])


def test_undo_and_redo_take_the_latent_back_bit_for_bit(dock, the, find, drag):
    find("pca")
    latent = dock.session.latent
    before = latent.z.copy()
    value = the("direction_value_0").value()
    drag("direction_slider_0")
    after = latent.z.copy()
    latent.undo_stack.undo()
    assert latent.z.tobytes() == before.tobytes()
    assert the("direction_value_0").value() == value
    latent.undo_stack.redo()
    assert latent.z.tobytes() == after.tobytes()


def test_a_typed_value_is_where_the_latent_then_lies_and_reset_takes_it_to_0(
    directions, dock, the, find, type_into, click
):
    find("pca")
    latent, vector = dock.session.latent, directions.items[2].vector.astype(np.float64)
    others = [the(f"direction_value_{i}").value() for i in (0, 1)]
    type_into("direction_value_2", "4.25")
    assert latent.z @ vector == pytest.approx(4.25, abs=1e-5)
    assert the("direction_value_2").value() == 4.25
    assert the("direction_slider_2").value() == the("direction_slider_2").maximum()
    click("direction_reset_2")
    assert latent.z @ vector == pytest.approx(0, abs=1e-5)
    assert the("direction_value_2").value() == 0
    assert not the("direction_reset_2").isEnabled()
    # PCA of a net is near to orthogonal, not quite: what is read off the others is what is there.
    for i in (0, 1):
        here = latent.z @ directions.items[i].vector.astype(np.float64)
        assert the(f"direction_value_{i}").value() == pytest.approx(here, abs=1e-5)
    assert others == pytest.approx([the(f"direction_value_{i}").value() for i in (0, 1)], abs=0.8)


def test_the_keyboard_moves_a_slider_and_another_dock_moves_the_reading(dock, the, find, directions, qtbot):
    find("sefa")
    slider, latent = the("direction_slider_0"), dock.session.latent
    slider.setFocus()
    before = latent.z @ directions.items[0].vector
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert latent.z @ directions.items[0].vector > before
    latent.set_z(2 * directions.items[0].vector)
    assert the("direction_value_0").value() == pytest.approx(2, abs=1e-5)


def test_filmstrips_show_where_each_direction_leads(dock, the, find, directions, run, qtbot):
    find("pca")
    sliders = the("direction_sliders")
    in_view = sliders.visible_dimensions()
    assert in_view

    def check():
        for i in in_view:
            row = traversal.along(dock.session.latent.z, [directions.items[i].vector], 11)[0]
            shown = sliders.filmstrip(i)
            if shown is None or not np.array_equal(shown, run.pixels(row)):
                return False
        return True

    qtbot.waitUntil(check, timeout=10_000)
    assert sliders.row(in_view[0]).strip.isVisible()
    dock.session.latent.set_seed(77)
    assert not check()
    qtbot.waitUntil(check, timeout=10_000)


def test_a_hidden_tab_decodes_no_filmstrips(dock, the, find, qtbot):
    find("pca")
    sliders = the("direction_sliders")
    qtbot.waitUntil(
        lambda: all(sliders.filmstrip(i) is not None for i in sliders.visible_dimensions()), timeout=10_000
    )
    channels = []
    dock.session.sampler.rendered.connect(lambda channel, *_: channels.append(channel))
    the("latent_tabs").setCurrentIndex(0)
    dock.session.latent.set_seed(5)
    qtbot.waitUntil(lambda: channels.count("strips") >= 6, timeout=10_000)
    assert "direction-strips" not in channels
    the("latent_tabs").setCurrentIndex(1)
    qtbot.waitUntil(lambda: "direction-strips" in channels, timeout=10_000)


# Names, pins, removal


def rename(the, qtbot, index, text, key):
    field = the(f"direction_name_{index}")
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    field.selectAll()
    qtbot.keyClicks(field, text)
    if key is not None:
        qtbot.keyClick(field, key)


def test_a_name_is_written_over_in_place_kept_with_the_run_and_comes_back(
    dock, the, find, directions, saved_run, qtbot
):
    find("pca")
    vector = directions.items[2].vector
    rename(the, qtbot, 2, "Roundness", Qt.Key.Key_Return)
    assert names(directions)[:2] == ["Roundness", "PCA 1"]  # kept ones come first
    assert the("direction_name_0").text() == "Roundness" and the("direction_keep_0").isChecked()
    assert the("direction_slider_0").hasFocus()  # the keyboard went with it
    assert the("direction_slider_0").accessibleName() == "Roundness, slider"
    path = saved_run / "directions.json"
    qtbot.waitUntil(path.exists, timeout=5_000)
    (entry,) = json.loads(path.read_text())["directions"]
    assert entry["name"] == "Roundness"
    np.testing.assert_array_equal(np.float32(entry["vector"]), vector)

    dock.session.open_run(shutil.copytree(saved_run, saved_run.with_name("copy")))
    qtbot.waitUntil(lambda: names(directions) == ["Roundness"], timeout=10_000)
    assert directions.items[0].vector.tobytes() == vector.tobytes()
    assert the("direction_name_0").text() == "Roundness" and the("direction_keep_0").isChecked()


def test_escape_and_an_empty_name_change_nothing_and_leaving_the_field_renames(the, find, directions, qtbot):
    find("pca")
    rename(the, qtbot, 0, "Something", Qt.Key.Key_Escape)
    assert the("direction_name_0").text() == "PCA 1" and not the("direction_name_0").hasFocus()
    rename(the, qtbot, 0, " ", Qt.Key.Key_Return)
    assert the("direction_name_0").text() == "PCA 1" == directions.items[0].name
    rename(the, qtbot, 0, "Size", None)
    assert directions.items[0].name == "PCA 1"
    the("direction_value_3").setFocus()
    assert directions.items[0].name == "Size"


def test_a_pin_keeps_a_direction_through_the_next_search(the, find, click, directions, qtbot):
    find("pca")
    vector = directions.items[1].vector
    the("direction_keep_1").setFocus()
    qtbot.keyClick(the("direction_keep_1"), Qt.Key.Key_Space)
    assert names(directions)[:2] == ["PCA 2", "PCA 1"]
    assert the("direction_keep_0").isChecked() and not the("direction_keep_1").isChecked()
    assert the("direction_keep_0").hasFocus()
    find("sefa")
    assert names(directions)[:2] == ["PCA 2", "SeFa 1"]
    np.testing.assert_array_equal(directions.items[0].vector, vector)
    click("direction_keep_0")
    find("sefa")
    assert names(directions)[0] == "SeFa 1"


def test_a_cross_and_the_delete_key_remove(dock, the, find, click, directions, qtbot):
    find("pca")
    click("direction_remove_1")
    assert names(directions)[:2] == ["PCA 1", "PCA 3"]
    the("direction_slider_4").setFocus()
    qtbot.keyClick(the("direction_slider_4"), Qt.Key.Key_Delete)
    assert names(directions) == ["PCA 1", "PCA 3", "PCA 4", "PCA 5"]
    assert dock.findChild(QWidget, "direction_slider_4") is None
    assert the("direction_slider_3").hasFocus()
    for _ in range(4):
        click("direction_remove_0")
    assert the("directions_panel").empty.isVisible() and the("directions_form").isVisible()


def test_another_latent_size_empties_the_list(dock, the, find, train, directions):
    find("pca")
    train(steps=5, latent_size=3)
    assert directions.items == [] and the("direction_sliders").count() == 0
    find("pca")
    assert the("direction_sliders").count() == 3


# Thumbs


def test_picks_lead_from_what_is_not_liked_to_what_is(dock, the, pick, find, click, directions):
    latent = dock.session.latent
    assert not the("directions_thumbs").isVisible()
    pick("directions_method", "picks")
    assert the("directions_thumbs").isVisible() and not the("directions_clear_thumbs").isEnabled()
    assert not the("directions_compute").isEnabled() and the("directions_obstacle").isVisible()
    placed = {up: [] for up in (True, False)}
    for seed, up in ((1, True), (2, True), (3, False), (4, False), (5, True)):
        latent.set_seed(seed)
        directions.give_thumb(up)
        placed[up].append(latent.z.astype(np.float64))
    assert the("directions_thumbs").text() == "3 liked · 2 not"
    assert not the("directions_obstacle").isVisible()
    find("picks")
    expected = np.mean(placed[True], 0) - np.mean(placed[False], 0)
    np.testing.assert_allclose(directions.items[0].vector, expected / np.linalg.norm(expected), atol=1e-5)
    pick("directions_method", "pca")
    assert the("directions_thumbs").isVisible()  # there are some
    click("directions_clear_thumbs")
    assert not the("directions_thumbs").isVisible() and not the("directions_clear_thumbs").isVisible()


# Following


def test_local_directions_follow_the_latent_and_freeze_while_one_is_dragged(
    dock, the, find, drag, directions, run, qtbot
):
    latent = dock.session.latent
    find("local")

    def are_those_of(z):
        squares = library.find(run.model, "local", library.Material(z))
        table = np.abs(
            np.stack([d.vector for d in squares]) @ np.stack([i.vector for i in directions.items]).T
        )
        return bool((table.max(0) > 0.999).all())

    assert are_those_of(latent.z)
    first = directions.items[0].vector
    latent.set_z(latent.z + 0.3)
    qtbot.waitUntil(lambda: directions.items[0].vector is not first, timeout=10_000)
    assert are_those_of(latent.z)
    assert directions.items[0].vector @ first > 0.5  # neither turned round nor elsewhere in the list
    assert names(directions)[0] == "Local 1"

    frozen = [item.vector for item in directions.items]
    before = latent.z.astype(np.float64)

    def half_way():
        assert not directions._settling.isActive()

    drag("direction_slider_0", half_way)
    assert [item.vector for item in directions.items] == frozen
    moved, along = latent.z - before, frozen[0].astype(np.float64)
    np.testing.assert_allclose(moved, (moved @ along) * along, atol=1e-6)
    qtbot.waitUntil(lambda: directions.items[0].vector is not frozen[0], timeout=10_000)
    assert are_those_of(latent.z)
    assert the("directions_compute").text() == "Find"

    qtbot.mouseClick(the("directions_follow"), Qt.MouseButton.LeftButton, pos=QPoint(8, 10))
    assert not the("directions_follow").isChecked() and not directions.following
    latent.set_z(latent.z + 0.3)
    assert not directions._settling.isActive()


# The dock at its narrowest


def test_nothing_is_clipped_in_a_narrow_dock(dock, the, find, qtbot):
    dock.resize(1100, 700)
    find("pca")
    rename(the, qtbot, 0, "A name that is far too long to be shown in full", Qt.Key.Key_Return)
    panel = the("directions_panel")
    QApplication.processEvents()
    assert panel.width() <= 330
    for widget in panel.findChildren(QWidget):
        if widget.isVisible() and widget.objectName().startswith("direction"):
            left, right = (widget.mapTo(panel, p).x() for p in (QPoint(0, 0), QPoint(widget.width(), 0)))
            assert left >= 0 and right <= panel.width(), widget.objectName()
            if isinstance(widget, QLabel) and not widget.wordWrap():
                assert widget.width() >= widget.sizeHint().width(), widget.objectName()
    row = the("direction_sliders").row(0)
    assert row.name.geometry().right() < row.spin.geometry().left()
    assert row.geometry().right() < the("direction_sliders").width() - 10  # the scroll bar's


def test_every_control_says_what_it_is(dock, the, find):
    find("local")
    for widget in the("directions_panel").findChildren(QWidget):
        if widget.objectName().startswith("direction") and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert widget.accessibleName(), widget.objectName()
            if widget.objectName() != "direction_sliders":
                assert widget.toolTip(), widget.objectName()
