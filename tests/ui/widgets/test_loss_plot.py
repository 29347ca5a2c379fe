import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
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


def test_repaints_are_coalesced_by_the_timer(plot, qtbot, monkeypatch):
    drawn = []
    plot.extend("loss", [0], [1.0])
    plot.refresh()
    line = plot._lines["loss"][1]
    monkeypatch.setattr(line, "set_points", lambda x, y: drawn.append(len(x)))
    for step in range(1, 200):
        plot.extend("loss", [step], [1.0])
    assert drawn == []
    qtbot.waitUntil(lambda: len(drawn) > 0, timeout=2000)
    assert len(drawn) <= 2
    assert drawn[-1] == 200


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
        abs(line.pen.color().lightness() - QColor(theme.current().panel).lightness()) for line in (raw, main)
    ]
    assert distance[0] < distance[1] / 2
    plot.set_smoothing(0)
    plot.refresh()
    assert not raw.isVisible()


def test_the_logarithmic_scale_leaves_out_what_is_not_positive(plot):
    plot.extend("loss", np.arange(4), np.array([100.0, 0.0, -1.0, 10.0]))
    plot.set_log(True)
    plot.refresh()
    y = plot._lines["loss"][1].points[1]
    assert np.array_equal(y, [2, np.nan, np.nan, 1], equal_nan=True)
    plot.set_log(False)
    plot.refresh()
    assert plot._lines["loss"][1].points[1][0] == 100


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


def test_zooming_in_brings_the_detail_back(plot, qtbot):
    plot.extend("loss", np.arange(200_000), np.random.default_rng(0).normal(size=200_000))
    qtbot.waitUntil(lambda: not plot.is_busy())
    plot.refresh()
    assert len(plot._lines["loss"][1].points[0]) < 5000
    plot.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    plot.plot.setXRange(1000, 1500, padding=0)
    plot.refresh()
    x = plot._lines["loss"][1].points[0]
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


def test_edits_are_marked_in_order_and_the_newest_are_kept(plot):
    fill(plot)
    plot.marks.add_edit(600, "batch 128 → 64 images")
    plot.marks.add_edit(500, "learning rate {0.001} → 5e-4")
    assert plot.marks.edits() == [(500, "learning rate {0.001} → 5e-4"), (600, "batch 128 → 64 images")]
    assert "step 500: learning rate {0.001} → 5e-4" in plot.plot.accessibleDescription()
    plot.grab()
    assert [line.label.textItem.toPlainText() for _, _, line in plot.marks._edits] == [
        "learning rate {0.001} → 5e-4",
        "batch 128 → 64 images",
    ]
    for i in range(250):
        plot.marks.add_edit(i, "")
    assert len(plot.marks.edits()) == 200
    plot.reset()
    assert plot.marks.edits() == [] and plot.plot.accessibleDescription() == ""


def spans_of_words(plot):
    """Where the words of edits stand that are shown: (left, right, top), in pixels."""
    spans = []
    for _, _, line in plot.marks._edits:
        if line.label.isVisible():
            box = line.label.mapRectToScene(line.label.boundingRect())
            spans.append((box.left(), box.right(), box.top()))
    return spans


def test_words_of_edits_cover_neither_each_other_nor_run_out_of_the_plot(plot):
    fill(plot)
    for step in (10, 500, 510, 520, 530, 540, 999):
        plot.marks.add_edit(step, "learning rate 0.001 → 5e-4")
    plot.refresh()
    plot.grab()
    spans = spans_of_words(plot)
    shown = [step for step, _, line in plot.marks._edits if line.label.isVisible()]
    assert shown == [10, 530, 540, 999]  # of five neighbours the newest that have room, at two heights
    edge = plot.plot.getViewBox().sceneBoundingRect()
    for i, (left, right, top) in enumerate(spans):
        assert edge.left() - 1 <= left and right <= edge.right() + 1
        for other in spans[:i]:
            assert other[2] != top or other[1] <= left or right <= other[0]


def test_the_crosshair_says_what_happened_there(plot):
    fill(plot)
    plot.marks.add_edit(500, "β 1 → <4>")
    plot.marks.set_checkpoints([200, 500])
    view = plot.plot.getViewBox()

    def read(step):
        plot.plot.scene().sigMouseMoved.emit(view.mapViewToScene(QPointF(step, 20)))
        return plot.readout.text()

    assert "β 1 → &lt;4&gt;" in read(501) and "checkpoint" in read(501)
    assert "checkpoint" in read(201) and "β" not in read(201)
    assert "checkpoint" not in read(300) and "β" not in read(300)


def test_going_back_takes_away_points_and_marks_after_that_step(plot):
    fill(plot)
    for step in (100, 400, 401):
        plot.marks.add_edit(step, "x")
    plot.marks.set_checkpoints([100, 400, 800])
    plot.rewind(400)
    assert plot.series()["loss"][0].tolist() == list(range(401))
    assert plot.marks.edits() == [(100, "x"), (400, "x")]
    assert plot.marks.checkpoints == (100, 400)
    assert (
        len(plot.plot.getPlotItem().items) == len(plot._lines) * 2 + 2 + 2
    )  # lines, edits, ticks, crosshair


def test_ticks_of_checkpoints_are_drawn_at_the_foot(plot):
    fill(plot)
    plot.refresh()
    before = plot.plot.grab().toImage()
    plot.marks.set_checkpoints([500])
    plot.plot.viewport().update()
    after = plot.plot.grab().toImage()
    different = [
        (x, y)
        for x in range(before.width())
        for y in range(before.height())
        if before.pixel(x, y) != after.pixel(x, y)
    ]
    view = plot.plot.getViewBox()
    foot = plot.plot.mapFromScene(view.mapViewToScene(QPointF(500, view.viewRange()[1][0])))
    assert different and all(
        abs(x - foot.x()) <= 2 and foot.y() - 16 <= y <= foot.y() + 1 for x, y in different
    )


def test_pictures_carry_the_marks(plot, tmp_path):
    fill(plot)
    plot.marks.add_edit(500, "learning rate 0.001 → 5e-4")
    image = QImage.fromData(plot.picture("png"))
    margin = 12
    assert image.width() == (plot.plot.width() + 2 * margin) * 2
    view = plot.plot.getViewBox()
    column = round(2 * (margin + plot.plot.mapFromScene(view.mapViewToScene(QPointF(500, 0))).x()))
    strong = [
        row
        for row in range(image.height())
        if max(image.pixelColor(column + d, row).blue() for d in (-1, 0, 1)) > 150
    ]
    assert len(strong) > image.height() / 4  # a dashed line; curves and axes alone are a few rows
    drawing = ET.fromstring(plot.picture("svg"))
    assert drawing.tag.endswith("svg")
    words = "".join(drawing.itertext())
    assert "learning rate 0.001 → 5e-4" in words and all(name in words for name in plot.shown())


def test_what_is_not_shown_at_first_has_a_colour_of_its_own_once_it_is(plot):
    for name in "abc":
        plot.set_title(name, name.upper(), shown=name != "b")
    plot.set_title("later", "Later", smoothed=False, shown=False)
    for name in ("a", "b", "c", "later"):
        plot.extend(name, [0, 1], [1.0, 2.0])
    plot.refresh()
    assert [plot._lines[n][1].isVisible() for n in ("a", "b", "c", "later")] == [True, False, True, False]
    colours = [plot.legend.item(n).color for n in "ac"]
    assert colours == list(theme.current().series[:2])
    plot.legend.item("b").setChecked(True)
    plot.legend.item("c").setChecked(False)
    plot.legend.item("later").setChecked(True)
    plot.refresh()
    assert plot.legend.item("b").color == theme.current().series[2]
    assert plot.legend.item("later").color == theme.current().series[1]  # nobody shows it now
    assert plot._lines["b"][1].pen.color() == QColor(theme.current().series[2])
    assert plot._lines["later"][1].isVisible()


def test_colours_follow_the_theme(plot, qapp):
    fill(plot)
    theme.apply(qapp, "light")
    try:
        assert plot._lines["loss"][1].pen.color() == QColor(theme.LIGHT.series[0])
        assert plot.legend.item("kl").color == theme.LIGHT.series[1]
    finally:
        theme.apply(qapp, "dark")
    assert plot._lines["loss"][1].pen.color() == QColor(theme.DARK.series[0])


def test_a_million_points_stay_fluid(plot, qtbot):
    values = np.random.default_rng(0).normal(size=1_000_000)
    plot.set_smoothing(0.9)
    plot.extend("loss", np.arange(1_000_000), values)
    qtbot.waitUntil(lambda: not plot.is_busy())
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


def test_a_refresh_is_painted_once(plot, qtbot):
    """New ranges that only the paint notices would ask for a second one."""
    painted = []

    class Watcher(QObject):
        def eventFilter(self, watched, event):
            painted.extend([1] * (event.type() == QEvent.Type.Paint))
            return False

    fill(plot)
    watcher = Watcher(plot)
    plot.plot.viewport().installEventFilter(watcher)
    for _ in range(3):
        QApplication.processEvents()
    painted.clear()
    plot.extend("loss", np.arange(1000, 1500), np.full(500, 300.0))
    plot.refresh()
    for _ in range(5):
        QApplication.processEvents()
    assert len(painted) == 1


def test_much_is_shown_once_it_is_taken_in_and_a_picture_does_not_wait_for_it(plot, qtbot):
    count = 200_000
    plot.set_smoothing(0.5)
    plot.extend("loss", np.arange(count), np.ones(count))
    plot.extend("loss", [count], [2.0])
    assert plot.is_busy()
    qtbot.waitUntil(lambda: not plot.is_busy())
    assert plot.series()["loss"][1][-1] == 2.0
    plot.set_smoothing(0.9)
    assert plot.is_busy()
    plot.picture("png")
    assert not plot.is_busy() and plot.legend.item("loss").value == pytest.approx(1.1)
    plot.extend("loss", np.arange(count + 1, 2 * count), np.ones(count - 1))
    plot.reset()
    assert not plot.is_busy() and plot.series() == {}
