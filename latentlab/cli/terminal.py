"""What a terminal sees: results on stdout, notes and progress on stderr (a bar, or lines in a file)."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from latentlab.training.config import TrainingConfig
    from latentlab.training.events import Progress

#: Seconds between two lines of progress where stderr is a file or a pipe.
LINE_EVERY = 5.0
#: Seconds between two drawings of a bar.
DRAW_EVERY = 0.1


def say(text: str) -> None:
    """One result to stdout. A reader who has left is no error: the work itself is done."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is still in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """One line to stderr; lost where nobody reads it."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def tell(values: Mapping[str, Any], summary: str, as_json: bool) -> None:
    """What a command found: for people, or as one line of JSON in which NaN and infinity are null."""
    say(json.dumps(_finite(values), allow_nan=False) if as_json else summary)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# Figures. Losses are negative ELBOs, people compare ELBOs: they are told both.


def with_elbo(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures and, beside each negative ELBO, the ELBO."""
    elbos = {name.replace("neg_elbo", "elbo"): -v for name, v in figures.items() if "neg_elbo" in name}
    return {**elbos, **figures}


def in_words(figures: Mapping[str, float], titles: Mapping[str, str], both: bool = False) -> str:
    """``ELBO -95.31 · KL 15.2``; with `both` also the −ELBO that curves and metrics.csv show."""
    parts = []
    for name, value in figures.items():
        title = titles.get(name, name)
        if "neg_elbo" in name:
            part = f"{title.replace('−ELBO', 'ELBO')} {-value:.2f}"
            parts.append(part + (f" nats (−ELBO {value:.2f})" if both else ""))
        else:
            parts.append(f"{title} {value:.4g}")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """``0:07``, ``12:34``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# Progress


class Shown:
    """The `report` of something that is done: a bar shows it, or a line now and then where there is none."""

    def __init__(self, title: str, bar: Bar | None, shares: bool) -> None:
        self._title, self._bar, self._shares = title, bar, shares
        self._what, self._done, self._total = "", 0, 0
        self._task = bar.add_task("" if shares else title, total=None, figures="") if bar else None
        self._drawn = 0.0 if bar else time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self._draw(at_once=done == total)

    def say(self, what: str) -> None:
        """What goes on now; bytes that come in are told here."""
        self._what = what
        self._draw()

    def _draw(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if now - self._drawn < (DRAW_EVERY if self._bar else LINE_EVERY) and not (self._bar and at_once):
            return
        self._drawn = now
        done, total = self._done, self._total
        figures = f"{done:,}/{total:,}"
        if self._shares:
            figures = f"{done / total if total else 0:.0%} {self._what or self._title}"
        if self._bar is None or self._task is None:
            note(figures if self._shares else f"{self._title} {figures}")
            return
        with contextlib.suppress(OSError):
            self._bar.update(self._task, completed=done, total=total or None, figures=figures, refresh=True)


@contextlib.contextmanager
def bar(title: str) -> Iterator[Shown]:
    """A bar that counts, while something is done; what it yields is the `report` of that."""
    with _bar() as shown:
        yield Shown(title, shown, shares=False)


@contextlib.contextmanager
def loading(what: str) -> Iterator[Shown]:
    """A bar while images are loaded, with words for what goes on: reading, fetching so many bytes."""
    with _bar() as shown:
        yield Shown(f"Loading {what}", shown, shares=True)


@contextlib.contextmanager
def training_bar(
    config: TrainingConfig, titles: Mapping[str, str], done: int
) -> Iterator[Callable[[Progress], None]]:
    """A bar, or a line now and then, while a model learns from step `done` on; yields what shows events."""
    with _bar() as bar:
        task = bar.add_task("", total=1.0, figures="") if bar else None
        shown = 0.0 if bar else time.monotonic() - LINE_EVERY + 1

        def show(event: Progress) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < (DRAW_EVERY if bar else LINE_EVERY):
                return
            shown = now
            speed, figures = _speed(event), in_words(_latest(event), titles)
            if bar is None or task is None:
                note(f"{speed} · {figures}")
                return
            text = f"{speed}\n{figures}"  # two lines, so that both fit into 80 columns
            with contextlib.suppress(OSError):
                bar.update(task, completed=_share(event, config, done), figures=text, refresh=True)

        yield show


def _share(event: Progress, config: TrainingConfig, done: int) -> float:
    """How much of the way to the nearer limit lies behind, 0 to 1; 0 without a limit."""
    by_steps = (event.step - done) / max(1, config.steps - done) if config.steps else 0.0
    by_time = event.seconds / (60 * config.minutes) if config.minutes else 0.0
    return min(1.0, max(by_steps, by_time))


def _latest(event: Progress) -> dict[str, float]:
    """What was measured last; not every step measures everything."""
    measured = {name: values[values == values] for name, values in event.values.items()}
    return {name: float(values[-1]) for name, values in measured.items() if len(values)}


def _speed(event: Progress) -> str:
    parts = [
        f"step {event.step:,}" + (f"/{event.total:,}" if event.total else ""),
        f"{event.steps_per_second:.1f} it/s",
        f"{event.images_per_second:,.0f} images/s",
    ]
    if event.eta is not None:
        parts.append(f"ETA {clock(event.eta)}")
    return " · ".join(parts)


@contextlib.contextmanager
def _bar() -> Iterator[Bar | None]:
    """A bar on stderr that goes away when it is done; None where stderr is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    # Drawn by hand: a thread of its own would fail where nobody sees it when the terminal goes away.
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[figures]}", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with contextlib.suppress(OSError):
        bar.start()
    try:
        yield bar
    finally:
        with contextlib.suppress(OSError):
            bar.stop()
