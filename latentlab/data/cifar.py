"""CIFAR-10 and CIFAR-100 in their binary versions: a folder, the archive as it was fetched, or one file."""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import Report, Source, SourceConfig, no_report, register
from latentlab.data.originals import Chunk, Listing
from latentlab.data.preparation import Preparation
from latentlab.data.report import Part
from latentlab.data.rows import (
    BLOCK,
    RowOriginals,
    RowReader,
    Rows,
    at_once,
    explained,
    stamp_of,
    unpacked,
)

SIDE, PIXELS = 32, 3 * 32 * 32
#: An archive of some megabytes can unfold to any size; CIFAR's take 184 MB, and more than this is refused.
MAX_BYTES = 2**29
_MAX_NAMES = 2**16
_ARCHIVE = re.compile(r"cifar-?100?-(binary|python).*\.(tar|tar\.gz|tgz)", re.IGNORECASE)
_FOLDERS = ("cifar-10-batches-bin", "cifar-100-binary")
_PYTHONS = ("cifar-10-batches-py", "cifar-100-python")


@dataclass(frozen=True)
class _Kind:
    """One of the two datasets: its files in order, those to train on and those to test with.

    labels: the largest each label byte of a record may be; the last of them is the image's class.
    names: the file that says what they mean. known: what they are called without it.
    """

    title: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: tuple[int, ...]
    names: str
    known: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return self.train + self.test

    @property
    def record(self) -> int:
        """Bytes of an image with its labels."""
        return len(self.labels) + PIXELS


CIFAR_10 = _Kind(
    "CIFAR-10",
    tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    ("test_batch.bin",),
    (9,),
    "batches.meta.txt",
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)
CIFAR_100 = _Kind(
    "CIFAR-100",
    ("train.bin",),
    ("test.bin",),
    (19, 99),
    "fine_label_names.txt",
    tuple(str(i) for i in range(100)),
)
_KINDS = (CIFAR_10, CIFAR_100)


class CifarConfig(SourceConfig):
    path: str = setting(
        "",
        "Path",
        "A folder with CIFAR's .bin files, one of them, or cifar-10-binary.tar.gz as it was fetched.",
    )


@register("cifar-binary")
class Cifar(Source):
    """CIFAR-10 and CIFAR-100, binary version (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny
    Images", 2009; www.cs.toronto.edu/~kriz/cifar.html).

    A record is one label byte (CIFAR-100: coarse and fine) and 3072 bytes of 32×32 pixels, red, green, blue.
    `path` is a folder with ``data_batch_1.bin`` .. ``data_batch_5.bin`` and ``test_batch.bin`` (any of them;
    CIFAR-100: ``train.bin``, ``test.bin``), the folder around it, an archive of it, plain or gzipped, read
    without unpacking it to disk, or one file of records. Training batches come first; the test batch is
    `heldout` where there are both. Names of labels are those of ``batches.meta.txt``, else the known ones.
    CIFAR-100's fine labels are `labels`, its coarse ones the factor ``coarse``.

    Raises DataError for whatever is cut short or no such record, and for the pickled Python version.
    """

    Config = CifarConfig
    title = "CIFAR binary"
    about = "CIFAR-10 or CIFAR-100: the folder of .bin files, one of them, or the .tar.gz as it was fetched."
    needs_path = True
    patterns = ("*.bin", "cifar-*.tar.gz", "cifar-*.tar")

    @classmethod
    def accepts(cls, path: Path) -> bool:
        try:
            if path.is_dir():
                return _binary_folder(path) is not None or _python_folder(path)
            if not path.is_file():
                return False
            return is_cifar_archive(path.name) or _kind_of_file(path) is not None
        except OSError:
            return False

    @classmethod
    def open(cls, config: Any, report: Report) -> CifarOriginals:
        originals = CifarOriginals(Path(config.path).expanduser().absolute())
        originals.costly |= bool(config.size)
        return originals


class CifarOriginals(RowOriginals):
    """The records of a folder, of an archive or of a file; see `Cifar`. An archive is read when it is first
    listed, and let go when its images were handed out."""

    shape = (3, SIDE, SIDE)

    def __init__(self, path: Path) -> None:
        self.name, self._path = re.sub(r"\.(tar|tar\.gz|tgz)$", "", path.name, flags=re.IGNORECASE), path
        self._found: _Found | None = None
        self._listing: Listing | None = None
        files = [path]
        with explained(str(path)):
            if path.is_dir():
                self._found, files = _open_folder(path)
            elif not path.is_file():
                raise DataError(f"There is no file or folder {path}.")
            elif kind := _kind_of_file(path):
                names = _names_in(path.with_name(kind.names), kind)
                self._found = _Found(kind, (_whole(kind, path),), (), names)
            elif "python" in path.name.lower() and is_cifar_archive(path.name):
                raise _python(path)
        self.costly = self._is_archive = self._found is None
        self.stamp, self._bytes = stamp_of(files)

    def listing(self, report: Report) -> Listing:
        if self._listing is None:
            found = self._find(Part(report, 0, 0.5))
            labels = self._labels(found, Part(report, 0.5, 1))
            count, tested = len(labels), sum(rows.count for rows in found.test)
            heldout = np.arange(count - tested, count) if 0 < tested < count else None
            factors = {"coarse": labels[:, 0].astype(np.float32)} if found.kind is CIFAR_100 else {}
            self._listing = Listing(
                count,
                labels=labels[:, -1].astype(np.int64),
                label_names=found.names,
                factors=factors,
                heldout=heldout,
                bytes_found=self._bytes,
            )
        return self._listing

    def parts(self) -> list[Rows]:
        found = self._find(no_report)
        return [*found.train, *found.test]

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        try:
            yield from super().chunks(chosen, preparation, report)
        finally:
            if self._is_archive:
                self._found = None

    def pixels(self, part: int, raw: np.ndarray) -> np.ndarray:
        return raw[:, -PIXELS:].reshape(len(raw), *self.shape)

    def _find(self, report: Report) -> _Found:
        if self._found is None:
            self._found = _open_archive(self._path, report)
        return self._found

    def _labels(self, found: _Found, report: Report) -> np.ndarray:
        """uint8 (N, 1 or 2): the label bytes of every record."""
        kind, parts, done = found.kind, self.parts(), 0
        total, most = sum(rows.count for rows in parts), np.array(kind.labels, np.uint8)
        labels = np.empty((total, len(kind.labels)), np.uint8)
        step = at_once(kind.record)

        def look() -> None:
            report(done, total)

        for rows in parts:
            with contextlib.closing(RowReader(rows)) as reader:
                for start in range(0, rows.count, step):
                    places = np.arange(start, min(start + step, rows.count))
                    here = labels[done : done + len(places)]
                    here[:] = reader.read(places, look)[:, :-PIXELS]
                    wrong = np.argwhere(here > most)
                    if len(wrong):
                        row, byte = wrong[0].tolist()
                        raise DataError(
                            f"{rows.what} is no {kind.title} file: record {start + row:,} has the label "
                            f"{here[row, byte]}; expected 0 to {most[byte]}."
                        )
                    done += len(places)
        return labels


@dataclass(frozen=True)
class _Found:
    """What lies in a folder, an archive or a file."""

    kind: _Kind
    train: tuple[Rows, ...]
    test: tuple[Rows, ...]
    names: tuple[str, ...]


def is_cifar_archive(name: str) -> bool:
    """Whether a file is called as CIFAR's archives are: ``cifar-10-binary.tar.gz``."""
    return _ARCHIVE.fullmatch(name) is not None


def _binary_folder(path: Path) -> tuple[_Kind, Path] | None:
    """The kind that lies in a folder, or in the folder of the archive's name in it."""
    for folder in (path, *(path / name for name in _FOLDERS)):
        for kind in _KINDS:
            if any((folder / name).is_file() for name in kind.files):
                return kind, folder
    return None


def _python_folder(path: Path) -> bool:
    return any(
        (folder / "data_batch_1").is_file() and (folder / "batches.meta").is_file()
        for folder in (path, *(path / name for name in _PYTHONS))
    )


def _kind_of_file(path: Path) -> _Kind | None:
    """What one file is by its name, or by its size and first labels; None where it is neither."""
    for kind in _KINDS:
        if path.name in kind.files:
            return kind
    if path.suffix.lower() != ".bin":
        return None
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(2)
    for kind in _KINDS:
        labels = start[: len(kind.labels)]
        if size and size % kind.record == 0 and all(x <= y for x, y in zip(labels, kind.labels, strict=True)):
            return kind
    return None


def _open_folder(path: Path) -> tuple[_Found, list[Path]]:
    """What lies in a folder, and its files."""
    place = _binary_folder(path)
    if place is None:
        if _python_folder(path):
            raise _python(path)
        raise DataError(f"{path} holds none of CIFAR's files; expected {CIFAR_10.train[0]} or train.bin.")
    kind, folder = place
    files = [folder / name for name in kind.files if (folder / name).is_file()]
    parts = {file.name: _whole(kind, file) for file in files}
    names = _names_in(folder / kind.names, kind)
    return _found(kind, parts, names), files


def _whole(kind: _Kind, path: Path) -> Rows:
    """The records of a file that is not packed."""
    return _rows(kind, str(path), path.stat().st_size, lambda: path.open("rb"))


def _rows(kind: _Kind, what: str, size: int, open: Callable[[], IO[bytes]]) -> Rows:
    count, rest = divmod(size, kind.record)
    if rest or not count:
        raise DataError(
            f"{what} is cut short or no {kind.title} file: expected records of {kind.record:,} bytes, "
            f"found {size:,} bytes."
        )
    return Rows(what, f"{count:,} records of {kind.record:,} bytes", open, 0, kind.record, count)


def _found(kind: _Kind, parts: dict[str, Rows], names: tuple[str, ...]) -> _Found:
    train, test = (tuple(parts[name] for name in files if name in parts) for files in (kind.train, kind.test))
    return _Found(kind, train, test, names)


def _names_in(file: Path, kind: _Kind) -> tuple[str, ...]:
    try:
        with file.open("rb") as opened:
            return _names(opened.read(_MAX_NAMES), kind)
    except OSError:
        return kind.known


def _names(text: bytes, kind: _Kind) -> tuple[str, ...]:
    """The lines of a file of names; the known ones where it has too few."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
    names = tuple(line for line in lines if line)[: len(kind.known)]
    return names if len(set(names)) == len(kind.known) else kind.known


def _python(path: Path) -> DataError:
    return DataError(
        f"{path} is CIFAR's Python version, pickled data that can run programs and is never loaded; "
        "get the binary version (cifar-10-binary.tar.gz)."
    )


class _Watched:
    """A stream that says how far it is read, and is read so far and no further."""

    def __init__(self, file: IO[bytes], path: Path, report: Report) -> None:
        self._file, self._path, self._report, self._read = file, path, report, 0
        self._expected = 6 * 10_000 * CIFAR_10.record

    def read(self, size: int) -> bytes:
        self._report(self._read, max(self._read, self._expected))
        block = self._file.read(size)
        self._read += len(block)
        if self._read > MAX_BYTES:
            raise DataError(
                f"{self._path} unfolds to more than {MAX_BYTES // 2**20} MiB; expected CIFAR's 184 MB."
            )
        return block


def _open_archive(path: Path, report: Report) -> _Found:
    """The members of an archive that are called like CIFAR's files, in whatever folder, in memory.

    They lie in it in another order than that of the images: read as they come, it is unpacked only once.
    """
    wanted = {name: kind for kind in _KINDS for name in (*kind.files, kind.names)}
    members: dict[str, bytes] = {}
    with explained(str(path)), unpacked(path) as file:
        watched: Any = _Watched(file, path, report)
        try:
            with tarfile.open(fileobj=watched, mode="r|", bufsize=BLOCK) as archive:
                for member in archive:
                    name = PurePosixPath(member.name).name
                    # What a sparse file would unfold to is not bounded by what is read.
                    plain = member.isreg() and not member.issparse()
                    opened = archive.extractfile(member) if plain and name in wanted else None
                    if opened and name not in members:
                        members[name] = opened.read()
        except tarfile.TarError as error:
            raise DataError(f"{path} is a damaged tar archive: {error}.") from None
    kind = next((wanted[name] for name in members if name.endswith(".bin")), None)
    if kind is None:
        raise DataError(f"{path} holds none of CIFAR's files; expected {CIFAR_10.train[0]} or train.bin.")
    parts = {
        name: _rows(kind, f"{name} of {path}", len(members[name]), partial(io.BytesIO, members[name]))
        for name in kind.files
        if name in members
    }
    return _found(kind, parts, _names(members.get(kind.names, b""), kind))
