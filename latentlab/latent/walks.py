"""Walks through keyframes: which way, how long, at what pace; a film is a walk that is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.data.base import Report, no_report

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model

Easing = Literal["none", "in-out", "in", "out"]
Kind = Literal["slerp", "linear", "spline", "geodesic", "noise"]


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
    )
    fps: float = setting(25.0, "Frame rate", "Frames a second.", ge=1, le=60, unit="fps")
    loop: bool = setting(True, "Loop", "Go back to the first keyframe, so that the film has no seam.")
    seed: int = setting(0, "Seed", "Of the noise.", ge=0, le=2**31 - 1, only={"kind": ("noise",)})
    legs: int = setting(
        8, "Length", "How many legs a noise walk is long.", ge=1, le=1000, only={"kind": ("noise",)}
    )


class Route:
    """A path through the latent space that can be asked for any place on it.

    legs: how many there are; position 0 is the first keyframe, 1 the second, `legs` the end, which is the
    first again where the walk loops.
    """

    legs: int

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Positions (T,) in [0, legs] -> latents, float32 (T, D); what lies outside is clamped."""
        raise NotImplementedError


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
    raise NotImplementedError


def frames(legs: int, config: WalkConfig) -> np.ndarray:
    """The positions of a film's frames, float64 (F,), F = legs * seconds * fps, at least 2, eased per leg.

    Of a loop the end, which is the beginning, is left out: played again and again it has no seam.
    """
    raise NotImplementedError


def eased(positions: np.ndarray, easing: Easing) -> np.ndarray:
    """Positions as time passes -> positions as the easing has it; whole numbers stay."""
    raise NotImplementedError
