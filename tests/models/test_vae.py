"""What VAEs share: ELBO and its bounds, schedules of the KL, free nats, collapse, what a step tells."""

from __future__ import annotations

import math

import pytest
import torch

from latentlab.core.config import parse
from latentlab.core.errors import ConfigError
from latentlab.models import MODELS, losses
from latentlab.models.likelihoods import LIKELIHOODS
from latentlab.models.vae import GRADIENT_EVERY

VAES = [key for key, kind in MODELS.items() if kind.family == "vae"]
PROBABILISTIC = [key for key in VAES if MODELS.get(key).probabilistic]
POINTS = (2, 1, 1)
every_vae = pytest.mark.parametrize("key", VAES)
probabilistic = pytest.mark.parametrize("key", PROBABILISTIC)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _images(count=5, shape=(1, 8, 8), seed=0):
    return torch.rand(count, *shape, generator=_generator(seed))


def _labels(model, count):
    return torch.arange(count) % len(model.label_names) if model.needs_labels else None


def test_the_family_is_complete():
    assert set(VAES) == {
        *("ae", "vae-mlp", "vae-conv", "beta-vae", "beta-tcvae", "factor-vae", "dip-vae", "info-vae", "cvae")
    }
    assert set(VAES) - set(PROBABILISTIC) == {"ae"}


# The ELBO and the importance weights


@probabilistic
def test_elbo_terms_are_an_image_s_nats_and_those_of_each_dimension_of_z(key, build):
    model, images = build(key), _images()
    labels = _labels(model, 5)
    with model.evaluating():
        nll, kl = model.elbo_terms(images, _generator(), labels)
        mean, log_variance = model.posterior(images, labels)
    assert nll.shape == (5,) and kl.shape == mean.shape == (5, 6)
    assert torch.equal(kl, losses.kl_to_standard_normal(mean, log_variance))
    with model.evaluating():
        again, _ = model.elbo_terms(images, _generator(1), labels)
    assert not torch.equal(nll, again), "no latent was drawn"


@pytest.mark.parametrize(
    ("key", "likelihood"), [*(("vae-mlp", kind) for kind in LIKELIHOODS), ("cvae", "bernoulli")]
)
def test_the_mean_of_log_weights_is_the_elbo_and_their_log_mean_lies_above(key, likelihood, build):
    """E_q log w is the ELBO (arXiv 1509.00519), within four standard errors of 200 draws."""
    model, images = build(key, likelihood=likelihood, latent_size=3), _images(2)
    labels = _labels(model, 2)
    with model.evaluating():
        weights = model.log_weights(images, _generator(), 200, labels).double()
        terms = [model.elbo_terms(images, _generator(n), labels) for n in range(200)]
    elbo = torch.stack([-nll - kl.sum(1) for nll, kl in terms]).double()
    assert weights.shape == (200, 2)
    error = (weights.var(0) / 200 + elbo.var(0) / 200).sqrt()
    assert ((weights.mean(0) - elbo.mean(0)).abs() < 4 * error).all()
    assert (weights.logsumexp(0) - math.log(200) >= weights.mean(0)).all()


def test_log_weights_find_the_likelihood_that_quadrature_finds(build):
    """One latent dimension: p(x) = integral of p(x|z) p(z) can be summed on a grid."""
    model, images = build("vae-mlp", latent_size=1), _images(3).round()
    grid, draws = torch.linspace(-8, 8, 801)[:, None], 1000
    with model.evaluating():
        weights = model.log_weights(images, _generator(), draws).double()
        output = model.nets["decoder"](grid)
        log_prior = losses.log_normal(grid, torch.zeros(1), torch.zeros(1))[:, 0]
        joint = [log_prior - model.likelihood.nll(output, image.expand_as(output)) for image in images]
    exact = torch.stack(joint).double().logsumexp(1) + math.log(16 / 800)
    # The estimate is a mean of weights of p(x); four standard errors of it.
    relative = (weights - exact).exp()
    assert ((relative.mean(0) - 1).abs() < 4 * relative.std(0) / draws**0.5).all()
    assert (relative.std(0) / draws**0.5 < 0.02).all(), "too rough to tell"


def test_log_weights_need_no_more_draws_where_the_posterior_is_exact(build):
    """A decoder that ignores z and a posterior that is the prior: every weight is p(x)."""
    model, images = build("vae-mlp"), _images(3)
    with torch.no_grad():
        model.nets["encoder"][-1].weight.zero_()
        model.nets["encoder"][-1].bias.zero_()
        model.nets["decoder"][0].weight.zero_()
        weights = model.log_weights(images, _generator(), 5)
    torch.testing.assert_close(weights, weights[:1].expand(5, 3))


# Likelihoods and points


@every_vae
@pytest.mark.parametrize("likelihood", list(LIKELIHOODS))
def test_every_likelihood_can_be_learned_with(key, likelihood, started, learn, batch):
    model = started(key, (3, 9, 8), likelihood=likelihood)
    for n in range(2):
        metrics = learn(model, batch((3, 9, 8), seed=n))
        assert all(value.isfinite() for value in metrics.values())
    with model.evaluating():
        images = model.decode(model.draw(4, _generator()))
    assert images.shape == (4, 3, 9, 8) and images.min() >= 0 and images.max() <= 1


@every_vae
def test_points_are_learned_from_with_a_gaussian_and_refused_without(key, started, build):
    for likelihood in ("bernoulli", "discretised-logistic"):
        with pytest.raises(
            ConfigError, match=f"'{likelihood}' is not allowed for points.*expected.* gaussian,"
        ):
            build(key, POINTS, likelihood=likelihood)
    for likelihood in ("gaussian", "gaussian-global", "gaussian-pixel"):
        model = started(key, POINTS, likelihood=likelihood)
        points = torch.rand(8, *POINTS, generator=_generator())
        metrics = model.step(points, _labels(model, 8))
        assert all(value.isfinite() for value in metrics.values())
        with model.evaluating():
            assert model.encode(points).shape == (8, *model.latent_shape)
            assert model.decode(model.draw(4, _generator())).shape == (4, *POINTS)


def test_convolutional_nets_are_two_dense_layers_of_64_for_points():
    kind = MODELS.get("vae-conv")
    model = kind(kind.Config(latent_size=2, likelihood="gaussian"), POINTS)
    sizes = {
        name: [(m.in_features, m.out_features) for m in net if isinstance(m, torch.nn.Linear)]
        for name, net in model.nets.items()
    }
    assert sizes == {"encoder": [(2, 64), (64, 64), (64, 4)], "decoder": [(2, 64), (64, 64), (64, 2)]}


# Schedules


def _weights(model, steps):
    found = []
    for model.step_count in steps:
        found.append(model.kl_weight())
    return found


def test_a_constant_schedule_ignores_the_warm_up(build):
    assert _weights(build("vae-mlp", beta=3.0, kl_schedule="constant", kl_warmup=10), [0, 5, 50]) == [3.0] * 3


def test_a_cyclical_schedule_grows_for_half_of_each_cycle_and_then_rests_at_beta(build):
    model = build("vae-mlp", beta=2.0, kl_schedule="cyclical", kl_warmup=4, kl_cycles=2)
    cycle = [0.5, 1.0, 1.5, 2.0] + [2.0] * 4
    assert _weights(model, range(20)) == cycle + cycle + [2.0] * 4


def test_saved_settings_without_a_schedule_warm_up_linearly_as_they_did(build):
    config = parse(MODELS.get("vae-conv").Config, {"kl_warmup": 10, "beta": 4.0}, "model")
    model = MODELS.get("vae-conv")(config, (1, 8, 8))
    assert _weights(model, [0, 4, 9, 10]) == [0.4, 2.0, 4.0, 4.0]


@probabilistic
def test_the_kl_s_weight_is_told_where_it_moves(key, started, learn, batch):
    assert "kl_weight" not in learn(started(key), batch())
    model = started(key, kl_warmup=10)
    learn(model, batch())
    expected = model.kl_weight()
    assert learn(model, batch())["kl_weight"].item() == pytest.approx(expected)


@every_vae
def test_the_gradient_is_measured_in_the_first_step_and_then_now_and_then(key, started, learn, batch):
    model = started(key)
    measured = ["grad" in learn(model, batch()) for _ in range(GRADIENT_EVERY + 1)]
    assert measured == [True] + [False] * (GRADIENT_EVERY - 1) + [True]


def test_the_gradient_s_norm_is_that_of_all_parameters(started, batch):
    model = started("vae-conv")
    found = model.step(batch())["grad"]
    squares = [p.grad.square().sum() for net in model.nets.values() for p in net.parameters()]
    torch.testing.assert_close(found, torch.stack(squares).sum().sqrt())


@probabilistic
def test_a_step_tells_the_elbo_whatever_it_minimises(key, started, learn, batch):
    metrics = learn(started(key, beta=7.0, kl_warmup=3), batch())
    assert metrics["neg_elbo"].item() == pytest.approx((metrics["reconstruction"] + metrics["kl"]).item())


@every_vae
def test_weights_and_schedules_can_be_changed_while_it_learns_and_nets_cannot(key, started):
    model = started(key)
    kind, values = MODELS.get(key).Config, model.config.model_dump()
    model.steer(kind(**values | {"sigma": 0.7}), 1e-4)
    assert model.likelihood.sigma == 0.7
    for name, other in (("width", 16), ("likelihood", "gaussian")):
        with pytest.raises(ValueError, match=name):
            model.steer(kind(**values | {name: other}), 1e-4)
    if model.probabilistic:
        model.steer(kind(**values | {"beta": 2.5, "free_bits": 1.0, "kl_warmup": 3}), 1e-4)
        assert model.config.beta == 2.5


# Free nats and collapse


def test_free_nats_are_a_floor_under_each_dimension_s_mean(build):
    kl = torch.tensor([[0.1, 2.0, 0.6], [0.3, 4.0, 0.2]])  # means 0.2, 3, 0.4
    assert build("vae-mlp").spent(kl).item() == pytest.approx(3.6)
    assert build("vae-mlp", free_bits=0.3).spent(kl).item() == pytest.approx(0.3 + 3 + 0.4)
    assert build("vae-mlp", free_bits=5.0).spent(kl).item() == pytest.approx(15)


def test_a_dimension_within_its_free_nats_is_not_pulled(build):
    model = build("vae-mlp", free_bits=0.5)
    mean = torch.tensor([[0.2, 3.0]], requires_grad=True)
    model.spent(losses.kl_to_standard_normal(mean, torch.zeros(1, 2))).backward()
    assert mean.grad.tolist() == [[0.0, 3.0]]


def _two_kinds(count=32):
    """Pictures of two kinds, half of each: black with a white half."""
    images = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
    images[: count // 2, :, :4] = 255
    images[count // 2 :, :, :, :4] = 255
    return images


def _taught(model, steps=200):
    images = _two_kinds()
    for _ in range(steps):
        metrics = model.step(images)
    return {name: value.item() for name, value in metrics.items()}


def test_a_beta_of_50_collapses_the_posterior_of_what_a_beta_of_1_learns(started):
    """Two kinds of pictures are ln 2 of information, at least, and tell 32 pixels: at 50 times the price too
    dear, since a pixel's guess costs ln 2 and 32 pixels 22 nats."""
    used = _taught(started("vae-mlp", rate=1e-2))
    spent = _taught(started("vae-mlp", rate=1e-2, beta=50.0))
    assert used["kl"] > math.log(2) and used["reconstruction"] < 5
    assert spent["kl"] < 0.05 and spent["reconstruction"] > 20


def test_free_nats_keep_alive_what_would_collapse(started):
    kept = _taught(started("vae-mlp", rate=1e-2, beta=50.0, free_bits=0.5))
    assert kept["kl"] > 6 * 0.3
