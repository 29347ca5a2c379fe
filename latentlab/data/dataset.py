"""What a dataset is: images, and all that is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core import points
from latentlab.core.errors import DataError
from latentlab.data.gathering import gather
from latentlab.data.images import CHUNK

if TYPE_CHECKING:
    from latentlab.data.originals import Originals

MIN_SIZE, MAX_SIZE = 8, 256
#: How the reason of a duplicate begins; the other's name follows.
SAME_AS, LOOKS_LIKE = "the same as ", "looks like "
#: Sets the draws of balancing apart from others of the same seed.
_BALANCING = 0xBA1A


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str

    @property
    def is_duplicate(self) -> bool:
        """Whether it was left out for being like another one, not for what it is."""
        return self.reason.startswith((SAME_AS, LOOKS_LIKE))


@dataclass(frozen=True, eq=False, kw_only=True)
class Contents:
    """What is known of N images beside their pixels.

    labels: int64 (N,) into `label_names`, or None.
    factors: name -> float32 (N,) of known generative factors or measured attributes.
    heldout: int64 indices that the source itself set apart for testing (MNIST's t10k), or None.
    skipped: what was left out, duplicates too.
    names: what each image is called (its path in the folder), or None.
    places: int64 (N,), where each lies among the source's originals, or None where all are there in order.
    sizes: (width, height) as found -> how many images.
    mean: float32 (C, H, W) in 0..255, the mean image, or None.
    bytes_found: what the source takes on disk, 0 where it is drawn.
    """

    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    heldout: np.ndarray | None = None
    skipped: tuple[Skipped, ...] = ()
    names: Sequence[str] | None = None
    places: np.ndarray | None = None
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    mean: np.ndarray | None = None
    bytes_found: int = 0


@dataclass(frozen=True, eq=False)
class Dataset(Contents):
    """Images with what is known about them.

    images: uint8 (N, C, H, W), C-contiguous, in memory or a read-only memory map of the cache; C is 1, 3 or
    4, H and W lie in 8..256. Points of a plane instead are float32 (N, 2, 1, 1), x and y in [0, 1]; see
    `core.points`.
    source, config: how to load it again.
    originals: the images as they were found, where the source can give them.
    from_cache: whether it was loaded before, and did not have to be read again.
    """

    images: np.ndarray
    name: str
    source: str
    config: Mapping[str, Any] = field(default_factory=dict)
    originals: Originals | None = field(default=None, kw_only=True)
    from_cache: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        images = self.images
        expected = np.float32 if points.is_points(images.shape[1:]) else np.uint8
        if images.dtype != expected or images.ndim != 4:
            raise ValueError(f"images must be uint8 (N, C, H, W), not {images.dtype} {images.shape}")
        if len(images) == 0:
            raise DataError(f"{self.name} holds no images.")
        count, channels, height, width = images.shape
        if not self.is_points:
            if channels not in (1, 3, 4):
                raise DataError(f"{self.name} has {channels} channels; expected 1, 3 or 4.")
            if not all(MIN_SIZE <= side <= MAX_SIZE for side in (height, width)):
                sides = f"{MIN_SIZE} to {MAX_SIZE} on each side"
                raise DataError(f"{self.name} holds images of {width}×{height}; expected {sides}.")
        per_image = {"labels": self.labels, "names": self.names, "places": self.places, **self.factors}
        for what, values in per_image.items():
            if values is not None and len(values) != count:
                raise DataError(f"{self.name} has {count} images but {len(values)} {what}.")
        if self.balance != "none" and self.labels is None:
            raise DataError(
                f"{self.name} has no classes that could be balanced: set data.balance to none, or sort the "
                "images into a folder per class."
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def is_points(self) -> bool:
        """Whether these are points of a plane."""
        return points.is_points(self.image_shape)

    @property
    def is_mapped(self) -> bool:
        """Whether the images lie on disk and are read where they are looked at."""
        return isinstance(self.images, np.memmap)

    @property
    def balance(self) -> str:
        """How often training sees the images of each class; see `split`."""
        return str(self.config.get("balance", "none"))

    def name_of(self, index: int) -> str:
        """What an image is called: its path in the folder, or its number."""
        return self.names[index] if self.names is not None else f"#{index:,}"

    def original(self, index: int) -> np.ndarray:
        """An image as it was found, uint8 (C, H, W) of any size; as prepared where the source has no other.

        Reads from disk. DataError where it cannot be read any more.
        """
        if self.originals is None:
            return self.pictures(slice(index, index + 1))[0]
        return self.originals.original(int(index if self.places is None else self.places[index]))

    def rows(self, which: np.ndarray) -> np.ndarray:
        """A copy of the images `which` (int64), of which no more stays in memory; may read from disk.

        DataError where that fails. `images[which]` of a memory map would keep the map's pages as well.
        """
        return gather(self.images, which)

    def pictures(self, which: np.ndarray | slice) -> np.ndarray:
        """What people are shown of the images `which`: uint8 (N, C, H, W), themselves or drawn points."""
        if isinstance(which, slice):
            which = np.arange(*which.indices(len(self)))
        images = self.rows(which)
        return points.draw(images) if self.is_points else images

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits of a SHA-256 over shape, labels and at most some 4,096 evenly spaced images."""
        step = max(1, len(self) // 4096)
        digest = hashlib.sha256(repr(self.images.shape).encode())
        chosen = np.arange(0, len(self), step)
        for start in range(0, len(chosen), CHUNK):
            digest.update(self.rows(chosen[start : start + CHUNK]).data)
        if self.labels is not None:
            digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()[:12]

    def summary(self) -> str:
        """One line: ``1,797 images · 28×28 · grey · 10 classes``, ``900 points · two moons · 2 classes``."""
        channels, height, width = self.image_shape
        noun = "point" if self.is_points else "image"
        parts = [f"{len(self):,} {noun}" + ("s" if len(self) != 1 else "")]
        if self.heldout is not None and len(self.heldout):
            kept = len(self) - len(self.heldout)
            parts[0] += f" ({kept:,} + {len(self.heldout):,} held out)"
        if self.is_points:
            parts.append(self.name)
        else:
            parts += [f"{width}×{height}", {1: "grey", 3: "colour", 4: "colour with alpha"}[channels]]
        if self.labels is not None:
            parts.append(f"{len(self.label_names)} class" + ("es" if len(self.label_names) != 1 else ""))
        if self.factors:
            parts.append(f"{len(self.factors)} factor" + ("s" if len(self.factors) != 1 else ""))
        if self.skipped:
            parts.append(f"{len(self.skipped):,} skipped")
        return " · ".join(parts)

    def class_counts(self) -> dict[str, int]:
        """How many images each class has, in the order of `label_names`; empty without labels."""
        if self.labels is None:
            return {}
        counts = np.bincount(self.labels, minlength=len(self.label_names))
        return dict(zip(self.label_names, counts.tolist(), strict=True))

    def split(self, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(training, held-out) int64 indices: the source's own split where it has one, else a seeded draw.

        A fraction of 0 keeps everything for training. At least one image always stays for training. Where
        `balance` is "over" the training's indices of small classes come more than once, so that each has as
        many as the largest; where it is "under" those that are left are as many as the smallest class has.
        Held out is the same, whatever the balance.
        """
        everything = np.arange(len(self))
        if fraction <= 0:
            training, heldout = everything, everything[:0]
        elif self.heldout is not None:
            training, heldout = np.setdiff1d(everything, self.heldout), np.sort(self.heldout)
        else:
            count = min(len(self) - 1, round(len(self) * fraction))
            heldout = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
            training = np.setdiff1d(everything, heldout)
        return self._balanced(training, seed), heldout

    def _balanced(self, indices: np.ndarray, seed: int) -> np.ndarray:
        """Ascending, as many of each class that is there: whole repeats of it, and a draw for the rest."""
        if self.balance == "none" or self.labels is None or len(indices) == 0:
            return indices
        labels = self.labels[indices]
        by_class = np.argsort(labels, kind="stable")
        groups = np.split(indices[by_class], np.flatnonzero(np.diff(labels[by_class])) + 1)
        wanted = (max if self.balance == "over" else min)(len(group) for group in groups)
        random = np.random.default_rng([seed, _BALANCING])
        parts = []
        for group in groups:
            repeats, rest = divmod(wanted, len(group))
            parts += [np.tile(group, repeats), random.permutation(group)[:rest]]
        return np.sort(np.concatenate(parts))
