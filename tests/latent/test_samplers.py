"""Latents from the prior, by seed."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.samplers import from_seeds, truncate


def test_a_seed_gives_the_same_latent_whatever_stands_beside_it():
    together = from_seeds(range(5), (7,))
    assert together.shape == (5, 7) and together.dtype == np.float32
    assert np.array_equal(from_seeds([3], (7,))[0], together[3])
    assert np.array_equal(from_seeds([4, 3], (7,)), together[[4, 3]])


def test_a_longer_latent_begins_like_a_shorter_one():
    assert np.array_equal(from_seeds([11], (100,))[0, :16], from_seeds([11], (16,))[0])


def test_the_latents_of_a_seed_never_change():
    """Golden: whoever wrote a seed down must find the same picture under it."""
    np.testing.assert_allclose(
        from_seeds([0, 1], (4,)),
        [
            [1.117622018, -1.387124896, -0.426571608, -0.803587258],
            [1.729103565, -1.428453445, 1.02774477, 1.882069111],
        ],
        rtol=0,
        atol=1e-7,
    )


def test_many_latents_are_distributed_as_the_prior():
    z = from_seeds(range(4000), (25,)).astype(np.float64)
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / z.size)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / z.size)
    lengths = np.linalg.norm(z, axis=1)
    assert abs(lengths.mean() - 5) < 0.1
    correlation = np.corrcoef(z.T) - np.eye(25)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


def test_neighbouring_seeds_have_nothing_in_common():
    z = from_seeds(range(2000), (50,)).astype(np.float64)
    assert abs((z[:-1] * z[1:]).mean()) < 4 / np.sqrt(z[1:].size)


def test_no_seeds_give_no_latents():
    assert from_seeds([], (5,)).shape == (0, 5)


def test_truncation_pulls_towards_the_mean_of_the_prior():
    z = from_seeds(range(3), (5,))
    assert np.array_equal(truncate(z, 1), z)
    assert not truncate(z, 0).any()
    np.testing.assert_allclose(truncate(z, 0.7), 0.7 * z, rtol=1e-6)
    assert np.array_equal(from_seeds(range(3), (5,), truncation=0.5), z * np.float32(0.5))
    assert truncate(z, 2.0).dtype == np.float32


@pytest.mark.parametrize("truncation", [-0.1, 2.1, float("nan"), float("inf")])
def test_a_truncation_out_of_range_is_refused(truncation):
    with pytest.raises(
        ConfigError, match=r"^truncation: .* is not allowed; expected a number from 0 to 2\.$"
    ):
        from_seeds([0], (5,), truncation)


def test_a_negative_seed_and_an_unknown_prior_are_refused():
    with pytest.raises(
        ConfigError, match=r"^seed: -1 is not allowed; expected a whole number of at least 0\.$"
    ):
        from_seeds([0, -1], (5,))
    with pytest.raises(ConfigError, match=r"^Unknown prior 'uniform'; expected standard-normal\.$"):
        from_seeds([0], (5,), prior="uniform")
