"""Rows of images, wherever they lie: those of a memory map are read from its file.

Looking at rows of a map leaves their pages, and others around them, in this process: going through a store
that is larger than memory would fill it. Reading leaves nothing, lets other threads run while the disk works,
and a disk that fails is an error instead of the end of the process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path
from typing import IO

import numpy as np

from latentlab.core.errors import DataError


class Gatherer:
    """Gathers rows of images (N, C, H, W), by one thread at a time. To be closed.

    from_file: whether they come from the file of a memory map. Where that was removed, which only systems
    allow that keep its content for as long as it is mapped, they come from the map.
    """

    def __init__(self, images: np.ndarray) -> None:
        self._images = images
        self._file, self._start = _open(images), getattr(images, "offset", 0)
        self._size = int(np.prod(images.shape[1:])) * images.itemsize

    @property
    def from_file(self) -> bool:
        return self._file is not None

    def read(self, which: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """A copy of the rows `which`, int64 (K,) -> (K, C, H, W), in `out` if given. DataError: the disk."""
        if out is None:
            out = np.empty((len(which), *self._images.shape[1:]), self._images.dtype)
        if self._file is None:
            out[...] = self._images[which]
            return out
        target = out.reshape(-1).view(np.uint8).data
        try:
            for number, row in enumerate(which.tolist()):
                self._file.seek(self._start + row * self._size)
                part = target[number * self._size : (number + 1) * self._size]
                if self._file.readinto(part) != self._size:  # type: ignore[attr-defined]
                    raise OSError(None, "it ends too early")
        except OSError as error:
            raise DataError(f"Cannot read images from {self._file.name}: {error.strerror}.") from None
        return out

    def expect(self, which: np.ndarray) -> None:
        """`read` will soon be asked for these: the system may fetch them from the disk meanwhile."""
        if self._file is not None and hasattr(os, "posix_fadvise"):
            file = self._file.fileno()
            for row in which.tolist():
                os.posix_fadvise(file, self._start + row * self._size, self._size, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def gather(images: np.ndarray, which: np.ndarray) -> np.ndarray:
    """A copy of the rows `which` (int64) of images (N, C, H, W); see `Gatherer`."""
    with contextlib.closing(Gatherer(images)) as gatherer:
        gatherer.expect(which)
        return gatherer.read(which)


def _open(images: np.ndarray) -> IO[bytes] | None:
    """The file of an array that is the whole of a memory map; None for any other."""
    if not isinstance(images, np.memmap) or not isinstance(images.base, mmap.mmap):
        return None
    if images.filename is None or not images.flags.c_contiguous:
        return None
    try:
        return Path(images.filename).open("rb", buffering=0)
    except OSError:
        return None
