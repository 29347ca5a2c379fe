"""What a decoder says of pixels, judged: against torch's distributions, hand-made sums and quadrature."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal

from latentlab.models import likelihoods
from latentlab.models.likelihoods import LIKELIHOODS
from latentlab.models.vae import CONTINUOUS, VAEConfig

LN3 = math.log(3)
every_likelihood = pytest.mark.parametrize("key", list(LIKELIHOODS))


def _noise(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _levels(*shape, seed=1):
    """Pixels in [0, 1] that are shades of grey, black and white among them."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, shape, generator=generator)
    levels.view(-1)[:2] = torch.tensor([0, 255])
    return levels.double() / 255


def _decoder(kind, channels=2):
    """A last layer and what follows it, from 3 numbers to pictures of 4x5."""
    layers = [nn.Conv2d(3, kind.channels * channels, 1), *kind.layers()]
    return nn.Sequential(*layers)


def test_the_form_offers_exactly_the_likelihoods_there_are():
    assert list(LIKELIHOODS) == list(get_args(VAEConfig.model_fields["likelihood"].annotation))
    assert set(CONTINUOUS) < set(LIKELIHOODS)


@every_likelihood
def test_a_decoder_gives_what_the_likelihood_reads(key):
    kind = LIKELIHOODS[key](0.1)
    decoder = _decoder(kind)
    output, target = decoder(torch.randn(3, 3, 4, 5)), torch.rand(3, 2, 4, 5)
    assert kind.mean(output).shape == target.shape and kind.nll(output, target).shape == (3,)
    assert kind.mean(1000 * output).min() >= 0 and kind.mean(1000 * output).max() <= 1
    kind.nll(output, target).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in decoder.parameters()), "a parameter learns nothing"


@every_likelihood
def test_an_image_s_pixels_are_summed_and_images_are_not_mixed(key):
    kind = LIKELIHOODS[key](0.1)
    output = torch.cat([_noise(3, kind.channels * 2, 4, 5)] * (2 if kind.layers() else 1), 1)
    target = _levels(3, 2, 4, 5)
    whole = kind.nll(output, target)
    torch.testing.assert_close(kind.nll(output[1:2], target[1:2]), whole[1:2])
    rows = [kind.nll(output[:, :, n : n + 1], target[:, :, n : n + 1]) for n in range(4)]
    torch.testing.assert_close(torch.stack(rows).sum(0), whole)


@every_likelihood
def test_nothing_is_infinite_where_the_decoder_is_certain_and_wrong(key):
    kind = LIKELIHOODS[key](0.01)
    for sign in (1, -1):
        for spread in (-1000.0, 0.0, 30.0):
            output = torch.tensor([sign * 200.0, spread])[None, :, None, None].requires_grad_()
            used = output if kind.channels == 2 or kind.layers() else output[:, :1]
            for grey in (0.0, 0.5, 1.0):
                loss = kind.nll(used, torch.full((1, 1, 1, 1), grey)).sum()
                (gradient,) = torch.autograd.grad(loss, output)
                assert loss.isfinite() and gradient.isfinite().all(), (sign, spread, grey)


def test_bernoulli_is_that_of_torch():
    logits, target = _noise(4, 2, 3, 5, scale=3), _levels(4, 2, 3, 5).round()
    kind = LIKELIHOODS["bernoulli"](0.1)
    expected = -Bernoulli(logits=logits).log_prob(target).sum((1, 2, 3))
    torch.testing.assert_close(kind.nll(logits, target), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(kind.mean(logits), logits.sigmoid())


def test_bernoulli_takes_grey_pixels_and_certain_logits():
    kind, grey = LIKELIHOODS["bernoulli"](0.1), torch.full((1, 1, 1, 1), 0.25)
    # -(1/4 ln 3/4 + 3/4 ln 1/4)
    expected = -(0.25 * math.log(0.75) + 0.75 * math.log(0.25))
    assert kind.nll(torch.full_like(grey, LN3), grey).item() == pytest.approx(expected, rel=1e-6)
    certain = kind.nll(torch.tensor([[[[1000.0, -1000.0]]]]), torch.tensor([[[[0.0, 0.0]]]]))
    assert certain.tolist() == [1000.0]


@pytest.mark.parametrize("sigma", [0.05, 1.0])
def test_gaussian_of_fixed_noise_is_that_of_torch(sigma):
    logits, target = _noise(4, 2, 3, 5), _levels(4, 2, 3, 5)
    expected = -Normal(logits.sigmoid(), sigma).log_prob(target).sum((1, 2, 3))
    found = LIKELIHOODS["gaussian"](sigma).nll(logits, target)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-9)


def test_gaussian_of_noise_per_pixel_is_that_of_torch_with_a_floor():
    logits, raw, target = _noise(4, 2, 3, 5), _noise(4, 2, 3, 5, seed=2, scale=2), _levels(4, 2, 3, 5)
    sigma = (-4 + torch.log1p((raw + 4).exp())).exp()
    assert sigma.min() > math.exp(-4)
    expected = -Normal(logits.sigmoid(), sigma).log_prob(target).sum((1, 2, 3))
    kind = LIKELIHOODS["gaussian-pixel"](0.1)
    torch.testing.assert_close(kind.nll(torch.cat([logits, raw], 1), target), expected)
    # Parts of a tensor may take another path through the kernels than a whole one: the last bit differs.
    torch.testing.assert_close(kind.mean(torch.cat([logits, raw], 1)), logits.sigmoid(), rtol=1e-15, atol=0)


@pytest.mark.parametrize(("key", "floor"), [("gaussian-pixel", -4), ("gaussian-global", -6)])
def test_a_pixel_that_never_changes_cannot_raise_the_density_without_end(key, floor):
    kind = LIKELIHOODS[key](0.1)
    raw = torch.tensor([-6.0, -60.0, -600.0, -6000.0])[:, None, None, None]
    found = kind.nll(torch.cat([torch.zeros_like(raw), raw], 1), torch.full_like(raw, 0.5))
    least = floor + 0.5 * math.log(2 * math.pi)
    assert found.min().item() >= least - 1e-5 and found[-1].item() == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("key", ["gaussian-global", "discretised-logistic"])
def test_a_noise_learned_for_all_pixels_is_one_number_of_the_decoder(key):
    kind = LIKELIHOODS[key](0.1)
    decoder = _decoder(kind, channels=3)
    assert [name for name, p in decoder.named_parameters() if p.ndim == 0] == ["1.log_scale"]
    output = decoder(torch.randn(2, 3, 4, 5))
    assert output.shape == (2, 6, 4, 5) and output[:, 3:].unique().tolist() == [likelihoods.FIRST_LOG_SCALE]


def test_the_learned_noise_of_a_gaussian_is_the_error_s_spread():
    """At the optimum sigma^2 is the mean squared error (arXiv 2006.13202)."""
    kind, target = LIKELIHOODS["gaussian-global"](0.1), _levels(8, 1, 6, 6)
    layer = likelihoods.SharedScale().double()
    logits = torch.zeros_like(target)
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        kind.nll(layer(logits), target).mean().backward()
        optimizer.step()
    sigma = likelihoods.soft_floor(layer.log_scale.detach(), -6).exp()
    assert sigma.item() == pytest.approx((target - 0.5).square().mean().sqrt().item(), rel=1e-3)


@pytest.mark.parametrize("log_scale", [-9.0, -5.0, -2.0, 1.0])
@pytest.mark.parametrize("logit", [-9.0, -0.7, 0.0, 3.0])
def test_the_discretised_logistic_gives_256_grey_levels_a_probability_of_1_in_all(logit, log_scale):
    levels = torch.arange(256, dtype=torch.float64)[:, None, None, None] / 255
    output = torch.tensor([logit, log_scale], dtype=torch.float64)[None, :, None, None].expand(256, 2, 1, 1)
    mass = (-LIKELIHOODS["discretised-logistic"](0.1).nll(output, levels)).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-10)
    scale = math.exp(-7 + math.log1p(math.exp(log_scale + 7)))
    edges = (torch.arange(255, dtype=torch.float64) + 0.5) / 255
    below = torch.sigmoid((edges - torch.sigmoid(torch.tensor(logit, dtype=torch.float64))) / scale)
    by_hand = torch.diff(below, prepend=torch.zeros(1).double(), append=torch.ones(1).double())
    torch.testing.assert_close(mass, by_hand, rtol=1e-6, atol=1e-12)


def test_far_tails_of_the_discretised_logistic_are_no_zeros():
    """As a difference of sigmoids both would be log(0) in single precision."""
    kind = LIKELIHOODS["discretised-logistic"](0.1)
    output = torch.tensor([0.0, -5.0])[None, :, None, None]
    found = kind.nll(output, torch.full((1, 1, 1, 1), 254 / 255)).item()
    scale = math.exp(-7 + math.log1p(math.exp(2)))
    # Far out 1 - F(x) is exp(-(x - mean) / scale).
    near, far = ((254 + side) / 255 - 0.5 for side in (-0.5, 0.5))
    assert found == pytest.approx(-math.log(math.exp(-near / scale) - math.exp(-far / scale)), rel=1e-5)
