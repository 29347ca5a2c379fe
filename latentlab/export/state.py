"""What a picture tells of where it came from: written into the file, read back to the last bit."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from latentlab.core.config import Config

#: Version of what is written, and the key it has in the file.
FORMAT = 1
KEY = "latentlab"


class State(Config):
    """One JSON object in ASCII: PNG's iTXt chunk "latentlab", ImageDescription of TIFF and of WebP's Exif.

    run, fingerprint: name and `RunFolder.fingerprint`; step: the checkpoint. source: what the tiles show, a
    key of `run.grids.GRIDS`, and settings, its configuration; layout: that of `Layout`. rows, columns and
    seeds (empty where no seeds made it): of the tiles. size: numbers of a latent, D. z: the present latent
    that it was made from, base64 of D float32, little-endian, "" where there was none; latents: those of the
    tiles, N times D, row by row.
    """

    format: int = FORMAT
    run: str
    fingerprint: str
    step: int
    model: str
    source: str
    settings: dict[str, Any] = Field(default_factory=dict)
    layout: dict[str, Any] = Field(default_factory=dict)
    rows: int
    columns: int
    seeds: tuple[int, ...] = ()
    truncation: float = 1.0
    size: int
    z: str = ""
    latents: str = ""

    def present(self) -> np.ndarray | None:
        """The present latent, float32 (D,)."""
        return _numbers(self.z, self.size)[0] if self.z else None

    def tiles(self) -> np.ndarray:
        """The latents of the tiles, float32 (N, D); N may be 0."""
        return _numbers(self.latents, self.size)


def packed(latents: np.ndarray) -> str:
    """float32 latents (D,) or (N, D) as base64."""
    return base64.b64encode(np.ascontiguousarray(latents, "<f4").tobytes()).decode("ascii")


def _numbers(text: str, size: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, size).astype(np.float32)


def to_text(state: State) -> str:
    """As JSON in ASCII."""
    raise NotImplementedError


def read_state(path: str | Path) -> State | None:
    """The state inside a PNG, WebP or TIFF file; None where it has none, or is no picture.

    ExportError where there is one that is damaged or of a later version; OSError passes through.
    """
    raise NotImplementedError
