"""The order of names, and names that can be shown."""

from __future__ import annotations

import os
import re
from typing import Any


def natural_key(path: str) -> tuple[Any, ...]:
    """Sorts folder by folder, numbers by their value, letters without case; the path itself breaks ties."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.split("/")]
    # Every second piece is a number, so pieces in one place are of one type.
    return tuple(tuple(int(p) if i % 2 else p for i, p in enumerate(part)) for part in parts), path


def printable(path: str) -> str:
    """A file's name need not be UTF-8; what is shown must be."""
    return os.fsencode(path).decode("utf-8", "replace")
