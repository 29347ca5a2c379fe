"""Building blocks: sizes, dropout by bytes, first weights."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from latentlab.models import blocks


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7)]),
        ((8, 8), [(8, 8), (4, 4)]),
        ((33, 20), [(33, 20), (17, 10), (9, 5), (5, 3)]),
        ((8, 256), [(8, 256), (4, 128), (2, 64)]),
        ((256, 256), [(256, 256), (128, 128), (64, 64), (32, 32), (16, 16), (8, 8)]),
    ],
)
def test_halvings_go_down_to_eight_or_until_the_shorter_side_is_small(sides, expected):
    assert blocks.halvings(*sides) == expected


def test_halvings_always_halve_once_and_never_fall_below_two():
    for height in range(8, 257, 7):
        for width in range(8, 257, 5):
            sizes = blocks.halvings(height, width)
            assert len(sizes) >= 2 and min(min(s) for s in sizes) >= 2
            assert all(b == (math.ceil(a[0] / 2), math.ceil(a[1] / 2)) for a, b in itertools.pairwise(sizes))


@pytest.mark.parametrize("kernel", [4, 5])
def test_down_rounds_up_and_up_comes_back_for_every_side(kernel):
    for height in range(2, 35):
        width = 67 - height
        x = torch.zeros(1, 2, height, width)
        small = blocks.down(2, 3, kernel)(x)
        assert small.shape == (1, 3, math.ceil(height / 2), math.ceil(width / 2))
        assert blocks.up(3, 2, kernel, (height, width))(small).shape == x.shape


def _dropout(rate, seed=0):
    layer = blocks.Dropout(rate)
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_dropout_keeps_its_share_and_the_mean_is_exact(rate):
    layer = _dropout(rate)
    kept_share = 1 - round(256 * rate) / 256
    x = torch.ones(1000, 1003)
    y = layer(x)
    kept = y != 0
    error = 5 * math.sqrt(rate * (1 - rate) / x.numel())
    assert kept.float().mean().item() == pytest.approx(kept_share, abs=error)
    assert abs(kept_share - (1 - rate)) <= 1 / 512
    torch.testing.assert_close(y[kept], torch.full((int(kept.sum()),), 1 / kept_share))


def test_every_byte_of_dropout_is_as_likely_as_the_next():
    """All eight bytes of a drawn word are used: columns of a multiple of eight see each of them."""
    y = _dropout(0.5)(torch.ones(40_000, 8))
    shares = (y != 0).float().mean(0)
    assert (shares - 0.5).abs().max() < 5 * 0.5 / math.sqrt(40_000)
    together = ((y[:, 0] != 0) & (y[:, 1] != 0)).float().mean().item()
    assert together == pytest.approx(0.25, abs=0.011)


def test_dropout_follows_its_generator_and_no_other():
    x = torch.ones(64, 65)
    first = _dropout(0.3, seed=7)(x)
    torch.manual_seed(123)
    assert torch.equal(first, _dropout(0.3, seed=7)(x))
    assert not torch.equal(first, _dropout(0.3, seed=8)(x))
    layer = _dropout(0.3, seed=7)
    assert not torch.equal(layer(x), layer(x))


def test_dropout_passes_gradients_where_it_kept():
    x = torch.ones(50, 3, requires_grad=True)
    y = _dropout(0.5)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_rests_in_evaluation_and_at_rate_zero():
    x = torch.randn(5, 5)
    assert _dropout(0.5).eval()(x) is x
    assert _dropout(0.0)(x) is x


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(60, 40),
        lambda: nn.Conv2d(6, 9, 5, 2, 2),
        lambda: nn.ConvTranspose2d(6, 9, 5, 2, 2),
        lambda: nn.Linear(60, 40, bias=False),
    ],
)
def test_first_weights_have_the_bounds_of_torch_s_own(make):
    torch.manual_seed(0)
    theirs, ours = make(), make()
    blocks.initialize(ours, torch.Generator().manual_seed(0))
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        fan_in = theirs.weight[0].numel()
        bound = 1 / math.sqrt(fan_in)
        assert mine.abs().max() <= bound and other.abs().max() <= bound
        assert mine.abs().max() > 0.8 * bound or mine.numel() < 20, name
        if name == "weight":
            assert mine.std().item() == pytest.approx(other.std().item(), rel=0.1)


def test_first_weights_follow_their_generator():
    a, b, c = (nn.Sequential(nn.Linear(4, 4), nn.Conv2d(1, 2, 3)) for _ in range(3))
    for net, seed in ((a, 1), (b, 1), (c, 2)):
        blocks.initialize(net, torch.Generator().manual_seed(seed))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a[0].weight, c[0].weight)


def test_adam_holds_every_parameter_once():
    nets = [nn.Linear(2, 3), nn.Linear(3, 1)]
    optimizer = blocks.adam(nets, 1e-3, (0.5, 0.9), torch.device("cpu"))
    assert optimizer.param_groups[0]["params"] == [p for n in nets for p in n.parameters()]
    assert optimizer.defaults["fused"] is True
