"""Points of a plane from known distributions: what a model learned of them can be seen at a glance."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from latentlab.core import points
from latentlab.core.config import Config, setting
from latentlab.data.base import Dataset, Report, Source, register

#: So many standard deviations of noise stay free between what is drawn and the edge of the plane.
FREE = 5
#: Half the side of what is drawn, in sides of the plane, where the noise leaves it the room.
REACH = 0.4
#: Turns of all arms of the spirals together: however many arms there are, they lie equally far apart.
TURNS = 3.0
#: Where an arm begins, as a part of its whole length: the arms do not meet in the middle.
ARM_START = 0.15
#: Points between two reports.
CHUNK = 65_536


class PointsConfig(Config):
    """Settings of the points; unlike images they have neither size nor channels."""

    distribution: Literal["ring", "grid", "spirals", "moons"] = setting(
        "ring",
        "Distribution",
        "What the points are drawn from.",
        labels={
            "ring": "Ring of Gaussians",
            "grid": "Grid of Gaussians",
            "spirals": "Spirals",
            "moons": "Two moons",
        },
    )
    modes: int = setting(8, "Modes", "Gaussians on the ring.", ge=2, le=32, only={"distribution": ("ring",)})
    side: int = setting(
        5, "Side", "Gaussians along each side of the grid.", ge=2, le=10, only={"distribution": ("grid",)}
    )
    arms: int = setting(2, "Arms", "Arms of the spirals.", ge=1, le=8, only={"distribution": ("spirals",)})
    noise: float = setting(
        0.02,
        "Noise",
        "Standard deviation of the Gaussians, or about the curves, in sides of the plane.",
        ge=0,
        le=0.06,
        zero="none",
    )
    count: int = setting(20_000, "Count", "How many points are drawn.", ge=1, le=1_000_000)
    seed: int = setting(0, "Seed", "Another seed draws other points.", ge=0, le=2**32 - 1)
    limit: int = setting(0, "Limit", "Use at most so many points; 0 uses all.", ge=0, zero="all")


@register("points")
class Points(Source):
    """Toy distributions: ring and grid of Gaussians (Metz et al., arXiv 1611.02163), spirals, two moons.

    float32 (N, 2, 1, 1), x to the right and y upwards, in [0, 1]. What they are drawn from reaches from 0.1
    to 0.9, or less where the noise is above 0.02: `FREE` standard deviations always lie between it and the
    edge, and the few points in a million that go beyond are brought back to the edge.

    Labels are the Gaussian, the arm or the moon. `factors`, float32 (N,), are where a point was before its
    noise: ``angle`` on the ring (degrees anticlockwise from the right, 0..360), ``column`` and ``row`` of the
    grid (from 0, upwards), ``along`` a spiral (from its inner end) or a moon (anticlockwise), 0..1.

    Point i depends on the seed and on what is drawn only: not on `count` or `limit`, which take the first.
    """

    Config = PointsConfig
    title = "Points"
    about = (
        "Points of a plane from a ring or grid of Gaussians, spirals or moons; what is learned can be seen."
    )

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        count = min(config.count, config.limit or config.count)
        # Streams of their own, each a row a point: the count changes no point.
        choosing, shaking = (np.random.default_rng([config.seed, stream]) for stream in (0, 1))
        images = np.empty((count, *points.SHAPE), np.float32)
        labels = np.empty(count, np.int64)
        factors: dict[str, np.ndarray] = {}
        for start in range(0, count, CHUNK):
            report(start, count)
            part = slice(start, min(start + CHUNK, count))
            size = (part.stop - start, 2)
            clean, labels[part], known = _DISTRIBUTIONS[config.distribution](config, choosing.random(size))
            noisy = clean * _reach(config) + 0.5 + config.noise * shaking.standard_normal(size)
            images[part] = noisy.clip(0, 1).reshape(-1, *points.SHAPE)
            for name, values in known.items():
                factors.setdefault(name, np.empty(count, np.float32))[part] = values
        report(count, count)
        return Dataset(
            images=images,
            name=title(config),
            source=cls.key,
            config=config.model_dump(),
            labels=labels,
            label_names=label_names(config),
            factors=factors,
        )


def title(config: PointsConfig) -> str:
    """``ring of 8``, ``grid of 5×5``, ``2 spirals``, ``two moons``."""
    return {
        "ring": f"ring of {config.modes}",
        "grid": f"grid of {config.side}×{config.side}",
        "spirals": f"{config.arms} spirals" if config.arms > 1 else "spiral",
        "moons": "two moons",
    }[config.distribution]


def label_names(config: PointsConfig) -> tuple[str, ...]:
    """What the classes are called: the Gaussian's angle, column and row from 1, the arm, the moon."""
    if config.distribution == "ring":
        return tuple(f"{360 * mode / config.modes:.0f}°" for mode in range(config.modes))
    if config.distribution == "grid":
        side = range(1, config.side + 1)
        return tuple(f"{column},{row}" for row in side for column in side)
    if config.distribution == "spirals":
        return tuple(f"arm {arm + 1}" for arm in range(config.arms))
    return ("upper", "lower")


def _reach(config: PointsConfig) -> float:
    return min(REACH, 0.5 - FREE * config.noise)


# Evenly drawn numbers (N, 2) -> points of a square from -1 to 1, their labels, what else is known of them.

_Drawn = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def _ring(config: PointsConfig, drawn: np.ndarray) -> _Drawn:
    mode = np.floor(drawn[:, 0] * config.modes)
    turn = mode / config.modes
    return _polar(np.ones(len(turn)), turn), mode, {"angle": 360 * turn}


def _grid(config: PointsConfig, drawn: np.ndarray) -> _Drawn:
    cell = np.floor(drawn * config.side)
    column, row = cell.T
    return 2 * cell / (config.side - 1) - 1, row * config.side + column, {"column": column, "row": row}


def _spirals(config: PointsConfig, drawn: np.ndarray) -> _Drawn:
    arm = np.floor(drawn[:, 0] * config.arms)
    # A length of arc grows with the radius: its root spreads the points evenly along the arm.
    radius = np.sqrt(ARM_START**2 + (1 - ARM_START**2) * drawn[:, 1])
    turn = (arm + TURNS * radius) / config.arms
    return _polar(radius, turn), arm, {"along": (radius - ARM_START) / (1 - ARM_START)}


def _moons(config: PointsConfig, drawn: np.ndarray) -> _Drawn:
    """Two half circles, each ending in the middle of the other, as scikit-learn draws them."""
    lower, along = np.floor(drawn[:, 0] * 2), drawn[:, 1]
    x, y = np.cos(np.pi * along), np.sin(np.pi * along)
    # The lower one is the upper one turned by half about the middle of both, which becomes the plane's.
    upper = np.stack([x - 0.5, y - 0.25], axis=1) / 1.5
    return upper * (1 - 2 * lower)[:, None], lower, {"along": along}


def _polar(radius: np.ndarray, turn: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * turn
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


_DISTRIBUTIONS = {"ring": _ring, "grid": _grid, "spirals": _spirals, "moons": _moons}
