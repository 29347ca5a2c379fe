"""The window as a whole: the names that scripts rely on, what screen readers hear, room, themes, keys."""

from __future__ import annotations

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QMainWindow,
    QPushButton,
    QScrollBar,
    QStyle,
    QStyleOptionComboBox,
    QTabWidget,
    QToolButton,
    QWidget,
)

from latentlab.ui.export_dialog import ExportGridDialog
from latentlab.ui.widgets.picture import PictureView

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of dialogs
]

NAMES = {
    "dataset_panel": QWidget,
    "model_panel": QWidget,
    "training_panel": QWidget,
    "curves_panel": QWidget,
    "latent_panel": QWidget,
    "timeline_panel": QWidget,
    "canvas_tabs": QTabWidget,
    "status_notice": QLabel,
    "train_start": QPushButton,
    "train_pause": QPushButton,
    "train_step": QPushButton,
    "train_stop": QPushButton,
    "preset_choice": QComboBox,
    "device_choice": QComboBox,
    "dataset_source": QComboBox,
    "dataset_path": QLineEdit,
    "dataset_load": QPushButton,
    "dataset_size": QAbstractSpinBox,
    "dataset_channels": QComboBox,
    "dataset_thumbnails": QWidget,
    "dataset_summary": QLabel,
    "dataset_cancel": QPushButton,
    "model_kind": QComboBox,
    "model_form": QWidget,
    "model_latent_size": QAbstractSpinBox,
    "training_form": QWidget,
    "training_learning_rate": QAbstractSpinBox,
    "training_batch_size": QAbstractSpinBox,
    "training_steps": QAbstractSpinBox,
    "curves_plot": pg.PlotWidget,
    "curves_smoothing": QAbstractSlider,
    "curves_log": QAbstractButton,
    "latent_sliders": QWidget,
    "latent_slider_0": QAbstractSlider,
    "latent_value_0": QAbstractSpinBox,
    "latent_reset_0": QAbstractButton,
    "latent_lock_0": QAbstractButton,
    "latent_seed": QAbstractSpinBox,
    "latent_randomize": QPushButton,
    "latent_reset": QPushButton,
    "latent_truncation": QAbstractSpinBox,
    "explore_view": PictureView,
    "samples_view": PictureView,
    "history_slider": QAbstractSlider,
    "keyframe_add": QPushButton,
    "keyframe_list": QListWidget,
    "interpolation_kind": QComboBox,
    "interpolation_play": QAbstractButton,
    "interpolation_position": QAbstractSlider,
    "timeline_export": QAbstractButton,
}
DIALOG_NAMES = {
    "export_rows": QAbstractSpinBox,
    "export_columns": QAbstractSpinBox,
    "export_source": QComboBox,
    "export_path": QLineEdit,
    "export_save": QPushButton,
}
INTERACTIVE = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit)


@pytest.fixture
def trained(window, qtbot):
    """The window after a training of three steps with six latent dimensions."""
    session = window.session
    session.set_model("vae-mlp")
    session.model_values |= {"latent_size": 6}
    session.training_values |= {"steps": 3, "batch_size": 64}
    session.train()
    qtbot.waitUntil(lambda: session.state == "idle" and session.latent.size == 6, timeout=30_000)
    qtbot.waitUntil(lambda: window.explore.view.picture is not None, timeout=5_000)
    return window


@pytest.fixture
def dialog(trained, qtbot):
    trained.export_grid()
    dialog = trained.findChild(ExportGridDialog)
    qtbot.waitUntil(dialog.save.isEnabled, timeout=5_000)
    return dialog


def the(window, name, kind=QWidget):
    (found,) = window.findChildren(kind, name)
    return found


def test_every_name_that_scripts_rely_on_is_there_once_and_of_its_kind(trained, dialog):
    assert trained.objectName() == "main_window" and isinstance(trained, QMainWindow)
    for parent, names in ((trained, NAMES), (dialog, DIALOG_NAMES)):
        for name, kind in names.items():
            found = parent.findChildren(QWidget, name)
            assert len(found) == 1, f"{name}: {found}"
            assert isinstance(found[0], kind), name
    assert dialog.objectName() == "export_grid_dialog"
    assert isinstance(trained.findChild(QAction, "export_grid_action"), QAction)
    for name in ("dataset_source", "model_kind", "preset_choice", "device_choice", "interpolation_kind"):
        combo = the(trained, name)
        assert combo.count() and all(isinstance(combo.itemData(i), str) for i in range(combo.count())), name


def interactive(parent):
    """The controls that are latentlab's own, not parts that Qt makes inside others or pyqtgraph hides."""
    for widget in parent.findChildren(QWidget):
        inside = widget.parentWidget()
        if not isinstance(widget, INTERACTIVE) or isinstance(widget, QScrollBar):
            continue
        if isinstance(widget, QLineEdit) and isinstance(inside, QAbstractSpinBox | QComboBox):
            continue
        if widget.objectName().startswith("qt_") or inside.objectName().startswith("qt_"):
            continue
        ancestors = []
        while inside is not None:
            ancestors.append(inside)
            inside = inside.parentWidget()
        if any(isinstance(a, pg.PlotWidget) for a in ancestors):
            continue
        yield widget


def test_every_control_has_a_name_says_what_it_is_and_explains_itself(trained, dialog):
    incomplete = []
    for widget in interactive(trained):
        said = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
        lacks = [
            what
            for what, there in (
                ("objectName", widget.objectName()),
                ("accessible name", said),
                ("tooltip", widget.toolTip()),
            )
            if not there
        ]
        if lacks:
            incomplete.append(f"{type(widget).__name__} {widget.objectName()!r} ({said}): {', '.join(lacks)}")
    assert not incomplete, "\n".join(incomplete)
    assert len(list(interactive(trained))) > 60


def room_for_text(combo):
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    control, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
    return combo.style().subControlRect(control, option, field, combo).width()


def widest_text(combo):
    texts = [combo.itemText(i) for i in range(combo.count())]
    # What is chosen; a long choice may be elided, and so may the names of runs.
    if combo.parentWidget().objectName().endswith("_form") or combo.objectName() == "model_start_from":
        texts = [combo.currentText()]
    return max(map(combo.fontMetrics().horizontalAdvance, texts))


@pytest.mark.parametrize("size", [(1100, 700), (1280, 800)], ids=["1100x700", "1280x800"])
def test_nothing_overlaps_and_no_text_is_cut(trained, qtbot, size):
    trained.resize(*size)
    trained.session.training_values |= {"steps": 0}
    trained.session.train()
    qtbot.waitUntil(lambda: trained.session.state == "running", timeout=10_000)
    qtbot.wait(100)
    trained.session.pause()
    qtbot.waitUntil(lambda: trained.session.state == "paused", timeout=10_000)
    qtbot.wait(50)
    assert (trained.width(), trained.height()) == size
    parts = [*trained.docks, trained.centralWidget()]
    for i, one in enumerate(parts):
        assert trained.rect().contains(one.geometry()), one.objectName()
        for other in parts[i + 1 :]:
            assert not one.geometry().intersects(other.geometry()), (one.objectName(), other.objectName())
    cut = []
    for widget in trained.findChildren(QWidget):
        if not isinstance(widget, QPushButton | QToolButton | QComboBox) or not widget.isVisible():
            continue
        room, wanted = widget.width(), widget.sizeHint().width()
        if isinstance(widget, QComboBox):
            room, wanted = room_for_text(widget), widest_text(widget)
        inside = widget.parentWidget().rect().contains(widget.geometry())
        if room < wanted or not inside:
            cut.append(f"{widget.objectName()} has {room} of {wanted}, inside: {inside}")
    for label in trained.toolbar.findChildren(QLabel):
        text = label.fontMetrics().horizontalAdvance(label.text())
        if label.isVisible() and label.width() < text:
            cut.append(f"{label.objectName()} {label.text()!r} has {label.width()} of {text}")
    assert not cut, "\n".join(cut)


@pytest.mark.parametrize("theme", ["light", "system", "dark"])
def test_every_theme_applies_while_everything_is_on_the_screen(trained, dialog, qtbot, theme):
    trained.findChild(QAction, f"theme_{theme}_action").trigger()
    for index in range(2):
        trained.canvas_tabs.setCurrentIndex(index)
        the(trained, "bottom_tabs").setCurrentIndex(index)
        qtbot.wait(30)
        assert not trained.grab().isNull()
    checked = [t for t in ("dark", "light", "system") if the_action(trained, t).isChecked()]
    assert checked == [theme]
    the_action(trained, "dark").trigger()


def the_action(window, theme):
    return window.findChild(QAction, f"theme_{theme}_action")


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    window.activateWindow()
    qtbot.keyClick(window, key, modifier)


def test_single_keys_randomise_reset_and_add_a_keyframe(trained, qtbot):
    latent = trained.session.latent
    trained.explore.around.setFocus()
    before = latent.z.copy()
    press(qtbot, trained, Qt.Key.Key_R)
    assert (latent.z != before).all()
    press(qtbot, trained, Qt.Key.Key_0)
    assert (latent.z == 0).all()
    press(qtbot, trained, Qt.Key.Key_K)
    assert the(trained, "keyframe_list").count() == 1


def test_keys_that_are_typed_into_a_field_stay_there(trained, qtbot):
    latent, field = trained.session.latent, the(trained, "latent_value_0")
    latent.set_seed(3)
    before = latent.z.copy()
    field.setFocus()
    field.selectAll()
    for key in (Qt.Key.Key_R, Qt.Key.Key_K, Qt.Key.Key_1, Qt.Key.Key_0, Qt.Key.Key_Space):
        qtbot.keyClick(field, key)
    assert (latent.z == before).all()
    assert the(trained, "keyframe_list").count() == 0
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert latent.z[0] == 10
    path = the(trained, "dataset_path")
    the(trained, "dataset_source").setCurrentIndex(the(trained, "dataset_source").findData("folder"))
    path.setFocus()
    path.clear()
    qtbot.keyClicks(path, "R 0k?")
    assert path.text() == "R 0k?"
    assert latent.z[0] == 10


def test_ctrl_t_trains_and_space_pauses_and_goes_on(trained, qtbot):
    session = trained.session
    session.training_values |= {"steps": 0}
    trained.explore.around.setFocus()
    press(qtbot, trained, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert session.busy
    qtbot.waitUntil(lambda: session.state == "running", timeout=10_000)
    for state in ("paused", "running", "paused"):
        press(qtbot, trained, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda s=state: session.state == s, timeout=10_000)


def test_space_in_a_number_does_not_pause(trained, qtbot):
    session = trained.session
    session.training_values |= {"steps": 0}
    session.train()
    qtbot.waitUntil(lambda: session.state == "running", timeout=10_000)
    for name in ("latent_seed", "latent_value_0"):
        the(trained, name).setFocus()
        qtbot.keyClick(the(trained, name), Qt.Key.Key_Space)
    qtbot.wait(100)
    assert session.state == "running"


def test_ctrl_e_opens_the_export_dialog(trained, qtbot):
    press(qtbot, trained, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert trained.findChild(ExportGridDialog).isVisible()


def test_the_keys_are_listed_under_a_question_mark(trained, qtbot):
    trained.findChild(QAction, "shortcuts_action").trigger()
    box = next(w for w in trained.findChildren(QWidget) if w.windowTitle() == "Keyboard shortcuts")
    for action in trained.findChildren(QAction):
        keys = action.shortcut().toString()
        if keys:
            assert f"<b>{keys}</b>" in box.text(), action.text()
    box.close()
