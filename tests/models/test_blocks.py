"""Building blocks: sizes, dropout by bytes, first weights."""

from __future__ import annotations

import copy
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


def _normed(seed=0, train=True):
    """A net with every kind of layer that spectral normalisation knows."""
    layers = [
        nn.Conv2d(3, 8, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(8, 5, 4, 2, 1),
        nn.Flatten(),
        nn.Linear(320, 4),
    ]
    net = nn.Sequential(*layers).train(train)
    blocks.initialize(net, torch.Generator().manual_seed(seed), normal=0.02)
    blocks.spectral_norm(net, torch.Generator().manual_seed(seed))
    return net


def _largest(layer):
    """The largest singular value of the weight that a layer uses, outputs by the rest."""
    weight = layer.weight.detach()
    matrix = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
    return torch.linalg.matrix_norm(matrix.flatten(1), 2).item()


def test_spectral_norm_brings_the_largest_singular_value_to_one():
    net = _normed()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    before = [_largest(layer) for layer in copy.deepcopy(net).eval() if hasattr(layer, "weight")]
    assert before == pytest.approx([1.0] * 3, abs=0.1), "a first estimate is made at once"
    for _ in range(100):
        net(x)
    net.eval()
    # Where the second is nearly as large, the estimate is slow to turn, and by as little wrong.
    assert [_largest(net[i]) for i in (0, 2, 4)] == pytest.approx([1.0] * 3, abs=0.01)
    for layer in (net[0], net[2], net[4]):
        original = layer.parametrizations.weight.original
        share = (layer.weight / original).detach()
        torch.testing.assert_close(share, share.flatten()[0].expand_as(share))


def test_spectral_norm_follows_weights_that_grow():
    net = _normed()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for layer in (net[0], net[2], net[4]):
            layer.parametrizations.weight.original.mul_(7).add_(0.05)
    for _ in range(60):
        net(x)
    assert [_largest(net[i]) for i in (0, 2, 4)] == pytest.approx([1.0] * 3, abs=1e-3)


def test_spectral_norm_turns_its_estimate_once_per_forward_in_training_and_never_in_evaluation():
    net = _normed()
    norm, original = (net[4].parametrizations.weight[0], net[4].parametrizations.weight.original)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    u = norm.u.clone()
    net(x)
    v = original.detach().T @ u
    once = original.detach() @ (v / v.norm())
    torch.testing.assert_close(norm.u, once / once.norm())
    net.eval()
    u = norm.u.clone()
    assert torch.equal(net(x), net(x)) and torch.equal(norm.u, u)


def test_spectral_norm_has_the_gradient_of_the_paper():
    """Arxiv 1802.05957, equation 12, up to scale: dL/dW = (g - <g, W/s> u v^T) / s for u, v held fixed."""
    net = _normed(train=False).double()
    layer = net[4]
    w = layer.parametrizations.weight.original
    u = layer.parametrizations.weight[0].u
    g = torch.randn(w.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (layer.weight * g).sum().backward()
    v = torch.nn.functional.normalize(w.detach().T @ u, dim=0)
    sigma = u @ w.detach() @ v
    expected = (g - (g * w.detach()).sum() / sigma * torch.outer(u, v)) / sigma
    torch.testing.assert_close(w.grad, expected)


def test_spectral_norm_can_be_looked_at_twice_before_going_backward():
    """Real and made images pass one after the other, and their losses are added."""
    net = _normed()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    (net(x).sum() + net(-x).sum()).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_spectral_norm_is_copied_saved_and_restored_exactly():
    net = _normed()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        net(x)
    copied, restored = copy.deepcopy(net), _normed(seed=9)
    restored.load_state_dict({key: value.clone() for key, value in net.state_dict().items()})
    for _ in range(3):
        expected = net(x)
        assert torch.equal(copied(x), expected) and torch.equal(restored(x), expected)
    assert not torch.equal(net(x), copied.eval()(x)), "a copy goes its own way"


def test_spectral_norm_draws_from_its_generator_only():
    a, b, c = _normed(1), _normed(1), _normed(2)
    estimates = [net[0].parametrizations.weight[0].u for net in (a, b, c)]
    assert torch.equal(estimates[0], estimates[1]) and not torch.equal(estimates[0], estimates[2])
    assert torch.equal(a[0].parametrizations.weight.original, b[0].parametrizations.weight.original)
    assert all(m.training for m in a.modules())
    net = nn.Sequential(nn.Linear(4, 3), nn.Conv2d(1, 2, 3))
    before = torch.get_rng_state()
    blocks.spectral_norm(net, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())


def test_layer_norm_treats_every_image_by_itself():
    x = torch.randn(5, 6, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    norm = blocks.layer_norm2d(6)
    y = norm(x)
    torch.testing.assert_close(y[2:3], norm(x[2:3]))
    torch.testing.assert_close(y.flatten(1).mean(1), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.flatten(1).var(1, correction=0), torch.ones(5), atol=1e-4, rtol=0)


def test_joined_keeps_its_input_in_front():
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    layer = nn.Conv2d(3, 2, 3, padding=1)
    y = blocks.Joined(layer)(x)
    assert torch.equal(y[:, :3], x) and torch.equal(y[:, 3:], layer(x))
