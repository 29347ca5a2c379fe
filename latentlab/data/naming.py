"""The order of names, and names that can be shown."""

from __future__ import annotations

import os
import re
import unicodedata

#: Control characters, line separators, and overrides of direction (UAX #9).
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NUMBER = re.compile(r"\d+")


def natural_key(path: str) -> tuple[str, str]:
    """Sorts folder by folder, numbers by their value, letters without case; the path itself breaks ties."""
    # One text, as those compare fastest: a folder ends with the least there is, a number begins with its
    # length (Python's own numbers end at 4,300 digits, a name in an archive need not).
    return _NUMBER.sub(_in_order, path.casefold().replace("/", "\0\0")), path


def _in_order(number: re.Match[str]) -> str:
    digits = number.group()
    if not digits.isascii():
        digits = "".join(str(unicodedata.digit(digit)) for digit in digits)
    digits = digits.lstrip("0")
    return f"\0{chr(1 + len(digits))}{digits}"


def printable(path: str) -> str:
    """A file's name need not be UTF-8, may break a line, or turn the direction of what follows; what is shown
    must not. U+FFFD stands for what it cannot show."""
    if path.isascii() and path.isprintable():
        return path
    return _UNPRINTABLE.sub("\ufffd", os.fsencode(path).decode("utf-8", "replace"))
