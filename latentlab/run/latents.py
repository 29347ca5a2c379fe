"""Latents of whatever file tells some: NPZ, NPY, JSON, or a picture that says where it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.core.errors import ConfigError, RunError
from latentlab.export.base import EXPORTERS
from latentlab.export.state import State, read_state
from latentlab.latent import files


def is_picture(path: Path) -> bool:
    """Whether its name is that of a picture that may say where it came from."""
    endings = {suffix for _, e in EXPORTERS.items() if e.keeps_state for suffix in e.suffixes}
    return path.suffix.lower() in endings


def state_of(path: Path) -> State | None:
    """Where a file says that it came from; None where it does not, or is no picture. ExportError, OSError."""
    return read_state(path) if is_picture(path) and path.is_file() else None


def read_latents(path: str | Path, size: int | None = None) -> tuple[list[str], np.ndarray]:
    """Names, and latents float32 (N, D), as `latent.files.read_latents`; of a picture those of its tiles."""
    path = Path(path).expanduser()
    if not is_picture(path):
        return files.read_latents(path, size)
    try:
        state = read_state(path)
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from None
    z = np.empty((0, 0), np.float32) if state is None else state.tiles()
    z = z[~np.isnan(z).any(axis=1)]  # originals have none
    if state is None or not len(z):
        raise RunError(f"{path} is a picture that tells no latents.")
    if size is not None and z.shape[1] != size:
        raise ConfigError(f"{path} holds latents of {z.shape[1]} numbers; this model has {size}.")
    if len(state.seeds) == len(z):
        return [f"seed {seed}" for seed in state.seeds], z
    return [f"{path.stem} {number}" for number in range(1, len(z) + 1)], z


def load_latents(path: str | Path, size: int | None = None) -> np.ndarray:
    """The latents alone."""
    return read_latents(path, size)[1]
