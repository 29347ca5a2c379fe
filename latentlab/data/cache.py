"""Prepared images on disk: the second opening of a dataset is at once, and it may be larger than memory.

A folder per dataset, named by a digest of what it was made from: ``images.u8`` (raw uint8, N·C·H·W bytes),
``arrays.npz`` and ``about.json``. It is written under another name and renamed when whole, so a process that
is killed leaves no half dataset under a name that is looked for; removing renames it back first. Nothing of
it is trusted: what is damaged is removed, and made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import mmap
import os
import platform
import shutil
import time
import uuid
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core import paths
from latentlab.data.dataset import MAX_SIZE, MIN_SIZE, Contents, Skipped
from latentlab.data.report import Report

#: Changes when other pixels would come of the same files, or the files of the cache look different.
FORMAT = 1
#: All datasets together; those not used for longest go first.
MOST_BYTES = 20 * 2**30
#: Bytes that stay free on the disk.
SPARE = 2**30
#: Bytes that are read or written between two looks at whether to go on.
BLOCK = 2**26
#: Seconds without a write after which half a dataset is nobody's, whatever process has its number now.
ABANDONED = 24 * 3600
IMAGES = "images.u8"
_PARTIAL = ".partial-"

# The maps that are in use in this process, by the folder's name: views of an array keep its map alive.
_mapped: weakref.WeakValueDictionary[str, mmap.mmap] = weakref.WeakValueDictionary()


@dataclass(frozen=True, eq=False)
class Entry:
    """A dataset in the cache. Reading raises OSError or ValueError where it has gone in the meantime."""

    folder: Path
    shape: tuple[int, int, int, int]
    contents: Contents

    @property
    def nbytes(self) -> int:
        """Bytes of its images."""
        return int(np.prod(self.shape, dtype=np.int64))

    def map(self) -> np.memmap[Any, np.dtype[np.uint8]]:
        """uint8 (N, C, H, W), read-only, read where it is looked at."""
        images = np.memmap(self.folder / IMAGES, np.uint8, "r", shape=self.shape)
        _mapped[self.folder.name] = images.base  # type: ignore[assignment]
        return images

    def read_into(self, images: np.ndarray, report: Report) -> None:
        """Fill a C-contiguous uint8 array of `shape`."""
        target = images.reshape(-1).data
        with (self.folder / IMAGES).open("rb", buffering=0) as file:
            done = 0
            while done < len(target):
                report(done, len(target))
                count = file.readinto(target[done : done + BLOCK])
                if not count:
                    raise ValueError("the images are not whole")
                done += count


def key(**made_from: Any) -> str:
    """The name of what was made from these values (as JSON has them)."""
    import PIL

    text = json.dumps({"format": FORMAT, "pillow": PIL.__version__, **made_from}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def find(name: str) -> Entry | None:
    """The dataset of that name; None where there is none, or a damaged one, which is removed."""
    folder = _datasets() / name
    if not os.path.lexists(folder):
        return None
    try:
        entry = _open(folder)
    except (FileNotFoundError, NotADirectoryError):
        _remove(folder)
        return None
    except (OSError, MemoryError):  # too many open files, a drive that has gone: it may be whole
        return None
    except Exception:  # a damaged archive makes its readers raise almost anything
        _remove(folder)
        return None
    with contextlib.suppress(OSError):  # a cache that may only be read
        os.utime(folder)
    return entry


def remove(name: str) -> None:
    """Forget the dataset of that name."""
    _remove(_datasets() / name)


@contextlib.contextmanager
def writing(size: int) -> Iterator[Path]:
    """A new folder to write a dataset of so many bytes into; gone at the end, unless `commit` renamed it.

    OSError where there can be none, or not with that much in it.
    """
    parent = _datasets()
    parent.mkdir(parents=True, exist_ok=True)
    make_room(size)
    folder = _partial(parent)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit(folder: Path, name: str, shape: tuple[int, int, int, int], contents: Contents) -> Entry:
    """Write what is known of the images in `IMAGES` beside them, and give the whole its name. OSError."""
    known = {
        "labels": (contents.labels, np.int64),
        "heldout": (contents.heldout, np.int64),
        "places": (contents.places, np.int64),
        "mean": (contents.mean, np.float32),
    } | {f"factor:{factor}": (values, np.float32) for factor, values in contents.factors.items()}
    arrays = {key: np.asarray(values, kind) for key, (values, kind) in known.items() if values is not None}
    with (folder / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        sync(file)
    about: Mapping[str, Any] = {
        "shape": [int(side) for side in shape],
        "label_names": list(contents.label_names),
        "factors": list(contents.factors),
        "skipped": [(s.path, s.reason) for s in contents.skipped],
        "names": None if contents.names is None else list(contents.names),
        "sizes": [(int(width), int(height), int(n)) for (width, height), n in contents.sizes.items()],
        "bytes_found": int(contents.bytes_found),
    }
    with (folder / "about.json").open("w", encoding="ascii") as text:
        text.write(json.dumps(about))  # escaped: a name need not be text that UTF-8 can hold
        sync(text)
    target = folder.with_name(name)
    try:
        folder.rename(target)
    except OSError:
        # Another process was faster, and what it wrote is the same; or something damaged lies there.
        entry = find(name)
        if entry is not None:
            return entry
        _remove(target)
        folder.rename(target)
    return _open(target)


def sync(file: Any) -> None:
    """What was written to `file` is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def make_room(size: int) -> None:
    """Remove what killed processes left half written, and the datasets longest not used, for `size` bytes.

    What this process has mapped stays. OSError where there is too little room on the disk even so.
    """
    _sweep()
    whole = []
    for folder in _whole():
        with contextlib.suppress(OSError):  # another process removes it just now
            if folder.name not in _mapped:
                whole.append((folder.lstat().st_mtime, folder, _size(folder)))
    total, free = usage()[1], shutil.disk_usage(_datasets()).free
    removable = sum(held for _, _, held in whole)
    if free + removable < size + SPARE:
        raise OSError(errno.ENOSPC, f"{(free + removable) / 2**30:.1f} GiB are free on its disk")
    for _, folder, held in sorted(whole, key=lambda entry: entry[0]):
        if total + size <= MOST_BYTES and free >= size + SPARE:
            break
        if _remove(folder):
            total, free = total - held, free + held


def usage() -> tuple[int, int]:
    """(datasets in the cache, bytes they take)."""
    folders = _whole()
    return len(folders), sum(map(_size, folders))


def clear() -> None:
    """Remove every dataset of the cache, but those that are in use here or half written by a living process.

    What was fetched stays.
    """
    _sweep()
    for folder in _whole():
        if folder.name not in _mapped:
            _remove(folder)


def _datasets() -> Path:
    return paths.cache_dir() / "datasets"


def _whole() -> list[Path]:
    return [folder for folder in _folders() if not folder.name.startswith(_PARTIAL)]


def _folders() -> list[Path]:
    try:
        return [entry for entry in _datasets().iterdir() if entry.is_dir()]
    except OSError:  # none yet, or it may not be listed
        return []


def _sweep() -> None:
    """Remove what killed processes left half written."""
    for folder in _folders():
        with contextlib.suppress(OSError):  # another process removes it just now
            if folder.name.startswith(_PARTIAL) and _is_left_over(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _open(folder: Path) -> Entry:
    """Whatever is wrong raises: mostly OSError, ValueError, KeyError, TypeError or BadZipFile."""
    if folder.is_symlink() or any(file.is_symlink() or not file.is_file() for file in folder.iterdir()):
        raise ValueError("expected a folder of files")
    about = json.loads((folder / "about.json").read_text("ascii"))
    count, channels, height, width = shape = tuple(about["shape"])
    if not all(type(side) is int for side in shape) or count < 1 or channels not in (1, 3, 4):
        raise ValueError("no such shape")
    if not all(MIN_SIZE <= side <= MAX_SIZE for side in (height, width)):
        raise ValueError("no such size")
    if (folder / IMAGES).stat().st_size != count * channels * height * width:
        raise ValueError("the images are not whole")
    with (folder / "arrays.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    contents = Contents(
        labels=_checked(held.get("labels"), np.int64, (count,), len(about["label_names"])),
        label_names=_texts(about["label_names"]),
        factors={name: _checked(held[f"factor:{name}"], np.float32, (count,)) for name in about["factors"]},
        heldout=_checked(held.get("heldout"), np.int64, None, count),
        skipped=tuple(Skipped(*_texts(entry)) for entry in about["skipped"]),
        names=None if about["names"] is None else _texts(about["names"], count),
        places=_checked(held.get("places"), np.int64, (count,)),
        sizes={(int(width), int(height)): int(n) for width, height, n in about["sizes"]},
        mean=_checked(held.get("mean"), np.float32, (channels, height, width)),
        bytes_found=int(about["bytes_found"]),
    )
    return Entry(folder, (count, channels, height, width), contents)


def _checked(array: Any, dtype: type, shape: tuple[int, ...] | None, below: int | None = None) -> Any:
    """`array` if it is None, or what was expected: numbers from 0 to `below`, where that is given."""
    if array is None:
        return None
    if array.dtype != dtype or array.shape != (shape or (array.size,)):
        raise ValueError(f"an array of {array.dtype} {array.shape}")
    if below is not None and array.size and not (array.min() >= 0 and array.max() < below):
        raise ValueError("an index out of range")
    return array


def _texts(values: Any, count: int | None = None) -> tuple[str, ...]:
    if not isinstance(values, list) or set(map(type, values)) - {str}:
        raise ValueError("expected texts")
    if count is not None and len(values) != count:
        raise ValueError("expected a name for each image")
    return tuple(values)


def _partial(parent: Path) -> Path:
    """A name for what is half there, which says whose it is."""
    return parent / f"{_PARTIAL}{_host()}-{os.getpid()}-{uuid.uuid4().hex}"


def _host() -> str:
    """Eight hex digits: processes that have the same can see each other by their numbers."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name  # containers have numbers of their own
    except OSError:
        space = ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _is_left_over(folder: Path) -> bool:
    """Whether nobody writes into a half dataset any more: another host's, and one whose process's number was
    given again, are known by their age. OSError."""
    import psutil

    host, _, pid = folder.name.removeprefix(_PARTIAL).rpartition("-")[0].partition("-")
    if host == _host() and pid.isdigit() and not psutil.pid_exists(int(pid)):
        return True
    newest = max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))
    return time.time() - newest > ABANDONED


def _size(folder: Path) -> int:
    try:
        return sum(file.lstat().st_size for file in folder.iterdir()) if not folder.is_symlink() else 0
    except OSError:  # a file, or just removed
        return 0


def _remove(folder: Path) -> bool:
    """Whether a dataset has gone: whole or not at all. Windows does not let go what is mapped."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink()
            return True
        going = folder.rename(_partial(folder.parent))
    except OSError:
        return False
    shutil.rmtree(going, ignore_errors=True)
    return True
