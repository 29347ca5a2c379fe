"""Images that are files of their own: in a folder, or in an archive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.dataset import MAX_SIZE, MIN_SIZE, Skipped
from latentlab.data.image_file import ImageHeader, Unreadable, quiet, read_header, read_image, read_whole
from latentlab.data.naming import printable
from latentlab.data.originals import Chunk, Originals, Settled
from latentlab.data.parallel import in_order
from latentlab.data.preparation import Preparation, SourceConfig, rgb
from latentlab.data.report import Counted, Part, Report

#: Side of images whose sizes differ, where none is set.
MIXED_SIZE = 64
#: Files that one thread reads in a row: fewer cost more in handing over, more make progress jump.
_TOGETHER = 16

R = TypeVar("R")


class Container(ABC):
    """Files with names: a folder, or an archive that is read without unpacking it."""

    @abstractmethod
    def paths(self) -> Sequence[str]:
        """The image files in it, with ``/`` between folders: as `Listing.names`, but not always printable."""

    @abstractmethod
    def open(self, place: int) -> Path | BinaryIO:
        """The file at a place, to be read; raises Unreadable. Any thread may call it."""


class FileOriginals(Originals):
    """Image files. Sub-classes say what there is (`listing`) and where (`container`).

    As found: the size is that which all readable files share, if it is one of 8..256 px a side, else
    `MIXED_SIZE`; channels are 1 where every pixel of every file is grey, else 3.
    """

    costly = True

    @property
    @abstractmethod
    def container(self) -> Container:
        """Where the files are; their order is that of the listing."""

    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        channels, size = config.channels, (config.size, config.size)
        unsure = False
        if not config.size or not channels:
            headers = self._headers(chosen, Part(report, 0, 0.9))
            if not config.size:
                size = self._common_size(headers, report) or (MIXED_SIZE, MIXED_SIZE)
            if not channels:
                channels = 1 if all(header.grey for header in headers.values()) else 3
                unsure = channels == 3
        report(1, 1)
        return Settled(Preparation(channels, *size, config.fit, rgb(config.background)), unsure)

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        def read(place: int) -> tuple[np.ndarray, tuple[int, int]]:
            return read_image(self.container.open(place), preparation)

        for places, found, skipped in self._each(read, chosen, report):
            images = np.stack([pixels for pixels, _ in found]) if found else _none(preparation)
            yield Chunk(images, places, [size for _, size in found], skipped)

    def original(self, place: int) -> np.ndarray:
        try:
            with quiet():
                return read_whole(self.container.open(place))
        except Unreadable as reason:
            name = printable(self.container.paths()[place])
            raise DataError(f"Cannot read {name} of {self.name}: {reason}.") from None

    def _headers(self, chosen: np.ndarray, report: Report) -> dict[int, ImageHeader]:
        """Of those that have one; the others are told of when they are read."""

        def read(place: int) -> ImageHeader:
            return read_header(self.container.open(place))

        headers: dict[int, ImageHeader] = {}
        for places, found, _ in self._each(read, chosen, report):
            headers.update(zip(places.tolist(), found, strict=True))
        return headers

    def _common_size(self, headers: dict[int, ImageHeader], report: Report) -> tuple[int, int] | None:
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
            read_whole(self.container.open(place))
        except Unreadable:
            return False
        return True

    def _each(
        self, read: Callable[[int], R], chosen: np.ndarray, report: Report
    ) -> Iterator[tuple[np.ndarray, list[R], list[Skipped]]]:
        """`read` of every chosen place, some at once: (places that could be read, results, the others)."""
        paths, progress = self.container.paths(), Counted(report, len(chosen))

        def piece(places: np.ndarray) -> tuple[np.ndarray, list[R], list[Skipped]]:
            kept, found, skipped = [], [], []
            for place in places.tolist():
                try:
                    found.append(read(place))
                    kept.append(place)
                except Unreadable as reason:
                    skipped.append(Skipped(printable(paths[place]), str(reason)))
            return np.array(kept, np.int64), found, skipped

        pieces = (chosen[start : start + _TOGETHER] for start in range(0, len(chosen), _TOGETHER))
        with quiet():
            for result in in_order(piece, pieces, progress.look):
                yield result
                progress.add(len(result[0]) + len(result[2]))


def _none(preparation: Preparation) -> np.ndarray:
    return np.empty((0, *preparation.shape), np.uint8)
