import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from latentlab.data.base import Skipped
from latentlab.ui.widgets.skipped_list import SkippedDialog

FEW = [
    Skipped("cats/1.png", "it is cut short"),
    Skipped("cats/<b>2</b>.png", "it is no image"),
    Skipped("dogs/10.jpg", "it is cut short"),
]


@pytest.fixture
def dialog(qtbot):
    def make(skipped):
        dialog = SkippedDialog("pets", skipped)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        return dialog

    return make


def rows(dialog):
    model = dialog.model
    return [
        tuple(model.data(model.index(row, column)) for column in (0, 1)) for row in range(model.rowCount())
    ]


def test_every_file_has_its_reason(dialog):
    shown = dialog(FEW)
    assert rows(shown) == [(entry.path, entry.reason) for entry in FEW]
    assert shown.count.text() == "3"
    model = shown.model
    tip = model.data(model.index(1, 0), Qt.ItemDataRole.ToolTipRole)
    assert tip == "<span>cats/&lt;b&gt;2&lt;/b&gt;.png</span>"


def test_reasons_and_words_narrow_it(dialog):
    shown = dialog(FEW)
    assert [shown.reason.itemText(i) for i in range(shown.reason.count())] == [
        "All reasons (3)",
        "it is cut short (2)",
        "it is no image (1)",
    ]
    shown.reason.setCurrentIndex(1)
    assert [path for path, _ in rows(shown)] == ["cats/1.png", "dogs/10.jpg"]
    QTest.keyClicks(shown.search, "DOGS")
    assert [path for path, _ in rows(shown)] == ["dogs/10.jpg"]
    assert shown.count.text() == "1 of 3"
    QTest.keyClicks(shown.search, "x")
    assert not rows(shown) and not shown.copy.isEnabled()


def test_duplicates_are_one_group(dialog):
    skipped = [Skipped(f"{i}.png", f"the same as {i + 100}.png") for i in range(5)]
    shown = dialog([*skipped, Skipped("x.png", "looks like 3.png"), *FEW])
    assert [shown.reason.itemText(i) for i in range(1, 5)] == [
        "the same as another image (5)",
        "it is cut short (2)",
        "looks like another image (1)",
        "it is no image (1)",
    ]
    shown.reason.setCurrentIndex(1)
    assert rows(shown) == [(entry.path, entry.reason) for entry in skipped]


def test_all_or_some_rows_are_copied(dialog):
    shown = dialog(FEW)
    QTest.mouseClick(shown.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().splitlines() == [
        "cats/1.png\tit is cut short",
        "cats/<b>2</b>.png\tit is no image",
        "dogs/10.jpg\tit is cut short",
    ]
    shown.list.setFocus()
    QTest.keyClick(shown.list, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(shown.list, Qt.Key.Key_Down)
    assert shown.copy.text() == "Copy"
    QTest.keyClick(shown.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "cats/<b>2</b>.png\tit is no image"


def test_fifty_thousand_rows_are_asked_for_only_where_they_are_seen(dialog):
    many = [Skipped(f"{i}.png", f"reason {i % 500}") for i in range(50_000)]
    asked = set()

    class Watched(list):
        def __getitem__(self, row):
            asked.add(row)
            return super().__getitem__(row)

    shown = dialog(many)
    assert shown.reason.count() == 101  # the field finds the others
    shown.model.set_rows(Watched(many))
    shown.list.scrollToBottom()
    shown.grab()
    assert 49_999 in asked and len(asked) < 200


def test_esc_closes_it(dialog):
    shown = dialog(FEW)
    assert not shown.isModal()
    QTest.keyClick(shown.list, Qt.Key.Key_Escape)
    assert not shown.isVisible()
