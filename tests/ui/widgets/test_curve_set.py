"""What is much comes in piece by piece, in its order."""

import numpy as np
import pytest

from latentlab.ui.widgets import curve_set
from latentlab.ui.widgets.curve_set import CurveSet
from latentlab.ui.widgets.curves import Series


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(curve_set, "PIECE", 100)
    curves = CurveSet()
    curves.series = {"a": Series(0.5), "b": Series()}
    return curves


def test_much_is_taken_in_by_pieces_and_what_comes_after_it_then(made):
    made.extend("a", np.arange(250), np.arange(250.0))
    made.extend("b", np.arange(3), np.ones(3))
    made.rewind(199)
    made.extend("a", np.array([200]), np.array([-1.0]))
    sizes = [(len(made.series["a"]), len(made.series["b"]))]
    while made.is_busy:
        made.work()
        sizes.append((len(made.series["a"]), len(made.series["b"])))
    assert sizes == [(0, 0), (100, 0), (200, 0), (201, 3)]
    assert made.series["a"].raw.array().tolist() == [*range(200), -1]


def test_averages_are_made_by_pieces_one_series_after_the_other(made):
    for name in made.series:
        made.extend(name, np.arange(80), np.arange(80.0))
        made.series[name].set_smoothing(0.9)
    made.work()
    assert [made.series[name].is_behind for name in "ab"] == [False, True]
    made.work()
    assert not made.is_busy


def test_what_is_lent_is_whole_and_stays(made):
    made.extend("a", np.arange(250), np.arange(250.0))
    steps, values = made.lent()["a"]
    made.rewind(100)
    made.extend("a", np.array([101]), np.array([9.0]))
    assert steps.array().tolist() == list(range(250)) == values.array().tolist()
