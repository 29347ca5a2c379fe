"""Settings that change while a model trains."""

from __future__ import annotations

import pytest

from latentlab.training import edits, loop
from latentlab.training.config import TrainingConfig
from latentlab.training.events import Edited, Paused, Progress, Saved
from latentlab.training.order import Order
from latentlab.training.run_folder import RunFolder


@pytest.fixture(autouse=True)
def _tell_each_step(monkeypatch):
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)


def _rates(model):
    return {group["lr"] for optimizer in model.optimizers().values() for group in optimizer.param_groups}


def test_the_model_goes_on_with_what_differs(model):
    live = model()
    training, differing = edits.apply(
        live,
        TrainingConfig(),
        {"training.learning_rate": 5e-4, "model.beta": 2.0, "training.batch_size": 128, "training.steps": 9},
    )
    assert differing == {
        "training.learning_rate": (1e-3, 5e-4),
        "model.beta": (1.0, 2.0),
        "training.steps": (5000, 9),
    }
    assert (training.learning_rate, training.steps, training.batch_size) == (5e-4, 9, 128)
    assert live.config.beta == 2.0 and _rates(live) == {5e-4}


@pytest.mark.parametrize("name", ["training.seed", "training.heldout", "model.width", "model.nonsense"])
def test_what_needs_another_run_is_refused(model, name):
    with pytest.raises(ValueError, match=f"^{name} cannot change while it trains$"):
        edits.apply(model(), TrainingConfig(), {name: 1})


def test_an_edit_counts_from_the_next_step_on_and_is_recorded(start):
    run = start()
    seen = []
    learn = run.model.step
    run.model.step = lambda batch, labels: (
        seen.append((len(batch), *_rates(run.model))) or learn(batch, labels)
    )
    events = []
    for event in run.events:
        events.append(event)
        if isinstance(event, Progress) and event.step == 3:
            run.control.steer({"training.batch_size": 2, "training.learning_rate": 1e-3})
            run.control.steer({"training.learning_rate": 5e-4, "model.beta": 4.0})
        if isinstance(event, Progress) and event.step == 5:
            run.control.steer({"training.batch_size": 2})  # as it is
    assert seen == [(4, 1e-3)] * 3 + [(2, 5e-4)] * 9
    (edited,) = [e for e in events if isinstance(e, Edited)]
    assert edited.step == 3 and edited.changes == {
        "training.batch_size": (4, 2),
        "training.learning_rate": (1e-3, 5e-4),
        "model.beta": (1.0, 4.0),
    }
    info = RunFolder.open(run.folder.path).info
    (edit,) = info["edits"]
    assert edit["step"] == 3 and edit["seconds"] > 0
    assert edit["changes"] == {name: list(values) for name, values in edited.changes.items()}
    assert info["training"]["batch_size"] == 2 and info["model"]["config"]["beta"] == 4.0
    assert (run.order.epoch, run.order.position) == (1, 8)  # 12 + 5 * 2, then 4 * 2 of the next 22


def test_what_is_edited_during_a_pause_is_recorded_when_it_goes_on(start):
    run = start(steps=5)
    run.control.pause()
    events = []
    for event in run.events:
        events.append(type(event))
        if isinstance(event, Paused):
            run.control.steer({"training.learning_rate": 0.5})
            assert "edits" not in run.folder.info
            run.control.resume()
    assert events[events.index(Paused) + 1] is Edited
    assert _rates(run.model) == {0.5}


def test_limits_may_be_moved_while_it_trains(start):
    run = start(steps=5)
    for event in run.events:
        if isinstance(event, Progress) and event.step == 5:
            run.control.steer({"training.steps": 8})
    assert (event.step, event.reason) == (8, "steps")
    run = start(steps=50)
    for event in run.events:
        if isinstance(event, Progress) and event.step == 5:
            run.control.steer({"training.steps": 2})
    assert (event.step, event.reason) == (5, "steps")


def test_before_a_larger_batch_all_is_saved(start):
    run = start()
    events = []
    for event in run.events:
        events.append(event)
        if isinstance(event, Progress) and event.step in (3, 5):
            run.control.steer({"training.batch_size": {3: 3, 5: 6}[event.step]})
    assert [e.step for e in events if isinstance(e, Saved)] == [0, 5, 12]


def test_an_order_goes_on_from_where_it_was_with_another_batch():
    order = Order(10, 4, seed=3)
    first = order.next()
    order.resize(3)
    permutation = Order(10, 10, seed=3).next()
    assert [*first, *order.next(), *order.next()] == permutation.tolist()
    order.resize(64)
    assert len(order.next()) == 10 and order.epoch == 1
    order.go_to(0, 4)
    order.resize(3)
    assert order.next().tolist() == permutation[4:7].tolist()
