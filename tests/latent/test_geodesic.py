"""Geodesics: on surfaces where they are known, and never longer than the straight line."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.core.config import Config, parse
from latentlab.core.errors import Cancelled
from latentlab.latent.geodesic import Geodesic, image_steps
from latentlab.models import MODELS, Model
from latentlab.models.base import Choice


class Surface(Model):
    """decode(z) is a place on a surface, as an image of 1 x 1 x 3; not kept to 0..1."""

    key = "surface"
    family = "surface"
    evaluation_nets = ("decoder",)
    metric_titles: ClassVar[dict[str, str]] = {}
    Config = Config

    def __init__(self, shape) -> None:
        self._shape = shape
        super().__init__(Config(), (3, 1, 1))

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        return 2, ()

    def build(self) -> dict[str, nn.Module]:
        return {"decoder": nn.Identity()}

    def initialize(self, generator: torch.Generator) -> None:
        pass

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._shape(z[:, 0], z[:, 1]), 1)[:, :, None, None]


def sphere(latitude, longitude):
    return (
        torch.cos(latitude) * torch.cos(longitude),
        torch.cos(latitude) * torch.sin(longitude),
        torch.sin(latitude),
    )


def cylinder(angle, height):
    return torch.cos(angle), torch.sin(angle), height


def stretched(x, y):
    return x, torch.exp(y), torch.zeros_like(x)


def along(model: Model, keyframes, count: int = 101, loop: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Latents at even positions of the geodesic, and how far apart their images are."""
    walk = Geodesic(model, np.float32(keyframes), loop)
    latents = walk.at(np.linspace(0, walk.legs, count))
    return latents, image_steps(model, latents)


def test_on_a_sphere_it_is_the_great_circle():
    a, b = (0.6, 0.0), (0.7, 2.2)
    cosine = math.sin(a[0]) * math.sin(b[0]) + math.cos(a[0]) * math.cos(b[0]) * math.cos(b[1] - a[1])
    straight = image_steps(Surface(sphere), np.float32(np.linspace(a, b, 101))).sum()
    latents, steps = along(Surface(sphere), [a, b])
    assert steps.sum() == pytest.approx(math.acos(cosine), rel=2e-3)
    assert steps.sum() < 0.95 * straight
    places = np.stack([t.numpy() for t in sphere(*torch.from_numpy(latents).double().T)], 1)
    normal = np.cross(places[0], places[-1])
    assert np.abs(places @ normal / np.linalg.norm(normal)).max() < 0.01  # in the plane of the circle


def test_on_a_cylinder_it_is_the_helix_which_is_the_straight_line():
    a, b = np.float32([0, 0]), np.float32([2.5, 3])
    latents, steps = along(Surface(cylinder), [a, b])
    np.testing.assert_allclose(latents, np.linspace(a, b, 101), atol=0.01)
    assert steps.sum() == pytest.approx(np.hypot(2.5, 3), rel=1e-3)


def test_where_the_image_is_flat_it_is_straight_in_the_image():
    a, b = (-1.0, -1.5), (1.0, 1.5)
    latents, steps = along(Surface(stretched), [a, b])
    images = np.stack([latents[:, 0], np.exp(latents[:, 1])], 1)
    ends = images[[0, -1]]
    np.testing.assert_allclose(images, np.linspace(ends[0], ends[1], 101), atol=0.05)
    assert steps.sum() == pytest.approx(np.linalg.norm(ends[1] - ends[0]), rel=2e-3)


@pytest.mark.parametrize("surface", [sphere, stretched], ids=["sphere", "stretched"])
def test_equal_steps_change_the_image_equally(surface):
    _, steps = along(Surface(surface), [(0.6, 0.0), (0.7, 2.2), (-0.3, 1.0)], loop=True)
    for leg in np.split(steps[:99], 3):
        assert leg[1:-1].std() / leg[1:-1].mean() < 0.05


@pytest.mark.parametrize("key", ["vae-mlp", "vae-conv", "mlp-gan"])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_never_longer_than_the_straight_line(key, seed):
    kind = MODELS.get(key)
    model = kind(parse(kind.Config, {"latent_size": 4, "width": 8}, "model"), (1, 8, 8), seed=seed)
    keyframes = np.random.default_rng(seed).standard_normal((2, 4)).astype(np.float32)
    latents, steps = along(model.evaluation_copy(), keyframes, 257)
    straight = image_steps(model, np.float32(np.linspace(*keyframes, 257)))
    assert steps.sum() <= straight.sum() * 1.001
    assert steps.std() / steps.mean() < 0.1
    assert np.array_equal(latents[[0, -1]], keyframes)


def test_the_same_again_and_the_model_as_it_was():
    kind = MODELS.get("vae-mlp")
    model = kind(parse(kind.Config, {"latent_size": 3, "width": 8}, "model"), (1, 8, 8))
    model.start_training(1e-3)
    before = [w.clone() for w in model.weights()]
    keyframes = np.float32([[1, 0, -1], [0, 2, 0]])
    first, again = (along(model, keyframes)[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert all(net.training for net in model.nets.values())
    assert all(torch.equal(a, b) for a, b in zip(before, model.weights(), strict=True))
    assert all(p.grad is None for net in model.nets.values() for p in net.parameters())


def test_equal_keyframes_stand_still_and_categories_are_mixed_along_the_curve():
    kind = MODELS.get("cvae")
    config = parse(kind.Config, {"latent_size": 3, "width": 8}, "model")
    model = kind(config, (1, 8, 8), label_names=("a", "b")).evaluation_copy()
    (choice,) = model.choices
    a = np.random.default_rng(0).standard_normal(model.latent_shape).astype(np.float32)
    b = a + 1
    a[choice.start : choice.stop], b[choice.start : choice.stop] = (1, 0), (0, 1)
    latents, _ = along(model, [a, b])
    share = latents[:, choice.start : choice.stop]
    np.testing.assert_allclose(share.sum(1), 1, atol=1e-6)
    assert share[0, 1] == 0 and share[-1, 1] == 1 and (np.diff(share[:, 1]) >= 0).all()
    still, steps = along(model, [a, a])
    assert np.array_equal(still, np.tile(a, (101, 1))) and not steps.any()


def test_it_tells_how_far_it_is_and_can_be_given_up():
    told = []

    def report(done, total):
        told.append((done, total))
        if len(told) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        Geodesic(Surface(sphere), np.float32([(0.6, 0), (0.7, 2)]), True, report)
    assert [done for done, _ in told] == sorted(done for done, _ in told) and len({t for _, t in told}) == 1
