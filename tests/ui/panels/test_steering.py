"""Steering in the window: what is typed while a model trains is used and marked, or waits in a strip."""

from __future__ import annotations

import re

import pytest

from latentlab.models.vae import VAE
from latentlab.training.run_folder import RunFolder

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def steps(monkeypatch):
    """(step, learning rate, β, images) of every step that a VAE takes."""
    taken, step = [], VAE.step

    def noted(self, batch, labels=None):
        rate = self.optimizers()["vae"].param_groups[0]["lr"]
        taken.append((self.step_count, rate, self.config.beta, len(batch)))
        return step(self, batch, labels)

    monkeypatch.setattr(VAE, "step", noted)
    return taken


@pytest.fixture
def notices(window):
    heard = []
    window.session.notified.connect(heard.append)
    return heard


@pytest.fixture
def until(window, qtbot):
    """until("paused"): wait for a state of training."""
    return lambda state: qtbot.waitUntil(lambda: window.session.state == state, timeout=20_000)


def test_a_learning_rate_typed_while_it_trains_is_used_marked_and_recorded(
    window, the, train, type_into, steps, notices, until, qtbot
):
    train(steps=0, heldout=0.0)
    marks, session = window.curves.plot.marks, window.session
    for count, (name, text) in enumerate(
        [("training_learning_rate", "3e-4"), ("model_beta", "2.5"), ("training_batch_size", "32")], 1
    ):
        qtbot.waitUntil(lambda: len(steps) > 5, timeout=10_000)
        type_into(name, text)
        qtbot.waitUntil(lambda n=count: len(marks.edits()) == n, timeout=10_000)
        steps_then = len(steps)
        qtbot.waitUntil(lambda n=steps_then: len(steps) > n + 3, timeout=10_000)

    # The curve.
    (at_rate, rate_text), (at_beta, beta_text), (at_batch, batch_text) = marks.edits()
    assert rate_text == "learning rate 0.001 → 3e-4"
    assert beta_text == "β (KL weight) 1 → 2.5" and batch_text == "batch 64 → 32 images"
    told = [notice.text for notice in notices]
    assert f"From step {at_rate:,}: {rate_text}" in told and f"From step {at_batch:,}: {batch_text}" in told

    # The steps.
    assert {rate for at, rate, _, _ in steps if at >= at_rate} == {3e-4}
    assert {rate for at, rate, _, _ in steps if at < at_rate} == {1e-3}
    assert {beta for at, _, beta, _ in steps if at >= at_beta} == {2.5}
    assert {beta for at, _, beta, _ in steps if at < at_beta} == {1.0}
    assert {images for at, _, _, images in steps if at >= at_batch} == {32}
    assert {images for at, _, _, images in steps if at < at_batch} == {64}

    # The record, and the curve of the run as it is opened again.
    session.stop()
    until("idle")
    info = RunFolder.open(session.run.path).info
    assert [(edit["step"], edit["changes"]) for edit in info["edits"]] == [
        (at_rate, {"training.learning_rate": [1e-3, 3e-4]}),
        (at_beta, {"model.beta": [1.0, 2.5]}),
        (at_batch, {"training.batch_size": [64, 32]}),
    ]
    assert the("training_learning_rate").value() == 3e-4 and the("training_batch_size").value() == 32
    before = marks.edits()
    qtbot.waitUntil(lambda: list(marks.checkpoints) == sorted(session.comparison.steps) != [], timeout=5_000)
    session.open_run(session.run.path)
    qtbot.waitUntil(lambda: notices[-1].text.startswith("Opened"), timeout=10_000)
    assert marks.edits() == before
    saved = [int(re.findall(r"\d+", path.stem)[0]) for path in session.run.checkpoints()]
    qtbot.waitUntil(lambda: list(marks.checkpoints) == saved, timeout=5_000)


def test_a_number_out_of_range_is_refused_with_its_range_and_the_training_goes_on(
    window, the, train, type_into, steps, notices, qtbot
):
    train(steps=0, heldout=0.0)
    type_into("training_learning_rate", "7")
    refused = [notice.text for notice in notices if notice.level == "error"]
    assert refused == ["Learning rate: 7 is not allowed; expected a number from 1e-07 to 1."]
    assert the("training_learning_rate").value() == 1e-3
    before = len(steps)
    qtbot.waitUntil(lambda: len(steps) > before + 5, timeout=10_000)
    assert {rate for _, rate, _, _ in steps} == {1e-3} and window.curves.plot.marks.edits() == []


def test_a_width_waits_in_a_strip_is_put_back_or_trained_anew(window, the, train, click, type_into, qtbot):
    train(steps=0, heldout=0.0)
    session, first = window.session, window.session.run.path
    strip = the("model_strip")
    assert strip.isHidden() and the("training_strip").isHidden()
    assert "needs a new network" in the("model_width").toolTip()
    assert "next run" not in the("training_learning_rate").toolTip()
    type_into("model_width", "48")
    assert not strip.isHidden() and the("training_strip").isHidden()
    assert the("model_waiting").text() == "Width needs a new network. Applies to the next run."

    window.docks[0].widget().ensureWidgetVisible(the("model_put_back"))
    click("model_put_back")
    assert the("model_width").value() == 400 and strip.isHidden()
    assert session.state == "running"

    type_into("model_width", "48")
    type_into("training_seed", "5")
    assert the("training_waiting").text() == "Seed applies to the next run."
    window.docks[0].widget().ensureWidgetVisible(the("training_train_anew"))
    click("training_train_anew")
    qtbot.waitUntil(lambda: session.run.path != first and session.state == "running", timeout=20_000)
    assert strip.isHidden() and the("training_strip").isHidden()
    info = session.run.info
    assert info["model"]["config"]["width"] == 48 and info["training"]["seed"] == 5
    assert RunFolder.open(first).checkpoints() != []  # what was stopped is saved
    assert "edits" not in RunFolder.open(first).info


def test_another_kind_is_for_the_next_run_and_the_device_stays(
    window, the, train, click, pick, type_into, steps, qtbot
):
    train(steps=0, heldout=0.0)
    assert not the("device_choice").isEnabled() and "while a model trains" in the("device_choice").toolTip()
    pick("model_kind", "mlp-gan")
    title = the("model_kind").currentText()
    assert the("model_waiting").text() == f"{title} applies to the next run."
    type_into("training_learning_rate", "0.5")
    window.docks[0].widget().ensureWidgetVisible(the("training_put_back"))
    click("training_put_back")
    assert the("model_kind").currentData() == "vae-mlp" and the("training_learning_rate").value() == 1e-3
    assert the("model_strip").isHidden() and the("training_strip").isHidden()
    before = len(steps)
    qtbot.waitUntil(lambda: len(steps) > before + 5, timeout=10_000)
    assert {rate for _, rate, _, _ in steps} == {1e-3}
    pick("model_kind", "mlp-gan")
    window.session.model_values |= {"latent_size": 3, "width": 8}
    window.docks[0].widget().ensureWidgetVisible(the("model_train_anew"))
    click("model_train_anew")
    qtbot.waitUntil(lambda: window.session.run.info["model"]["key"] == "mlp-gan", timeout=20_000)


def test_a_loss_that_is_no_number_pauses_goes_back_and_says_so(
    window, the, click, notices, until, monkeypatch
):
    """From its 30th step on the model is spoiled, until somebody resumes."""
    step, spoiled = VAE.step, [True]

    def poisoned(self, batch, labels=None):
        values = step(self, batch, labels)
        factor = float("nan") if spoiled[0] and self.step_count >= 30 else 1.0
        return {name: value * factor for name, value in values.items()}

    monkeypatch.setattr(VAE, "step", poisoned)
    session = window.session
    session.set_model("vae-mlp")
    session.model_values |= {"latent_size": 4}
    session.training_values |= {"steps": 60, "batch_size": 64, "heldout": 0.0}
    session.train()
    until("paused")
    assert notices[-1].level == "error"
    assert "was no finite number at step 30. Training is back at step 0, and paused." in notices[-1].text
    assert "smaller learning rate" in notices[-1].text
    assert the("train_title").text() == "step 0" and the("train_start").text() == "Resume"
    assert all(len(steps) == 0 for steps, _ in window.curves.plot.series().values())
    assert session.history.steps == [0]
    spoiled[0] = False
    click("train_start")
    until("idle")
    assert window.curves.plot.series()["kl"][0].tolist() == list(range(1, 61))


def test_too_little_memory_pauses_and_one_click_takes_the_batch_that_fits(
    window, the, click, notices, until, monkeypatch
):
    step = VAE.step

    def hungry(self, batch, labels=None):
        if len(batch) > 20:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20 MiB")
        return step(self, batch, labels)

    monkeypatch.setattr(VAE, "step", hungry)
    session = window.session
    session.set_model("vae-mlp")
    session.training_values |= {"steps": 12, "batch_size": 64, "heldout": 0.0}
    session.train()
    until("paused")
    assert notices[-1].text == "64 images a step do not fit into memory; nothing is lost. 16 would fit."
    assert the("status_action").text() == "Use 16"
    click("status_action")
    assert not the("status_action").isVisible()
    until("idle")
    assert the("training_batch_size").value() == 16
    info = RunFolder.open(session.run.path).info
    assert info["training"]["batch_size"] == 16 and len(info["edits"]) == 1
    assert window.curves.plot.series()["kl"][0].tolist() == list(range(1, 13))
