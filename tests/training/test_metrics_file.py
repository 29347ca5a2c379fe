"""metrics.csv is read in pieces as it would be line by line."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.training import metrics_file
from latentlab.training.metrics_file import MetricsFile, is_row

NAMES = ["a", "b", "c"]
CELLS = st.one_of(st.just(""), st.floats(allow_nan=False).map("{:.6g}".format))
ROWS = st.tuples(
    st.integers(0, 10**9).map(str), st.floats(0, 1e6).map("{:.3f}".format), CELLS, CELLS, CELLS
).map(",".join)
FOREIGN = st.sampled_from(
    [
        *("", "hello", "1,2,3", "x,1,2,3,4", "1.5,1,2,3,4", "1e3,1,2,3,4", "3,,1,2,3", "4,1,1-2,2,3"),
        *("5,1,..,2,3", "6,1,2,3,4,5", "7,1,1_0,2,3", " 8,1, 2,3,4", '9,1,"2",3,4', "10,1,é,3,4"),
        *("11,1,inf,-inf,3", "12,1,2,3,4\r"),
    ]
)


def line_by_line(path):
    series = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if len(row) == 2 + len(NAMES) and is_row(row):
                for name, text in zip(NAMES, row[2:], strict=True):
                    if text:
                        series.setdefault(name, []).append((int(row[0]), float(text)))
    return series


@settings(deadline=None)
@given(st.lists(st.one_of(ROWS, ROWS, ROWS, FOREIGN), max_size=40), st.sampled_from(["", "5,1.0,2"]))
@pytest.mark.parametrize("piece", [1 << 16, 30])
def test_pieces_hold_what_the_lines_hold(tmp_path_factory, piece, lines, torn):
    path = tmp_path_factory.getbasetemp() / "metrics.csv"
    path.write_text("\n".join(["step,seconds,a,b,c", *lines, torn]), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics_file, "PIECE", piece)
        found = MetricsFile(path, NAMES).read()
    told = {
        name: list(zip(steps.tolist(), values.tolist(), strict=True))
        for name, (steps, values) in found.items()
    }
    assert told == line_by_line(path)


def test_rewinding_leaves_the_bytes_of_what_it_keeps(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv", NAMES)
    file.create()
    for start in range(0, 5000, 1000):
        steps = np.arange(start, start + 1000)
        file.append(steps, start / 7, {"a": np.sin(steps), "c": np.where(steps % 3, np.nan, 1.0)})
    whole = (tmp_path / "metrics.csv").read_bytes()
    file.rewind(3333)
    assert (tmp_path / "metrics.csv").read_bytes() == b"".join(whole.splitlines(keepends=True)[: 3333 + 2])
    assert len(file.read()["c"][0]) == 1112 and file.seconds() == pytest.approx(3000 / 7, abs=1e-3)


def test_series_that_were_measured_together_share_their_steps(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv", NAMES)
    file.create()
    file.append([1, 2, 3], 0.5, {"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, np.nan, 9]})
    series = file.read()
    assert series["a"][0] is series["b"][0] and series["c"][0].tolist() == [1, 3]
