"""What a person changed of a run's settings."""

from __future__ import annotations

from typing import ClassVar

import pytest

from latentlab import run as runs
from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.models import MODELS
from latentlab.models.vae import VAE
from latentlab.training.config import TrainingConfig


class SteerableConfig(Config):
    latent_size: int = setting(16, "Latent size", "How many.", ge=1, le=512)
    weight: float = setting(1.0, "Weight", "How much.", ge=0, le=100, live=True)


class Steerable(VAE):
    """A kind of model with a live setting, whatever the registered ones have."""

    key = "steerable"
    Config: ClassVar[type[Config]] = SteerableConfig


def test_live_changes_are_ready_for_the_control_and_the_rest_is_named():
    model, training = SteerableConfig(), TrainingConfig()
    found = runs.changes(
        Steerable,
        model,
        training,
        {"latent_size": 8, "weight": "2.5"},
        {"learning_rate": 5e-4, "batch_size": 64, "seed": 3, "heldout": 0.2},
    )
    assert found.live == {"model.weight": 2.5, "training.learning_rate": 5e-4, "training.batch_size": 64}
    assert found.rest == ("model.latent_size", "training.seed", "training.heldout")


def test_what_is_left_out_or_the_same_is_no_change():
    model, training = SteerableConfig(weight=3), TrainingConfig(learning_rate=2e-4)
    same = runs.changes(
        Steerable, model, training, model.model_dump(), {"learning_rate": 0.0002, "steps": "5000"}
    )
    assert same == runs.Changes({}, ()) == runs.changes(Steerable, model, training, {}, {})


@pytest.mark.parametrize(
    ("key", "model", "training", "message"),
    [
        ("vae-mlp", {"latent_size": 0}, {}, "model.latent_size: 0 is not allowed"),
        ("vae-mlp", {"widht": 9}, {}, "model has no setting 'widht'"),
        ("vae-mlp", {}, {"learning_rate": 2}, "training.learning_rate: 2 is not allowed"),
        ("dcgan", {}, {"batch_size": 1}, "training.batch_size: 1 is not allowed; a dcgan needs at least 2"),
    ],
)
def test_values_out_of_range_are_refused(key, model, training, message):
    kind = MODELS.get(key)
    with pytest.raises(ConfigError, match=message):
        runs.changes(kind, kind.Config(), TrainingConfig(), model, training)
