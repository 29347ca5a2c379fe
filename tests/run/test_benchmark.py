"""What a benchmark measures, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import sys
import tempfile

import pytest
import torch

from latentlab import run
from latentlab.core.errors import Cancelled, ConfigError, RunError
from latentlab.models import MODELS
from latentlab.run.benchmark import USUAL, BenchmarkConfig, _cpu_name
from latentlab.run.training import Training
from latentlab.training.events import Diverged, OutOfMemory, Preview

SMALL = {"seconds": 0.05, "size": 8, "device": "cpu"}


@pytest.fixture(autouse=True)
def _temporary(tmp_path_factory, monkeypatch):
    """A folder for temporary files that holds nothing of ours when the test has ended."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.glob("latentlab*"))  # torch makes one for what it compiles


@pytest.fixture
def told(monkeypatch):
    """told(event): a training that tells a first picture and then this."""

    def told(event):
        def events(self, control=None):
            (self.folder.path / "samples" / "left.txt").write_text("half a picture")
            yield Preview(0, None)
            yield event

        monkeypatch.setattr(Training, "events", events)

    return told


def test_each_model_is_measured_in_the_order_it_was_named():
    found = run.benchmark(["vae-mlp", "mlp-gan"], **SMALL)
    assert [result.model for result in found.results] == ["vae-mlp", "mlp-gan"]
    for result in found.results:
        assert result.device == "cpu" and result.settings == {}
        assert result.batch_size == MODELS.get(result.model).training_defaults["batch_size"]
        assert result.steps >= 1 and result.seconds >= 0.05
        assert result.images_per_second == pytest.approx(result.steps * result.batch_size / result.seconds)
        assert result.ms_per_step == pytest.approx(1000 * result.seconds / result.steps)
        assert result.one_ms > 0 and result.grid_ms > 0 and result.memory > 2**20


def test_longer_training_measures_more_steps():
    short, long = (
        run.benchmark(["vae-mlp"], **(SMALL | {"seconds": seconds})).results[0] for seconds in (0.05, 0.6)
    )
    assert long.steps > short.steps and long.seconds >= 0.6


def test_the_machine_and_the_settings_are_told():
    found = run.benchmark(["vae-mlp"], **SMALL)
    assert found.config == BenchmarkConfig(**SMALL)
    machine = found.machine
    assert machine.cpu and machine.cores >= 1 and machine.gpu == "" and machine.torch == torch.__version__
    values = found.values()
    assert values["machine"]["cpu"] == machine.cpu and values["size"] == 8
    assert values["threads"] == machine.threads == torch.get_num_threads()
    assert values["results"][0]["model"] == "vae-mlp"


def test_threads_are_those_that_were_asked_for_and_afterwards_what_they_were():
    before = torch.get_num_threads()
    assert run.benchmark(["vae-mlp"], threads=before + 1, **SMALL).machine.threads == before + 1
    assert torch.get_num_threads() == before


def test_the_usual_models_are_those_of_the_presets():
    from latentlab.core import presets

    chosen = [(preset.model["key"], preset.model.get("width")) for preset in presets.built_in()]
    assert {"vae-mlp"} | {key for key, _ in chosen} >= set(USUAL)
    assert ("dcgan", USUAL["dcgan"]["width"]) in chosen
    assert all(run.plan(key, values, {}) for key, values in USUAL.items())


def test_models_that_learn_from_labels_are_given_some():
    (result,) = run.benchmark(["cvae"], **SMALL).results
    assert result.steps >= 1


def test_every_device_is_measured_where_all_are_asked_for():
    from latentlab.models import device as devices

    found = run.benchmark(["vae-mlp"], **(SMALL | {"device": "all"}))
    assert [result.device for result in found.results] == devices.available()


@pytest.mark.parametrize(
    ("models", "settings", "words"),
    [
        (["vae-mpl"], {}, "did you mean vae-mlp"),
        ([], {"size": 7}, "benchmark.size: 7 is not allowed"),
        ([], {"seconds": 0}, "benchmark.seconds: 0 is not allowed"),
        ([], {"threads": -1}, "benchmark.threads: -1 is not allowed"),
        ([], {"device": "gpu"}, "benchmark.device: 'gpu' is not allowed"),
        ([], {"sides": 8}, "benchmark has no setting 'sides'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_measured(monkeypatch, models, settings, words):
    monkeypatch.setattr(Training, "events", None)
    with pytest.raises(ConfigError, match=words):
        run.benchmark(models, **settings)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="this machine has no mps"):
        run.benchmark(["vae-mlp"], device="mps")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (OutOfMemory(3, 128, 64), "vae-mlp on cpu: out of memory; a batch of 128 does not fit, 64 do."),
        (OutOfMemory(3, 128, 0), "a batch of 128 does not fit, no smaller one does."),
        (Diverged(1234, 0, "the loss"), "vae-mlp on cpu: the loss became NaN or infinite at step 1,234."),
    ],
)
def test_a_training_that_fails_is_one_sentence(told, event, words):
    told(event)
    with pytest.raises(RunError) as error:
        run.benchmark(["vae-mlp"], **SMALL)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_it_tells_how_far_it_is_and_can_be_ended(_temporary):
    said, shares = [], []

    class Listener:
        def say(self, what):
            said.append(what)

        def __call__(self, done, total):
            shares.append(done / total)
            if done / total > 0.5:
                assert list(_temporary.glob("latentlab*"))  # there is something to be cleaned up
                raise Cancelled

    before = torch.get_num_threads()
    with pytest.raises(Cancelled):
        run.benchmark(["vae-mlp", "mlp-gan"], Listener(), threads=before + 1, **(SMALL | {"seconds": 0.4}))
    assert said == ["Starting torch", "vae-mlp on CPU", "mlp-gan on CPU"]
    assert shares == sorted(shares) and torch.get_num_threads() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_is_left_whatever_ends_it(monkeypatch, error):
    def events(self, control=None):
        (self.folder.path / "samples" / "left.txt").write_text("half a picture")
        raise error
        yield

    monkeypatch.setattr(Training, "events", events)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        run.benchmark(["vae-mlp"], **SMALL)


@pytest.mark.parametrize("system", ["linux", "darwin", "win32", "sunos5"])
def test_a_processor_has_a_name_on_every_system(monkeypatch, system):
    """Also where the system's own way to tell is not there, as here for all but one of them."""
    monkeypatch.setattr(sys, "platform", system)
    name = _cpu_name()
    assert name and name == name.strip() and "\n" not in name
