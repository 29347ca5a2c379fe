"""Tables as text: the rows of CSV files of any kind, and of lists divided by spaces."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator

from latentlab.data.image_file import Unreadable

#: Bytes of a table that are read; CelebA's 40 attributes of 202,599 images take 26 million.
MOST_BYTES = 2**27
#: Letters and rows that are looked at to find the delimiter.
_LOOKED_AT, _ROWS = 2**16, 50


def rows_of(content: bytes) -> tuple[Iterator[list[str]], bool]:
    """(the rows of a table, names first if it has them; whether numbers have a decimal comma)."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"it is a table of more than {MOST_BYTES // 2**20} MiB")
    text = _decode(content)
    delimiter = _delimiter(text[:_LOOKED_AT])
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


def _delimiter(text: str) -> str:
    """What divides most of the rows into as many fields, the more the better; Unreadable if nothing does."""

    def evenness(delimiter: str) -> tuple[float, int]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            fields = [len(row) for row in itertools.islice(rows, _ROWS) if any(map(str.strip, row))]
        except csv.Error:
            return 0.0, 0
        return _most_common(fields)

    best, (share, _) = max(((d, evenness(d)) for d in ",;\t|"), key=lambda found: found[1])
    if not share:
        lines = [line for line in text.splitlines()[:_ROWS] if line.strip()]
        best, (share, _) = " ", _most_common([len(line.split()) for line in lines])
    if share < 0.5:
        raise Unreadable("it is no table with two columns or more")
    return best


def _most_common(fields: list[int]) -> tuple[float, int]:
    """(share of rows that have so many fields as most, how many); nothing where that is one."""
    ((number, count),) = Counter(fields).most_common(1) or [(0, 0)]
    return (count / len(fields), number) if number > 1 else (0.0, 0)
