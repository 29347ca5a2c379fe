"""Images that are files of their own: in a folder, or in an archive."""

from __future__ import annotations

import io
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, TypeVar

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.arrangement import arranged
from latentlab.data.dataset import MAX_SIZE, MIN_SIZE, Skipped
from latentlab.data.image_file import ImageHeader, Unreadable, quiet, read_header, read_image, read_whole
from latentlab.data.images import evenly_spaced
from latentlab.data.labels import read_tables
from latentlab.data.naming import printable
from latentlab.data.originals import Chunk, Listing, Originals, Settled
from latentlab.data.parallel import in_order
from latentlab.data.preparation import MIXED_SIZE, Preparation, SourceConfig, rgb
from latentlab.data.report import Counted, Part, Report, no_report

#: Files that one thread reads in a row: fewer cost more in handing over, more make progress jump.
_TOGETHER = 16
#: Files whose headers are looked at where these may tell enough.
_FEW = 64
#: Bytes of files that wait in memory to be decoded: so many in a row, and so many in all.
_HEAVY, _MOST_HELD = 2**23, 2**28

R = TypeVar("R")


class FilesConfig(SourceConfig):
    split: Literal["auto", "ignore"] = setting(
        "auto",
        "Test folders",
        "Of folders called train and test (or val, valid, validation) the latter are held out, and the "
        "folders in them are the classes; or they are classes themselves, like any other folders.",
        labels={"auto": "held out", "ignore": "ignore"},
    )
    label_column: str = setting(
        "",
        "Label column",
        "The column of a CSV file beside the images that holds their classes. Empty takes one called label, "
        "class, category, target or y, else the first of words; without one folders are the classes.",
        zero="as found",
    )


class Content(io.BytesIO):
    """A file's bytes in memory, with its name: that of a camera's raw file matters."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


class File(NamedTuple):
    """A file to be read: what opens it (any thread may call that, once; raises Unreadable), and how many
    bytes of memory it holds until then."""

    place: int
    open: Callable[[], Path | BinaryIO]
    held: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """What a container holds.

    paths: of the image files, ``/`` between folders; as `Listing.names`, but not always printable.
    tables: what may tell of them (CSV files), path -> reads at most so many bytes of it; raises Unreadable.
    skipped: what is left out. bytes_found: what the images take on disk.
    """

    paths: Sequence[str]
    tables: Mapping[str, Callable[[int], bytes]]
    skipped: Sequence[Skipped]
    bytes_found: int


class Container(ABC):
    """Files with names: a folder, or an archive that is read without unpacking it."""

    def __init__(self) -> None:
        self._found: Found | None = None
        self._finding = threading.Lock()

    def found(self, report: Report) -> Found:
        """What it holds, the same object every time. DataError where that is no image."""
        with self._finding:
            if self._found is None:
                self._found = self.find(report)
            return self._found

    def hold(self) -> None:  # noqa: B027 - most have no need of it
        """Told before a load: what is read may be held in memory, if that spares reading it again."""

    def let_go(self) -> None:  # noqa: B027
        """Told after it."""

    @abstractmethod
    def find(self, report: Report) -> Found:
        """What `found` keeps. Calls `report` at least ten times a second."""

    @abstractmethod
    def open(self, place: int) -> Path | BinaryIO:
        """The file at a place, to be read; raises Unreadable. Any thread may call it."""

    def each(self, places: np.ndarray, look: Callable[[], None]) -> Iterator[File]:
        """The files at `places` (ascending), in that order; calls `look` often where that takes long."""
        for place in places.tolist():
            yield File(place, partial(self.open, place))


class FileOriginals(Originals):
    """The image files of a container.

    As found: the size is that which all readable files share, if it is one of 8..256 px a side, else
    `MIXED_SIZE`; channels are 1 where every pixel of every file is grey, else 3.
    """

    costly = True

    def __init__(self, name: str, stamp: str, container: Container, config: FilesConfig) -> None:
        self.name, self.stamp, self.container = name, stamp, container
        self._config = config
        self._listing: Listing | None = None

    def listing(self, report: Report) -> Listing:
        if self._listing is None:
            self.container.hold()
            found = self.container.found(Part(report, 0, 0.8))
            placed = arranged(found.paths, self._config.split == "auto")
            column = self._config.label_column
            told = read_tables(found.tables, found.paths, column, Part(report, 0.8, 1))
            of_folders = told.labels is None
            self._listing = Listing(
                len(found.paths),
                names=[printable(path) for path in found.paths],
                labels=placed.labels if of_folders else told.labels,
                label_names=placed.label_names if of_folders else told.label_names,
                factors=told.factors,
                heldout=placed.heldout,
                skipped=(*found.skipped, *told.skipped),
                bytes_found=found.bytes_found,
            )
        report(1, 1)
        return self._listing

    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        return self._settle(chosen, config, report)[0]

    def guess(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        # Of many small files the headers take nearly as long as the pixels, and a few tell most of it.
        few = chosen[evenly_spaced(len(chosen), _FEW)]
        settled, shapes = self._settle(few, config, Part(report, 0, 0.2))
        coloured = bool(config.channels) or settled.unsure
        if not coloured or not (config.size or shapes):  # what any other file could change
            return self.settle(chosen, config, Part(report, 0.2, 1))
        report(1, 1)
        if config.size or len(shapes) > 1 or not _is_usable(shapes[0]):
            return settled
        height, width = shapes[0]
        return replace(settled, provided=(width, height))

    def _settle(
        self, chosen: np.ndarray, config: SourceConfig, report: Report
    ) -> tuple[Settled, list[tuple[int, int]]]:
        """With the (H, W) that readable images have, at most two; none where they do not matter."""
        channels, size = config.channels, (config.size, config.size)
        unsure, shapes = False, list[tuple[int, int]]()
        if not config.size or not channels:
            headers = self._headers(chosen, Part(report, 0, 0.9))
            if not config.size:
                shapes = self._shapes(headers, Part(report, 0.9, 1))
                shared = len(shapes) == 1 and _is_usable(shapes[0])
                size = shapes[0] if shared else (MIXED_SIZE, MIXED_SIZE)
            if not channels:
                channels = 1 if all(header.grey for header in headers.values()) else 3
                unsure = channels == 3
        report(1, 1)
        return Settled(Preparation(channels, *size, config.fit, rgb(config.background)), unsure), shapes

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        def read(file: Path | BinaryIO) -> tuple[np.ndarray, tuple[int, int]]:
            return read_image(file, preparation)

        for places, found, skipped in self._each(read, chosen, report):
            images = np.stack([pixels for pixels, _ in found]) if found else _none(preparation)
            yield Chunk(images, places, [size for _, size in found], skipped)
        self.container.let_go()

    def original(self, place: int) -> np.ndarray:
        try:
            with quiet():
                return read_whole(self.container.open(place))
        except Unreadable as reason:
            name = printable(self.container.found(no_report).paths[place])
            raise DataError(f"Cannot read {name} of {self.name}: {reason}.") from None

    def _headers(self, chosen: np.ndarray, report: Report) -> dict[int, ImageHeader]:
        """Of those that have one; the others are told of when they are read."""
        headers: dict[int, ImageHeader] = {}
        for places, found, _ in self._each(read_header, chosen, report):
            headers.update(zip(places.tolist(), found, strict=True))
        return headers

    def _shapes(self, headers: dict[int, ImageHeader], report: Report) -> list[tuple[int, int]]:
        """(H, W) that readable images have: all, or two of them."""
        shapes = {place: (header.height, header.width) for place, header in headers.items()}
        if len(set(shapes.values())) < 2:
            return [*set(shapes.values())]
        # A damaged file's header must not decide for the others; one good image of a size settles it.
        sure, progress = list[tuple[int, int]](), Counted(report, len(shapes))
        for file in self.container.each(np.array(sorted(shapes), np.int64), progress.look):
            # In a thread: a large one takes longer than anybody who cancels waits.
            if shapes[file.place] not in sure and all(in_order(_decodes, [file], progress.look)):
                sure.append(shapes[file.place])
            if len(sure) == 2:
                break
            progress.add(1)
        return sure

    def _each(
        self, read: Callable[[Path | BinaryIO], R], chosen: np.ndarray, report: Report
    ) -> Iterator[tuple[np.ndarray, list[R], list[Skipped]]]:
        """`read` of every chosen file, some at once: (places that could be read, results, the others)."""
        paths, progress = self.container.found(no_report).paths, Counted(report, len(chosen))
        held, ended = 0, threading.Event()

        def piece(files: list[File]) -> tuple[np.ndarray, list[R], list[Skipped], int]:
            kept, found, skipped = [], [], []
            for file in files:
                if ended.is_set():  # nobody waits for the others
                    break
                try:
                    found.append(read(file.open()))
                    kept.append(file.place)
                except Unreadable as reason:
                    skipped.append(Skipped(printable(paths[file.place]), str(reason)))
            return np.array(kept, np.int64), found, skipped, sum(file.held for file in files)

        def pieces() -> Iterator[list[File]]:
            nonlocal held
            files: list[File] = []
            for file in self.container.each(chosen, progress.look):
                files.append(file)
                held += file.held
                if len(files) == _TOGETHER or sum(file.held for file in files) >= _HEAVY:
                    yield files
                    files = []
            if files:
                yield files

        def room() -> bool:
            return held < _MOST_HELD

        try:
            with quiet():
                for places, found, skipped, let_go in in_order(piece, pieces(), progress.look, room):
                    held -= let_go
                    yield places, found, skipped
                    progress.add(len(places) + len(skipped))
        finally:
            ended.set()


def _is_usable(shape: tuple[int, int]) -> bool:
    """Whether images of a dataset may have it."""
    return all(MIN_SIZE <= side <= MAX_SIZE for side in shape)


def _decodes(file: File) -> bool:
    try:
        read_whole(file.open())
    except Unreadable:
        return False
    return True


def _none(preparation: Preparation) -> np.ndarray:
    return np.empty((0, *preparation.shape), np.uint8)
