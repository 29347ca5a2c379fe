"""The legend: two rows at most, a menu for the rest, and one series by itself."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from latentlab.ui.widgets.legend import ROW, Legend


@pytest.fixture
def legend(qtbot):
    legend = Legend()
    qtbot.addWidget(legend)
    legend.resize(420, 24)
    legend.show()
    qtbot.waitExposed(legend)
    legend.heard = []
    legend.toggled.connect(lambda name, on: legend.heard.append((name, on)))
    return legend


def titles_in_menu(legend):
    legend._menu.aboutToShow.emit()
    return [action.text() for action in legend._menu.actions()]


def boxes(legend):
    items = [item for item in legend._items.values() if not item.isHidden()]
    return [widget.geometry() for widget in (*items, *([] if legend.more.isHidden() else [legend.more]))]


def test_the_menu_is_there_only_where_something_has_no_room(legend):
    legend.add("a", "Loss", "#fff")
    assert legend.more.isHidden() and legend.height() == ROW - 2
    for i in range(12):
        legend.add(f"s{i}", f"Series {i}", "#fff")
    assert not legend.more.isHidden()
    assert legend.height() == 2 * ROW - 2
    assert titles_in_menu(legend) == [legend.item(name).title for name in legend.in_menu()]
    assert 0 < len(legend.in_menu()) < 13


@pytest.mark.parametrize("width", [120, 230, 420, 640, 900])
def test_nothing_covers_anything_or_leaves_the_width(legend, width):
    for i in range(9):
        legend.add(f"s{i}", f"Series number {i}", "#fff", on=i < 6)
    legend.resize(width, legend.height())
    for i, box in enumerate(found := boxes(legend)):
        assert box.left() >= 0 and (box.right() < width or box.left() == 0)
        assert box.bottom() < legend.height() <= 2 * ROW - 2
        assert not any(box.intersects(other) for other in found[:i])
    assert set(legend.in_menu()) >= {"s6", "s7", "s8"}


def test_what_is_hidden_at_first_is_switched_on_in_the_menu_and_then_has_a_toggle(legend):
    legend.add("loss", "Loss", "#fff")
    legend.add("grad", "Gradient norm", "", on=False)
    assert titles_in_menu(legend) == ["Gradient norm"]
    assert not legend._menu.actions()[0].isChecked() and not legend.is_on("grad")
    legend._menu.actions()[0].trigger()
    assert legend.is_on("grad") and legend.heard == [("grad", True)]
    assert legend.in_menu() == [] and legend.more.isHidden() and not legend.item("grad").isHidden()
    QTest.mouseClick(legend.item("grad"), Qt.MouseButton.LeftButton)
    assert not legend.is_on("grad") and not legend.item("grad").isHidden()


def test_enter_and_a_double_click_show_one_alone_and_then_the_others_again(legend):
    for name in "abc":
        legend.add(name, name.upper(), "#fff")
    legend.item("c").setChecked(False)

    def on():
        return [name for name in "abc" if legend.is_on(name)]

    legend.item("a").setFocus()
    QTest.keyClick(legend.item("a"), Qt.Key.Key_Return)
    assert on() == ["a"]
    QTest.keyClick(legend.item("a"), Qt.Key.Key_Return)
    assert on() == ["a", "b"]
    for wanted in (["b"], ["a", "b"]):
        QTest.mouseClick(legend.item("b"), Qt.MouseButton.LeftButton)  # the first of a double click
        QTest.mouseDClick(legend.item("b"), Qt.MouseButton.LeftButton)
        assert on() == wanted


def test_an_emptied_legend_is_empty(legend):
    for i in range(9):
        legend.add(f"s{i}", f"Series {i}", "#fff", on=i < 3)
    legend.clear()
    assert legend.in_menu() == [] and legend.more.isHidden() and not legend.is_on("s0")


def test_a_longer_number_gets_room_and_keeps_it(legend):
    for name in "ab":
        legend.add(name, name.upper(), "#fff")
    before = legend.item("b").x()
    for value in (0.5, 12.5, 300.0):
        legend.item("a").set_value(value)
    assert legend.item("b").x() == before
    legend.item("a").set_value(-0.012345)
    grown = legend.item("b").x()
    assert grown > before and grown > legend.item("a").geometry().right()
    legend.item("a").set_value(0.5)
    assert legend.item("b").x() == grown
