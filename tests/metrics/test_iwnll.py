"""Importance-weighted likelihoods where -log p(x) can be worked out otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.core.config import parse
from latentlab.metrics import iwnll
from latentlab.metrics.base import Heldout
from latentlab.metrics.elbo import Elbo
from latentlab.metrics.iwnll import ImportanceWeightedNLL, importance_weighted_nll
from latentlab.models import MODELS

SHAPE = (1, 8, 8)


@pytest.fixture
def model():
    """A VAE of one dimension with a simple decoder and a posterior that is roughly right."""
    kind = MODELS.get("vae-mlp")
    model = kind(parse(kind.Config, {"latent_size": 1, "width": 8}, "model"), SHAPE)
    generator = torch.Generator().manual_seed(0)
    decoder, encoder = nn.Linear(1, 64), nn.Linear(64, 2)
    with torch.no_grad():
        decoder.weight.normal_(0, 0.5, generator=generator)
        decoder.bias.normal_(0, 0.5, generator=generator)
        encoder.weight[0] = decoder.weight[:, 0] / 3
        encoder.weight[1] = 0
        encoder.bias.copy_(torch.tensor([0.0, -1.5]))
    model.nets["decoder"] = nn.Sequential(decoder, nn.Unflatten(1, SHAPE))
    model.nets["encoder"] = nn.Sequential(nn.Flatten(), encoder)
    return model


@pytest.fixture
def heldout():
    return Heldout(np.random.default_rng(0).integers(0, 256, (70, *SHAPE), dtype=np.uint8))


def quadrature(model, images):
    """-log of the integral of p(x|z) N(z; 0, 1) over a fine grid, in float64: the true mean -log p(x)."""
    x = images.reshape(len(images), -1).astype(np.float64) / 255
    z = np.linspace(-8, 8, 4001)
    layer = model.nets["decoder"][0]
    logits = z[:, None] * layer.weight[:, 0].detach().numpy() + layer.bias.detach().numpy()
    log_likelihood = x @ logits.T - np.logaddexp(0, logits).sum(1)
    joint = log_likelihood - z**2 / 2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])
    return -np.logaddexp.reduce(joint, axis=1).mean()


def test_many_samples_reach_the_integral(model, heldout):
    true = quadrature(model, heldout.store)
    found = importance_weighted_nll(model, heldout, 500)
    elbo = Elbo.measure(model, heldout)["heldout_neg_elbo"]
    assert found == pytest.approx(true, abs=0.02)
    assert elbo > true + 0.1, "the posterior is too good for this to be a test"


def test_the_bound_tightens_from_the_elbo_on(model, heldout):
    bounds = [importance_weighted_nll(model, heldout, k) for k in (1, 8, 64)]
    assert bounds[0] > bounds[1] > bounds[2] > quadrature(model, heldout.store) - 0.02
    assert bounds[0] == pytest.approx(Elbo.measure(model, heldout)["heldout_neg_elbo"], abs=0.3)


@pytest.mark.parametrize("samples", [1, 8, 20])
def test_parts_add_up(model, heldout, samples, monkeypatch):
    """Whatever is looked at together, it is -log of the mean of all weights."""
    monkeypatch.setattr(iwnll, "BATCH", 70)
    monkeypatch.setattr(iwnll, "CHUNK", 210)  # three samples at once
    drawn = []

    def log_weights(images, generator, count, labels=None):
        drawn.append(torch.randn(count, len(images), generator=generator) * 3 - 500)
        return drawn[-1]

    model.log_weights = log_weights
    found = importance_weighted_nll(model, heldout, samples)
    weights = torch.cat(drawn).double().numpy()
    assert weights.shape == (samples, 70)
    expected = -(np.logaddexp.reduce(weights, axis=0) - math.log(samples)).mean()
    assert found == pytest.approx(expected, abs=1e-4)


def test_progress_is_told_in_images_and_may_end_it(model, heldout, monkeypatch):
    monkeypatch.setattr(iwnll, "BATCH", 32)
    told = []
    importance_weighted_nll(model, heldout, 2, lambda done, total: told.append((done, total)))
    assert told == [(32, 70), (64, 70), (70, 70)]

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        importance_weighted_nll(model, heldout, 2, stop)
    assert model.nets["encoder"].training  # it is as it was


def test_the_end_of_a_training_does_not_wait_for_all_images(model, monkeypatch):
    many = Heldout(np.random.default_rng(0).integers(0, 256, (1000, *SHAPE), dtype=np.uint8))
    few = many.thinned(256)
    assert len(few) == 256
    expected = importance_weighted_nll(model, few, 64)
    assert ImportanceWeightedNLL.measure(model, many) == {"heldout_iw_nll": expected}
