"""Presets: whole plans (data, model, training) in ``resources/presets/*.toml`` or a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentlab.core.config import load_toml
from latentlab.core.errors import ConfigError
from latentlab.core.paths import resource

SECTIONS = ("data", "model", "training")


@dataclass(frozen=True)
class Preset:
    """Settings by section, unvalidated: ``data.source`` and ``model.key`` name what the others belong to."""

    key: str
    title: str
    about: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def load(path: str | Path) -> Preset:
    """Read one; ConfigError names the file and what is wrong with its shape."""
    path = Path(path)
    values = load_toml(path)
    unknown = set(values) - {"title", "about", *SECTIONS}
    if unknown:
        raise ConfigError(
            f"{path} has an unknown entry '{sorted(unknown)[0]}'; expected {', '.join(SECTIONS)}."
        )
    for section in SECTIONS:
        if not isinstance(values.get(section, {}), dict):
            raise ConfigError(f"{path}: {section} is no table; expected [{section}] with settings below it.")
    return Preset(path.stem, **{"title": path.stem, **values})


def built_in() -> list[Preset]:
    """The presets that come with latentlab, by their number; the first is what a first launch shows."""
    files = resource("presets").glob("*.toml")
    return [load(path) for path in sorted(files, key=lambda path: int(path.stem.partition("-")[0]))]
