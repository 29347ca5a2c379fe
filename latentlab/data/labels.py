"""What tables beside the images tell of them: a class, and numbers (CSV files, CelebA's lists)."""

from __future__ import annotations

import csv
import itertools
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.arrangement import TESTING, TRAINING, UNSORTED
from latentlab.data.dataset import Skipped
from latentlab.data.image_file import Unreadable
from latentlab.data.naming import natural_key, printable
from latentlab.data.report import Report
from latentlab.data.tables import MOST_BYTES, rows_of

#: Names of the column that holds the classes, in the order in which they are looked for.
LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "y")
#: More different words than these are no classes, unless the person says so.
MOST_CLASSES = 256
#: Columns in all, and values in all of them.
MOST_COLUMNS, MOST_CELLS = 256, 2**27
#: Letters of a name that is shown.
_LONGEST = 80
#: A column of bare numbers names images only if it is called so.
_KEY_NAMES = re.compile(r"(^|[^a-z])ids?([^a-z]|$)|image|img|file|name|path|photo|picture")
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?"})
_TRUTH = {"true": 1.0, "false": 0.0}
#: Rows at a time, and columns, that are looked at to find that of the names.
_ROWS, _KEY_COLUMNS = 500, 64


@dataclass(frozen=True, eq=False)
class Told:
    """labels int64 (N,) into `label_names`, or None. factors: name -> float32 (N,), finite."""

    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()


def read_tables(
    tables: Mapping[str, Callable[[int], bytes]], paths: Sequence[str], label_column: str, report: Report
) -> Told:
    """What `tables` (path -> reads so many bytes) tell of the images `paths`.

    A table is text with a row for each image: UTF-8 (with a mark or without), UTF-16 with one, else Latin-1;
    comma, semicolon, tab, bar or spaces between the fields, which may be quoted (RFC 4180); a row of names
    first, unless that names an image itself; before it a count of rows, as in CelebA's list. The column whose
    values name the most images is the key: their path from the table or from the top, or the file's name
    where no other has it, both with or without the suffix, in any case; a column of bare numbers only if it
    is called id, file or the like. The first row that names an image counts, and the first table that has a
    value.

    Labels are the column `label_column`, else one of `LABEL_NAMES` with at most `MOST_CLASSES` values, else
    the first of words with that many, fewer than the images named; images without one are "(unsorted)".
    Columns of numbers (a decimal comma where semicolons divide them; true and false) are factors. The map and
    the probes bear no gaps: a missing number becomes the column's middle value (the lower of two), and a
    column of which less than half is there is left out.

    What cannot be used, and what does not fit together, is told as skipped, a sentence each. DataError only
    where there is no `label_column`.
    """
    index, columns, skipped = _Index(paths if tables else (), report), dict[str, _Column](), list[Skipped]()
    named = np.zeros(len(paths), bool)
    used = []
    for path, read in tables.items():
        try:
            rows, comma = rows_of(read(MOST_BYTES + 1))
            reasons = _take(path, rows, comma, index, columns, named, report)
        except Unreadable as reason:
            if not path.lower().endswith(".txt"):  # which may be any text
                skipped.append(Skipped(printable(path), str(reason)))
            continue
        used.append(path)
        skipped += [Skipped(printable(path), reason) for reason in reasons]
    if label_column and not any(name.casefold() == label_column.casefold() for name in columns):
        raise DataError(_no_column(label_column, used, columns))
    if not used:
        return Told(skipped=tuple(skipped))
    if bare := len(paths) - int(named.sum()):
        first = printable(paths[int(np.argmin(named))])
        skipped.append(
            Skipped(printable(used[0]), f"{bare:,} of {len(paths):,} images have no row (first {first})")
        )
    chosen = _label_column(columns, label_column, int(named.sum()))
    factors, reasons = _factors({k: v for k, v in columns.items() if k != chosen}, report)
    skipped += [Skipped(printable(used[0]), reason) for reason in reasons]
    if chosen is None:
        return Told(None, (), factors, tuple(skipped))
    labels, names = columns[chosen].classes()
    return Told(labels, names, factors, tuple(skipped))


class _Index:
    """Which image a name in a table means."""

    def __init__(self, paths: Sequence[str], report: Report) -> None:
        self._places: dict[str, int] = {}
        self.count = len(paths)
        shorts: dict[str, int] = {}
        for place, path in enumerate(paths):
            if place % 4096 == 0:
                report(0, 1)
            path = path.casefold()
            name = path.rpartition("/")[2]
            _enter(self._places, path, place)
            for short in {_stem(path), name, _stem(name)} - {path}:
                _enter(shorts, short, place)
        self._places = shorts | self._places  # whole paths come first

    def find(self, value: str, folder: str = "") -> int:
        """The place of an image; -1 where none is meant, or more than one could be."""
        value = value.strip().casefold().replace("\\", "/").removeprefix("./").lstrip("/")
        if not value:
            return -1
        places = self._places
        if folder and (found := places.get(folder + value, -1)) >= 0:
            return found
        while (found := places.get(value, -1)) < 0 and "/" in value:
            value = value.partition("/")[2]  # a path on the computer where the table was made
        return found


def _enter(places: dict[str, int], name: str, place: int) -> None:
    places[name] = place if name not in places else -1


def _stem(path: str) -> str:
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and "/" not in suffix else path


class _Column:
    """A value for each image, many of them the same."""

    def __init__(self, count: int) -> None:
        self.codes = array("i", [-1]) * count
        self._kinds: dict[str, int] = {}
        self.comma = False

    def set(self, place: int, value: str) -> None:
        if self.codes[place] < 0:
            self.codes[place] = self._kinds.setdefault(value, len(self._kinds))

    def values(self) -> list[str]:
        """What is there but for missing ones."""
        return [kind for kind in self._kinds if kind.strip().casefold() not in _MISSING]

    def numbers(self) -> np.ndarray | None:
        """float32 (N,), NaN where missing; None where a value is no number, or there is none."""
        found = []
        for kind in self._kinds:
            try:
                found.append(_number(kind, self.comma))
            except ValueError:
                return None
        if not np.isfinite(found).any():
            return None
        with np.errstate(over="ignore"):
            table = np.array([*found, math.nan]).astype(np.float32)  # the last for -1
        table[~np.isfinite(table)] = np.nan
        picked: np.ndarray = table[np.frombuffer(self.codes, np.intc)]
        return picked

    def classes(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """int64 (N,) into the values, in natural order; where one is missing, "(unsorted)" comes last."""
        names = {kind: _class_name(kind, self.comma) for kind in self.values()}
        order = sorted(set(names.values()), key=natural_key)
        place = {name: i for i, name in enumerate(order)}
        table = np.array([place[names[k]] if k in names else len(order) for k in self._kinds] + [len(order)])
        labels = table[np.frombuffer(self.codes, np.intc)].astype(np.int64)
        if (labels == len(order)).any():
            order.append(UNSORTED)
        return labels, tuple(order)


def _number(text: str, comma: bool) -> float:
    """NaN for a missing one; ValueError for what is no number."""
    text = text.strip().casefold()
    if text in _MISSING:
        return math.nan
    if text in _TRUTH:
        return _TRUTH[text]
    if "_" in text:  # which Python takes in numbers
        raise ValueError
    return float(text.replace(",", ".") if comma else text)


def _class_name(text: str, comma: bool) -> str:
    """3.0, as a table with gaps may have it, is class 3."""
    text = _shown(text)
    try:
        number = _number(text, comma)
    except ValueError:
        return text
    whole = text.casefold() not in _TRUTH and math.isfinite(number) and number == int(number)
    return str(int(number)) if whole and abs(number) < 2**53 and "." in text.replace(",", ".") else text


def _take(
    path: str,
    rows: Iterator[list[str]],
    comma: bool,
    index: _Index,
    columns: dict[str, _Column],
    named: np.ndarray,
    report: Report,
) -> list[str]:
    """Put a table's values into `columns`; what does not fit, a clause each. Unreadable."""
    folder = path.rpartition("/")[0].casefold()
    folder = folder and folder + "/"
    try:
        begun = _begin(rows, index, folder, report)
        key, lost, example = begun.key, begun.passed, begun.example
        most = min(MOST_COLUMNS, max(1, MOST_CELLS // index.count))
        names = [(i, _shown(name)) for i, name in enumerate(begun.header)]
        fields = [(i, name) for i, name in names if i != key and name]
        targets, left_out = [], 0
        for i, name in fields:
            if name in columns or len(columns) < most:
                targets.append((i, columns.setdefault(name, _Column(index.count))))
            else:
                left_out += 1
        seen, again = np.zeros(index.count, bool), 0
        for done, row in enumerate(begun.rows):
            if done % 1024 == 0:
                report(0, 1)
            place = index.find(row[key], folder) if key < len(row) else -1
            if place < 0:
                example = example or (row[key] if key < len(row) else "")
                lost += 1
            elif seen[place]:
                again += 1
            else:
                seen[place] = True
                for i, column in targets:
                    if i < len(row):
                        column.set(place, row[i])
    except csv.Error as error:
        raise Unreadable(f"it is damaged ({error})") from None
    for _, column in targets:
        column.comma |= comma
    named |= seen
    reasons = []
    if lost:
        reasons.append(f"{lost:,} of its rows name no image here (first {_short(example)})")
    if again:
        reasons.append(f"{again:,} of its rows name an image a second time; the first row counts")
    if left_out:
        reasons.append(f"{left_out:,} of its columns are left out: at most {most:,} are used")
    return reasons


@dataclass(frozen=True)
class _Begun:
    """A table of which the column of the images' names is known. passed: rows before `rows`, which name none;
    example: what the first of them says.
    """

    header: list[str]
    key: int
    rows: Iterator[list[str]]
    passed: int
    example: str


def _begin(rows: Iterator[list[str]], index: _Index, folder: str, report: Report) -> _Begun:
    """Look for the names, in some rows at a time: a table may be about more images than are here."""
    some = list(itertools.islice(rows, _ROWS))
    if len(some) > 1 and len(some[0]) == 1 < len(some[1]) and some[0][0].strip().isdigit():
        del some[0]  # how many rows there are
    header, some = (some[0] if some else []), some[1:] or some
    if some and len(header) == len(some[0]) - 1:  # nothing above the names, in CelebA's list
        header = ["", *header]
    passed, before = 0, list[str]()
    while (key := _key(some, header, index, folder)) is None:
        report(0, 1)
        passed, before = passed + len(some), before or (some[0] if some else [])
        some = list(itertools.islice(rows, _ROWS))
        if not some:
            raise Unreadable("no column of it names images that are here")
    if key < len(header) and index.find(header[key], folder) >= 0:  # it has none
        some = [header, *some] if some[0] is not header else some
        header = [f"column {i + 1}" for i in range(len(header))]
    return _Begun(header, key, itertools.chain(some, rows), passed, before[key] if key < len(before) else "")


def _key(rows: list[list[str]], header: list[str], index: _Index, folder: str) -> int | None:
    """The column that names the most images in these rows, None where none does."""
    counts = []
    for i in range(min(_KEY_COLUMNS, max(map(len, rows), default=0))):
        cells = [row[i] for row in rows if i < len(row)]
        named = i < len(header) and _KEY_NAMES.search(header[i].casefold())
        # Images called 1.png, 2.png are not what any column of numbers is about.
        bare = not named and all(cell.strip().isdigit() for cell in cells)
        counts.append(0 if bare else len({index.find(cell, folder) for cell in cells} - {-1}))
    return counts.index(max(counts)) if any(counts) else None


def _label_column(columns: Mapping[str, _Column], wanted: str, named: int) -> str | None:
    if wanted:
        return next(name for name in columns if name.casefold() == wanted.casefold())
    usual = {name.casefold(): name for name in reversed(list(columns))}
    for name in LABEL_NAMES:
        if name in usual and 0 < len(columns[usual[name]].values()) <= MOST_CLASSES:
            return usual[name]
    for name, column in columns.items():
        values = column.values()
        parts = {value.strip().casefold() for value in values} <= TRAINING | TESTING
        few = 0 < len(values) <= MOST_CLASSES and len(values) < named
        if few and not parts and column.numbers() is None:
            return name
    return None


def _factors(columns: Mapping[str, _Column], report: Report) -> tuple[dict[str, np.ndarray], list[str]]:
    """(name -> float32 (N,), what had to be filled or left out, a clause each)."""
    factors, filled, left_out = {}, dict[str, int](), []
    for name, column in columns.items():
        report(0, 1)
        values = column.numbers()
        if values is None:
            continue
        known = np.isfinite(values)
        if 2 * known.sum() < len(values):
            left_out.append(name)
            continue
        if not known.all():
            there = np.sort(values[known])
            values[~known] = there[(len(there) - 1) // 2]
            filled[name] = int((~known).sum())
        factors[name] = values
    reasons = []
    if filled:
        reasons.append(
            f"{sum(filled.values()):,} missing numbers are filled with the middle one of their column "
            f"({_short(', '.join(filled))})"
        )
    if left_out:
        reasons.append(f"less than half of the numbers are there of {_short(', '.join(left_out))}: left out")
    return factors, reasons


def _no_column(wanted: str, used: list[str], columns: Mapping[str, _Column]) -> str:
    if not used:
        return f"There is no table beside the images that could have the label column '{wanted}'."
    where = ", ".join(map(printable, used))
    return f"{where} has no column '{wanted}'; expected one of: {_short(', '.join(columns), 300)}."


def _shown(text: str) -> str:
    """Of what stands in a table, what can be a name: one line, not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST].strip()


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
