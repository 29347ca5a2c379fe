"""The person's own images: a folder of files of any size and kind, flat or sorted into classes."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import MAX_SIZE, MIN_SIZE, Report, Skipped, Source, no_report, register
from latentlab.data.files import Container, FileOriginals, FilesConfig, Found
from latentlab.data.idx_format import has_idx_name
from latentlab.data.image_file import Unreadable
from latentlab.data.image_kinds import LOOKED_AT
from latentlab.data.pile import KINDS, Pile, is_hidden, sort_of
from latentlab.data.preparation import MIXED_SIZE
from latentlab.data.report import SCALE, say

#: Files between two looks whether to go on with the walk.
_LOOK = 256


class FolderConfig(FilesConfig):
    path: str = setting(
        "",
        "Folder",
        f"A folder of {KINDS} files; its sub-folders become classes. With no size set, images that all have "
        f"one size of {MIN_SIZE} to {MAX_SIZE} px keep it; others are cropped to {MIXED_SIZE}×{MIXED_SIZE}.",
    )


@register("folder")
class Folder(Source):
    """Images in a folder and its sub-folders, in the natural order of their paths (``2.png``, ``10.png``).

    Files count by their suffix, in any case, those of kinds that are not read (HEIC, SVG, camera raw) too:
    they are skipped with that reason. Where no file has such a suffix, those without any count if they begin
    like an image. What is hidden (a dot first, ``__MACOSX``) is passed over. Links are followed, each folder
    once.

    - size: N crops to the central square and resizes to N×N. 0 keeps the size where all readable images
      share one of 8..256 px a side, else is 64.
    - channels: 0 is grey where every pixel of every image is, else colour. Transparency is flattened onto
      the background unless channels is 4.
    - labels: of a CSV file beside the images (`labels.read_tables`), else the sub-folder
      (`arrangement.arranged`); `label_names` are all of them, even where no image of one could be read or was
      within the limit.
    - factors: the numbers of such a file.
    - limit: files evenly spaced over the order, so that every class keeps its share; files that cannot be
      read are not made up for.

    A file that cannot be read is left out and listed in `skipped`, its path relative to the folder.
    Raises DataError where the folder cannot be listed, holds no image file, or none that can be read.
    """

    Config = FolderConfig
    title = "Folder of images"
    about = f"Your own {KINDS} files, flat or in sub-folders that become classes."
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
    def open(cls, config: Any, report: Report) -> FileOriginals:
        root = Path(config.path).expanduser().absolute()
        if not root.is_dir():
            raise DataError(
                f"{root} is a file; expected a folder." if root.exists() else f"There is no folder {root}."
            )
        folder = Files(root, report)
        return FileOriginals(root.name or str(root), folder.stamp, folder, config)


class _Entry(NamedTuple):
    """A file as its folder has it: `changed` is another text when the file is another one."""

    path: str
    size: int
    changed: str


class Files(Container):
    """The files of a folder; its constructor walks through it, and raises DataError where it may not.

    stamp: changes with the path, size and times of every file that matters.
    """

    def __init__(self, root: Path, report: Report) -> None:
        super().__init__()
        self.root, self.pile = root, Pile[_Entry]()
        self._walk(report)
        lines = sorted(
            f"{entry.path}\0{entry.changed}" for entry in self.pile.useful()
        )  # the disk has any order
        self.stamp = hashlib.sha256(os.fsencode("\0".join([str(root), *lines]))).hexdigest()

    def find(self, report: Report) -> Found:
        pile = self.pile
        pile.find_nameless(self._start, report)
        pile.refuse_if_empty(f"the folder {self.root}")
        pile.sort(report)
        tables = {path: partial(self._read, path) for path, _ in pile.tables}
        total = sum(entry.size for _, entry in pile.images)
        return Found([path for path, _ in pile.images], tables, pile.skipped, total)

    def open(self, place: int) -> Path:
        return self.root / self.found(no_report).paths[place]

    def _walk(self, report: Report) -> None:
        say(report, "Looking for images")
        seen = set[tuple[int, int]]()
        # Folders proper before links to folders: an image is then found under its own path, and a loop ends.
        folders, links = [""], list[str]()
        while folders or links:
            here = folders.pop() if folders else links.pop(0)
            try:
                status = (self.root / here).stat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    inner, outer = self._list(here, report)
                    folders += sorted(inner)
                    links += sorted(outer)
            except OSError as error:
                if not here:
                    raise DataError(f"Cannot list the folder {self.root}: {error.strerror}.") from None
                self.pile.skip(here, f"the folder cannot be listed: {error.strerror}")

    def _list(self, here: str, report: Report) -> tuple[list[str], list[str]]:
        """Put the files of a folder on the pile; its folders, and its links to folders. OSError."""
        folders, links = list[str](), list[str]()
        report(0, SCALE)
        with os.scandir(self.root / here) as listed:
            for count, entry in enumerate(listed, 1):
                if count % _LOOK == 0:
                    report(0, SCALE)
                if is_hidden(entry.name):
                    continue
                path = f"{here}/{entry.name}" if here else entry.name
                if _is_folder(entry):
                    (links if entry.is_symlink() else folders).append(path)
                elif sort_of(entry.name):
                    self.pile.add(path, _entry(path, entry))
        return folders, links

    def _start(self, entry: _Entry) -> bytes:
        try:
            return self._read(entry.path, LOOKED_AT)
        except Unreadable:
            return b""

    def _read(self, path: str, most: int) -> bytes:
        """At most so many bytes of a file."""
        file = self.root / path
        if not file.is_file():  # a pipe would wait for ever
            raise Unreadable("it is not a regular file, or a link to nothing")
        try:
            with file.open("rb") as stream:
                return stream.read(most)
        except OSError as error:
            raise Unreadable(f"it cannot be opened: {error.strerror}") from None


def find_images(root: Path) -> tuple[list[str], list[Skipped]]:
    """(paths of image files relative to `root` with ``/`` between, in natural order; sub-folders not listed).

    Raises DataError where `root` itself cannot be listed.
    """
    pile = Files(root, no_report).pile
    pile.sort(no_report)
    return [path for path, _ in pile.images], pile.skipped


def _entry(path: str, entry: os.DirEntry[str]) -> _Entry:
    try:
        status = entry.stat()
    except OSError:  # reading it says why
        return _Entry(path, 0, "")
    return _Entry(path, status.st_size, f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
