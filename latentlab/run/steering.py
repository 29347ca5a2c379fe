"""What a person changed of a run's settings: what may change while it trains, and what may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.core.config import Config, live_fields
from latentlab.models.base import Model
from latentlab.run.planning import validated
from latentlab.training.config import TrainingConfig


@dataclass(frozen=True)
class Changes:
    """What differs. live: "training.learning_rate" -> its new value, ready for `Control.steer`.

    rest: names like "model.width" of what needs new nets or a new run (seed, held-out share, device).
    """

    live: dict[str, Any]
    rest: tuple[str, ...]


def changes(
    kind: type[Model],
    config: Config,
    training: TrainingConfig,
    model_values: Mapping[str, Any],
    training_values: Mapping[str, Any],
) -> Changes:
    """Compare the present settings of a `kind` of model with wanted ones; what is left out stays.

    ConfigError for unknown names and for values out of range.
    """
    new_config, new_training = validated(
        kind, {**config.model_dump(), **model_values}, {**training.model_dump(), **training_values}
    )
    live: dict[str, Any] = {}
    rest: list[str] = []
    for section, old, new in (("model", config, new_config), ("training", training, new_training)):
        for name in type(new).model_fields:
            value = getattr(new, name)
            if value == getattr(old, name):
                continue
            if name in live_fields(type(new)):
                live[f"{section}.{name}"] = value
            else:
                rest.append(f"{section}.{name}")
    return Changes(live, tuple(rest))
