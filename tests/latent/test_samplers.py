"""Latents from the prior, by seed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.samplers import continuous, draw, from_seeds, mean, one_hot, truncate
from latentlab.models.base import Choice


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


def _model(size, *choices):
    """As much of a model as samplers look at."""
    return SimpleNamespace(latent_shape=(size,), prior="standard-normal", choices=choices)


COLOUR = Choice("colour", "Colour", 3, ("red", "green", "blue"))
SHAPE = Choice("shape", "Shape", 7, ("square", "disc"))


def test_a_choice_is_drawn_one_hot_and_every_category_as_often():
    z = draw(_model(9, COLOUR, SHAPE), range(3000))
    assert z.shape == (3000, 9) and z.dtype == np.float32
    for choice in (COLOUR, SHAPE):
        part = z[:, choice.start : choice.stop]
        assert np.array_equal(np.sort(part), np.tile(np.eye(len(choice.labels))[-1], (3000, 1)))
        share = 1 / len(choice.labels)
        assert np.abs(part.mean(0) - share).max() < 4 * np.sqrt(share * (1 - share) / 3000)


def test_a_seed_gives_the_same_category_whatever_stands_beside_it():
    model = _model(9, COLOUR, SHAPE)
    together = draw(model, range(20))
    assert np.array_equal(draw(model, [13])[0], together[13])
    assert np.array_equal(draw(model, iter([4, 3])), together[[4, 3]])


def test_a_choice_changes_no_number_beside_it_and_no_other_choice():
    plain, one, two = _model(9), _model(9, COLOUR), _model(9, COLOUR, SHAPE)
    a, b, c = (draw(model, range(50)) for model in (plain, one, two))
    assert np.array_equal(a, from_seeds(range(50), (9,)))
    assert np.array_equal(a[:, continuous(one)], b[:, continuous(one)])
    assert np.array_equal(b[:, :7], c[:, :7])


def test_truncation_leaves_choices_alone():
    model = _model(9, COLOUR, SHAPE)
    whole, half = draw(model, range(50)), draw(model, range(50), truncation=0.5)
    assert np.array_equal(half[:, continuous(model)], np.float32(0.5) * whole[:, continuous(model)])
    for choice in model.choices:
        assert np.array_equal(half[:, choice.start : choice.stop], whole[:, choice.start : choice.stop])
    with pytest.raises(ConfigError, match="truncation: 3 is not allowed"):
        draw(model, [0], truncation=3)
    with pytest.raises(ConfigError, match="seed: -1 is not allowed"):
        draw(model, [-1])
    assert draw(model, []).shape == (0, 9)


def test_a_category_has_nothing_to_do_with_the_noise_nor_with_another_choice():
    first = Choice("first", "First", 4, tuple("0123456789"))
    second = Choice("second", "Second", 14, tuple("0123456789"))
    z = draw(_model(24, first, second), range(3000)).astype(np.float64)
    categories = [z[:, c.start : c.stop].argmax(1) for c in (first, second)]
    others = [*z[:, :4].T, *np.abs(z[:, :4].T)]
    for a, b in [(c, other) for c in categories for other in others] + [(categories[0], categories[1])]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(3000)


def test_the_mean_of_the_prior_is_zeros_and_first_categories():
    assert mean(_model(9, COLOUR, SHAPE)).tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert mean(_model(2)).tolist() == [0, 0] and mean(_model(2)).dtype == np.float32


def test_one_hot_is_one_at_its_category():
    assert one_hot(COLOUR, 1).tolist() == [0, 1, 0] and one_hot(COLOUR, 1).dtype == np.float32
    assert one_hot(SHAPE, 1).tolist() == [0, 1]


def test_continuous_dimensions_are_those_outside_choices():
    assert continuous(_model(9, COLOUR, SHAPE)) == [0, 1, 2, 6]
    assert continuous(_model(3)) == [0, 1, 2]
