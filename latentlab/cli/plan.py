"""From flags, ``--set`` and a TOML file to one validated plan, before anything is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab import data, run
from latentlab.core import paths, presets
from latentlab.core.config import Config
from latentlab.core.errors import ConfigError
from latentlab.core.presets import SECTIONS
from latentlab.data.base import MIN_SIZE, Source
from latentlab.models.base import MODELS
from latentlab.training.config import TrainingConfig
from latentlab.training.run_folder import RunFolder


@dataclass(frozen=True)
class Job:
    """What to train on what, validated; no image was read and torch was not imported."""

    source: type[Source]
    data: Config
    plan: run.Plan


def job(
    spec: str | None,
    model: str | None,
    config: str | None,
    settings: Sequence[str],
    flags: Mapping[str, Any],
) -> Job:
    """Join what was given: `flags` (training fields, None where left out) over `settings` over the file.

    `spec` is a source or a path, `config` a file or a preset's name, `settings` are ``field=value``.
    ConfigError and DataError say what is missing or wrong.
    """
    tables = _tables(config)
    source_key, path = tables["data"].pop("source", None), tables["data"].pop("path", None)
    model = model or tables["model"].pop("key", None)
    tables["model"].pop("key", None)
    if spec is None:
        spec, location = source_key or path, {"path": path} if source_key and path else {}
    else:
        location = {}
    if not spec:
        raise ConfigError("Give --data SOURCE or PATH, or a --config that names data.source or data.path.")
    if not model:
        raise ConfigError(f"Give --model KEY (one of {', '.join(MODELS)}), or a --config with model.key.")

    kind = MODELS.get(model)
    source, _ = data.resolve(spec, location)
    chosen = sorted_by_section(
        settings, {"data": source.Config, "model": kind.Config, "training": TrainingConfig}
    )
    given = {name: value for name, value in flags.items() if value is not None}
    if "minutes" in given and "steps" not in given | chosen["training"]:
        given["steps"] = 0  # five minutes are five minutes, whatever the default number of steps is
    _, data_config = data.resolve(spec, location | tables["data"] | chosen["data"])
    return Job(
        source,
        data_config,
        run.plan(
            model,
            tables["model"] | chosen["model"],
            tables["training"] | chosen["training"] | given,
        ),
    )


@dataclass(frozen=True)
class Further:
    """What a run goes on with: its data or, to `grow`, other data, and new values of settings."""

    source: type[Source]
    data: Config
    grow: bool
    model: dict[str, Any]
    training: dict[str, Any]


def further(folder: RunFolder, spec: str | None, settings: Sequence[str]) -> Further:
    """Join what ``resume`` was given with what the run says.

    `spec` is another source or path, whose images are brought to the run's size and channels where `settings`
    say nothing else; settings of the data alone change those of the run's own source.
    """
    kind, _, _ = run.configs(folder)
    info = folder.info["data"]
    source, own = data.resolve(
        info["source"] if spec is None else spec, info["config"] if spec is None else {}
    )
    chosen = sorted_by_section(
        settings, {"data": source.Config, "model": kind.Config, "training": TrainingConfig}
    )
    if spec is None:
        values = own.model_dump() | chosen["data"]
    else:
        channels, height, width = folder.info["image_shape"]
        shape = {"size": height, "channels": channels} if height == width >= MIN_SIZE else {}
        known = {name: value for name, value in shape.items() if name in source.Config.model_fields}
        values = known | chosen["data"]
    source, config = data.resolve(info["source"] if spec is None else spec, values)
    grow = spec is not None or bool(chosen["data"])
    return Further(source, config, grow, chosen["model"], chosen["training"])


def _tables(config: str | None) -> dict[str, dict[str, Any]]:
    """The three tables of the file, empty where there is none; `data.path` is relative to the file."""
    if config is None:
        return {section: {} for section in SECTIONS}
    file = _file(config)
    preset = presets.load(file)
    tables = {"data": dict(preset.data), "model": dict(preset.model), "training": dict(preset.training)}
    for section, key in (("data", "source"), ("data", "path"), ("model", "key")):
        value = tables[section].get(key, "")
        if not isinstance(value, str):
            raise ConfigError(f"{file}: {section}.{key} is {value!r}; expected text.")
    if tables["data"].get("path"):
        tables["data"]["path"] = str(file.parent / Path(tables["data"]["path"]).expanduser())
    return tables


def _file(config: str) -> Path:
    """The file of that name, or else the preset that comes with latentlab: ``1-first-vae``, ``first-vae``."""
    path = Path(config).expanduser()
    if path.suffix or path.exists():
        return path
    built_in = {file.stem.lstrip("0123456789-"): file for file in paths.resource("presets").glob("*.toml")}
    for name, file in built_in.items():
        if config in (name, file.stem):
            return file
    raise ConfigError(f"--config {config}: no such file, and no preset; those are {', '.join(built_in)}.")


def sorted_by_section(
    settings: Sequence[str], sections: Mapping[str, type[Config]]
) -> dict[str, dict[str, Any]]:
    """``[section.]field=value`` texts, sorted into sections; of two for one field the last counts."""
    chosen: dict[str, dict[str, Any]] = {section: {} for section in sections}
    for text in settings:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ConfigError(f"--set {text}: expected FIELD=VALUE, such as latent_size=8.")
        section, dot, field = name.rpartition(".")
        if dot and section not in sections:
            raise ConfigError(f"--set {text}: there is no '{section}': {_near(section, tuple(sections))}")
        holders = [s for s, c in sections.items() if field in c.model_fields and section in ("", s)]
        if not holders:
            known = [f for s, c in sections.items() if section in ("", s) for f in c.model_fields]
            raise ConfigError(f"--set {text}: there is no setting '{name}': {_near(field, known)}")
        if len(holders) > 1:
            names = " or ".join(f"{holder}.{field}" for holder in holders)
            raise ConfigError(f"--set {text}: '{field}' could be {names}; say which.")
        chosen[holders[0]][field] = value.strip()
    return chosen


def _near(name: str, known: Sequence[str]) -> str:
    """What was perhaps meant, or else all there is."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(dict.fromkeys(known))}."
