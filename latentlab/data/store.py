"""Where prepared images are gathered: in memory, or in the cache, which may hold more than memory."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import psutil

from latentlab.core import paths, settings
from latentlab.core.errors import DataError
from latentlab.data import cache
from latentlab.data.dataset import Contents
from latentlab.data.images import CHUNK

#: Bytes that stay free on the disk of the cache.
SPARE = 2**30


def budget() -> int:
    """Bytes of images that a dataset may hold in memory: what the settings say, else a quarter of all."""
    chosen = settings.load()[0].dataset_memory
    return round(chosen * 2**30) if chosen else psutil.virtual_memory().total // 4


class Writer(Protocol):
    """Takes prepared images, uint8 (K, C, H, W), and gives them back as one array."""

    def append(self, images: np.ndarray) -> None:
        """Some more."""

    def finish(self, contents: Contents, kept: np.ndarray | None = None, grey: bool = False) -> np.ndarray:
        """uint8 (N, C, H, W), in memory or mapped: the rows `kept` (ascending; None: all), the first channel
        only if `grey`. `contents` is what is known of those."""


class MemoryWriter:
    """Gathers in memory."""

    def __init__(self, shape: tuple[int, int, int], expected: int) -> None:
        self._images, self._count = allocate(expected, *shape), 0

    def append(self, images: np.ndarray) -> None:
        self._images[self._count : self._count + len(images)] = images
        self._count += len(images)

    def finish(self, contents: Contents, kept: np.ndarray | None = None, grey: bool = False) -> np.ndarray:
        images = self._images[: self._count]
        if kept is not None:
            images = images[kept]
        return np.ascontiguousarray(images[:, :1] if grey else images)


class CacheWriter:
    """Gathers in a file of the cache; OSError where the disk does not take it."""

    def __init__(self, folder: Path, name: str, shape: tuple[int, int, int], file: IO[bytes]) -> None:
        self._folder, self._name, self._shape, self._file, self._count = folder, name, shape, file, 0

    def append(self, images: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(images).data)
        self._count += len(images)

    def finish(self, contents: Contents, kept: np.ndarray | None = None, grey: bool = False) -> np.ndarray:
        self._close()
        shape, count = self._shape, self._count
        if (kept is not None and len(kept) < count) or grey:
            rows = np.arange(count) if kept is None else kept
            self._rewrite(rows, 1 if grey else shape[0])
            shape, count = (1 if grey else shape[0], *shape[1:]), len(rows)
        entry = cache.commit(self._folder, self._name, (count, *shape), contents)
        return entry.images(in_memory=count * int(np.prod(shape)) <= budget())

    def _rewrite(self, rows: np.ndarray, channels: int) -> None:
        """Leave only some rows, or some channels."""
        old = self._folder / "images.u8"
        images = np.memmap(old, np.uint8, "r", shape=(self._count, *self._shape))
        with (self._folder / "less.u8").open("wb") as file:
            for start in range(0, len(rows), CHUNK):
                part = images[rows[start : start + CHUNK], :channels]
                file.write(np.ascontiguousarray(part).data)
            os.fsync(file.fileno())
        del images
        (self._folder / "less.u8").replace(old)

    def _close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


@contextlib.contextmanager
def writer(name: str, shape: tuple[int, int, int], expected: int, costly: bool) -> Iterator[Writer]:
    """Where `expected` images of `shape` (C, H, W) go, to be found as `name` in the cache if they go there.

    Into the cache go `costly` ones, and those beyond the memory's budget. DataError where there is no room.
    """
    needed = expected * int(np.prod(shape))
    fits = needed <= budget()
    if not costly and fits:
        yield MemoryWriter(shape, expected)
        return
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(cache.writing())
            free = shutil.disk_usage(folder).free
            if free < needed + SPARE:
                raise OSError(28, f"{free / 2**30:.1f} GiB are free")
            file = stack.enter_context((folder / "images.u8").open("wb"))
        except OSError as error:
            if fits:  # no cache is no reason not to train
                yield MemoryWriter(shape, expected)
                return
            raise DataError(
                f"{expected:,} images of {shape[2]}×{shape[1]} with {shape[0]} channels take "
                f"{needed / 2**30:.1f} GiB, more than a dataset may have of the memory, and the cache "
                f"{paths.cache_dir()} cannot take them ({error.strerror}): set a limit or a smaller size."
            ) from None
        yield CacheWriter(folder, name, shape, file)


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
