"""How a training is doing, in plain words: what was measured, what it means, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Finding:
    """One sentence or two with the number behind it, and a remedy where something is wrong.

    key: kebab-case and permanent ("mode-collapse"); value: the number that decided.
    """

    key: str
    level: Literal["good", "info", "warning", "error"]
    text: str
    remedy: str = ""
    value: float | None = None


class Monitor:
    """Remembers the last of every figure and says what they mean.

    family: of the model, "gan" or "vae". images: how many are trained on. Used live by the loop, and for a
    run from disk by noting its whole series.
    """

    def __init__(self, family: str, images: int) -> None:
        self.family, self.images = family, images

    def note(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Take in figures: int64 steps (K,), and by name float (K,), NaN where nothing was measured."""

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say now, the gravest first."""
        return ()
