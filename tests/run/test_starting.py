"""Beginnings: from another run's weights; and runs that go on with other images."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from latentlab import data
from latentlab import run as runs
from latentlab.core.errors import ConfigError, RunError
from latentlab.models import MODELS
from latentlab.training import keeping
from latentlab.training.events import Evaluated, Progress
from latentlab.training.run_folder import RunFolder

# From the weights of another run


def _net(model, name):
    return model.nets[name].state_dict()


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_the_same_shape_takes_over_everything_and_starts_anew(begin, follow, noise, tmp_path):
    source = begin("source", steps=5)
    follow(source)
    training = begin("new", dataset=noise(seed=3), seed=9, start_from=tmp_path / "source")
    for name in ("encoder", "decoder"):
        assert _same(_net(training.model, name), _net(source.model, name))
    taken = ("encoder.1 (8×64)", "encoder.3 (8×8)", "decoder.0 (8×4)", "decoder.2 (64×8)")
    assert training.taken_over == runs.TakenOver(tmp_path / "source", 5, taken, ())
    assert training.model.step_count == 0
    info = json.loads((tmp_path / "new" / "run.json").read_text())
    assert info["started_from"] == {
        "path": str(tmp_path / "source"),
        "step": 5,
        "taken": list(taken),
        "left": [],
    }
    follow(training)
    assert runs.resume(tmp_path / "new", dataset=noise(seed=3)).model.step_count == 14


def test_layers_of_another_shape_are_left_as_drawn(begin, follow, tmp_path):
    source = begin("source", steps=5)
    follow(source)
    alone = begin("alone", model={"latent_size": 6})
    training = begin("new", model={"latent_size": 6}, start_from=tmp_path / "source")
    assert training.taken_over.taken == ("encoder.1 (8×64)", "decoder.2 (64×8)")
    assert training.taken_over.left == ("encoder.3 (12×8)", "decoder.0 (8×6)")
    mine, theirs, drawn = (_net(t.model, "decoder") for t in (training, source, alone))
    assert torch.equal(mine["2.weight"], theirs["2.weight"]) and torch.equal(mine["2.bias"], theirs["2.bias"])
    assert torch.equal(mine["0.weight"], drawn["0.weight"]) and torch.equal(mine["0.bias"], drawn["0.bias"])


def test_a_layer_is_taken_whole_or_not_at_all(begin, follow, tmp_path):
    """encoder.1 of a model for 8×9 images has biases of the same shape, but not its weights."""
    from latentlab.data.base import Dataset

    follow(begin("source", steps=2))
    wide = Dataset(np.zeros((20, 1, 8, 9), np.uint8), "wide", "handmade")
    alone = begin("alone", dataset=wide)
    training = begin("new", dataset=wide, start_from=tmp_path / "source")
    assert "encoder.1 (8×72)" in training.taken_over.left
    assert torch.equal(_net(training.model, "encoder")["1.bias"], _net(alone.model, "encoder")["1.bias"])


def test_another_kind_of_model_gives_what_fits(begin, follow, tmp_path):
    source = begin("source", "vae-conv", steps=2)
    follow(source)
    training = begin("new", "beta-vae", start_from=tmp_path / "source")
    assert training.taken_over.left == () and training.taken_over.step == 2
    assert _same(_net(training.model, "decoder"), _net(source.model, "decoder"))
    with pytest.raises(ConfigError, match=r"^Nothing of .*source fits: no layer has .* one of mlp-gan\.$"):
        begin("gan", "mlp-gan", start_from=tmp_path / "source")
    assert not (tmp_path / "gan").exists()


def test_a_start_from_what_is_no_run_leaves_nothing_behind(begin, tmp_path):
    with pytest.raises(RunError, match="There is no run at"):
        begin("new", start_from=tmp_path / "nowhere")
    begin("empty")
    with pytest.raises(RunError, match="has no checkpoint yet"):
        begin("new", start_from=tmp_path / "empty")
    assert not (tmp_path / "new").exists()


def test_the_average_of_a_generator_follows_it(begin, follow, tmp_path):
    source = begin("source", "mlp-gan", steps=3)
    follow(source)
    training = begin("new", "mlp-gan", model={"ema": 0.9}, start_from=tmp_path / "source")
    (average,) = set(training.model.nets) - {"generator", "discriminator"}
    assert _same(_net(training.model, average), _net(source.model, "generator"))
    assert not any(layer.startswith(average) for layer in training.taken_over.taken)
    follow(training)
    again = begin("again", "mlp-gan", model={"ema": 0.9}, start_from=tmp_path / "new")
    assert _same(_net(again.model, average), _net(training.model, average))
    assert not _same(_net(again.model, average), _net(again.model, "generator"))


def test_data_that_a_model_cannot_learn_from_leaves_nothing_behind(begin, tmp_path):
    with pytest.raises(ConfigError, match=r"^A cgan learns from labels"):
        begin("new", "cgan")
    assert not (tmp_path / "new").exists()


# Growing data


def test_a_run_goes_on_with_more_images_in_a_new_epoch(begin, follow, noise, tmp_path):
    first = begin(steps=6)
    follow(first)
    old, more = dict(first.folder.info["data"]), noise(count=60, seed=1)
    training = runs.resume(tmp_path / "run", dataset=more, grow=True, steps=3)
    assert training.model.step_count == 6 and training.model.train_count == 54
    progress = [e for e in follow(training) if isinstance(e, Progress)]
    # Six steps of 8 of 36 images were the first four of an epoch, and two; the new one is the third.
    assert [e.epoch for e in progress] == pytest.approx([2 + n * 8 / 54 for n in (1, 2, 3)])
    info = RunFolder.open(tmp_path / "run").info
    assert info["data"]["summary"] == more.summary() and info["data"]["trained_on"] == 54
    assert info["grown"] == [{"step": 6, "from": old}]
    with pytest.raises(RunError, match="was trained on other images"):
        runs.resume(tmp_path / "run", dataset=noise())
    again = runs.resume(tmp_path / "run", dataset=more, grow=True, steps=1)
    assert len(again.folder.info["grown"]) == 1, "its own data is nothing new"
    assert [e.epoch for e in follow(again) if isinstance(e, Progress)] == [pytest.approx(2 + 4 * 8 / 54)]


def test_a_grown_run_that_was_killed_at_once_begins_the_same_epoch(begin, follow, noise, state, tmp_path):
    more = noise(count=60, seed=1)
    for name in ("whole", "killed"):
        follow(begin(name, steps=6))
    whole = runs.resume(tmp_path / "whole", dataset=more, grow=True, steps=8)
    follow(whole)
    follow(runs.resume(tmp_path / "killed", dataset=more, grow=True, steps=8), killed=9)
    resumed = runs.resume(tmp_path / "killed", dataset=more)
    assert resumed.model.step_count == 6
    follow(resumed)
    assert state(whole) == state(resumed)


def test_images_that_do_not_fit_a_run_are_refused_in_a_sentence(begin, follow, noise, tmp_path):
    labels = {"labels": np.arange(40) % 2, "label_names": ("cat", "dog")}
    follow(begin(steps=2))
    follow(begin("conditional", "cgan", dataset=noise(**labels), steps=2))
    before = (tmp_path / "run" / "run.json").read_text()
    with pytest.raises(RunError, match=r"run learns from images of 1×8×8; noise holds 3×8×8\.$"):
        runs.resume(tmp_path / "run", dataset=noise(shape=(3, 8, 8)), grow=True)
    with pytest.raises(RunError, match=r"conditional learns the classes cat, dog; noise has cat, cow\.$"):
        other = noise(seed=2, **labels | {"label_names": ("cat", "cow")})
        runs.resume(tmp_path / "conditional", dataset=other, grow=True)
    with pytest.raises(RunError, match=r"learns the classes cat, dog; noise has none\.$"):
        runs.resume(tmp_path / "conditional", dataset=noise(), grow=True)
    assert (tmp_path / "run" / "run.json").read_text() == before
    follow(runs.resume(tmp_path / "run", dataset=noise(seed=2, **labels), grow=True, steps=1))


def test_checkpoints_of_before_there_was_growth_go_on_where_they_were(begin, follow, tmp_path, monkeypatch):
    from latentlab.training import checkpoint

    training = begin(steps=3)
    follow(training)
    read = checkpoint.load
    monkeypatch.setattr(
        checkpoint, "load", lambda *args: {k: v for k, v in read(*args).items() if k != "data"}
    )
    assert keeping.restore(training.folder, training.model, 0)[:2] == (0, 24)


def test_every_kind_of_model_lists_each_of_its_layers(noise, plan, begin, follow, tmp_path):
    dataset = noise(labels=np.arange(40) % 2, label_names=("cat", "dog"))
    for key in MODELS:
        follow(begin(f"{key} a", key, dataset=dataset, steps=1))
        taken_over = begin(f"{key} b", key, dataset=dataset, start_from=tmp_path / f"{key} a").taken_over
        assert taken_over.left == () and len(set(taken_over.taken)) == len(taken_over.taken) >= 2


# What the data's settings do to a training


UNEQUAL = {"labels": np.repeat([0, 1], [30, 10]), "label_names": ("cat", "dog")}
SEEN = {"augment_flip": "both", "augment_rotate": 10, "augment_colour": 0.5, "balance": "over"}


@pytest.mark.parametrize("balance", ["none", "over", "under"])
def test_a_balanced_epoch_is_longer_or_shorter_and_distinct_images_count(balance, begin, follow, noise):
    few, many = sorted(np.bincount(UNEQUAL["labels"][noise().split(0.1, 0)[0]]).tolist())
    assert few < many and few + many == 36
    epoch = {"none": 36, "over": 2 * many, "under": 2 * few}[balance]
    training = begin(dataset=noise(**UNEQUAL, config={"balance": balance}), steps=2)
    distinct = min(36, epoch)
    assert training.model.train_count == training.folder.info["data"]["trained_on"] == distinct
    assert training.folder.info["data"]["config"] == {"balance": balance}
    progress = [e for e in follow(training) if isinstance(e, Progress)]
    assert [e.epoch for e in progress] == pytest.approx([8 / epoch, 16 / epoch])
    assert len(training._heldout) == 4


@pytest.mark.parametrize("key", ["vae-mlp", "cvae", "cgan"])
def test_a_resumed_run_is_balanced_and_augmented_as_it_began(key, begin, follow, noise, state, tmp_path):
    """Bit for bit, also where the images were loaded with other settings meanwhile."""
    dataset = noise(**UNEQUAL, config=SEEN)
    whole = begin("whole", key, dataset=dataset)
    follow(whole)
    follow(begin("killed", key, dataset=dataset), killed=9)
    plain = begin("plain", key, dataset=noise(**UNEQUAL, config={"balance": "over"}))
    follow(plain)
    assert state(plain) != state(whole), "it saw the images as they are"
    for config in (SEEN, {}, SEEN | {"balance": "under", "augment_flip": "none"}):
        shutil.copytree(tmp_path / "killed", tmp_path / "again")
        resumed = runs.resume(tmp_path / "again", dataset=noise(**UNEQUAL, config=config))
        assert resumed.folder.info["data"]["config"] == SEEN
        assert resumed.model.train_count == whole.model.train_count == 36
        follow(resumed)
        assert state(whole) == state(resumed)
        shutil.rmtree(tmp_path / "again")


def test_augmentation_is_for_learning_only(begin, noise, monkeypatch):
    """What is judged and compared with are the images as they are."""
    from latentlab.training.augmentation import Augmentation

    changed = []
    change = Augmentation.__call__
    monkeypatch.setattr(Augmentation, "__call__", lambda *args: changed.append(len(args[1])) or change(*args))
    dataset = noise(config={"augment_colour": 1.0})
    training = begin(dataset=dataset, steps=3)
    assert len([e for e in training.events() if isinstance(e, Evaluated)]) >= 1
    assert changed == [8, 8, 8]
    chosen = dataset.split(0.1, 0)[1]
    np.testing.assert_array_equal(training._heldout.read(), dataset.images[chosen])


@pytest.mark.parametrize("key", ["vae-mlp", "cgan"])
def test_a_mapped_store_gives_the_same_run_and_is_never_indexed(key, begin, follow, noise, state, tmp_path):
    plain = noise(**UNEQUAL, config=SEEN)
    plain.images.tofile(tmp_path / "images")
    mapped = Unindexed(tmp_path / "images", np.uint8, "r", shape=plain.images.shape)
    dataset = dataclasses.replace(plain, images=mapped)
    first, second = begin("memory", key, dataset=plain), begin("mapped", key, dataset=dataset)
    follow(first), follow(second)
    assert state(first) == state(second)
    figures = [run.folder.read_metrics() for run in (first, second)]
    assert figures[0].keys() == figures[1].keys() >= {"diversity"}
    assert all(np.array_equal(figures[0][n][1], figures[1][n][1]) for n in figures[0])


class Unindexed(np.memmap):
    """A map whose rows nobody looks at: their pages would stay in memory."""

    def __getitem__(self, index):
        raise AssertionError(f"[{index}]")


@pytest.mark.parametrize(("source", "expected"), [("points", 1), ("digits", 2)])
def test_points_are_learned_on_one_kernel_thread(source, expected, tmp_path):
    """Of two threads each would mostly wait for the other; afterwards both are there again."""
    dataset = data.load(source, {"limit": 60})
    plan = runs.plan("mlp-gan", {"width": 8}, {"batch_size": 8, "steps": 2, "device": "cpu"})
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        training = runs.begin(dataset, plan, tmp_path / "run")
        assert {torch.get_num_threads() for _ in training.events()} == {expected}
        assert torch.get_num_threads() == 2
        assert training.folder.info["machine"]["threads"] == expected
    finally:
        torch.set_num_threads(before)
