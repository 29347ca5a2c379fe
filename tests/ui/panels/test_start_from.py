"""Start from: a training that begins with another run's weights; and a run that goes on with other images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit

from latentlab.core import presets
from latentlab.training import checkpoint
from latentlab.training.run_folder import RunFolder
from latentlab.ui.panels.start_from import BROWSE, RANDOM

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def notices(window):
    heard = []
    window.session.notified.connect(heard.append)
    return heard


@pytest.fixture
def until_idle(window, qtbot):
    session = window.session
    return lambda: qtbot.waitUntil(lambda: session.state == "idle" and not session.busy, timeout=30_000)


@pytest.fixture
def load(window, type_into, click, qtbot):
    """load(size=8, limit=300): set the Dataset form, and wait for those images."""

    def load(size: int, limit: int) -> None:
        type_into("dataset_size", str(size))
        type_into("dataset_limit", str(limit))
        window.docks[0].widget().ensureWidgetVisible(window.dataset.load)
        click("dataset_load")
        qtbot.waitUntil(
            lambda: (len(window.session.dataset), window.session.dataset.image_shape[1]) == (limit, size),
            timeout=10_000,
        )

    return load


@pytest.fixture
def on_data(window) -> QAction:
    """The entry of the menu Training."""
    return window.findChild(QAction, "continue_on_data")


def weights(path: Path, step: int | None = None) -> dict[str, torch.Tensor]:
    """The nets of the checkpoint of a step, or of the latest, as they lie on the disk."""
    folder = RunFolder.open(path)
    file = folder.latest_checkpoint() if step is None else folder.checkpoint_path(step)
    return {key: tensor for key, tensor in checkpoint.read(file)[0].items() if key.startswith("net.")}


def runs_made(window) -> list[Path]:
    folder = window.session.settings.runs
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_run_begins_with_the_weights_of_the_open_one(
    opened, the, load, pick, train, notices, click, saved_run
):
    load(8, 300)
    choice = the("model_start_from")
    assert choice.currentData() == RANDOM and choice.currentText() == "Random weights"
    pick("model_start_from", str(saved_run))
    assert choice.currentText() == "This run" and str(saved_run) in choice.toolTip()
    train(steps=3)
    run = opened.session.run.path
    mine, theirs = weights(run, 0), weights(saved_run)
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
    later = weights(run)
    assert not all(torch.equal(later[key], theirs[key]) for key in mine), "it has learned since"

    told = next(notice for notice in notices if notice.text.startswith("Took over"))
    assert told.text == f"Took over all {len(mine) // 2} layers from {saved_run.name} (step 60)."
    assert told.level == "info" and str(run) in told.details and str(saved_run) in told.details
    # Another try begins from the same weights, which are no longer those of the run that is open.
    assert choice.currentText() == saved_run.name and choice.currentData() == str(saved_run)
    assert choice.itemText(1) == "This run" and choice.itemData(1) == str(run)
    train(steps=1)
    assert RunFolder.open(opened.session.run.path).info["started_from"]["path"] == str(saved_run)
    pick("model_start_from", RANDOM)
    train(steps=1)
    assert "started_from" not in RunFolder.open(opened.session.run.path).info


def test_what_does_not_fit_is_new_and_named(opened, the, load, pick, train, notices, click, saved_run):
    load(8, 300)
    pick("model_start_from", str(saved_run))
    train(steps=1, latent_size=5)
    info = RunFolder.open(opened.session.run.path).info["started_from"]
    taken, left = info["taken"], info["left"]
    assert len(left) == 2 and left[0].endswith("(10×400)") and left[1].endswith("(400×5)")
    mine, theirs = weights(opened.session.run.path, 0), weights(saved_run)
    same = {
        key for key in mine if mine[key].shape == theirs[key].shape and torch.equal(mine[key], theirs[key])
    }
    assert len(same) == 2 * len(taken) == len(mine) - 4, "a weight and a bias each"

    told = next(notice for notice in notices if notice.text.startswith("Took over"))
    assert told.text == (
        f"Took over {len(taken)} of {len(taken) + 2} layers from {saved_run.name} (step 60); "
        f"new: {left[0]} and {left[1]}."
    )
    opened.notices.show_notice(told)
    click("status_details")
    shown = opened.findChild(QPlainTextEdit).toPlainText().splitlines()
    opened.findChild(QPlainTextEdit).window().close()
    assert [line.strip() for line in shown if line.startswith("  ")] == [*taken, *left]


def test_where_nothing_fits_a_notice_says_so_and_nothing_is_left_behind(
    opened, the, pick, click, notices, until_idle, saved_run
):
    before = runs_made(opened)
    pick("model_kind", "mlp-gan")
    pick("model_start_from", str(saved_run))
    click("train_start")
    until_idle()
    errors = [notice.text for notice in notices if notice.level == "error"]
    assert errors == [f"Nothing of {saved_run} fits: no layer has net, name and shape of one of mlp-gan."]
    assert runs_made(opened) == before and opened.session.run.path == saved_run
    assert the("train_start").isEnabled() and the("model_start_from").currentData() == str(saved_run)


def test_a_run_that_is_gone_is_told_when_it_is_chosen(
    window, the, pick, notices, saved_run, tmp_path, monkeypatch, qtbot
):
    gone = tmp_path / "gone"
    window.session.remember(recent_runs=(str(gone),))
    window.model.start_from._fill()
    choice = the("model_start_from")
    choice.setCurrentIndex(choice.findData(str(gone)))
    qtbot.waitUntil(lambda: choice.currentData() == RANDOM, timeout=5_000)
    assert notices[-1].text == f"There is no run at {gone}: {gone / 'run.json'} is missing."
    assert window.session.start_from is None


def test_a_run_from_elsewhere_is_chosen_by_its_folder(window, the, saved_run, tmp_path, monkeypatch):
    far = tmp_path / ("a run with a name that no dock would ever hold " * 4).strip()
    shutil.copytree(saved_run, far)
    answers = iter(["", str(far)])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: next(answers))
    choice, width = the("model_start_from"), window.docks[0].width()

    def browse():
        choice.setCurrentIndex(choice.findData(BROWSE))
        choice.activated.emit(choice.currentIndex())

    browse()
    assert choice.currentData() == RANDOM and window.session.start_from is None, "given up"
    browse()
    assert choice.currentData() == str(far) and window.session.start_from == far
    assert str(far) in choice.toolTip() and "…" in choice.currentText()
    window.model.layout().activate()
    assert window.model.minimumSizeHint().width() <= 272 and window.docks[0].width() == width


def test_a_preset_begins_with_random_weights_again(opened, the, pick, saved_run, qtbot):
    pick("model_start_from", str(saved_run))
    pick("model_kind", "vae-conv")
    assert the("model_start_from").currentData() == str(saved_run), "layers of another model may fit too"
    dot = opened.model.start_from.dot
    assert dot.on
    pick("preset_choice", presets.built_in()[1].key)
    assert the("model_start_from").currentData() == RANDOM and not dot.on
    qtbot.waitUntil(lambda: opened.session._loading is None, timeout=20_000)


def test_a_run_goes_on_with_more_images(window, the, load, train, on_data, notices, until_idle, qtbot):
    assert not on_data.isEnabled() and "Open a run" in on_data.toolTip()
    load(8, 300)
    train(steps=5)
    run, old = window.session.run.path, window.session.dataset
    assert not on_data.isEnabled() and "already" in on_data.toolTip()
    load(8, 600)
    assert on_data.isEnabled() and on_data.text() == "Continue on digits (600 images)"
    heard = len(notices)
    on_data.trigger()
    qtbot.waitUntil(lambda: window.session.state == "running", timeout=20_000)
    assert not on_data.isEnabled() and on_data.toolTip() == "Stop the training first."
    until_idle()

    info = json.loads((run / "run.json").read_text())
    (grown,) = info["grown"]
    assert grown["step"] == 5 and grown["from"]["fingerprint"] == old.fingerprint
    assert info["data"]["fingerprint"] == window.session.dataset.fingerprint
    assert window.session.run.path == run and RunFolder.open(run).latest_checkpoint().stem.endswith("10")
    assert window.curves.plot.series()["kl"][0].tolist() == list(range(1, 11)), "the curve goes on"
    told = [notice.text for notice in notices[heard:] if notice.text.startswith("Goes on")]
    assert told == ["Goes on from step 5: before on digits (300 images), now on digits (600 images)."]
    assert not on_data.isEnabled() and on_data.text() == "Continue on other images"
    # From now on these are its own: nothing is said of a change.
    window.session.continue_run()
    qtbot.waitUntil(lambda: window.session.state == "running", timeout=20_000)
    until_idle()
    assert len(RunFolder.open(run).info["grown"]) == 1
    assert sum(notice.text.startswith("Goes on") for notice in notices) == 1


def test_images_of_another_size_or_other_classes_are_none_to_go_on_with(
    window, load, train, on_data, saved_run, qtbot
):
    load(8, 300)
    train(steps=1, model="cvae")
    load(10, 300)
    assert not on_data.isEnabled()
    assert on_data.toolTip() == (
        "The open run learns from 8×8 grey images; those that are loaded are 10×10 grey images."
    )
    before = window.session.run.latest_checkpoint()
    window.session.continue_on_data()
    assert not window.session.busy and window.session.run.latest_checkpoint() == before
    load(8, 600)
    assert on_data.isEnabled()
    window.session.load_dataset("shapes", {"size": 8, "limit": 100, "channels": 1})
    qtbot.waitUntil(lambda: window.session.dataset.name == "shapes", timeout=20_000)
    assert window.session.dataset.image_shape == (1, 8, 8) and not on_data.isEnabled()
    assert on_data.toolTip() == "The open run learns from labels, and these images have other classes."
