"""Which images of a dataset are the same as another, or look it.

Images pass by once, and some bytes of each are remembered: `BYTES_EXACT`, or `BYTES_NEAR` as well. What these
say is only a hint: images count as duplicates when their pixels have been compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentlab.data.report import Part, Report

#: Bytes remembered of an image while it is read. Comparing those that look alike takes up to 1 KiB of each.
BYTES_EXACT, BYTES_NEAR = 8, 136

#: Side of the averages that are compared, in cells: what resizing and recompressing change is finer.
CELLS = 16
#: How far images that look alike may differ there, as a root mean square in shares of their contrast (the
#: standard deviation of the pixels), which counts as at least `FAINT` levels; and in the worst of 4×4 fields.
ALIKE, ALIKE_ANYWHERE = 0.1, 0.25
FAINT = 30
#: How far their low frequencies may be apart: a part of the same difference, give or take the colours'.
CLOSE = 1.2 * ALIKE
#: One may be brighter or darker than the other by so many levels.
BRIGHTER = 16

#: Low frequencies remembered; tables, projections of each, and their width, in shares of the contrast.
_FREQUENCIES, _TABLES, _PROJECTIONS, _WIDTH = 32, 10, 10, 0.8
#: Images compared with one, and remembered in one place: so many that resemble each other are rarely the
#: same, and comparing all would take for ever.
_MOST_TRIED, _MOST_TOGETHER = 8, 32

#: Gives the images of these rows: uint8 (K, C, H, W).
Rows = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Twins:
    """of: int64 (N,), the image that stays and that this one is a duplicate of; -1 for those that stay.
    same: bool (N,), whether it has the same pixels; else it looks alike."""

    of: np.ndarray
    same: np.ndarray


class Duplicates:
    """Looks for images that are the same ("exact"), or look alike as well ("near")."""

    def __init__(self, kind: Literal["exact", "near"]) -> None:
        self._near = kind == "near"
        self._digests: list[np.ndarray] = []
        self._low: list[np.ndarray] = []

    def add(self, images: np.ndarray) -> None:
        """Some more, uint8 (K, C, H, W)."""
        digests = [hashlib.blake2b(np.ascontiguousarray(i).data, digest_size=8).digest() for i in images]
        self._digests.append(np.frombuffer(b"".join(digests), np.uint64))
        if self._near:
            self._low.append(low_frequencies(images))

    def find(self, rows: Rows, order: np.ndarray, report: Report) -> Twins:
        """The twins among those added: of several the one stays that is first in `order` (all, int64)."""
        digests = np.concatenate(self._digests)
        of = np.full(len(digests), -1, np.int64)
        _find_same(of, digests, rows, order, Part(report, 0, 0.3 if self._near else 1))
        same = of >= 0
        if self._near:
            _find_alike(of, np.concatenate(self._low), rows, order[~same[order]], Part(report, 0.3, 1))
            # What is the same as one that looks like another looks like that.
            chained = same & (of[of] >= 0)
            of[chained] = of[of[chained]]
            same = same & ~chained
        return Twins(of, same)


def _find_same(of: np.ndarray, digests: np.ndarray, rows: Rows, order: np.ndarray, report: Report) -> None:
    """Where digests and pixels are the same. Two images in 2^64 that only share a digest both stay."""
    _, first, which = np.unique(digests[order], return_index=True, return_inverse=True)
    first_of = order[first[which]]
    later = order[first_of != order]
    first_of = first_of[first_of != order]
    # By rows, because a disk likes that better.
    by_row = np.argsort(later)
    later, first_of = later[by_row], first_of[by_row]
    for start in range(0, len(later), 32):
        report(start, len(later))
        ones, others = later[start : start + 32], first_of[start : start + 32]
        equal = (rows(ones) == rows(others)).all(axis=(1, 2, 3))
        of[ones[equal]] = others[equal]
    report(1, 1)


def _find_alike(of: np.ndarray, low: np.ndarray, rows: Rows, order: np.ndarray, report: Report) -> None:
    """Each image is compared with those before it that stay, and that share a place with it."""
    held: dict[int, list[int]] = {}
    for done, (row, places) in enumerate(zip(order.tolist(), _places(low[order], report), strict=True)):
        if done % 32 == 0:
            report(done, len(order))
        homes = [held.setdefault(place, []) for place in places.tolist() if place >= 0]
        others = np.array([*set().union(*homes)], np.int64)
        if len(others):
            distances = ((low[others] - low[row]) ** 2).sum(1)
            close = np.flatnonzero(distances <= CLOSE**2)
            others = others[close[np.argsort(distances[close], kind="stable")[:_MOST_TRIED]]]
        if len(others):
            pixels = rows(np.append(others, row))
            alike = np.flatnonzero(look_alike(pixels[:-1], pixels[-1:]))
            if len(alike):
                of[row] = others[alike[0]]
                continue
        for home in homes:
            if len(home) < _MOST_TOGETHER:
                home.append(row)
    report(1, 1)


def _places(low: np.ndarray, report: Report) -> np.ndarray:
    """Low frequencies (N, `_FREQUENCIES`) -> int64 (N, `_TABLES`): numbers of places; -1 where one is alone.

    Locality-sensitive hashing for Euclidean distances (Datar et al., 2004): two at a distance of 0.1 share a
    place in one of the tables with a probability of 0.986, at half of that with 0.9999, at 0.7 with 0.0014.
    So the work grows with the number of images, not with its square.
    """
    random = np.random.default_rng(0)
    places = np.empty((len(low), _TABLES), np.int64)
    for table in range(_TABLES):
        report(0, 1)
        directions = random.standard_normal((low.shape[1], _PROJECTIONS)).astype(np.float32)
        shift = random.random(_PROJECTIONS, np.float32)
        cells = np.floor(low @ directions / np.float32(_WIDTH) + shift).astype(np.int64)
        mixed = (cells * random.integers(1, 2**62, _PROJECTIONS)).sum(1)  # wraps round, which does no harm
        _, which, counts = np.unique(mixed, return_inverse=True, return_counts=True)
        places[:, table] = np.where(counts[which] > 1, which + table * len(low), -1)
    return places


def low_frequencies(images: np.ndarray) -> np.ndarray:
    """uint8 (K, C, H, W) -> float32 (K, `_FREQUENCIES`): the lowest of brightness, in shares of the contrast.

    Coefficients of the orthonormal DCT-II of what is compared, without the mean, over the root of their
    number. Of images that look alike they are less than `CLOSE` apart.
    """
    pixels = averages(images)
    grey = _brightness(pixels)
    found = _cosines(grey.shape[1]) @ grey @ _cosines(grey.shape[2]).T
    down, across = np.indices(found.shape[1:])
    lowest = np.argsort((down + across).ravel(), kind="stable")[1 : 1 + _FREQUENCIES]
    scale = np.sqrt(np.prod(grey.shape[1:])) * _contrast(pixels)
    return (found.reshape(len(images), -1)[:, lowest] / scale[:, None]).astype(np.float32)


def _cosines(side: int) -> np.ndarray:
    """float32 (8, side): rows of the orthonormal DCT-II."""
    angles = np.pi * np.arange(8)[:, None] * (np.arange(side) + 0.5) / side
    rows = np.cos(angles) * np.sqrt(2 / side)
    rows[0] /= np.sqrt(2)
    return rows.astype(np.float32)


def look_alike(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """uint8 (K, C, H, W) each, or one for all -> bool (K,): whether they look alike; see `ALIKE`.

    Brightness is compared in averages of `CELLS`, colours and alpha in those of half as many: that is what
    files leave of them (JPEG's 4:2:0).
    """
    one, other = averages(ones), averages(others)
    contrast = np.minimum(_contrast(one), _contrast(other))
    difference = _brightness(one) - _brightness(other)
    brighter = difference.mean(axis=(1, 2), keepdims=True)
    alike = (abs(brighter[:, 0, 0]) <= BRIGHTER) & _small((difference - brighter) ** 2, contrast)
    if ones.shape[1] > 1:
        colours = _in_fields(one - other, CELLS // 2)
        alike &= _small(((colours - brighter[:, None]) ** 2).mean(1), contrast)
    return alike


def _small(squares: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Squared differences (K, h, w) -> bool (K,): whether they are, all together and in the worst field."""
    worst = _in_fields(squares, 4).max(axis=(1, 2))
    together = squares.mean(axis=(1, 2)) <= (ALIKE * contrast) ** 2
    return together & (worst <= (ALIKE_ANYWHERE * contrast) ** 2)


def averages(images: np.ndarray) -> np.ndarray:
    """uint8 (K, C, H, W) -> float32 (K, C, h, w), at least `CELLS` along the shorter side where it has them.

    Colours that alpha hides are black.
    """
    if images.shape[1] == 4:
        images = images.astype(np.float32)
        images[:, :3] *= images[:, 3:] / 255
    return _in_fields(images, CELLS)


def _brightness(pixels: np.ndarray) -> np.ndarray:
    """(K, C, h, w) -> (K, h, w); of colours the luma of ITU-R BT.601."""
    if pixels.shape[1] == 1:
        return pixels[:, 0]
    return np.tensordot(pixels[:, :3], np.array([0.299, 0.587, 0.114], np.float32), (1, 0))


def _contrast(pixels: np.ndarray) -> np.ndarray:
    """(K, C, h, w) -> (K,): the standard deviation, at least `FAINT`."""
    return np.maximum(pixels.std(axis=(1, 2, 3)), FAINT)


def _in_fields(values: np.ndarray, fields: int) -> np.ndarray:
    """(..., H, W) -> float32 means over whole square fields, at least so many along the shorter side."""
    step = max(1, min(values.shape[-2:]) // fields)
    height, width = (side // step * step for side in values.shape[-2:])
    # Slices are added: NumPy takes several times as long to reduce many short axes.
    rows = values[..., 0:height:step, :width].astype(np.float32)
    for offset in range(1, step):
        rows += values[..., offset:height:step, :width]
    sums = rows[..., 0::step].copy()
    for offset in range(1, step):
        sums += rows[..., offset::step]
    return sums / np.float32(step * step)
