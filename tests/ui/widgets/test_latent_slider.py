import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QApplication

from latentlab.ui.widgets.latent_list import EAGER_ROWS, MARGIN, LatentSliderList
from latentlab.ui.widgets.latent_slider import LatentSlider


@pytest.fixture
def row(qtbot):
    row = LatentSlider(4, note="KL 2.68")
    qtbot.addWidget(row)
    row.resize(300, row.sizeHint().height())
    row.show()
    qtbot.waitExposed(row)
    return row


def test_parts_have_their_names(row):
    assert isinstance(row.findChild(QAbstractSlider, "latent_slider_4"), QAbstractSlider)
    assert isinstance(row.findChild(QAbstractSpinBox, "latent_value_4"), QAbstractSpinBox)
    assert isinstance(row.findChild(QAbstractButton, "latent_reset_4"), QAbstractButton)
    assert row.findChild(QAbstractButton, "latent_lock_4").isCheckable()
    for part in (row.slider, row.spin, row.reset, row.lock):
        assert "z4" in part.accessibleName()


def test_setting_is_silent_and_exact(row, qtbot):
    with qtbot.assertNotEmitted(row.value_changed):
        row.set_value(0.123456789012345)
    assert row.value() == 0.123456789012345
    assert row.spin.text() == "+0.12"
    assert row.slider.value() == round(0.123456789012345 / 3 * 1000)
    assert row.reset.isEnabled()
    row.set_value(0)
    assert not row.reset.isEnabled()


def test_leaving_the_field_does_not_round_the_value(row, qtbot):
    row.set_value(0.123456789012345)
    with qtbot.assertNotEmitted(row.value_changed):
        row.spin.setFocus()
        QTest.keyClick(row.spin, Qt.Key.Key_Return)
        row.slider.setFocus()
    assert row.value() == 0.123456789012345
    assert row.spin.value() == 0.123456789012345


def test_moving_the_slider_emits(row, qtbot):
    with qtbot.waitSignal(row.value_changed) as caught:
        row.slider.setValue(500)
    assert caught.args == [4, 1.5]
    assert row.spin.value() == 1.5
    with qtbot.waitSignal(row.value_changed):
        QTest.keyClick(row.slider, Qt.Key.Key_Left)
    assert row.value() < 1.5


def test_dragging_follows_the_mouse(row):
    got = []
    row.value_changed.connect(lambda _, v: got.append(v))
    y, width = row.slider.height() // 2, row.slider.width()
    QTest.mousePress(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(width // 2, y))
    QTest.mouseMove(row.slider, QPoint(width * 3 // 4, y))
    QTest.mouseMove(row.slider, QPoint(width + 50, y))
    QTest.mouseRelease(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(width + 50, y))
    assert got[-1] == 3.0
    assert 1.3 < got[-2] < 1.8


def test_typed_values_are_kept_exactly_even_beyond_the_slider(row, qtbot):
    row.spin.setFocus()
    row.spin.selectAll()
    with qtbot.waitSignal(row.value_changed) as caught:
        QTest.keyClicks(row.spin, "4.56789")
        QTest.keyClick(row.spin, Qt.Key.Key_Return)
    assert caught.args == [4, 4.56789]
    assert row.value() == 4.56789
    assert row.slider.value() == row.slider.maximum()
    assert row.spin.text() == "+4.57"


def test_reset_button_and_double_click(row, qtbot):
    row.set_value(1.0)
    with qtbot.waitSignal(row.value_changed) as caught:
        QTest.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert caught.args == [4, 0.0]
    assert not row.reset.isEnabled()
    row.set_value(-2.0)
    with qtbot.waitSignal(row.value_changed) as caught:
        QTest.mouseDClick(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(30, 10))
    assert caught.args == [4, 0.0]


def test_lock(row, qtbot):
    with qtbot.waitSignal(row.lock_toggled) as caught:
        QTest.mouseClick(row.lock, Qt.MouseButton.LeftButton)
    assert caught.args == [4, True]
    with qtbot.assertNotEmitted(row.lock_toggled):
        row.set_locked(False)
    assert not row.is_locked()


def test_the_filmstrip_paints_its_pictures(row):
    tiles = np.zeros((10, 3, 8, 8), np.uint8)
    tiles[:, 0] = 255
    before = row.sizeHint().height()
    row.set_filmstrip(tiles)
    assert row.sizeHint().height() > before
    row.resize(300, row.sizeHint().height())
    QApplication.processEvents()
    color = row.strip.grab().toImage().pixelColor(15, 12)
    assert (color.red(), color.green()) == (255, 0)
    row.set_filmstrip(None)
    assert row.strip.isHidden()


def test_the_limit_changes_the_reach_not_the_value(row, qtbot):
    row.set_value(1.0)
    with qtbot.assertNotEmitted(row.value_changed):
        row.set_limit(2.0)
    assert row.slider.value() == 500
    assert row.value() == 1.0


@pytest.fixture
def sliders(qtbot):
    sliders = LatentSliderList()
    qtbot.addWidget(sliders)
    sliders.resize(320, 500)
    sliders.show()
    qtbot.waitExposed(sliders)
    return sliders


def test_rows_are_there_at_once(sliders):
    sliders.set_dimensions(64)
    assert sliders.objectName() == "latent_sliders"
    for index in range(EAGER_ROWS):
        assert sliders.findChild(QAbstractSlider, f"latent_slider_{index}") is not None


def test_the_list_before_dimensions_is_empty(sliders):
    assert sliders.count() == 0
    assert sliders.values().shape == (0,)


def test_values_round_trip_silently(sliders, qtbot):
    sliders.set_dimensions(512)
    values = np.random.default_rng(0).normal(size=512)
    with qtbot.assertNotEmitted(sliders.value_changed):
        sliders.set_values(values)
    assert np.array_equal(sliders.values(), values)
    assert sliders.row(500).value() == values[500]
    with pytest.raises(ValueError, match="3 values for 512"):
        sliders.set_values(np.zeros(3))


def test_edits_reach_values(sliders, qtbot):
    sliders.set_dimensions(8)
    with qtbot.waitSignal(sliders.value_changed) as caught:
        sliders.row(3).slider.setValue(-1000)
    assert caught.args == [3, -3.0]
    assert sliders.values()[3] == -3.0


def test_five_hundred_rows_open_and_scroll_quickly(sliders):
    start = time.perf_counter()
    sliders.set_dimensions(512)
    QApplication.processEvents()
    assert time.perf_counter() - start < 1.5
    made = len(sliders.findChildren(LatentSlider))
    assert made < 80
    bar = sliders.verticalScrollBar()
    start = time.perf_counter()
    for value in range(0, bar.maximum(), bar.maximum() // 40):
        bar.setValue(value)
    assert time.perf_counter() - start < 6
    bar.setValue(bar.maximum())
    assert sliders.findChild(QAbstractSlider, "latent_slider_511").isVisible()


def test_order_and_hidden_dimensions(sliders):
    sliders.set_dimensions(6)
    sliders.set_values(np.arange(6.0))
    sliders.set_order([5, 0, 3])
    tops = {i: sliders.row(i).y() for i in (5, 0, 3)}
    assert tops[5] < tops[0] < tops[3]
    assert sliders.row(1).isHidden()
    assert sliders.visible_dimensions() == [5, 0, 3]
    assert np.array_equal(sliders.values(), np.arange(6.0))
    for wrong in ([0, 0], [6], [-1]):
        with pytest.raises(ValueError, match="order"):
            sliders.set_order(wrong)


def test_locks(sliders, qtbot):
    sliders.set_dimensions(6)
    QTest.mouseClick(sliders.row(2).lock, Qt.MouseButton.LeftButton)
    assert sliders.locked() == {2}
    sliders.set_locked({1, 4})
    assert sliders.locked() == {1, 4}
    assert sliders.row(4).is_locked()


def test_fewer_dimensions_start_afresh(sliders):
    sliders.set_dimensions(20, names=[f"pc {i}" for i in range(20)])
    assert sliders.row(0).name.text() == "pc 0"
    sliders.set_values(np.ones(20))
    sliders.set_locked({0})
    sliders.set_dimensions(4)
    assert [row.index for row in sliders.findChildren(LatentSlider) if row.isVisible()] == [0, 1, 2, 3]
    assert sliders.findChild(QAbstractSlider, "latent_slider_4") is None
    assert np.array_equal(sliders.values(), np.zeros(4))
    assert sliders.locked() == set()
    assert sliders.row(0).value() == 0
    assert sliders.row(0).name.text() == "z0"


def test_rows_that_go_take_the_focus_and_a_drag_with_them(sliders, qtbot):
    sliders.set_dimensions(12)
    sliders.activateWindow()
    qtbot.waitUntil(sliders.isActiveWindow)
    sliders.scroll_to(11)
    last = sliders.row(11).slider
    QTest.mousePress(last, Qt.MouseButton.LeftButton, pos=QPoint(30, 10))
    last.setFocus()
    with qtbot.waitSignal(sliders.drag_ended):
        sliders.set_dimensions(0)
    QApplication.processEvents()
    assert not any(row.isVisible() for row in sliders.findChildren(LatentSlider))
    sliders.set_dimensions(2)
    assert sliders.visible_dimensions() == [0, 1]


def test_rows_are_renamed_without_losing_their_values(sliders, qtbot):
    sliders.set_dimensions(2)
    sliders.set_values(np.array([1.0, 2.0]))
    sliders.set_names(["size", "slant"])
    assert sliders.names() == ["size", "slant"] and sliders.row(1).name.text() == "slant"
    assert sliders.row(1).slider.accessibleName() == "slant, slider"
    assert np.array_equal(sliders.values(), [1, 2])
    with pytest.raises(ValueError, match="1 names for 2"):
        sliders.set_names(["size"])


def test_rows_end_where_the_margin_begins_with_a_scroll_bar_or_without(sliders):
    sliders.set_dimensions(2)
    width = sliders.row(0).width()
    sliders.set_dimensions(40)
    QApplication.processEvents()
    assert sliders.verticalScrollBar().isVisible()
    assert sliders.row(0).width() == width == sliders.width() - 2 * MARGIN


def test_filmstrips_make_room(sliders):
    sliders.set_dimensions(6)
    before = sliders.row(1).y()
    sliders.set_filmstrip(0, np.zeros((5, 1, 8, 8), np.uint8))
    assert sliders.row(1).y() > before
    sliders.set_filmstrips(False)
    assert sliders.row(1).y() == before


def test_rows_shown_says_what_is_in_view(sliders, qtbot):
    sliders.set_dimensions(200)
    with qtbot.waitSignal(sliders.rows_shown) as caught:
        sliders.scroll_to(150)
    assert 150 in caught.args[0]
    assert 0 not in caught.args[0]
