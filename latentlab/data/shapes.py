"""Sprites drawn from known factors: what a latent space should find is known here in advance."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.data.base import Report, Source, SourceConfig, register
from latentlab.data.originals import ArrayOriginals, Listing

SHAPES = ("square", "ellipse", "triangle", "heart")
DEFAULT_SIZE = 64

#: Factor -> its range (drawn evenly from it). Positions keep the largest sprite inside the image.
RANGES = {
    "scale": (0.5, 1.0),
    "rotation": (0.0, 360.0),
    "x": (0.25, 0.75),
    "y": (0.25, 0.75),
    "hue": (0.0, 360.0),
}

#: Distance from centroid to the farthest point of a sprite of scale 1, in sides of the image.
RADIUS = 0.24

# A heart of unit circles: a square of half-side 1 standing on a corner, a half disc of radius 1 on each of
# its upper sides. Its centroid lies above the square's centre by the half discs' moment over the whole area.
_HEART_CENTROID = np.pi * (1 + 4 / (3 * np.pi)) / np.sqrt(2) / (4 + np.pi)
_HEART_RADIUS = np.sqrt(2) + _HEART_CENTROID


class ShapesConfig(SourceConfig):
    count: int = setting(8192, "Count", "How many sprites are drawn.", ge=1, le=1_000_000)
    seed: int = setting(0, "Seed", "Another seed draws other sprites.", ge=0, le=2**32 - 1)


@register("shapes")
class Shapes(Source):
    """White or coloured sprites on black, in the manner of dSprites (Matthey et al., 2017), drawn anew.

    Size 0 is 64 px, channels 0 is grey. With 3 or 4 channels a sprite has a fully saturated colour; with 4
    its surroundings are transparent, and flattening onto black gives the picture that 3 channels have.

    Labels are the shape. `factors`, float32 (N,): ``shape`` (its index), ``scale`` (0.5..1), ``rotation``
    (degrees anticlockwise, 0..360; a square repeats after 90, an ellipse after 180, a triangle after 120),
    ``x`` and ``y`` (the sprite's centroid in sides of the image, 0.25..0.75, y downwards) and, with colour,
    ``hue`` (degrees, 0 red, 120 green, 240 blue).

    Image i depends on the seed, size and channels only: not on `count` or `limit`, which take the first ones.
    """

    Config = ShapesConfig
    title = "Shapes"
    about = "Drawn squares, ellipses, triangles and hearts with known scale, rotation, place and hue; 64×64."

    @classmethod
    def open(cls, config: Any, report: Report) -> _Sprites:
        return _Sprites(config)


class _Sprites(ArrayOriginals):
    """Drawn where they are read; `read` gives them as they are wanted."""

    name, stamp, costly = "shapes", "", False

    def __init__(self, config: ShapesConfig) -> None:
        self._count = min(config.count, config.limit or config.count)
        self._size, self._channels = config.size or DEFAULT_SIZE, config.channels or 1
        self._factors = draw_factors(self._count, config.seed)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._channels, self._size, self._size

    def listing(self, report: Report) -> Listing:
        factors = self._factors.copy()
        if self._channels == 1:
            del factors["hue"]
        return Listing(
            self._count,
            labels=self._factors["shape"].astype(np.int64),
            label_names=SHAPES,
            factors=factors,
        )

    def read(self, places: np.ndarray) -> np.ndarray:
        return draw({n: values[places] for n, values in self._factors.items()}, self._size, self._channels)


def draw_factors(count: int, seed: int) -> dict[str, np.ndarray]:
    """float32 (count,) of shape, scale, rotation, x, y and hue; see `Shapes` for units and `RANGES`."""
    # One row an image, and hue drawn for grey ones too: neither count nor channels changes the other factors.
    drawn = np.random.default_rng(seed).random((count, 1 + len(RANGES)))
    factors = {"shape": np.floor(drawn[:, 0] * len(SHAPES)).astype(np.float32)}
    for column, (name, (low, high)) in enumerate(RANGES.items(), start=1):
        factors[name] = (low + (high - low) * drawn[:, column]).astype(np.float32)
    return factors


def draw(factors: dict[str, np.ndarray], size: int, channels: int) -> np.ndarray:
    """Factors of N sprites, each (N,) -> uint8 (N, channels, size, size); see `Shapes`."""
    ink = coverage(factors, size)
    if channels == 1:
        return np.rint(ink[:, None] * 255).astype(np.uint8)
    colours = _hue_to_rgb(factors["hue"])[:, :, None, None]
    if channels == 3:
        return np.rint(ink[:, None] * colours * 255).astype(np.uint8)
    touched = (ink > 0)[:, None]
    return np.rint(np.concatenate([touched * colours, ink[:, None]], axis=1) * 255).astype(np.uint8)


def coverage(factors: dict[str, np.ndarray], size: int) -> np.ndarray:
    """How much of each pixel the sprite covers: float32 (N, size, size) in 0..1.

    A pixel whose centre lies d pixels outside the outline is covered by 1/2 - d, clipped: exact for a
    straight edge along the grid, and within some hundredths otherwise.
    """
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    turn = np.deg2rad(factors["rotation"])
    cos, sin = (f(turn).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    across = (centres[None, :] - factors["x"][:, None])[:, None, :]
    up = (factors["y"][:, None] - centres[None, :])[:, :, None]
    # The sprite turned anticlockwise is the grid turned clockwise.
    u, v = across * cos + up * sin, up * cos - across * sin
    radius = (RADIUS * factors["scale"])[:, None, None]
    distance = np.empty((len(turn), size, size), np.float32)
    for index, name in enumerate(SHAPES):
        chosen = factors["shape"] == index
        distance[chosen] = _DISTANCES[name](u[chosen], v[chosen], radius[chosen])
    return np.clip(0.5 - distance * size, 0, 1)


# Signed distances to an outline whose centroid is the origin and whose farthest point lies at `radius`;
# v points up. Negative inside; exact near edges, which is where they are read.


def _square(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - radius / np.float32(np.sqrt(2))


def _ellipse(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    # f = |(u/a, v/b)| is 1 on the outline; to first order f - 1 over its gradient's length is the distance.
    a, b = radius, radius * np.float32(0.55)
    tiny = np.float32(1e-12)  # at the very centre f and its gradient's numerator vanish
    f = np.sqrt((u / a) ** 2 + (v / b) ** 2 + tiny)
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2 + tiny / a**2)
    return f * (f - 1) / slope


def _triangle(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    slanted = np.abs(u) * np.float32(np.sqrt(3) / 2) + v * np.float32(0.5)
    return np.maximum(slanted, -v) - radius / 2


def _heart(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    unit = radius / np.float32(_HEART_RADIUS)
    half = np.float32(np.sqrt(0.5))
    u, v = np.abs(u), v + unit * np.float32(_HEART_CENTROID)
    along, beside = (u + v) * half, (u - v) * half
    square = np.maximum(np.abs(along), np.abs(beside)) - unit
    disc = np.sqrt((along - unit) ** 2 + beside**2) - unit
    return np.minimum(square, disc)


_DISTANCES = {"square": _square, "ellipse": _ellipse, "triangle": _triangle, "heart": _heart}


def _hue_to_rgb(hue: np.ndarray) -> np.ndarray:
    """Degrees (N,) -> float32 (N, 3) in 0..1 at full saturation and value (HSV)."""
    sixths = (hue[:, None] / 60 + np.array([0, 4, 2], np.float32)) % 6
    return np.clip(np.abs(sixths - 3) - 1, 0, 1).astype(np.float32)
