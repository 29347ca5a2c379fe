"""What is remembered of a figure: the same whether it came bit by bit or at once, and little for ever."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentlab.training.health.figures import EARLY_TO, RECENT, TAIL, Figures


def _noted(values: np.ndarray, cuts: list[int]) -> Figures:
    found = Figures()
    steps = np.arange(1, len(values) + 1)
    for start, stop in zip([0, *cuts], [*cuts, len(values)], strict=True):
        found.note(steps[start:stop], {"kl": values[start:stop]})
    return found


@given(st.data(), st.integers(0, 2**32 - 1), st.integers(1, 3000))
def test_how_it_is_cut_into_pieces_does_not_matter(data, seed, count):
    values = np.random.default_rng(seed).normal(size=count)
    values[np.random.default_rng(seed + 1).random(count) < 0.1] = np.nan
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=8)))
    whole, pieces = (_noted(values, c).series.get("kl") for c in ([], cuts))
    if whole is None:
        assert pieces is None
        return
    assert (whole.first, whole.last, whole.lowest) == (pieces.first, pieces.last, pieces.lowest)
    for name in ("recent", "tail"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))
    if count <= EARLY_TO:
        np.testing.assert_array_equal(whole.early, pieces.early)


def test_a_long_run_takes_no_more_memory_than_a_short_one():
    found = Figures()
    for start in range(0, 100_000, 250):
        steps = np.arange(start + 1, start + 251)
        found.note(steps, {"kl": np.sin(steps), "coverage": np.cos(steps)})
    for series in found.series.values():
        kept = {name: array.size for name, array in vars(series).items() if isinstance(array, np.ndarray)}
        assert set(kept) == {"early", "recent", "tail", "_steps"}
        assert kept["tail"] == TAIL and kept["recent"] == kept["_steps"] == RECENT
        assert kept["early"] <= EARLY_TO
        # A view would hold the whole array that it is a part of.
        for name in kept:
            base = getattr(series, name).base
            assert base is None or base.size <= EARLY_TO + RECENT
