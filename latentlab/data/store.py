"""Where prepared images are gathered: in memory, or in the cache, which may hold more than memory."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from latentlab.core import paths, settings
from latentlab.core.errors import DataError
from latentlab.data import cache
from latentlab.data.dataset import Contents
from latentlab.data.report import Report, say

#: What a container may use of the machine's memory (Linux, cgroups version 2 and 1).
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

#: Words of reasons to skip a file that are none of its own: a drive that has gone, too many open files.
_PASSING = ("cannot be opened: ", "cannot be read: ", "cannot be listed: ", "does not fit into memory")


def budget() -> int:
    """Bytes of images that a dataset may hold in memory: what the settings say, else a quarter of all."""
    import psutil

    chosen = settings.load()[0].dataset_memory
    if chosen:
        return round(chosen * 2**30)
    found = psutil.virtual_memory().total
    for limit in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # there is none, or it says "max"
            found = min(found, int(Path(limit).read_text()))
    return found // 4


def kept(name: str, report: Report) -> tuple[np.ndarray, Contents] | None:
    """What the cache has of that name: uint8 (N, C, H, W), in memory or mapped, and what is known of them.

    None, too, where files were skipped that may be readable by now.
    """
    entry = cache.find(name)
    if entry is None:
        return None
    if any(_may_pass(skipped.reason) for skipped in entry.contents.skipped):
        cache.remove(name)
        return None
    try:
        return _images(entry, report), entry.contents
    except (OSError, ValueError):  # another process has just removed it
        return None


class Writer(Protocol):
    """Takes prepared images, uint8 (K, C, H, W), and gives them back as one array; DataError."""

    def append(self, images: np.ndarray) -> None:
        """Some more."""

    def rows(self, which: np.ndarray) -> np.ndarray:
        """Those of the images so far: uint8 (K, C, H, W)."""

    def finish(self, contents: Contents, rows: np.ndarray | None, grey: bool, report: Report) -> np.ndarray:
        """uint8 (N, C, H, W), in memory or mapped: `rows` of them (ascending; None: all), the first channel
        only if `grey`. `contents` is what is known of those."""


class MemoryWriter:
    """Gathers in memory; `name` is what it is kept as in the cache in the end, None where it is not."""

    def __init__(self, shape: tuple[int, int, int], expected: int, name: str | None) -> None:
        # Memory that nothing is written to is not taken: files that cannot be read cost none.
        self._images, self._count, self._name = allocate(expected, *shape), 0, name

    def append(self, images: np.ndarray) -> None:
        self._images[self._count : self._count + len(images)] = images
        self._count += len(images)

    def rows(self, which: np.ndarray) -> np.ndarray:
        return self._images[which]

    def finish(self, contents: Contents, rows: np.ndarray | None, grey: bool, report: Report) -> np.ndarray:
        images = self._images
        count = self._count if rows is None else len(rows)
        if rows is not None:
            for part in _parts(count, images[0].nbytes):  # moved down one block at a time, to need no second
                images[part] = images[rows[part]]
        images = images[:count]
        if grey or 2 * count < len(self._images):
            images = images[:, : 1 if grey else None].copy()
        if self._name is not None:
            self._keep(self._name, images, contents, report)
        return images

    def _keep(self, name: str, images: np.ndarray, contents: Contents, report: Report) -> None:
        say(report, "Keeping them for the next time")
        # No cache is no reason not to train.
        with contextlib.suppress(OSError), cache.writing(images.nbytes) as folder:
            count, channels, height, width = images.shape
            with _ImageFile(folder, (channels, height, width)) as file:
                for part in _parts(count, images[0].nbytes):
                    report(part.start, count)
                    file.append(images[part])
                file.sync()
            cache.commit(folder, name, (count, channels, height, width), contents)


class CacheWriter:
    """Gathers in a file of the cache."""

    def __init__(self, folder: Path, name: str, file: _ImageFile) -> None:
        self._folder, self._name, self._file = folder, name, file

    def append(self, images: np.ndarray) -> None:
        with _told(self._file):
            self._file.append(images)

    def rows(self, which: np.ndarray) -> np.ndarray:
        with _told(self._file):
            return self._file.rows(which)

    def finish(self, contents: Contents, rows: np.ndarray | None, grey: bool, report: Report) -> np.ndarray:
        with _told(self._file):
            if rows is not None or grey:
                self._file.reduce(rows, 1 if grey else self._file.shape[0], report)
            self._file.sync()
            self._file.close()
            entry = cache.commit(self._folder, self._name, (self._file.count, *self._file.shape), contents)
            return _images(entry, report)


class _ImageFile:
    """The file of a dataset's images while it is written: uint8 (count, *shape). OSError.

    It is read and written, never mapped: so a full disk is an error, and not the end of the process.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int]) -> None:
        self.shape, self.count = shape, 0
        self._size = int(np.prod(shape))
        self._waiting = 0
        self._file: BinaryIO = (folder / cache.IMAGES).open("w+b")

    def __enter__(self) -> _ImageFile:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # it has been told of, or nobody needs what is still to be written
            self.close()

    def close(self) -> None:
        self._file.close()

    def append(self, images: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(images).data)
        self.count += len(images)
        # Little by little, or the last of it takes long, and nobody can end it.
        self._waiting += images.nbytes
        if self._waiting >= cache.BLOCK:
            self.sync()

    def sync(self) -> None:
        cache.sync(self._file)
        self._waiting = 0

    def rows(self, which: np.ndarray) -> np.ndarray:
        images = np.empty((len(which), *self.shape), np.uint8)
        for image, row in zip(images, which.tolist(), strict=True):
            self._file.seek(row * self._size)
            self._fill(image)
        self._file.seek(0, 2)
        return images

    def reduce(self, rows: np.ndarray | None, channels: int, report: Report) -> None:
        """Leave only some rows, and the first channels; in place, since they only move down."""
        stays = np.ones(self.count, bool) if rows is None else np.isin(np.arange(self.count), rows)
        written = 0
        for part in _parts(self.count, self._size):
            report(part.start, self.count)
            images = np.empty((part.stop - part.start, *self.shape), np.uint8)
            self._file.seek(part.start * self._size)
            self._fill(images)
            self._file.seek(written)
            written += self._file.write(np.ascontiguousarray(images[stays[part], :channels]).data)
        self._file.truncate(written)
        self._file.seek(0, 2)
        self.shape, self.count = (channels, self.shape[1], self.shape[2]), int(stays.sum())
        self._size = int(np.prod(self.shape))

    def _fill(self, images: np.ndarray) -> None:
        if self._file.readinto(images.data) < images.nbytes:  # type: ignore[attr-defined]
            raise OSError("what was written to it is gone")


@contextlib.contextmanager
def writer(name: str, shape: tuple[int, int, int], expected: int, costly: bool) -> Iterator[Writer]:
    """Where `expected` images of `shape` (C, H, W) go, to be found as `name` in the cache if they go there.

    Into the cache go `costly` ones, and those beyond the memory's budget. DataError where there is no room.
    """
    needed = expected * int(np.prod(shape, dtype=np.int64))
    if needed <= budget():
        yield MemoryWriter(shape, expected, name if costly else None)
        return
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(cache.writing(needed))
            file = stack.enter_context(_ImageFile(folder, shape))
        except OSError as error:
            raise DataError(
                f"{expected:,} images of {shape[2]}×{shape[1]} with {shape[0]} channels take "
                f"{needed / 2**30:.1f} GiB, more than a dataset may have of the memory, and the cache "
                f"{paths.cache_dir()} cannot take them ({_reason(error)}): set a limit or a smaller size."
            ) from None
        yield CacheWriter(folder, name, file)


def allocate(count: int, channels: int, height: int, width: int) -> np.ndarray:
    """An unfilled uint8 (count, channels, height, width); DataError where it does not fit into memory."""
    try:
        return np.empty((count, channels, height, width), np.uint8)
    except MemoryError:
        size = count * channels * height * width / 2**30
        raise DataError(
            f"{count:,} images of {width}×{height} with {channels} channels need {size:.1f} GiB of memory; "
            "set a limit or a smaller size."
        ) from None


def _may_pass(reason: str) -> bool:
    """Whether another try may go well; of permissions that change a source's stamp tells."""
    return any(words in reason for words in _PASSING) and not reason.endswith(os.strerror(errno.EACCES))


def _images(entry: cache.Entry, report: Report) -> np.ndarray:
    """In memory where they fit its budget, else mapped."""
    if entry.nbytes > budget():
        return entry.map()
    images = allocate(*entry.shape)
    entry.read_into(images, report)
    return images


def _parts(count: int, size: int) -> Iterator[slice]:
    """`count` things of `size` bytes, a block at a time."""
    step = max(1, cache.BLOCK // 4 // size)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


@contextlib.contextmanager
def _told(file: _ImageFile) -> Iterator[None]:
    """What the disk says against it, as a DataError."""
    try:
        yield
    except OSError as error:
        written = file.count * int(np.prod(file.shape, dtype=np.int64)) / 2**30
        raise DataError(
            f"The cache {paths.cache_dir()} took {written:.1f} GiB of images and no more ({_reason(error)}): "
            "make room on its disk, or set a limit or a smaller size."
        ) from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
