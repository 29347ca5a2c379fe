"""Films: latents decoded some at a time and written as they come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.points import picture_shape
from latentlab.data.base import Report, no_report
from latentlab.export.base import write_frames
from latentlab.models.base import Model

#: Bytes of pictures that are decoded at a time; frames that are encoded at once stay few.
AT_A_TIME = 2**22


class FilmConfig(Config):
    """How large the frames of a film are."""

    side: int = setting(
        512,
        "Size",
        "Pixels of the longer side. Nearest takes as many whole pixels for each of an image as fit.",
        ge=8,
        le=4320,
        unit="px",
    )
    resampling: Literal["nearest", "smooth"] = setting(
        "smooth",
        "Enlarging",
        "Nearest repeats pixels, which shows them as they are; smooth (Lanczos) draws between them.",
        labels={"nearest": "Nearest", "smooth": "Smooth"},
    )


def frame_size(height: int, width: int, config: FilmConfig) -> tuple[int, int]:
    """(height, width) of the frames of a picture.

    Nearest enlarges by a whole number, since pixels of different sizes look broken: the longer side is then
    what fits into `config.side`.
    """
    scale = config.side / max(height, width)
    if config.resampling == "nearest" and scale > 1:
        scale = int(scale)
    return max(1, round(height * scale)), max(1, round(width * scale))


def decoded(
    model: Model, latents: np.ndarray, config: FilmConfig, report: Report = no_report
) -> Iterator[np.ndarray]:
    """Decode latents (F, D) into frames, uint8 (H', W') or (H', W', C); few are in memory at a time."""
    from latentlab.models.pixels import render

    batch = max(1, min(256, AT_A_TIME // math.prod(picture_shape(model.image_shape))))
    for start in range(0, len(latents), batch):
        for number, tile in enumerate(render(model, latents[start : start + batch]), start):
            report(number, len(latents))
            yield enlarged(tile, config)
    report(len(latents), len(latents))


def enlarged(tile: np.ndarray, config: FilmConfig) -> np.ndarray:
    """A uint8 tile (C, H, W) as a frame (H', W') or (H', W', C)."""
    from PIL import Image

    pixels = tile[0] if len(tile) == 1 else np.ascontiguousarray(tile.transpose(1, 2, 0))
    size = frame_size(pixels.shape[0], pixels.shape[1], config)
    if size == pixels.shape[:2]:
        return pixels
    smooth = config.resampling == "smooth"
    how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], how))


def write_film(
    path: str | Path,
    model: Model,
    latents: np.ndarray,
    fps: float,
    config: FilmConfig,
    report: Report = no_report,
) -> tuple[int, int]:
    """Decode latents (F, D) into a film -> its width and height. ExportError; `report` may cancel it."""
    write_frames(path, decoded(model, latents, config, report), fps)
    _, height, width = picture_shape(model.image_shape)
    high, wide = frame_size(height, width, config)
    return wide, high
