"""The IDX file format: two zero bytes, a type, the number of dimensions, the dimensions, the values.

Specification: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
Dimensions are big-endian uint32. Files may be gzipped, which their first two bytes tell, whatever their name.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from latentlab.core.errors import DataError

UNSIGNED_BYTES = 0x08
TYPES = {
    UNSIGNED_BYTES: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
#: A gzip file of some megabytes can unfold to any size; more than this is refused.
MAX_BYTES = 8 * 2**30
_BLOCK = 2**18
_NAME = re.compile(r"(images|labels)[-.]idx\d", re.IGNORECASE)


@dataclass(frozen=True)
class IdxHeader:
    """What a file of unsigned bytes declares: `dims`, outermost first, none of them 0."""

    path: Path
    dims: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the unpacked file."""
        return 4 + 4 * len(self.dims) + math.prod(self.dims)


def has_idx_name(name: str) -> bool:
    """Whether a file is called like MNIST's: ``train-images-idx3-ubyte.gz``, ``t10k-labels.idx1-ubyte``."""
    return not name.startswith(".") and _NAME.search(name) is not None


def has_idx_magic(path: Path) -> bool:
    """Whether a file, gzipped or not, starts as IDX files do."""
    try:
        with _opened(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES and 1 <= start[3] <= 4


def read_header(path: Path) -> IdxHeader:
    """The dimensions of a file of unsigned bytes.

    Raises DataError where the file cannot be opened, is no IDX file, holds another type or nothing, has none
    or more than four dimensions, or is larger than `MAX_BYTES`.
    """
    with _explained(path), _opened(path) as file:
        start = file.read(4)
        if len(start) < 4:
            raise DataError(
                f"{path} is cut short: expected an IDX header of at least 8 bytes, found {len(start)}."
            )
        if start[:2] != b"\0\0" or start[2] not in TYPES:
            raise DataError(
                f"{path} is no IDX file: expected it to start with 00 00 08, found {start[:3].hex(' ')}."
            )
        if start[2] != UNSIGNED_BYTES:
            raise DataError(f"{path} holds {TYPES[start[2]]}; expected {TYPES[UNSIGNED_BYTES]} (type 0x08).")
        count = start[3]
        if not 1 <= count <= 4:
            raise DataError(f"{path} has {count} dimensions; expected 1 for labels, 3 or 4 for images.")
        packed = file.read(4 * count)
        if len(packed) < 4 * count:
            found = 4 + len(packed)
            raise DataError(
                f"{path} is cut short: expected a header of {4 + 4 * count} bytes, found {found}."
            )
    header = IdxHeader(path, struct.unpack(f">{count}I", packed))
    if 0 in header.dims:
        raise DataError(f"{path} holds nothing: its header says {_by(header.dims)}.")
    if header.size > MAX_BYTES:
        most = f"{MAX_BYTES // 2**30} GiB"
        raise DataError(
            f"{path} declares {_by(header.dims)}, {header.size:,} bytes; expected at most {most}."
        )
    return header


def read_values(header: IdxHeader, progress: Callable[[int], None]) -> np.ndarray:
    """The values, uint8 of shape `header.dims`, writable.

    Memory grows with what the file holds, not with what its header declares. `progress` is called with the
    bytes read; what it raises passes. Raises DataError where there are fewer or more bytes than declared.
    """
    path, wanted = header.path, header.size
    start = wanted - math.prod(header.dims)
    content = bytearray()
    with _explained(path), _opened(path) as file:
        try:
            # read1: where a gzip file breaks off, all that came before it has been counted.
            while len(content) <= wanted and (block := file.read1(_BLOCK)):  # type: ignore[attr-defined]
                content += block
                progress(min(len(content), wanted))
        except EOFError:  # gzip's word for its end missing
            if len(content) >= wanted:
                raise
    if len(content) != wanted:
        how = "cut short" if len(content) < wanted else "too long"
        found = f"{len(content):,}" if len(content) < wanted else "more"
        raise DataError(f"{path} is {how}: expected {wanted:,} bytes for {_by(header.dims)}, found {found}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(header.dims)


def _by(dims: tuple[int, ...]) -> str:
    return " × ".join(f"{d:,}" for d in dims)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield unpacked  # type: ignore[misc]


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise DataError(f"{path} is cut short: expected a whole gzip file, found its end missing.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}.") from None
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from None
