"""What steps told, brought to the host and put beside time, speed and memory."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from latentlab.models.base import Model
from latentlab.training import memory
from latentlab.training.config import TrainingConfig
from latentlab.training.events import Progress
from latentlab.training.order import Order


def collect(
    model: Model, order: Order, config: TrainingConfig, clock: Clock, pending: list[dict[str, Tensor]]
) -> Progress:
    """Bring the pending steps' scalars to the host in one transfer. What a step did not measure is NaN."""
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
    return Progress(
        step=last,
        total=config.steps,
        epoch=order.epochs,
        seconds=now,
        steps_per_second=rate,
        images_per_second=rate * order.batch_size,
        eta=min(etas) if etas else None,
        steps=np.arange(last - len(pending) + 1, last + 1),
        values=values,
        memory=memory.taken(model.device),
    )


class Clock:
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

    def restart(self, step: int) -> None:
        """Count steps from here: it has gone back to `step`, or stood still."""
        self._marks = deque([(self.seconds(), step)])

    @contextlib.contextmanager
    def stopped(self, step: int) -> Iterator[None]:
        paused_at = time.monotonic()
        try:
            yield
        finally:
            self._started += time.monotonic() - paused_at
            self.restart(step)
