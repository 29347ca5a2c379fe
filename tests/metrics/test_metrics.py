"""Figures against models whose answers are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from latentlab import metrics
from latentlab.core.config import parse
from latentlab.metrics import base
from latentlab.metrics.base import Heldout
from latentlab.metrics.diversity import Diversity, spread
from latentlab.metrics.elbo import Elbo
from latentlab.models import MODELS

SHAPE = (1, 8, 8)


class Constant(nn.Module):
    """Says the same row for every input."""

    def __init__(self, row: torch.Tensor, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.row, self.shape = row, shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.row.expand(len(x), -1).reshape(len(x), *self.shape)


class FirstPixels(nn.Module):
    """Means are the first pixels, log variances a number."""

    def __init__(self, log_variance: float) -> None:
        super().__init__()
        self.log_variance = log_variance

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1)[:, :3]
        return torch.cat([mean, torch.full_like(mean, self.log_variance)], 1)


def _model(key="vae-mlp", **values):
    kind = MODELS.get(key)
    config = parse(kind.Config, {"latent_size": 3, "width": 8} | values, "model")
    return kind(config, SHAPE, label_names=("a", "b", "c"))


@pytest.fixture
def heldout():
    return np.random.default_rng(0).integers(0, 256, (300, *SHAPE), dtype=np.uint8)


def test_the_elbo_of_a_known_bernoulli_model_is_the_one_worked_out_by_hand(heldout):
    model = _model()
    mean, log_variance = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, math.log(4), -1.0])
    model.nets["encoder"] = Constant(torch.cat([mean, log_variance]), (6,))
    model.nets["decoder"] = Constant(torch.full((64,), math.log(3)), SHAPE)  # every pixel is on by 3/4
    found = Elbo.measure(model, Heldout(heldout))
    x = heldout.reshape(len(heldout), -1).astype(np.float64) / 255
    reconstruction = -(x * math.log(3 / 4) + (1 - x) * math.log(1 / 4)).sum(1).mean()
    kl = 0.5 * (1 + 0) + 0.5 * (4 - 1 - math.log(4)) + 0.5 * (math.exp(-1) + 4 - 1 + 1)
    assert found["heldout_reconstruction"] == pytest.approx(reconstruction, rel=1e-5)
    assert found["heldout_kl"] == pytest.approx(kl, rel=1e-5)
    assert found["heldout_neg_elbo"] == pytest.approx(reconstruction + kl, rel=1e-5)
    assert found["active_units"] == 0


def test_the_elbo_of_a_known_gaussian_model_is_the_one_worked_out_by_hand(heldout):
    model = _model(likelihood="gaussian", sigma=0.5)
    model.nets["encoder"] = Constant(torch.zeros(6), (6,))
    model.nets["decoder"] = Constant(torch.zeros(64), SHAPE)  # every pixel is 1/2
    x = heldout.reshape(len(heldout), -1).astype(np.float64) / 255
    expected = ((x - 0.5) ** 2 / (2 * 0.25) + math.log(0.5 * math.sqrt(2 * math.pi))).sum(1).mean()
    found = Elbo.measure(model, Heldout(heldout))
    assert found["heldout_reconstruction"] == pytest.approx(expected, rel=1e-5) and found["heldout_kl"] == 0


def test_beta_is_left_out_of_the_elbo(heldout):
    assert Elbo.measure(_model(beta=100.0), Heldout(heldout)) == Elbo.measure(_model(), Heldout(heldout))


def test_a_dimension_is_active_where_its_mean_varies_over_the_data(heldout):
    heldout[:, 0, 0, 1] = 77  # the second mean never moves
    heldout[:, 0, 0, 2] = np.tile([100, 110], 150)  # variance (5 / 255)^2 = 0.0004: hardly
    model = _model()
    model.nets["encoder"] = FirstPixels(-3.0)
    assert Elbo.measure(model, Heldout(heldout))["active_units"] == 1
    heldout[:, 0, 0, 2] = np.tile([50, 110], 150)  # variance (30 / 255)^2 = 0.0138: just
    assert Elbo.measure(model, Heldout(heldout))["active_units"] == 2


def test_kl_per_dimension_is_the_closed_form_and_adds_up_to_the_figure(heldout):
    model = _model()
    mean, log_variance = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, math.log(4), -1.0])
    model.nets["encoder"] = Constant(torch.cat([mean, log_variance]), (6,))
    found = metrics.kl_per_dimension(model, Heldout(heldout))
    expected = [0.5, 0.5 * (4 - 1 - math.log(4)), 0.5 * (math.exp(-1) + 4 - 1 + 1)]
    assert found.dtype == np.float32 and found.tolist() == pytest.approx(expected, rel=1e-5)
    model.nets["encoder"] = FirstPixels(-3.0)  # now every image has its own
    found = metrics.kl_per_dimension(model, Heldout(heldout))
    assert found.sum() == pytest.approx(Elbo.measure(model, Heldout(heldout))["heldout_kl"], rel=1e-5)
    assert metrics.kl_per_dimension(model, Heldout(heldout[:0])) is None
    assert metrics.kl_per_dimension(_model("mlp-gan"), Heldout(heldout)) is None


@pytest.mark.parametrize(("count", "most"), [(10, 4), (10, 9), (10, 10), (3, 5)])
def test_thinning_keeps_so_many_evenly_spaced_and_their_labels(count, most):
    images = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    thin = Heldout(images, np.arange(count)).thinned(most)
    assert len(thin) == min(count, most) and thin.labels.tolist() == thin.read().ravel().tolist()
    gaps = np.diff(thin.labels)
    assert thin.labels[0] == 0 and gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("mapped", [False, True])
def test_what_is_held_out_is_some_of_a_store_that_is_never_read_whole(mapped, heldout, tmp_path, monkeypatch):
    which, labels = np.arange(5, 300, 3), np.arange(99)
    store = heldout
    if mapped:
        heldout.tofile(tmp_path / "images")
        store = np.memmap(tmp_path / "images", np.uint8, "r", shape=heldout.shape)
    some, read = Heldout(store, labels, which), []
    assert len(some) == 99
    np.testing.assert_array_equal(some.read(), heldout[which])
    np.testing.assert_array_equal(some.read(90), heldout[which[90:]])
    np.testing.assert_array_equal(np.concatenate(list(some.parts(40))), heldout[which])
    np.testing.assert_array_equal(np.concatenate(list(Heldout(store).parts(99))), heldout)
    thin = some.thinned(10)
    np.testing.assert_array_equal(thin.read(), heldout[which[thin.labels]])

    gather = base.gather
    monkeypatch.setattr(base, "gather", lambda *args: read.append(len(args[1])) or gather(*args))
    model = _model()
    assert metrics.measure(model, some) == metrics.measure(model, Heldout(heldout[which], labels))
    assert max(read) <= 99


def test_one_image_can_be_judged(heldout):
    found = metrics.measure(_model(), Heldout(heldout[:1]))
    assert found["active_units"] == 0 and all(math.isfinite(v) for v in found.values())


def _pairs(images):
    """Mean squared distance of all pairs, in pixels of 0 to 1."""
    flat = images.reshape(len(images), -1).astype(np.float64) / 255
    return np.mean([((a - b) ** 2).sum() for a, b in itertools.combinations(flat, 2)])


def test_spread_is_half_the_mean_squared_distance_of_pairs():
    images = np.random.default_rng(1).integers(0, 256, (90, 3, 4, 5), dtype=np.uint8)
    assert spread(Heldout(images)) == pytest.approx(_pairs(images) / 2, rel=1e-12)
    flat = images.astype(np.float64) / 255
    assert spread(Heldout(images)) == pytest.approx(flat.var(axis=0, ddof=1).sum(), rel=1e-12)


def test_spread_of_one_picture_or_of_equal_ones_is_zero():
    images = np.random.default_rng(1).integers(0, 256, (1, 1, 8, 8), dtype=np.uint8)
    assert spread(Heldout(images)) == 0 and spread(Heldout(np.repeat(images, 100, axis=0))) == 0
    assert spread(Heldout(images[:0])) == 0


def test_diversity_is_the_ratio_of_mean_squared_distances(heldout):
    from latentlab.models.pixels import render

    model = _model("mlp-gan")
    latents = model.draw(256, torch.Generator().manual_seed(0)).numpy()
    expected = _pairs(render(model, latents)) / _pairs(heldout)
    assert Diversity.measure(model, Heldout(heldout)) == {"diversity": pytest.approx(expected, rel=1e-9)}


def test_a_collapsed_model_has_no_diversity_and_one_like_the_data_has_one(heldout):
    collapsed = _model()
    collapsed.nets["decoder"] = Constant(torch.randn(64), SHAPE)
    assert Diversity.measure(collapsed, Heldout(heldout)) == {"diversity": 0.0}

    class Remembers(nn.Module):
        def forward(self, z):
            return torch.logit(torch.from_numpy(heldout[: len(z)]) / 255)

    perfect = _model()
    perfect.nets["decoder"] = Remembers()
    assert Diversity.measure(perfect, Heldout(heldout))["diversity"] == pytest.approx(1, abs=0.02)


def test_data_of_one_picture_has_no_diversity_to_compare_with(heldout):
    assert Diversity.measure(_model(), Heldout(np.repeat(heldout[:1], 5, axis=0))) == {"diversity": 0.0}


@pytest.mark.parametrize("key", list(MODELS))
def test_measuring_is_repeatable_and_leaves_every_generator_and_weight_alone(key, heldout):
    model, heldout, labels = _model(key), heldout[:50], np.arange(50) % 3
    model.start_training(1e-3)
    model.step(torch.from_numpy(heldout[:8]), torch.from_numpy(labels[:8]))
    before = [t.clone() for net in model.nets.values() for t in net.state_dict().values()]
    states = model.generator.get_state(), torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = metrics.measure(model, Heldout(heldout, labels))
    metrics.kl_per_dimension(model, Heldout(heldout, labels))
    torch.manual_seed(5)
    second = metrics.measure(model, Heldout(heldout, labels))
    torch.set_rng_state(states[1])
    assert first == second
    assert torch.equal(model.generator.get_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[2]
    after = [t for net in model.nets.values() for t in net.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(net.training for net in model.nets.values())


@pytest.mark.parametrize("key", list(MODELS))
def test_what_is_measured_is_what_was_announced(key, heldout):
    model, labelled = _model(key), Heldout(heldout[:40], np.arange(40) % 3)
    found = metrics.measure(model, labelled, final=True)
    assert list(found) == list(metrics.figures(type(model), SHAPE, labelled=True))
    assert set(found) - set(metrics.measure(model, labelled)) <= {"heldout_iw_nll"}
    assert not set(found) & set(model.metric_titles), "two columns of metrics.csv have one name"
    assert all(isinstance(v, float) and math.isfinite(v) for v in found.values())
    is_vae = model.family == "vae" and model.probabilistic
    assert ("active_units" in found) == ("heldout_iw_nll" in found) == is_vae
    kl = metrics.kl_per_dimension(model, labelled)
    assert (kl is not None) == is_vae
    if kl is not None:
        assert kl.sum() == pytest.approx(found["heldout_kl"], rel=1e-4)
        assert kl.shape == (model.config.latent_size,)


def test_without_held_out_images_nothing_is_measured(heldout):
    assert metrics.measure(_model(), Heldout(heldout[:0])) == {}
