"""The training loop as those who iterate it see it."""

from __future__ import annotations

import csv
import itertools
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latentlab import metrics
from latentlab.core.errors import DataError
from latentlab.models import MODELS
from latentlab.models.pixels import render
from latentlab.training import checkpoint, loop
from latentlab.training.events import Done, Evaluated, Health, Paused, Preview, Progress, Saved
from latentlab.training.order import Order

SOON = 10.0
#: A kind of each family and one that learns from labels; `tests/test_run.py` resumes every kind.
KINDS = ("vae-mlp", "mlp-gan", "cgan")


def _of(kind, events):
    return [e for e in events if isinstance(e, kind)]


def _weights(model):
    return {f"{n}.{k}": t.clone() for n, net in model.nets.items() for k, t in net.state_dict().items()}


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _ticking(seconds):
    """A clock that goes on by so much whenever somebody looks at it."""
    times = itertools.count(0.0, seconds)
    return SimpleNamespace(monotonic=lambda: next(times))


@pytest.fixture
def tell_each_step(monkeypatch):
    """A Progress after every step."""
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)


def _after(model, step, action):
    """Do something within a model's step, right after it has learned."""
    learn = model.step

    def patched(batch, labels):
        metrics = learn(batch, labels)
        if model.step_count == step:
            action()
        return metrics

    model.step = patched


@pytest.mark.parametrize("key", KINDS)
def test_events_come_in_order_and_leave_no_step_out(key, start):
    run = start(key, evaluate=lambda everything: ({"figure": 1.0}, None))
    events = list(run.events)
    assert isinstance(events[0], Preview) and events[0].step == 0
    kinds = [type(e) for e in events if not isinstance(e, Health)]
    assert kinds[:2] == [Preview, Saved] and events[1].step == 0
    assert kinds[-5:] == [Progress, Saved, Preview, Evaluated, Done]
    progress = _of(Progress, events)
    assert np.concatenate([p.steps for p in progress]).tolist() == list(range(1, 13))
    for event in progress:
        assert event.step == event.steps[-1] and event.total == 12
        assert set(event.values) <= set(run.model.metric_titles)
        assert event.memory > 1_000_000  # a process with torch in it is larger than that
        assert all(v.shape == event.steps.shape and v.dtype == np.float32 for v in event.values.values())
        assert event.steps_per_second > 0 and event.eta is not None and event.eta >= 0
        assert event.images_per_second == pytest.approx(4 * event.steps_per_second)
    assert events[-1].reason == "steps" and events[-1].step == 12
    (verdict,) = _of(Evaluated, events)
    assert verdict.final and verdict.step == 12 and verdict.kl is None
    seconds = [p.seconds for p in progress] + [events[-1].seconds]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_every_step_can_be_told_for_itself(start, tell_each_step):
    progress = _of(Progress, start().events)
    assert [p.steps.tolist() for p in progress] == [[n] for n in range(1, 13)]
    assert progress[-1].epoch == pytest.approx(2 + 8 / 22)  # five batches of four an epoch of 22


def test_progress_comes_at_most_twenty_times_a_second(start):
    run = start(steps=0, minutes=0.4 / 60)
    progress = _of(Progress, run.events)
    assert 1 <= len(progress) <= 10
    gaps = np.diff([p.seconds for p in progress[:-1]])  # the last tells what is left
    assert (gaps >= 0.045).all()


def test_previews_show_the_fixed_latents_as_they_are_decoded_now(start):
    run = start()
    previews = _of(Preview, run.events)
    assert [p.step for p in previews] == [0, 12]
    for preview in previews:
        assert preview.images.shape == (5, 1, 8, 8) and preview.images.dtype == np.uint8
        assert preview.images.flags.c_contiguous
    assert np.array_equal(previews[-1].images, render(run.model, run.latents))
    assert not np.array_equal(previews[0].images, previews[1].images)


def test_the_last_checkpoint_holds_what_was_learned(start, model):
    run = start()
    first, saved = _of(Saved, run.events)
    assert first.step == 0 and saved.step == 12 and saved.path == run.folder.latest_checkpoint()
    other = model(seed=5)
    meta = checkpoint.load(saved.path, other)
    assert _same(_weights(run.model), _weights(other))
    assert (meta["epoch"], meta["position"]) == (run.order.epoch, run.order.position)


def test_metrics_on_disk_are_those_that_were_told(start):
    run = start(evaluate=lambda everything: ({"figure": 0.5 if everything else 1.0}, None))
    events = list(run.events)
    series = run.folder.read_metrics()
    for name in ("neg_elbo", "reconstruction", "kl"):
        told = np.concatenate([e.values[name] for e in _of(Progress, events)])
        assert series[name][0].tolist() == list(range(1, 13))
        np.testing.assert_allclose(series[name][1], told, rtol=1e-5)
    assert series["figure"][0].tolist() == [12] and series["figure"][1].tolist() == [0.5]
    with (run.folder.path / "metrics.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "seconds", *run.model.metric_titles, "figure"]
    assert [r[0] for r in rows] == [str(n) for n in [*range(1, 13), 12]]


def test_nothing_held_out_gives_no_verdict(start):
    run = start(evaluate=lambda everything: ({}, None))
    assert not _of(Evaluated, run.events)
    assert run.folder.read_metrics()["kl"][0].tolist() == list(range(1, 13))
    assert len((run.folder.path / "metrics.csv").read_text().splitlines()) == 13


def test_training_ends_after_its_minutes(start):
    run = start(steps=0, minutes=0.2 / 60)
    events = list(run.events)
    assert events[-1].reason == "minutes" and events[-1].seconds >= 0.2
    assert _of(Saved, events)[-1].step == events[-1].step == run.model.step_count > 0
    progress = _of(Progress, events)[0]
    assert progress.total == 0 and 0 <= progress.eta <= 0.2


def test_without_a_limit_there_is_no_end_to_estimate(start, tell_each_step):
    run = start(steps=0)
    for event in run.events:
        if isinstance(event, Progress):
            assert event.eta is None and event.total == 0
            run.control.stop()
    assert event.reason == "stopped"


def test_a_stop_ends_after_the_present_step_and_saves_but_does_not_judge(start, tell_each_step):
    judged = []
    run = start(evaluate=lambda everything: judged.append(everything) or ({"figure": 1.0}, None))
    events = []
    for event in run.events:
        events.append(event)
        if isinstance(event, Progress) and event.step == 3:
            run.control.stop()
    assert [type(e) for e in events[-3:]] == [Saved, Preview, Done]
    assert events[-1].reason == "stopped" and events[-1].step == 3 == run.model.step_count
    assert judged == []


def test_a_stop_before_the_first_step_still_ends_properly(start):
    run = start()
    run.control.stop()
    assert [(type(e), e.step) for e in run.events] == [(Preview, 0), (Saved, 0), (Saved, 0), (Done, 0)]


def test_autosaves_come_in_their_time_and_most_old_ones_go(start, tell_each_step, monkeypatch):
    run = start(steps=8, autosave=1)
    monkeypatch.setattr(loop, "time", _ticking(1.5))
    saved = _of(Saved, run.events)
    assert [s.step for s in saved] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert [p.name for p in run.folder.checkpoints()] == [
        f"step-{n:09d}.safetensors" for n in (1, 2, 4, 6, 7, 8)
    ]


@pytest.mark.parametrize("key", [k for k, m in MODELS.items() if m.family == "vae"])
def test_the_highest_learning_rate_does_not_break_a_vae(key, start):
    """Steps of 1 throw the log variance far out; its bounds keep exp() finite and the training alive."""
    events = list(start(key, steps=60, learning_rate=1.0).events)
    assert events[-1].reason == "steps" and _of(Saved, events)


# Pause, from another thread


class Listener:
    """Iterates a run in a thread of its own."""

    def __init__(self, run):
        self.run, self.events = run, []
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        for event in self.run.events:
            self.events.append(event)

    def hears(self, condition):
        deadline = time.monotonic() + SOON
        while not condition(self.events):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def ends(self):
        self.run.control.stop()
        self.thread.join(SOON)
        return not self.thread.is_alive()


def test_pause_single_steps_and_resume_reach_the_loop(start):
    run = start(steps=0)
    run.control.pause()
    listener = Listener(run)
    try:
        assert listener.hears(lambda events: _of(Paused, events))
        assert [type(e) for e in listener.events] == [Preview, Saved, Paused] and run.model.step_count == 0
        for step in (1, 2):
            run.control.step_once()
            assert listener.hears(lambda events, pauses=step + 1: len(_of(Paused, events)) == pauses)
            progress, *others = [e for e in listener.events if not isinstance(e, Health)][-3:]
            assert [type(e) for e in others] == [Preview, Paused]
            assert [e.step for e in others] == [step, step] and progress.steps.tolist() == [step]
        run.control.resume()
        assert listener.hears(lambda events: run.model.step_count > 20)
    finally:
        assert listener.ends()
    assert listener.events[-1].reason == "stopped"
    steps = np.concatenate([p.steps for p in _of(Progress, listener.events)])
    assert steps.tolist() == list(range(1, run.model.step_count + 1))


def test_a_pause_does_not_count_as_training_time(start):
    run = start(steps=0)
    run.control.pause()
    started = time.monotonic()
    listener = Listener(run)
    assert listener.hears(lambda events: _of(Paused, events))
    time.sleep(0.5)
    assert listener.ends()
    assert 0 < listener.events[-1].seconds <= time.monotonic() - started - 0.5


def test_a_pause_does_not_change_what_is_learned(start):
    plain = start(steps=30)
    list(plain.events)
    run = start(steps=30)
    for event in run.events:
        if isinstance(event, Preview) and event.step == 0:
            run.control.step_once()
        elif isinstance(event, Paused):
            (run.control.step_once if event.step < 10 else run.control.resume)()
    assert run.model.step_count == 30 and _same(_weights(plain.model), _weights(run.model))


# What is told, looked at, judged and saved changes nothing


@pytest.mark.parametrize("key", KINDS)
def test_previews_verdicts_and_saves_do_not_change_what_is_learned(key, start, monkeypatch):
    quiet = start(key)
    list(quiet.events)
    pictures = np.random.default_rng(5).integers(0, 256, (9, 1, 8, 8), dtype=np.uint8)
    heldout = metrics.Heldout(pictures, np.arange(9) % 3)
    busy = start(key, autosave=1, evaluate=lambda everything: (metrics.measure(busy.model, heldout), None))
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)
    monkeypatch.setattr(loop, "PREVIEW_SHARE", 1e9)
    monkeypatch.setattr(loop, "EVALUATION_SHARE", 1e9)
    monkeypatch.setattr(loop, "time", _ticking(7.0))
    events = list(busy.events)
    assert (
        len(_of(Preview, events)) > 10 and len(_of(Saved, events)) > 10 and len(_of(Evaluated, events)) > 10
    )
    assert _same(_weights(quiet.model), _weights(busy.model))
    assert torch.equal(quiet.model.generator.get_state(), busy.model.generator.get_state())


# Resuming


def _everything(model):
    state = _weights(model) | {"generator": model.generator.get_state()}
    for name, optimizer in model.optimizers().items():
        for index, values in optimizer.state_dict()["state"].items():
            state |= {f"{name}.{index}.{k}": t for k, t in values.items()}
    return state


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("half", [3, 7], ids=["within an epoch", "across epochs"])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(key, half, start, model, images):
    more = {"kl_warmup": 9} if "vae" in key else {}
    whole = start(key, steps=2 * half, live=model(key, **more))
    list(whole.events)
    first = start(key, steps=half, live=model(key, **more))
    list(first.events)

    later = model(key, seed=77, **more)  # every weight must come from the file
    meta = checkpoint.load(first.folder.latest_checkpoint(), later)
    order = Order(len(images), 4, first.config.seed, meta["epoch"], meta["position"])
    second = start(key, steps=2 * half, live=later, order=order)
    events = list(second.events)
    assert np.concatenate([p.steps for p in _of(Progress, events)]).tolist() == list(
        range(half + 1, 2 * half + 1)
    )
    assert _same(_everything(whole.model), _everything(second.model))
    assert (whole.order.epoch, whole.order.position) == (second.order.epoch, second.order.position)


def test_two_trainings_of_one_seed_are_equal_and_of_two_seeds_are_not(start, model):
    runs = [start(seed=seed, live=model(seed=seed)) for seed in (1, 1, 2)]
    for run in runs:
        list(run.events)
    first, second, third = (_everything(run.model) for run in runs)
    assert _same(first, second) and not _same(first, third)


# Data


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_are_refused_before_anything_happens(start, images, count, model):
    run = start(store=images[:count], order=Order(1, 4, 0))
    with pytest.raises(DataError, match=f"^Training needs at least 2 images; {count} are left"):
        next(run.events)


@pytest.mark.parametrize("key", KINDS)
def test_fewer_images_than_a_batch_are_the_batch(key, start, images):
    run = start(key, store=images[:3], batch_size=64, steps=3)
    done = list(run.events)[-1]
    assert done.reason == "steps" and run.order.epoch == 2


def test_the_loop_learns_what_there_is_to_learn(start):
    """Two pictures, one latent dimension more than they need: the reconstruction falls to a fraction."""
    two = np.zeros((8, 1, 8, 8), np.uint8)
    two[::2, :, :4] = 255
    two[1::2, :, :, 4:] = 255
    run = start(store=two, steps=400, batch_size=8, learning_rate=5e-3)
    list(run.events)
    losses = run.folder.read_metrics()["reconstruction"][1]
    assert losses[:5].mean() > 40 and losses[-20:].mean() < 3
