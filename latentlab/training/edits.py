"""Settings that change while a model trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.config import Config, live_fields
from latentlab.models.base import Model
from latentlab.training.config import TrainingConfig


def apply(
    model: Model, training: TrainingConfig, changes: Mapping[str, Any]
) -> tuple[TrainingConfig, dict[str, tuple[Any, Any]]]:
    """Let the model go on with "model.beta" -> 4.0 and the like, which have been validated.

    -> the training's settings now, and what really differs: name -> (old, new). ValueError for a setting
    that is not live.
    """
    sections: dict[str, Config] = {"model": model.config, "training": training}
    wanted: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    differing: dict[str, tuple[Any, Any]] = {}
    for name, new in changes.items():
        section, _, field = name.partition(".")
        if field not in live_fields(type(sections[section])):
            raise ValueError(f"{name} cannot change while it trains")
        old = getattr(sections[section], field)
        if new != old:
            differing[name] = (old, new)
            wanted[section][field] = new
    training = training.model_copy(update=wanted["training"])
    model.steer(model.config.model_copy(update=wanted["model"]), training.learning_rate)
    return training, differing
