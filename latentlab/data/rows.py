"""Images that lie as rows of bytes, one behind the other, in files that are read forwards, packed or not."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import math
import os
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.images import CHUNK
from latentlab.data.originals import ArrayOriginals, Chunk
from latentlab.data.parallel import in_order
from latentlab.data.preparation import Preparation
from latentlab.data.report import Counted, Report

#: Bytes as found that one thread prepares in a row, and bytes read between two looks at who may cancel.
TOGETHER = 2**23
BLOCK = 2**18
#: Bytes that are at most passed over before it is told how far it is.
_PASSED = 2**25

#: A request for so few images, of so many bytes as found, is a preview: they are asked for again one by one.
_FEW, _FEW_BYTES = 32, 2**27

Look = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Rows:
    """`count` rows of `length` bytes, the first at byte `start`, nothing behind the last if `ends`.

    what: the file in messages. form: what it holds, "12 × 9 × 10". open: its bytes, unpacked. packing: what
    unpacks them ("gzip", "zip"; then they can only be read forwards), or "".
    """

    what: str
    form: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    start: int
    length: int
    count: int
    packing: str = ""
    ends: bool = True

    @property
    def size(self) -> int:
        """Bytes up to the end of the last row."""
        return self.start + self.length * self.count


class RowReader:
    """Reads `Rows`, ascending places without going back. To be closed."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._opened = contextlib.ExitStack()
        self._file: IO[bytes] | None = None
        self._at = 0

    def read(self, places: np.ndarray, look: Look) -> np.ndarray:
        """uint8 (K, length): the rows at `places`, ascending. What the often called `look` raises passes.

        Raises DataError where the file is damaged, cut short, or goes on behind its last row.
        """
        rows = self._rows
        result = np.empty((len(places), rows.length), np.uint8)
        filled = 0
        with explained(rows.what, rows.packing):
            for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
                self._go_to(rows.start + int(run[0]) * rows.length, look)
                self._fill(result[filled : filled + len(run)], look)
                filled += len(run)
            if rows.ends and len(places) and places[-1] == rows.count - 1 and self._next(1):
                raise self._wrong("too long", "more")
        return result

    def close(self) -> None:
        self._opened.close()
        self._file = None

    def _go_to(self, offset: int, look: Look) -> None:
        if self._file is None or offset < self._at:
            self.close()
            self._file, self._at = self._opened.enter_context(self._rows.open()), 0
        if not self._rows.packing:
            self._at = self._file.seek(offset)
        while self._at < offset:
            look()
            if not self._next(min(BLOCK, offset - self._at)):
                raise self._wrong("cut short", f"{self._at:,}")

    def _fill(self, target: np.ndarray, look: Look) -> None:
        view, done = target.reshape(-1).data, 0
        while done < len(view):
            look()
            try:
                block = self._next(min(BLOCK, len(view) - done))
            except EOFError:  # a packed file's end is missing
                block = b""
            if not block:
                raise self._wrong("cut short", f"{self._at:,}")
            view[done : done + len(block)] = block
            done += len(block)

    def _next(self, most: int) -> bytes:
        # read1: where a packed file breaks off, all that came before it has been counted.
        block: bytes = self._file.read1(most)  # type: ignore[union-attr]
        self._at += len(block)
        return block

    def _wrong(self, how: str, found: str) -> DataError:
        rows = self._rows
        return DataError(
            f"{rows.what} is {how}: expected {rows.size:,} bytes for {rows.form}, found {found}."
        )


class Few:
    """The images of a request for `count`, as found, if they are few. Finding them again may take long: what
    is packed is only read forwards."""

    def __init__(self, count: int) -> None:
        self._images: dict[int, np.ndarray] = {}
        self._room = _FEW_BYTES if count <= _FEW else 0

    def keep(self, places: Sequence[int], images: Sequence[np.ndarray] | np.ndarray) -> None:
        """Images (c, h, w) at these places."""
        self._room -= sum(image.nbytes for image in images)
        if self._room >= 0:
            self._images.update(zip(places, images, strict=True))

    def get(self, place: int) -> np.ndarray | None:
        """One of them, uint8 (c, h, w); None where it is not here."""
        return self._images.get(place)


class RowOriginals(ArrayOriginals):
    """Images that are `Rows` of one or several files. Sub-classes say which, and what a row's bytes are."""

    _few = Few(0)

    @abstractmethod
    def parts(self) -> Sequence[Rows]:
        """The files, in the order of the images."""

    @abstractmethod
    def pixels(self, part: int, raw: np.ndarray) -> np.ndarray:
        """uint8 (K, length), rows of a part -> uint8 (K, c, h, w) of `shape`. DataError."""

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        if not len(chosen):
            return
        parts = self.parts()
        progress, reader = Counted(report, len(chosen)), _Reader(self, parts)
        length = max(part.length for part in parts)
        # Few of many lie far apart: passing over what is between them takes long, too.
        apart = int(chosen[-1] - chosen[0]) // len(chosen) + 1
        together = at_once(max(length, math.prod(preparation.shape)))
        together = max(1, min(together, _PASSED // (length * apart)))
        sizes = (self.shape[2], self.shape[1])
        self._few = few = Few(len(chosen))

        def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for start in range(0, len(chosen), together):
                places = chosen[start : start + together]
                images = reader.read(places, progress.look)
                few.keep(places.tolist(), images)
                yield places, images

        def prepare(piece: tuple[np.ndarray, np.ndarray]) -> Chunk:
            places, images = piece
            return Chunk(preparation.of_array(images), places, [sizes] * len(places))

        with contextlib.closing(reader):
            for chunk in in_order(prepare, pieces(), progress.look):
                yield chunk
                progress.add(len(chunk.places))

    def original(self, place: int) -> np.ndarray:
        found = self._few.get(place)
        return super().original(place) if found is None else found

    def read(self, places: np.ndarray) -> np.ndarray:
        with contextlib.closing(_Reader(self, self.parts())) as reader:
            return reader.read(places, lambda: None)


class _Reader:
    def __init__(self, originals: RowOriginals, parts: Sequence[Rows]) -> None:
        self._originals = originals
        self._readers = [RowReader(part) for part in parts]
        self._ends = np.cumsum([part.count for part in parts])

    def read(self, places: np.ndarray, look: Look) -> np.ndarray:
        parts = np.searchsorted(self._ends, places, side="right")
        found = []
        for part in np.unique(parts).tolist():
            before = self._ends[part - 1] if part else 0
            raw = self._readers[part].read(places[parts == part] - before, look)
            found.append(self._originals.pixels(part, raw))
        return found[0] if len(found) == 1 else np.concatenate(found)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


def at_once(length: int) -> int:
    """How many images of `length` bytes are worked on at a time."""
    return max(1, min(CHUNK, TOGETHER // max(1, length)))


def stamp_of(files: Iterable[Path]) -> tuple[str, int]:
    """(a digest that changes when one of the files does, their bytes). DataError where one is not there."""
    digest, total = hashlib.sha256(), 0
    for file in files:
        with explained(str(file)):
            status = file.stat()
        total += status.st_size
        digest.update(os.fsencode(file))
        digest.update(f"\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0".encode())
    return digest.hexdigest(), total


def is_gzip(path: Path) -> bool:
    """Whether a file starts as gzip's do."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, gunzipped where it is a gzip file, whatever its name."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as content:
            yield content  # type: ignore[misc]


@contextlib.contextmanager
def explained(what: str, packing: str = "gzip") -> Iterator[None]:
    """Turns the errors of reading and unpacking into DataError."""
    try:
        yield
    except EOFError:
        raise DataError(
            f"{what} is cut short: expected a whole {packing} file, found its end missing."
        ) from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{what} is a damaged {packing} file: {str(error)[:80]}.") from None
    except OSError as error:
        raise DataError(f"Cannot read {what}: {error.strerror or error}.") from None
