"""Paths from one latent to another, against the formula and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.paths import PATHS, between, linear, round_trip, slerp, through
from latentlab.models.base import Choice

T = np.linspace(0, 1, 11)


def _latents(seed, dims=8):
    return np.random.default_rng(seed).standard_normal((2, dims)).astype(np.float32)


def _slerp_one(a, b, t):
    """The formula, a number at a time."""
    angle = math.acos(sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b))
    return [
        (math.sin((1 - t) * angle) * x + math.sin(t * angle) * y) / math.sin(angle)
        for x, y in zip(a, b, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_slerp_is_the_formula(seed):
    a, b = _latents(seed)
    expected = [_slerp_one(a.tolist(), b.tolist(), t) for t in T]
    np.testing.assert_allclose(slerp(a, b, T), expected, rtol=2e-6, atol=1e-6)


def test_linear_is_the_formula():
    a, b = _latents(1)
    np.testing.assert_allclose(linear(a, b, T), [(1 - t) * a + t * b for t in T], rtol=1e-6, atol=1e-7)


def test_slerp_of_a_quarter_turn_is_the_circle():
    path = slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), T)
    np.testing.assert_allclose(path[:, 0], 2 * np.cos(T * math.pi / 2), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-6)


def test_slerp_keeps_latents_as_long_as_the_prior_s_own_where_linear_does_not():
    a, b = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    middle = np.array([0.5])
    assert np.linalg.norm(slerp(a, b, middle)) > 9 > 8 > np.linalg.norm(linear(a, b, middle))


@pytest.mark.parametrize("kind", list(PATHS))
@pytest.mark.parametrize("seed", range(3))
def test_paths_begin_and_end_exactly_at_their_ends(kind, seed):
    a, b = _latents(seed)
    path = between(a, b, 5, kind)
    assert path.shape == (5, 8) and path.dtype == np.float32
    assert np.array_equal(path[0], a) and np.array_equal(path[-1], b)
    np.testing.assert_allclose(between(b, a, 5, kind), path[::-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]),
        ([1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]),
    ],
    ids=["from zero", "both zero", "equal", "on one line", "opposite"],
)
def test_where_the_angle_leaves_the_direction_open_slerp_is_linear(a, b):
    a, b = np.float32(a), np.float32(b)
    path = slerp(a, b, T)
    assert np.isfinite(path).all()
    assert np.array_equal(path, linear(a, b, T))


def test_slerp_is_finite_and_near_its_ends_for_almost_parallel_latents():
    a = np.float32([1.0, 2.0, 3.0])
    for step in 10.0 ** np.arange(-12.0, -2.0):
        path = slerp(a, a + np.float32([step, 0, 0]), T)
        np.testing.assert_allclose(path, np.tile(a, (11, 1)), atol=2 * step + 1e-6)


def test_positions_of_a_path_through_keyframes_are_legs_and_parts():
    keyframes = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    for kind in PATHS:
        for k in range(4):
            np.testing.assert_allclose(through(keyframes, k, kind), keyframes[k], rtol=1e-6)
        expected = PATHS[kind](keyframes[2], keyframes[3], np.array([0.25]))[0]
        np.testing.assert_allclose(through(keyframes, 2.25, kind), expected, rtol=1e-6)
        assert through(keyframes, 1.5, kind).dtype == np.float32


def test_positions_beyond_the_ends_are_the_ends():
    keyframes = np.float32([[1, 0], [0, 1], [-1, 0]])
    assert np.array_equal(through(keyframes, -3), keyframes[0])
    assert np.array_equal(through(keyframes, 99), keyframes[-1])


def test_a_path_of_two_keyframes_is_the_path_between_them():
    a, b = _latents(3)
    path = between(a, b, 5)
    for n in range(5):
        np.testing.assert_allclose(through(np.stack([a, b]), n / 4), path[n], rtol=1e-6)


def test_a_single_keyframe_is_everywhere_and_stays_whose_it_is():
    keyframes = np.float64([[1.0, 2.0]])
    found = through(keyframes, 0.7)
    assert found.tolist() == [1.0, 2.0] and found.dtype == np.float32
    found[0] = 99
    assert keyframes[0, 0] == 1.0


def test_what_is_no_path_is_refused():
    a, b = _latents(0)
    with pytest.raises(ConfigError, match=r"^Unknown path 'cubic': expected one of slerp, linear\.$"):
        between(a, b, 5, "cubic")
    with pytest.raises(ConfigError, match=r"^Unknown path 'cubic'"):
        through(np.stack([a, b]), 0.5, "cubic")
    with pytest.raises(
        ConfigError, match=r"^frames: 1 is not allowed; expected a whole number of at least 2\.$"
    ):
        between(a, b, 1)


def test_a_round_trip_passes_every_keyframe_and_ends_one_step_before_it_began() -> None:
    keyframes = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    walk = round_trip(keyframes, 20)
    assert walk.shape == (20, 3) and walk.dtype == np.float32
    np.testing.assert_allclose(walk[::4], keyframes, rtol=1e-5)
    np.testing.assert_allclose(walk[16:], between(keyframes[4], keyframes[0], 5)[:4], rtol=1e-4, atol=1e-6)
    with pytest.raises(ConfigError, match="frames"):
        round_trip(keyframes, 1)


def test_categories_are_mixed_linearly_and_the_noise_goes_as_if_they_were_not_there():
    choice = Choice("kind", "Kind", 2, ("a", "b", "c"))
    a = np.float32([1, 0, 1, 0, 0, 3])
    b = np.float32([0, 2, 0, 0, 1, 0])
    noise = [0, 1, 5]
    walk = between(a, b, 5, "slerp", [choice])
    np.testing.assert_array_equal(walk[:, noise], between(a[noise], b[noise], 5, "slerp"))
    np.testing.assert_array_equal(walk[2, 2:5], [0.5, 0, 0.5])
    np.testing.assert_allclose(walk[:, 2:5].sum(1), 1)
    same = between(a, np.float32([0, 2, 1, 0, 0, 0]), 5, "slerp", [choice])
    np.testing.assert_array_equal(same[:, 2:5], np.tile([1, 0, 0], (5, 1)))
    keys = np.stack([a, b])
    np.testing.assert_array_equal(through(keys, 0.5, "slerp", [choice]), walk[2])
    np.testing.assert_array_equal(round_trip(keys, 4, "slerp", [choice])[1], walk[2])
