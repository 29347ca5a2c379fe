"""The training loop: a generator of events that window, terminal and tests only iterate."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from latentlab.core.errors import DataError
from latentlab.models.base import Model
from latentlab.models.pixels import render
from latentlab.training import checkpoint, plane
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Done, Evaluated, Event, Paused, Preview, Progress, Saved
from latentlab.training.order import Order
from latentlab.training.run_folder import RunFolder

#: Seconds between two Progress events: more than 10 a second no eye follows, and each costs the window time.
TELL_EVERY = 0.1
#: Evaluation and previews take at most these shares of the time.
EVALUATION_SHARE = 0.05
PREVIEW_SHARE = 0.05

#: (all of the held-out data?) -> figures by name
Evaluate = Callable[[bool], Mapping[str, float]]


def run(
    model: Model,
    images: np.ndarray,
    config: TrainingConfig,
    *,
    labels: np.ndarray | None = None,
    folder: RunFolder,
    fixed_latents: np.ndarray,
    evaluate: Evaluate,
    control: Control,
    order: Order,
    seconds: float = 0.0,
) -> Iterator[Event]:
    """Train `model` on uint8 images (N, C, H, W) until a limit of `config` is reached or `control` stops it.

    Points are float32 (N, 2, 1, 1); `labels` int64 (N,), for models that need them.

    The model has started training; `order` and `seconds` go on from where a resumed run was. Yields events
    at step boundaries only, so whoever iterates may read the model's weights between two of them. What is
    logged, previewed or saved never changes what is learned. DataError for fewer than two images.
    """
    if len(images) < 2:
        raise DataError(f"Training needs at least 2 images; {len(images)} are left beside the held-out ones.")
    data = _place(images, model.device)
    classes = None if labels is None else _place(labels, data.device)
    clock = _Clock(seconds, model.step_count)
    pending: list[dict[str, Tensor]] = []
    reason: Literal["steps", "minutes", "stopped"] = "stopped"
    told = saved = next_preview = time.monotonic()
    next_evaluation = time.monotonic() + 2
    previewed_step = -1
    diverged = False

    def flush() -> Progress:
        nonlocal diverged
        progress, diverged = _read(model, order, config, clock, pending)
        pending.clear()
        folder.append_metrics(progress.steps, progress.seconds, progress.values)
        return progress

    def preview() -> Preview:
        nonlocal next_preview, previewed_step
        started = time.monotonic()
        images = render(model, fixed_latents)
        now = time.monotonic()
        wait = max(_preview_interval(clock.seconds()), (now - started) / PREVIEW_SHARE)
        next_preview, previewed_step = now + wait, model.step_count
        return Preview(model.step_count, images, plane.look(model))

    def save() -> Saved:
        nonlocal saved
        path = folder.checkpoint_path(model.step_count)
        extra = {"epoch": order.epoch, "position": order.position, "seconds": clock.seconds()}
        checkpoint.save(path, model, extra)
        folder.prune_checkpoints()
        saved = time.monotonic()
        return Saved(model.step_count, path)

    def judge(everything: bool) -> Evaluated | None:
        figures = evaluate(everything)
        if not figures:  # nothing was held out
            return None
        columns = {name: [value] for name, value in figures.items()}
        folder.append_metrics([model.step_count], clock.seconds(), columns)
        return Evaluated(model.step_count, figures, final=everything)

    yield preview()
    while True:
        # A pause: tell all there is, then wait.
        if control.must_wait():
            if pending:
                yield flush()
                if diverged:
                    break
            if previewed_step != model.step_count:
                yield preview()
            with clock.stopped(model.step_count):
                yield Paused(model.step_count)
                going_on = control.wait()
        else:
            going_on = control.wait()
        if not going_on:
            break
        if config.steps and model.step_count >= config.steps:
            reason = "steps"
            break
        if config.minutes and clock.seconds() >= 60 * config.minutes:
            reason = "minutes"
            break

        # One step.
        indices = torch.from_numpy(order.next())
        indices = indices.to(data.device)
        batch = data.index_select(0, indices).to(model.device, non_blocking=True)
        named = (
            None if classes is None else classes.index_select(0, indices).to(model.device, non_blocking=True)
        )
        pending.append(model.step(batch, named))

        # Tell, look, judge and save when it is time.
        now = time.monotonic()
        if now - told >= TELL_EVERY:
            yield flush()
            if diverged:
                break
            told = now = time.monotonic()
            if now >= next_preview:
                yield preview()
            if now >= next_evaluation:
                started = time.monotonic()
                verdict = judge(False)
                now = time.monotonic()
                next_evaluation = now + max(5.0, (now - started) / EVALUATION_SHARE)
                if verdict:
                    yield verdict
            if now - saved >= config.autosave:
                diverged = not _is_finite(model)
                if diverged:
                    break
                yield save()

    if pending:
        yield flush()
    if diverged or not _is_finite(model):
        yield Done(model.step_count, clock.seconds(), "diverged")
        return
    yield save()
    if previewed_step != model.step_count:
        yield preview()
    if reason != "stopped":  # whoever stops it does not want to wait for a verdict
        verdict = judge(True)
        if verdict:
            yield verdict
    yield Done(model.step_count, clock.seconds(), reason)


def _preview_interval(seconds: float) -> float:
    """Often while much changes, seldom later: some 60 pictures in half a minute, then 10 a minute."""
    return 0.5 if seconds < 30 else 2.0 if seconds < 300 else 6.0


def _place(images: np.ndarray, device: torch.device) -> Tensor:
    """The dataset as one uint8 tensor, on the device if it takes under a quarter of its free memory."""
    data = torch.from_numpy(images)
    if device.type == "cuda" and data.nbytes < torch.cuda.mem_get_info(device)[0] // 4:
        return data.to(device)
    return data


def _is_finite(model: Model) -> bool:
    """Whether every weight is a number: the loss of a step is taken before the step spoils them."""
    finite = [t.isfinite().all() for net in model.nets.values() for t in net.state_dict().values()]
    return bool(torch.stack(finite).all())


def _read(
    model: Model, order: Order, config: TrainingConfig, clock: _Clock, pending: list[dict[str, Tensor]]
) -> tuple[Progress, bool]:
    """Bring the pending steps' scalars to the host in one transfer and put them into words.

    -> those, and whether one of them is not finite. What a step did not measure is NaN.
    """
    names = list(dict.fromkeys(name for step in pending for name in step))
    scalars = torch.stack([value.float() for step in pending for value in step.values()]).cpu().numpy()
    values = {name: np.full(len(pending), np.nan, np.float32) for name in names}
    places = ((row, name) for row, step in enumerate(pending) for name in step)
    for (row, name), value in zip(places, scalars, strict=True):
        values[name][row] = value
    last, now = model.step_count, clock.seconds()
    rate = clock.rate(last)
    etas = []
    if config.steps and rate > 0:
        etas.append(max(0, config.steps - last) / rate)
    if config.minutes:
        etas.append(max(0.0, 60 * config.minutes - now))
    progress = Progress(
        step=last,
        total=config.steps,
        epoch=order.epochs,
        seconds=now,
        steps_per_second=rate,
        images_per_second=rate * order.batch_size,
        eta=min(etas) if etas else None,
        steps=np.arange(last - len(pending) + 1, last + 1),
        values=values,
    )
    return progress, not np.isfinite(scalars).all()


class _Clock:
    """Training time without pauses, and steps per second over the last few seconds."""

    def __init__(self, seconds: float, step: int) -> None:
        self._started = time.monotonic() - seconds
        self._marks = deque([(seconds, step)])

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def rate(self, step: int) -> float:
        now = self.seconds()
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] > 3:
            self._marks.popleft()
        first, from_step = self._marks[0]
        return (step - from_step) / (now - first) if now > first else 0.0

    @contextlib.contextmanager
    def stopped(self, step: int) -> Iterator[None]:
        paused_at = time.monotonic()
        try:
            yield
        finally:
            self._started += time.monotonic() - paused_at
            self._marks = deque([(self.seconds(), step)])
