"""How long work says how far it is, and is told to end."""

from __future__ import annotations

from collections.abc import Callable

#: Called with (done, total) while something long goes on; may raise `Cancelled` to end it. It may have an
#: attribute `say`, a function of a text: see there.
Report = Callable[[int, int], None]

#: The total of work that has parts.
SCALE = 1000


def no_report(done: int, total: int) -> None:
    """A `Report` for callers that do not care."""


def say(report: Report, what: str) -> None:
    """Tell what goes on now, in a few words ("Reading images"), where the one who listens wants to know."""
    tell = getattr(report, "say", None)
    if tell is not None:
        tell(what)


class Part:
    """A `Report` for a part of the work: what it is told becomes `start` to `stop` (0..1) of the whole."""

    def __init__(self, report: Report, start: float, stop: float) -> None:
        self._report, self._start, self._stop = report, start, stop

    def __call__(self, done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        self._report(round(SCALE * (self._start + (self._stop - self._start) * share)), SCALE)

    def say(self, what: str) -> None:
        say(self._report, what)


class Rising:
    """A `Report` that never falls: work that has to be done anew stands still until it is as far again."""

    def __init__(self, report: Report) -> None:
        self._report, self._most = report, 0

    def __call__(self, done: int, total: int) -> None:
        self._most = max(self._most, done)
        self._report(self._most, total)

    def say(self, what: str) -> None:
        say(self._report, what)


class Counted:
    """Counts things done of `total` for a `Report`."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        self.look()

    def look(self) -> None:
        """Tell it again: whoever listens may end the work."""
        self._report(self._done, self._total)
