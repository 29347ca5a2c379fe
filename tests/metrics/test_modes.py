"""Modes that are covered, counted."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab import data, metrics
from latentlab.metrics.base import Heldout
from latentlab.metrics.modes import Modes, clusters
from latentlab.models import MODELS

CENTRES = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]])


def draw(counts, seed=0, sigma=0.02):
    """Points (N, 2, 1, 1) about the centres, so many of each, and their labels."""
    labels = np.repeat(np.arange(4), counts)
    noise = sigma * np.random.default_rng(seed).standard_normal((len(labels), 2))
    return (CENTRES[labels] + noise).astype(np.float32).reshape(-1, 2, 1, 1), labels


def measured(fake, counts, seed=1):
    heldout, labels = draw([200] * 4)
    samples, _ = draw(counts, seed)
    assert len(samples) == 2500
    return Modes.measure(fake(samples), Heldout(heldout, labels))


@pytest.mark.parametrize(
    ("counts", "modes"),
    [
        ([625, 625, 625, 625], 4),
        ([2500, 0, 0, 0], 1),
        ([1250, 1150, 100, 0], 3),
        ([1250, 1200, 50, 0], 2),  # 62.5 would be a tenth of an even share
    ],
)
def test_a_mode_counts_from_a_tenth_of_an_even_share_on(fake, counts, modes):
    found = measured(fake, counts)
    assert found["modes"] == modes
    assert found["quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.006)  # Rayleigh: within 3 sigma


def test_samples_between_the_modes_are_of_no_quality(fake):
    heldout, labels = draw([200] * 4)
    middle = np.full((2500, 2, 1, 1), 0.5, np.float32)
    assert Modes.measure(fake(middle), Heldout(heldout, labels)) == {"modes": 0.0, "quality": 0.0}


def test_centre_and_standard_deviation_are_those_of_the_held_out_points():
    heldout, labels = draw([2000] * 4, sigma=0.03)
    centres, sigmas = clusters(heldout.reshape(-1, 2), labels)
    np.testing.assert_allclose(centres, CENTRES, atol=0.003)
    np.testing.assert_allclose(sigmas, 0.03, rtol=0.05)


def test_classes_that_overlap_or_have_few_points_are_no_modes(fake):
    heldout, labels = draw([200] * 4, sigma=0.12)
    assert Modes.measure(fake(heldout), Heldout(heldout, labels)) == {}
    heldout, labels = draw([200, 200, 200, 4])
    assert Modes.measure(fake(heldout), Heldout(heldout, labels)) == {}
    heldout, labels = draw([200, 0, 0, 0])
    assert Modes.measure(fake(heldout), Heldout(heldout, labels)) == {}


def test_points_without_noise_are_reached(fake):
    heldout, labels = draw([50] * 4, sigma=0)
    found = Modes.measure(fake(heldout), Heldout(heldout, labels))
    assert found == {"modes": 4.0, "quality": 1.0}


@pytest.mark.parametrize(("distribution", "is_measured"), [("ring", True), ("grid", True), ("moons", False)])
def test_the_built_in_points(fake, distribution, is_measured):
    points = data.load("points", {"distribution": distribution, "count": 2000})
    found = Modes.measure(fake(points.images), Heldout(points.images[:600], points.labels[:600]))
    if is_measured:
        assert found["modes"] == len(points.label_names) and found["quality"] > 0.97
    else:
        assert found == {}


def test_only_labelled_points_have_modes():
    gan = MODELS.get("mlp-gan")
    assert "modes" in metrics.figures(gan, (2, 1, 1), labelled=True)
    assert "modes" not in metrics.figures(gan, (2, 1, 1), labelled=False)
    assert "modes" not in metrics.figures(gan, (1, 8, 8), labelled=True)
