"""The nets of `dcgan-radford` and `densenet-gan`: their sizes at 28x28, and what normalises them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from latentlab.models import MODELS
from latentlab.models.blocks import Joined

both = pytest.mark.parametrize("key", ["dcgan-radford", "densenet-gan"])


def _full_width(key):
    kind = MODELS.get(key)
    return kind(kind.Config(), (1, 28, 28))


def _convolutions(net):
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0])
        for m in net.modules()
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]


def _dense(net):
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


def _shapes(net, x):
    """(C, H, W) behind every layer that gives pictures, where it changed."""
    shapes = []
    for layer in net:
        x = layer(x)
        if x.ndim == 4 and (not shapes or shapes[-1] != tuple(x.shape[1:])):
            shapes.append(tuple(x.shape[1:]))
    return shapes


def test_radford_has_strided_kernels_of_four_only():
    model = _full_width("dcgan-radford")
    generator, discriminator = model.nets["generator"], model.nets["discriminator"]
    assert _dense(generator) == [(100, 256 * 4 * 4)]
    assert _convolutions(generator) == [(256, 128, 4, 2), (128, 64, 4, 2), (64, 1, 4, 2)]
    assert _convolutions(discriminator) == [(1, 64, 4, 2), (64, 128, 4, 2), (128, 256, 4, 2)]
    assert _dense(discriminator) == [(256 * 4 * 4, 1)]
    assert _shapes(generator, torch.zeros(2, 100)) == [(256, 4, 4), (128, 7, 7), (64, 14, 14), (1, 28, 28)]


def test_radford_normalises_all_but_the_ends_and_starts_from_small_normal_weights():
    model = _full_width("dcgan-radford")
    generator, discriminator = model.nets["generator"], model.nets["discriminator"]
    kinds = [type(layer) for layer in generator]
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.ReLU) == 3 and kinds[-1] is nn.Tanh
    assert [m.num_features for m in discriminator if isinstance(m, nn.BatchNorm2d)] == [128, 256]
    assert {m.negative_slope for m in discriminator if isinstance(m, nn.LeakyReLU)} == {0.2}
    for net in model.nets.values():
        for layer in net.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert abs(layer.weight.std().item() - 0.02) < 0.0025
    assert model.config.beta1 == 0.5 and model.config.dropout == 0
    assert model.training_defaults == {"learning_rate": 2e-4, "batch_size": 64}


def test_densenet_grows_by_as_many_channels_per_layer_as_the_width_says():
    model = _full_width("densenet-gan")
    generator, discriminator = model.nets["generator"], model.nets["discriminator"]
    blocks = [m for m in generator if isinstance(m, nn.Sequential) and isinstance(m[0], Joined)]
    assert [[m.layer[0].num_features for m in block] for block in blocks] == [[48, 60, 72], [42, 54, 66]]
    assert [_convolutions(block[0]) for block in blocks] == [
        [(48, 48, 1, 1), (48, 12, 3, 1)],
        [(42, 48, 1, 1), (48, 12, 3, 1)],
    ]
    made = _shapes(generator, torch.zeros(2, 100))
    assert made == [(48, 7, 7), (84, 7, 7), (42, 7, 7), (42, 14, 14), (78, 14, 14), (1, 28, 28)]
    judged = _shapes(discriminator, torch.zeros(2, 1, 28, 28))
    assert judged == [(24, 14, 14), (60, 14, 14), (30, 14, 14), (30, 7, 7), (66, 7, 7)]
    assert _dense(discriminator) == [(66 * 7 * 7, 1)]


def test_every_layer_of_a_dense_block_sees_all_before_it(build):
    """What the first layer's input was still stands, untouched, in front of what the last one gives."""
    generator = build("densenet-gan").nets["generator"].eval()
    block = next(m for m in generator if isinstance(m, nn.Sequential))
    x = torch.randn(2, 32, 4, 4, generator=torch.Generator().manual_seed(0))
    seen = [x]
    for layer in block:
        seen.append(layer(seen[-1]))
    for before, after in itertools.pairwise(seen):
        assert after.shape[1] == before.shape[1] + 8
        assert torch.equal(after[:, : before.shape[1]], before)


@both
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, nn.BatchNorm2d),
        ({"loss": "wgan"}, nn.BatchNorm2d),
        ({"loss": "wgan-gp"}, nn.GroupNorm),
        ({"regularizer": "gradient-penalty"}, nn.GroupNorm),
        ({"regularizer": "r1"}, nn.GroupNorm),
        ({"regularizer": "spectral-norm"}, None),
        ({"regularizer": "spectral-norm", "loss": "wgan-gp"}, None),
    ],
    ids=str,
)
def test_the_discriminator_is_normalised_as_its_regulariser_allows(key, settings, expected, started, batch):
    model = started(key, (1, 12, 12), **settings)
    discriminator = model.nets["discriminator"]
    norms = {type(m) for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)}
    assert norms == ({expected} if expected else set())
    assert any(isinstance(m, nn.BatchNorm2d) for m in model.nets["generator"].modules())
    metrics = model.step(batch((1, 12, 12)))
    assert all(value.isfinite() for value in metrics.values())

    # Without batch normalisation an image is judged by itself, whatever stands beside it.
    x = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    together = discriminator(x)
    if expected is nn.BatchNorm2d:
        assert not torch.allclose(discriminator(x[:2]), together[:2], rtol=1e-2)
    elif expected is nn.GroupNorm:
        torch.testing.assert_close(discriminator(x[:2]), together[:2])


@both
def test_dropout_reaches_the_discriminator(key, build):
    discriminator = build(key, dropout=0.5).nets["discriminator"]
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for layer in discriminator.modules():
        if hasattr(layer, "threshold"):
            layer.generator = torch.Generator().manual_seed(0)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    assert not torch.equal(discriminator(x), discriminator(x))
