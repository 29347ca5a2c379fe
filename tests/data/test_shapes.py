import tracemalloc

import numpy as np
import pytest

from latentlab.data import load, store
from latentlab.data.images import to_channels
from latentlab.data.shapes import RADIUS, SHAPES, coverage


def moments(ink):
    """(area, x, y) of (N, S, S), lengths in sides of the image."""
    size = ink.shape[1]
    centres = (np.arange(size) + 0.5) / size
    total = ink.sum((1, 2))
    return total / size**2, (ink.sum(1) @ centres) / total, (ink.sum(2) @ centres) / total


def test_factors_are_truthful():
    found = load("shapes", {"count": 800})
    area, x, y = moments(found.images[:, 0].astype(float) / 255)
    # A third of a pixel would be 0.005; the heart's and triangle's corners are rounded by up to a tenth.
    np.testing.assert_allclose(x, found.factors["x"], atol=0.002)
    np.testing.assert_allclose(y, found.factors["y"], atol=0.002)
    np.testing.assert_array_equal(found.labels, found.factors["shape"])
    r = RADIUS
    square = 2 * r**2
    triangle = 3 * np.sqrt(3) / 4 * r**2
    ellipse = np.pi * 0.55 * r**2
    for shape, expected in (("square", square), ("ellipse", ellipse), ("triangle", triangle)):
        mine = found.labels == SHAPES.index(shape)
        np.testing.assert_allclose(area[mine] / found.factors["scale"][mine] ** 2, expected, rtol=0.03)
    for index in range(len(SHAPES)):
        mine = found.labels == index
        assert np.corrcoef(area[mine], found.factors["scale"][mine] ** 2)[0, 1] > 0.999


def test_every_sprite_lies_inside_and_is_whole():
    found = load("shapes", {"count": 800})
    edges = np.concatenate([found.images[..., [0, -1], :].ravel(), found.images[..., [0, -1]].ravel()])
    assert edges.max() == 0
    assert found.images.max((1, 2, 3)).min() == 255


@pytest.mark.parametrize(
    ("shape", "symmetry"), [("square", 90), ("ellipse", 180), ("triangle", 120), ("heart", 360)]
)
def test_rotation(shape, symmetry):
    turns = np.array([0, symmetry, symmetry / 2, 90], np.float32)
    factors = {name: np.full(4, 0.5, np.float32) for name in ("x", "y")}
    factors |= {"scale": np.ones(4, np.float32), "rotation": turns}
    factors["shape"] = np.full(4, SHAPES.index(shape), np.float32)
    ink = coverage(factors, 64)
    np.testing.assert_allclose(ink[0], ink[1], atol=1e-3)
    assert abs(ink[0] - ink[2]).max() > 0.5
    np.testing.assert_allclose(np.rot90(ink[0]), ink[3], atol=1e-3)  # rot90 turns anticlockwise


def test_edges_are_smooth():
    found = load("shapes", {"count": 50})
    between = ((found.images > 20) & (found.images < 235)).mean((1, 2, 3))
    assert between.min() > 0.002


def test_an_image_does_not_depend_on_the_count():
    many, few = load("shapes", {"count": 700}), load("shapes", {"count": 300})
    np.testing.assert_array_equal(many.images[:300], few.images)
    for name, values in few.factors.items():
        np.testing.assert_array_equal(many.factors[name][:300], values)
    np.testing.assert_array_equal(load("shapes", {"count": 700, "limit": 300}).images, few.images)


def test_another_seed_draws_other_sprites():
    assert load("shapes", {"count": 9}).fingerprint != load("shapes", {"count": 9, "seed": 1}).fingerprint


def test_defaults():
    found = load("shapes", {"count": 5})
    assert found.image_shape == (1, 64, 64)
    assert list(found.factors) == ["shape", "scale", "rotation", "x", "y"]


def test_colour_is_the_hue():
    found = load("shapes", {"count": 200, "channels": 3})
    strongest = found.images.reshape(200, 3, -1).max(2).argmax(1)
    nearest = np.rint(found.factors["hue"] / 120).astype(int) % 3
    np.testing.assert_array_equal(strongest, nearest)


def test_alpha_flattens_to_the_picture_in_colour():
    colour = load("shapes", {"count": 50, "channels": 3}).images
    flattened = to_channels(load("shapes", {"count": 50, "channels": 4}).images, 3)
    assert abs(colour.astype(int) - flattened).max() <= 1
    grey = load("shapes", {"count": 50}).images
    np.testing.assert_array_equal(load("shapes", {"count": 50, "channels": 4}).images[:, 3:], grey)


def test_more_sprites_than_memory_may_hold_are_drawn_into_the_cache(monkeypatch):
    held = load("shapes", {"count": 500, "size": 32})
    monkeypatch.setattr(store, "budget", lambda: 2**20)
    tracemalloc.start()
    mapped = load("shapes", {"count": 16_000, "size": 32})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mapped.is_mapped and not held.is_mapped
    assert peak < 12 * 2**20 < mapped.images.nbytes  # some are drawn at a time, however many there are
    np.testing.assert_array_equal(mapped.images[:500], held.images)
    np.testing.assert_array_equal(mapped.original(15_999), mapped.images[15_999])
