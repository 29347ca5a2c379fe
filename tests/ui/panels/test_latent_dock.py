"""The Latent dock's list: sorted, searched, reaching further, made of a few rows; and copying and pasting."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSlider, QApplication

import latentlab
from latentlab.latent import importance, traversal
from latentlab.latent.text import to_text
from latentlab.ui import importance_state
from latentlab.ui.widgets.latent_list import EAGER_ROWS
from latentlab.ui.widgets.latent_slider import LatentSlider

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def measured(opened, qtbot):
    """The window once the run's dimensions are measured."""
    qtbot.waitUntil(lambda: opened.session.importance.value is not None, timeout=30_000)
    return opened


@pytest.fixture
def ranked(measured):
    """ranked(2.0, 0.001, ...): the nats that the dimensions are said to carry."""

    def ranked(*nats):
        state = measured.session.importance
        state.value = importance.Importance(np.array(nats), "KL")
        state.changed.emit()

    return ranked


def shown(sliders):
    """The dimensions whose rows are there to be seen, from top to bottom."""
    rows = [row for row in sliders.findChildren(LatentSlider) if row.isVisible()]
    return [row.index for row in sorted(rows, key=lambda row: row.y())]


def notes(sliders):
    return [sliders.row(i).note.text() for i in range(sliders.count())]


# Sorting


def test_without_fitting_images_dimensions_are_sorted_by_what_they_move(measured, the, pick, run):
    values = importance.importance(run.model).values
    assert len(set(values.round(3))) == 6
    assert notes(the("latent_sliders")) == [f"{value:.2f} /σ" for value in values]
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]
    assert [the("latent_sort").itemText(i) for i in range(2)] == ["by index", "by sensitivity"]
    pick("latent_sort", "importance")
    assert shown(the("latent_sliders")) == np.argsort(-values).tolist()
    pick("latent_sort", "index")
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]


def test_with_images_that_fit_a_vae_is_sorted_by_kl(measured, the, pick, run, qtbot):
    session = measured.session
    session.load_dataset("digits", {"size": 8})
    qtbot.waitUntil(lambda: session.importance.value.unit == "KL", timeout=30_000)
    values = importance.kl_per_dimension(run.model, session.dataset.images[::2])  # 899 of 1,797
    np.testing.assert_allclose(session.importance.value.values, values)
    assert notes(the("latent_sliders")) == [f"KL {value:.2f}" for value in values]
    assert the("latent_sort").itemText(1) == "by KL"
    pick("latent_sort", "importance")
    active = [i for i in np.argsort(-values).tolist() if values[i] >= importance_state.INACTIVE["KL"]]
    assert shown(the("latent_sliders")) == (active or np.argsort(-values).tolist())


def test_a_model_that_learned_on_is_measured_again(window, train, qtbot, monkeypatch):
    monkeypatch.setattr(importance_state, "MEASURE_EVERY", 50)
    monkeypatch.setattr(importance_state, "SHARE", 1.0)
    train(steps=300)
    final = latentlab.open_run(window.session.run.path)
    values = importance.kl_per_dimension(final.model, window.session.dataset.images[::2])
    state = window.session.importance
    qtbot.waitUntil(
        lambda: state.value is not None and np.allclose(state.value.values, values), timeout=30_000
    )


def test_inactive_dimensions_wait_behind_the_last_line(ranked, the, pick, click, type_into):
    ranked(0.3, 0.001, 2.0, 0.0, 1.0, 0.02)
    assert not the("latent_show_inactive").isVisible()
    pick("latent_sort", "importance")
    assert shown(the("latent_sliders")) == [2, 4, 0, 5]
    assert the("latent_show_inactive").text() == "2 inactive hidden · show"
    click("latent_show_inactive")
    assert shown(the("latent_sliders")) == [2, 4, 0, 5, 1, 3]
    assert the("latent_show_inactive").text() == "2 inactive shown · hide"
    click("latent_show_inactive")
    type_into("latent_search", "z3", enter=False)
    assert shown(the("latent_sliders")) == [3]
    the("latent_search").clear()
    pick("latent_sort", "index")
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]
    assert not the("latent_show_inactive").isVisible()


def test_where_all_are_inactive_none_is_hidden(ranked, the, pick):
    pick("latent_sort", "importance")
    ranked(0.001, 0.002, 0.003, 0, 0, 0)
    assert shown(the("latent_sliders"))[:3] == [2, 1, 0] and len(shown(the("latent_sliders"))) == 6


def test_no_slider_moves_while_one_is_held(ranked, the, pick, qtbot):
    pick("latent_sort", "importance")
    ranked(6, 5, 4, 3, 2, 1)
    slider, left = the("latent_slider_1"), Qt.MouseButton.LeftButton
    qtbot.mousePress(slider, left, pos=QPoint(60, 10))
    ranked(1, 2, 3, 4, 5, 6)
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]
    assert notes(the("latent_sliders"))[0] == "KL 1.00"
    qtbot.mouseRelease(slider, left, pos=QPoint(60, 10))
    assert shown(the("latent_sliders")) == [5, 4, 3, 2, 1, 0]


def test_no_slider_moves_from_under_the_mouse(ranked, the, pick):
    sliders = the("latent_sliders")
    pick("latent_sort", "importance")
    ranked(6, 5, 4, 3, 2, 1)
    sliders.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, True)
    ranked(1, 2, 3, 4, 5, 6)
    assert shown(sliders) == [0, 1, 2, 3, 4, 5]
    sliders.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    QApplication.sendEvent(sliders, QEvent(QEvent.Type.Leave))
    assert shown(sliders) == [5, 4, 3, 2, 1, 0]


# Searching


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("z4", [4]),
        ("Z4", [4]),
        ("3, 0-1", [0, 1, 3]),
        ("4-99", [4, 5]),
        ("2-", [2]),
        ("z", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_search_shows_what_it_names(opened, the, type_into, qtbot, text, wanted):
    type_into("latent_search", text, enter=False)
    assert shown(the("latent_sliders")) == wanted
    qtbot.keyClick(the("latent_search"), Qt.Key.Key_Escape)
    assert the("latent_search").text() == ""
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]


def test_a_click_ends_the_search_too(opened, the, click, type_into):
    assert not the("latent_search_clear").isVisible()
    type_into("latent_search", "z4", enter=False)
    click("latent_search_clear")
    assert the("latent_search").text() == "" and shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]


def test_a_search_that_finds_nothing_says_how_to_search(opened, the, type_into, qtbot):
    type_into("latent_search", "smile", enter=False)
    assert not the("latent_sliders").isVisible()
    assert "“smile”" in opened.latent.empty.text() and opened.latent.empty.isVisible()
    qtbot.keyClick(the("latent_search"), Qt.Key.Key_Escape)
    assert the("latent_sliders").isVisible()


def test_what_is_found_is_sorted(ranked, the, pick, type_into):
    pick("latent_sort", "importance")
    ranked(0.3, 0.1, 2.0, 0.2, 1.0, 0.5)
    type_into("latent_search", "0-2, 4", enter=False)
    assert shown(the("latent_sliders")) == [2, 4, 0, 1]


# Reach


def test_sliders_and_filmstrips_reach_as_far_as_asked(opened, the, type_into, run, qtbot):
    type_into("latent_range", "5")
    slider = the("latent_slider_2")
    slider.setValue(slider.maximum())
    assert opened.session.latent.z[2] == 5
    wanted = run.pixels(traversal.traverse(opened.session.latent.z, [1], 11, 5.0)[0])
    sliders = the("latent_sliders")
    assert not np.array_equal(
        wanted, run.pixels(traversal.traverse(opened.session.latent.z, [1], 11, 3.0)[0])
    )
    qtbot.waitUntil(lambda: np.array_equal(sliders.filmstrip(1), wanted), timeout=10_000)


# Copy and paste


def test_a_pasted_latent_is_the_copied_one_bit_for_bit_and_one_step(opened, the, click):
    latent = opened.session.latent
    latent.set_seed(12)
    copied = latent.z.copy()
    click("latent_copy")
    assert QGuiApplication.clipboard().text() == to_text(copied)
    latent.set_seed(13)
    before, steps = latent.z.copy(), latent.undo_stack.count()
    click("latent_paste")
    np.testing.assert_array_equal(latent.z, copied)
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)
    assert latent.seed == the("latent_seed").value() == 13


@pytest.mark.parametrize("text", ["", "one two", "1, 2, 3", "1, 2, 3, 4, 5, inf"])
def test_text_that_is_no_latent_is_one_sentence(opened, the, click, text):
    latent = opened.session.latent
    before, steps = latent.z.copy(), latent.undo_stack.count()
    QGuiApplication.clipboard().setText(text)
    click("latent_paste")
    assert the("status_notice").text().startswith("Cannot paste: ")
    assert the("status_notice").accessibleName().startswith("error")
    np.testing.assert_array_equal(latent.z, before)
    assert latent.undo_stack.count() == steps


def test_the_keys_copy_and_paste_except_in_a_field(opened, the, qtbot):
    latent, control = opened.session.latent, Qt.KeyboardModifier.ControlModifier
    copied = latent.z.copy()
    the("explore_view").setFocus()
    opened.activateWindow()
    qtbot.keyClick(opened, Qt.Key.Key_C, control)
    assert QGuiApplication.clipboard().text() == to_text(copied)
    latent.set_seed(41)
    qtbot.keyClick(opened, Qt.Key.Key_V, control)
    np.testing.assert_array_equal(latent.z, copied)
    search = the("latent_search")
    search.setFocus()
    QGuiApplication.clipboard().setText("z2")
    qtbot.keyClick(search, Qt.Key.Key_V, control)
    assert search.text() == "z2"
    np.testing.assert_array_equal(latent.z, copied)
    search.selectAll()
    qtbot.keyClick(search, Qt.Key.Key_C, control)
    assert QGuiApplication.clipboard().text() == "z2"


def test_without_a_model_copy_and_paste_say_what_to_do(window, the):
    for name in ("copy_latent_action", "paste_latent_action"):
        assert not the("latent_copy").isEnabled() and not the("latent_paste").isEnabled()
        window.findChild(object, name).trigger()
        assert "press Train, or open a run" in the("status_notice").text()


# Room and rows


def test_undo_shows_the_truncation_that_was(opened, the, type_into):
    type_into("latent_truncation", "0.5")
    opened.session.latent.undo_stack.undo()
    assert the("latent_truncation").value() == opened.session.latent.truncation == 1


def test_a_few_rows_serve_many_dimensions(opened, the, train):
    train(steps=2, latent_size=200)
    sliders, latent = the("latent_sliders"), opened.session.latent
    assert sliders.findChild(QAbstractSlider, "latent_slider_3") is not None
    for index in (150, 40, 199, 0):
        sliders.scroll_to(index)
        the(f"latent_value_{index}").setValue(1.25)
        assert latent.z[index] == 1.25
        assert the(f"latent_slider_{index}").isVisible()
        assert len(sliders.findChildren(LatentSlider)) == EAGER_ROWS
        assert {row.index for row in sliders.findChildren(LatentSlider)} >= set(sliders.visible_dimensions())
    assert sliders.findChild(QAbstractSlider, "latent_slider_150") is None


def test_a_row_that_is_typed_in_keeps_its_dimension(opened, the, train, qtbot):
    train(steps=2, latent_size=200)
    sliders, field = the("latent_sliders"), the("latent_value_1")
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "2.5")
    for index in range(0, 200, 7):
        sliders.scroll_to(index)
    assert the("latent_value_1") is field and field.text().endswith("2.5")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert opened.session.latent.z[1] == 2.5


def test_tab_goes_through_the_rows_as_they_stand(opened, the, train, qtbot):
    train(steps=2, latent_size=200)
    sliders = the("latent_sliders")
    sliders.scroll_to(150)
    sliders.scroll_to(90)
    for index in (88, 93):
        the(f"latent_lock_{index}").setFocus()
        qtbot.keyClick(the(f"latent_lock_{index}"), Qt.Key.Key_Tab)
        assert the(f"latent_slider_{index + 1}").hasFocus()
        qtbot.keyClick(the(f"latent_slider_{index + 1}"), Qt.Key.Key_Backtab)
        assert the(f"latent_lock_{index}").hasFocus()
