"""Axes that a grid goes along, as people write them: ``0,1,2``, ``0-9``, ``smile, z3``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.latent.traversal import unit
from latentlab.models.base import Model
from latentlab.run.grids.base import Material

Axis = tuple[str, np.ndarray]


def axes_of(text: str, model: Model, material: Material) -> list[Axis]:
    """Names and unit vectors (D,) of what is listed: dimensions by number or as z3, kept directions by name.

    ConfigError names what is unknown, and a dimension that is part of a choice.
    """
    known = {name.casefold(): (name, vector) for name, vector in material.directions}
    found: list[Axis] = []
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not part:
            raise ConfigError(f"along: '{text}' is not allowed; expected axes with commas between: 0,1,2.")
        if part.casefold() in known:
            found.append(known[part.casefold()])
        elif match := re.fullmatch(r"z?(\d{1,9})\s*[-–]\s*z?(\d{1,9})", part):
            first, last = int(match[1]), int(match[2])
            if last < first:
                raise ConfigError(f"along: '{part}' is not allowed; expected the smaller number first.")
            _dimension(last, model)  # before a billion of them are gone through
            found += [_dimension(n, model) for n in range(first, last + 1)]
        elif match := re.fullmatch(r"z?(\d{1,9})", part):
            found.append(_dimension(int(match[1]), model))
        else:
            names = ", ".join(name for name, _ in material.directions)
            raise ConfigError(
                f"along: '{part}' is not allowed; expected whole numbers with commas between, such as 0,1,2 "
                f"or 0-9, or names of kept directions ({names or 'there are none'})."
            )
    return found


def first_axes(model: Model, count: int) -> list[Axis]:
    """The first dimensions that no choice takes."""
    return [_dimension(n, model) for n in samplers.continuous(model)[:count]]


def _dimension(number: int, model: Model) -> Axis:
    size = model.latent_shape[0]
    if number >= size:
        raise ConfigError(
            f"along: {number} is not allowed; this latent space has dimensions 0 to {size - 1}."
        )
    for choice in model.choices:
        if choice.start <= number < choice.stop:
            raise ConfigError(f"along: dimension {number} is part of the choice {choice.title}.")
    return f"z{number}", unit(number, size)


def in_sigma(values: Sequence[float] | np.ndarray) -> list[str]:
    """``−3 σ``, ``−1.5 σ``, ``0``: labels of places along an axis."""
    digits = [f"{abs(value):.2f}".rstrip("0").rstrip(".") for value in values]
    signs = ["−" if value < 0 and text != "0" else "" for value, text in zip(values, digits, strict=True)]
    return [f"{sign}{text}" + (" σ" if text != "0" else "") for sign, text in zip(signs, digits, strict=True)]
