"""Walks through keyframes: against formulas, at their edges, and where they begin anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.core.errors import ConfigError
from latentlab.latent.walks import ROUTES, Noise, WalkConfig, eased, frames, route, spaced
from latentlab.models.base import Choice

T = np.linspace(0, 1, 11)
KINDS = list(ROUTES)


def keys(count: int = 4, dims: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32)


def way(keyframes, kind="slerp", loop=False, choices=(), **settings):
    return route(keyframes, WalkConfig(kind=kind, loop=loop, **settings), choices)


def slerp_one(a, b, t):
    """The formula, a number at a time."""
    angle = math.acos(sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b))
    return [
        (math.sin((1 - t) * angle) * x + math.sin(t * angle) * y) / math.sin(angle)
        for x, y in zip(a, b, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_slerp_is_the_formula(seed):
    a, b = keys(2, seed=seed)
    expected = [slerp_one(a.tolist(), b.tolist(), t) for t in T]
    np.testing.assert_allclose(way([a, b]).at(T), expected, rtol=2e-6, atol=1e-6)


def test_linear_is_the_formula():
    a, b = keys(2)
    expected = [(1 - t) * a + t * b for t in T]
    np.testing.assert_allclose(way([a, b], "linear").at(T), expected, rtol=1e-6, atol=1e-7)


def test_slerp_of_a_quarter_turn_is_the_circle():
    path = way([[2.0, 0.0], [0.0, 2.0]]).at(T)
    np.testing.assert_allclose(path[:, 0], 2 * np.cos(T * math.pi / 2), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-6)


def test_slerp_keeps_latents_as_long_as_the_prior_s_own_where_linear_does_not():
    ends = keys(2, 100)
    slerped, straight = (np.linalg.norm(way(ends, kind).at([0.5])) for kind in ("slerp", "linear"))
    assert slerped > 9 > 8 > straight


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
    assert np.array_equal(way([a, b]).at(T), way([a, b], "linear").at(T))


def test_slerp_is_finite_and_near_its_ends_for_almost_parallel_latents():
    a = np.float32([1.0, 2.0, 3.0])
    for step in 10.0 ** np.arange(-12.0, -2.0):
        path = way([a, a + np.float32([step, 0, 0])]).at(T)
        np.testing.assert_allclose(path, np.tile(a, (11, 1)), atol=2 * step + 1e-6)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_keyframe_is_passed_to_the_last_bit(kind, loop):
    keyframes = keys()
    walk = way(keyframes, kind, loop)
    assert walk.legs == (4 if loop else 3)
    assert np.array_equal(walk.at(np.arange(4)), keyframes)
    assert np.array_equal(walk.at([walk.legs]), keyframes[:1] if loop else keyframes[-1:])
    assert walk.at(T).dtype == np.float32
    # Beyond the ends are the ends.
    assert np.array_equal(walk.at([-3, 99]), walk.at([0, walk.legs]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_back_is_the_way(kind):
    there, back = way(keys(), kind).at(3 * T), way(keys()[::-1], kind).at(3 * T)
    np.testing.assert_allclose(back, there[::-1], rtol=1e-4, atol=1e-5)


def test_a_spline_is_the_textbook_s():
    """Half way between b and c: (-a + 9 b + 9 c - d) / 16 (Catmull and Rom, 1974)."""
    a, b, c, d = keys().astype(np.float64)
    np.testing.assert_allclose(
        way(keys(), "spline").at([1.5])[0], (-a + 9 * b + 9 * c - d) / 16, rtol=1e-5, atol=1e-6
    )


def test_a_spline_of_keyframes_on_a_line_goes_evenly_along_it():
    line = np.arange(5)[:, None] * np.float32([1, -2])
    at = np.linspace(0, 4, 33)
    np.testing.assert_allclose(way(line, "spline").at(at), at[:, None] * [1, -2], atol=1e-5)


@pytest.mark.parametrize("loop", [False, True])
def test_a_spline_has_no_kinks_also_where_it_begins_anew(loop):
    walk = way(keys(), "spline", loop)
    step = 1e-3
    joints = np.arange(1, 3) if not loop else np.arange(4)
    after = walk.at(joints + step) - walk.at(joints)
    before = walk.at(joints) - walk.at((joints - step) % walk.legs if loop else joints - step)
    np.testing.assert_allclose(after / step, before / step, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("kind", [*KINDS, "noise"])
def test_a_loop_has_no_seam(kind):
    """From the last frame to the first is a step like any other."""
    config = WalkConfig(kind=kind, seconds=2, fps=25, legs=4)
    walk = route(keys(), config)
    film = walk.at(frames(walk.legs, config))
    assert len(film) == 4 * 2 * 25
    steps = np.linalg.norm(np.roll(film, -1, axis=0) - film, axis=1)
    assert steps[-1] <= 1.05 * steps[:-1].max() and steps.min() > 0
    np.testing.assert_allclose(walk.at([0]), walk.at([walk.legs]), atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "noise"])
@given(st.lists(st.sampled_from([0, 1, -1, 2]), min_size=2, max_size=5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_repeated_zero_and_opposite_keyframes_are_no_trouble(kind, multiples, loop):
    keyframes = np.float32(multiples)[:, None] * keys(1)
    walk = way(keyframes, kind, loop)
    assert np.isfinite(walk.at(np.linspace(0, walk.legs, 33))).all()


def test_categories_are_mixed_linearly_and_the_noise_goes_as_if_they_were_not_there():
    choice = Choice("kind", "Kind", 2, ("a", "b", "c"))
    a = np.float32([1, 0, 1, 0, 0, 3])
    b = np.float32([0, 2, 0, 0, 1, 0])
    noise = [0, 1, 5]
    for kind in KINDS:
        walk = way([a, b], kind, choices=[choice]).at(T[::5])
        np.testing.assert_allclose(walk[:, noise], way([a[noise], b[noise]], kind).at(T[::5]), atol=1e-6)
        np.testing.assert_array_equal(walk[1, 2:5], [0.5, 0, 0.5])
        np.testing.assert_allclose(walk[:, 2:5].sum(1), 1)
    kept = Noise(a, 4, 0, [choice]).at(np.linspace(0, 4, 9))
    np.testing.assert_array_equal(kept[:, 2:5], np.tile([1, 0, 0], (9, 1)))


# Noise


def test_a_noise_walk_begins_at_its_keyframe_comes_back_and_is_its_seed_s():
    start = keys(1)[0]
    walk = Noise(start, 6, 7)
    np.testing.assert_array_equal(walk.at([0, 6]), np.stack([start, start]))
    np.testing.assert_allclose(walk.at([1e-6, 6 - 1e-6]), np.stack([start, start]), atol=1e-3)
    at = np.linspace(0, 6, 50)
    np.testing.assert_array_equal(walk.at(at), Noise(start, 6, 7).at(at))
    assert not np.allclose(walk.at([3]), Noise(start, 6, 8).at([3]), atol=0.1)


@pytest.mark.parametrize("legs", [1, 3, 12])
def test_places_of_a_noise_walk_are_distributed_as_the_prior_is(legs):
    """Mean 0 and covariance I at every place, over starts and seeds; a start alone keeps only its echo."""
    starts = np.random.default_rng(0).standard_normal((4000, 2)).astype(np.float32)
    at = np.array([0.3, 0.5, 0.9]) * legs
    places = np.stack([Noise(start, legs, seed).at(at) for seed, start in enumerate(starts)])
    np.testing.assert_allclose(places.mean(0), 0, atol=0.06)
    np.testing.assert_allclose(places.std(0), 1, atol=0.05)
    for place in range(3):
        assert abs(np.corrcoef(places[:, place].T)[0, 1]) < 0.06


@pytest.mark.parametrize("legs", [1, 2, 8, 40])
def test_the_covariance_of_a_noise_walk_is_exactly_the_prior_s(legs):
    """A place is a sum of independent draws: with each on an axis of its own, their shares in it."""
    harmonics = Noise(np.zeros(1), legs, 0)._waves.shape[1]
    axes = np.eye(2 * harmonics + 1)
    walk = Noise(axes[-1], legs, 0)
    walk._waves = axes[:-1].reshape(2, harmonics, -1)
    shares = walk.at(np.linspace(0, legs, 101)).astype(np.float64)
    np.testing.assert_allclose(np.square(shares).sum(1), 1, rtol=1e-5)


def test_a_longer_noise_walk_goes_farther_not_faster():
    def steps(legs):
        found = [Noise(keys(1, 32, seed)[0], legs, seed).at(np.arange(legs + 1)) for seed in range(40)]
        return np.mean([np.linalg.norm(np.diff(walk, axis=0), axis=1).mean() for walk in found])

    two_draws = math.sqrt(2 * 32)
    assert 0.75 * two_draws < steps(6) < 1.05 * two_draws
    assert abs(steps(24) / steps(6) - 1) < 0.1


# Frames and easing


def test_an_open_walk_has_both_ends_and_a_loop_one():
    open_walk = frames(3, WalkConfig(seconds=1, fps=10, loop=False))
    assert len(open_walk) == 30 and (open_walk[0], open_walk[-1]) == (0, 3)
    loop = frames(3, WalkConfig(seconds=1, fps=10))
    np.testing.assert_allclose(loop, np.arange(30) / 10)
    assert len(frames(1, WalkConfig(seconds=0.1, fps=1))) == 2
    assert len(spaced(3, 7, WalkConfig(easing="in"))) == 7


@pytest.mark.parametrize("easing", ["none", "in-out", "in", "out"])
@given(st.floats(0, 100), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_easing_keeps_keyframes_and_never_goes_back(easing, at, more):
    first, then = eased(np.array([at, at + more]), easing)
    assert first <= then + 1e-9
    whole = np.arange(5.0)
    np.testing.assert_array_equal(eased(whole, easing), whole)


def test_easings_are_their_formulas():
    at = np.array([0.25, 0.5, 1.75])
    np.testing.assert_allclose(eased(at, "in"), [0.0625, 0.25, 1.5625])
    np.testing.assert_allclose(eased(at, "out"), [0.4375, 0.75, 1.9375])
    np.testing.assert_allclose(eased(at, "in-out"), [0.15625, 0.5, 1.84375])


@pytest.mark.parametrize("kind", [*KINDS, "geodesic"])
def test_a_walk_needs_two_keyframes(kind):
    with pytest.raises(ConfigError, match=rf"keyframes: 1 is not enough; a {kind} walk needs at least 2\."):
        way(keys(1), kind)


def test_a_noise_walk_needs_one():
    with pytest.raises(ConfigError, match="keyframes: 0 is not enough; a noise walk needs at least 1"):
        way(np.empty((0, 3)), "noise")
