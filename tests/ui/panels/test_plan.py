"""Model, Training and presets: what the forms say is what will be trained."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from latentlab.core import presets
from latentlab.core.config import describe
from latentlab.models.base import MODELS
from latentlab.ui.panels.model import ModelPanel

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def test_every_registered_model_is_in_the_menu_by_its_key(the):
    kind = the("model_kind")
    assert [kind.itemData(i) for i in range(kind.count())] == [key for key, _ in MODELS.items()]
    assert [kind.itemText(i) for i in range(kind.count())] == [m.title for _, m in MODELS.items()]


def test_every_model_brings_its_own_form(window, the, pick, qtbot):
    for key, kind in MODELS.items():
        pick("model_kind", key)
        assert window.session.model_key == key
        form = window.model.form
        assert set(form._rows) == set(kind.Config.model_fields)
        assert form.values() == window.session.model_values
        assert window.model.about.text() == kind.about
        # What most people set stands there; the rest is behind the heading of its group.
        first = {spec.name for spec in describe(kind.Config) if not spec.group}

        def shown(fields=kind.Config.model_fields):
            return {name for name in fields if the(f"model_{name}").isVisibleTo(window)}

        qtbot.waitUntil(lambda wanted=first, shown=shown: shown() == wanted, timeout=2_000)


def test_a_group_that_was_opened_stays_open_for_other_models_and_the_next_launch(window, the, pick, qtbot):
    pick("model_kind", "dcgan")
    heading = the("model_section_stability")
    assert not heading.isChecked() and not the("model_dropout").isVisibleTo(window)
    heading.setFocus()
    qtbot.keyClick(heading, Qt.Key.Key_Space)
    assert the("model_dropout").isVisibleTo(window) and not the("model_beta1").isVisibleTo(window)
    assert window.session.settings.open_groups == ("model:Stability",)
    pick("model_kind", "vae-mlp")
    pick("model_kind", "mlp-gan")
    assert the("model_section_stability").isChecked() and the("model_dropout").isVisibleTo(window)
    again = ModelPanel(window.session)
    qtbot.addWidget(again)
    assert again.form._sections["Stability"].isChecked() and not again.form._sections["Balance"].isChecked()
    qtbot.keyClick(the("model_section_stability"), Qt.Key.Key_Left)
    assert window.session.settings.open_groups == ()


def test_another_model_brings_its_own_training_defaults_and_keeps_the_device(window, the, pick):
    pick("device_choice", "cpu")
    pick("model_kind", "dcgan")
    assert window.session.model_key == "dcgan"
    assert the("training_learning_rate").value() == 1e-4
    assert the("training_batch_size").value() == 64
    assert window.session.training_values["batch_size"] == 64
    assert window.session.training_values["device"] == "cpu"
    assert window.training.form.differing() == ()


def test_edits_reach_the_session_and_carry_a_dot(window, the, pick, type_into, qtbot):
    session = window.session
    type_into("model_latent_size", "5")
    pick("model_likelihood", 1)
    type_into("training_learning_rate", "3e-3")
    type_into("training_steps", "77")
    assert session.model_values["latent_size"] == 5
    assert session.model_values["likelihood"] == "gaussian"
    assert session.training_values["learning_rate"] == 3e-3
    assert session.training_values["steps"] == 77
    assert window.model.form.differing() == ("latent_size", "likelihood")
    assert window.training.form.differing() == ("learning_rate", "steps")
    type_into("training_steps", "3000")
    assert window.training.form.differing() == ("learning_rate",)


def test_what_is_half_typed_counts_when_training_begins_from_the_keyboard(window, the, type_into, qtbot):
    type_into("model_latent_size", "7", enter=False)
    assert the("model_latent_size").hasFocus()
    qtbot.keyClick(the("model_latent_size"), Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert window.session.busy
    assert window.session.model_values["latent_size"] == 7
    qtbot.waitUntil(lambda: window.session.latent.size == 7, timeout=20_000)


def test_the_presets_of_the_project_are_on_offer_and_the_first_is_chosen(window, the):
    choice = the("preset_choice")
    assert [choice.itemData(i) for i in range(choice.count())] == [p.key for p in presets.built_in()]
    assert choice.currentData() == presets.built_in()[0].key == window.session.preset.key


@pytest.mark.parametrize("preset", presets.built_in()[1:], ids=lambda p: p.key)
def test_a_preset_sets_data_model_and_training(window, the, pick, qtbot, preset):
    pick("device_choice", "cpu")
    pick("preset_choice", preset.key)
    session = window.session
    qtbot.waitUntil(lambda: session._loading is None and session.dataset.source == preset.data["source"])
    assert the("dataset_source").currentData() == preset.data["source"]
    for name, value in preset.data.items():
        assert name == "source" or session.dataset.config[name] == value
    assert the("model_kind").currentData() == session.model_key == preset.model["key"]
    for name, value in preset.model.items():
        assert name == "key" or session.model_values[name] == value
    for name, value in preset.training.items():
        assert session.training_values[name] == value
        assert the(f"training_{name}").value() == value
    assert window.model.form.differing() == window.training.form.differing() == ()
    # The device is this machine's matter, not the preset's.
    assert the("device_choice").currentData() == session.training_values["device"] == "cpu"


def test_a_preset_chosen_by_another_hand_is_shown_too(window, the, qtbot):
    other = window.session.presets[1]
    window.session.apply_preset(other)
    assert the("preset_choice").currentData() == other.key
    qtbot.waitUntil(lambda: window.session._loading is None, timeout=20_000)


def test_only_the_device_is_closed_while_training(window, the, click, train, qtbot):
    names = ["model_kind", "model_form", "training_form", "preset_choice"]
    assert all(the(name).isEnabled() for name in [*names, "device_choice"])
    train(steps=0)
    assert all(the(name).isEnabled() for name in names) and not the("device_choice").isEnabled()
    click("train_pause")
    qtbot.waitUntil(lambda: window.session.state == "paused", timeout=10_000)
    assert all(the(name).isEnabled() for name in names) and not the("device_choice").isEnabled()
    click("train_stop")
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=10_000)
    assert all(the(name).isEnabled() for name in [*names, "device_choice"])
