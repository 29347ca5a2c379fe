"""Losses against numbers worked out by hand, torch's distributions and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from latentlab.models import losses


def test_kl_is_that_of_torch_and_of_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    mean = 2 * torch.randn(7, 5, generator=generator, dtype=torch.float64)
    log_variance = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    found = losses.kl_to_standard_normal(mean, log_variance)
    sigma = (log_variance / 2).exp()
    standard = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    torch.testing.assert_close(found, kl_divergence(Normal(mean, sigma), standard), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, (sigma**2 + mean**2 - 1) / 2 - sigma.log(), rtol=1e-12, atol=1e-12)


def test_kl_of_the_prior_is_zero_and_one_sigma_aside_costs_half_a_nat():
    kl = losses.kl_to_standard_normal(torch.tensor([0.0, 1.0]), torch.zeros(2))
    assert kl.tolist() == [0.0, 0.5]


def test_log_normal_is_that_of_torch():
    generator = torch.Generator().manual_seed(6)
    z, mean, log_variance = 2 * torch.randn(3, 7, 5, generator=generator, dtype=torch.float64)
    expected = Normal(mean, (log_variance / 2).exp()).log_prob(z)
    torch.testing.assert_close(losses.log_normal(z, mean, log_variance), expected, rtol=1e-12, atol=1e-12)


def test_the_information_bound_is_that_of_torch_s_distributions():
    generator = torch.Generator().manual_seed(3)
    logits, mean = (2 * torch.randn(6, n, generator=generator, dtype=torch.float64) for n in (4, 3))
    codes = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    category = torch.tensor([0, 1, 2, 3, 3, 0])
    one, uniform = torch.ones(6, 3, dtype=torch.float64), Categorical(logits=torch.zeros(4))
    recognised = Categorical(logits=logits).log_prob(category) + Normal(mean, one).log_prob(codes).sum(1)
    entropy = uniform.entropy() + Normal(0 * one, one).entropy().sum(1)
    found = losses.information_bound(logits, torch.eye(4, dtype=torch.float64)[category], mean, codes)
    torch.testing.assert_close(found, recognised + entropy, rtol=1e-12, atol=1e-7)


def test_the_information_bound_is_nothing_for_a_guess_and_the_most_for_certainty():
    category, codes = torch.eye(10), torch.randn(10, 2, generator=torch.Generator().manual_seed(4))
    guess = losses.information_bound(torch.zeros(10, 10), category, torch.zeros(10, 2), codes)
    torch.testing.assert_close(guess, (1 - codes.square()).sum(1) / 2, rtol=0, atol=1e-6)  # 0 on average
    certain = losses.information_bound(1000 * category, category, codes, codes)
    torch.testing.assert_close(certain, torch.full((10,), math.log(10) + 2 / 2))
    wrong = losses.information_bound(-1000 * category, category, codes, codes)
    assert wrong.isfinite().all() and (wrong < -900).all()


def test_the_information_bound_of_a_noisy_channel_is_at_most_its_mutual_information():
    """x = c + noise of variance s2: I = 1/2 ln(1 + 1/s2); the best mean leaves s2/(1 + s2) of var c."""
    generator = torch.Generator().manual_seed(5)
    codes = torch.randn(200_000, 1, generator=generator, dtype=torch.float64)
    empty = codes[:, :0]  # no category at all: one of one
    for s2 in (0.1, 1.0, 4.0):
        x = codes + s2**0.5 * torch.randn(codes.shape, generator=generator, dtype=torch.float64)
        found = losses.information_bound(0 * codes, 0 * codes + 1, x / (1 + s2), codes).mean().item()
        assert found == pytest.approx(0.5 * (1 - s2 / (1 + s2)), abs=0.01)
        assert found < 0.5 * math.log(1 + 1 / s2)
    assert losses.information_bound(0 * codes, 0 * codes + 1, empty, empty).eq(0).all()


def test_reparameterized_draws_have_the_posterior_s_mean_and_variance():
    mean = torch.tensor([[-1.0, 0.0, 3.0]]).expand(200_000, 3)
    log_variance = torch.log(torch.tensor([[4.0, 1.0, 0.01]])).expand(200_000, 3)
    z = losses.reparameterize(mean, log_variance, torch.Generator().manual_seed(0))
    # Four standard errors of 200,000 draws.
    torch.testing.assert_close(z.mean(0), torch.tensor([-1.0, 0.0, 3.0]), atol=0.018, rtol=0)
    torch.testing.assert_close(z.var(0), torch.tensor([4.0, 1.0, 0.01]), atol=0, rtol=0.013)


def test_reparameterized_draws_carry_the_gradients_of_mean_and_variance():
    mean = torch.zeros(3, 2, requires_grad=True)
    log_variance = torch.zeros(3, 2, requires_grad=True)
    z = losses.reparameterize(mean, log_variance, torch.Generator().manual_seed(0))
    z.sum().backward()
    assert torch.equal(mean.grad, torch.ones(3, 2))
    torch.testing.assert_close(log_variance.grad, z.detach() / 2)  # dz/dlogvar = eps exp(logvar/2) / 2
