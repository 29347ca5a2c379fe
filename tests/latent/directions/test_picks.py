"""Directions from thumbs."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.directions import Material, find

Z = np.zeros(5, np.float32)


def _thumbs(count, seed=0):
    """Random latents (count, 5) and whether the first number is positive."""
    latents = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    return latents[latents[:, 0] > 0], latents[latents[:, 0] <= 0]


def test_few_thumbs_give_the_difference_of_means(linear):
    liked, disliked = _thumbs(9)
    (found,) = find(linear(), "picks", Material(Z, None, liked, disliked))
    step = liked.mean(0) - disliked.mean(0)
    np.testing.assert_allclose(found.vector, step / np.linalg.norm(step), atol=1e-6)
    assert (found.name, found.note) == ("Liked", f"{len(liked)} liked, {len(disliked)} disliked")


def test_many_thumbs_give_a_probe_which_is_nearer_to_what_was_meant(linear):
    latents = np.random.default_rng(0).standard_normal((200, 5)).astype(np.float32)
    latents[:, 1] += 2 * latents[:, 0]  # goes along with what is liked, and is not why
    liked, disliked = latents[latents[:, 0] > 0], latents[latents[:, 0] <= 0]
    (found,) = find(linear(), "picks", Material(Z, None, liked, disliked))
    means = liked.mean(0) - disliked.mean(0)
    assert found.vector[0] > 0.9 > 0.6 > (means / np.linalg.norm(means))[0]


def test_a_probe_needs_eight_of_both(linear):
    liked, disliked = _thumbs(60)
    for up, down, is_probe in ((8, 8, True), (7, 8, False), (20, 7, False)):
        given = Material(Z, None, liked[:up], disliked[:down])
        (found,) = find(linear(), "picks", given)
        step = liked[:up].mean(0) - disliked[:down].mean(0)
        differs = np.abs(found.vector - step / np.linalg.norm(step)).max() > 1e-3
        assert differs is np.True_ if is_probe else not differs


def test_choices_are_left_out(linear):
    model = linear(categories=2, latent_size=3)
    liked, disliked = _thumbs(9)
    (found,) = find(model, "picks", Material(Z, None, liked[:, ::-1], disliked[:, ::-1]))
    assert not found.vector[:2].any() and found.vector[4] > 0.5


@pytest.mark.parametrize(("up", "down"), [(0, 0), (3, 0), (0, 2)])
def test_one_of_each_is_needed(linear, up, down):
    given = Material(Z, None, np.ones((up, 5), np.float32), np.zeros((down, 5), np.float32))
    with pytest.raises(ConfigError, match=rf"^{up} liked and {down} disliked; expected at least 1 of each"):
        find(linear(), "picks", given)


@pytest.mark.parametrize("count", [1, 8])
def test_the_same_liked_and_disliked_say_nothing(linear, count):
    same = np.tile(np.float32([1, 2, 3, 4, 5]), (count, 1))
    with pytest.raises(ConfigError, match=r"^What is liked and what is disliked lie in the same place"):
        find(linear(), "picks", Material(Z, None, same, same))
