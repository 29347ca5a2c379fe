"""``latentlab train`` and ``latentlab resume``."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.data import load, tell_namesake
from latentlab.cli.options import AsJson, RunPath, number, whole
from latentlab.cli.terminal import clock, in_words, note, tell, training_bar, with_elbo

if TYPE_CHECKING:
    from latentlab.run import TakenOver, Training
    from latentlab.training.control import Control
    from latentlab.training.events import Diverged, Done, OutOfMemory
    from latentlab.training.health import Finding


def train(
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE|PATH", help="A built-in dataset, a folder of images or an IDX file."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="KEY", help="What to train; 'latentlab models' lists them.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Folder for the run, new or empty; left out, a new one among your runs."
        ),
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Stop after so many steps, 0 to 100,000,000; 0: only at --minutes or Ctrl-C. "
            "Left out: 5,000, or as the file says.",
        ),
    ] = None,
    minutes: Annotated[
        str | None,
        typer.Option(
            metavar="M",
            help="Stop after so many minutes of training, 0 to 100,000; without --steps the only limit.",
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="S", help="Fixes first weights, data order and noise, 0 to 2,147,483,647."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where the work is done: auto, cuda, mps or cpu.")
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Begin with the weights of another run, of whatever model, that fit.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.toml",
            help="A file with tables data (with source or path), model (with key) and training, or the name "
            "of a preset; --set and the other options override it.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Any setting, as often as needed, such as latent_size=8 or data.size=28; "
            "'latentlab info KEY' lists them with their ranges.",
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FIELD=VALUE]...")] = None,
    as_json: AsJson = False,
) -> int:
    """Train a model; Ctrl-C stops after the present step and saves (exit code 130), a second one at once."""
    from latentlab import run
    from latentlab.cli.plan import job
    from latentlab.core import settings
    from latentlab.core.errors import ConfigError
    from latentlab.training.run_folder import RunFolder

    if more and not set_:
        raise ConfigError(f"Unexpected '{more[0]}': data follows --data, a setting --set (FIELD=VALUE).")
    flags = {"steps": steps, "minutes": minutes, "seed": seed, "device": device}
    todo = job(data, model, config, [*(set_ or []), *(more or [])], flags)
    tell_namesake(data)
    if out is not None:
        refuse_full(out)
    if start_from is not None:
        RunFolder.open(start_from).latest_checkpoint()  # refused now rather than when the data was loaded
    dataset = load(todo.source, todo.data)
    note(f"{dataset.name}: {dataset.summary()}")
    if out is None:
        remembered, _ = settings.load()
        out = run.new_folder(remembered.runs, dataset.name, todo.plan.model.key)
    training = run.begin(dataset, todo.plan, out, start_from)
    if training.taken_over is not None:
        note(taken_over_in_words(training.taken_over))
    return finish(training, as_json)


def resume(
    path: RunPath,
    steps: Annotated[
        int | None,
        typer.Option(
            parser=whole(0, 100_000_000),
            metavar="N",
            help="So many further steps, 0 to 100,000,000; 0: only at --minutes or Ctrl-C.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            parser=number(0, 100_000), metavar="M", help="So many further minutes of training, 0 to 100,000."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE|PATH",
            help="Go on with other or more images, brought to the run's size and channels.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A setting that may change while it trains, such as batch_size=32, or one of the data, such "
            "as data.limit=5000; as often as needed.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Go on with a run; without a limit, to its old one, or past it for as long again."""
    from latentlab import run
    from latentlab.cli.plan import further
    from latentlab.training.run_folder import RunFolder

    todo = further(RunFolder.open(path), data, set_ or [])
    dataset = load(todo.source, todo.data, f"the data of {path}" if data is None else "")
    training = run.resume(
        path,
        steps=steps,
        minutes=minutes,
        dataset=dataset,
        grow=todo.grow,
        model_values=todo.model,
        training_values=todo.training,
    )
    note(f"{dataset.name}: {dataset.summary()}; from step {training.model.step_count:,}")
    return finish(training, as_json)


def taken_over_in_words(taken_over: TakenOver) -> str:
    """``Took over 12 of 14 layers from RUN (step 400); new: decoder.4 (784×400)``."""
    taken, left = taken_over.taken, taken_over.left
    new = f"; new: {', '.join(left)}" if left else ""
    return (
        f"Took over {len(taken)} of {len(taken) + len(left)} layers from {taken_over.source} "
        f"(step {taken_over.step:,}){new}"
    )


def refuse_full(folder: Path) -> None:
    """RunError at once where a run cannot be begun, rather than when its data was loaded."""
    from latentlab.core.errors import RunError

    with contextlib.suppress(OSError):  # what cannot be looked at is told when it is written to
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} already holds files; choose another name, or resume the run in it.")


def finish(training: Training, as_json: bool) -> int:
    """Train to the end, tell what came of it, and give the command's exit code."""
    values, summary, code = follow(training)
    tell(values, summary, as_json)
    return code


def follow(training: Training) -> tuple[dict[str, Any], str, int]:
    """Train to the end with progress on stderr -> (what came of it, the same for people, exit code).

    The code is 0, 130 after Ctrl-C, 143 after SIGTERM, or 1 where it diverged or ran out of memory.
    """
    from latentlab import metrics
    from latentlab.training.control import Control
    from latentlab.training.events import Diverged, Done, Evaluated, Health, OutOfMemory, Preview, Progress
    from latentlab.training.health import summary

    model, config, folder = training.model, training.config, training.folder
    control = Control()
    batch = min(config.batch_size, len(training.dataset.split(config.heldout, config.seed)[0]))
    first, began, speed = model.step_count, time.monotonic(), 0.0
    figures: dict[str, float] = {}
    findings: tuple[Finding, ...] = ()
    done, failure, evaluated = Done(first, 0.0, "stopped"), None, None
    with (
        training_bar(config, model.metric_titles, first) as show,
        stopping(control) as caught,
        contextlib.closing(training.events(control)) as events,
    ):
        for event in events:
            if isinstance(event, Progress):
                show(event)
                speed = batch * (event.step - first) / (time.monotonic() - began)
            elif isinstance(event, Preview) and event.step == first:
                began = time.monotonic()  # the first picture comes before the first step
            elif isinstance(event, Evaluated):
                figures, evaluated = dict(event.values), event.step
            elif isinstance(event, Health):
                findings = event.findings
            elif isinstance(event, Diverged | OutOfMemory):
                failure = event
            elif isinstance(event, Done):
                done = event

    values = {
        "run": str(folder.path.absolute()),
        "data": training.dataset.name,
        "model": model.key,
        "device": model.device.type,
        "step": done.step,
        "seconds": round(done.seconds, 3),
        "reason": done.reason,
        "images_per_second": round(speed, 1),
        "checkpoint": str(folder.latest_checkpoint().absolute()),
        "evaluated_step": evaluated,
        "health": [dataclasses.asdict(finding) for finding in findings],
        **with_elbo(figures),
    }
    lines = [
        f"{_reason(done)}: {model.key} on {training.dataset.name}, step {done.step:,}, "
        f"{clock(done.seconds)} of training, {speed:,.0f} images/s."
    ]
    if figures:
        at = "" if evaluated == done.step else f" (step {evaluated:,})"
        labelled = training.dataset.labels is not None
        titles = metrics.figures(type(model), model.image_shape, labelled)
        lines.append(in_words(figures, titles, both=True) + at)
    lines += [*summary(findings), f"Run: {folder.path}"]
    if failure is not None:
        note(f"Error: {failure_in_words(failure, training)}")
        return values, "\n".join(lines), 1
    return values, "\n".join(lines), 128 + caught[0] if caught else 0


def failure_in_words(failure: Diverged | OutOfMemory, training: Training) -> str:
    """What happened, where it went back to, and the command line that goes on from there."""
    from latentlab.training.events import Diverged

    go_on = f"latentlab resume {shlex.quote(str(training.folder.path))}"
    if isinstance(failure, Diverged):
        rate = f"{training.config.learning_rate / 3:.1g}"
        return (
            f"the training diverged at step {failure.step:,}: {failure.what} became NaN or infinite; the run "
            f"is again what it was at step {failure.back_to:,}. Try a lower learning rate than "
            f"{training.config.learning_rate:g}: {go_on} --set training.learning_rate={rate}"
        )
    lacking = f"out of memory at step {failure.step:,}: a batch of {failure.batch_size} images does not fit"
    if failure.fits == 0:
        return f"{lacking}, and no smaller one does; begin a new run with a smaller width or image size."
    return f"{lacking}, {failure.fits} do: {go_on} --set training.batch_size={failure.fits}"


def _reason(done: Done) -> str:
    return {
        "steps": "Trained",
        "minutes": "Trained",
        "stopped": "Stopped and saved",
        "diverged": "Diverged and went back",
        "memory": "Out of memory, saved",
    }[done.reason]


@contextlib.contextmanager
def stopping(control: Control) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM stop the training after its present step; a second one raises KeyboardInterrupt.

    Yields a list that the first signal's number is put into.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield caught
        return

    def on_signal(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        control.stop()
        with contextlib.suppress(OSError):  # print is not for signal handlers: it may be interrupted itself
            os.write(2, b"\nStopping after this step; once more ends at once without saving.\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
