"""Latents as files: NPZ, as numpy writes it, or JSON; read without ever running what they hold."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from latentlab.core.errors import ConfigError, LatentlabError, RunError
from latentlab.core.files import atomic_path
from latentlab.latent import bookmarks

#: More numbers than this are no latents: 100,000 of the longest.
MOST_NUMBERS = 100_000 * 512
#: And of names, or of JSON, more bytes than this are none.
MOST_BYTES = 2**28
SUFFIXES = (".npz", ".json")


def save_latents(
    path: str | Path, z: np.ndarray, *, names: Sequence[str] = (), run: str = "", step: int | None = None
) -> None:
    """Write float32 latents (N, D) as array `z` of an .npz, or as the .json that bookmarks are, atomically.

    `names` has one per latent; `run` and `step` say which model they are of. ConfigError for another ending;
    RunError where it cannot be written.
    """
    path = Path(path)
    check_ending(path)
    z = np.asarray(z, np.float32)
    if z.ndim != 2 or (names and len(names) != len(z)):
        raise ValueError(f"latents are (N, D) with N names, not {z.shape} with {len(names)}")
    known = {name: v for name, v in {"run": run or None, "step": step}.items() if v is not None}
    if path.suffix.lower() == ".json":
        titles = names or [f"Latent {number}" for number in range(1, len(z) + 1)]
        marks = [bookmarks.Bookmark(name, row) for name, row in zip(titles, z, strict=True)]
        bookmarks.save(path, marks, **known)
        return
    arrays: dict[str, Any] = {"z": z} | {name: np.asarray(value) for name, value in known.items()}
    if names:
        arrays["names"] = np.asarray(list(names))
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror or error}.") from None


def check_ending(path: Path) -> None:
    """ConfigError for a name that says another format."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"Cannot write {path}: the name ends in '{path.suffix}', expected .npz or .json.")


def load_latents(path: str | Path, size: int | None = None) -> np.ndarray:
    """The latents of a file -> float32 (N, D), N at least 1; see `read_latents`."""
    return read_latents(path, size)[1]


def read_latents(path: str | Path, size: int | None = None) -> tuple[list[str], np.ndarray]:
    """Names, and latents float32 (N, D), N > 0, of an .npz (its `z`, or its only array), .npy or .json.

    Those without a name are called after the file. One latent (D,) becomes (1, D), other floating-point types
    float32. RunError for a file that cannot be read, is damaged, or holds something else; ConfigError where
    D is not `size`.
    """
    path = Path(path).expanduser()
    names: list[str] = []
    try:
        if path.suffix.lower() == ".json":
            if path.stat().st_size > MOST_BYTES:
                raise RunError(f"{path} has {path.stat().st_size:,} bytes; expected latents.")
            marks = bookmarks.load(path, None)
            if not marks:
                raise RunError(f"{path} holds no latents.")
            names, z = [mark.name for mark in marks], np.stack([mark.z for mark in marks])
        else:
            with path.open("rb") as file:
                if zipfile.is_zipfile(file):
                    names, z = _from_zip(file, path)
                else:
                    z = _array(file, path)
    except LatentlabError:
        raise
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from None
    except Exception as error:  # damaged archives make zipfile and numpy raise almost anything
        reason = str(error).split("\n")[0].rstrip(".") or type(error).__name__
        raise RunError(f"{path} is damaged: {reason}.") from None
    if not np.isfinite(z).all():
        raise RunError(f"{path} holds numbers that are not finite; expected latents.")
    if size is not None and z.shape[1] != size:
        raise ConfigError(f"{path} holds latents of {z.shape[1]} numbers; this model has {size}.")
    if len(names) != len(z):
        names = [path.stem] if len(z) == 1 else [f"{path.stem} {number}" for number in range(1, len(z) + 1)]
    return names, z


def holds_latents(path: Path) -> bool:
    """Whether a file looks like one that `save_latents` wrote: an .npz of images is none."""
    if path.suffix.lower() == ".json":
        return path.is_file()
    if path.suffix.lower() != ".npz" or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open("z.npy") as member:
            shape, dtype = _header(member, path)
    except Exception:  # without a z, or damaged, which makes zipfile and numpy raise almost anything
        return False
    return dtype.kind == "f" and len(shape) in (1, 2)


def _from_zip(file: IO[bytes], path: Path) -> tuple[list[str], np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if "z" not in names and len(names) != 1:
            found = f"the arrays {', '.join(names[:5])}" if names else "no array"
            raise RunError(f"{path} holds {found}; expected one that is called z.")
        titles: list[str] = []
        if "names" in names and "z" in names:
            with archive.open("names.npy") as member:
                titles = _titles(member, path)
        with archive.open(("z" if "z" in names else names[0]) + ".npy") as member:
            return titles, _array(member, path)


def _titles(member: IO[bytes], path: Path) -> list[str]:
    """Names that `save_latents` wrote; none where the array is of something else, or absurdly large."""
    shape, dtype = _header(member, path)
    if dtype.kind != "U" or len(shape) != 1 or shape[0] * dtype.itemsize > MOST_BYTES:
        return []
    return np.frombuffer(member.read(shape[0] * dtype.itemsize), dtype).tolist()


def _header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that an array in NPY format claims to have. RunError where it is in none."""
    file.seek(0)
    if file.read(6) != b"\x93NUMPY":
        raise RunError(f"{path} is no NPZ or NPY file, or its start is damaged.")
    file.seek(0)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise RunError(f"{path} is of NPY version {version[0]}.{version[1]}; expected 1.0 or 2.0.")
    return shape, dtype


def _array(file: IO[bytes], path: Path) -> np.ndarray:
    """One array in NPY format (NEP 1). What it claims to be is looked at before it is read."""
    shape, dtype = _header(file, path)
    if dtype.kind != "f":  # objects, which would be pickles, end here too
        raise RunError(f"{path} holds an array of {dtype}; expected floating-point numbers.")
    if len(shape) not in (1, 2) or min(shape) < 1:
        raise RunError(f"{path} holds an array of shape {shape}; expected (N, D).")
    if math.prod(shape) > MOST_NUMBERS:
        raise RunError(f"{path} claims to hold {math.prod(shape):,} numbers; expected latents.")
    file.seek(0)
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite and is refused
        array = np.lib.format.read_array(file, allow_pickle=False)
        return np.atleast_2d(array).astype(np.float32)
