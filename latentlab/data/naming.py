"""The order of names, and names that can be shown."""

from __future__ import annotations

import os
import re
from typing import Any

#: Control characters, line separators, and overrides of direction (UAX #9).
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def natural_key(path: str) -> tuple[Any, ...]:
    """Sorts folder by folder, numbers by their value, letters without case; the path itself breaks ties."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.split("/")]
    # Every second piece is a number, so pieces in one place are of one type. Python refuses numbers of more
    # than 4,300 digits, which a name in an archive may have.
    return tuple(tuple(int(p[:4000]) if i % 2 else p for i, p in enumerate(part)) for part in parts), path


def printable(path: str) -> str:
    """A file's name need not be UTF-8, may break a line, or turn the direction of what follows; what is shown
    must not. U+FFFD stands for what it cannot show."""
    if path.isascii() and path.isprintable():
        return path
    return _UNPRINTABLE.sub("\ufffd", os.fsencode(path).decode("utf-8", "replace"))
