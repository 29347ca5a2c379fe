"""Class means and probes, on latents whose classes and factors are known, and on samples of a GAN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab import data
from latentlab.core import points
from latentlab.core.errors import ConfigError
from latentlab.latent.directions import find
from latentlab.latent.directions.labelled import gather

N = 600


def _latents(dims=5, count=N, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32).clip(-3, 3)


def _apart(centres, dims=5, spread=0.3):
    """Latents around `centres` (K, D), and which is whose."""
    labels = np.random.default_rng(1).integers(0, len(centres), N)
    return np.asarray(centres, np.float32)[labels] + spread * _latents(dims), labels


def _by_name(found):
    return {direction.name: direction for direction in found}


def test_class_means_point_from_the_rest_to_the_class(mirror, pictured, material):
    model = mirror()
    latents, labels = _apart([[2, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 0, 0, 0]])
    dataset = pictured(latents, labels=labels, label_names=("a", "b", "c"))
    found = _by_name(find(model, "classes", material(model, dataset=dataset), {"samples": N}))
    for index, name in enumerate("abc"):
        step = latents[labels == index].mean(0) - latents[labels != index].mean(0)
        np.testing.assert_allclose(found[name].vector, step / np.linalg.norm(step), atol=0.02)
    assert found["a"].vector[0] > 0.9 and found["c"].vector[0] < -0.5


def test_class_means_tell_how_far_apart_they_are_the_farthest_first(mirror, pictured, material):
    model = mirror()
    latents, labels = _apart([[0, 0, 0, 0, 0], [3, 0, 0, 0, 0]], spread=0.5)
    dataset = pictured(latents, labels=labels, label_names=("a", "b"))
    found = find(model, "classes", material(model, dataset=dataset), {"samples": N})
    assert all(4 < float(d.note.split()[1]) < 7 for d in found) and found[0].note.startswith("means ")
    latents, labels = _apart([[3, 0, 0, 0, 0], [0, 0.2, 0, 0, 0], [0, 0, 0, 0, 0]])
    dataset = pictured(latents, labels=labels, label_names=("far", "b", "c"))
    found = find(model, "classes", material(model, dataset=dataset), {"samples": N})
    assert found[0].name == "far"


def test_classes_that_are_not_there_are_left_out(mirror, pictured, material):
    model = mirror()
    latents, labels = _apart([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    dataset = pictured(latents, labels=labels, label_names=("a", "b", "nobody"))
    for method in ("classes", "probe"):
        found = find(model, method, material(model, dataset=dataset))
        assert sorted(_by_name(found)) == ["a", "b"]


@pytest.mark.parametrize("method", ["classes", "probe"])
@pytest.mark.parametrize("labels", [None, np.zeros(N, np.int64)])
def test_without_two_classes_there_is_nothing_to_tell_apart(mirror, pictured, material, method, labels):
    model = mirror()
    dataset = pictured(_latents(), labels=labels, label_names=() if labels is None else ("a", "b"))
    with pytest.raises(ConfigError, match=r"^pictures has (no labels; expected|neither labels of two)"):
        find(model, method, material(model, dataset=dataset))


def test_a_probe_finds_the_normal_between_classes_and_how_sure_it_is(mirror, pictured, material):
    model = mirror()
    latents = _latents()
    # Along (3, 4)/5 whatever the correlated dimension does, which drags the means aside.
    latents[:, 1] += 1.5 * latents[:, 0]
    labels = (0.6 * latents[:, 0] - 0.8 * latents[:, 1] > 0).astype(np.int64)
    dataset = pictured(latents, labels=labels, label_names=("off", "on"))
    found = _by_name(find(model, "probe", material(model, dataset=dataset), {"samples": N}))
    np.testing.assert_allclose(found["on"].vector, [0.6, -0.8, 0, 0, 0], atol=0.08)
    np.testing.assert_allclose(found["off"].vector, -found["on"].vector, atol=0.05)
    assert found["on"].note.startswith("accuracy ") and float(found["on"].note.split()[1]) >= 0.95
    means = _by_name(find(model, "classes", material(model, dataset=dataset), {"samples": N}))
    assert np.abs(means["on"].vector - found["on"].vector).max() > 0.1


def test_the_accuracy_is_that_on_what_was_held_out_and_balanced(mirror, pictured, material):
    model = mirror(latent_size=40)
    labels = (np.arange(N) % 10 == 0).astype(np.int64)  # nothing in the latents tells, most are "off"
    dataset = pictured(_latents(40), labels=labels, label_names=("off", "on"))
    found = find(model, "probe", material(model, dataset=dataset), {"samples": N})
    assert all(float(d.note.split()[1]) < 0.66 for d in found)


def test_a_rare_class_counts_as_much_as_the_rest(mirror, pictured, material):
    model = mirror()
    latents, labels = _latents(), (np.arange(N) % 12 == 0).astype(np.int64)
    latents[labels == 1, 0] += 2  # not far enough for a probe that weighs all latents alike to say so
    dataset = pictured(latents, labels=labels, label_names=("rest", "rare"))
    found = _by_name(find(model, "probe", material(model, dataset=dataset), {"samples": N}))
    assert float(found["rare"].note.split()[1]) > 0.7


def test_a_class_of_very_few_is_not_probed(mirror, pictured, material):
    model = mirror()
    labels = np.zeros(N, np.int64)
    labels[:300], labels[:7] = 1, 2
    dataset = pictured(_latents(), labels=labels, label_names=("a", "b", "seven"))
    assert sorted(_by_name(find(model, "probe", material(model, dataset=dataset)))) == ["a", "b"]
    labels[:] = 0
    labels[:3] = 1
    dataset = pictured(_latents(), labels=labels, label_names=("a", "b"))
    with pytest.raises(ConfigError, match=r"^No class has 8 samples in and 8 out of it"):
        find(model, "probe", material(model, dataset=dataset))


def test_a_probe_finds_factors_the_surest_first(mirror, pictured, material):
    model = mirror()
    latents = _latents()
    turn = np.rad2deg(np.arctan2(latents[:, 3], latents[:, 4])) % 360
    factors = {
        "noise": np.random.default_rng(5).random(N),
        "size": latents @ np.float32([0.8, 0, -0.6, 0, 0]),
        "rotation": turn,
        "always": np.ones(N),
    }
    dataset = pictured(latents, factors={k: np.float32(v) for k, v in factors.items()})
    probes = find(model, "probe", material(model, dataset=dataset), {"samples": N})
    found = _by_name(probes)
    assert sorted(found) == ["noise", "rotation cos", "rotation sin", "size"]
    assert probes[0].name == "size" and probes[0].note == "R² 1.00" and probes[-1].name == "noise"
    np.testing.assert_allclose(found["size"].vector, [0.8, 0, -0.6, 0, 0], atol=0.02)
    np.testing.assert_allclose(found["rotation sin"].vector, [0, 0, 0, 1, 0], atol=0.1)
    np.testing.assert_allclose(found["rotation cos"].vector, [0, 0, 0, 0, 1], atol=0.1)
    assert float(found["noise"].note.split()[1]) < 0.05


def test_a_factor_that_is_the_label_is_probed_as_classes_only(mirror, material, shapes):
    model = mirror()
    names = _by_name(find(model, "probe", material(model)))
    assert {"x", "y", "scale", "rotation sin", "rotation cos"} <= set(names) and "shape" not in names
    assert set(names) & set(shapes.label_names)


@pytest.mark.parametrize("method", ["classes", "probe"])
def test_choices_are_not_moved_along_even_where_they_tell(mirror, pictured, material, method):
    model = mirror(categories=2, latent_size=3)
    latents = _latents()
    labels = (latents[:, 0] + 0.3 * latents[:, 3] > 0).astype(np.int64)
    dataset = pictured(latents, labels=labels, label_names=("a", "b"))
    found = _by_name(find(model, method, material(model, dataset=dataset)))
    assert not found["b"].vector[:2].any() and found["b"].vector[3] > 0.8


def test_at_most_so_many_images_are_encoded(mirror, pictured):
    model, seen = mirror(), []
    dataset = pictured(_latents(), labels=np.arange(N) % 2, label_names=("a", "b"))
    known = gather(model, dataset, 100, 0, lambda done, total: seen.append((done, total)))
    assert known.latents.shape == (100, 5) and len(known.labels) == 100 and seen[-1] == (100, 100)
    other = gather(model, dataset, 100, 1, lambda done, total: None)
    assert not np.array_equal(known.latents, other.latents)
    assert 30 < known.labels.sum() < 70  # of all places, whatever the order of the images


def test_a_probe_does_not_lean_on_a_dimension_that_the_decoder_does_not_use(build, material):
    """Its posterior means tell the factor better than the dimension in use does, but are drowned in noise."""
    from latentlab.data.base import Dataset

    random = np.random.default_rng(2)
    images = random.integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
    value = images[:, 0, 0, 0] / np.float32(255)
    dataset = Dataset(images, "noise", "handmade", factors={"value": value})
    model = build("vae-mlp", (1, 8, 8))

    def infer(x, condition):
        mean, log_variance = torch.zeros(len(x), 6), torch.zeros(len(x), 6)
        mean[:, 0] = 2 * x[:, 0, 0, 0] + 2 * x[:, 0, 0, 1]  # the other pixel is noise to the probe
        log_variance[:, 0] = -6
        mean[:, 1] = 0.3 * x[:, 0, 0, 0]  # KL 0.02 nats
        return mean, log_variance

    model.infer = infer
    (found,) = find(model, "probe", material(model, dataset=dataset), {"samples": N})
    assert found.vector[0] > 0.9 and abs(found.vector[1]) < 0.3


@pytest.fixture
def bright(linear):
    """A model without an encoder: z0 makes the left half bright, z1 the right half, the others nothing."""
    model = linear((1, 8, 8), latent_size=4)
    weight = torch.zeros(1, 8, 8, 4)
    weight[..., :4, 0] = weight[..., 4:, 1] = 0.15
    with torch.no_grad():
        model.nets["decoder"][0].weight.copy_(weight.flatten(0, 2))
        model.nets["decoder"][0].bias.fill_(0.5)
    return model


def test_without_an_encoder_samples_are_judged_by_what_the_images_teach(bright, material):
    from latentlab.data.base import Dataset

    assert not bright.can_encode
    random = np.random.default_rng(0)
    sides = random.integers(0, 256, (400, 2))
    images = np.repeat(sides, 4, axis=1).astype(np.uint8)[:, None, None].repeat(8, axis=2)
    factors = {
        "right": (sides[:, 1] / 255).astype(np.float32),
        "hue": (np.rad2deg(np.arctan2(sides[:, 0] - 127.5, sides[:, 1] - 127.5)) % 360).astype(np.float32),
    }
    labels = (sides[:, 0] > sides[:, 1]).astype(np.int64)
    names = ("right is brighter", "left is brighter")
    dataset = Dataset(images, "sides", "handmade", labels=labels, label_names=names, factors=factors)
    given = material(bright, dataset=dataset)
    half = np.sqrt(0.5)
    for method in ("classes", "probe"):
        found = _by_name(find(bright, method, given, {"samples": 800}))
        np.testing.assert_allclose(found["left is brighter"].vector, [half, -half, 0, 0], atol=0.1)
    np.testing.assert_allclose(found["right"].vector, [0, 1, 0, 0], atol=0.05)
    np.testing.assert_allclose(found["hue sin"].vector, [1, 0, 0, 0], atol=0.1)
    assert float(found["right"].note.removeprefix("R² ")) > 0.95


@pytest.mark.parametrize("key", ["dcgan", "mlp-gan"])
def test_samples_of_a_gan_are_its_own_latents(build, shapes, key):
    model = build(key)
    known = gather(model, shapes, 50, 3, lambda done, total: None)
    from latentlab.latent import samplers

    assert np.array_equal(known.latents, samplers.draw(model, range(3, 53)))
    assert known.labels.shape == (50,) and set(known.labels) <= set(range(4))
    assert set(known.factors) == set(shapes.factors)
    assert all(len(v) == 50 and np.isfinite(v).all() for v in known.factors.values())
    assert ((known.factors["rotation"] >= 0) & (known.factors["rotation"] < 360)).all()


def test_samples_of_points_are_told_apart_by_where_they_lie(linear, material):
    """A grid has classes that no linear judge of the two coordinates could find: those in its middle."""
    model = linear(points.SHAPE, latent_size=2)
    with torch.no_grad():
        model.nets["decoder"][0].weight.copy_(0.25 * torch.eye(2))
        model.nets["decoder"][0].bias.fill_(0.5)
    grid = data.load("points", {"distribution": "grid", "side": 3, "count": 3000, "noise": 0.04})
    known = gather(model, grid, 2000, 0, lambda done, total: None)
    places = 0.5 + 0.25 * known.latents
    nearest = np.rint((places - 0.2) / 0.3).clip(0, 2).astype(int)  # 0.2, 0.5 and 0.8 are the middles
    inside = (np.abs(places - (0.2 + 0.3 * nearest)) < 0.1).all(1)
    assert inside.sum() > 500
    agree = (known.labels == 3 * nearest[:, 1] + nearest[:, 0])[inside]
    assert agree.mean() > 0.97 and (known.labels[inside] == 4).sum() > 50
    rows = known.factors["row"][inside] == nearest[inside, 1]
    assert rows.mean() > 0.97


@pytest.mark.parametrize("held", ["points", "images"])
def test_points_and_images_do_not_go_together(held, linear, shapes, material):
    made = "images" if held == "points" else "points"
    model = linear((1, 8, 8) if made == "images" else points.SHAPE)
    dataset = data.load("points", {"count": 9}) if held == "points" else shapes
    for method in ("classes", "probe"):
        with pytest.raises(ConfigError, match=f"holds {held}; expected {made}"):
            find(model, method, material(model, dataset=dataset))
