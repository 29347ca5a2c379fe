"""The numbers behind the curves; no Qt here."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.export import curves as export_curves
from latentlab.export.curves import write_csv
from latentlab.ui.widgets import curves
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


@pytest.fixture(scope="module")
def small():
    """Blocks and buckets so small that a few hundred points go through all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "BUCKET", 4)
        patch.setattr(curves, "BLOCK", 32)
        yield


POINTS = st.lists(st.one_of(st.just(np.nan), st.integers(-50, 50)), min_size=1, max_size=700)


def grown(values, cuts):
    curve, steps = Curve(), Column(32)
    for part in np.split(values, sorted({cut % len(values) for cut in cuts})):
        curve.append(part)
    steps.append(np.arange(len(values)) * 10.0)
    return curve, steps


@given(
    POINTS,
    st.lists(st.integers(0, 700), max_size=4),
    st.integers(0, 700),
    st.integers(0, 700),
    st.integers(2, 40),
)
def test_what_is_drawn_is_the_minimum_and_maximum_of_what_it_stands_for(small, points, cuts, a, b, width):
    values = np.array(points, float)
    curve, steps = grown(values, cuts)
    first, last = sorted((a % len(values), b % len(values) + 1))
    first = min(first, last - 1)
    x, y = curve.thinned(steps, first, last, width)
    assert len(x) == len(y) and (np.diff(x) >= 0).all()
    assert x[-1] == steps[last - 1]
    if last - first <= 2 * width:
        assert np.array_equal(y, values[first:last], equal_nan=True)
        return
    # Each pair of points stands for those from its x to that of the next pair; no point is left out.
    size = int(x[1] - x[0]) // 5
    start = first // size * size
    full = (last - start) // size
    assert full <= width + 1
    buckets = values[start : start + full * size].reshape(-1, size)
    assert np.array_equal(y[: 2 * full : 2], np.fmin.reduce(buckets, axis=1), equal_nan=True)
    assert np.array_equal(y[1 : 2 * full : 2], np.fmax.reduce(buckets, axis=1), equal_nan=True)
    rest, drawn = values[start + full * size : last], y[2 * full :]
    for reduce in (np.fmin.reduce, np.fmax.reduce):
        if len(rest):
            assert np.array_equal(reduce(rest), reduce(drawn), equal_nan=True)


@given(POINTS, POINTS, st.integers(0, 700), st.sampled_from([0.0, 0.5, 0.99]))
def test_what_was_done_again_looks_as_if_it_had_been_done_once(small, points, again, step, weight):
    points, step = [*points, 1, 2], step % (len(points) + 1)
    series, fresh = Series(weight), Series(weight)
    series.extend(np.arange(len(points)), np.array(points, float))
    kept = series.raw.lent(), series.raw.array()
    series.extend(np.arange(step, step + len(again)), np.array(again, float))
    both = np.array(points[:step] + again, float)
    fresh.extend(np.arange(len(both)), both)
    assert np.array_equal(series.raw.array(), fresh.raw.array(), equal_nan=True)
    np.testing.assert_allclose(series.main.array(), fresh.main.array(), rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(
        series.raw.thinned(series.steps, 0, len(series), 5),
        fresh.raw.thinned(fresh.steps, 0, len(fresh), 5),
        strict=True,
    ):
        assert np.array_equal(mine, theirs, equal_nan=True)
    assert np.array_equal(kept[0].array(), kept[1], equal_nan=True), "what was lent has changed"


@given(st.lists(st.integers(0, 9), max_size=100).map(sorted), st.integers(-1, 10), st.booleans())
def test_a_column_is_searched_and_cut_as_an_array_is(values, wanted, right):
    column = Column(8)
    column.append(np.array(values, float))
    assert column.search(wanted, right=right) == np.searchsorted(values, wanted, "right" if right else "left")
    for first, last, every in ((0, len(values), 1), (3, 40, 16), (9, 90, 2)):
        last = min(last, len(values))
        assert np.array_equal(column.part(first, last, every), values[first:last:every])


def test_a_peak_of_one_point_in_a_million_is_drawn():
    values = np.zeros(1_000_000)
    values[[123_456, 999_990]] = 7, -7
    curve, steps = Curve(), counted(1_000_000)
    curve.append(values)
    for first in (0, 100_000):
        x, y = curve.thinned(steps, first, 1_000_000, 1000)
        assert y.max() == 7 and y.min() == -7 and len(x) < 3000
        assert abs(x[y.argmax()] - 123_456) <= 1024 and abs(x[y.argmin()] - 999_990) <= 16


def test_another_average_takes_the_place_of_the_one_before_when_it_is_whole():
    series, values = Series(0.5), np.random.default_rng(0).normal(size=1000)
    series.extend(np.arange(1000), values)
    before = series.main.array()
    series.set_smoothing(0.9)
    assert series.is_behind and series.catch_up(400) == 400
    assert np.array_equal(series.main.array(), before)
    series.extend(np.arange(1000, 1010), np.ones(10))
    assert series.catch_up(10_000) == 610 and not series.is_behind and series.catch_up(5) == 0
    np.testing.assert_allclose(series.main.array(), slow_average(np.r_[values, np.ones(10)], 0.9), rtol=1e-9)
    series.set_smoothing(0)
    assert not series.is_behind and series.main is series.raw


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


def test_csv_that_is_written_in_parts_holds_every_line_once(tmp_path, monkeypatch):
    monkeypatch.setattr(export_curves, "LINES", 3)
    random = np.random.default_rng(0)
    a = np.arange(10.0), random.normal(size=10)
    b = np.array([2.0, 2.5, 9.0, 12.0]), random.normal(size=4)
    write_csv({"a": a, "again": a, "b": b}, tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == ["0", "1", "2", "2.5", *map(str, range(3, 10)), "12"]
    for column, (steps, values) in ((1, a), (2, a), (3, b)):
        assert [(float(row[0]), float(row[column])) for row in rows if row[column]] == list(
            zip(*map(np.ndarray.tolist, (steps, values)), strict=True)
        )
