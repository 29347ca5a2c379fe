"""Where settings come from: flags over ``--set`` over the file over defaults."""

import numpy as np
import pytest
from PIL import Image

from latentlab.cli.plan import job
from latentlab.core import presets
from latentlab.core.errors import ConfigError, DataError

FILE = """
title = "A preset"
about = "For a test."
[data]
source = "shapes"
size = 16
[model]
key = "vae-mlp"
latent_size = 5
beta = 2.0
[training]
batch_size = 32
steps = 700
seed = 9
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(FILE, "utf-8")
    return str(path)


def test_defaults():
    made = job("digits", "dcgan", None, [], {"steps": None})
    assert made.source.key == "digits" and made.data.size == 0
    assert (made.plan.model.key, made.plan.training.steps) == ("dcgan", 5000)
    assert made.plan.training.learning_rate == 1e-4  # the model's own


def test_a_file_holds_a_whole_plan(file):
    made = job(None, None, file, [], {})
    assert (made.source.key, made.data.size, made.plan.model.key) == ("shapes", 16, "vae-mlp")
    assert (made.plan.model_config.latent_size, made.plan.model_config.beta) == (5, 2.0)
    assert (made.plan.training.steps, made.plan.training.seed) == (700, 9)


def test_set_over_the_file_and_flags_over_both(file):
    settings = ["latent_size=6", "data.size=24", "training.seed=10", "steps=800", "batch_size=16"]
    made = job(None, None, file, settings, {"steps": "900", "seed": None})
    assert (made.plan.model_config.latent_size, made.plan.model_config.beta, made.data.size) == (6, 2.0, 24)
    training = made.plan.training
    assert (training.steps, training.seed, training.batch_size) == (900, 10, 16)


def test_data_and_model_flags_replace_what_the_file_names(file):
    made = job("digits", "vae-conv", file, [], {})
    assert (made.source.key, made.data.size) == ("digits", 16)
    assert (made.plan.model.key, made.plan.model_config.latent_size) == ("vae-conv", 5)


def test_a_path_in_the_file_is_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "photos" / "a.png")
    for lines in ('path = "photos"', 'source = "folder"\npath = "photos"'):
        (tmp_path / "plan.toml").write_text(f'[data]\n{lines}\n[model]\nkey = "vae-mlp"\n', "utf-8")
        monkeypatch.chdir("/")
        made = job(None, None, str(tmp_path / "plan.toml"), [], {})
        assert (made.source.key, made.data.path) == ("folder", str(tmp_path / "photos"))


@pytest.mark.parametrize("name", ["first-vae", "1-first-vae"])
def test_presets_by_name(name):
    made = job(None, None, name, [], {})
    assert (made.source.key, made.plan.model.key) == ("digits", "vae-conv")


@pytest.mark.parametrize("preset", presets.built_in(), ids=lambda p: p.key)
def test_every_preset_is_a_plan_that_its_data_suits(preset):
    made = job(None, None, preset.key, [], {})
    assert preset.title and preset.about.endswith(".")
    small = {name: 20 for name in ("count", "limit") if name in type(made.data).model_fields}
    dataset = made.source.load(made.data.model_copy(update=small), lambda done, total: None)
    assert not made.plan.model.obstacle(dataset.image_shape, dataset.label_names)


def test_presets_come_by_their_number():
    numbers = [int(preset.key.partition("-")[0]) for preset in presets.built_in()]
    assert numbers == sorted(set(numbers)) and numbers[0] == 1 and numbers[-1] > 9


def test_the_last_of_two_counts():
    made = job("digits", "vae-mlp", None, ["latent_size=3", "model.latent_size=7"], {})
    assert made.plan.model_config.latent_size == 7


@pytest.mark.parametrize(
    ("settings", "flags", "limits"),
    [
        ([], {"minutes": "2"}, (0, 2)),
        ([], {"minutes": "2", "steps": "10"}, (10, 2)),
        (["steps=10"], {"minutes": "2"}, (10, 2)),
        ([], {"steps": "0"}, (0, 0)),
        ([], {}, (700, 0)),
    ],
)
def test_minutes_lift_the_limit_on_steps(file, settings, flags, limits):
    training = job(None, None, file, settings, flags).plan.training
    assert (training.steps, training.minutes) == limits


@pytest.mark.parametrize(
    ("spec", "setting", "message"),
    [
        ("digits", "latent_sise=3", "'latent_sise': did you mean latent_size"),
        ("digits", "model.batch_size=3", "'model.batch_size'"),
        ("digits", "modle.width=3", "'modle': did you mean model"),
        ("shapes", "seed=3", "could be data.seed or training.seed"),
        ("digits", "latent_size", "FIELD=VALUE"),
        ("digits", "=3", "FIELD=VALUE"),
        ("digits", "latent_size=0", "model.latent_size: '0' is not allowed; expected a whole number from 1"),
        ("digits", "channels=2", "data.channels"),
        ("digits", "learning_rate=fast", "training.learning_rate: 'fast'"),
    ],
)
def test_settings_that_are_refused(spec, setting, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        job(spec, "vae-mlp", None, [setting], {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]\nkey = 1", "modle"),
        ("data = 3", "table"),
        ("[data]\nsource = 3", "data.source is 3"),
        ("[data", "not valid TOML"),
        ('[data]\nsource = "digits"\nsizes = 3\n[model]\nkey = "vae-mlp"', "did you mean size"),
        ('[data]\nsource = "digits"', "--model"),
        ('[model]\nkey = "vae-mlp"', "--data"),
    ],
)
def test_files_that_are_refused(tmp_path, text, message):
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    with pytest.raises((ConfigError, DataError), match=message):
        job(None, None, str(tmp_path / "plan.toml"), [], {})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"plan\.toml"):
        job(None, None, str(tmp_path / "plan.toml"), [], {})
    with pytest.raises(ConfigError, match="first-vae"):
        job(None, None, "last-vae", [], {})
