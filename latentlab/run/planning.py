"""What to train and how, validated before anything heavy is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError, RunError
from latentlab.models.base import MODELS, Model
from latentlab.training.config import TrainingConfig
from latentlab.training.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to train and how, validated; made by `plan` without importing torch."""

    model: type[Model]
    model_config: Config
    training: TrainingConfig


def plan(model: str, model_values: Mapping[str, Any], training_values: Mapping[str, Any]) -> Plan:
    """Validate a model's key and both sections' settings; the model's own defaults fill the training's.

    Raises ConfigError.
    """
    kind = MODELS.get(model)
    return Plan(kind, *validated(kind, model_values, {**kind.training_defaults, **training_values}))


def validated(
    kind: type[Model], model_values: Mapping[str, Any], training_values: Mapping[str, Any]
) -> tuple[Config, TrainingConfig]:
    """Both sections' settings for this kind of model; ConfigError."""
    config = parse(kind.Config, model_values, "model")
    training = parse(TrainingConfig, training_values, "training")
    if training.batch_size < kind.smallest_batch:
        raise ConfigError(
            f"training.batch_size: {training.batch_size} is not allowed; "
            f"a {kind.key} needs at least {kind.smallest_batch} images a step."
        )
    return config, training


def configs(folder: RunFolder) -> tuple[type[Model], Config, TrainingConfig]:
    """The kind of model of a run and its present settings; RunError where run.json does not fit them."""
    try:
        kind = MODELS.get(folder.info["model"]["key"])
        model_config = parse(kind.Config, folder.info["model"]["config"], "model")
        return kind, model_config, parse(TrainingConfig, folder.info["training"], "training")
    except (ConfigError, KeyError, TypeError) as error:
        raise RunError(f"{folder.path / 'run.json'}: {error}") from None
