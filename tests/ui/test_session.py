"""The session: the state of training, what goes wrong, saved runs, and what is remembered."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QPushButton

from latentlab.data.base import Dataset
from latentlab.models.vae import VAE
from latentlab.run import open_run
from latentlab.training.run_folder import RunFolder
from latentlab.ui.app import create_window

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of dialogs
]


@pytest.fixture
def session(window):
    """The session of a window; a dense VAE is chosen, its training without an end, or a verdict."""
    session = window.session
    session.set_model("vae-mlp")
    session.model_values |= {"latent_size": 4}
    session.training_values |= {"steps": 0, "batch_size": 64, "heldout": 0.0}
    return session


@pytest.fixture
def until(session, qtbot):
    """until("paused"): wait for a state of training."""
    return lambda state: qtbot.waitUntil(lambda: session.state == state, timeout=15_000)


@pytest.fixture
def notices(session):
    heard = []
    session.notified.connect(heard.append)
    return heard


@pytest.fixture
def click(window, qtbot):
    def click(name):
        button = window.findChild(QPushButton, name)
        assert button.isEnabled(), f"{name} is disabled"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return click


def enabled(window):
    """Which of the training's buttons can be pressed."""
    names = ("start", "pause", "step", "stop")
    return {name for name in names if window.findChild(QPushButton, f"train_{name}").isEnabled()}


def steps_done(session):
    """The step of the newest metric that is on disk."""
    return max((int(steps[-1]) for steps, _ in session.run.read_metrics().values()), default=0)


def test_train_pause_go_on_stop(window, session, until, click, qtbot):
    assert enabled(window) == {"start", "step"}
    click("train_start")
    assert session.busy and not session.can_train
    until("running")
    assert enabled(window) == {"pause", "step", "stop"}
    click("train_pause")
    until("paused")
    assert enabled(window) == {"start", "pause", "step", "stop"}
    assert window.toolbar.start.text() == "Resume"
    before = steps_done(session)
    qtbot.wait(150)
    assert steps_done(session) == before
    click("train_start")
    assert session.state == "running" and window.toolbar.start.text() == "Train"
    qtbot.waitUntil(lambda: steps_done(session) > before, timeout=10_000)
    click("train_stop")
    assert enabled(window) <= {"start"} and session.state in ("stopping", "idle")
    until("idle")
    assert enabled(window) == {"start", "step"}
    assert open_run(session.run.path).step == steps_done(session)


def test_step_begins_a_run_of_one_step_and_then_does_one_at_a_time(window, session, until, click, qtbot):
    click("train_step")
    until("paused")
    assert steps_done(session) == 1
    for step in (2, 3):
        click("train_step")
        qtbot.waitUntil(lambda s=step: steps_done(session) == s, timeout=5_000)
        qtbot.waitUntil(lambda s=step: session.latent.step == s, timeout=5_000)
    qtbot.wait(100)
    assert steps_done(session) == 3 and session.state == "paused"
    assert session.history.steps == [0, 1, 2, 3]


def test_stop_while_paused_saves(session, until, click):
    click("train_step")
    until("paused")
    click("train_stop")
    until("idle")
    assert open_run(session.run.path).step == 1


def test_a_pause_that_arrives_after_going_on_does_not_stand_over_a_running_training(
    session, until, click, qtbot
):
    click("train_step")
    until("paused")
    for _ in range(3):
        session.step_once()
        time.sleep(0.1)  # the step is done, and word of the pause waits for this thread
        session.train()
        qtbot.wait(50)
        assert session.state == "running"
        session.pause()
        until("paused")


def test_going_on_and_pausing_in_one_breath_ends_paused(session, until, click, qtbot):
    click("train_step")
    until("paused")
    for _ in range(20):
        session.train()
        session.pause()
        until("paused")


def test_the_limit_ends_a_training_with_its_checkpoint(window, session, until, notices):
    session.training_values |= {"steps": 25}
    session.train()
    until("idle")
    assert open_run(session.run.path).step == 25
    assert notices[-1].level == "good" and "Saved at step 25" in notices[-1].text
    assert window.toolbar.percent.text() == "100%"
    assert window.toolbar.title.text() == "step 25"


def test_settings_that_are_not_allowed_are_one_sentence(session, notices):
    session.training_values |= {"batch_size": 0}
    session.train()
    assert not session.busy and session.run is None
    assert notices[-1].level == "error"
    assert notices[-1].text.startswith("training.batch_size: 0 is not allowed")


def test_a_training_that_fails_says_so_and_the_next_one_can_begin(window, session, until, notices, qtbot):
    whole = session.dataset
    session.training_values |= {"steps": 5}
    session.train()
    until("idle")
    session.dataset = Dataset(whole.images[:1], "one", "digits")
    session.train()
    until("idle")
    assert notices[-1].level == "error"
    assert "at least 2 images" in notices[-1].text and "Traceback" in notices[-1].details
    assert window.notices.text.text() == notices[-1].text
    assert enabled(window) == {"start", "step"}
    assert window.toolbar.title.text() == "Ready"
    session.dataset = whole
    session.train()
    until("idle")
    assert open_run(session.run.path).step == 5


def test_details_of_a_failure_can_be_read_and_copied(window, session, qtbot):
    def fail(report):
        raise ValueError("three apples")

    session.start_task(fail)
    qtbot.waitUntil(lambda: "three apples" in window.notices.text.text(), timeout=5_000)
    assert window.notices.details.isVisible()
    qtbot.mouseClick(window.notices.details, Qt.MouseButton.LeftButton)
    dialog = window.findChild(object, "details_dialog")
    assert "Traceback" in dialog.details.toPlainText() and not dialog.isModal()
    qtbot.mouseClick(dialog.findChild(QPushButton, "details_copy"), Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("Something unexpected happened: three apples") and "in fail" in copied
    dialog.reject()
    session.notify("info", "All is well.")
    assert not window.notices.details.isVisible()


def test_a_divergence_pauses_and_stopping_then_keeps_the_good_checkpoint(
    session, until, notices, monkeypatch
):
    step = VAE.step

    def poisoned(self, batch, labels=None):
        values = step(self, batch, labels)
        spoiled = self.step_count > 9
        return {name: value * float("nan") for name, value in values.items()} if spoiled else values

    monkeypatch.setattr(VAE, "step", poisoned)
    session.train()
    until("paused")
    assert notices[-1].level == "error" and "no finite number at step 10" in notices[-1].text
    assert session.busy
    session.stop()
    until("idle")
    assert open_run(session.run.path).step == 0


def test_continue_goes_on_in_the_same_folder_and_the_curves_hold_the_old_points(
    window, session, until, notices
):
    session.training_values |= {"steps": 12}
    session.train()
    until("idle")
    folder, before = session.run.path, window.curves.plot.series()["kl"]
    assert len(before[0]) == 12
    action = window.findChild(QAction, "continue_action")
    assert action.isEnabled()
    action.trigger()
    assert not action.isEnabled()
    until("idle")
    assert session.run.path == folder
    assert open_run(folder).step == 24
    steps, values = window.curves.plot.series()["kl"]
    assert steps.tolist() == list(range(1, 25))
    np.testing.assert_allclose(values[:12], before[1], rtol=1e-5)
    assert session.history.steps == [step for step, _ in RunFolder.open(folder).samples()]
    assert {0, 12, 24} <= set(session.history.steps)


def test_a_run_opens_for_looking_without_training(window, session, until, notices, qtbot):
    session.training_values |= {"steps": 8}
    session.train()
    until("idle")
    first = session.run.path
    session.model_values |= {"latent_size": 9}
    session.train()
    until("idle")
    assert session.run.path != first and session.latent.size == 9
    session.open_run(first)
    qtbot.waitUntil(lambda: session.run.path == first and session.latent.size == 4, timeout=5_000)
    assert not session.busy and session.state == "idle"
    assert window.latent.sliders.count() == 4
    assert window.curves.plot.series()["kl"][0].tolist() == list(range(1, 9))
    assert session.history.steps == [step for step, _ in RunFolder.open(first).samples()]
    assert {0, 8} <= set(session.history.steps) and max(session.history.steps) == 8
    qtbot.waitUntil(lambda: window.samples.view.picture is not None)
    assert notices[-1].text == f"Opened {first.name} at step 8"
    assert session.settings.recent_runs == (str(first), str(session.settings.recent_runs[1]))
    assert first.name in window.windowTitle()


def test_a_folder_without_a_run_is_one_sentence(session, notices, qtbot, tmp_path):
    session.open_run(tmp_path)
    qtbot.waitUntil(lambda: bool(notices), timeout=5_000)
    assert notices[-1].level == "error" and notices[-1].text.startswith(f"There is no run at {tmp_path}")
    assert session.run is None


def test_another_run_is_not_opened_over_a_training(session, until, notices, tmp_path):
    session.train()
    until("running")
    session.open_run(tmp_path)
    assert notices[-1].level == "warning" and "Stop the training" in notices[-1].text
    assert session.state == "running"


def test_what_is_remembered_survives_a_restart(window, session, until, qtbot):
    session.training_values |= {"steps": 2}
    session.train()
    until("idle")
    window.findChild(QAction, "theme_light_action").trigger()
    window.resize(1177, 733)
    window.docks[2].hide()
    kept = session.run.path
    window.close()
    assert session.close(seconds=30)

    again = create_window()
    try:
        again.show()
        assert again.session.settings.theme == "light"
        assert again.findChild(QAction, "theme_light_action").isChecked()
        assert again.session.settings.recent_runs == (str(kept),)
        assert again.height() == 733  # the screenless platform's screen is too narrow for the width
        assert again.docks[2].isHidden()
        qtbot.waitUntil(lambda: again.session.can_train, timeout=30_000)
        again.menus.recent_runs.aboutToShow.emit()
        again.menus.recent_runs.actions()[0].trigger()
        qtbot.waitUntil(lambda: again.session.run is not None, timeout=5_000)
        assert again.session.run.path == kept
    finally:
        again.menus.set_theme("dark")
        again.close()
        assert again.session.close(seconds=30)
        again.deleteLater()
