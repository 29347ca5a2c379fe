"""``directions.json`` of a run: directions that were kept, and the latents that got a thumb up or down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import RunError
from latentlab.core.files import write_json
from latentlab.latent.directions.base import Direction

FILE = "directions.json"
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Saved:
    """The directions, and float32 (N, D) latents that were liked and disliked."""

    directions: tuple[Direction, ...]
    liked: np.ndarray
    disliked: np.ndarray


def save(path: str | Path, directions: Sequence[Direction], liked: np.ndarray, disliked: np.ndarray) -> None:
    """Write them as JSON, atomically; `load` reads every number back exactly. OSError passes through."""
    write_json(
        path,
        {
            "format": FORMAT,
            "directions": [
                {"name": d.name, "method": d.method, "note": d.note, "vector": _numbers(d.vector)}
                for d in directions
            ],
            "liked": [_numbers(z) for z in liked],
            "disliked": [_numbers(z) for z in disliked],
        },
    )


def load(path: str | Path, size: int) -> Saved:
    """What `save` wrote for latents of `size` numbers; nothing where there is no file.

    RunError for a file that cannot be read, is damaged, of another version or for another size.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        content = {"format": FORMAT, "directions": [], "liked": [], "disliked": []}
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from None
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}.") from None
    except RecursionError:
        raise RunError(f"{path} is damaged: it nests too deeply.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise RunError(f"{path} has directions format {found}; this version reads {FORMAT}.")
    lists = {}
    for key in ("directions", "liked", "disliked"):
        if not isinstance(content.get(key), list):
            raise RunError(f"{path} is damaged: {key} is {_short(content.get(key))}; expected a list.")
        lists[key] = content[key]
    directions = [_direction(entry, n, size, path) for n, entry in enumerate(lists["directions"])]
    liked, disliked = (
        np.asarray([_vector(z, f"{key} {n}", size, path) for n, z in enumerate(lists[key])], np.float32)
        for key in ("liked", "disliked")
    )
    return Saved(tuple(directions), liked.reshape(-1, size), disliked.reshape(-1, size))


def _numbers(vector: np.ndarray) -> list[float]:
    # The shortest decimal that is this float32 and no other, not the seventeen digits of its float64.
    return [float(str(number)) for number in np.asarray(vector, np.float32)]


def _direction(entry: Any, place: int, size: int, path: Path) -> Direction:
    if not isinstance(entry, dict):
        raise RunError(f"{path} is damaged: direction {place} is {_short(entry)}; expected an object.")
    for key in ("name", "method", "note"):
        if not isinstance(entry.get(key), str):
            found = _short(entry.get(key))
            raise RunError(f"{path} is damaged: {key} of direction {place} is {found}; expected text.")
    vector = _vector(entry.get("vector"), f"direction {place}", size, path)
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if abs(length - 1) > 1e-4:
        raise RunError(f"{path} is damaged: direction {place} is {length:.6g} long; expected 1.")
    direction = Direction(entry["name"], vector, entry["method"], entry["note"])
    # Making it a unit vector once more could change a last bit.
    object.__setattr__(direction, "vector", vector)
    return direction


def _vector(numbers: Any, what: str, size: int, path: Path) -> np.ndarray:
    if not isinstance(numbers, list):
        raise RunError(f"{path} is damaged: {what} is {_short(numbers)}; expected {size} numbers.")
    if len(numbers) != size:
        raise RunError(f"{path} is for another latent: {what} has {len(numbers)} numbers; expected {size}.")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= 1e30:
            raise RunError(f"{path} is damaged: {what} holds {_short(number)}; expected finite numbers.")
    return np.asarray(numbers, np.float32)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
