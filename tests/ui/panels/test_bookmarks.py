"""The Bookmarks dock as a person uses it: kept, found, named, ordered, dragged, added up."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from latentlab.latent import bookmarks, samplers
from latentlab.latent.files import read_latents, save_latents
from latentlab.ui.bookmarks_state import MIME, Item, dragged

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def tab(opened, the, saved_run):
    """The Bookmarks tab in front; the run of all tests is left without bookmarks."""
    the("latent_tabs").setCurrentWidget(opened.bookmarks)
    yield opened.session.bookmarks
    opened.session.bookmarks._file.flush()
    opened.session.bookmarks._file.keep([])
    opened.session.bookmarks._file.flush()


@pytest.fixture
def three(tab, the, click, type_into):
    """Bookmarks of the seeds 1, 2 and 3."""
    for seed in (1, 2, 3):
        type_into("latent_seed", str(seed))
        click("bookmark_add")
    return tab


def drawn(seed):
    return samplers.from_seeds([seed], (6,))[0]


def names(the):
    return [the("bookmark_list").item(row).text() for row in range(the("bookmark_list").count())]


def place(the, row, name=False):
    """The middle of a thumbnail, or of the name below it, in the viewport."""
    marks = the("bookmark_list")
    rect = marks.visualItemRect(marks.item(row))
    return QPoint(rect.center().x(), rect.bottom() - 6 if name else rect.top() + 30)


def click_on(the, qtbot, row, modifier=Qt.KeyboardModifier.NoModifier):
    marks = the("bookmark_list")
    qtbot.mouseClick(marks.viewport(), Qt.MouseButton.LeftButton, modifier, place(the, row))


def drop(widget, data, at):
    """What Qt sends when a drag ends here -> whether it was taken."""
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(at, copy, data, left, none)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(at), copy, data, left, none))
    return enter.isAccepted()


def test_a_bookmark_shows_the_runs_own_pixels_under_its_name(three, the, run, qtbot):
    assert names(the) == ["Bookmark 1", "Bookmark 2", "Bookmark 3"]
    qtbot.waitUntil(lambda: all(item.tile is not None for item in three.items), timeout=10_000)
    for seed, item in enumerate(three.items, start=1):
        np.testing.assert_array_equal(item.z, drawn(seed))
        np.testing.assert_array_equal(item.tile, run.pixels(drawn(seed))[0])
    # What is painted: 8 x 8 pixels, enlarged; its middle is that of the tile.
    icon = the("bookmark_list").item(1).icon().pixmap(72, 72).toImage()
    tile = three.items[1].tile[0]
    middle = icon.pixelColor(icon.width() // 2, icon.height() // 2).red()
    assert tile[3:5, 3:5].min() - 8 <= middle <= tile[3:5, 3:5].max() + 8


def test_the_key_b_keeps_the_latent_from_every_tab(opened, the, qtbot):
    opened.activateWindow()
    the("canvas_tabs").setFocus()
    qtbot.keyClick(opened, Qt.Key.Key_B)
    (item,) = opened.session.bookmarks.items
    np.testing.assert_array_equal(item.z, opened.session.latent.z)
    assert "Kept as “Bookmark 1”" in the("status_notice").text()
    opened.session.bookmarks.remove([item])


def test_without_a_model_the_tab_says_what_to_do(window, the):
    the("latent_tabs").setCurrentWidget(window.bookmarks)
    assert not the("bookmark_add").isEnabled() and not the("bookmark_remove").isEnabled()
    assert "press Train" in the("bookmark_list").accessibleDescription()
    window.bookmarks.add_here()
    assert "nothing to bookmark yet" in the("status_notice").text()
    assert not the("mix_go").isEnabled() and not the("bookmark_restore").isVisible()


def test_a_click_goes_there_and_undo_comes_back_exactly(three, opened, the, qtbot):
    latent = opened.session.latent
    before, steps = latent.z.copy(), latent.undo_stack.count()
    click_on(the, qtbot, 0)
    np.testing.assert_array_equal(latent.z, drawn(1))
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_arrows_and_enter_go_there_too(three, opened, the, qtbot):
    click_on(the, qtbot, 0)
    marks = the("bookmark_list")
    qtbot.keyClick(marks, Qt.Key.Key_Right)
    np.testing.assert_array_equal(opened.session.latent.z, drawn(1))
    qtbot.keyClick(marks, Qt.Key.Key_Return)
    np.testing.assert_array_equal(opened.session.latent.z, drawn(2))


def editor(the):
    (field,) = the("bookmark_list").viewport().findChildren(QLineEdit)
    return field


def finish(the, qtbot):
    """Enter; Qt takes the name over a moment later."""
    qtbot.keyClick(editor(the), Qt.Key.Key_Return)
    view = the("bookmark_list").viewport()
    qtbot.waitUntil(lambda: not view.findChildren(QLineEdit), timeout=5_000)


def test_f2_renames_in_place(three, the, qtbot):
    click_on(the, qtbot, 1)
    qtbot.keyClick(the("bookmark_list"), Qt.Key.Key_F2)
    editor(the).selectAll()
    qtbot.keyClicks(editor(the), "smiling B")  # the letter is no shortcut here
    finish(the, qtbot)
    assert names(the) == ["Bookmark 1", "smiling B", "Bookmark 3"]
    assert [item.name for item in three.items] == names(the)
    assert the("mix_choice_0").itemText(2) == "smiling B"


def test_a_name_that_is_typed_survives_new_thumbnails_and_finds_its_place_by_name(three, the, pick, qtbot):
    pick("bookmark_sort", "name")
    click_on(the, qtbot, 0)
    qtbot.keyClick(the("bookmark_list"), Qt.Key.Key_F2)
    editor(the).selectAll()
    qtbot.keyClicks(editor(the), "  half a")
    for item in three.items:
        item.tile = np.full((1, 8, 8), 99, np.uint8)
    three.pictured.emit()
    assert editor(the).text() == "  half a"
    qtbot.keyClicks(editor(the), " name")
    finish(the, qtbot)
    assert names(the) == ["Bookmark 2", "Bookmark 3", "half a name"]
    np.testing.assert_array_equal(three.items[2].z, drawn(1))


def test_a_double_click_on_the_name_renames_and_one_on_the_picture_does_not(three, the, qtbot):
    view = the("bookmark_list").viewport()
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place(the, 0))
    assert view.findChildren(QLineEdit) == []
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place(the, 0, name=True))
    qtbot.keyClicks(editor(the), "   ")
    finish(the, qtbot)
    assert names(the)[0] == "Bookmark 1"  # a name of nothing is none


def test_delete_removes_what_is_selected_and_restore_brings_it_back(three, the, click, qtbot):
    click_on(the, qtbot, 0)
    click_on(the, qtbot, 2, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(the("bookmark_list"), Qt.Key.Key_Delete)
    assert names(the) == ["Bookmark 2"]
    assert "Removed 2 bookmarks" in the("status_notice").text()
    click("bookmark_restore")
    assert names(the) == ["Bookmark 1", "Bookmark 2", "Bookmark 3"]
    np.testing.assert_array_equal(three.items[2].z, drawn(3))
    assert not the("bookmark_restore").isVisible()


def test_the_remove_button_and_no_restore_after_the_next_change(three, the, click, qtbot):
    click_on(the, qtbot, 1)
    click("bookmark_remove")
    assert names(the) == ["Bookmark 1", "Bookmark 3"] and the("bookmark_restore").isVisible()
    click("bookmark_add")
    assert not the("bookmark_restore").isVisible()


def test_a_ctrl_click_selects_and_goes_nowhere(three, opened, the, qtbot):
    click_on(the, qtbot, 0)
    click_on(the, qtbot, 1, Qt.KeyboardModifier.ControlModifier)
    assert [item.name for item in the("bookmark_list").selected()] == ["Bookmark 1", "Bookmark 2"]
    np.testing.assert_array_equal(opened.session.latent.z, drawn(1))


def test_sorting_is_chosen_from_a_list(three, the, pick, qtbot):
    three.rename(three.items[2], "an early letter")
    pick("bookmark_sort", "name")
    assert names(the) == ["an early letter", "Bookmark 1", "Bookmark 2"]
    pick("bookmark_sort", "age")
    assert names(the) == ["Bookmark 1", "Bookmark 2", "an early letter"]


def test_dragging_within_the_list_reorders(three, the, qtbot):
    marks = the("bookmark_list")
    click_on(the, qtbot, 2)
    data = marks.mimeData(marks.selectedItems())
    first = marks.visualItemRect(marks.item(0))
    assert drop(marks.viewport(), data, QPoint(first.left() + 4, first.center().y()))
    assert names(the) == ["Bookmark 3", "Bookmark 1", "Bookmark 2"]
    assert [item.name for item in marks.selected()] == ["Bookmark 3"]
    click_on(the, qtbot, 0)
    data = marks.mimeData(marks.selectedItems())
    assert drop(marks.viewport(), data, QPoint(marks.viewport().width() - 2, marks.viewport().height() - 2))
    assert names(the) == ["Bookmark 1", "Bookmark 2", "Bookmark 3"]
    np.testing.assert_array_equal([item.z for item in three.items], [drawn(s) for s in (1, 2, 3)])


def test_what_another_window_drags_in_is_added_where_it_is_dropped(three, the, qtbot):
    marks = the("bookmark_list")
    second = marks.visualItemRect(marks.item(1))
    guest = dragged([Item("guest", drawn(9))])
    assert drop(marks.viewport(), guest, QPoint(second.left() + 4, second.center().y()))
    assert names(the) == ["Bookmark 1", "guest", "Bookmark 2", "Bookmark 3"]
    text = QMimeData()
    text.setText("hello")
    assert not drop(marks.viewport(), text, QPoint(10, 10))


def test_a_file_of_latents_that_is_dropped_on_the_list_is_added(three, opened, the, tmp_path, qtbot):
    save_latents(tmp_path / "z.npz", np.stack([drawn(7), drawn(8)]), names=["seven", "eight"])
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "z.npz"))])
    assert drop(the("bookmark_list").viewport(), data, QPoint(10, 10))  # the window behind it takes it
    qtbot.waitUntil(lambda: names(the)[3:] == ["seven", "eight"], timeout=10_000)
    np.testing.assert_array_equal(three.items[3].z, drawn(7))


def test_what_is_selected_or_all_leaves_as_a_file_and_comes_in(
    three, the, click, tmp_path, qtbot, monkeypatch
):
    answers = iter([(str(tmp_path / "all"), "JSON, to read (*.json)"), (str(tmp_path / "one.npz"), "")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: next(answers))
    marks = the("bookmark_list")
    marks.clearSelection()
    click("bookmark_export")
    qtbot.waitUntil((tmp_path / "all.json").exists, timeout=10_000)
    click_on(the, qtbot, 1)
    click("bookmark_export")
    qtbot.waitUntil((tmp_path / "one.npz").exists, timeout=10_000)
    assert read_latents(tmp_path / "all.json", 6)[0] == ["Bookmark 1", "Bookmark 2", "Bookmark 3"]
    found, z = read_latents(tmp_path / "one.npz", 6)
    assert found == ["Bookmark 2"] and np.array_equal(z, [drawn(2)])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(tmp_path / "one.npz"), ""))
    click("bookmark_import")
    qtbot.waitUntil(lambda: names(the)[3:] == ["Bookmark 2"], timeout=10_000)


def test_the_latents_are_exact_when_the_run_is_opened_again(three, opened, the, qtbot, train, saved_run):
    latent = opened.session.latent
    latent.set_z(np.float32([1 / 3, 1e-8, -7, 0.1, 0.2, 0.3]))
    opened.bookmarks.add_here()
    exact = latent.z.copy()
    train(steps=2, latent_size=4)
    assert names(the) == []
    saved = bookmarks.load(saved_run / "bookmarks.json", 6)
    np.testing.assert_array_equal(saved[3].z, exact)
    opened.session.open_run(saved_run)
    qtbot.waitUntil(lambda: len(names(the)) == 4, timeout=10_000)
    click_on(the, qtbot, 3)
    np.testing.assert_array_equal(latent.z, exact)


# The timeline


def test_dropped_bookmarks_become_keyframes_at_the_place(three, opened, the, click, type_into, qtbot):
    the("bottom_tabs").setCurrentWidget(opened.timeline)
    timeline = opened.session.timeline
    for seed in (8, 9):
        type_into("latent_seed", str(seed))
        click("keyframe_add")
    qtbot.waitUntil(lambda: all(item.tile is not None for item in three.items), timeout=10_000)
    frames, marks = the("keyframe_list"), the("bookmark_list")
    marks.selectAll()
    marks.item(2).setSelected(False)
    second = frames.visualItemRect(frames.item(1))
    at = QPoint(second.left() + 4, second.center().y())
    assert drop(frames.viewport(), marks.mimeData(marks.selectedItems()), at)
    wanted = [drawn(8), drawn(1), drawn(2), drawn(9)]
    np.testing.assert_array_equal([item.z for item in timeline.items], wanted)
    assert frames.count() == 4 and timeline.route.legs == 4
    assert [frames.item(row).text() for row in (1, 2)] == [item.name for item in three.items[:2]]


def test_keyframes_of_another_space_are_refused_in_words(opened, the):
    the("bottom_tabs").setCurrentWidget(opened.timeline)
    frames = the("keyframe_list")
    assert drop(frames.viewport(), dragged([Item("x", np.zeros(9, np.float32))]), QPoint(5, 5))
    assert frames.count() == 0
    assert "another latent space" in the("status_notice").text()
    nonsense = QMimeData()
    nonsense.setData(MIME, b"nonsense")
    assert drop(frames.viewport(), nonsense, QPoint(5, 5))
    assert frames.count() == 0


# Arithmetic


@pytest.fixture
def summed(three, the, pick):
    """Bookmark 1 − Bookmark 2 + Bookmark 3."""
    for slot in range(3):
        pick(f"mix_choice_{slot}", slot + 1)
    return three.mixture


def shows(the, run, z):
    picture = the("mix_result").picture
    return picture is not None and np.array_equal(picture, run.pixels(z)[0, 0])


def test_the_sum_is_shown_in_a_picture_and_in_words(summed, the, run, qtbot):
    wanted = (drawn(1).astype(float) - drawn(2) + drawn(3)).astype(np.float32)
    qtbot.waitUntil(lambda: shows(the, run, wanted), timeout=10_000)
    assert the("mix_words").text() == "Bookmark 1 − Bookmark 2 + Bookmark 3"
    qtbot.waitUntil(lambda: the("mix_slot_2").picture is not None, timeout=10_000)
    np.testing.assert_array_equal(the("mix_slot_2").picture, run.pixels(drawn(3))[0, 0])
    assert the("mix_slot_3").picture is None and the("mix_choice_3").currentText() == "—"


def test_a_weight_moves_the_picture_with_every_press_of_an_arrow(summed, the, run, qtbot):
    weight = the("mix_weight_0")
    weight.setFocus()
    for _ in range(3):
        qtbot.keyClick(weight, Qt.Key.Key_Down)
    assert weight.value() == 0.7 and the("mix_kind").currentData() == "free"
    wanted = (0.7 * drawn(1).astype(float) - drawn(2) + drawn(3)).astype(np.float32)
    qtbot.waitUntil(lambda: shows(the, run, wanted), timeout=10_000)
    assert the("mix_words").text().startswith("0.7 × Bookmark 1 −")


def test_the_kinds_set_the_weights(summed, the, pick, type_into):
    weights = lambda: [the(f"mix_weight_{slot}").value() for slot in range(4)]  # noqa: E731
    assert weights() == [1, -1, 1, 0]
    type_into("mix_weight_1", "0.25")
    pick("mix_kind", "average")
    np.testing.assert_allclose(weights(), [1 / 3, 1 / 3, 1 / 3, 0])
    pick("mix_kind", "difference")
    assert weights() == [1, -1, 1, 0]


def test_go_there_is_one_step_of_undo(summed, opened, click):
    latent = opened.session.latent
    before, steps = latent.z.copy(), latent.undo_stack.count()
    click("mix_go")
    np.testing.assert_array_equal(latent.z, (drawn(1).astype(float) - drawn(2) + drawn(3)).astype(np.float32))
    assert latent.undo_stack.count() == steps + 1
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, before)


def test_the_sum_can_be_bookmarked(summed, the, click):
    click("mix_bookmark")
    assert names(the)[-1] == "Bookmark 1 − Bookmark 2 + Bookmark 3"
    np.testing.assert_array_equal(the("bookmark_list").selected()[0].z, summed.result())


def test_a_bookmark_dropped_on_a_slot_fills_it(three, the, qtbot):
    marks = the("bookmark_list")
    click_on(the, qtbot, 1)
    assert drop(the("mix_slot_3"), marks.mimeData(marks.selectedItems()), QPoint(5, 5))
    assert the("mix_choice_3").currentText() == "Bookmark 2"
    assert three.mixture.slots[3] is three.items[1]


def test_removing_a_bookmark_empties_its_slot(summed, the, qtbot):
    click_on(the, qtbot, 1)
    qtbot.keyClick(the("bookmark_list"), Qt.Key.Key_Delete)
    assert the("mix_choice_1").currentText() == "—"
    assert the("mix_words").text() == "Bookmark 1 + Bookmark 3"
    assert the("mix_choice_2").currentText() == "Bookmark 3"


# Room


@pytest.mark.parametrize("height", [640, 800])
def test_everything_is_reached_at_320_pixels(three, opened, the, height):
    opened.resize(1100, height)
    panel = opened.bookmarks
    for name in (
        "bookmark_add",
        "bookmark_sort",
        "bookmark_remove",
        "mix_weight_3",
        "mix_go",
        "mix_bookmark",
    ):
        widget = the(name)
        area = widget.rect().translated(widget.mapTo(panel, QPoint(0, 0)))
        assert area.left() >= 0 and area.right() < panel.width(), name
    scroll = the("bookmark_list").parentWidget().parentWidget().parentWidget()
    content = scroll.widget()
    assert content.height() >= content.minimumSizeHint().height()
    assert scroll.verticalScrollBar().maximum() == max(0, content.height() - scroll.viewport().height())
    assert the("bookmark_list").viewport().height() >= 100
