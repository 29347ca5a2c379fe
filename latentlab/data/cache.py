"""Prepared images on disk: the second opening of a dataset is at once, and it may be larger than memory.

A folder per dataset, named by a digest of what it was made from: ``images.u8`` (raw uint8, N·C·H·W bytes),
``arrays.npz`` and ``about.json``. It is written under another name and renamed when whole, so a process that
is killed leaves no half dataset under a name that is looked for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from latentlab.core import paths
from latentlab.data.dataset import Contents, Skipped

#: Changes when other pixels would come of the same files, or the files of the cache look different.
FORMAT = 1
#: All datasets together; those not used for longest go first.
MOST_BYTES = 20 * 2**30
_PARTIAL = ".partial-"


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """A dataset in the cache."""

    folder: Path
    shape: tuple[int, int, int, int]
    contents: Contents

    def images(self, in_memory: bool) -> np.ndarray:
        """uint8 (N, C, H, W): read into memory, or mapped, read-only."""
        file = self.folder / "images.u8"
        if in_memory:
            return np.fromfile(file, np.uint8).reshape(self.shape)
        return np.memmap(file, np.uint8, "r", shape=self.shape)


def key(**made_from: Any) -> str:
    """The name of what was made from these values (as JSON has them)."""
    import PIL

    text = json.dumps({"format": FORMAT, "pillow": PIL.__version__, **made_from}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def find(name: str) -> Entry | None:
    """The dataset of that name; None where there is none, or a damaged one, which is removed."""
    folder = paths.cache_dir() / "datasets" / name
    if not folder.is_dir():
        return None
    try:
        entry = _open(folder)
    except (OSError, ValueError, KeyError, TypeError):
        _remove(folder)
        return None
    with contextlib.suppress(OSError):  # a cache that may only be read
        os.utime(folder)
    return entry


def _open(folder: Path) -> Entry:
    about = json.loads((folder / "about.json").read_text("utf-8"))
    count, channels, height, width = about["shape"]
    if (folder / "images.u8").stat().st_size != count * channels * height * width:
        raise ValueError("the images are not whole")
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    contents = Contents(
        labels=held.get("labels"),
        label_names=tuple(about["label_names"]),
        factors={name: held[f"factor:{name}"] for name in about["factors"]},
        heldout=held.get("heldout"),
        skipped=tuple(Skipped(*entry) for entry in about["skipped"]),
        names=about["names"],
        places=held.get("places"),
        sizes={(width, height): n for width, height, n in about["sizes"]},
        mean=held.get("mean"),
        bytes_found=about["bytes_found"],
    )
    return Entry(folder, (count, channels, height, width), contents)


@contextlib.contextmanager
def writing() -> Iterator[Path]:
    """A new folder to write a dataset into; gone at the end, unless `commit` has renamed it."""
    parent = paths.cache_dir() / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    sweep()
    folder = parent / f"{_PARTIAL}{os.getpid()}-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        if folder.exists():
            _remove(folder)


def commit(folder: Path, name: str, shape: tuple[int, int, int, int], contents: Contents) -> Entry:
    """Write what is known of the images in ``images.u8`` beside them, and give the whole its name."""
    optional = {"labels": contents.labels, "heldout": contents.heldout, "mean": contents.mean}
    arrays = {k: v for k, v in (optional | {"places": contents.places}).items() if v is not None}
    arrays |= {f"factor:{factor}": values for factor, values in contents.factors.items()}
    with (folder / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        _sync(file)
    about: Mapping[str, Any] = {
        "shape": shape,
        "label_names": contents.label_names,
        "factors": list(contents.factors),
        "skipped": [(s.path, s.reason) for s in contents.skipped],
        "names": None if contents.names is None else list(contents.names),
        "sizes": [(width, height, n) for (width, height), n in contents.sizes.items()],
        "bytes_found": contents.bytes_found,
    }
    with (folder / "about.json").open("w", encoding="utf-8") as file:
        json.dump(about, file, ensure_ascii=False)
        _sync(file)
    target = folder.with_name(name)
    try:
        folder.rename(target)
    except OSError:  # another process was faster; what it wrote is the same
        if not target.is_dir():
            raise
    return _open(target)


def sweep() -> None:
    """Remove what killed processes left half written, and the oldest beyond `MOST_BYTES`."""
    parent = paths.cache_dir() / "datasets"
    whole = []
    for folder in parent.iterdir():
        if folder.name.startswith(_PARTIAL):
            pid = folder.name.removeprefix(_PARTIAL).split("-")[0]
            if not pid.isdigit() or not psutil.pid_exists(int(pid)):
                _remove(folder)
        else:
            with contextlib.suppress(OSError):
                whole.append((folder.stat().st_mtime, folder, _size(folder)))
    total = sum(size for _, _, size in whole)
    for _, folder, size in sorted(whole, key=lambda entry: entry[0]):
        if total <= MOST_BYTES:
            break
        _remove(folder)
        total -= size


def usage() -> tuple[int, int]:
    """(datasets in the cache, bytes they take)."""
    parent = paths.cache_dir() / "datasets"
    if not parent.is_dir():
        return 0, 0
    folders = [folder for folder in parent.iterdir() if not folder.name.startswith(_PARTIAL)]
    return len(folders), sum(_size(folder) for folder in folders)


def clear() -> None:
    """Remove every dataset of the cache. What was fetched stays."""
    parent = paths.cache_dir() / "datasets"
    for folder in parent.iterdir() if parent.is_dir() else ():
        _remove(folder)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # one that is mapped stays on Windows, and goes another time


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
