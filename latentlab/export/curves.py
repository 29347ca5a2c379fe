"""Curves as numbers, and how their plot is set up."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.core.files import atomic_path

#: Lines of a CSV file that are made at a time.
LINES = 2000


class CurvesConfig(Config):
    """How a plot is drawn that nobody has set up in the window."""

    series: str = setting(
        "", "Series", "Which, by the names of metrics.csv with commas between; empty: the usual ones."
    )
    smoothing: float = setting(
        0.8, "Smoothing", "0 shows every step, towards 1 a longer average.", ge=0, le=0.99
    )
    log: bool = setting(False, "Log scale", "Values on a logarithmic scale.")
    theme: Literal["light", "dark"] = setting("light", "Colours", "Light for paper, dark for screens.")
    width: int = setting(960, "Width", "A PNG is twice as fine.", ge=320, le=4096, unit="px")
    height: int = setting(480, "Height", "A PNG is twice as fine.", ge=200, le=4096, unit="px")

    def chosen(self, known: Mapping[str, object]) -> list[str]:
        """The names of `series`; none for the usual ones. ConfigError for one that is not known."""
        names = [name.strip() for name in self.series.split(",") if name.strip()]
        for name in names:
            if name not in known:
                raise ConfigError(f"curves.series: there is no '{name}'; this run has {', '.join(known)}.")
        return names


def write_csv(series: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str | Path) -> None:
    """One line per step, one column per series, exact numbers; a gap is an empty cell. Written atomically.

    Line by line in parts: a million lines at once would take hundreds of bytes for each of their numbers, and
    the interpreter's lock for seconds.
    """
    if not series:
        raise ValueError("no series to write")
    steps = functools.reduce(_union, (own for own, _ in series.values()))
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *series])
        for start in range(0, len(steps), LINES):
            part = steps[start : start + LINES]
            texts = [str(int(s)) if s == int(s) else repr(s) for s in part.tolist()]
            columns = [_cells(part, own, values) for own, values in series.values()]
            writer.writerows(zip(texts, *columns, strict=True))


def _union(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Every step that is in one of two series, once."""
    return np.unique(a if np.array_equal(a, b) else np.concatenate([a, b]))


def _cells(steps: np.ndarray, own: np.ndarray, values: np.ndarray) -> list[str]:
    """A series at some of all steps, empty where it has no value."""
    first, last = np.searchsorted(own, steps[0]), np.searchsorted(own, steps[-1], side="right")
    column = np.full(len(steps), np.nan)
    column[np.searchsorted(steps, own[first:last])] = values[first:last]
    return ["" if v != v else repr(v) for v in column.tolist()]
