"""What the training loop tells: small frozen values that window, terminal and tests iterate over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Progress:
    """Steps done since the last such event, at most 10 times a second.

    steps: int64 (K,), 1-based; values: metric name -> float32 (K,). `total` is 0 and `eta` None where no
    limit is set; `seconds` is training time, pauses left out; `eta` seconds until the limit.
    """

    step: int
    total: int
    epoch: float
    seconds: float
    steps_per_second: float
    images_per_second: float
    eta: float | None
    steps: np.ndarray
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Preview:
    """The fixed latents decoded now: uint8 (N, C, H, W)."""

    step: int
    images: np.ndarray


@dataclass(frozen=True)
class Evaluated:
    """Figures on held-out data. `final` where all of it was used, after the last step."""

    step: int
    values: Mapping[str, float]
    final: bool = False


@dataclass(frozen=True)
class Saved:
    """A checkpoint is whole and on disk."""

    step: int
    path: Path


@dataclass(frozen=True)
class Paused:
    """The loop waits; asking it for the next event blocks until it goes on or is stopped."""

    step: int


@dataclass(frozen=True)
class Done:
    """The last event. "diverged": a loss became NaN or infinite, and nothing was saved over good weights."""

    step: int
    seconds: float
    reason: Literal["steps", "minutes", "stopped", "diverged"]


Event = Progress | Preview | Evaluated | Saved | Paused | Done
