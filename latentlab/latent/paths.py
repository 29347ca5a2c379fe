"""Paths from one latent to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from latentlab.core.errors import ConfigError

if TYPE_CHECKING:
    from latentlab.models.base import Choice


def linear(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b for latents (D,) and positions t (T,) in [0, 1] -> float32 (T, D)."""
    t = np.asarray(t, np.float64)[:, None]
    return ((1 - t) * a + t * b).astype(np.float32)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Spherical interpolation -> float32 (T, D), passing through latents as long as the prior's own.

    sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b, with w the angle between a and b (Shoemake 1985; for latents
    White, arXiv 1609.04468). Falls back to `linear` where the angle leaves the direction open: a zero vector,
    or a and b on one line.
    """
    a64, b64 = np.asarray(a, np.float64), np.asarray(b, np.float64)
    lengths = np.linalg.norm(a64) * np.linalg.norm(b64)
    if lengths == 0:
        return linear(a, b, t)
    angle = np.arccos(np.clip(np.dot(a64, b64) / lengths, -1, 1))
    if np.sin(angle) < 1e-6:
        return linear(a, b, t)
    t = np.asarray(t, np.float64)[:, None]
    path = (np.sin((1 - t) * angle) * a64 + np.sin(t * angle) * b64) / np.sin(angle)
    return path.astype(np.float32)


Path = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
PATHS: dict[str, Path] = {
    "slerp": slerp,
    "linear": linear,
}


def between(
    a: np.ndarray, b: np.ndarray, frames: int, kind: str = "slerp", choices: Sequence[Choice] = ()
) -> np.ndarray:
    """`frames` latents from a to b, both included -> float32 (frames, D).

    The numbers of `choices` go linearly whatever the kind: halves of two categories, not 0.7 of each.
    ConfigError for fewer than two frames or an unknown kind ("linear", "slerp").
    """
    if frames < 2:
        raise ConfigError(f"frames: {frames} is not allowed; expected a whole number of at least 2.")
    return _leg(a, b, np.linspace(0, 1, frames), kind, choices)


def through(
    keyframes: np.ndarray, position: float, kind: str = "slerp", choices: Sequence[Choice] = ()
) -> np.ndarray:
    """The latent, float32 (D,), at `position` of the path through keyframes (K, D), K > 0.

    Position 0 is the first keyframe, 1 the second, K - 1 the last; beyond either end it is clamped.
    `choices` as in `between`. ConfigError for an unknown kind.
    """
    position = min(max(position, 0.0), len(keyframes) - 1.0)
    leg = max(0, min(int(position), len(keyframes) - 2))
    return _leg(
        keyframes[leg], keyframes[min(leg + 1, len(keyframes) - 1)], np.array([position - leg]), kind, choices
    )[0]


def round_trip(
    keyframes: np.ndarray, frames: int, kind: str = "slerp", choices: Sequence[Choice] = ()
) -> np.ndarray:
    """float32 (frames, D) through keyframes (K, D) and back to the first, which is not repeated at the end.

    Played in a loop it has no seam. ConfigError as `between`.
    """
    if frames < 2:
        raise ConfigError(f"frames: {frames} is not allowed; expected a whole number of at least 2.")
    closed = np.concatenate([keyframes, keyframes[:1]])
    positions = np.arange(frames) * (len(keyframes) / frames)
    return np.stack([through(closed, position, kind, choices) for position in positions])


def _leg(a: np.ndarray, b: np.ndarray, t: np.ndarray, kind: str, choices: Sequence[Choice]) -> np.ndarray:
    if kind not in PATHS:
        raise ConfigError(f"Unknown path '{kind}': expected one of {', '.join(PATHS)}.")
    if not choices:
        return PATHS[kind](a, b, t)
    result = linear(a, b, t)
    noise = np.ones(len(a), bool)
    for choice in choices:
        noise[choice.start : choice.stop] = False
    result[:, noise] = PATHS[kind](a[noise], b[noise], t)
    return result
