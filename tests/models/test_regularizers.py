"""Penalties against closed forms, another way to the same gradient, and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from latentlab.models import blocks, regularizers


def _images(count=6, shape=(2, 3, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def _noise(seed=0):
    return torch.Generator().manual_seed(seed)


def _critic(seed=0):
    """A small net with layer normalisation, smooth enough for differences."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        blocks.layer_norm2d(3),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(36, 5),
        nn.Softplus(),
        nn.Linear(5, 1),
    )
    blocks.initialize(net, torch.Generator().manual_seed(seed))
    return net.double()


def test_a_linear_critic_has_the_norm_of_its_weight_everywhere():
    w = _images(1, seed=3)[0]
    norm = w.norm().item()
    penalty = regularizers.gradient_penalty(lambda x: (w * x).sum((1, 2, 3)), _images(), -_images(), _noise())
    assert penalty.item() == pytest.approx((norm - 1) ** 2, abs=1e-12)
    assert regularizers.r1(lambda x: (w * x).sum((1, 2, 3)), _images()).item() == pytest.approx(norm**2 / 2)
    unit = w / w.norm()
    penalty = regularizers.gradient_penalty(
        lambda x: (unit * x).sum((1, 2, 3)), _images(), _images(), _noise()
    )
    assert penalty.item() < 1e-24


def test_a_quadratic_critic_has_the_image_itself_for_gradient():
    """D(x) = ||x||^2 / 2, so ||grad D(x)|| = ||x||; between a and a itself lies only a."""
    real = _images()

    def critic(x):
        return 0.5 * x.square().sum((1, 2, 3))

    norms = real.flatten(1).norm(dim=1)
    assert regularizers.r1(critic, real).item() == pytest.approx(0.5 * norms.square().mean().item())
    penalty = regularizers.gradient_penalty(critic, real, real, _noise())
    assert penalty.item() == pytest.approx((norms - 1).square().mean().item())


def test_penalised_are_even_draws_between_a_real_and_a_made_image():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum((1, 2, 3))

    count = 20_000
    real, fake = torch.full((count, 1, 2, 2), 3.0), torch.full((count, 1, 2, 2), -1.0)
    regularizers.gradient_penalty(critic, real, fake, _noise())
    share = (seen[0][:, 0, 0, 0] + 1) / 4
    assert (seen[0].flatten(1).std(1) == 0).all(), "one draw per image, not per pixel"
    # Four standard errors of the moments of Unif(0, 1).
    assert share.min() >= 0 and share.max() <= 1
    assert share.mean().item() == pytest.approx(1 / 2, abs=4 * (1 / 12 / count) ** 0.5)
    assert share.square().mean().item() == pytest.approx(1 / 3, abs=4 * (4 / 45 / count) ** 0.5)
    regularizers.gradient_penalty(critic, real, fake, _noise(1))
    assert not torch.equal(seen[0], seen[1])


def test_penalties_are_what_the_jacobian_of_each_image_gives():
    net, real, fake = _critic(), _images(), _images(seed=1)
    e = torch.rand((6, 1, 1, 1), generator=_noise(7), dtype=torch.float64)
    mixed = e * real + (1 - e) * fake
    norms = [torch.func.jacrev(lambda x: net(x[None])[0, 0])(x).norm() for x in mixed]
    expected = torch.stack(norms).sub(1).square().mean()
    found = regularizers.gradient_penalty(net, real, fake, _noise(7))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    norms = [torch.func.jacrev(lambda x: net(x[None])[0, 0])(x).norm() for x in real]
    expected = 0.5 * torch.stack(norms).square().mean()
    torch.testing.assert_close(regularizers.r1(net, real), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["gradient_penalty", "r1"])
def test_penalties_have_the_gradients_of_finite_differences(name):
    net, real, fake = _critic(), _images(), _images(seed=1)

    def penalty():
        if name == "r1":
            return regularizers.r1(net, real)
        return regularizers.gradient_penalty(net, real, fake, _noise(7))

    penalty().backward()
    step = 1e-5
    for number, parameter in enumerate(net.parameters()):
        direction = torch.randn(parameter.shape, generator=_noise(number), dtype=torch.float64)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(direction, alpha=sign * step)
            values.append(penalty().item())
            with torch.no_grad():
                parameter.sub_(direction, alpha=sign * step)
        slope = (values[0] - values[1]) / (2 * step)
        # The last bias shifts every logit alike: no gradient reaches it.
        found = 0.0 if parameter.grad is None else (parameter.grad * direction).sum().item()
        assert found == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_images_given_keep_no_trace():
    net, real, fake = _critic(), _images(), _images(seed=1).requires_grad_()
    (regularizers.r1(net, real) + regularizers.gradient_penalty(net, real, fake, _noise())).backward()
    assert not real.requires_grad and fake.grad is None


def test_a_critic_without_slope_has_finite_gradients():
    """The norm has no derivative at 0: torch's 0 must not turn into NaN in the second pass."""
    w = torch.zeros(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    penalty = regularizers.gradient_penalty(
        lambda x: (w * x).sum((1, 2, 3)), _images(), _images(seed=1), _noise()
    )
    penalty.backward()
    assert penalty.item() == 1 and w.grad.isfinite().all()


def test_clipping_leaves_what_is_inside_and_moves_the_rest_to_the_bound():
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.5, -0.005], [0.01, -3.0]]))
        net.bias.copy_(torch.tensor([0.02, 0.0]))
    regularizers.clip_weights(net, 0.01)
    torch.testing.assert_close(net.weight.detach(), torch.tensor([[0.01, -0.005], [0.01, -0.01]]))
    torch.testing.assert_close(net.bias.detach(), torch.tensor([0.01, 0.0]))
    assert net.weight.requires_grad
