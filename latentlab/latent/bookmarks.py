"""Latents that a person named: ``bookmarks.json`` in a run's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import ConfigError, RunError
from latentlab.core.files import write_bytes
from latentlab.latent.text import exact

FILE = "bookmarks.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Bookmark:
    """A latent, float32 (D,), and what people call it."""

    name: str
    z: np.ndarray


def save(path: str | Path, bookmarks: Sequence[Bookmark], **known: Any) -> None:
    """Write them atomically, one a line, to the last bit. RunError where the file cannot be written.

    `known` is what else the file shall say, as JSON has it: run="first", step=1200.
    """
    entries = [{"name": mark.name, "z": np.asarray(mark.z, np.float32).tolist()} for mark in bookmarks]
    lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)
    more = "".join(f'\n "{name}": {json.dumps(value, ensure_ascii=False)},' for name, value in known.items())
    text = f'{{\n "format": {FORMAT},{more}\n "bookmarks": [\n  {lines}\n ]\n}}\n'
    try:
        write_bytes(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror or error}.") from None


def load(path: str | Path, size: int | None) -> list[Bookmark]:
    """The bookmarks of latents of `size` numbers, in order; none where there is no file yet.

    Without a size they are as long as the first of them. RunError for a file that cannot be read, is damaged,
    of another version or for another model.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {str(error).rstrip('.')}.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise RunError(f"{path} has bookmarks format {str(found)[:40]}; this version reads {FORMAT}.")
    entries = content.get("bookmarks")
    if not isinstance(entries, list):
        raise RunError(f"{path} is damaged: it lacks a list of bookmarks.")
    if size is None and entries and isinstance(entries[0], dict):
        first = entries[0].get("z")
        size = len(first) if isinstance(first, list) else 0
    return [_bookmark(path, entry, size or 0) for entry in entries]


def _bookmark(path: Path, entry: Any, size: int) -> Bookmark:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise RunError(f"{path} is damaged: a bookmark has no name.")
    values = entry.get("z")
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise RunError(f"{path} is damaged: the bookmark '{name[:40]}' has no numbers.")
    try:
        return Bookmark(name, exact(values, size))
    except OverflowError:  # a whole number that no float holds
        raise RunError(f"{path} is damaged: a number of the bookmark '{name[:40]}' is too large.") from None
    except ConfigError as error:
        raise RunError(f"{path}, bookmark '{name[:40]}': {error}") from None
