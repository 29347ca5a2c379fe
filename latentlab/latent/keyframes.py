"""The keyframes of a walk and how it goes through them: ``timeline.json`` in a run's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentlab.core.errors import RunError
from latentlab.latent import bookmarks
from latentlab.latent.bookmarks import Bookmark

FILE = "timeline.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Keyframes:
    """Named latents in their order, and what a WalkConfig was set to, by name; {} where nobody set it."""

    marks: Sequence[Bookmark] = ()
    walk: dict[str, Any] = dataclasses.field(default_factory=dict)


def save(path: str | Path, content: Keyframes) -> None:
    """Write them atomically as bookmarks with a "walk", to the last bit. RunError where that fails."""
    bookmarks.save(path, content.marks, walk=content.walk)


def load(path: str | Path, size: int | None) -> Keyframes:
    """The keyframes of latents of `size` numbers; none where there is no file. RunError as `bookmarks.load`.

    The settings are as they were written: values that this version does not know are left to who takes them.
    """
    marks = bookmarks.load(path, size)
    try:
        walk = json.loads(Path(path).read_text("utf-8")).get("walk", {})
    except FileNotFoundError:
        walk = {}
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from None
    if not isinstance(walk, dict):
        raise RunError(f"{path} is damaged: walk is no table of settings.")
    return Keyframes(marks, walk)
