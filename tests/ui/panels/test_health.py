"""The Health dock: what is found stands there in words, the gravest first, told once, of this run alone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel

from latentlab.training.events import Evaluated, Health
from latentlab.training.health import Finding, watch
from latentlab.training.run_folder import RunFolder
from latentlab.ui.widgets.findings import LEVELS, FindingList, FindingRow
from latentlab.ui.widgets.kl_bars import KLBars

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]

COLLAPSE = Finding("mode-collapse", "error", "Samples reach 1 of 8 modes.", "Add R1.", 1.0)
LOSING = Finding("discriminator-losing", "warning", "It is right 51 % of the time.", "Raise its rate.", 0.51)
LEARNING = Finding("learning", "good", "Held-out −ELBO fell from 120 to 101 nats.")


@pytest.fixture
def health(window):
    window.bottom_tabs.setCurrentWidget(window.health)
    return window.health


@pytest.fixture
def notices(window):
    told = []
    window.session.notified.connect(lambda notice: told.append((notice.level, notice.text)))
    return told


def mark(window):
    """Whether the tab carries one, and what it says."""
    index = window.bottom_tabs.indexOf(window.health)
    return not window.bottom_tabs.tabIcon(index).isNull(), window.bottom_tabs.tabToolTip(index)


def rows(window):
    found = window.health.text.findChildren(FindingRow)
    return [row for row in found if row.isVisible()]


def test_it_stands_between_curves_and_timeline_and_says_what_to_do(window, the, health):
    tabs = the("bottom_tabs")
    assert [tabs.tabText(i) for i in range(tabs.count())] == ["Curves", "Health", "Timeline"]
    assert the("health_panel").isVisible() and the("health_text").isVisible()
    assert the("health_text").text().startswith("Press Train")
    assert not the("health_kl").isVisible() and mark(window) == (False, "")


def test_a_run_from_disk_is_judged_by_its_whole_series(opened, the, health, saved_run, notices):
    wanted = watch(RunFolder.open(saved_run)).findings()
    assert wanted and opened.session.findings == wanted
    assert the("health_text").text() == " ".join(finding.text for finding in wanted)
    assert [row.finding for row in rows(opened)] == list(wanted)
    assert not [level for level, _ in notices if level in ("warning", "error")]


def test_the_gravest_comes_first_with_its_word_and_its_remedy(window, the, health, qtbot):
    window.session._on_health(Health(900, (COLLAPSE, LOSING, LEARNING)))
    qtbot.waitUntil(lambda: len(rows(window)) == 3, timeout=5_000)  # a layout shows them in a moment
    assert [row.finding for row in rows(window)] == [COLLAPSE, LOSING, LEARNING]
    tops = [row.mapTo(health, QPoint(0, 0)).y() for row in rows(window)]
    assert tops == sorted(tops)
    assert the("health_text").text() == f"{COLLAPSE.text} {LOSING.text} {LEARNING.text}"
    assert the("health_text").accessibleName() == the("health_text").text()
    for row in rows(window):
        word = LEVELS[row.finding.level][0]
        words = [label.text() for label in row.findChildren(QLabel) if label.isVisible() and label.text()]
        assert word in words[0] and row.finding.text in words[0]
        assert words[1:] == ([row.finding.remedy] if row.finding.remedy else [])
    assert mark(window) == (True, "There is a finding: Problem")
    window.session._on_health(Health(1000, (LEARNING,)))
    qtbot.waitUntil(lambda: [row.finding for row in rows(window)] == [LEARNING], timeout=5_000)
    assert mark(window) == (False, "")


def test_while_training_a_grave_finding_is_told_once(window, the, train, health, notices, qtbot):
    train(steps=0)
    session = window.session

    def told():
        return [text for level, text in notices if level in ("warning", "error")]

    for step in (600, 700, 800):
        session._on_health(Health(step, (LOSING, LEARNING)))
    assert told() == [LOSING.text]
    session._on_health(Health(900, (LEARNING,)))
    session._on_health(Health(1000, (COLLAPSE, LOSING)))
    session._on_health(Health(1100, (COLLAPSE, LOSING)))
    assert told() == [LOSING.text, COLLAPSE.text]


def test_a_training_says_that_it_is_too_early_and_a_new_run_begins_with_nothing(
    window, the, train, health, qtbot
):
    window.session._on_health(Health(900, (COLLAPSE,)))
    train(steps=0)
    assert COLLAPSE.text not in the("health_text").text()
    assert "oo early" in the("health_text").text() and mark(window)[0] is False


def test_kl_is_a_bar_per_dimension_that_tells_its_nats(opened, the, health, qtbot):
    """First what is measured on the loaded data, then what training measures on held-out images."""
    opened.session.load_dataset("digits", {"size": 8})
    qtbot.waitUntil(lambda: opened.session.importance.value is not None, timeout=10_000)
    qtbot.waitUntil(lambda: opened.session.importance.value.unit == "KL", timeout=10_000)
    bars = the("health_kl")
    assert bars.isVisible() and len(bars.groups()) == 6
    np.testing.assert_array_equal(bars._values, opened.session.importance.value.values)
    kl = np.array([2.5, 0.001, 0.5, 0.0, 1.25, 0.009], np.float32)
    opened.session.evaluated.emit(Evaluated(60, {"coverage": 0.83}, kl=kl))
    np.testing.assert_allclose(bars._values, kl)
    assert the("health_kl_text").text() == "KL per dimension · 3 of 6 active"
    qtbot.mouseMove(bars, bars.bar(4).center().toPoint())
    assert the("health_kl_text").text() == "KL per dimension · z4 · 1.25 nats"
    bars.leaveEvent(None)
    assert the("health_kl_text").text() == "KL per dimension · 3 of 6 active"
    assert the("health_coverage").text() == "83 %"


def test_a_gan_has_the_figures_of_its_game(window, the, health, saved_gan, qtbot):
    session = window.session
    session.open_run(saved_gan)
    qtbot.waitUntil(lambda: session.run is not None, timeout=10_000)
    series = RunFolder.open(saved_gan).read_metrics()
    assert float(the("health_d_real").text()) == pytest.approx(series["d_real"][1].mean(), abs=1e-3)
    assert the("health_d_accuracy").text() == f"{100 * series['d_accuracy'][1].mean():.0f} %"
    assert not the("health_kl").isVisible()
    session.evaluated.emit(Evaluated(20, {"coverage": 0.5, "modes": 3.0}))
    assert the("health_coverage").text() == "50 %" and the("health_modes").text() == "3 of 10"


def test_nothing_of_another_run_stays(window, the, health, saved_gan, saved_run, qtbot):
    session = window.session
    session.open_run(saved_gan)
    qtbot.waitUntil(lambda: session.run is not None and session.run.path == saved_gan, timeout=10_000)
    session.evaluated.emit(Evaluated(20, {"modes": 3.0}))
    session._on_health(Health(20, (COLLAPSE,)))
    session.open_run(saved_run)
    qtbot.waitUntil(lambda: session.run.path == saved_run, timeout=10_000)
    assert COLLAPSE.text not in the("health_text").text()
    assert not the("health_d_real").isVisible() and not the("health_modes").isVisible()
    assert the("health_heldout_neg_elbo").isVisible()


def test_more_dimensions_than_pixels_share_bars_as_high_as_the_largest(qtbot):
    bars = KLBars()
    qtbot.addWidget(bars)
    bars.resize(256, 120)
    values = np.zeros(512)
    values[300] = 2.0
    bars.set_values(values, values >= 0.01)
    groups = bars.groups()
    assert len(groups) == 64 and sum(len(group) for group in groups) == 512
    (place,) = [at for at, group in enumerate(groups) if 300 in group]
    assert bars.text(place) == f"z{groups[place][0]} to z{groups[place][-1]} · at most 2.00 nats"
    bars.show()
    picture = bars.grab().toImage()
    top = bars.bar(place).center().x(), bars.bar(place).top() + 3
    beside = bars.bar(place + 1).center().x(), top[1]
    assert picture.pixelColor(QPoint(*map(int, top))) != picture.pixelColor(QPoint(*map(int, beside)))
    assert bars.accessibleDescription().startswith("1 of 512 active; the largest in nats: z300 2.00")


def test_sentences_wrap_and_are_never_read_as_markup(qtbot):
    found = FindingList()
    qtbot.addWidget(found)
    found.show_findings([Finding("a", "info", "p(x) < 1 & <b>y</b> " + 40 * "word ", "Try this.")], "")
    found.resize(300, 200)
    found.show()
    (row,) = found.findChildren(FindingRow)
    assert "&lt; 1 &amp; &lt;b&gt;" in row._text.text()
    assert found.heightForWidth(300) > found.heightForWidth(600) > 20
    found.show_findings([], "Nothing.")
    assert found.text() == "Nothing."


def test_a_class_is_no_dimension_of_the_kl(window, train, health, qtbot):
    """Also of a run from disk, whose KL is the importance of its dimensions."""
    train(steps=2, model="cvae")
    assert len(health.state.kl) == 6
    window.session.open_run(window.session.run.path)
    qtbot.waitUntil(lambda: health.state.kl is None, timeout=10_000)
    qtbot.waitUntil(lambda: health.state.kl is not None, timeout=20_000)
    assert len(window.session.importance.value.values) == 16 and len(health.state.kl) == 6
