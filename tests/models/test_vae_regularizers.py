"""What members of the VAE family add to the loss, against closed forms, hand-made sums and slow loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from latentlab.models import losses
from latentlab.models.factor_vae import shuffled
from latentlab.models.vae import Draw


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _noise(*shape, seed=0):
    return torch.randn(*shape, generator=_generator(seed), dtype=torch.float64)


def _draw(mean, log_variance, seed=0):
    """A look at len(mean) images whose posteriors are given and whose nll is 100."""
    z = losses.reparameterize(mean, log_variance, _generator(seed))
    kl = losses.kl_to_standard_normal(mean, log_variance)
    return Draw(mean, log_variance, z, kl, torch.full((len(mean),), 100.0))


# The parts of the KL


def _slow_parts(z, mean, log_variance, weights):
    """The three parts by a loop over images and torch's densities; weights (B, B) of each posterior."""
    parts = []
    for i, point in enumerate(z):
        densities = Normal(mean, (log_variance / 2).exp()).log_prob(point).exp()  # (B, D)
        joint = (weights[i] * densities.prod(1)).sum().log()
        product = (weights[i][:, None] * densities).sum(0).log().sum()
        prior = Normal(0.0, 1.0).log_prob(point).sum()
        parts.append([densities[i].log().sum() - joint, joint - product, product - prior])
    return torch.tensor(parts, dtype=torch.float64).T


@pytest.mark.parametrize("count", [0, 7, 1000])
def test_the_parts_of_the_kl_are_those_of_a_slow_loop(count):
    mean, log_variance = _noise(7, 3), 0.5 * _noise(7, 3, seed=1)
    z = mean + (log_variance / 2).exp() * _noise(7, 3, seed=2)
    images = max(count, 7)
    weights = torch.full((7, 7), (images - 1) / images / 6, dtype=torch.float64)
    weights.fill_diagonal_(1 / images)
    assert torch.allclose(weights.sum(1), torch.ones(7, dtype=torch.float64))
    found = torch.stack(losses.decomposed_kl(z, mean, log_variance, count))
    torch.testing.assert_close(found, _slow_parts(z, mean, log_variance, weights), rtol=1e-10, atol=1e-10)


def test_where_the_batch_is_all_there_is_every_image_counts_the_same():
    mean, log_variance = _noise(9, 2), _noise(9, 2, seed=1)
    z = mean + (log_variance / 2).exp() * _noise(9, 2, seed=2)
    equal = torch.full((9, 9), 1 / 9, dtype=torch.float64)
    found = torch.stack(losses.decomposed_kl(z, mean, log_variance, 9))
    torch.testing.assert_close(found, _slow_parts(z, mean, log_variance, equal), rtol=1e-10, atol=1e-10)


def test_the_parts_add_up_to_the_kl_of_each_draw():
    mean, log_variance = _noise(6, 4), _noise(6, 4, seed=1)
    z = mean + (log_variance / 2).exp() * _noise(6, 4, seed=2)
    whole = losses.log_normal(z, mean, log_variance) - Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(sum(losses.decomposed_kl(z, mean, log_variance, 500)), whole.sum(1))


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_parts_of_a_gaussian_aggregate_are_its_closed_forms(correlation):
    """Means from N(0, S), posteriors of variance v: q(z) = N(0, S + v). All of the data is the batch."""
    variance, size = 0.3, 1500
    cover = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    mean = _noise(size, 2) @ torch.linalg.cholesky(cover).T
    log_variance = torch.full_like(mean, math.log(variance))
    z = mean + variance**0.5 * _noise(size, 2, seed=1)
    information, dependence, each = (p.mean() for p in losses.decomposed_kl(z, mean, log_variance, size))
    whole = cover + variance * torch.eye(2)
    own = math.log(1 + 1 / variance)  # of two dimensions, each 1/2 log
    known = -0.5 * math.log(1 - (correlation / (1 + variance)) ** 2)
    assert dependence.item() == pytest.approx(known, abs=0.06)
    assert information.item() == pytest.approx(own - known, abs=0.12)
    assert each.item() == pytest.approx(1 + variance - 1 - math.log(1 + variance), abs=0.06)
    prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    total = MultivariateNormal(torch.zeros(2).double(), whole)
    assert (dependence + each).item() == pytest.approx(
        torch.distributions.kl_divergence(total, prior).item(), abs=0.08
    )


def test_more_images_than_the_batch_leave_the_parts_unbiased():
    """Batches of 16 of 64 images: the estimated q(z) averages to the true one."""
    mean, log_variance = _noise(64, 2), torch.full((64, 2), -1.0, dtype=torch.float64)
    generator, found, exact = _generator(5), [], []
    equal = torch.full((1, 64), 1 / 64, dtype=torch.float64)
    for _ in range(800):
        chosen = torch.randperm(64, generator=generator)[:16]
        noise = torch.randn(16, 2, generator=generator, dtype=torch.float64)
        z = mean[chosen] + math.exp(-0.5) * noise
        parts = losses.decomposed_kl(z, mean[chosen], log_variance[chosen], 64)
        log_joint = losses.log_normal(z, mean[chosen], log_variance[chosen]).sum(1) - parts[0]
        densities = losses.log_normal(z[:1, None], mean, log_variance).sum(2).exp()
        found.append(log_joint[0].exp())
        exact.append((equal * densities).sum())
    difference = torch.stack(found) - torch.stack(exact)
    assert difference.mean().abs() < 4 * difference.std() / 800**0.5
    assert difference.std() / 800**0.5 < 0.02 * torch.stack(exact).mean(), "too rough to tell"


def test_beta_tcvae_weighs_each_part(build):
    draw = _draw(torch.randn(8, 6, generator=_generator(1)), torch.zeros(8, 6))
    plain, _ = build("vae-conv").regularize(draw)
    information, dependence, each = (p.mean() for p in losses.decomposed_kl(*_posterior(draw), 8))
    for alpha, beta, gamma in [(1, 1, 1), (0.5, 3, 1), (1, 1, 4), (2, 7, 0)]:
        pull, figures = build("beta-tcvae", alpha=alpha, beta=beta, gamma=gamma).regularize(draw)
        more = (alpha - 1) * information + (beta - 1) * dependence + (gamma - 1) * each
        assert pull.item() == pytest.approx((plain + more).item(), rel=1e-5)
        assert figures["mutual_information"] == information and figures["dimension_kl"] == each
        assert figures["total_correlation"] == dependence


def _posterior(draw):
    return draw.z, draw.mean, draw.log_variance


# Capacity


def test_capacity_grows_to_its_end(build):
    model = build("beta-vae", capacity=20.0, capacity_steps=10)
    found = []
    for model.step_count in (0, 4, 9, 10, 1000):
        found.append(model.capacity())
    assert found == [2.0, 10.0, 20.0, 20.0, 20.0]
    assert build("beta-vae", capacity=20.0, capacity_steps=0).capacity() == 20.0


def test_the_kl_is_held_at_the_capacity_from_both_sides(build):
    """KL 1/2 of one sigma aside; six dimensions of one sigma cost 3 nats."""
    draw = _draw(torch.ones(4, 6), torch.zeros(4, 6))
    for capacity, expected in [(5.0, 10 * 2.0), (3.0, 0.0), (1.0, 10 * 2.0)]:
        model = build("beta-vae", capacity=capacity, capacity_steps=0, gamma=10.0)
        pull, figures = model.regularize(draw)
        assert pull.item() == pytest.approx(expected, abs=1e-4) and figures["capacity"] == capacity
    pull, figures = build("beta-vae").regularize(draw)
    assert pull.item() == pytest.approx(4 * 3.0) and "capacity" not in figures


# FactorVAE


def test_shuffling_keeps_each_dimension_s_numbers_and_breaks_their_pairs():
    z = torch.arange(200.0)[:, None].repeat(1, 3)
    found = shuffled(z, _generator())
    assert torch.equal(found.sort(0).values, z)
    assert all((found[:, a] == found[:, b]).float().mean() < 0.1 for a, b in [(0, 1), (0, 2), (1, 2)])
    assert torch.equal(found, shuffled(z, _generator()))


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_critic_s_mean_logit_is_the_total_correlation(correlation, started):
    """Two Gaussians of correlation r have TC -1/2 log(1 - r^2)."""
    model = started("factor-vae", latent_size=2, critic_width=32, critic_rate=5.0)
    generator = _generator(3)

    def draw(count):
        z = torch.randn(count, 2, generator=generator)
        z[:, 1] = correlation * z[:, 0] + (1 - correlation**2) ** 0.5 * z[:, 1]
        return z

    for _ in range(300):
        loss = model.learn_to_judge(draw(256))
    with torch.no_grad():
        found = model.nets["critic"](draw(4000)).mean().item()
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.08)
    assert (loss < math.log(2) - 0.05) == (correlation > 0), "ln 2 is a guess"


def test_each_net_of_factor_vae_learns_its_own_thing_at_its_own_rate(started, batch):
    model = started("factor-vae", rate=1e-3, critic_rate=0.5)
    rates = {name: o.param_groups[0]["lr"] for name, o in model.optimizers().items()}
    assert rates == {"vae": 1e-3, "critic": 5e-4}
    owned = {name: {p for g in o.param_groups for p in g["params"]} for name, o in model.optimizers().items()}
    assert owned["critic"] == set(model.nets["critic"].parameters()) and not owned["critic"] & owned["vae"]
    metrics = model.step(batch())
    assert all(p.requires_grad for p in model.nets["critic"].parameters())
    assert metrics["critic"].item() == pytest.approx(math.log(2), abs=0.05)


def test_gamma_weighs_the_critic_s_estimate_and_its_gradient_reaches_the_latents(started):
    mean = torch.randn(8, 6, generator=_generator(1)).requires_grad_()
    free = started("factor-vae", gamma=0.0).regularize(_draw(mean, torch.zeros(8, 6)))
    paid = started("factor-vae", gamma=5.0).regularize(_draw(mean, torch.zeros(8, 6)))
    difference = paid[0] - free[0]
    torch.testing.assert_close(difference, 5 * paid[1]["total_correlation"], rtol=1e-3, atol=1e-4)
    (gradient,) = torch.autograd.grad(difference, mean)
    assert gradient.abs().sum() > 0


# DIP-VAE


def test_the_covariance_penalty_is_worked_out_by_hand(build):
    """Of four means, variances 1 and 2 and covariance 1; posteriors of variance 1/2."""
    mean = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 2.0], [-1.0, -2.0]])
    log_variance = torch.full((4, 2), math.log(0.5))
    torch.testing.assert_close(losses.covariance(mean + 7), torch.tensor([[1.0, 1.0], [1.0, 2.0]]))
    of_means = build("dip-vae", variant="i", lambda_od=3.0, lambda_d=5.0)
    assert of_means.penalty(mean, log_variance).item() == pytest.approx(3 * 2 + 5 * (0 + 1))
    of_draws = build("dip-vae", variant="ii", lambda_od=3.0, lambda_d=5.0)
    assert of_draws.penalty(mean, log_variance).item() == pytest.approx(3 * 2 + 5 * (0.25 + 2.25))


def test_the_covariance_is_torch_s():
    x = _noise(20, 5)
    torch.testing.assert_close(losses.covariance(x), torch.cov(x.T, correction=0))


def test_dip_vae_ii_lets_a_dimension_go_unused_and_i_does_not(build):
    unused = torch.zeros(4, 6), torch.zeros(4, 6)  # the prior, whatever the image
    assert build("dip-vae", variant="ii").penalty(*unused).item() == 0
    assert build("dip-vae", variant="i").penalty(*unused).item() == pytest.approx(5 * 6)


# InfoVAE


def test_mmd_is_that_of_a_slow_double_loop():
    x, y = _noise(6, 3), 1 + _noise(6, 3, seed=1)

    def kernel(a, b):
        return 6 / (6 + float((a - b).square().sum()))

    def mean(a, b, same):
        values = [kernel(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not (same and i == j)]
        return sum(values) / len(values)

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    assert losses.maximum_mean_discrepancy(x, y).item() == pytest.approx(expected, abs=1e-12)


def test_mmd_is_nothing_on_average_for_one_distribution_and_grows_with_the_distance():
    generator = _generator()
    pairs = [torch.randn(2, 32, 4, generator=generator) for _ in range(400)]
    by_shift = []
    for shift in (0.0, 0.5, 1.0, 3.0):
        by_shift.append(torch.stack([losses.maximum_mean_discrepancy(x, y + shift) for x, y in pairs]))
    assert by_shift[0].mean().abs() < 4 * by_shift[0].std() / 400**0.5
    assert by_shift[0].mean() < by_shift[1].mean() < by_shift[2].mean() < by_shift[3].mean()


def test_mmd_s_gradient_is_right_also_where_two_draws_are_one():
    x = _noise(4, 3)
    x[1] = x[0]
    y = _noise(4, 3, seed=1)
    assert torch.autograd.gradcheck(losses.maximum_mean_discrepancy, (x.requires_grad_(), y))


def test_info_vae_leaves_out_alpha_of_the_kl_and_weighs_the_rest_by_alpha_and_lambda(build):
    draw = _draw(torch.ones(8, 6), torch.zeros(8, 6))
    for alpha, weight in [(0.0, 1.0), (0.0, 10.0), (0.3, 100.0), (1.0, 1.0)]:
        pull, figures = build("info-vae", alpha=alpha, mmd_weight=weight).regularize(draw)
        expected = (1 - alpha) * 3.0 + (alpha + weight - 1) * figures["mmd"].item()
        assert pull.item() == pytest.approx(expected, rel=1e-5)
        assert figures["kl"].item() == pytest.approx(3.0)


# Autoencoder


def test_codes_have_mean_0_and_variance_1_and_no_posterior_of_their_own(started, batch):
    model = started("ae")
    images = batch(count=64)
    for step in range(160):
        if step == 20:
            model.set_learning_rate(0.0)  # the running mean and variance follow a moment later
        metrics = model.step(images)
        assert set(metrics) <= {"reconstruction", "grad"}
    with model.evaluating():
        codes = model.encode(images.float() / 255)
    assert codes.mean(0).abs().max() < 0.01 and (codes.var(0) - 1).abs().max() < 0.05


def test_an_autoencoder_draws_nothing(started, batch):
    model, images = started("ae"), torch.rand(4, 1, 8, 8, generator=_generator())
    with model.evaluating():
        assert torch.equal(model.draw_posterior(images, _generator()), model.encode(images))
        first, _ = model.elbo_terms(images, _generator(1))
        assert torch.equal(first, model.elbo_terms(images, _generator(2))[0])
    assert not {"beta", "kl_warmup", "free_bits"} & set(type(model).Config.model_fields)
