"""Colours of points: which have one each, which are a scale, and that they can be told apart."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.ui import theme
from latentlab.ui.widgets import colour_key


def test_a_factor_of_few_whole_numbers_has_a_colour_each():
    made = colour_key.by_factor("shape", np.array([2.0, 0.0, 2.0, 1.0]))
    assert made.names == ("shape 0", "shape 1", "shape 2")
    assert made.codes.tolist() == [2, 0, 2, 1]
    assert made.colours == list(theme.current().series[:3])


def test_a_factor_that_grows_has_a_scale_from_its_least_to_its_most():
    values = np.linspace(-0.5, 1.5, 101)
    made = colour_key.by_factor("x", values)
    assert (made.title, made.low, made.high, made.names) == ("x", "-0.5", "1.5", ())
    assert made.codes[0] == 0 and made.codes[-1] == len(made.colours) - 1
    assert (np.diff(made.codes) >= 0).all()
    assert made.colours[0] == "#440154" and made.colours[-1] == "#FDE725"  # viridis


def test_a_constant_factor_has_one_colour():
    assert set(colour_key.by_factor("x", np.full(5, 0.25)).codes) == {0}


def test_an_angle_ends_where_it_begins():
    made = colour_key.by_factor("rotation", np.array([0.0, 180.0, 360.0]))
    first, half, last = (
        np.array([int(made.colours[c][i : i + 2], 16) for i in (1, 3, 5)]) for c in made.codes
    )
    assert np.abs(first - last).max() < 30 < np.abs(first - half).max()


@pytest.mark.parametrize("count", [1, 6, 10, 20])
def test_a_palette_has_no_colour_twice_and_begins_with_the_series(count):
    made = colour_key.palette(count)
    assert len(set(made)) == len(made) == count
    assert made[:6] == list(theme.current().series[:count])


def test_the_key_is_as_wide_as_its_names_and_gone_without_any(qtbot):
    key = colour_key.ColourKey()
    qtbot.addWidget(key)
    assert key.isHidden()
    key.set_colouring(
        colour_key.by_class(np.zeros(3, np.int64), ["one", "a name that is far too long to be shown"])
    )
    assert not key.isHidden() and key.width() == colour_key.WIDEST
    assert "a name that is far too long to be shown" in key.toolTip()
    key.resize(key.width(), 60)
    assert not key.grab().isNull()
    key.set_colouring(colour_key.plain(3))
    assert key.isHidden()
