"""The conditional GAN: how the class reaches both nets, and that it comes to mean what the labels say."""

from __future__ import annotations

import pytest
import torch

from latentlab.core.config import live_fields
from latentlab.models import MODELS

SHAPE = (1, 8, 8)
NAMES = ("ant", "bee", "cat")  # those that `build` gives

both_ways = pytest.mark.parametrize("conditioning", ["joined", "projection"])


def _latents(model, classes, seed=0):
    """Latents of one noise and the given classes."""
    noise = torch.randn(1, model.config.latent_size, generator=torch.Generator().manual_seed(seed))
    return torch.cat([noise.expand(len(classes), -1), torch.eye(3)[classes]], 1)


def test_the_class_is_a_choice_with_the_data_s_names(build):
    model = build("cgan", latent_size=5)
    (choice,) = model.choices
    assert (choice.name, choice.start, choice.stop, choice.labels) == ("class", 5, 8, NAMES)
    assert model.latent_shape == (8,) and "conditioning" not in live_fields(model.Config)


def test_made_images_of_a_step_have_the_classes_of_the_real_ones(started, batch, monkeypatch):
    model = started("cgan", generator_steps=2, loss="relativistic", regularizer="gradient-penalty")
    given, judge = [], model.judge
    monkeypatch.setattr(model, "judge", lambda images, z: given.append(z) or judge(images, z))
    labels = torch.tensor([2, 0, 0, 1, 2])
    model.step(batch(count=5), labels)
    assert len(given) == 7  # real, made, the penalty's mix, and twice real and made in the generator's turn
    for z in given:
        assert torch.equal(z[:, 6:], torch.eye(3)[labels])
    assert torch.equal(given[0], given[1]) and not torch.equal(given[1], given[-1])


def test_joined_classes_are_further_channels_of_the_image(build):
    model = build("cgan", (2, 8, 12))
    assert model.nets["discriminator"][0].in_channels == 2 + 3
    model.train(False)
    images = torch.rand(2, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    planes = torch.zeros(2, 3, 8, 12)
    planes[0, 2], planes[1, 0] = 1, 1
    expected = model.nets["discriminator"](torch.cat([images, planes], 1)).flatten()
    assert torch.equal(model.judge(images, _latents(model, [2, 0])), expected)


def test_projection_is_the_inner_product_of_features_and_embedding(build):
    model = build("cgan", conditioning="projection")
    model.train(False)
    *trunk, last = model.nets["discriminator"]
    torch.nn.init.normal_(last.bias, generator=torch.Generator().manual_seed(1))
    images = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    features = torch.nn.Sequential(*trunk)(images)
    judged = model.judge(images, _latents(model, [1, 1, 2]))
    for row, label in enumerate([1, 1, 2]):
        weight = last.weight[0] + last.weight[1 + label]
        expected = (features[row] * weight).sum() + last.bias[0] + last.bias[1 + label]
        assert judged[row].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)


@both_ways
def test_criticism_is_the_mean_over_classes(conditioning, build):
    model = build("cgan", conditioning=conditioning)
    model.train(False)
    images = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0))
    each = [model.judge(2 * images - 1, _latents(model, [label] * 4)) for label in range(3)]
    torch.testing.assert_close(model.criticize(images), torch.stack(each).mean(0))


def _brightness(model, labels_tell=True, steps=60):
    """Learn flat images, black, grey and white by class -> mean of what each class makes, (3, 16) in [0, 1].

    Without `labels_tell` the images come in an order that labels say nothing about.
    """
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 3
    images = (labels * 110 + 15)[:, None, None, None].expand(24, *SHAPE).to(torch.uint8)
    for _ in range(steps):
        order = torch.arange(24) if labels_tell else torch.randperm(24, generator=generator)
        model.step(images[order], labels)
    z = torch.cat([_latents(model, [0, 1, 2], seed) for seed in range(16)])
    with model.evaluating():
        return model.decode(z).flatten(1).mean(1).view(16, 3).T


@both_ways
def test_each_class_comes_to_look_as_its_labels_say(conditioning, started):
    model = started("cgan", rate=2e-3, conditioning=conditioning, dropout=0.0, ema=0.9)
    black, grey, white = _brightness(model).mean(1).tolist()
    assert black < 0.25 < grey < 0.75 < white


def test_labels_that_say_nothing_teach_no_difference(started):
    model = started("cgan", rate=2e-3, dropout=0.0, ema=0.9)
    made = _brightness(model, labels_tell=False).mean(1)
    assert made.max() - made.min() < 0.4


@both_ways
def test_every_part_of_the_judge_learns(conditioning, started, batch):
    model = started("cgan", conditioning=conditioning)
    before = [p.detach().clone() for p in model.nets["discriminator"].parameters()]
    model.step(batch(count=6), torch.arange(6) % 3)
    for old, new in zip(before, model.nets["discriminator"].parameters(), strict=True):
        assert not torch.equal(old, new)
    assert not torch.equal(before[-2][-1], model.nets["discriminator"][-1].weight[-1])


def test_it_is_the_dcgan_but_for_the_class():
    kind, other = MODELS.get("cgan"), MODELS.get("dcgan")
    model = kind(kind.Config(conditioning="projection"), (1, 28, 28), label_names=NAMES)
    plain = other(other.Config(), (1, 28, 28))
    extra = 3 * 7 * 7 * 256 + 3 * 128 * 7 * 7 + 3  # the generator's first layer, embeddings and their biases
    assert model.parameter_count() == plain.parameter_count() + extra
