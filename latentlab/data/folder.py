"""The person's own images: a folder of files of any size and kind, flat or sorted into classes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import MAX_SIZE, MIN_SIZE, Report, Skipped, Source, SourceConfig, register
from latentlab.data.files import MIXED_SIZE, Container, FileOriginals
from latentlab.data.idx_format import has_idx_name
from latentlab.data.image_file import SUFFIXES
from latentlab.data.naming import natural_key, printable
from latentlab.data.originals import Listing

UNSORTED = "(unsorted)"
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
    def open(cls, config: Any, report: Report) -> FolderOriginals:
        root = Path(config.path).expanduser().absolute()
        if not root.is_dir():
            raise DataError(
                f"{root} is a file; expected a folder." if root.exists() else f"There is no folder {root}."
            )
        return FolderOriginals(root)


class FolderOriginals(FileOriginals):
    """The image files of a folder, listed when it is opened."""

    def __init__(self, root: Path) -> None:
        self.name = root.name or str(root)
        self._folder = _Files(root)
        found, skipped = find_images(root)
        if not found:
            raise DataError(
                f"No image in the folder {root}: expected {_KINDS} files in it or in its sub-folders."
            )
        self._folder.found = found
        digest, total = hashlib.sha256(os.fsencode(root)), 0
        for path in found:
            with contextlib.suppress(OSError):  # reading it says why
                status = (root / path).stat()
                total += status.st_size
                digest.update(os.fsencode(path))
                digest.update(f"\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0".encode())
        self.stamp = digest.hexdigest()
        classes, class_of = _classes(found)
        self._listing = Listing(
            len(found),
            names=[printable(path) for path in found],
            labels=class_of if classes else None,
            label_names=classes,
            skipped=tuple(skipped),
            bytes_found=total,
        )

    @property
    def container(self) -> Container:
        return self._folder

    def listing(self, report: Report) -> Listing:
        return self._listing


class _Files(Container):
    def __init__(self, root: Path) -> None:
        self.root, self.found = root, list[str]()

    def paths(self) -> list[str]:
        return self.found

    def open(self, place: int) -> Path:
        return self.root / self.found[place]


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
            skipped.append(Skipped(printable(here), f"the folder cannot be listed: {error.strerror}"))
    return sorted(found, key=natural_key), skipped


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


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
    return tuple(printable(name) for name in names), class_of
