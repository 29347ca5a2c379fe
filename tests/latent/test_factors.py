"""Whether a direction is a factor, on latents that were made from factors."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent.factors import correlations, is_categorical

RANDOM = np.random.default_rng(0)
N = 2000


def _made(**dims):
    """Latents with the given columns, and all their dimensions."""
    latents = np.stack(list(dims.values()), axis=1).astype(np.float32)
    return latents, np.eye(latents.shape[1], dtype=np.float32)


def test_an_ordered_factor_gives_the_rank_correlation():
    size = RANDOM.random(N)
    latents, dims = _made(same=np.exp(3 * size), turned=-size, other=RANDOM.standard_normal(N))
    found = correlations(latents, dims, {"size": size})
    assert found.shape == (3, 1) and found.dtype == np.float64
    np.testing.assert_allclose(found[:2, 0], [1, -1], atol=1e-6)
    assert abs(found[2, 0]) < 4 / np.sqrt(N)


def test_the_rank_correlation_is_spearman_s_also_with_ties():
    from scipy.stats import spearmanr

    position = RANDOM.standard_normal(N).round(1)
    factor = (position + RANDOM.standard_normal(N)).round(1)
    latents, dims = _made(position=position)
    expected = spearmanr(latents[:, 0].astype(np.float64), factor).statistic
    np.testing.assert_allclose(correlations(latents, dims, {"size": factor})[0, 0], expected, rtol=1e-9)


def test_columns_are_factors_and_rows_are_directions():
    x, y = RANDOM.random((2, N))
    latents, _ = _made(x=x, y=y)
    along = np.float32([[1, 0], [0, 1], [np.sqrt(0.5), np.sqrt(0.5)]])
    found = correlations(latents, along, {"y": y, "x": x})
    np.testing.assert_allclose(found[:2], [[0, 1], [1, 0]], atol=0.1)
    np.testing.assert_allclose(found[2], np.sqrt(0.5), atol=0.05)


@pytest.mark.parametrize("waves", [1, 2, 4])
@pytest.mark.parametrize("name", ["rotation", "hue", "angle"])
def test_an_angle_has_neither_beginning_nor_end(name, waves):
    angle = RANDOM.uniform(0, 360, N)
    turn = np.deg2rad(angle)
    latents, dims = _made(
        wave=np.sin(waves * turn + 0.7),  # no order of the degrees gives it
        other=RANDOM.standard_normal(N),
    )
    found = correlations(latents, dims, {name: angle, "ordered": angle})
    np.testing.assert_allclose(found[0, 0], 1, atol=1e-4)
    assert abs(found[0, 1]) < 0.9
    assert 0 <= found[1, 0] < 2 * np.sqrt(8 / N)


def test_categories_give_the_correlation_ratio():
    kind = RANDOM.integers(0, 3, N)
    heights = np.array([0.0, 5.0, -1.0])  # no order of the numbers gives it
    noise = RANDOM.standard_normal(N)
    latents, dims = _made(exact=heights[kind], noisy=heights[kind] + 2 * noise)
    found = correlations(latents, dims, {"shape": kind.astype(np.float32)})[:, 0]
    z = latents[:, 1].astype(np.float64)
    means = np.array([z[kind == k].mean() for k in range(3)])[kind]
    np.testing.assert_allclose(found, [1, means.std() / z.std()], atol=1e-6)


def test_what_never_changes_correlates_with_nothing():
    angle = RANDOM.uniform(0, 360, N)
    latents, dims = _made(constant=np.full(N, 3), angle=angle)
    factors = {"rotation": angle, "flat": np.full(N, 0.5), "one": np.ones(N), "hue": np.full(N, 90.0)}
    found = correlations(latents, dims, factors)
    assert np.isfinite(found).all() and not found[0].any()
    np.testing.assert_allclose(found[1, 1:], 0, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 1, 2, 1], True), ([0, 0.5, 1], False), (range(21), False), (range(20), True), ([3, 3], True)],
)
def test_what_counts_as_categories(values, expected):
    assert is_categorical(np.asarray(list(values), np.float32)) is expected
