"""``metrics.csv``: a row a step, and rows of their own for figures on held-out data. Read piece by piece."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.files import atomic_path, write_bytes

#: Bytes that are read at a time: whoever reads keeps the interpreter's lock for a millisecond or two at most.
PIECE = 1 << 16
_COMMA, _NEWLINE = ord(","), ord("\n")
#: Bytes of numbers as they are written here, of infinities, and what stands between them.
_KNOWN = np.isin(np.arange(256), list(b"0123456789+-.einfa,\n"))


class MetricsFile:
    """The rows of `path`: step, seconds, and a cell for each of `names`, empty where nothing was measured."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self._names = path, list(names)

    def create(self) -> None:
        """A file with a header alone. OSError passes through."""
        write_bytes(self.path, to_csv([self._header]))

    def append(
        self,
        steps: Sequence[int] | np.ndarray,
        seconds: float,
        values: Mapping[str, Sequence[float] | np.ndarray],
    ) -> None:
        """Append rows; values are columns of the steps' length, NaN an empty cell. OSError passes through."""
        columns = [values.get(name) for name in self._names]
        rows = (
            [
                int(step),
                f"{seconds:.3f}",
                *(
                    "" if column is None or column[i] != column[i] else f"{column[i]:.6g}"
                    for column in columns
                ),
            ]
            for i, step in enumerate(steps)
        )
        with self.path.open("ab") as file:
            file.write(to_csv(rows))

    def read(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Name -> (int64 steps, float64 values), in order. Torn or foreign lines are passed over.

        Series that were measured at the same steps share these.
        """
        parts: defaultdict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
        for table, _ in self._tables():
            steps = table[:, 0].astype(np.int64)
            for name, column in zip(self._names, table.T[2:], strict=True):
                is_there = ~np.isnan(column)
                if is_there.any():
                    parts[name].append((steps[is_there], column[is_there]))
        series: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name in self._names:
            if name in parts:
                at, values = map(np.concatenate, zip(*parts.pop(name), strict=True))
                twin = next((other for other, _ in series.values() if np.array_equal(other, at)), at)
                series[name] = twin, values
        return series

    def seconds(self) -> float:
        """Training time up to the last row."""
        return max((float(table[:, 1].max()) for table, _ in self._tables() if len(table)), default=0.0)

    def rewind(self, step: int) -> None:
        """Drop the rows of steps after `step`, and what is no row. OSError passes through."""
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            file.write(to_csv([self._header]))
            for table, lines in self._tables():
                file.write(b"".join(compress(lines.splitlines(keepends=True), table[:, 0] <= step)))

    @property
    def _header(self) -> list[str]:
        return ["step", "seconds", *self._names]

    def _tables(self) -> Iterator[tuple[np.ndarray, bytes]]:
        """Whole rows, some hundreds at a time: float64 (K, columns), NaN for an empty cell; their lines."""
        columns = 2 + len(self._names)
        for lines in whole_lines(self.path):
            table = _table(lines, columns)
            if table is None:
                found = ([cell.strip() for cell in row] for row in csv_rows(lines))
                rows = [row for row in found if len(row) == columns and is_row(row)]
                table = np.array([[float(cell or "nan") for cell in row] for row in rows])
                table, lines = table.reshape(-1, columns), to_csv(rows)
            yield table, lines


def _table(lines: bytes, columns: int) -> np.ndarray | None:
    """float64 (K, columns), NaN for an empty cell; None where not every line is a row of numbers.

    Most cells are empty: only the others become objects of Python. What numpy does lets other threads go on.
    """
    text = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero((text == _COMMA) | (text == _NEWLINE))
    if len(ends) % columns or not _KNOWN[text].all():
        return None
    is_last = (text[ends] == _NEWLINE).reshape(-1, columns)
    is_filled = (np.diff(ends, prepend=-1) > 1).reshape(-1, columns)
    if is_last[:, :-1].any() or not is_last[:, -1].all() or not is_filled[:, :2].all():
        return None
    cells = np.delete(text, ends[~is_filled.reshape(-1)]).tobytes().replace(b"\n", b",").split(b",")
    counts = is_filled.sum(axis=1)
    table = np.full(is_filled.shape, np.nan)
    try:
        for place in (np.cumsum(counts) - counts).tolist():
            int(cells[place])
        table[is_filled] = np.fromiter(map(float, cells[:-1]), np.float64, len(cells) - 1)
    except ValueError:
        return None
    return table


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, about `PIECE` bytes of them at a time, without one that was torn off at the end.

    None where there is no file.
    """
    if not path.exists():
        return
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                yield lines + newline


def csv_rows(lines: bytes) -> Iterator[list[str]]:
    """The cells of whole lines."""
    return csv.reader(io.StringIO(lines.decode("utf-8", errors="replace"), newline=""))


def is_row(cells: list[str]) -> bool:
    """Whether it is a step, seconds and numbers (or nothing) behind them: not the header, not a torn line."""
    try:
        int(cells[0])
        for number in [cells[1], *filter(None, cells[2:])]:
            float(number)
    except (ValueError, IndexError):
        return False
    return True


def to_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
