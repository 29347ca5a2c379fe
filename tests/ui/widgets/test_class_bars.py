import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from latentlab.ui import theme
from latentlab.ui.widgets.class_bars import ClassBars


@pytest.fixture
def bars(qtbot):
    bars = ClassBars()
    qtbot.addWidget(bars)
    bars.set_counts({"cats": 30, "<i>dogs</i>": 10, "birds": 0, "fish": 20})
    bars.resize(400, 44)
    bars.show()
    qtbot.waitExposed(bars)
    return bars


def test_a_bar_is_as_high_as_its_class_is_large(bars):
    shot = bars.grab().toImage()
    ratio, colour = shot.devicePixelRatio(), theme.current().color("hover")
    high = [
        sum(shot.pixelColor(round(x * ratio), round((y + 0.5) * ratio)) == colour for y in range(28))
        for x in (50, 150, 250, 350)
    ]
    assert high[0] >= 27 and abs(high[1] - 28 / 3) <= 1.5 and high[2] <= 2 and abs(high[3] - 56 / 3) <= 1.5


def test_a_click_names_the_class(bars, qtbot):
    with qtbot.waitSignal(bars.clicked) as caught:
        QTest.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(310, 10))
    assert caught.args == [3]


def test_the_tooltip_is_of_the_bar_under_the_mouse(bars):
    place = QPoint(150, 20)
    QApplication.sendEvent(bars, QHelpEvent(QHelpEvent.Type.ToolTip, place, bars.mapToGlobal(place)))
    assert QToolTip.text() == "<span>&lt;i&gt;dogs&lt;/i&gt; · 10 images (16.7%)</span>"
    QToolTip.hideText()


def test_a_thousand_classes(bars):
    bars.set_counts({f"class {i}": 1000 - i for i in range(1000)})
    assert bars.class_at(399.9) == 999 and bars.class_at(0) == 0 and bars.class_at(400) is None
    assert bars.accessibleName().startswith("Images per class: class 0 1,000, class 1 999")
    assert bars.accessibleName().endswith("and 976 more")
    bars.set_selected(500)
    shot = bars.grab().toImage()
    colour, ratio = theme.current().color("accent"), shot.devicePixelRatio()
    assert any(shot.pixelColor(x, round(26 * ratio)).hue() == colour.hue() for x in range(shot.width()))


def test_without_classes_there_is_nothing(bars):
    bars.set_counts({})
    assert not bars.isVisible()
