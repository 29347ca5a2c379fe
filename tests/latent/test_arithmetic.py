"""Sums of latents."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.arithmetic import mix

A, B, C, D = np.random.default_rng(0).standard_normal((4, 7)).astype(np.float32)


def test_a_minus_b_plus_c():
    found = mix(np.stack([A, B, C]), np.array([1, -1, 1]))
    assert found.dtype == np.float32 and found.shape == (7,)
    np.testing.assert_allclose(found, A - B + C, rtol=1e-6, atol=1e-6)
    assert np.array_equal(mix(np.stack([A, B, B]), [1, -1, 1]), A)  # exact where it can be


def test_a_mix_is_the_weighted_sum_and_nothing_is_rescaled():
    weights = [0.1, 0.2, 0.3, 0.4]
    expected = 0.1 * A + 0.2 * B + 0.3 * C + 0.4 * D
    np.testing.assert_allclose(mix([A, B, C, D], weights), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mix([A, B], [3, 0]), 3 * A, rtol=1e-6)
    assert np.array_equal(mix(A[None], [1]), A)


@pytest.mark.parametrize(
    ("latents", "weights", "message"),
    [
        ([A, B], [1, 2, 3], r"^weights: \(3,\) is not allowed; expected \(2,\), one a latent\.$"),
        ([A, B], [1], r"^weights: \(1,\)"),
        ([A, B], [[1, 2]], r"^weights: \(1, 2\)"),
        (A, [1], r"^latents: \(7,\) is not allowed; expected \(K, D\)"),
        (np.empty((0, 7)), [], r"^latents: \(0, 7\)"),
        ([A, B], [1, np.nan], "^weights: expected finite numbers"),
    ],
)
def test_lengths_that_do_not_match_are_refused(latents, weights, message):
    with pytest.raises(ConfigError, match=message):
        mix(latents, weights)
