"""The images of a source as they are found, before anything is done to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from latentlab.data.dataset import Skipped
from latentlab.data.images import CHUNK
from latentlab.data.parallel import in_order
from latentlab.data.preparation import Preparation, SourceConfig, as_found
from latentlab.data.report import Counted, Report

#: Bytes of images that are read in a row.
_TOGETHER = 2**22


@dataclass(frozen=True, eq=False)
class Listing:
    """What a source holds, told without decoding a pixel. All arrays are (count,) and in one order.

    names: of each image; None where they have none. skipped: what was left out while listing.
    labels, label_names, factors, heldout: as in `dataset.Contents`. bytes_found: their size on disk.
    """

    count: int
    names: Sequence[str] | None = None
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    heldout: np.ndarray | None = None
    skipped: tuple[Skipped, ...] = ()
    bytes_found: int = 0


@dataclass(frozen=True, eq=False)
class Settled:
    """How images will be prepared, `unsure` where they become grey if none of them shows colour.

    provided: (width, height) that all of them must then turn out to have as found, or it does not hold.
    """

    preparation: Preparation
    unsure: bool = False
    provided: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some prepared images: uint8 (K, C, H, W), `places` int64 (K,) among the originals, sizes as found."""

    images: np.ndarray
    places: np.ndarray
    sizes: Sequence[tuple[int, int]]
    skipped: Sequence[Skipped] = ()


class Originals(ABC):
    """What a source opened: cheap to make, everything else on demand. Used by one thread at a time, but for
    `original`, which any thread may call.

    name: the dataset's. stamp: changes whenever the content does. costly: whether reading takes long enough
    to keep the result in the cache; what is drawn, or read as fast from its own file, is not.
    """

    name: str
    stamp: str
    costly: bool = True

    @abstractmethod
    def listing(self, report: Report) -> Listing:
        """What there is; the same object every time. DataError where there is no image, or no reading it."""

    @abstractmethod
    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        """What "as found" means for the images `chosen` (ascending int64 places)."""

    def guess(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        """The same, or what will turn out to be the same unless it says otherwise, in less time."""
        return self.settle(chosen, config, report)

    @abstractmethod
    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        """The images `chosen`, prepared, in order; those that cannot be read are told as skipped.

        `report` is called at least ten times a second, so that cancelling takes no longer.
        """

    @abstractmethod
    def original(self, place: int) -> np.ndarray:
        """One image as found, uint8 (C, H, W) of any size, 1, 3 or 4 channels. DataError."""


class ArrayOriginals(Originals):
    """Images of one shape that lie in an array, a file of bytes or a film, or are drawn."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of every image as found; c is 1, 3 or 4."""

    @abstractmethod
    def read(self, places: np.ndarray) -> np.ndarray:
        """The images at `places` (ascending): uint8 (K, c, h, w). Called in ascending order by one thread at
        a time, but for `original`. DataError where the file is damaged."""

    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        return Settled(as_found(self.shape, config))

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        count = len(chosen)
        progress = Counted(report, count)
        sizes = (self.shape[2], self.shape[1])
        # Some pieces for each core are in memory at once.
        largest = max(int(np.prod(self.shape)), int(np.prod(preparation.shape)))
        together = max(1, min(CHUNK, _TOGETHER // largest))

        def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for start in range(0, count, together):
                places = chosen[start : start + together]
                yield places, self.read(places)

        def prepare(piece: tuple[np.ndarray, np.ndarray]) -> Chunk:
            places, images = piece
            return Chunk(preparation.of_array(images), places, [sizes] * len(places))

        for chunk in in_order(prepare, pieces(), progress.look):
            yield chunk
            progress.add(len(chunk.places))

    def original(self, place: int) -> np.ndarray:
        return self.read(np.array([place]))[0]


class HeldArray(ArrayOriginals):
    """Images that are in memory, or in a memory map: uint8 (N, c, h, w)."""

    def __init__(
        self, name: str, images: np.ndarray, listing: Listing, *, stamp: str = "", costly: bool = False
    ) -> None:
        self.name, self.stamp, self.costly = name, stamp, costly
        self._images, self._listing = images, listing

    @property
    def shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self._images.shape
        return channels, height, width

    def listing(self, report: Report) -> Listing:
        return self._listing

    def read(self, places: np.ndarray) -> np.ndarray:
        return self._images[places]
