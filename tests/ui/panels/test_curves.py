"""The Curves dock: series stream, the switches work, and the CSV says what the run folder says."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from latentlab.training.events import Progress

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def test_curves_grow_while_training(window, the, train, qtbot):
    train(steps=0)
    plot = window.curves.plot
    qtbot.waitUntil(lambda: sum(len(s) > 10 for s, _ in plot.series().values()) >= 2, timeout=15_000)
    assert {"neg_elbo", "reconstruction", "kl"} <= set(plot.series())
    assert plot.legend.item("neg_elbo").title == "−ELBO"
    before = len(plot.series()["kl"][0])
    qtbot.waitUntil(lambda: len(plot.series()["kl"][0]) > before, timeout=5_000)


def test_an_opened_run_shows_its_curves(opened):
    recorded = opened.session.run.read_metrics()
    shown = opened.curves.plot.series()
    assert set(shown) == set(recorded)
    for name, (steps, values) in recorded.items():
        np.testing.assert_array_equal(shown[name][0], steps)
        np.testing.assert_array_equal(shown[name][1], values)
    legend = opened.curves.plot.legend
    on = {name for name in recorded if legend.is_on(name)}
    assert on == {"neg_elbo", "reconstruction", "kl", "heldout_neg_elbo"}
    assert set(legend.in_menu()) >= set(recorded) - on and "kl" not in legend.in_menu()
    assert legend.item("heldout_kl").title == "Held-out KL"


def test_log_scale_and_smoothing_change_what_is_drawn_and_not_what_is_kept(opened, the, qtbot):
    plot, log, smoothing = opened.curves.plot, the("curves_log"), the("curves_smoothing")
    kept = plot.series()["neg_elbo"][1].copy()

    def drawn():
        plot.refresh()
        return plot._lines["neg_elbo"][1].points[1]

    smoothing.setFocus()
    qtbot.keyClick(smoothing, Qt.Key.Key_Home)
    assert smoothing.value() == 0
    np.testing.assert_array_equal(drawn(), kept)
    qtbot.keyClick(smoothing, Qt.Key.Key_End)
    smooth = drawn()
    assert np.abs(np.diff(smooth)).max() < np.abs(np.diff(kept)).max()
    qtbot.keyClick(smoothing, Qt.Key.Key_Home)
    qtbot.mouseClick(log, Qt.MouseButton.LeftButton, pos=log.rect().center() - log.rect().bottomRight() / 4)
    assert log.isChecked()
    np.testing.assert_allclose(drawn(), np.log10(kept))
    np.testing.assert_array_equal(plot.series()["neg_elbo"][1], kept)


def test_a_legend_entry_hides_its_curve(opened, qtbot):
    plot = opened.curves.plot
    qtbot.mouseClick(plot.legend.item("kl"), Qt.MouseButton.LeftButton)
    plot.refresh()
    assert not plot._lines["kl"][1].isVisible()
    assert plot._lines["neg_elbo"][1].isVisible()


def test_the_csv_holds_what_the_run_folder_holds_of_what_is_shown(
    opened, the, click, tmp_path, qtbot, monkeypatch
):
    target = tmp_path / "curves.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(target), ""))
    click("curves_export")
    qtbot.waitUntil(target.exists, timeout=5_000)
    qtbot.waitUntil(lambda: the("status_notice").text().startswith("Written: "), timeout=5_000)
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = opened.curves.plot.shown()
    assert rows[0].keys() == {"step", *shown} and shown.keys() < opened.curves.plot.series().keys()
    known = opened.session.run.read_metrics()
    for name, (steps, values) in ((name, known[name]) for name in shown):
        written = {int(row["step"]): float(row[name]) for row in rows if row[name]}
        assert list(written) == steps.tolist()
        np.testing.assert_array_equal(list(written.values()), values)


@pytest.mark.parametrize(
    ("typed", "chosen", "written", "begins"),
    [
        ("curves.png", "", "curves.png", b"\x89PNG"),
        ("curves.SVG", "", "curves.SVG", b"<?xml"),
        ("my curves", "PNG, the plot as a picture (*.png)", "my curves.png", b"\x89PNG"),
        ("my.curves", "", "my.curves.csv", b"step,"),
    ],
)
def test_the_ending_says_what_is_written(
    opened, the, click, tmp_path, qtbot, monkeypatch, typed, chosen, written, begins
):
    asked = []

    def ask(*arguments):
        asked.append(arguments[-1])
        return str(tmp_path / typed), chosen

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    click("curves_export")
    qtbot.waitUntil(lambda: the("status_notice").text().startswith("Written: "), timeout=5_000)
    assert [path.name for path in tmp_path.iterdir()] == [written]
    assert (tmp_path / written).read_bytes().startswith(begins)
    assert [kind in asked[0] for kind in ("(*.csv)", "(*.png)", "(*.svg)")] == [True] * 3


def test_a_name_that_gets_its_ending_replaces_nothing_unasked(
    opened, the, click, tmp_path, qtbot, monkeypatch
):
    (tmp_path / "mine.csv").write_text("precious")
    asked, answers = [], iter([(str(tmp_path / "mine"), ""), ("", "")])

    def ask(*arguments):
        asked.append(arguments[2])
        return next(answers)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    click("curves_export")
    assert asked[1] == str(tmp_path / "mine.csv")  # the dialog itself asks about this one
    assert (tmp_path / "mine.csv").read_text() == "precious" and not opened.session.exports.jobs


def test_a_folder_that_is_gone_is_named(opened, the, click, tmp_path, qtbot, monkeypatch):
    target = tmp_path / "gone" / "curves.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(target), ""))
    click("curves_export")
    qtbot.waitUntil(lambda: "No such file" in the("status_notice").text(), timeout=5_000)


def test_what_is_measured_every_few_steps_is_one_line(opened):
    plot = opened.curves.plot
    nan, steps = np.nan, np.arange(61, 67)
    values = {"kl": np.ones(6, np.float32), "grad": np.array([nan, 1, nan, nan, 2, nan], np.float32)}
    opened.session.progressed.emit(Progress(66, 0, 1.0, 1.0, 1.0, 1.0, None, steps, values))
    at, grads = plot.series()["grad"]
    assert at[-2:].tolist() == [62, 65] and grads[-2:].tolist() == [1, 2] and np.isfinite(grads).all()
    assert plot.series()["kl"][0][-1] == 66


def test_without_curves_there_is_nothing_to_export(window, the, click):
    click("curves_export")
    assert the("status_notice").text() == "There are no curves to export yet."


def test_the_controls_go_with_their_tab(window, the):
    tabs = the("bottom_tabs")
    assert the("curves_log").isVisible()
    tabs.setCurrentIndex(1)
    assert not the("curves_log").isVisible()
    tabs.setCurrentIndex(0)
    assert the("curves_log").isVisible()
