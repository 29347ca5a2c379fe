"""The Python face of a run: plan, begin, resume, open, look around."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import latentlab
from latentlab import data, export, metrics
from latentlab import run as runs
from latentlab.core.errors import ConfigError, RunError
from latentlab.data.base import Dataset
from latentlab.export import grid_size, write_picture
from latentlab.models import MODELS
from latentlab.run.starting import _extended
from latentlab.training.control import Control
from latentlab.training.events import Done, Evaluated, Paused, Preview, Progress, Saved
from latentlab.training.run_folder import RunFolder

SMALL = {"latent_size": 4, "width": 8}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _dataset(count=40, shape=(1, 8, 8), seed=0, **more):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return Dataset(images, "noise", "handmade", **more)


def _labelled(**more):
    """Data that every model can learn from."""
    return _dataset(labels=np.arange(40) % 3, label_names=("a", "b", "c"), **more)


def _plan(key="vae-mlp", **training):
    return runs.plan(key, SMALL, {"steps": 6, "batch_size": 8, "device": "cpu"} | training)


@pytest.fixture
def train(tmp_path) -> Callable[..., Path]:
    """Train a run to its end -> its folder."""

    def train(key="vae-mlp", name="run", dataset=None, **training) -> Path:
        training_run = runs.begin(dataset or _dataset(), _plan(key, **training), tmp_path / name)
        for _ in training_run.events():
            pass
        return tmp_path / name

    return train


@pytest.fixture
def opened(train) -> Callable[..., runs.Run]:
    return lambda *args, **more: runs.open_run(train(*args, **more))


# Plans


def test_a_plan_fills_in_the_model_s_own_defaults():
    plan = runs.plan("dcgan", {}, {"steps": 10})
    assert plan.model is MODELS.get("dcgan") and plan.model_config == plan.model.Config()
    assert (plan.training.learning_rate, plan.training.batch_size, plan.training.steps) == (1e-4, 64, 10)
    assert runs.plan("dcgan", {}, {"batch_size": 32}).training.batch_size == 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vae-con", {}, {}), "Unknown model 'vae-con': did you mean vae-conv? Expected one of "),
        (
            ("dcgan", {"latent_size": 0}, {}),
            "model.latent_size: 0 is not allowed; expected a whole number from ",
        ),
        (("dcgan", {"latent": 5}, {}), "model has no setting 'latent': did you mean latent_size?"),
        (("dcgan", {"loss": "best"}, {}), "model.loss: 'best' is not allowed; expected one of "),
        (("dcgan", {}, {"learning_rate": 2}), "training.learning_rate: 2 is not allowed; expected a number "),
        (("dcgan", {}, {"batch_size": 1}), "training.batch_size: 1 is not allowed; a dcgan needs at least 2"),
        (("dcgan", {}, {"device": "tpu"}), "training.device: 'tpu' is not allowed; expected one of auto, "),
        (("dcgan", {}, {"minutes": float("nan")}), "training.minutes: nan is not allowed"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_what_is_wrong(arguments, message):
    with pytest.raises(ConfigError) as raised:
        runs.plan(*arguments)
    assert str(raised.value).startswith(message)


def test_settings_may_come_as_text():
    assert runs.plan("vae-mlp", {"latent_size": "7"}, {"learning_rate": "1e-2"}).model_config.latent_size == 7


# Begin


def test_a_training_leaves_a_run_that_says_how_it_came_about(train):
    info = json.loads((train() / "run.json").read_text())
    assert info["model"] == {"key": "vae-mlp", "config": _plan().model_config.model_dump()}
    assert info["training"] == _plan().training.model_dump()
    assert info["data"]["fingerprint"] == _dataset().fingerprint and info["data"]["source"] == "handmade"
    assert info["image_shape"] == [1, 8, 8] and info["versions"]["latentlab"] == latentlab.__version__
    assert info["metrics"][:3] == ["neg_elbo", "reconstruction", "kl"] and "diversity" in info["metrics"]


@pytest.mark.parametrize("key", list(MODELS))
@pytest.mark.parametrize("shape", [(3, 12, 9), (4, 8, 8)])
def test_every_model_can_be_trained_and_opened(key, shape, opened):
    run = opened(key, dataset=_labelled(shape=shape))
    assert run.step == 6
    images = run.sample(3)
    assert images.shape == (3, *shape) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1


def test_previews_are_kept_as_pictures_of_the_fixed_latents(tmp_path):
    training = runs.begin(_dataset(), _plan(), tmp_path / "run")
    previews = {e.step: e.images for e in training.events() if isinstance(e, Preview)}
    assert set(previews) == {0, 6} and previews[0].shape == (64, 1, 8, 8)
    samples = dict(training.folder.samples())
    assert set(samples) == {0, 6}
    with Image.open(samples[6]) as image:
        assert image.size == grid_size(8, 8, 8, 8)[::-1]
    run = runs.open_run(tmp_path / "run")
    assert np.array_equal(run.pixels(run.latents(64)), previews[6])


def test_held_out_images_are_judged_and_not_learned(tmp_path):
    training = runs.begin(_dataset(heldout=np.arange(4)), _plan(), tmp_path / "run")
    verdicts = [e for e in training.events() if isinstance(e, Evaluated)]
    assert [v.final for v in verdicts] == [True] and "heldout_neg_elbo" in verdicts[0].values
    assert len(training._train) == 36
    assert np.array_equal(training._heldout.read(), _dataset().images[:4])
    steps, kl = training.folder.read_dimensions()
    assert steps.tolist() == [6] and verdicts[0].kl.shape == (4,)
    np.testing.assert_allclose(kl, verdicts[0].kl[None], rtol=1e-4)


def test_quick_verdicts_look_at_a_bounded_part(tmp_path, monkeypatch):
    looked = []

    def measure(model, heldout, final):
        looked.append((len(heldout), final))
        return {}

    monkeypatch.setattr(metrics, "measure", measure)
    training = runs.begin(_dataset(), _plan("mlp-gan"), tmp_path / "run")
    for count in (0, 512, 513, 5000):
        training._heldout = metrics.Heldout(np.zeros((count, 1, 8, 8), np.uint8))
        training._evaluate(False)
        training._evaluate(True)
    assert looked[1::2] == [(0, True), (512, True), (513, True), (5000, True)]
    assert looked[::2] == [(0, False), (512, False), (512, False), (512, False)]


def test_a_folder_in_use_is_refused_and_left_alone(train, tmp_path):
    path = train()
    before = (path / "run.json").read_text()
    with pytest.raises(RunError, match="already holds files"):
        runs.begin(_dataset(), _plan(), path)
    assert (path / "run.json").read_text() == before


def test_a_device_that_is_not_there_is_refused_before_a_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="this machine has no cuda"):
        runs.begin(_dataset(), _plan(device="cuda"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_disk_that_is_full_ends_the_training_with_a_sentence(tmp_path, monkeypatch):
    training = runs.begin(_dataset(), _plan(), tmp_path / "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training.folder, "append_metrics", full)
    with pytest.raises(RunError, match=r"^Cannot write to the run .*: No space left on device\.$"):
        list(training.events())


# Resume


def _state(training):
    state = {"generator": training.model.generator.get_state()}
    for name, net in training.model.nets.items():
        state |= {f"{name}.{k}": t for k, t in net.state_dict().items()}
    for name, optimizer in training.model.optimizers().items():
        for index, values in optimizer.state_dict()["state"].items():
            state |= {f"{name}.{index}.{k}": t for k, t in values.items()}
    return state | {f"state.{name}": tensor for name, tensor in training.model.state.items()}


@pytest.mark.parametrize("key", list(MODELS))
def test_a_run_resumed_from_disk_equals_an_uninterrupted_one(key, tmp_path):
    whole = runs.begin(_labelled(), _plan(key, steps=14), tmp_path / "whole")
    list(whole.events())
    list(runs.begin(_labelled(), _plan(key, steps=7), tmp_path / "half").events())
    resumed = runs.resume(tmp_path / "half", dataset=_labelled())  # epochs have 4 steps here
    assert resumed.config.steps == 14
    list(resumed.events())
    a, b = _state(whole), _state(resumed)
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    series, expected = resumed.folder.read_metrics(), whole.folder.read_metrics()
    measured = [name for name in MODELS.get(key).metric_titles if name in expected]
    assert series[measured[0]][0].tolist() == list(range(1, 15))
    for name in measured:  # some not in every step
        assert np.array_equal(series[name][0], expected[name][0])
        assert np.array_equal(series[name][1], expected[name][1])
    assert np.array_equal(
        runs.open_run(tmp_path / "whole").sample(4), runs.open_run(tmp_path / "half").sample(4)
    )


def test_steps_beyond_the_last_checkpoint_are_done_again(train):
    path = train()
    folder = RunFolder.open(path)
    folder.append_metrics([7, 8], 9.0, {"kl": [1.0, 1.0]})
    write_picture(folder.sample_path(8), np.zeros((4, 4), np.uint8))
    resumed = runs.resume(path, dataset=_dataset())
    assert resumed.folder.read_metrics()["kl"][0].tolist() == [1, 2, 3, 4, 5, 6]
    assert [s for s, _ in resumed.folder.samples()] == [0, 6]


def test_a_run_loads_its_own_data_again(tmp_path):
    dataset = data.load("shapes", {"count": 30, "size": 16})
    list(runs.begin(dataset, _plan(), tmp_path / "run").events())
    resumed = runs.resume(tmp_path / "run")
    assert resumed.dataset.fingerprint == dataset.fingerprint and resumed.model.step_count == 6


@pytest.mark.parametrize(
    ("limits", "reached", "further", "expected"),
    [
        # (steps, minutes), (steps done, seconds), (further steps, further minutes) -> (steps, minutes)
        ((100, 0.0), (40, 5), (None, None), (100, 0.0)),
        ((100, 0.0), (100, 5), (None, None), (200, 0.0)),
        ((0, 2.0), (40, 60), (None, None), (0, 2.0)),
        ((0, 2.0), (40, 120), (None, None), (0, 4.0)),
        ((100, 2.0), (100, 60), (None, None), (200, 3.0)),
        ((0, 0.0), (40, 5), (None, None), (0, 0.0)),
        ((100, 0.0), (40, 60), (10, None), (50, 0.0)),
        ((100, 0.0), (100, 60), (10, None), (110, 0.0)),
        ((100, 0.0), (40, 60), (None, 3.0), (0, 4.0)),
        ((100, 9.0), (40, 60), (10, 3.0), (50, 4.0)),
        ((100, 0.0), (40, 60), (0, None), (0, 0.0)),
    ],
)
def test_limits_of_a_resumed_run(limits, reached, further, expected):
    training = _plan(steps=limits[0], minutes=limits[1]).training
    found = _extended(training, *reached, *further)
    assert (found.steps, found.minutes) == expected
    assert found.model_copy(update={"steps": 0, "minutes": 0}) == training.model_copy(
        update={"steps": 0, "minutes": 0}
    )


def test_negative_further_steps_are_refused(train):
    path = train()
    with pytest.raises(ConfigError, match=r"^steps: -3 is not allowed; expected at least 0 further steps\.$"):
        runs.resume(path, dataset=_dataset(), steps=-3)
    with pytest.raises(ConfigError, match=r"^minutes: -1"):
        runs.resume(path, dataset=_dataset(), minutes=-1)


def test_the_extended_limits_are_remembered(train):
    path = train()
    runs.resume(path, dataset=_dataset(), steps=5)
    assert RunFolder.open(path).info["training"]["steps"] == 11


def test_other_images_than_the_run_s_own_are_refused(train):
    path = train()
    for other in (
        _dataset(seed=1),
        _dataset(count=41),
        _dataset(labels=np.zeros(40, np.int64), label_names=("a",)),
    ):
        with pytest.raises(
            RunError, match=r"was trained on other images .* restore them, or start a new run"
        ):
            runs.resume(path, dataset=other)
    assert RunFolder.open(path).info["training"]["steps"] == 6


def test_a_run_that_was_killed_in_its_first_steps_begins_again(tmp_path):
    whole = runs.begin(_dataset(), _plan(), tmp_path / "whole")
    list(whole.events())
    events = runs.begin(_dataset(), _plan(autosave=86_400), tmp_path / "run").events()
    next(event for event in events if isinstance(event, Progress))
    events.close()
    resumed = runs.resume(tmp_path / "run", dataset=_dataset())
    assert resumed.model.step_count == 0
    list(resumed.events())
    a, b = _state(whole), _state(resumed)
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_without_a_checkpoint_cannot_be_resumed(tmp_path):
    runs.begin(_dataset(), _plan(), tmp_path / "run")
    with pytest.raises(RunError, match="has no checkpoint yet"):
        runs.resume(tmp_path / "run", dataset=_dataset())
    with pytest.raises(RunError, match="has no checkpoint yet"):
        runs.open_run(tmp_path / "run")


def test_a_paused_and_stopped_run_goes_on_to_its_limits(tmp_path):
    training = runs.begin(_dataset(), _plan(), tmp_path / "run")
    control = Control()
    control.step_once()
    for event in training.events(control):
        if isinstance(event, Paused):
            control.stop()
    assert isinstance(event, Done) and (event.step, event.reason) == (1, "stopped")
    resumed = runs.resume(tmp_path / "run", dataset=_dataset())
    events = list(resumed.events())
    assert events[-1].step == 6 and events[-1].reason == "steps"
    assert events[-1].seconds >= event.seconds
    steps = np.concatenate([e.steps for e in events if isinstance(e, Progress)])
    assert steps.tolist() == [2, 3, 4, 5, 6]


# Open and look around


def test_a_run_opens_at_its_latest_checkpoint_or_at_one_that_is_named(tmp_path):
    list(runs.begin(_dataset(), _plan(), tmp_path / "run").events())
    resumed = runs.resume(tmp_path / "run", dataset=_dataset())
    (saved,) = [event for event in resumed.events() if isinstance(event, Saved)]
    assert runs.open_run(str(tmp_path / "run")).step == 12 == saved.step
    assert runs.open_run(tmp_path / "run", step=6).step == 6
    with pytest.raises(RunError, match=r"There is no checkpoint at .*step-000000007"):
        runs.open_run(tmp_path / "run", step=7)
    assert latentlab.open_run(tmp_path / "run").step == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"key": "vae-lost", "config": {}}}, "run.json: Unknown model 'vae-lost'"),
        ({"model": {"key": "vae-mlp", "config": {"widht": 3}}}, "run.json: model has no setting 'widht'"),
        ({"model": {"key": "dcgan", "config": SMALL}}, "holds a vae-mlp, expected a dcgan"),
        ({"model": {"key": "vae-mlp", "config": {}}}, "does not fit the model: size mismatch"),
        ({"training": {"steps": -1}}, "run.json: training.steps: -1 is not allowed"),
    ],
)
def test_a_run_whose_description_does_not_fit_says_so(train, change, message):
    path = train()
    info = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(info | change))
    with pytest.raises(RunError, match=message):
        runs.open_run(path)


def test_a_seed_gives_the_same_image_every_time_and_in_any_company(opened):
    run = opened()
    images = run.sample(6, seed=10)
    assert np.array_equal(images, run.sample(6, seed=10))
    np.testing.assert_allclose(run.sample(1, seed=13), images[3:4], atol=1e-6)
    assert not np.array_equal(images, run.sample(6, seed=20))
    assert run.sample(0).shape == (0, 1, 8, 8)


def test_truncation_0_is_the_image_of_the_mean(opened):
    run = opened()
    images = run.sample(3, truncation=0.0)
    np.testing.assert_allclose(images, np.tile(run.decode(np.zeros(4, np.float32)), (3, 1, 1, 1)), atol=1e-6)


@pytest.mark.parametrize("key", list(MODELS))
def test_numbers_and_pixels_of_an_image_agree(key, opened):
    run = opened(key, dataset=_labelled())
    z = 2 * run.latents(20)
    numbers, pixels = run.decode(z), run.pixels(z)
    assert pixels.dtype == np.uint8 and pixels.shape == numbers.shape == (20, 1, 8, 8)
    assert np.array_equal(pixels, np.rint(numbers * np.float32(255)).astype(np.uint8))


def test_decoding_more_than_fits_one_batch_changes_nothing(opened):
    run = opened()
    z = run.latents(600)
    np.testing.assert_allclose(run.decode(z)[300:310], run.decode(z[300:310]), atol=1e-6)
    assert run.decode(z[0]).shape == (1, 1, 8, 8)
    assert np.array_equal(run.decode(z.astype(np.float64)), run.decode(z))


@pytest.mark.parametrize("shape", [(3,), (2, 5), (1, 1, 4), (0,)])
def test_latents_of_another_size_are_refused(opened, shape):
    run = opened()
    for use in (run.decode, run.pixels):
        with pytest.raises(ConfigError, match=r"^z: .* is not allowed; expected \(N, 4\)\.$"):
            use(np.zeros(shape, np.float32))


def test_encoding_takes_bytes_or_numbers(opened):
    run = opened(steps=3)
    images = _dataset(count=300).images
    latents = run.encode(images)
    assert latents.shape == (300, 4) and latents.dtype == np.float32
    np.testing.assert_allclose(run.encode(images.astype(np.float32) / 255), latents, atol=1e-5)
    np.testing.assert_allclose(run.encode(images.astype(np.float64) / 255), latents, atol=1e-5)
    np.testing.assert_allclose(run.encode(images[7:8]), latents[7:8], atol=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((2, 1, 8, 9), np.uint8),
            r"^images: \(2, 1, 8, 9\) is not allowed; expected \(N, 1, 8, 8\)\.$",
        ),
        (np.zeros((1, 8, 8), np.uint8), r"expected \(N, 1, 8, 8\)"),
        (np.full((1, 1, 8, 8), 200.0), "^images: expected uint8, or numbers from 0 to 1"),
        (np.full((1, 1, 8, 8), np.nan), "^images: expected uint8, or numbers from 0 to 1"),
        (np.full((1, 1, 8, 8), 200), "^images: expected uint8, or numbers from 0 to 1"),
    ],
)
def test_images_that_cannot_be_encoded_are_refused(opened, images, message):
    with pytest.raises(ConfigError, match=message):
        opened().encode(images)


def test_a_gan_says_that_it_cannot_encode(opened):
    with pytest.raises(ConfigError, match="A mlp-gan has no encoder; `invert` searches"):
        opened("mlp-gan").encode(_dataset().images)


@pytest.mark.parametrize("key", ["mlp-gan", "vae-mlp"])
def test_every_model_can_search_the_latent_of_an_image(opened, key):
    run = opened(key)
    image = run.pixels(run.latents(1, seed=1000))[0]
    found = run.invert(image, steps=50, candidates=32)
    assert (found.step, found.total) == (50, 50) and found.psnr > 40
    np.testing.assert_allclose(run.decode(found.z)[0], image / 255, atol=0.05)
    with pytest.raises(ConfigError, match=r"^steps: 0 "):
        run.invert(image, steps=0)


def test_interpolation_goes_from_one_image_to_the_other(opened):
    run = opened()
    a, b = run.latents(2)
    for kind in ("slerp", "linear"):
        images = run.interpolate(a, b, 5, kind)
        assert images.shape == (5, 1, 8, 8)
        np.testing.assert_allclose(images[[0, -1]], run.decode(np.stack([a, b])), atol=1e-6)
    assert np.array_equal(run.interpolate(a[None], b[None], 5), run.interpolate(a, b, 5))
    middle = run.decode((a + b) / 2)
    np.testing.assert_allclose(run.interpolate(a, b, 3, "linear")[1:2], middle, atol=1e-6)


def test_traversals_have_a_row_per_dimension(opened):
    run = opened()
    z = run.latents(1)[0]
    images = run.traverse(z, [3, 1], steps=5, extent=2)
    assert images.shape == (10, 1, 8, 8)
    moved = z.copy()
    moved[1] = -2
    np.testing.assert_allclose(images[5:6], run.decode(moved), atol=1e-6)
    assert run.traverse(z, []).shape == (0, 1, 8, 8)


def test_paths_need_single_latents_of_the_model_s_size(opened):
    run = opened()
    z = run.latents(2)
    with pytest.raises(ConfigError, match=r"expected one latent \(4,\)"):
        run.interpolate(z, z, 5)
    with pytest.raises(ConfigError, match=r"expected \(N, 4\)"):
        run.interpolate(z[0], z[1, :3], 5)
    with pytest.raises(ConfigError, match=r"expected one latent \(4,\)"):
        run.traverse(z, [0])
    with pytest.raises(ConfigError, match="dims: 4 is not allowed"):
        run.traverse(z[0], [4])


def test_directions_and_what_the_dimensions_mean(opened):
    run, random = opened(), np.random.default_rng(1)
    labels, values = random.integers(0, 2, 40), random.random(40, np.float32)
    dataset = _dataset(labels=labels, label_names=("a", "b"), factors={"size": values})
    found = run.directions("pca", samples=50, count=3)
    assert [direction.name for direction in found] == ["PCA 1", "PCA 2", "PCA 3"]
    assert {d.name for d in run.directions("probe", dataset=dataset)} == {"a", "b", "size"}
    here, there = (run.directions("local", z=z)[0].vector for z in run.latents(2))
    assert not np.array_equal(here, there)
    assert (run.importance().unit, run.importance(dataset).unit) == ("sensitivity", "KL")
    table = run.correlations(np.eye(4, dtype=np.float32), dataset)
    assert table.shape == (4, 1) and np.abs(table).max() <= 1
    assert run.saved_directions().directions == ()
    with pytest.raises(ConfigError, match=r"^noise has no known factors\.$"):
        run.correlations(np.eye(4), _dataset())
    with pytest.raises(ConfigError, match=r"^noise holds images of 3×8×8; expected 1×8×8"):
        run.correlations(np.eye(4), _dataset(shape=(3, 8, 8), factors={"size": values}))


# History and names


def test_history_shows_the_first_and_the_last_and_evenly_chosen_ones_between(train):
    folder = RunFolder.open(train())
    rng = np.random.default_rng(0)
    tiles = {}
    for step in (0, 6, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100):
        tiles[step] = rng.integers(0, 256, (64, 1, 8, 8), dtype=np.uint8)
        write_picture(folder.sample_path(step), export.compose(tiles[step], 8))
    steps, rows = runs.history(folder, stages=4, count=5)
    assert steps[0] == 0 and steps[-1] == 100 and len(steps) == 4 and steps == sorted(steps)
    assert np.array_equal(rows, np.concatenate([tiles[s][:5] for s in steps]))
    steps, rows = runs.history(folder, stages=50)
    assert steps == sorted(tiles) and rows.shape == (12 * 8, 1, 8, 8)
    steps, _ = runs.history(folder, stages=4, early=True)
    assert steps == [0, 6, 30, 100]


@pytest.mark.parametrize("shape", [(3, 9, 12), (4, 8, 8)])
def test_history_of_colour_images_keeps_their_channels(train, shape):
    _, rows = runs.history(RunFolder.open(train(dataset=_dataset(shape=shape))), count=3)
    assert rows.shape == (2 * 3, *shape)


def test_history_says_what_is_missing_or_damaged(tmp_path):
    training = runs.begin(_dataset(), _plan(), tmp_path / "run")
    with pytest.raises(RunError, match="has no samples yet"):
        runs.history(training.folder)
    training.folder.sample_path(3).write_bytes(b"no picture")
    with pytest.raises(RunError, match=r"^The sample .*step-000000003\.png is damaged"):
        runs.history(training.folder)


@pytest.mark.parametrize("dataset", ["digits", "my/odd: name?*", "..", "", "漢字" * 50, "a.b c_d", "-"])
def test_every_dataset_s_name_gives_a_folder_that_can_be_made(tmp_path, dataset):
    path = runs.new_folder(tmp_path, dataset, "vae-mlp")
    assert path.parent == tmp_path and path.name.endswith("vae-mlp")
    assert "  " not in path.name and not set(path.name) & set('/\\:*?"<>|')
    path.mkdir()


def test_a_second_run_in_the_same_second_gets_a_number(tmp_path, monkeypatch):
    class Now(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2024, 5, 6, 7, 8, 9)

    monkeypatch.setattr(datetime, "datetime", Now)
    names = []
    for _ in range(3):
        path = runs.new_folder(tmp_path, "digits", "dcgan")
        path.mkdir()
        names.append(path.name)
    first = "2024-05-06 07-08-09 digits dcgan"
    assert names == [first, f"{first} 2", f"{first} 3"]
