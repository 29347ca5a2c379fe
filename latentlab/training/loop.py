"""The training loop: a generator of events that window, terminal and tests only iterate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from torch import Tensor

from latentlab.core.errors import DataError
from latentlab.models.base import Model
from latentlab.models.pixels import render
from latentlab.training import edits, failures, health, keeping, memory, plane
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import (
    Diverged,
    Done,
    Edited,
    Evaluated,
    Event,
    Health,
    OutOfMemory,
    Paused,
    Preview,
    Saved,
)
from latentlab.training.failures import Divergence
from latentlab.training.feed import Feed
from latentlab.training.order import Order
from latentlab.training.progress import Clock, collect
from latentlab.training.run_folder import RunFolder, step_of

#: Seconds between two Progress events: more than 10 a second no eye follows, and each costs the window time.
TELL_EVERY = 0.1
#: Seconds between two looks at how the training is doing.
HEALTH_EVERY = 5.0
#: Evaluation and previews take at most these shares of the time.
EVALUATION_SHARE = 0.05
PREVIEW_SHARE = 0.05

#: (all of the held-out data?) -> figures by name; KL per latent dimension, float32 (D,), where there is one.
Evaluate = Callable[[bool], tuple[Mapping[str, float], np.ndarray | None]]


def run(
    model: Model,
    feed: Feed,
    config: TrainingConfig,
    *,
    folder: RunFolder,
    fixed_latents: np.ndarray,
    evaluate: Evaluate,
    control: Control,
    order: Order,
    seconds: float = 0.0,
) -> Iterator[Event]:
    """Train `model` on what `feed` gives until a limit of `config` is reached or `control` stops it.

    The model has started training; `order`, of as many images as the feed has, and `seconds` go on from where
    a resumed run was. Yields events at step boundaries only, so whoever iterates may read the model's weights
    between two of them. What is logged, previewed or saved never changes what is learned. Settings that
    `control` is told to steer count from the next step on. DataError for fewer than two images, and where
    they cannot be read.

    NaN and infinity: all goes back to the latest checkpoint, which is always one of finite weights, and on
    from there with other noise once a person has resumed it; where nobody `control.waits`, it ends. So it
    does where memory does not suffice, but nothing is lost then: the checkpoint is that of the last whole
    step, unless an optimizer had begun to change weights, which costs the steps since the last one.
    """
    if feed.count < 2:
        raise DataError(f"Training needs at least 2 images; {feed.count} are left beside the held-out ones.")
    memory.count_anew(model.device)
    clock = Clock(seconds, model.step_count)
    pending: list[dict[str, Tensor]] = []
    monitor = health.watch(folder, feed.count)
    findings: tuple[health.Finding, ...] = ()
    reason: Literal["steps", "minutes", "stopped", "diverged", "memory"] | None = None
    next_tell = time.monotonic() + TELL_EVERY
    next_preview = next_save = next_health = time.monotonic()
    next_evaluation = time.monotonic() + 2
    previewed_step = -1

    def learn() -> None:
        """One step; one that fails has not been: the order stays where it was."""
        place = order.epoch, order.position
        try:
            images, labels = feed.batch(order.next(), model.step_count)
            feed.expect(order.coming())
            pending.append(model.step(images, labels))
        except BaseException:
            order.go_to(*place)
            raise
        guard.moved = False

    # What is told. Each may raise Divergence, behind the events that lead up to it.

    def tell() -> Iterator[Event]:
        nonlocal next_tell
        if pending:
            progress, measured = collect(model, order, config, clock, pending), pending.copy()
            pending.clear()
            folder.append_metrics(progress.steps, progress.seconds, progress.values)
            monitor.note(progress.steps, progress.values)
            yield progress
            if spoiled := failures.spoiled_figure(model, progress, measured):
                raise Divergence(*spoiled)
        next_tell = time.monotonic() + TELL_EVERY

    def preview() -> Iterator[Event]:
        nonlocal next_preview, previewed_step
        if previewed_step != model.step_count:
            started = time.monotonic()
            pictures = render(model, fixed_latents)
            now = time.monotonic()
            wait = max(_preview_interval(clock.seconds()), (now - started) / PREVIEW_SHARE)
            next_preview, previewed_step = now + wait, model.step_count
            yield Preview(model.step_count, pictures, plane.look(model))

    def save() -> Iterator[Event]:
        nonlocal next_save
        if spoiled := failures.spoiled_weight(model):
            raise Divergence(model.step_count, spoiled)
        path = keeping.save(folder, model, order, clock.seconds())
        next_save = time.monotonic() + config.autosave
        yield Saved(model.step_count, path)

    def judge(everything: bool) -> Iterator[Event]:
        nonlocal next_evaluation
        step, started = model.step_count, time.monotonic()
        figures, kl = evaluate(everything)
        now = time.monotonic()
        next_evaluation = now + max(5.0, (now - started) / EVALUATION_SHARE)
        if not figures:  # nothing was held out
            return
        folder.append_metrics([step], clock.seconds(), {name: [value] for name, value in figures.items()})
        if kl is not None:
            folder.append_dimensions(step, kl)
        yield Evaluated(step, figures, final=everything, kl=kl)
        monitor.note(np.array([step]), {name: np.array([value]) for name, value in figures.items()})
        yield from diagnose()

    def diagnose() -> Iterator[Event]:
        nonlocal findings, next_health
        next_health = time.monotonic() + HEALTH_EVERY
        found = monitor.findings()
        if found != findings:
            findings = found
            yield Health(model.step_count, found)

    # What happens beside learning

    def steer(changes: Mapping[str, Any]) -> Iterator[Event]:
        nonlocal config
        if not changes:
            return
        config, differing = edits.apply(model, config, changes)
        if not differing:
            return
        before = order.batch_size
        order.resize(config.batch_size)
        folder.add_edit(model.step_count, clock.seconds(), differing)
        yield Edited(model.step_count, differing)
        if order.batch_size > before:  # which may not fit: then no step shall be lost
            yield from save()

    def go_back() -> None:
        """Model, data order, settings and what was told are again those of the latest checkpoint."""
        nonlocal config, monitor, previewed_step
        pending.clear()
        epoch, position, _ = keeping.restore(folder, model, config.seed)
        config, _ = edits.apply(model, config, folder.rewind(model.step_count))
        order.resize(config.batch_size)
        order.go_to(epoch, position)
        clock.restart(model.step_count)
        monitor = health.watch(folder, feed.count)
        previewed_step = -1
        guard.moved = False

    def diverge(failure: Divergence) -> Iterator[Event]:
        back_to = step_of(folder.latest_checkpoint())
        record = {"step": failure.step, "back_to": back_to, "what": failure.what}
        folder.update(diverged=[*folder.info.get("diverged", ()), record])
        go_back()
        yield Diverged(failure.step, back_to, failure.what)
        yield from preview()
        yield from diagnose()

    def run_out_of_memory() -> Iterator[Event]:
        guard.mend()
        size = order.batch_size
        if guard.moved or failures.spoiled_weight(model):
            go_back()
        else:
            yield from save()
        with clock.stopped(model.step_count):
            fits = memory.fitting_batch(model, guard, size, lambda count: feed.batch(np.arange(count), 0))
            # The trials were steps too.
            keeping.restore(folder, model, config.seed)
        edits.apply(model, config, {})
        guard.moved = False
        yield OutOfMemory(model.step_count, size, fits)

    with memory.Guard(model) as guard:
        yield from preview()
        if not folder.checkpoints():  # whatever happens: there is one to go back to
            yield from save()
        next_save = time.monotonic() + config.autosave
        failure: Divergence | None
        while reason is None:
            try:
                going_on = True
                if control.has_news:
                    # A pause: tell all there is, then wait.
                    if control.must_wait():
                        yield from tell()
                        yield from preview()
                        with clock.stopped(model.step_count):
                            yield Paused(model.step_count)
                            going_on = control.wait()
                    else:
                        going_on = control.wait()
                    if going_on:
                        yield from steer(control.take_changes())

                ended = _limit(config, model.step_count, clock.seconds()) if going_on else "stopped"
                if ended:
                    yield from tell()
                    yield from save()
                    reason = ended
                    continue

                learn()

                # Tell, look, judge and save when it is time.
                if time.monotonic() >= next_tell:
                    yield from tell()
                    if time.monotonic() >= next_preview:
                        yield from preview()
                    if time.monotonic() >= next_evaluation:
                        yield from judge(False)
                    if time.monotonic() >= next_health:
                        yield from diagnose()
                    if time.monotonic() >= next_save:
                        yield from save()
                continue
            except Divergence as error:
                failure = error
            except Exception as error:
                if not memory.is_out_of_memory(error):
                    raise
                failure = None

            # Something failed. Out here its exception is gone, and with it the tensors that it held.
            yield from run_out_of_memory() if failure is None else diverge(failure)
            if control.stopped or not control.waits:
                reason = "memory" if failure is None else "diverged"
            else:
                control.pause()

    if reason != "memory":
        yield from preview()
    if reason in ("steps", "minutes"):  # who stops it does not want to wait, and a failure needs no verdict
        yield from judge(True)
    yield Done(model.step_count, clock.seconds(), reason)


def _limit(config: TrainingConfig, step: int, seconds: float) -> Literal["steps", "minutes"] | None:
    """Which limit is reached."""
    if config.steps and step >= config.steps:
        return "steps"
    return "minutes" if config.minutes and seconds >= 60 * config.minutes else None


def _preview_interval(seconds: float) -> float:
    """Often while much changes, seldom later: some 60 pictures in half a minute, then 10 a minute."""
    return 0.5 if seconds < 30 else 2.0 if seconds < 300 else 6.0
