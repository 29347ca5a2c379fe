"""Steering without a window: what is sent, what waits, and whose values the forms say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from latentlab.models.base import MODELS
from latentlab.training.control import Control
from latentlab.training.events import Diverged, Edited, OutOfMemory
from latentlab.ui import wording
from latentlab.ui.session import Session


@pytest.fixture
def session(qtbot):
    session = Session()
    session.set_model("vae-mlp")
    session.notices = []
    session.notified.connect(session.notices.append)
    session.plans = []
    session.plan_changed.connect(lambda: session.plans.append(dict(session.training_values)))
    yield session
    assert session.close()
    session.deleteLater()


@pytest.fixture
def steering(session):
    """Of a training that has begun with what the forms say."""
    begin(session)
    return session.steering


def begin(session, *, adopt=False, control=None, **training):
    info = {
        "data": {"source": session.source, "config": session.data_values},
        "model": {"key": session.model_key, "config": dict(session.model_values)},
        "training": session.training_values | training,
    }
    session.run = SimpleNamespace(info=info)
    session.control = control or Control()
    session.steering.begin(session.control, SimpleNamespace(path="run", info=info), adopt=adopt)


def edit(session, section, field, value):
    values = session.model_values if section == "model" else session.training_values
    session.edit(section, field, values | {field: value})


def test_steps_of_a_field_are_sent_once_it_rests(session, steering, qtbot):
    for rate in (2e-3, 5e-3, 1e-2):
        edit(session, "training", "learning_rate", rate)
    assert session.control.take_changes() == {}
    qtbot.waitUntil(lambda: not steering._soon.isActive(), timeout=2_000)
    assert session.control.take_changes() == {"training.learning_rate": 1e-2}


def test_who_is_done_with_a_field_need_not_wait(session, steering):
    edit(session, "model", "beta", 4.0)
    edit(session, "training", "batch_size", 32)
    steering.settled()
    assert session.control.take_changes() == {"model.beta": 4.0, "training.batch_size": 32}
    steering.settled()
    steering.send()
    assert session.control.take_changes() == {}


def test_a_value_that_is_put_back_before_it_was_sent_is_not_sent(session, steering):
    edit(session, "model", "beta", 4.0)
    edit(session, "model", "beta", 1.0)
    steering.send()
    assert session.control.take_changes() == {}


def test_what_needs_another_network_or_run_waits_and_can_be_put_back(session, steering):
    edit(session, "model", "width", 64)
    edit(session, "model", "latent_size", 3)
    edit(session, "training", "seed", 7)
    edit(session, "model", "beta", 2.0)
    steering.settled()
    assert session.control.take_changes() == {"model.beta": 2.0}
    assert steering.waiting == ("model.latent_size", "model.width", "training.seed")
    assert steering.words("model") == "Latent size and width need a new network. They apply to the next run."
    assert steering.words("training") == "Seed applies to the next run."
    steering.put_back("model")
    assert session.model_values["width"] == 400 and session.model_values["latent_size"] == 16
    assert session.model_values["beta"] == 2.0 and session.training_values["seed"] == 7
    assert steering.words("model") == "" and steering.waiting == ("training.seed",)
    steering.put_back("training")
    assert session.training_values["seed"] == 0 and steering.waiting == ()


def test_another_kind_of_model_sends_nothing_until_it_is_put_back(session, steering):
    session.training_values["device"] = "cpu"
    edit(session, "model", "beta", 2.0)
    steering.settled()
    session.control.take_changes()
    session.set_model("dcgan")
    assert steering.words("model") == "DCGAN applies to the next run."
    assert steering.words("training") == "These settings are for the next run."
    edit(session, "training", "learning_rate", 0.5)
    steering.settled()
    steering.send()
    assert session.control.take_changes() == {}
    session.set_model("vae-mlp")  # the one that trains: with what it trains with
    assert session.model_values["beta"] == 2.0 and session.training_values["learning_rate"] == 1e-3
    assert session.training_values["device"] == "cpu"
    assert steering.words("model") == steering.words("training") == "" and not steering.apart


def test_another_preset_is_put_back_whole_with_its_images(session, steering, monkeypatch):
    loaded = []
    monkeypatch.setattr(session, "load_dataset", lambda source, values: loaded.append(source))
    session.run = SimpleNamespace(info={"data": {"source": "digits", "config": {"size": 28}}})
    first, other = session.presets[0], next(p for p in session.presets if p.data["source"] == "shapes")
    heard = []
    session.preset_changed.connect(heard.append)
    session.apply_preset(other)
    session.source, session.data_values = "shapes", dict(other.data)
    assert steering.words("model") == f"The preset {other.title} applies to the next run."
    steering.put_back("training")
    assert session.preset is first and heard == [other, first]
    assert session.model_key == "vae-mlp" and loaded == ["shapes", "digits"]


def test_what_is_refused_is_named_and_goes_back(session):
    session.set_model("dcgan")
    begin(session)
    edit(session, "training", "batch_size", 1)
    session.steering.settled()
    assert session.control.take_changes() == {}
    assert session.notices[-1].level == "error"
    assert session.notices[-1].text == (
        "training.batch_size: 1 is not allowed; a dcgan needs at least 2 images a step."
    )
    assert session.training_values["batch_size"] == 64


def test_an_edit_is_told_and_the_forms_follow_one_by_another_hand(session, steering):
    edit(session, "training", "learning_rate", 5e-4)
    steering.settled()
    plans = len(session.plans)
    steering.on_edited(Edited(1240, {"training.learning_rate": (1e-3, 5e-4)}))
    assert session.notices[-1].text == "From step 1,240: learning rate 0.001 → 5e-4"
    assert len(session.plans) == plans  # the form said so already
    steering.on_edited(Edited(1300, {"training.batch_size": (128, 64)}))
    assert session.training_values["batch_size"] == 64 and len(session.plans) == plans + 1
    steering.send()
    assert session.control.take_changes() == {"training.learning_rate": 5e-4}  # nothing was sent twice


def test_word_of_an_older_value_does_not_undo_a_newer_one(session, steering):
    for rate in (5e-4, 2e-4):
        edit(session, "training", "learning_rate", rate)
        steering.settled()
    steering.on_edited(Edited(10, {"training.learning_rate": (1e-3, 5e-4)}))
    assert session.training_values["learning_rate"] == 2e-4
    session.control.take_changes()
    steering.send()
    assert session.control.take_changes() == {}
    steering.on_edited(Edited(12, {"training.learning_rate": (5e-4, 2e-4)}))
    assert session.training_values["learning_rate"] == 2e-4


def test_edits_behind_a_divergence_are_undone_in_the_forms_too(session, steering):
    for step, old, new in ((100, 1e-3, 1e-2), (150, 1e-2, 1.0)):
        edit(session, "training", "learning_rate", new)
        steering.settled()
        steering.on_edited(Edited(step, {"training.learning_rate": (old, new)}))
    steering.on_diverged(Diverged(160, 120, "a weight of the decoder"))
    assert session.training_values["learning_rate"] == 1e-2
    steering.explain_pause()
    assert session.notices[-1].level == "error"
    assert session.notices[-1].text == (
        "A weight of the decoder was no finite number at step 160. Training is back at step 120 with "
        "learning rate 1 → 0.01 again, and paused. Resume goes on from there."
    )
    steering.on_diverged(Diverged(130, 120, "KL"))
    steering.explain_pause()
    assert session.notices[-1].text.endswith(
        "and paused. Try a smaller learning rate. Resume goes on from there."
    )
    told = len(session.notices)
    steering.explain_pause()  # a person's own pause needs no explanation
    assert len(session.notices) == told


def test_too_little_memory_offers_what_fits(session, steering, monkeypatch):
    resumed = []
    monkeypatch.setattr(session, "train", lambda: resumed.append(session.control.take_changes()))
    steering.on_out_of_memory(OutOfMemory(50, 128, 64))
    notice = session.notices[-1]
    assert notice.text == "128 images a step do not fit into memory; nothing is lost. 64 would fit."
    words, act = notice.action
    assert words == "Use 64"
    act()
    assert resumed == [{"training.batch_size": 64}] and session.training_values["batch_size"] == 64
    steering.on_out_of_memory(OutOfMemory(50, 2, 0))
    assert session.notices[-1].action is None and "Not even" in session.notices[-1].text


def test_a_run_that_goes_on_brings_its_settings_into_the_forms(session):
    session.training_values["device"] = "cpu"
    session.model_values["width"] = 77
    begin(session, adopt=True, batch_size=32, device="auto")
    assert session.training_values["batch_size"] == 32 and session.training_values["device"] == "cpu"
    assert session.steering.waiting == () and session.control.take_changes() == {}


def test_what_was_changed_while_it_was_prepared_is_sent_or_waits(session):
    info_values = dict(session.model_values)
    edit(session, "model", "beta", 3.0)
    edit(session, "model", "width", 64)
    control = Control()
    info = {"model": {"key": "vae-mlp", "config": info_values}, "training": session.training_values}
    session.steering.begin(control, SimpleNamespace(path="run", info=info), adopt=False)
    assert control.take_changes() == {"model.beta": 3.0}
    assert session.steering.waiting == ("model.width",)


def test_after_the_end_nothing_is_sent_and_the_forms_stay(session, steering):
    edit(session, "model", "width", 64)
    edit(session, "model", "beta", 3.0)
    steering.end()
    assert steering.waiting == () and not steering.active and steering.words("model") == ""
    edit(session, "model", "beta", 4.0)
    steering.settled()
    assert session.control.take_changes() == {}
    assert session.model_values["width"] == 64 and session.model_values["beta"] == 4.0


# Words


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"training.learning_rate": (1e-3, 5e-4)}, "learning rate 0.001 → 5e-4"),
        ({"training.batch_size": [128, 1]}, "batch 128 → 1 image"),
        ({"training.steps": [1, 0], "model.beta": [1, 4.0]}, "stop after 1 → no limit, β (KL weight) 1 → 4"),
        ({"model.kl_schedule": ["linear", "constant"]}, "KL schedule Linear warm-up → Constant"),
        ({"model.gone": [1, 2]}, "model.gone 1 → 2"),
    ],
)
def test_edits_read_as_people_say_them(changes, text):
    assert wording.edit_text(MODELS.get("vae-mlp"), changes) == text


def test_many_settings_that_wait_are_counted():
    names = ["model.width", "model.latent_size", "model.likelihood", "training.seed"]
    text = wording.waiting_text(MODELS.get("vae-mlp"), names)
    assert text == "Width, latent size and 2 more need a new network. They apply to the next run."


def test_a_condition_says_what_it_asks_for():
    kind = MODELS.get("dcgan")
    specs = {name.removeprefix("model."): spec for name, spec in wording.settings_of(kind).items()}
    values = kind.Config().model_dump()
    assert (
        wording.condition(specs["clip"], values, kind.Config)
        == "Only with loss: Wasserstein, clipped weights."
    )
    right = values | {"loss": "wgan"}
    assert wording.condition(specs["clip"], right, kind.Config) == ""
    wrong = right | {"regularizer": "r1"}
    assert wording.condition(specs["clip"], wrong, kind.Config) == "Only with regulariser: None."
    assert wording.condition(specs["width"], values, kind.Config) == ""
