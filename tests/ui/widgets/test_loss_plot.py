import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from latentlab.ui import theme
from latentlab.ui.widgets.loss_plot import EMPTY_TEXT, LossPlot


@pytest.fixture
def plot(qtbot):
    plot = LossPlot("curves_plot")
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show()
    qtbot.waitExposed(plot)
    return plot


def fill(plot, count=1000):
    steps = np.arange(count)
    plot.extend("loss", steps, 100 / (1 + steps / 50))
    plot.extend("kl", steps, np.full(count, 20.0))
    plot.refresh()


def test_ticks_of_a_logarithmic_axis_survive_a_plain_range(plot):
    """It is what the axis is asked for while a scale of some hundreds becomes a logarithmic one."""
    axis = plot.plot.getAxis("left")
    axis.setLogMode(y=True)
    assert axis.tickStrings([-1, 0, 2, 450], 1, 1) == ["0.1", "1", "100", ""]


def test_the_plot_has_its_name_and_is_empty(plot):
    assert plot.findChild(QWidget, "curves_plot") is plot.plot
    assert plot.empty.isVisible()
    assert plot.empty.text() == EMPTY_TEXT
    fill(plot)
    assert not plot.empty.isVisible()
    plot.reset()
    plot.refresh()
    assert plot.empty.isVisible()
    assert plot.series() == {}


def test_points_come_back_as_they_went_in(plot):
    values = np.random.default_rng(0).normal(size=300)
    plot.extend("loss", np.arange(100), values[:100])
    plot.extend("loss", np.arange(100, 300), values[100:])
    plot.set_smoothing(0.9)
    steps, got = plot.series()["loss"]
    assert np.array_equal(steps, np.arange(300))
    assert np.array_equal(got, values)


def test_titles_and_latest_values(plot):
    plot.set_title("loss", "−ELBO")
    fill(plot)
    plot.set_title("kl", "KL")
    assert plot.legend.item("loss").title == "−ELBO"
    assert plot.legend.item("kl").title == "KL"
    assert plot.legend.item("kl").value == 20.0
    assert "KL" in plot.legend.item("kl").accessibleName()


def test_repaints_are_coalesced_by_the_timer(plot, qtbot):
    drawn = []
    plot.extend("loss", [0], [1.0])
    plot.refresh()
    line = plot._lines["loss"][1]
    line.sigPlotChanged.connect(lambda *_: drawn.append(1))
    for step in range(1, 200):
        plot.extend("loss", [step], [1.0])
    assert drawn == []
    qtbot.waitUntil(lambda: len(drawn) > 0, timeout=2000)
    assert len(drawn) <= 2
    assert len(line.getOriginalDataset()[0]) == 200


def test_the_legend_hides_curves(plot, qtbot):
    fill(plot)
    item = plot.legend.item("loss")
    QTest.mouseClick(item, Qt.MouseButton.LeftButton, pos=QPoint(5, 10))
    plot.refresh()
    assert not plot._lines["loss"][1].isVisible()
    assert plot._lines["kl"][1].isVisible()
    assert plot.plot.getViewBox().viewRange()[1][1] < 50  # the range is that of what is left
    item.setFocus()
    QTest.keyClick(item, Qt.Key.Key_Space)
    plot.refresh()
    assert plot._lines["loss"][1].isVisible()


def test_smoothing_shows_the_raw_curve_faintly_behind(plot):
    fill(plot)
    raw, main = plot._lines["loss"]
    assert not raw.isVisible()
    plot.set_smoothing(0.9)
    plot.refresh()
    assert raw.isVisible()
    assert raw.zValue() < main.zValue()
    distance = [
        abs(line.opts["pen"].color().lightness() - QColor(theme.current().panel).lightness())
        for line in (raw, main)
    ]
    assert distance[0] < distance[1] / 2
    plot.set_smoothing(0)
    plot.refresh()
    assert not raw.isVisible()


def test_the_logarithmic_scale_leaves_out_what_is_not_positive(plot):
    plot.extend("loss", np.arange(4), np.array([100.0, 0.0, -1.0, 10.0]))
    plot.set_log(True)
    plot.refresh()
    y = plot._lines["loss"][1].getOriginalDataset()[1]
    assert np.array_equal(y, [2, np.nan, np.nan, 1], equal_nan=True)
    plot.set_log(False)
    plot.refresh()
    assert plot._lines["loss"][1].getOriginalDataset()[1][0] == 100


def test_gaps_and_nothing_but_gaps_are_drawn_without_a_warning(plot):
    plot.extend("loss", np.arange(4), np.array([1.0, np.nan, np.inf, 2.0]))
    plot.extend("lost", np.arange(4), np.full(4, np.nan))
    plot.refresh()
    plot.grab()
    assert plot.legend.item("loss").value == 2.0
    assert np.isnan(plot.legend.item("lost").value)


def test_one_point_is_enough(plot):
    plot.extend("loss", [5], [3.0])
    plot.refresh()
    plot.grab()


def test_it_follows_until_zoomed_and_again_after_a_double_click(plot, qtbot):
    fill(plot)
    view = plot.plot.getViewBox()
    assert view.viewRange()[0] == [0, 999]
    fill_more = np.arange(1000, 2000)
    plot.extend("loss", fill_more, np.ones(1000))
    plot.refresh()
    assert view.viewRange()[0][1] == 1999
    with qtbot.waitSignal(plot.following_changed):
        view.scaleBy((0.5, 0.5))
        view.sigRangeChangedManually.emit([True, True])
    assert plot.follow_button.isVisible()
    zoomed = view.viewRange()[0]
    plot.extend("loss", [2000], [1.0])
    plot.refresh()
    assert view.viewRange()[0] == zoomed
    QTest.mouseDClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    plot.refresh()
    assert plot.is_following()
    assert view.viewRange()[0][1] == 2000


def test_zooming_in_brings_the_detail_back(plot):
    plot.extend("loss", np.arange(200_000), np.random.default_rng(0).normal(size=200_000))
    plot.refresh()
    assert len(plot._lines["loss"][1].getOriginalDataset()[0]) < 5000
    plot.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    plot.plot.setXRange(1000, 1500, padding=0)
    plot.refresh()
    x = plot._lines["loss"][1].getOriginalDataset()[0]
    assert x[0] <= 1000
    assert x[-1] >= 1500
    assert 500 <= len(x) <= 504


def test_the_crosshair_reads_every_visible_series(plot):
    fill(plot)
    plot.set_title("kl", "KL <β>")
    view = plot.plot.getViewBox()
    plot.plot.scene().sigMouseMoved.emit(view.mapViewToScene(QPointF(50, 20)))
    assert plot.readout.isVisible()
    text = plot.readout.text()
    assert "step 50" in text
    assert "<b>50.00</b>" in text
    assert "<b>20.00</b>" in text
    assert "KL &lt;β&gt;" in text
    plot.plot.scene().sigMouseMoved.emit(QPointF(-50, -50))
    assert not plot.readout.isVisible()


def test_markers(plot):
    fill(plot)
    plot.add_marker(500, "lr 1e-3 → 5e-4")
    plot.add_marker(600, "checkpoint")
    assert plot.markers() == [(500, "lr 1e-3 → 5e-4"), (600, "checkpoint")]
    plot.grab()
    for i in range(250):
        plot.add_marker(i, "")
    assert len(plot.markers()) == 200
    plot.reset()
    assert plot.markers() == []


def test_csv(plot, tmp_path):
    plot.extend("loss", np.array([0, 5]), np.array([0.1 + 0.2, 1.0]))
    plot.export_csv(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().split()
    assert lines == ["step,loss", f"0,{0.1 + 0.2!r}", "5,1.0"]


def test_pictures(plot, tmp_path):
    fill(plot)
    plot.export_image(tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() == plot.plot.width() * 2
    assert len({image.pixel(x, image.height() // 2) for x in range(image.width())}) > 1
    plot.export_image(tmp_path / "a.svg")
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_colours_follow_the_theme(plot, qapp):
    fill(plot)
    theme.apply(qapp, "light")
    try:
        assert plot._lines["loss"][1].opts["pen"].color() == QColor(theme.LIGHT.series[0])
        assert plot.legend.item("kl").color == theme.LIGHT.series[1]
    finally:
        theme.apply(qapp, "dark")
    assert plot._lines["loss"][1].opts["pen"].color() == QColor(theme.DARK.series[0])


def test_a_million_points_stay_fluid(plot):
    values = np.random.default_rng(0).normal(size=1_000_000)
    plot.set_smoothing(0.9)
    plot.extend("loss", np.arange(1_000_000), values)
    plot.refresh()
    QApplication.processEvents()
    start = time.perf_counter()
    for i in range(5):
        plot.extend("loss", 1_000_000 + i * 50 + np.arange(50), np.ones(50))
        plot.refresh()
        plot.plot.viewport().repaint()
    assert (time.perf_counter() - start) / 5 < 0.25


def test_a_series_of_few_values_is_not_averaged_where_its_title_says_so(qtbot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.set_smoothing(0.9)
    plot.set_title("heldout", "Held-out", smoothed=False)
    for name in ("loss", "heldout"):
        plot.extend(name, np.arange(1, 4), np.array([30.0, 20.0, 10.0]))
    plot.refresh()
    assert plot.legend.item("heldout").value == 10.0
    assert plot.legend.item("loss").value > 15.0
