"""Categories above the sliders of the Latent dock, and whether all its controls find room."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionComboBox, QWidget

import latentlab
from latentlab.ui.widgets.latent_slider import LatentSlider

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture(scope="session")
def sorting_run(tmp_path_factory):
    """A small InfoGAN: four of noise, one code, three categories."""
    from latentlab import data, run

    limits = {"batch_size": 64, "steps": 2, "device": "cpu"}
    shape = {"latent_size": 4, "codes": 1, "categories": 3, "width": 4}
    folder = tmp_path_factory.mktemp("infogan") / "sorts"
    list(run.begin(data.load("digits", {"size": 8}), run.plan("infogan", shape, limits), folder).events())
    return folder


@pytest.fixture
def sorting(window, sorting_run, qtbot):
    """The window with `sorting_run` opened."""
    window.session.open_run(sorting_run)
    qtbot.waitUntil(lambda: window.explore.view.picture is not None, timeout=10_000)
    return window


def shown(sliders):
    """The dimensions whose rows are there to be seen, from top to bottom."""
    rows = [row for row in sliders.findChildren(LatentSlider) if row.isVisible()]
    return [row.index for row in sorted(rows, key=lambda row: row.y())]


def test_a_category_is_chosen_exactly_and_taken_back_exactly(sorting, the, pick, sorting_run, qtbot):
    latent, field = sorting.session.latent, the("latent_choice_category")
    assert [field.itemText(i) for i in range(field.count())] == ["0", "1", "2"]
    before = latent.z.copy()
    assert field.currentIndex() == int(before[5:].argmax())
    other = (field.currentIndex() + 1) % 3
    pick("latent_choice_category", other)
    wanted = before.copy()
    wanted[5:] = np.eye(3, dtype=np.float32)[other]
    np.testing.assert_array_equal(latent.z, wanted)
    picture = latentlab.open_run(sorting_run).pixels(wanted)[0, 0]
    qtbot.waitUntil(lambda: np.array_equal(the("explore_view").picture, picture), timeout=10_000)
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)
    assert field.currentIndex() == int(before[5:].argmax())


def test_only_continuous_dimensions_have_sliders(sorting, the):
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4]


def test_what_is_no_category_is_called_mixed(sorting, the):
    latent, field = sorting.session.latent, the("latent_choice_category")
    z = latent.z.copy()
    z[5:] = [0.5, 0.5, 0]
    latent.set_z(z)
    assert field.currentText() == "mixed" and field.currentIndex() == 3
    z[5:] = [0, 0, 1]
    latent.set_z(z)
    assert field.currentText() == "2" and field.count() == 3


def test_a_locked_category_stays_through_randomise(sorting, the, click, pick):
    latent, told = sorting.session.latent, []
    pick("latent_choice_category", 1)
    latent.changed.connect(lambda: told.append(set(latent.locked)))
    click("latent_choice_lock_category")
    assert latent.locked == {5, 6, 7} and told == [latent.locked]
    for _ in range(8):  # unlocked, all eight would fall on one category once in 6,561 times
        before = latent.z.copy()
        click("latent_randomize")
        assert (latent.z[:5] != before[:5]).all()
        np.testing.assert_array_equal(latent.z[5:], [0, 1, 0])
    latent.set_locked(6, False)
    assert not the("latent_choice_lock_category").isChecked()
    click("latent_choice_lock_category")
    click("latent_choice_lock_category")
    assert latent.locked == set()


def test_another_model_has_its_own_categories(sorting, the, saved_run, qtbot):
    sorting.session.open_run(saved_run)
    qtbot.waitUntil(lambda: sorting.session.latent.size == 6, timeout=10_000)
    assert sorting.findChild(QWidget, "latent_choice_category") is None
    assert shown(the("latent_sliders")) == [0, 1, 2, 3, 4, 5]


def room_for_text(combo):
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    control, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
    return combo.style().subControlRect(control, option, field, combo).width()


@pytest.mark.parametrize("width", [300, 320, 480])
def test_nothing_is_clipped_in_a_narrow_dock(sorting, the, width, qtbot):
    panel = the("latent_panel")
    the("latent_seed").setValue(99_999)
    the("latent_range").setValue(2.25)
    sorting.resize(1400, 800)
    sorting.resizeDocks([sorting.docks[1]], [width], Qt.Orientation.Horizontal)
    for text in ("by KL", "by sensitivity"):
        the("latent_sort").setItemText(1, text)
        panel._fit()
        qtbot.waitUntil(lambda: abs(panel.width() - width) <= 1)
        QApplication.processEvents()
        combo = the("latent_sort")
        assert room_for_text(combo) >= combo.fontMetrics().horizontalAdvance(text)
        for name in ("seed", "randomize", "reset", "sort", "truncation", "range", "search", "copy", "paste"):
            widget = the(f"latent_{name}")
            assert panel.rect().adjusted(15, 0, -15, 0).contains(widget.geometry()), name
            if name in ("randomize", "reset", "copy", "paste"):
                assert widget.width() >= widget.sizeHint().width(), name
        for name in ("seed", "truncation", "range"):
            line = the(f"latent_{name}").lineEdit()
            room = line.width() - line.textMargins().left() - line.textMargins().right()
            assert line.fontMetrics().horizontalAdvance(line.text()) <= room, name
    assert (the("latent_randomize").text() == "Randomise") == (width == 480)


def test_the_map_of_samples_is_coloured_by_their_category(sorting, the, pick, qtbot):
    sorting.canvas_tabs.setCurrentWidget(sorting.map)
    state, key = sorting.map.state, sorting.map.key
    qtbot.waitUntil(lambda: state.drawn is not None and sorting.map.plot is not None, timeout=20_000)
    field = the("map_colour")
    assert [field.itemText(i) for i in range(field.count())] == ["by category", "plain"]
    colouring = sorting.map._colouring()
    np.testing.assert_array_equal(colouring.codes, state.drawn.cloud.latents[:, 5:].argmax(1))
    assert colouring.names == ("0", "1", "2") and key.isVisible()
    pick("map_colour", 1)
    assert sorting.map._colouring() is None and not key.isVisible()
