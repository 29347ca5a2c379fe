"""Walks through keyframes: which way, how long, at what pace; a film is a walk that is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import ConfigError
from latentlab.data.base import Report, no_report

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model

Easing = Literal["none", "in-out", "in", "out"]
Kind = Literal["slerp", "linear", "spline", "geodesic", "noise"]
#: The kinds that go through all keyframes.
KEYED = ("slerp", "linear", "spline", "geodesic")
#: Correlation length of a noise walk in legs: places a leg apart correlate by a quarter.
WANDER = 0.6


class WalkConfig(Config):
    """How to walk. The timeline, ``latentlab interpolate`` and `Run.walk` take the same."""

    kind: Kind = setting(
        "slerp",
        "Path",
        "Slerp (spherical) keeps latents as long as the prior's own; linear cuts through the middle; spline "
        "goes smoothly through every keyframe; geodesic is the shortest in the images: it changes them at "
        "an even pace; noise wanders from the first keyframe and comes back, without the others.",
        labels={
            "slerp": "Slerp",
            "linear": "Linear",
            "spline": "Spline",
            "geodesic": "Geodesic",
            "noise": "Noise walk",
        },
    )
    seconds: float = setting(1.5, "Leg", "Seconds from one keyframe to the next.", ge=0.1, le=60, unit="s")
    easing: Easing = setting(
        "none",
        "Easing",
        "How a leg begins and ends: at full pace, or slowly.",
        labels={"none": "None", "in-out": "In and out", "in": "In", "out": "Out"},
        only={"kind": KEYED},
    )
    fps: float = setting(25.0, "Frame rate", "Frames a second.", ge=1, le=60, unit="fps")
    loop: bool = setting(
        True,
        "Loop",
        "Go back to the first keyframe, so that the film has no seam; a noise walk always does.",
        only={"kind": KEYED},
    )
    seed: int = setting(0, "Seed", "Of the noise.", ge=0, le=2**31 - 1, only={"kind": ("noise",)})
    legs: int = setting(
        8, "Length", "How many legs a noise walk is long.", ge=1, le=1000, only={"kind": ("noise",)}
    )


class Route:
    """A path through the latent space that can be asked for any place on it.

    legs: how many there are; position 0 is the first keyframe, 1 the second, `legs` the end, which is the
    first again where the walk loops. The numbers of `choices` go linearly whatever the kind: halves of two
    categories, not 0.7 of each.
    """

    def __init__(self, keyframes: np.ndarray, loop: bool, choices: Sequence[Choice] = ()) -> None:
        keys = np.asarray(keyframes, np.float64)
        closed = np.concatenate([keys, keys[:1]]) if loop else keys
        self.legs = len(closed) - 1
        self._keys, self._loop = closed, loop
        self._chosen = [i for choice in choices for i in range(choice.start, choice.stop)]

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Positions (T,) in [0, legs] -> latents, float32 (T, D); what lies outside is clamped."""
        positions = np.clip(np.asarray(positions, np.float64), 0, self.legs)
        leg = np.minimum(positions.astype(int), self.legs - 1)
        t = (positions - leg)[:, None]
        a, b = self._keys[leg], self._keys[leg + 1]
        path = self.between(leg, a, b, t)
        straight = (1 - t) * a + t * b
        path[:, self._chosen] = straight[:, self._chosen]
        path = np.where(t == 0, a, np.where(t == 1, b, path))  # keyframes to the last bit
        return path.astype(np.float32)

    def between(self, leg: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The way from a to b (T, D) at t (T, 1) in [0, 1] of legs (T,) -> float64 (T, D): straight."""
        return (1 - t) * a + t * b


class Slerp(Route):
    """Spherical interpolation, passing through latents as long as the prior's own.

    sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b, with w the angle between a and b (Shoemake 1985; for latents
    White, arXiv 1609.04468). Straight where the angle leaves the direction open: a zero vector, or a and b
    on one line. Categories count for no angle.
    """

    def between(self, leg: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        noise = np.delete(np.arange(a.shape[1]), self._chosen)
        path = super().between(leg, a, b, t)
        a, b = a[:, noise], b[:, noise]
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosine = np.einsum("td,td->t", a, b) / np.where(lengths == 0, 1, lengths)
        angle = np.arccos(np.clip(cosine, -1, 1))[:, None]
        sine = np.sin(angle)
        bent = (sine[:, 0] >= 1e-6) & (lengths > 0)
        safe = np.where(sine == 0, 1, sine)
        curve = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / safe
        path[:, noise] = np.where(bent[:, None], curve, path[:, noise])
        return path


class Spline(Route):
    """The cubic through all keyframes of Catmull and Rom (1974), each leg as long as the next.

    Where the walk does not loop, the ends are continued by their mirror images. Its velocity is continuous,
    that of a loop also where it begins anew. Centripetal knots (Yuksel et al. 2011) would spare it the small
    loops beside keyframes of very unequal distances, but draws from a prior lie about equally far apart, and
    keyframes twice in a row have no distance to divide by.
    """

    def __init__(self, keyframes: np.ndarray, loop: bool, choices: Sequence[Choice] = ()) -> None:
        super().__init__(keyframes, loop, choices)
        keys = self._keys
        if loop:  # the last of `keys` is the first
            self._padded = np.concatenate([keys[-2:-1], keys, keys[1:2]])
        else:
            self._padded = np.concatenate([2 * keys[:1] - keys[1:2], keys, 2 * keys[-1:] - keys[-2:-1]])

    def between(self, leg: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        before, after = self._padded[leg], self._padded[leg + 3]
        linear, square = b - before, 2 * before - 5 * a + 4 * b - after
        cubic = 3 * a - before - 3 * b + after
        return a + 0.5 * (linear * t + square * t**2 + cubic * t**3)


class Noise(Route):
    """A closed walk from one latent and back, through latents that are distributed as the prior's.

    A stationary Gaussian process on a circle of `legs` legs, a sum of harmonics whose weights fall off as a
    Gaussian: places a leg apart differ by about as much as two draws do. It is conditioned to begin at the
    keyframe z0 by Matheron's rule, z(t) = x(t) + k(t) (z0 - x(0)), k being its correlation: for z0 ~ N(0, I)
    every place is N(0, I). Categories stay.
    """

    def __init__(self, start: np.ndarray, legs: int, seed: int, choices: Sequence[Choice] = ()) -> None:
        super().__init__(np.stack([start, start]), False, choices)
        self.legs = legs
        harmonics = np.arange(1, max(2, int(6 * legs / (2 * np.pi * WANDER)) + 1))
        power = np.exp(-0.5 * (2 * np.pi * harmonics * WANDER / legs) ** 2)
        self._power = power / power.sum()
        self._turns = 2 * np.pi * harmonics / legs
        self._waves = np.random.default_rng(seed).standard_normal((2, len(harmonics), len(start)))
        self._start = np.asarray(start, np.float64)

    def at(self, positions: np.ndarray) -> np.ndarray:
        at = np.asarray(positions, np.float64)[:, None] % self.legs
        weights = np.sqrt(self._power)
        cosines, sines = np.cos(at * self._turns), np.sin(at * self._turns)
        path = (cosines * weights) @ self._waves[0] + (sines * weights) @ self._waves[1]
        path += (cosines @ self._power)[:, None] * (self._start - weights @ self._waves[0])
        path[:, self._chosen] = self._start[self._chosen]
        return np.where(at == 0, self._start, path).astype(np.float32)


ROUTES: dict[str, type[Route]] = {"slerp": Slerp, "linear": Route, "spline": Spline}


def route(
    keyframes: np.ndarray,
    config: WalkConfig,
    choices: Sequence[Choice] = (),
    model: Model | None = None,
    report: Report = no_report,
) -> Route:
    """The way through keyframes (K, D). ConfigError for too few of them: two, one for a noise walk.

    "geodesic" needs the model and takes a while, of which `report` tells; the other kinds are there at once.
    """
    keyframes = np.atleast_2d(np.asarray(keyframes, np.float32))
    least = 1 if config.kind == "noise" else 2
    if len(keyframes) < least:
        raise ConfigError(
            f"keyframes: {len(keyframes)} is not enough; a {config.kind} walk needs at least {least}."
        )
    if config.kind == "noise":
        return Noise(keyframes[0], config.legs, config.seed, choices)
    if config.kind == "geodesic":
        from latentlab.latent.geodesic import Geodesic

        if model is None:
            raise ValueError("a geodesic needs the model")
        return Geodesic(model, keyframes, config.loop, report)
    return ROUTES[config.kind](keyframes, config.loop, choices)


def frames(legs: int, config: WalkConfig) -> np.ndarray:
    """The positions of a film's frames, float64 (F,), F = legs * seconds * fps, at least 2, eased per leg.

    Of a loop the end, which is the beginning, is left out: played again and again it has no seam.
    """
    return spaced(legs, max(2, round(legs * config.seconds * config.fps)), config)


def spaced(legs: int, count: int, config: WalkConfig) -> np.ndarray:
    """The same for a number of frames."""
    if config.kind == "noise":
        return np.arange(count) * (legs / count)
    times = np.arange(count) * (legs / count) if config.loop else np.linspace(0, legs, count)
    return eased(times, config.easing)


def eased(positions: np.ndarray, easing: Easing) -> np.ndarray:
    """Positions as time passes -> positions as the easing has it; whole numbers stay.

    "in" and "out" are squares, "in-out" is 3 t^2 - 2 t^3, which begins and ends without a jolt.
    """
    positions = np.asarray(positions, np.float64)
    leg = np.floor(positions)
    t = positions - leg
    if easing == "in":
        t = t**2
    elif easing == "out":
        t = 1 - (1 - t) ** 2
    elif easing == "in-out":
        t = t**2 * (3 - 2 * t)
    return leg + t
