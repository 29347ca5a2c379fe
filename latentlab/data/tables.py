"""Tables as text: the rows of CSV files of any kind, and of lists divided by spaces."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from latentlab.data.image_file import Unreadable

#: Bytes of a table that are read; CelebA's 40 attributes of 202,599 images take 26 million.
MOST_BYTES = 2**27
#: Lines that are looked at to find the delimiter.
_LINES = 50


def rows_of(content: bytes) -> tuple[Iterator[list[str]], bool]:
    """(the rows of a table, names first if it has them; whether numbers have a decimal comma)."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"it is a table of more than {MOST_BYTES // 2**20} MiB")
    text = _decode(content)
    lines = [line for line in re.split(r"\r\n|\r|\n", text[: 2**16])[:_LINES] if line.strip()]
    delimiter = _delimiter(lines)
    if delimiter == " ":
        return (line.split() for line in io.StringIO(text) if line.strip()), False
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    return (row for row in rows if any(row)), delimiter == ";"


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _delimiter(lines: list[str]) -> str:
    """What divides most of the lines into as many fields, the more the better; Unreadable if nothing does."""

    def evenness(delimiter: str) -> tuple[float, int]:
        try:
            rows = [
                line.split() if delimiter == " " else next(csv.reader([line], delimiter=delimiter), [])
                for line in lines
            ]
        except csv.Error:
            return 0.0, 0
        ((fields, count),) = Counter(map(len, rows)).most_common(1)
        return (count / len(rows), fields) if fields > 1 else (0.0, 0)

    if lines:
        best = max(",;\t|", key=evenness)
        if evenness(best) == (0.0, 0):
            best = " "
        if evenness(best)[0] >= 0.5:
            return best
    raise Unreadable("it is no table with two columns or more")
