"""Weights that other programs saved: ``.pth``, ``.pt`` and ``.safetensors`` files.

A file is read without executing anything in it: torch's own reader is told that there may be tensors only.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab.core.errors import RunError

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".pth", ".pt", ".safetensors")
#: More tensors than any net has that is meant here; matching them would take minutes.
MOST_TENSORS = 10_000
#: How deep state dicts may lie in others.
DEPTH = 5

#: Names of parts of a checkpoint that are no weights.
_OTHER = re.compile(r"optim|sched|scaler|hyper", re.IGNORECASE)


def read(path: Path) -> dict[str, Tensor]:
    """The dense tensors of a file by name, in its order, of state dicts within others as "outer.inner".

    RunError where it cannot be read, holds anything that only code could restore, or no tensors.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RunError(f"{path} ends in '{path.suffix}'; expected one of {', '.join(SUFFIXES)}.")
    try:
        content = _safetensors(path) if path.suffix.lower() == ".safetensors" else _torch(path)
    except FileNotFoundError:
        raise RunError(f"There is no file {path}.") from None
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from None
    tensors = dict(_flattened(content, "", DEPTH))
    if not tensors:
        raise RunError(f"{path} holds no tensors; expected a state dict of them.")
    if len(tensors) > MOST_TENSORS:
        raise RunError(f"{path} holds {len(tensors):,} tensors; expected at most {MOST_TENSORS:,}.")
    return tensors


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise RunError(f"{path} is damaged or no safetensors file: {error}.") from None
    # The format sorts by size: the names are all that tells of the order in which layers follow each other.
    return {name: tensors[name] for name in sorted(tensors, key=_by_numbers)}


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Sorts "main.10" behind "main.9"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _torch(path: Path) -> Any:
    import torch

    _check_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protocols and archives; what fails is raised
        try:
            return torch.load(path, weights_only=True, map_location="cpu")
        except OSError:
            raise
        except Exception as error:  # its readers raise whatever they stumble upon
            what = re.search(r"(?:GLOBAL|global:?|class) ([\w.]+\.\w+)", str(error))
            if what:
                reason = f"holds code or objects ({what[1]}); expected a state dict of tensors"
            else:
                reason = "is damaged, or holds something else than a state dict of tensors"
            raise RunError(f"{path} {reason}.") from None


def _check_archive(path: Path) -> None:
    """Refuses archives that are code, and those that would become larger than they are."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise RunError(f"{path} is damaged: {error}.") from None
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise RunError(
            f"{path} is a TorchScript archive, which holds code; expected a state dict of tensors."
        )
    claimed, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if claimed > size:
        raise RunError(f"{path} claims to hold {claimed:,} bytes, but has {size:,}; torch never compresses.")


def _flattened(content: Any, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    import torch

    if not isinstance(content, Mapping) or depth == 0:
        return
    for key, value in content.items():
        if not isinstance(key, str) or _OTHER.match(key):
            continue
        if isinstance(value, torch.Tensor):
            if value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized:
                yield prefix + key, value.detach()
        else:
            yield from _flattened(value, f"{prefix}{key}.", depth - 1)
