"""The numbers behind the curves; no Qt here."""

import csv

import numpy as np
import pytest

from latentlab.export.curves import write_csv
from latentlab.ui.widgets.curves import Column, Curve, Series, Smoother


def slow_average(values, weight):
    total = norm = 0.0
    out = []
    for v in values:
        total, norm = weight * total, weight * norm
        if np.isfinite(v):
            total, norm = total + v, norm + 1
        out.append(total / norm if np.isfinite(v) else np.nan)
    return np.array(out)


def counted(count):
    column = Column()
    column.append(np.arange(count, dtype=float))
    return column


@pytest.mark.parametrize("weight", [0.1, 0.6, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("chunks", [(1000,), (1, 2, 127, 128, 129, 613)])
def test_the_average_is_that_of_the_loop(weight, chunks):
    values = np.random.default_rng(0).normal(size=1000)
    values[[3, 400, 401]] = np.nan
    smoother, start, parts = Smoother(weight), 0, []
    for size in chunks:
        parts.append(smoother.push(values[start : start + size]))
        start += size
    np.testing.assert_allclose(np.concatenate(parts), slow_average(values, weight), rtol=1e-9, atol=1e-12)


def test_the_average_of_a_constant_is_that_constant_from_the_first_point_on():
    np.testing.assert_allclose(Smoother(0.99).push(np.full(500, 7.0)), 7.0, rtol=1e-12)


@pytest.mark.parametrize("count", [10, 5_000, 200_000])
def test_thinning_keeps_peaks_and_ends(count):
    values = np.random.default_rng(1).normal(size=count)
    values[count // 3] = 50.0
    curve, steps = Curve(), counted(count)
    for part in np.array_split(values, 7):
        curve.append(part)
    x, y = curve.thinned(steps, 0, count, 500)
    assert len(x) == len(y) <= 2 * 500 + 500 + 2
    assert y.max() == 50.0
    assert y.min() == values.min()
    assert x[0] == 0
    assert x[-1] == count - 1
    assert (np.diff(x) >= 0).all()


def test_thinning_a_part_keeps_its_detail():
    values = np.random.default_rng(1).normal(size=100_000)
    curve = Curve()
    curve.append(values)
    x, y = curve.thinned(counted(100_000), 4000, 4300, 500)
    assert np.array_equal(x, np.arange(4000.0, 4300.0))
    assert np.array_equal(y, values[4000:4300])


def test_gaps_do_not_swallow_their_neighbours():
    values = np.ones(100_000)
    values[::2] = np.nan
    curve = Curve()
    curve.append(values)
    _, y = curve.thinned(counted(100_000), 0, 100_000, 100)
    assert np.nanmax(y) == 1
    assert np.isfinite(y[:-100]).all()


def test_infinities_become_gaps():
    series = Series()
    series.extend(np.arange(3), np.array([1.0, np.inf, 3.0]))
    assert np.array_equal(series.raw.array(), [1.0, np.nan, 3.0], equal_nan=True)
    assert series.last() == 3.0


def test_steps_that_start_again_replace_what_was_there():
    series = Series(0.5)
    series.extend(np.arange(100), np.zeros(100))
    series.extend(np.arange(60, 70), np.ones(10))
    assert len(series) == 70
    assert np.array_equal(series.steps.array(), np.arange(70))
    fresh = Series(0.5)
    fresh.extend(np.arange(70), np.r_[np.zeros(60), np.ones(10)])
    np.testing.assert_allclose(series.main.array(), fresh.main.array())


def test_last_and_at():
    series = Series()
    assert np.isnan(series.last())
    assert np.isnan(series.at(3))
    series.extend(np.array([0, 10, 20]), np.array([1.0, 2.0, np.nan]))
    assert series.last() == 2.0
    assert [series.at(s) for s in (-5, 4, 6, 14)] == [1.0, 1.0, 2.0, 2.0]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 steps for 3 values"):
        Series().extend(np.arange(2), np.zeros(3))


def test_csv_holds_exact_numbers_and_empty_gaps(tmp_path):
    path = tmp_path / "curves.csv"
    write_csv(
        {
            "a": (np.array([0.0, 1.0, 2.0]), np.array([0.1 + 0.2, np.nan, 3.0])),
            "b": (np.array([1.0, 3.0]), np.array([1e-7, 2.0])),
        },
        path,
    )
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "a", "b"]
    assert rows[1:] == [["0", repr(0.1 + 0.2), ""], ["1", "", "1e-07"], ["2", "3.0", ""], ["3", "", "2.0"]]
    with pytest.raises(ValueError, match="no series"):
        write_csv({}, path)
