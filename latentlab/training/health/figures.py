"""What a monitor remembers of each figure: little, however long a training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

#: "Recently" is so many steps: longer than a figure jumps about, shorter than a training.
RECENT = 500
#: The level that a figure began with is that of these steps; the very first ones are unlike all others.
EARLY_FROM, EARLY_TO = 20, 500
#: Fewer values say nothing about a level.
FEWEST = 10
TAIL = 8
#: How many times its older values the newer ones of a figure are at least that rises.
RISES = 1.2
#: A figure that was at least `HIGH` and lost half of it fell; it recovered with `BACK` of what it had been.
HIGH, BACK = 0.35, 0.75

_NONE = np.empty(0)


@dataclass(frozen=True)
class About:
    """What is known of a training beside its figures.

    images: how many are trained on, and latent_size, 0 where unknown; loss: of a GAN, as its settings call
    it; modes: classes of points, each a mode, else 0; noun: what the data are called.
    """

    family: str
    images: int
    latent_size: int = 0
    loss: str = ""
    modes: int = 0
    noun: str = "images"


@dataclass
class Series:
    """One figure. `first`, `last` and `lowest` are (step, value); `early` and `recent` hold values.

    `companion` is what the figure of training that belongs to it was lately when it was lowest. `tail` holds
    the last few values.
    """

    first: tuple[int, float] = (0, 0.0)
    last: tuple[int, float] = (0, 0.0)
    lowest: tuple[int, float] = (0, np.inf)
    companion: float | None = None
    early: np.ndarray = field(default_factory=lambda: _NONE)
    recent: np.ndarray = field(default_factory=lambda: _NONE)
    tail: np.ndarray = field(default_factory=lambda: _NONE)
    _steps: np.ndarray = field(default_factory=lambda: _NONE)

    def note(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Take in finite values, at least one, in order."""
        if not len(self.tail):
            self.first = (int(steps[0]), float(values[0]))
        self.last = (int(steps[-1]), float(values[-1]))
        low = int(values.argmin())
        if values[low] < self.lowest[1]:
            self.lowest = (int(steps[low]), float(values[low]))
        self.tail = np.concatenate([self.tail, values])[-TAIL:]
        begun = self.first[0]
        if int(steps[0]) <= begun + EARLY_TO:
            is_early = (steps > begun + EARLY_FROM) & (steps <= begun + EARLY_TO)
            self.early = np.concatenate([self.early, values[is_early]])
        since = int(np.searchsorted(steps, steps[-1] - RECENT, side="right"))
        kept = self._steps > steps[-1] - RECENT
        self.recent = np.concatenate([self.recent[kept], values[since:]])
        self._steps = np.concatenate([self._steps[kept], steps[since:]])

    @property
    def span(self) -> int:
        """Steps from the first value to the last."""
        return self.last[0] - self.first[0]


class Figures:
    """Every figure of one training by name, and which of the thresholds are exceeded."""

    #: Held-out figures and the figure of training that each is compared with.
    COMPANIONS: Mapping[str, str] = {
        "heldout_neg_elbo": "neg_elbo",
        "heldout_reconstruction": "reconstruction",
    }

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.step = 0
        self._exceeded: set[str] = set()
        self._peak = 0.0
        self._fall: tuple[int, float] | None = None

    def note(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """See `Monitor.note`."""
        if not len(steps):
            return
        self.step = max(self.step, int(steps[-1]))
        for name, column in values.items():
            column = np.asarray(column)
            measured = np.isfinite(column)
            if not measured.any():
                continue
            series = self.series.setdefault(name, Series())
            before = series.lowest[0]
            at, known = np.asarray(steps)[measured], column[measured].astype(np.float64)
            series.note(at, known)
            if name == "coverage":
                self._watch_for_falls(at, known)
            if name in self.COMPANIONS and series.lowest[0] != before:
                series.companion = self.recent(self.COMPANIONS[name])

    def _watch_for_falls(self, steps: np.ndarray, coverage: np.ndarray) -> None:
        peaks = np.maximum(np.maximum.accumulate(coverage), self._peak)
        self._peak = float(peaks[-1])
        fallen = np.where((peaks >= HIGH) & (coverage < peaks / 2), coverage, np.inf)
        low = int(fallen.argmin())
        if fallen[low] < (self._fall[1] if self._fall else np.inf):
            self._fall = (int(steps[low]), float(fallen[low]))

    def recovered_from(self) -> tuple[int, float] | None:
        """(step, coverage) of the deepest fall of coverage that is made up for by now, None without one."""
        now = self.last("coverage")
        return self._fall if now is not None and now >= BACK * self._peak else None

    def last(self, name: str) -> float | None:
        """The newest value."""
        return self.series[name].last[1] if name in self.series else None

    def recent(self, name: str) -> float | None:
        """The mean of the last `RECENT` steps; None until there is enough to tell."""
        series = self.series.get(name)
        return float(series.recent.mean()) if series and len(series.recent) >= FEWEST else None

    def lasting(self, name: str) -> float | None:
        """As `recent`, but None until it has been measured for so long."""
        series = self.series.get(name)
        return self.recent(name) if series and series.span >= RECENT - 1 else None

    def levels(self, name: str) -> tuple[float, float] | None:
        """The medians of early and of recent values, once they are apart."""
        series = self.series.get(name)
        if series is None or series.span < EARLY_TO + RECENT:
            return None
        if min(len(series.early), len(series.recent)) < FEWEST:
            return None
        return float(np.median(series.early)), float(np.median(series.recent))

    def rises(self, name: str, by: float) -> bool:
        """Whether the newer half of the last few values is clearly above the older one, and `by` at least:
        what is next to nothing may grow many times over and still be nothing."""
        tail = self.series[name].tail if name in self.series else _NONE
        older, newer = tail[: len(tail) // 2], tail[(len(tail) + 1) // 2 :]
        if not len(older):
            return False
        before, now = float(older.mean()), float(newer.mean())
        return now > RISES * before and now - before >= by

    def exceeds(self, key: str, value: float, enter: float, leave: float) -> bool:
        """Whether `value` is at `enter` or beyond it, or was and is not yet back from `leave`.

        Beyond is above where enter > leave, below where enter < leave. What is found so does not flicker.
        """
        bound = leave if key in self._exceeded else enter
        found = value >= bound if enter > leave else value <= bound
        (self._exceeded.add if found else self._exceeded.discard)(key)
        return found
