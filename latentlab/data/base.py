"""What a dataset is, and the contract of everything that images can come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, field_validator

from latentlab.core import points
from latentlab.core.config import Config, parse, setting
from latentlab.core.errors import DataError
from latentlab.core.registry import Registry

#: Called with (done, total) while a source loads; may raise `Cancelled` to end the loading.
Report = Callable[[int, int], None]

MIN_SIZE, MAX_SIZE = 8, 256


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images in memory with what is known about them.

    images: uint8 (N, C, H, W), C-contiguous; C is 1, 3 or 4, H and W lie in 8..256. Points of a plane instead
    are float32 (N, 2, 1, 1), x and y in [0, 1]; see `core.points`.
    labels: int64 (N,) into `label_names`, or None.
    factors: name -> float32 (N,) of known generative factors.
    heldout: int64 indices that the source itself set apart for testing (MNIST's t10k), or None.
    source, config: how to load it again.
    """

    images: np.ndarray
    name: str
    source: str
    config: Mapping[str, Any] = field(default_factory=dict)
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    heldout: np.ndarray | None = None
    skipped: tuple[Skipped, ...] = ()

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
        for what, values in {"labels": self.labels, **self.factors}.items():
            if values is not None and len(values) != count:
                raise DataError(f"{self.name} has {count} images but {len(values)} {what}.")

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

    def pictures(self, which: np.ndarray | slice) -> np.ndarray:
        """What people are shown of the images `which`: uint8 (N, C, H, W), themselves or drawn points."""
        images = self.images[which]
        return points.draw(images) if self.is_points else images

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits of a SHA-256 over shape, labels and at most some 4,096 evenly spaced images."""
        step = max(1, len(self) // 4096)
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images[::step]).tobytes())
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

        A fraction of 0 keeps everything for training. At least one image always stays for training.
        """
        everything = np.arange(len(self))
        if fraction <= 0:
            return everything, everything[:0]
        if self.heldout is not None:
            return np.setdiff1d(everything, self.heldout), np.sort(self.heldout)
        count = min(len(self) - 1, round(len(self) * fraction))
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        return np.setdiff1d(everything, chosen), chosen


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


Channels = Annotated[Literal[0, 1, 3, 4], BeforeValidator(_as_int)]
CHANNEL_LABELS = {"0": "as found", "1": "grey", "3": "colour", "4": "with alpha"}


class SourceConfig(Config):
    """Settings that every source of images has. Sub-classes add theirs."""

    size: int = setting(
        0, "Size", "Side of the square that images are brought to; 0 keeps what is found.", ge=0, le=MAX_SIZE,
        unit="px", zero="as found",
    )  # fmt: skip
    channels: Channels = setting(
        0, "Channels", "Grey (1), colour (3), colour with alpha (4), or as found (0).", labels=CHANNEL_LABELS
    )
    limit: int = setting(0, "Limit", "Use at most so many images; 0 uses all.", ge=0, zero="all")

    @field_validator("size")
    @classmethod
    def _size_is_usable(cls, size: int) -> int:
        if 0 < size < MIN_SIZE:
            raise ValueError(f"0 (as found) or a whole number from {MIN_SIZE} to {MAX_SIZE}")
        return size


class Source:
    """Where images come from. Sub-classes are registered and nest a `Config`.

    key: set by the registry. title, about: shown in menus and by ``latentlab datasets``.
    needs_path: whether `Config` has a ``path`` that the person must choose.
    """

    Config: ClassVar[type[Config]] = SourceConfig
    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    needs_path: ClassVar[bool] = False

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether an existing file or folder looks like this source's."""
        return False

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        """Read or draw the images. Calls `report(done, total)` often. DataError says what is wrong."""
        raise NotImplementedError


SOURCES: Registry[type[Source]] = Registry("dataset")
register = SOURCES.register


def no_report(done: int, total: int) -> None:
    """A `Report` for callers that do not care."""


def resolve(spec: str, values: Mapping[str, Any] | None = None) -> tuple[type[Source], Config]:
    """A source's key, or a path to files, with further settings -> (source, its validated config).

    A registered key wins over a file of the same name (write ``./digits`` for the file).
    Raises DataError for a path that is missing or of no known kind, ConfigError for bad settings.
    """
    values = dict(values or {})
    if spec in SOURCES:
        source = SOURCES.get(spec)
        if source.needs_path and not values.get("path"):
            raise DataError(f"The source '{spec}' needs a path: give the file or folder instead of '{spec}'.")
        return source, parse(source.Config, values, "data")
    path = Path(spec).expanduser()
    if not path.exists():
        known = ", ".join(k for k, s in SOURCES.items() if not s.needs_path)
        raise DataError(f"There is no file or folder {spec}, and no built-in dataset of that name ({known}).")
    for _, source in SOURCES.items():
        if source.needs_path and source.accepts(path):
            return source, parse(source.Config, values | {"path": str(path)}, "data")
    raise DataError(f"{spec} is of no known kind: expected a folder of images or an IDX file.")


def load(spec: str, values: Mapping[str, Any] | None = None, report: Report = no_report) -> Dataset:
    """Open a dataset by key or path; see `resolve` and `Source.load`."""
    source, config = resolve(spec, values)
    return source.load(config, report)
