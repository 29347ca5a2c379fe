"""The person's own images: a folder of files of any size and kind, flat or sorted into classes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import MAX_SIZE, MIN_SIZE, Dataset, Report, Skipped, Source, SourceConfig, register
from latentlab.data.idx_format import has_idx_name
from latentlab.data.image_file import SUFFIXES, ImageHeader, Unreadable, quiet, read_header, read_image
from latentlab.data.images import allocate, evenly_spaced

MIXED_SIZE = 64
UNSORTED = "(unsorted)"
_EVERY = 8
_KINDS = "png, jpg, webp, bmp, gif or tif"


class FolderConfig(SourceConfig):
    path: str = setting(
        "",
        "Folder",
        f"A folder of {_KINDS} files; its sub-folders become classes. With no size set, images that all have "
        f"one size of {MIN_SIZE} to {MAX_SIZE} px keep it; others are cropped to {MIXED_SIZE}×{MIXED_SIZE}.",
    )


@register("folder")
class Folder(Source):
    """Images in a folder and its sub-folders, in the natural order of their paths (``2.png``, ``10.png``).

    Files count by their suffix (`image_file.SUFFIXES`, in any case). What is hidden (a dot first,
    ``__MACOSX``) is passed over. Links are followed, each folder once.

    - size: N crops to the central square and resizes to N×N. 0 keeps the size where all readable images
      share one of 8..256 px a side, else is 64.
    - channels: 0 is grey where every pixel of every image is, else colour. Transparency is flattened onto
      black unless channels is 4.
    - labels: the immediate sub-folder; `label_names` are all sub-folders with image files, in natural order,
      even where none of theirs could be read or was within the limit. Images beside the sub-folders form a
      last class "(unsorted)". A flat folder has no labels.
    - limit: files evenly spaced over the order, so that every class keeps its share; files that cannot be
      read are not made up for.

    A file that cannot be read is left out and listed in `skipped`, its path relative to the folder.
    Raises DataError where the folder cannot be listed, holds no image file, or none that can be read.
    """

    Config = FolderConfig
    title = "Folder of images"
    about = f"Your own {_KINDS} files, flat or in sub-folders that become classes."
    needs_path = True

    @classmethod
    def accepts(cls, path: Path) -> bool:
        if not path.is_dir():
            return False
        try:
            with os.scandir(path) as entries:
                holds_idx = any(has_idx_name(entry.name) for entry in entries)
        except OSError:
            return True  # so that loading says why it cannot be listed
        return not holds_idx or bool(find_images(path)[0])

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        root = Path(config.path).expanduser().absolute()
        if not root.is_dir():
            raise DataError(
                f"{root} is a file; expected a folder." if root.exists() else f"There is no folder {root}."
            )
        paths, skipped = find_images(root)
        if not paths:
            raise DataError(
                f"No image in the folder {root}: expected {_KINDS} files in it or in its sub-folders."
            )
        classes, class_of = _classes(paths)
        chosen = evenly_spaced(len(paths), config.limit)
        loading = _Loading(root, [paths[i] for i in chosen], skipped, report)
        with quiet():
            images, kept = loading.read(config.size, config.channels)
        if not kept:
            first = min(loading.skipped, key=lambda entry: natural_key(entry.path))
            raise DataError(
                f"No readable image in {root}: {len(chosen):,} of {len(paths):,} image files tried, "
                f"all skipped (first {first.path}: {first.reason})."
            )
        return Dataset(
            images=images,
            name=root.name or str(root),
            source=cls.key,
            config=config.model_dump() | {"path": str(root)},
            labels=class_of[chosen[kept]] if classes else None,
            label_names=classes,
            skipped=tuple(sorted(loading.skipped, key=lambda entry: natural_key(entry.path))),
        )


def natural_key(path: str) -> tuple[Any, ...]:
    """Sorts folder by folder, numbers by their value, letters without case; the path itself breaks ties."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.split("/")]
    # Every second piece is a number, so pieces in one place are of one type.
    return tuple(tuple(int(p) if i % 2 else p for i, p in enumerate(part)) for part in parts), path


def find_images(root: Path) -> tuple[list[str], list[Skipped]]:
    """(paths of image files relative to `root` with ``/`` between, in natural order; sub-folders not listed).

    Raises DataError where `root` itself cannot be listed.
    """
    found: list[str] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    # Folders proper before links to folders: an image is then found under its own path, and a loop ends.
    folders, links = [""], list[str]()
    while folders or links:
        here = folders.pop() if folders else links.pop(0)
        try:
            status = (root / here).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / here) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                path = f"{here}/{entry.name}" if here else entry.name
                if _is_folder(entry):
                    (links if entry.is_symlink() else folders).append(path)
                elif Path(entry.name).suffix.lower() in SUFFIXES:
                    found.append(path)
        except OSError as error:
            if not here:
                raise DataError(f"Cannot list the folder {root}: {error.strerror}.") from None
            skipped.append(Skipped(_printable(here), f"the folder cannot be listed: {error.strerror}"))
    return sorted(found, key=natural_key), skipped


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _printable(path: str) -> str:
    """A file's name need not be UTF-8; what is shown must be."""
    return os.fsencode(path).decode("utf-8", "replace")


def _classes(paths: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """(names, int64 index of each path); no names for a flat folder."""
    tops = [path.split("/", 1)[0] if "/" in path else "" for path in paths]
    names = sorted(set(tops) - {""}, key=natural_key)
    if not names:
        return (), np.zeros(len(paths), np.int64)
    if "" in tops and UNSORTED not in names:
        names.append(UNSORTED)
    place = {name: i for i, name in enumerate(names)}
    class_of = np.array([place[top or UNSORTED] for top in tops], np.int64)
    return tuple(_printable(name) for name in names), class_of


class _Loading:
    """Reading chosen files into one array. A header pass comes first where size or channels are as found."""

    def __init__(self, root: Path, paths: list[str], skipped: list[Skipped], report: Report) -> None:
        self.root, self.paths, self.skipped, self.report = root, paths, skipped, report
        self.done, self.total = 0, len(paths)

    def read(self, size: int, channels: int) -> tuple[np.ndarray, list[int]]:
        """(images (K, C, H, W), the K places in `paths` that could be read)."""
        places = list(range(len(self.paths)))
        shape, wanted = (size, size), channels
        if not size or not channels:
            self.total *= 2
            headers = self._headers()
            places = list(headers)
            if not size:
                common = self._common_size(headers)
                shape, size = (common, 0) if common else ((MIXED_SIZE, MIXED_SIZE), MIXED_SIZE)
            if not channels:
                wanted = 1 if all(header.grey for header in headers.values()) else 3
        images = allocate(len(places), wanted, *shape)
        kept: list[int] = []
        colourless = not channels and wanted == 3  # until an image shows colour
        for place in places:
            self._tick()
            try:
                image = read_image(self.root / self.paths[place], wanted, size)
            except Unreadable as reason:
                self._skip(place, reason)
                continue
            images[len(kept)] = image
            kept.append(place)
            colourless = colourless and bool((image[0] == image[1]).all() and (image[0] == image[2]).all())
        self.report(self.total, self.total)
        images = images[: len(kept)]
        return np.ascontiguousarray(images[:, :1]) if colourless else images, kept

    def _headers(self) -> dict[int, ImageHeader]:
        headers = {}
        for place, path in enumerate(self.paths):
            self._tick()
            try:
                headers[place] = read_header(self.root / path)
            except Unreadable as reason:
                self._skip(place, reason)
        self.done = len(self.paths)
        return headers

    def _common_size(self, headers: dict[int, ImageHeader]) -> tuple[int, int] | None:
        """(H, W) that all readable images share, where it is a dataset's size."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, header in headers.items():
            by_size.setdefault((header.height, header.width), []).append(place)
        shapes = iter(by_size)
        if len(by_size) > 1:
            # A damaged file's header must not decide for the others; one good image of a size settles it.
            shapes = (shape for shape, places in by_size.items() if any(map(self._decodes, places)))
        shape, other = next(shapes, None), next(shapes, None)
        if shape is None or other is not None:
            return None
        return shape if all(MIN_SIZE <= side <= MAX_SIZE for side in shape) else None

    def _decodes(self, place: int) -> bool:
        try:
            read_image(self.root / self.paths[place], 1)
        except Unreadable:
            return False
        return True

    def _skip(self, place: int, reason: Unreadable) -> None:
        self.skipped.append(Skipped(_printable(self.paths[place]), str(reason)))

    def _tick(self) -> None:
        if self.done % _EVERY == 0:
            self.report(self.done, self.total)
        self.done += 1
