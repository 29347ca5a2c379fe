import numpy as np
import pytest

from latentlab.core.config import describe
from latentlab.core.errors import ConfigError
from latentlab.data import SOURCES, load

DISTRIBUTIONS = ("ring", "grid", "spirals", "moons")


def plane(dataset):
    """float64 (N, 2)."""
    return dataset.images.reshape(-1, 2).astype(np.float64)


def means(dataset):
    """float64 (classes, 2): where the points of each class lie on average."""
    return np.stack([plane(dataset)[dataset.labels == i].mean(0) for i in range(len(dataset.label_names))])


def test_the_ring_has_evenly_spaced_round_gaussians_of_the_noise_asked_for():
    found = load("points", {"modes": 6, "noise": 0.015})
    angles = np.arange(6) * np.pi / 3
    centres = 0.5 + 0.4 * np.stack([np.cos(angles), np.sin(angles)], 1)
    # 20,000 / 6 points each: a mean is known to 0.015 / 58.
    np.testing.assert_allclose(means(found), centres, atol=5 * 0.015 / np.sqrt(20_000 / 6))
    np.testing.assert_allclose(found.factors["angle"], found.labels * 60)
    off = plane(found) - centres[found.labels]
    np.testing.assert_allclose(np.cov(off.T), np.eye(2) * 0.015**2, atol=0.015**2 * 0.05)
    assert found.label_names == ("0°", "60°", "120°", "180°", "240°", "300°")


def test_the_grid_is_labelled_by_column_and_row_upwards():
    found = load("points", {"distribution": "grid", "side": 3})
    centres = np.array([(x, y) for y in (0.1, 0.5, 0.9) for x in (0.1, 0.5, 0.9)])
    np.testing.assert_allclose(means(found), centres, atol=5 * 0.02 / np.sqrt(20_000 / 9))
    assert found.label_names[:4] == ("1,1", "2,1", "3,1", "1,2")
    np.testing.assert_array_equal(found.labels, 3 * found.factors["row"] + found.factors["column"])


@pytest.mark.parametrize("settings", [{}, {"distribution": "grid", "side": 4}, {"distribution": "moons"}])
def test_classes_are_drawn_evenly(settings):
    counts = np.array(list(load("points", settings).class_counts().values()))
    expected = counts.sum() / len(counts)
    # A chi-square of K - 1 degrees of freedom: its mean plus five standard deviations.
    assert ((counts - expected) ** 2 / expected).sum() < (len(counts) - 1) + 5 * np.sqrt(
        2 * (len(counts) - 1)
    )


@pytest.mark.parametrize("arms", [1, 2, 5])
def test_arms_wind_evenly_apart_and_are_evenly_filled(arms):
    found = load("points", {"distribution": "spirals", "arms": arms, "noise": 0})
    x, y = (plane(found) - 0.5).T
    radius = np.hypot(x, y) / 0.4
    np.testing.assert_allclose(found.factors["along"], (radius - 0.15) / 0.85, atol=1e-5)
    turn = (found.labels + 3 * radius) / arms
    np.testing.assert_allclose(
        (x, y), 0.4 * radius * np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)]), atol=1e-6
    )
    assert sorted(set(found.labels)) == list(range(arms))
    outer = (radius > 0.5).mean()  # as much of the arc's length as lies there
    assert abs(outer - (1 - 0.5**2) / (1 - 0.15**2)) < 0.02


def test_moons_are_half_circles_that_reach_into_each_other():
    found = load("points", {"distribution": "moons", "noise": 0})
    upper, lower = (plane(found)[found.labels == i] for i in (0, 1))
    unit = 0.4 / 1.5
    np.testing.assert_allclose(np.hypot(*(upper - (0.5 - unit / 2, 0.5 - unit / 4)).T), unit, atol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - (0.5 + unit / 2, 0.5 + unit / 4)).T), unit, atol=1e-6)
    assert upper[:, 1].min() > 0.5 - unit / 4 - 1e-6 and lower[:, 1].max() < 0.5 + unit / 4 + 1e-6
    assert upper[:, 0].max() > lower[:, 0].min() + unit / 2
    first = plane(found)[found.factors["along"].argmin()]  # where the upper one begins, or the lower one
    assert min(abs(first[0] - 0.5 - unit / 2), abs(first[0] - 0.5 + unit / 2)) < 1e-3


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.06])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_five_deviations_lie_inside(distribution, noise):
    found = plane(load("points", {"distribution": distribution, "noise": noise}))
    assert (found > 0).all() and (found < 1).all()  # nothing had to be brought back to an edge
    clean = load("points", {"distribution": distribution, "noise": noise, "count": 500})
    assert np.ptp(plane(clean)[:, 0]) > 0.3


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_point_does_not_depend_on_the_count(distribution, monkeypatch):
    many = load("points", {"distribution": distribution, "count": 700})
    monkeypatch.setattr("latentlab.data.points.CHUNK", 64)
    few = load("points", {"distribution": distribution, "count": 300})
    np.testing.assert_array_equal(many.images[:300], few.images)
    np.testing.assert_array_equal(many.labels[:300], few.labels)
    for name, values in few.factors.items():
        np.testing.assert_array_equal(many.factors[name][:300], values)


def test_another_seed_draws_other_points():
    assert load("points", {"count": 9}).fingerprint != load("points", {"count": 9, "seed": 1}).fingerprint


@pytest.mark.parametrize(
    ("settings", "summary"),
    [
        ({}, "20,000 points · ring of 8 · 8 classes · 1 factor"),
        ({"distribution": "grid", "count": 1}, "1 point · grid of 5×5 · 25 classes · 2 factors"),
        ({"distribution": "spirals"}, "20,000 points · 2 spirals · 2 classes · 1 factor"),
        ({"distribution": "moons", "limit": 10}, "10 points · two moons · 2 classes · 1 factor"),
    ],
)
def test_summary(settings, summary):
    found = load("points", settings)
    assert found.summary() == summary and found.name in summary


@pytest.mark.parametrize(
    "settings", [{"size": 8}, {"channels": 1}, {"modes": 33}, {"noise": 0.07}, {"distribution": "circle"}]
)
def test_settings_that_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        load("points", settings)


def test_a_form_greys_out_what_the_distribution_does_not_use():
    fields = {spec.name: spec for spec in describe(SOURCES.get("points").Config)}
    used = {
        name: [d for d in DISTRIBUTIONS if fields[name].has_effect({"distribution": d})] for name in fields
    }
    assert (used["modes"], used["side"], used["arms"]) == (["ring"], ["grid"], ["spirals"])
    assert used["noise"] == used["count"] == list(DISTRIBUTIONS)


def test_pictures_are_dots():
    found = load("points", {"count": 5})
    pictures = found.pictures(slice(None))
    assert pictures.shape == (5, 1, 64, 64) and pictures.dtype == np.uint8
    rows, columns = np.divmod(pictures.reshape(5, -1).argmax(1), 64)
    x, y = plane(found).T
    assert (abs(columns - (64 * x - 0.5)) < 1).all() and (abs(rows - (64 * (1 - y) - 0.5)) < 1).all()
