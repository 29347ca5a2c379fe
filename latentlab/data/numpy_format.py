"""Arrays in .npy and .npz files: numpy reads their headers, and nothing is unpickled.

Format: NumPy Enhancement Proposal 1 (versions 1.0 and 2.0). An .npz file is a zip archive of .npy members.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.rows import RowReader, Rows, at_once, explained

MAGIC = b"\x93NUMPY"
#: Bytes that one array of a packed file may unfold to: some megabytes of zeros can declare any size.
MAX_BYTES = 32 * 2**30
#: Of arrays that are read whole: labels, factors, and those in Fortran's order, which have no rows.
MAX_WHOLE = 2**29
_MAX_HEADER = 10_000  # as numpy bounds it
_MAX_MEMBERS = 1000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

#: Version -> what reads the header; 3.0 is for names of fields.
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_KINDS = {
    "c": "complex numbers",
    "S": "texts",
    "U": "texts",
    "V": "records of several fields",
    "m": "spans of time",
    "M": "dates",
    "O": "pickled Python objects, which are never loaded",
}


@dataclass(frozen=True, eq=False)
class Array:
    """An array in a file, opened as far as its header.

    what: the file, and the member. start: where its values begin. packing: as in `Rows`.
    """

    key: str
    what: str
    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    start: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    packing: str

    @property
    def form(self) -> str:
        """``60,000 × 28 × 28 · uint8``."""
        return f"{by(self.shape)} · {self.kind}"

    @property
    def kind(self) -> str:
        """What its values are, in words."""
        return _KINDS.get(self.dtype.kind, self.dtype.newbyteorder("=").name)

    @property
    def count(self) -> int:
        """Steps of the first dimension."""
        return self.shape[0] if self.shape else 1

    @property
    def is_numeric(self) -> bool:
        return self.dtype.kind in "biuf"

    @property
    def is_text(self) -> bool:
        return self.dtype.kind in "SU" and self.dtype.itemsize > 0

    @property
    def length(self) -> int:
        """Bytes of a step of the first dimension."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def size(self) -> int:
        """Bytes of the unpacked file."""
        return self.start + self.length * self.count

    @property
    def rows(self) -> Rows:
        """A row for each step of the first dimension."""
        if self.fortran:
            return Rows(self.what, self.form, self._in_c_order, 0, self.length, self.count)
        return Rows(self.what, self.form, self.open, self.start, self.length, self.count, self.packing)

    def values(self, raw: np.ndarray) -> np.ndarray:
        """Some of `rows`, uint8 (K, length) -> (K, ...) in `dtype`."""
        return raw.view(self.dtype).reshape(len(raw), *self.shape[1:])

    def blocks(self, look: Callable[[int], None]) -> Iterator[np.ndarray]:
        """All values, some megabytes at a time. `look` is told often how many steps of the first are done."""
        rows, step = self.rows, at_once(self.length)
        with contextlib.closing(RowReader(rows)) as reader:
            for start in range(0, rows.count, step):
                places = np.arange(start, min(start + step, rows.count))
                yield self.values(reader.read(places, partial(look, start)))

    def whole(self, look: Callable[[], None]) -> np.ndarray:
        """All values. DataError where they are more than `MAX_WHOLE`."""
        self.refuse_too_large("where it is no images")
        return np.concatenate(list(self.blocks(lambda done: look())))

    def refuse_too_large(self, why: str) -> None:
        """DataError where it cannot be read as a whole."""
        if self.size > MAX_WHOLE:
            found, most = self.size / 2**20, MAX_WHOLE // 2**20
            raise DataError(f"{self.what} takes {found:,.0f} MiB; expected at most {most:,} {why}.")

    @contextlib.contextmanager
    def _in_c_order(self) -> Iterator[IO[bytes]]:
        self.refuse_too_large("of an array in Fortran's order (numpy.ascontiguousarray turns it)")
        stored = Rows(self.what, self.form, self.open, self.start, self.length * self.count, 1, self.packing)
        with contextlib.closing(RowReader(stored)) as reader:
            raw = reader.read(np.arange(1), lambda: None)
        yield io.BytesIO(raw.view(self.dtype).reshape(self.shape[::-1]).T.tobytes())


def read_arrays(path: Path) -> tuple[list[Array], list[tuple[str, str]]]:
    """What an .npy or .npz file holds: (arrays, (key, why) of members that cannot be read).

    Raises DataError where the file cannot be opened or is neither, and of an .npy file for all that is wrong
    with its only array.
    """
    with explained(str(path), "zip"):
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start == MAGIC:
            return [_whole_file(path)], []
        if start[:2] != b"PK":
            found = start.hex(" ") or "nothing"
            raise DataError(
                f"{path} is no .npy or .npz file: expected 93 4e 55 4d 50 59 or 50 4b, found {found}."
            )
        return _members(path)


def by(shape: tuple[int, ...]) -> str:
    """``60,000 × 28 × 28``."""
    return " × ".join(f"{d:,}" for d in shape) if shape else "one value"


def _whole_file(path: Path) -> Array:
    with path.open("rb") as file:
        array = _header(path.stem, str(path), file, lambda: path.open("rb"), "")
    found = path.stat().st_size
    if found != array.size:
        raise DataError(_wrong_size(array, found))
    return array


def _members(path: Path) -> tuple[list[Array], list[tuple[str, str]]]:
    with _archive(path) as archive:
        named = {info.filename: info for info in archive.infolist() if info.filename.endswith(".npy")}
    infos = [info for name, info in named.items() if not name.startswith(("__MACOSX", "."))]
    if not infos:
        raise DataError(f"{path} is a zip file without arrays; expected members that end in .npy.")
    if len(infos) > _MAX_MEMBERS:
        raise DataError(
            f"{path} holds {len(infos):,} arrays; expected one of all images, as numpy.stack makes it."
        )
    arrays, skipped = [], []
    for info in infos:
        key = info.filename.removesuffix(".npy")
        what = f"{key} in {path}"
        try:
            _refuse_packing(what, info)
            open = partial(_member, path, info.filename)
            with explained(what, "zip"), open() as file:
                array = _header(key, what, file, open, "zip")
            if array.size != info.file_size:
                raise DataError(_wrong_size(array, info.file_size))
            arrays.append(array)
        except DataError as error:
            skipped.append((key, str(error).replace(f"{what} ", "it ", 1).removesuffix(".")))
    return arrays, skipped


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (ValueError, NotImplementedError) as error:  # names that are no text, places before the start
        raise zipfile.BadZipFile(str(error)) from None
    with archive:
        yield archive


@contextlib.contextmanager
def _member(path: Path, name: str) -> Iterator[IO[bytes]]:
    with _archive(path) as archive:
        try:
            file = archive.open(name)
        except (ValueError, NotImplementedError, KeyError) as error:
            raise zipfile.BadZipFile(str(error)) from None
        with file:
            yield file


def _refuse_packing(what: str, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise DataError(f"{what} is encrypted; expected an archive without a password.")
    if info.compress_type not in _METHODS:
        raise DataError(f"{what} is packed by a method that is not known here ({info.compress_type}).")
    if info.file_size > MAX_BYTES:
        raise DataError(
            f"{what} unfolds to {info.file_size:,} bytes; expected at most {MAX_BYTES // 2**30} GiB."
        )


def _wrong_size(array: Array, found: int) -> str:
    how = "cut short" if found < array.size else "too long"
    return f"{array.what} is {how}: expected {array.size:,} bytes for {array.form}, found {found:,}."


def _header(
    key: str, what: str, file: IO[bytes], open: Callable[[], AbstractContextManager[IO[bytes]]], packing: str
) -> Array:
    """An array as its header describes it. DataError where that is damaged, or no numbers or texts follow."""
    try:
        read = _READERS[np.lib.format.read_magic(file)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Reading `.npy`")  # Python 2 wrote it: no matter
            shape, fortran, dtype = read(file, max_header_size=_MAX_HEADER)
    except KeyError:
        raise DataError(f"{what} is an array of an unknown version; expected 1.0 or 2.0.") from None
    except OSError:
        raise
    except Exception:  # a hostile header makes Python's own parser raise almost anything
        raise DataError(
            f"{what} has a damaged header; expected a .npy file's type, order and shape."
        ) from None
    if dtype.names is not None or dtype.hasobject:
        held = _KINDS["V" if dtype.names is not None else "O"]
        raise DataError(f"{what} holds {held}; expected plain numbers.")
    if min(shape, default=0) < 0 or math.prod(shape) * max(1, dtype.itemsize) > 2**62:
        raise DataError(f"{what} has a damaged header; expected a shape that there can be.")
    return Array(key, what, dtype, shape, fortran and len(shape) > 1, file.tell(), open, packing)
