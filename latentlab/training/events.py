"""What the training loop tells: small frozen values that window, terminal and tests iterate over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from latentlab.training.health import Finding


@dataclass(frozen=True, eq=False)
class Progress:
    """Steps done since the last such event, at most 10 times a second.

    steps: int64 (K,), 1-based; values: metric name -> float32 (K,), NaN where a step did not measure it.
    `total` is 0 and `eta` None where no limit is set; `seconds` is training time, pauses left out; `eta`
    seconds until the limit; `memory` bytes that training takes: of the GPU, or of this process.
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
    memory: int = 0


@dataclass(frozen=True, eq=False)
class Plane:
    """What a model of points looks like in the plane of its data; x and y lie in [0, 1].

    samples: float32 (N, 2) made from the prior. field: float32 (G, G), the discriminator's output at the
    centres of a G x G grid over the unit square, rows from y = 0 up; arrows: float32 (A * A, 4), x, y and the
    gradient of that output there. image: float32 (L, L, 2), where a square grid over the prior's first two
    dimensions is decoded to; extent: half the side of that grid in sigma. None where a model has none.
    """

    samples: np.ndarray
    field: np.ndarray | None = None
    arrows: np.ndarray | None = None
    image: np.ndarray | None = None
    extent: float = 0.0


@dataclass(frozen=True, eq=False)
class Preview:
    """The fixed latents decoded now: uint8 (N, C, H, W). `plane` for models of points."""

    step: int
    images: np.ndarray
    plane: Plane | None = None


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Figures on held-out data. `final` where all of it was used, after the last step.

    kl: float32 (D,), nats per latent dimension, of models that have such a thing.
    """

    step: int
    values: Mapping[str, float]
    final: bool = False
    kl: np.ndarray | None = None


@dataclass(frozen=True)
class Health:
    """How the training is doing, in words; the gravest first. See `training.health`."""

    step: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Edited:
    """Settings changed while it trains: "training.learning_rate" -> (old, new), from `step` on."""

    step: int
    changes: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Diverged:
    """`what` became NaN or infinite at `step`; the model is again what it was at `back_to`."""

    step: int
    back_to: int
    what: str


@dataclass(frozen=True)
class OutOfMemory:
    """A step of `batch_size` images did not fit; `fits` do (0: not even the smallest batch). All is saved."""

    step: int
    batch_size: int
    fits: int


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
    reason: Literal["steps", "minutes", "stopped", "diverged", "memory"]


Event = Progress | Preview | Evaluated | Health | Edited | Diverged | OutOfMemory | Saved | Paused | Done
