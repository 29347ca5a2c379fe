"""The IDX file format: two zero bytes, a type, the number of dimensions, the dimensions, the values.

Specification: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
Dimensions are big-endian uint32. Files may be gzipped, which their first two bytes tell, whatever their name.
"""

from __future__ import annotations

import contextlib
import math
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.rows import RowReader, Rows, explained, is_gzip, unpacked

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
#: Labels read at a time: memory grows with what a file holds, not with what its header declares.
_STEP = 2**20
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
        with unpacked(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES and 1 <= start[3] <= 4


def read_header(path: Path) -> IdxHeader:
    """The dimensions of a file of unsigned bytes.

    Raises DataError where the file cannot be opened, is no IDX file, holds another type or nothing, has none
    or more than four dimensions, or is larger than `MAX_BYTES`.
    """
    with explained(str(path)), unpacked(path) as file:
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


def rows_of(header: IdxHeader) -> Rows:
    """The values as a row for each step of the outermost dimension.

    Raises DataError where a file that is not packed has fewer or more bytes than its header declares; of a
    packed one that is found where it is read.
    """
    path, dims = header.path, header.dims
    with explained(str(path)):
        packing, found = ("gzip" if is_gzip(path) else ""), path.stat().st_size
    if not packing and found != header.size:
        how = "cut short" if found < header.size else "too long"
        raise DataError(f"{path} is {how}: expected {header.size:,} bytes for {_by(dims)}, found {found:,}.")
    start, length = 4 + 4 * len(dims), math.prod(dims[1:])
    return Rows(str(path), _by(dims), lambda: unpacked(path), start, length, dims[0], packing)


def read_labels(header: IdxHeader, look: Callable[[], None]) -> np.ndarray:
    """The values of a file of one dimension, uint8 (N,). `look` is called often; what it raises passes."""
    rows = rows_of(header)
    with contextlib.closing(RowReader(rows)) as reader:
        parts = [
            reader.read(np.arange(start, min(start + _STEP, rows.count)), look)
            for start in range(0, rows.count, _STEP)
        ]
    return np.concatenate(parts)[:, 0]


def _by(dims: tuple[int, ...]) -> str:
    return " × ".join(f"{d:,}" for d in dims)
