"""What a person's choice of images comes to. Everything here looks at the disk: call it from a `Task`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from latentlab import data
from latentlab.core.config import Config, parse
from latentlab.core.errors import DataError, LatentlabError
from latentlab.data.base import SOURCES, Dataset, Report, Source, SourceConfig, kind_of
from latentlab.data.fetched import Fetched
from latentlab.data.image_file import SUFFIXES
from latentlab.latent.files import holds_latents

if TYPE_CHECKING:
    from latentlab.export.state import State


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was found where a person chose `key` and `path`.

    kind: the source that `path` is of; `key` itself where it has no path. missing: bytes that loading it
    would fetch. problem: a sentence, where it is nothing that could be loaded.
    """

    key: str
    path: str
    kind: str
    missing: int = 0
    problem: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Dropped:
    """Something that was let go of: a run, an exported picture with its state, latents, one image, images."""

    kind: Literal["run", "picture", "latents", "image", "data"]
    path: Path
    state: State | None = None


def resolve(key: str, values: Mapping[str, Any]) -> tuple[type[Source], Config]:
    """A source's key and settings as a form has them -> (source, its validated config).

    A path is of the kind that was chosen, if that takes it; else of the one that does, and then only the
    settings that all sources have count. DataError, ConfigError.
    """
    source = SOURCES.get(key)
    if not source.needs_path:
        return data.resolve(key, values)
    path = Path(values["path"]).expanduser().absolute()
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if not source.accepts(path):
        source = kind_of(path)
        values = {name: value for name, value in values.items() if name in SourceConfig.model_fields}
    return source, parse(source.Config, {**values, "path": str(path)}, "data")


def load(key: str, values: Mapping[str, Any], report: Report) -> Dataset:
    """See `resolve`."""
    source, config = resolve(key, values)
    return source.load(config, report)


def look(key: str, path: str) -> Seen:
    """What a choice is; never fails."""
    source = SOURCES.get(key)
    if not source.needs_path:
        missing = source.bytes_missing() if issubclass(source, Fetched) else 0
        return Seen(key, path, key, missing)
    try:
        return Seen(key, path, resolve(key, {"path": path})[0].key)
    except (LatentlabError, OSError) as error:
        return Seen(key, path, key, problem=str(error))


def what_is(path: Path) -> Dropped:
    """What a person has let go of over the window. ExportError for a picture whose state is damaged."""
    from latentlab.run.latents import state_of

    if (path / "run.json").exists():
        return Dropped("run", path)
    if (state := state_of(path)) is not None:
        return Dropped("picture", path, state)
    if holds_latents(path):
        return Dropped("latents", path)
    return Dropped("image" if path.suffix.lower() in SUFFIXES and path.is_file() else "data", path)
