"""NaN and infinity: the way back, and on from there."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab.training import checkpoint, failures, loop
from latentlab.training.events import Diverged, Done, Health, Paused, Preview, Progress, Saved
from latentlab.training.order import Order


def _of(kind, events):
    return [e for e in events if isinstance(e, kind)]


def _weights(model):
    return {f"{n}.{k}": t.clone() for n, net in model.nets.items() for k, t in net.state_dict().items()}


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _poison(model):
    with torch.no_grad():
        for parameter in model.nets[model.evaluation_nets[0]].parameters():
            parameter.fill_(float("nan"))


def _after(model, step, action, times=1):
    """Do something within a model's step, right after it has learned, the first few times it gets there."""
    learn, left = model.step, itertools.chain([True] * times, itertools.repeat(False))

    def patched(batch, labels):
        figures = learn(batch, labels)
        if model.step_count == step and next(left):
            action()
        return figures

    model.step = patched


@pytest.fixture
def each_step(monkeypatch):
    """A Progress after every step, and a checkpoint wherever autosave is 1."""
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)
    times = itertools.count(0.0, 1.5)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(times)))


@pytest.mark.parametrize("key", ["vae-mlp", "mlp-gan", "cgan"])
def test_a_loss_that_is_no_number_ends_the_training_at_its_last_checkpoint(key, start, each_step):
    run = start(key)
    at_first = _weights(run.model)
    _after(run.model, 4, lambda: _poison(run.model))
    events = [e for e in run.events if not isinstance(e, Health)]
    assert [type(e) for e in events[-4:]] == [Progress, Diverged, Preview, Done]
    assert not np.isfinite(list(events[-4].values.values())).all()
    diverged, preview, done = events[-3:]
    assert (diverged.step, diverged.back_to) == (5, 0)
    assert (preview.step, done.step, done.reason) == (0, 0, "diverged")
    assert _same(at_first, _weights(run.model)) and run.model.step_count == 0
    assert [e.step for e in _of(Saved, events)] == [0]
    assert (run.order.epoch, run.order.position) == (0, 0)
    assert run.folder.read_metrics() == {}
    assert run.folder.info["diverged"] == [{"step": 5, "back_to": 0, "what": diverged.what}]


def test_figures_and_weights_are_named_in_words(start, model):
    spoiled = model()
    assert failures.spoiled_weight(spoiled) == ""
    spoiled.nets["decoder"][0].bias.data[1] = float("-inf")
    assert failures.spoiled_weight(spoiled) == "a weight of the decoder"
    progress = SimpleNamespace(
        steps=np.array([7, 8, 9]),
        values={"neg_elbo": np.array([1, 2, np.nan]), "kl": np.array([np.nan, np.inf, 3])},
    )
    measured = [{"neg_elbo": None}, {"neg_elbo": None, "kl": None}, {"neg_elbo": None}]
    assert failures.spoiled_figure(spoiled, progress, measured) == (8, "KL")
    assert failures.spoiled_figure(spoiled, progress, [{}, {}, {"kl": None}]) is None


def test_it_goes_back_to_the_last_good_checkpoint_and_what_came_later_is_dropped(start, each_step, model):
    run = start(autosave=1)
    _after(run.model, 4, lambda: _poison(run.model))
    events = list(run.events)
    # The loss of step 4 was taken before the weights went bad: only they can tell.
    assert [e.step for e in _of(Saved, events)] == [0, 1, 2, 3]
    (diverged,) = _of(Diverged, events)
    assert diverged == Diverged(4, 3, "a weight of the encoder") and events[-1].step == 3
    checkpoint.load(run.folder.latest_checkpoint(), other := model())
    assert _same(_weights(run.model), _weights(other))
    assert all(t.isfinite().all() for t in _weights(other).values())
    assert run.folder.read_metrics()["kl"][0].tolist() == [1, 2, 3]
    assert (run.order.epoch, run.order.position) == (0, 12)


def test_weights_spoiled_by_the_very_last_step_are_not_saved(start):
    run = start()
    _after(run.model, 12, lambda: _poison(run.model))
    events = list(run.events)
    assert events[-1].reason == "diverged" and [e.step for e in _of(Saved, events)] == [0]
    assert all(t.isfinite().all() for t in _weights(run.model).values())


def test_a_divergence_found_on_the_way_into_a_pause_is_one(start, monkeypatch):
    monkeypatch.setattr(loop, "TELL_EVERY", 1e9)
    run = start()
    _after(run.model, 4, lambda: _poison(run.model))
    _after(run.model, 5, run.control.pause)
    events = list(run.events)  # would wait for ever if the pause came first
    assert events[-1].reason == "diverged" and not _of(Paused, events)


def test_where_somebody_waits_it_pauses_and_goes_on_with_other_noise(start, each_step):
    run = start(waits=True, autosave=1)
    _after(run.model, 4, lambda: _poison(run.model), times=2)
    before, noise = [], []
    for event in run.events:
        if isinstance(event, Saved) and event.step == 3:
            before.append(run.model.generator.get_state())
        if isinstance(event, Paused):
            assert event.step == 3
            noise.append(run.model.generator.get_state())
            run.control.steer({"training.learning_rate": 1e-4 / len(noise)})
            run.control.resume()
    assert event == Done(12, event.seconds, "steps")
    assert [d["back_to"] for d in run.folder.info["diverged"]] == [3, 3]
    assert not torch.equal(noise[0], before[0]) and not torch.equal(noise[0], noise[1])
    assert [e["changes"]["training.learning_rate"] for e in run.folder.info["edits"]] == [
        [1e-3, 1e-4],
        [1e-4, 5e-5],
    ]
    assert run.folder.read_metrics()["kl"][0].tolist() == list(range(1, 13))


def test_edits_of_later_steps_are_taken_back_with_them(start, each_step):
    run = start()
    _after(run.model, 2, lambda: run.control.steer({"training.batch_size": 3, "model.beta": 3.0}))
    _after(run.model, 4, lambda: _poison(run.model))
    assert list(run.events)[-1].reason == "diverged"
    assert run.folder.info["edits"] == [] and run.folder.info["training"]["batch_size"] == 4
    assert run.model.config.beta == 1.0 and run.order.batch_size == 4


def test_whoever_stops_it_is_not_kept_waiting(start, each_step):
    run = start(waits=True)
    _after(run.model, 4, lambda: (_poison(run.model), run.control.stop()))
    events = list(run.events)
    assert events[-1].reason == "diverged" and not _of(Paused, events)


def test_a_run_that_went_back_is_resumed_with_the_noise_it_would_have_gone_on_with(start, each_step, model):
    from latentlab.training import keeping

    run = start(waits=True)
    _after(run.model, 3, lambda: _poison(run.model))
    for event in run.events:
        if isinstance(event, Diverged):
            later = model(seed=5)
            epoch, position, _ = keeping.restore(run.folder, later, run.config.seed)
            assert torch.equal(later.generator.get_state(), run.model.generator.get_state())
        if isinstance(event, Paused):
            run.control.resume()
    assert run.model.step_count == 12
    other = start(live=later, order=Order(22, 4, 0, epoch, position))
    list(other.events)
    assert _same(_weights(run.model), _weights(later))
