"""Images in NumPy's files: one array in an .npy file, or images, labels and factors together in an .npz."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import Report, Skipped, Source, SourceConfig, no_report, register
from latentlab.data.numpy_format import MAGIC, Array, by, read_arrays
from latentlab.data.numpy_values import Layout, Scale, layout_of, scale_of, to_bytes
from latentlab.data.originals import Listing, Settled
from latentlab.data.report import Counted, Part
from latentlab.data.rows import RowOriginals, Rows, stamp_of

#: Keys by which images and labels are found, the most telling ones first.
IMAGES = ("images", "image", "imgs", "img", "x", "data", "pixels", "arr_0")
LABELS = ("labels", "label", "y", "targets", "target", "arr_1", "classes")
NAMES = ("label_names", "class_names", "names", "classes", "labels")
#: Words of a key that say which part of the data it is, in the order of the parts.
SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
          "test": "test", "testing": "test"}  # fmt: skip
MAX_CLASSES, MAX_FACTORS = 1000, 64
#: The columns of `latents_values` in dSprites' file (L. Matthey et al., 2017), which names them only in a
#: pickle, and its shapes.
DSPRITES = ("colour", "shape", "scale", "orientation", "x position", "y position")
DSPRITES_SHAPES = ("square", "ellipse", "heart")


class NumpyConfig(SourceConfig):
    path: str = setting("", "Path", "An .npy or .npz file.")
    array: str = setting(
        "",
        "Array",
        "Which array of an .npz file holds the images, by its name; with none set it is found by names and "
        "shapes.",
    )


@register("numpy")
class NumpyFile(Source):
    """Arrays of images (N, H, W), (N, H, W, C) or (N, C, H, W) with C of 1, 3 or 4; never pickled ones.

    Whole numbers, of any type, are 0 or 1 (black and white), 0..255, or 0..65535; fractions 0..1 or -1..1.
    Of an .npz file the images are those of `array`, else the only array they can be, else the first of
    `IMAGES` that is there. Parts called ``x_train``, ``x_test``, ``val_images`` follow each other; validation
    and test parts are `heldout`. An array of a number or a text for each image is its label where it is
    called one of `LABELS`, rows of one 1 among 0 too; other arrays of one or some numbers are factors.

    Arrays are read in pieces from where they are, packed ones too. Raises DataError for other arrays.
    """

    Config = NumpyConfig
    title = "NumPy file"
    about = "Arrays of images in an .npy or .npz file, with labels and factors where there are any."
    needs_path = True
    patterns = ("*.npy", "*.npz")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        if not path.is_file():
            return False
        if path.suffix.lower() in (".npy", ".npz"):
            return True
        try:
            with path.open("rb") as file:
                return file.read(len(MAGIC)) == MAGIC
        except OSError:
            return False

    @classmethod
    def open(cls, config: Any, report: Report) -> NumpyOriginals:
        originals = NumpyOriginals(Path(config.path).expanduser().absolute(), config.array)
        originals.costly |= bool(config.size)
        return originals


@dataclass(frozen=True, eq=False)
class _Part:
    """An array of images, and which part of the data it is: "train", "val", "test" or ""."""

    split: str
    images: Array


class NumpyOriginals(RowOriginals):
    """The images of an .npy or .npz file, opened as far as the arrays' headers."""

    def __init__(self, path: Path, array: str = "") -> None:
        if not path.is_file():
            raise DataError(f"There is no file {path}.")
        self.name, self._path = path.stem, path
        self.stamp, self._bytes = stamp_of([path])
        self._arrays, self._skipped = read_arrays(path)
        self._parts, self._layout = _find_images(path, self._arrays, self._skipped, array)
        first = self._parts[0].images
        self.costly = bool(first.packing) or first.fortran or first.dtype.itemsize > 1
        self._listing: Listing | None = None
        self._scale: Scale | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._layout.shape

    def listing(self, report: Report) -> Listing:
        if self._listing is None:
            tables = _Tables(self._parts, self._arrays, report)
            labels, names, factors = tables.read()
            counts = [part.images.count for part in self._parts]
            tested = np.repeat([part.split in ("val", "test") for part in self._parts], counts)
            self._listing = Listing(
                sum(counts),
                labels=labels,
                label_names=names,
                factors=factors,
                heldout=np.flatnonzero(tested) if tested.any() and not tested.all() else None,
                skipped=tuple(Skipped(f"{self._path.name}: {key}", reason) for key, reason in self._skipped),
                bytes_found=self._bytes,
            )
        return self._listing

    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        self._settled_scale(Part(report, 0, 1))
        return super().settle(chosen, config, report)

    def parts(self) -> list[Rows]:
        return [part.images.rows for part in self._parts]

    def pixels(self, part: int, raw: np.ndarray) -> np.ndarray:
        array = self._parts[part].images
        return self._layout.of(to_bytes(array, array.values(raw), self._settled_scale(no_report)))

    def _settled_scale(self, report: Report) -> Scale:
        if self._scale is None:
            self._scale = scale_of([part.images for part in self._parts], report)
        return self._scale


def _find_images(
    path: Path, arrays: Sequence[Array], skipped: Sequence[tuple[str, str]], wanted: str
) -> tuple[list[_Part], Layout]:
    """The arrays that hold the images, and how these lie in them. DataError says what there is instead."""
    there = _listed(arrays, skipped)
    if wanted:
        chosen = [array for array in arrays if array.key == wanted]
        if not chosen:
            raise DataError(f"{path} holds no readable array '{wanted}'; it holds {there}.")
        return _same_layout([_Part(split_of(wanted)[0], chosen[0])])
    groups: dict[str, dict[str, Array]] = {}
    for array in arrays:
        if array.is_numeric and isinstance(layout_of(array.shape), Layout):
            split, stem = split_of(array.key)
            groups.setdefault(stem, {}).setdefault(split, array)
    if len(arrays) == 1 and not groups:
        _layout(arrays[0])  # says what is wrong with it
    if not groups:
        raise DataError(f"{path} holds no array of images (N, H, W) or (N, H, W, C); it holds {there}.")
    stem = next((stem for stem in IMAGES if stem in groups), "")
    if stem not in groups and len(groups) > 1:
        raise DataError(f"{path} holds several arrays that may be the images; set 'array' to one of {there}.")
    group = groups.get(stem) or next(iter(groups.values()))
    splits = [split for split in dict.fromkeys(SPLITS.values()) if split in group]
    if "" in group and "train" not in splits:
        splits = [""]
    return _same_layout([_Part(split, group[split]) for split in splits])


def _same_layout(parts: list[_Part]) -> tuple[list[_Part], Layout]:
    first = parts[0].images
    layout = _layout(first)
    for part in parts[1:]:
        other = part.images
        if other.shape[1:] != first.shape[1:] or other.dtype != first.dtype:
            raise DataError(f"{other.what} is {other.form}; expected images as in {first.key}, {first.form}.")
    return parts, layout


def _layout(array: Array) -> Layout:
    if not array.is_numeric:
        raise DataError(f"{array.what} holds {array.kind}; expected images of plain numbers.")
    found = layout_of(array.shape)
    if isinstance(found, str):
        raise DataError(f"{array.what} is {by(array.shape)}, {found}.")
    return found


def _listed(arrays: Sequence[Array], skipped: Sequence[tuple[str, str]]) -> str:
    """What a file holds, in a few words: ``x (60,000 × 28 × 28 · uint8), y (60,000 · int64)``."""
    texts = [f"{array.key} ({array.form})" for array in arrays]
    texts += [f"{key} (left out: {reason})" for key, reason in skipped]
    rest = len(texts) - 12
    return ", ".join(texts[:12]) + (f" and {rest:,} more" if rest > 0 else "")


def split_of(key: str) -> tuple[str, str]:
    """A key's part and the rest of it: ``x_train`` -> ("train", "x"), ``images`` -> ("", "images")."""
    words = [word for word in re.split(r"[^a-z0-9]+", key.lower()) if word]
    split = next((SPLITS[word] for word in words if word in SPLITS), "")
    return split, "_".join(word for word in words if word not in SPLITS)


class _Tables:
    """What an .npz file tells of each image beside its pixels."""

    def __init__(self, parts: Sequence[_Part], arrays: Sequence[Array], report: Report) -> None:
        self._counts = [part.images.count for part in parts]
        self._progress = Counted(report, 1)
        self._texts = [array for array in arrays if array.is_text and len(array.shape) == 1]
        images = {part.images.key for part in parts}
        by_name = {split_of(array.key): array for array in arrays if array.key not in images}
        #: Those that there are for every part.
        self._tables: dict[str, list[Array]] = {}
        for stem in dict.fromkeys(stem for _, stem in by_name):
            found = [by_name.get((part.split, stem)) for part in parts]
            if len(parts) == 1 and not found[0]:  # one of the parts was chosen
                found = [by_name.get(("", stem))]
            if len(whole := [array for array in found if array]) == len(parts):
                self._tables[stem] = whole

    def read(self) -> tuple[np.ndarray | None, tuple[str, ...], dict[str, np.ndarray]]:
        """(int64 labels, their names, float32 factors), all (N,)."""
        labels, names = self._labels()
        factors: dict[str, np.ndarray] = {}
        for stem, tables in self._tables.items():
            known = stem == "latents_classes" and "latents_values" in self._tables  # the same, by number
            if known or not self._fits(tables) or not all(table.is_numeric for table in tables):
                continue
            width = self._width(tables)
            if 0 < width <= MAX_FACTORS - len(factors):
                key = tables[0].key if len(tables) == 1 else stem
                factors |= _columns(stem, key, self._read(tables).reshape(-1, width))
        if labels is None and "latents_values" in self._tables and "shape" in factors:
            number = np.rint(factors["shape"]).astype(np.int64) - 1
            if number.min() >= 0 and number.max() < len(DSPRITES_SHAPES):
                return number, DSPRITES_SHAPES, factors
        return labels, names, factors

    def _labels(self) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """The first that can be labels, which is taken from the tables."""
        for stem in LABELS:
            tables = self._tables.get(stem)
            if tables is None:
                continue
            if not self._fits(tables):
                if all(table.is_numeric for table in tables) and stem != "arr_1":
                    self._refuse(tables)
                continue
            if stem == "arr_1" and tables[0].dtype.kind == "f":
                continue
            found = _as_labels(self._read(tables))
            if found is not None:
                del self._tables[stem]
                labels, names = found
                return labels, self._names(len(names)) or names
        return None, ()

    def _names(self, count: int) -> tuple[str, ...]:
        """What the classes are called, where an array of so many texts says it."""
        for array in self._texts:
            if split_of(array.key)[1] in NAMES and array.count == count:
                return tuple(_texts(array, array.whole(self._progress.look)))
        return ()

    def _refuse(self, tables: Sequence[Array]) -> None:
        for table, count in zip(tables, self._counts, strict=True):
            if table.count != count:
                raise DataError(
                    f"{table.what} holds {table.count:,} labels; expected {count:,}, one for each image."
                )

    def _fits(self, tables: Sequence[Array]) -> bool:
        """Whether there is a row for each image."""
        counted = [table.count for table in tables if table.shape]
        return counted == self._counts and len({table.shape[1:] for table in tables}) == 1

    def _width(self, tables: Sequence[Array]) -> int:
        """Numbers for each image; 0 where they are more than a row."""
        shape = tables[0].shape
        return 1 if len(shape) == 1 else shape[1] if len(shape) == 2 else 0

    def _read(self, tables: Sequence[Array]) -> np.ndarray:
        read = [_decoded(table, table.whole(self._progress.look)) for table in tables]
        return np.concatenate(read)


def _decoded(array: Array, values: np.ndarray) -> np.ndarray:
    """Numbers as they are, texts as numpy's str of this machine."""
    return np.array(_texts(array, values)).reshape(values.shape) if array.is_text else values


def _texts(array: Array, values: np.ndarray) -> list[str]:
    try:
        found = values.reshape(-1).tolist()
    except ValueError:  # numbers that are no characters
        raise DataError(f"{array.what} holds texts that cannot be read.") from None
    texts = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in found)
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def _as_labels(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """(int64 (N,), names) of a label for each image; None where these are no classes."""
    if values.ndim == 2 and values.shape[1] > 1:
        one_hot = values.dtype.kind in "biuf" and ((values == 0) | (values == 1)).all()
        if not one_hot or not (values.sum(1) == 1).all() or values.shape[1] > MAX_CLASSES:
            return None
        return values.argmax(1).astype(np.int64), tuple(map(str, range(values.shape[1])))
    if values.ndim > 2:
        return None
    values = values.reshape(-1)
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        return None
    found, places = np.unique(values, return_inverse=True)
    if len(found) > MAX_CLASSES:
        return None
    if values.dtype.kind == "U":
        return places.astype(np.int64), tuple(map(str, found.tolist()))
    low, high = int(found[0]), int(found[-1])
    if low >= 0 and high < MAX_CLASSES:
        return values.astype(np.int64), tuple(map(str, range(high + 1)))
    return places.astype(np.int64), tuple(str(int(number)) for number in found)


def _columns(stem: str, key: str, values: np.ndarray) -> Mapping[str, np.ndarray]:
    """(N, K) -> name -> float32 (N,)."""
    width = values.shape[1]
    names = [key if width == 1 else f"{key} {i}" for i in range(width)]
    if stem == "latents_values" and width == len(DSPRITES):
        names = list(DSPRITES)
    with np.errstate(over="ignore"):
        return {name: values[:, i].astype(np.float32) for i, name in enumerate(names)}
