"""Runs whose settings change on the way: recorded, resumed, and resumed after a crash."""

from __future__ import annotations

import json

import pytest

from latentlab import run as runs
from latentlab.core.errors import ConfigError
from latentlab.training.events import Edited

EDIT = {"training.learning_rate": 5e-3, "training.batch_size": 5}
LIVE = {
    "vae-mlp": {"model.beta": 4.0, "model.kl_warmup": 20},
    "mlp-gan": {"model.label_smoothing": 0.1, "model.discriminator_rate": 2.0},
}


def _split(changes):
    sections = {"model": {}, "training": {}}
    for name, value in changes.items():
        section, _, field = name.partition(".")
        sections[section][field] = value
    return {"model_values": sections["model"], "training_values": sections["training"]}


@pytest.mark.parametrize("key", list(LIVE))
def test_train_edit_train_equals_a_resume_with_the_edit(key, begin, follow, state, noise, tmp_path):
    edit = EDIT | LIVE[key]
    whole = begin("whole", key)
    events = follow(whole, {7: edit})
    assert [e.step for e in events if isinstance(e, Edited)] == [7]
    follow(begin("half", key, steps=7))
    resumed = runs.resume(tmp_path / "half", dataset=noise(), steps=7, **_split(edit))
    follow(resumed)
    assert state(whole) == state(resumed)
    plain = begin("plain", key)
    follow(plain)
    assert state(whole) != state(plain)
    first, second = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("whole", "half"))
    assert [e["changes"] for e in first["edits"]] == [e["changes"] for e in second["edits"]]
    assert first["model"] == second["model"] and first["training"] == second["training"]


@pytest.mark.parametrize("key", list(LIVE))
def test_a_run_edited_earlier_is_resumed_with_its_new_settings(key, begin, follow, state, noise, tmp_path):
    edit = EDIT | LIVE[key]
    whole = begin("whole", key)
    follow(whole, {3: edit})
    follow(begin("half", key, steps=7), {3: edit})
    resumed = runs.resume(tmp_path / "half", dataset=noise(), steps=7)
    assert resumed.config.learning_rate == 5e-3
    follow(resumed)
    assert state(whole) == state(resumed) and whole.config.learning_rate == 5e-3


def test_a_run_killed_after_an_edit_goes_back_to_before_it(begin, follow, state, noise, tmp_path):
    whole = begin("whole", steps=10)
    follow(whole)
    follow(begin("run", steps=4))
    edit = {"training.learning_rate": 5e-3, "training.steps": 500, "model.beta": 9.0}
    follow(runs.resume(tmp_path / "run", dataset=noise(), steps=6), {6: edit}, killed=8)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["edits"][0]["step"] == 6 and info["model"]["config"]["beta"] == 9.0
    resumed = runs.resume(tmp_path / "run", dataset=noise())
    assert (resumed.model.step_count, resumed.config.steps, resumed.config.learning_rate) == (4, 10, 1e-3)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["edits"] == [] and info["model"]["config"]["beta"] == 1.0
    follow(resumed)
    assert state(whole) == state(resumed)


def test_an_edit_right_behind_a_checkpoint_survives_a_kill(begin, follow, state, noise, tmp_path):
    whole = begin("whole", steps=10)
    follow(whole, {4: EDIT})
    follow(begin("run", steps=4))
    follow(runs.resume(tmp_path / "run", dataset=noise(), steps=6, **_split(EDIT)), killed=7)
    resumed = runs.resume(tmp_path / "run", dataset=noise())
    assert (resumed.model.step_count, resumed.config.batch_size) == (4, 5)
    follow(resumed)
    assert state(whole) == state(resumed)


def test_settings_that_need_another_run_are_refused_and_nothing_changes(begin, follow, noise, tmp_path):
    follow(begin(steps=4))
    before = (tmp_path / "run" / "run.json").read_text()
    for model, training, message in [
        ({"width": 9}, {}, "^model.width cannot change within a run: .* may start from the weights of this"),
        ({}, {"seed": 1, "heldout": 0.2}, "^training.seed, training.heldout cannot change"),
        ({"beta": -1}, {}, "^model.beta: -1 is not allowed"),
    ]:
        with pytest.raises(ConfigError, match=message):
            runs.resume(tmp_path / "run", dataset=noise(), model_values=model, training_values=training)
    assert (tmp_path / "run" / "run.json").read_text() == before


def test_run_json_says_where_it_was_trained_and_where_else_it_went_on(begin, follow, noise, tmp_path):
    training = begin(steps=3)
    follow(training)
    info = training.folder.info
    assert set(info["versions"]) == {"latentlab", "python", "torch", "numpy", "safetensors"}
    assert info["machine"]["device"] == "cpu" and info["machine"]["threads"] == 1
    assert info["machine"]["system"] and info["machine"]["device_name"] == "CPU · 1 thread"
    assert info["data"]["trained_on"] == 36 and info["training"]["seed"] == 0
    assert "continued" not in runs.resume(tmp_path / "run", dataset=noise()).folder.info
    old = info | {"versions": info["versions"] | {"torch": "2.0"}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(old))
    for _ in range(2):  # the second goes on where the first left off
        (later,) = runs.resume(tmp_path / "run", dataset=noise()).folder.info["continued"]
    assert later["step"] == 3 and later["versions"] == info["versions"]
