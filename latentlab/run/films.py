"""Films: latents decoded some at a time and written as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report
from latentlab.models.base import Model


class FilmConfig(Config):
    """How large the frames of a film are."""

    side: int = setting(512, "Size", "Pixels of the longer side.", ge=8, le=4320, unit="px")
    resampling: Literal["nearest", "smooth"] = setting(
        "smooth",
        "Enlarging",
        "Nearest repeats pixels, which shows them as they are; smooth (Lanczos) draws between them.",
        labels={"nearest": "Nearest", "smooth": "Smooth"},
    )


def decoded(
    model: Model, latents: np.ndarray, config: FilmConfig, report: Report = no_report
) -> Iterator[np.ndarray]:
    """Decode latents (F, D) into frames, uint8 (H', W') or (H', W', C); few are in memory at a time."""
    raise NotImplementedError


def write_film(
    path: str | Path,
    model: Model,
    latents: np.ndarray,
    fps: float,
    config: FilmConfig,
    report: Report = no_report,
) -> tuple[int, int]:
    """Decode latents (F, D) into a film -> its width and height. ExportError; `report` may cancel it."""
    raise NotImplementedError
