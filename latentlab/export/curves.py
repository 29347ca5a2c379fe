"""Curves as numbers, and how their plot is set up."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.core.files import atomic_path


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
    """One line per step, one column per series, exact numbers; a gap is an empty cell. Written atomically."""
    if not series:
        raise ValueError("no series to write")
    steps = np.unique(np.concatenate([s for s, _ in series.values()]))
    columns = []
    for own_steps, values in series.values():
        column = np.full(len(steps), np.nan)
        column[np.searchsorted(steps, own_steps)] = values
        columns.append(["" if v != v else repr(v) for v in column.tolist()])
    texts = [str(int(s)) if s == int(s) else repr(s) for s in steps.tolist()]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *series])
        writer.writerows(zip(texts, *columns, strict=True))
