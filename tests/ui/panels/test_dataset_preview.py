"""Preparation in the Dataset dock: groups of settings, colours, and the images before and after."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


# Groups and colours


def test_groups_of_settings_fold_and_are_remembered(window, the, click):
    assert not the("dataset_augment_flip").isVisible()
    click("dataset_section_augmentation")
    assert the("dataset_augment_flip").isVisible()
    assert "dataset:Augmentation" in window.session.settings.open_groups
    click("dataset_section_augmentation")
    assert "dataset:Augmentation" not in window.session.settings.open_groups


def test_a_folded_group_says_what_is_set_in_it(window, the, pick, click, qtbot):
    window.session.load_dataset("digits", {"limit": 30, "balance": "over", "augment_rotate": 10})
    qtbot.waitUntil(lambda: len(window.session.dataset) == 30, timeout=10_000)
    assert the("dataset_section_clean_up").accessibleDescription() == "Folded: balance repeat the few"
    assert the("dataset_section_augmentation").accessibleDescription() == "Folded: rotate 10°"


def test_a_background_is_typed_and_used(window, the, pick, type_into, click, qtbot, pictures, loaded):
    window.session.open_data(pictures)
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    type_into("dataset_background", "#f80")
    type_into("dataset_size", "16")
    pick("dataset_fit", 1)  # 16×12 padded
    click("dataset_load")
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (3, 16, 16), timeout=10_000)
    np.testing.assert_array_equal(window.session.dataset.images[0, :, 0, 0], (0xFF, 0x88, 0x00))


# The preview


@pytest.fixture
def shown(window, qtbot):
    """shown(condition): wait for a preview for which it holds, and give it."""

    def shown(condition=lambda preview: True):
        pictures = window.dataset.preparation.pictures
        qtbot.waitUntil(
            lambda: pictures._preview is not None and condition(pictures._preview), timeout=10_000
        )
        return pictures._preview

    return shown


def test_the_preview_follows_the_form_before_anything_is_loaded(
    window, the, pick, type_into, click, qtbot, pictures, shown, loaded
):
    assert not the("dataset_preview").isVisible()
    pick("dataset_source", "folder")
    type_into("dataset_path", str(pictures), enter=False)
    click("dataset_section_preview")
    preview = shown(lambda preview: len(preview.names) == 5)
    assert the("dataset_preview").isVisible()
    assert preview.names == ("cats/0.png", "cats/1.png", "cats/2.png", "dogs/0.png", "dogs/1.png")
    assert the("dataset_preview_about").text() == "28×28 · colour · 1 cannot be read"
    assert the("dataset_preview").accessibleDescription().startswith("cats/0.png: 16×12 → 28×28; ")
    type_into("dataset_size", "10")
    preview = shown(lambda preview: preview.prepared.shape[2:] == (10, 10))
    assert window.session.dataset.source == "digits"  # nothing was loaded
    pick("dataset_augment_flip", 1)
    preview = shown(lambda preview: preview.augmented is not None)
    assert preview.augmented.shape == (4, 2, 3, 10, 10)
    pick("dataset_augment_flip", 0)
    preview = shown(lambda preview: preview.augmented is None and len(preview.names) == 5)
    click("dataset_load")
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    np.testing.assert_array_equal(preview.prepared, window.session.dataset.images)


def test_the_preview_paints_what_is_found_and_what_is_prepared(window, the, click, type_into, shown):
    type_into("dataset_size", "10")
    click("dataset_section_preview")
    preview, view = shown(), the("dataset_preview")
    picture = view.grab().toImage()
    for index in range(6):
        for column, tile in ((0, preview.originals[index]), (1, preview.prepared[index])):
            place, side = view.tile_rect(index, column), tile.shape[1]
            assert side == (8, 10)[column]  # each pixel is a square of several
            for row, across in ((side // 2, side // 2), (side // 4, side // 3)):
                x = place.left() + int((across + 0.5) * place.width() / side)
                y = place.top() + int((row + 0.5) * place.height() / side)
                assert picture.pixelColor(x, y).red() == tile[0, row, across]


def test_other_images_are_shown_on_demand(window, the, click, shown):
    click("dataset_section_preview")
    first = shown()
    click("dataset_preview_other")
    second = shown(lambda preview: preview is not first)
    assert len(second.names) == len(first.names) == 6
    assert not set(second.names) & set(first.names)


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_the_preview_can_be_enlarged_and_follows(window, the, click, type_into, qtbot, shown, by):
    click("dataset_section_preview")
    shown()
    if by == "mouse":
        qtbot.mouseClick(the("dataset_preview"), Qt.MouseButton.LeftButton)
    else:
        the("dataset_preview").setFocus()
        qtbot.keyClick(the("dataset_preview"), Qt.Key.Key_Return)
    large = the("dataset_preview_large")
    assert large.isVisible() and not large.isModal()
    assert large.pictures.count() == 6
    assert large.pictures.tile_rect(0, 1).width() > the("dataset_preview").tile_rect(0, 1).width()
    type_into("dataset_size", "14")
    qtbot.waitUntil(lambda: large.pictures.tile(0, 1).shape == (1, 14, 14), timeout=10_000)
    assert large.about.text() == "14×14 · grey"
    qtbot.keyClick(large, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(type(large), "dataset_preview_large"), timeout=5_000)


def test_what_is_wrong_is_said_in_place_of_the_preview(window, the, pick, type_into, click, qtbot, tmp_path):
    said = []
    window.session.notified.connect(lambda notice: said.append(notice.text))
    click("dataset_section_preview")
    pick("dataset_source", "folder")
    problem = the("dataset_preview_problem")
    qtbot.waitUntil(
        lambda: problem.accessibleName() == "Choose a folder or a file of images first.", timeout=5_000
    )
    (tmp_path / "empty").mkdir()
    type_into("dataset_path", str(tmp_path / "empty"), enter=False)
    the("dataset_size").setFocus()
    qtbot.waitUntil(lambda: problem.accessibleName().startswith("No image in the folder"), timeout=5_000)
    assert problem.isVisible() and not the("dataset_preview").isVisible()
    assert not said
    pick("dataset_source", "points")
    qtbot.waitUntil(
        lambda: problem.accessibleName() == "Points are learned from as they are drawn.", timeout=5_000
    )


def test_the_newest_of_many_edits_is_what_is_shown(window, the, click, type_into, shown, qtbot):
    click("dataset_section_preview")
    shown()
    sizes = []
    window.session.preparation.shown.connect(lambda preview: sizes.append(preview.prepared.shape[2]))
    for size in range(9, 40):
        window.dataset.form.field("size").setValue(size)
    shown(lambda preview: preview.prepared.shape[2] == 39)
    qtbot.waitUntil(lambda: window.session.preparation._task is None, timeout=5_000)
    assert sizes == [39]


def test_a_preview_that_nobody_sees_is_not_made(window, the, click, type_into, shown, qtbot):
    click("dataset_section_preview")
    shown()
    click("dataset_section_preview")
    asked = []
    window.session.preparation.busy_changed.connect(asked.append)
    type_into("dataset_size", "20")
    qtbot.waitUntil(lambda: window.session.preparation._opened is None, timeout=5_000)
    assert not window.session.preparation._timer.isActive() and not asked


def test_the_whole_dock_is_reached_by_keys_and_every_control_has_a_name(window, the, click, qtbot):
    click("dataset_section_preview")
    click("dataset_section_augmentation")
    wanted = [
        "source",
        "browse",
        "size",
        "fit",
        "background",
        "section_clean_up",
        "section_augmentation",
        "augment_flip",
        "section_preview",
        "preview",
        "preview_other",
        "load",
    ]
    the("dataset_source").setFocus()
    seen = []
    while "dataset_load" not in seen and len(seen) < 80:
        focus = QApplication.focusWidget()
        seen.append(focus.objectName())
        assert focus.accessibleName(), focus.objectName()
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    assert [name for name in seen if name.removeprefix("dataset_") in wanted] == [
        f"dataset_{name}" for name in wanted
    ]
