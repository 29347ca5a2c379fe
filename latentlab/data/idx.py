"""MNIST and what is packed like it: IDX files, alone or as the four of a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import Report, Source, SourceConfig, register
from latentlab.data.idx_format import (
    IdxHeader,
    has_idx_magic,
    has_idx_name,
    read_header,
    read_labels,
    rows_of,
)
from latentlab.data.originals import Listing
from latentlab.data.rows import RowOriginals, Rows, stamp_of

_IMAGES = re.compile(r"images[-.]idx\d", re.IGNORECASE)


class IdxConfig(SourceConfig):
    path: str = setting("", "Path", "An IDX file of images, or a folder with MNIST's files.")


@register("idx")
class Idx(Source):
    """Images of unsigned bytes in IDX files, plain or gzipped; see `idx_format`.

    `path` is a folder or a file of images: (N, H, W) grey, (N, H, W, C) or (N, C, H, W) with C of 1, 3 or 4.
    A file's labels come from the file beside it that says ``labels-idx1`` where it says ``images-idx3``, if
    there is one. Of a folder the files ``train-images-idx3-ubyte`` and ``t10k-images-idx3-ubyte`` with their
    labels are taken (also with a dot before ``idx``, with ``.gz``; the unpacked one where both are there):
    train first, then t10k, whose indices are `heldout`. One of the pairs is enough; then none are held out.

    A label is its number; `label_names` are "0" to the largest. `limit` takes images evenly spaced over the
    whole order, so both parts keep their share. Raises DataError for whatever does not fit together.
    """

    Config = IdxConfig
    title = "IDX files"
    about = "MNIST, Fashion-MNIST and their like: a file of images, or the folder with the four files."
    needs_path = True
    patterns = ("*idx*-ubyte", "*idx*-ubyte.gz")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        if path.is_dir():
            return holds_idx_files(path)
        return path.is_file() and (has_idx_name(path.name) or has_idx_magic(path))

    @classmethod
    def open(cls, config: Any, report: Report) -> IdxOriginals:
        originals = open_idx(Path(config.path).expanduser().absolute())
        originals.costly |= bool(config.size)
        return originals


def open_idx(path: Path) -> IdxOriginals:
    """The images of a file, or of a folder with MNIST's files; see `Idx`. DataError."""
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    parts = _open_folder(path) if path.is_dir() else [_open_pair(path, _labels_beside(path))]
    return IdxOriginals(path.name if path.is_dir() else path.name.removesuffix(".gz"), parts)


class IdxOriginals(RowOriginals):
    """The images of one or two pairs of files. `label_names` may be set where their meaning is known."""

    label_names: tuple[str, ...] = ()

    def __init__(self, name: str, parts: list[_Pair]) -> None:
        self.name, self._parts = name, parts
        first = parts[0]
        for other in parts[1:]:
            if other.shape != first.shape:
                raise DataError(
                    f"{other.images.path} holds images of {other.shape_text}; "
                    f"expected {first.shape_text} as in {first.images.path.name}."
                )
        headers = (header for part in parts for header in (part.images, part.labels) if header)
        self.stamp, self._bytes = stamp_of(header.path for header in headers)
        self._rows = [rows_of(part.images) for part in parts]
        self.costly = any(rows.packing for rows in self._rows)
        self._listing: Listing | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        found = self._parts[0].shape
        if len(found) == 2:
            return 1, found[0], found[1]
        height, width, channels = found if self._parts[0].channels_last else (found[1], found[2], found[0])
        return channels, height, width

    def listing(self, report: Report) -> Listing:
        if self._listing is None:
            parts, count = self._parts, sum(part.count for part in self._parts)
            stored = [read_labels(part.labels, lambda: report(0, 1)) for part in parts if part.labels]
            labels = np.concatenate(stored).astype(np.int64) if stored else None
            self._listing = Listing(
                count,
                labels=labels,
                label_names=() if labels is None else self._names(int(labels.max()) + 1),
                heldout=np.arange(parts[0].count, count) if len(parts) > 1 else None,
                bytes_found=self._bytes,
            )
        return self._listing

    def _names(self, count: int) -> tuple[str, ...]:
        return self.label_names if len(self.label_names) >= count else tuple(map(str, range(count)))

    def parts(self) -> list[Rows]:
        return self._rows

    def pixels(self, part: int, raw: np.ndarray) -> np.ndarray:
        images = raw.reshape(len(raw), *self._parts[part].shape)
        if images.ndim == 3:
            return images[:, None]
        return images.transpose(0, 3, 1, 2) if self._parts[part].channels_last else images


def holds_idx_files(folder: Path) -> bool:
    """Whether files in the folder itself are called like MNIST's; False where it cannot be listed."""
    try:
        return any(has_idx_name(entry.name) and entry.is_file() for entry in folder.iterdir())
    except OSError:
        return False


@dataclass(frozen=True)
class _Pair:
    """A file of images and its file of labels, opened as far as their headers."""

    images: IdxHeader
    labels: IdxHeader | None

    @property
    def count(self) -> int:
        return self.images.dims[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored: (H, W), (H, W, C) or (C, H, W)."""
        return self.images.dims[1:]

    @property
    def shape_text(self) -> str:
        return "×".join(str(d) for d in self.shape)

    @property
    def channels_last(self) -> bool:
        return len(self.shape) == 3 and self.shape[2] in (1, 3, 4)


def _open_pair(images: Path, labels: Path | None) -> _Pair:
    """DataError where the headers are not those of images and as many labels."""
    header = read_header(images)
    dims = header.dims
    if len(dims) == 1:
        raise DataError(
            f"{images} holds {dims[0]:,} labels (1 dimension); expected images (3 or 4 dimensions)."
        )
    if len(dims) == 2:
        raise DataError(
            f"{images} holds a table of {dims[0]:,} × {dims[1]:,}; expected images (3 or 4 dimensions)."
        )
    if len(dims) == 4 and (dims[1] in (1, 3, 4)) == (dims[3] in (1, 3, 4)):
        found = " × ".join(str(d) for d in dims)
        raise DataError(
            f"{images} is {found}; expected 1, 3 or 4 channels in either the second or the last place."
        )
    if labels is None:
        return _Pair(header, None)
    beside = read_header(labels)
    if len(beside.dims) != 1:
        raise DataError(f"{labels} has {len(beside.dims)} dimensions; expected 1 for labels.")
    if beside.dims[0] != dims[0]:
        raise DataError(
            f"{labels} holds {beside.dims[0]:,} labels; expected {dims[0]:,}, one for each image."
        )
    return _Pair(header, beside)


def _labels_beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of images by its name, packed or not."""
    found = _IMAGES.search(images.name)
    if not found:
        return None
    tail = re.sub(r"\.gz$", "", images.name[found.end() :], flags=re.IGNORECASE)
    # The same packing and the same sign before "idx" come first.
    dots = sorted("-.", key=lambda dot: dot not in found.group())
    packings = sorted(["", ".gz"], key=lambda end: images.name.lower().endswith(".gz") != bool(end))
    for end in packings:
        for dot in dots:
            beside = images.with_name(f"{images.name[: found.start()]}labels{dot}idx1{tail}{end}")
            if beside.is_file():
                return beside
    return None


def _open_folder(folder: Path) -> list[_Pair]:
    pairs = []
    for part in ("train", "t10k"):
        images, labels = _file_of(folder, part, "images"), _file_of(folder, part, "labels")
        if images:
            pairs.append(_open_pair(images, labels))
        elif labels:
            raise DataError(f"{folder} holds {labels.name} but no {part}-images-idx3-ubyte to go with it.")
    if not pairs:
        raise DataError(
            f"{folder} holds no train-images-idx3-ubyte and no t10k-images-idx3-ubyte (or .gz); "
            "give one file of images instead of the folder."
        )
    if any(pair.labels is None for pair in pairs) and any(pair.labels for pair in pairs):
        bare = next(pair for pair in pairs if pair.labels is None)
        raise DataError(f"{bare.images.path} has no file of labels beside it, though the other part has one.")
    return pairs


def _file_of(folder: Path, part: str, what: str) -> Path | None:
    pattern = re.compile(rf"{part}-{what}[-.]idx\d(-ubyte)?(\.gz)?", re.IGNORECASE)
    try:
        found = [entry for entry in folder.iterdir() if pattern.fullmatch(entry.name) and entry.is_file()]
    except OSError as error:
        raise DataError(f"Cannot list {folder}: {error.strerror}.") from None
    return min(found, key=lambda entry: (entry.suffix.lower() == ".gz", entry.name), default=None)
