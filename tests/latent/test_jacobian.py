"""Products with the decoder's Jacobian, against a matrix, reverse mode and finite differences."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from latentlab.core.errors import Cancelled
from latentlab.latent import jacobian as module
from latentlab.latent.jacobian import gram, jacobian, sensitivity

MODELS = ["vae-conv", "vae-mlp", "dcgan", "mlp-gan", "infogan"]


def _latents(model, count=1, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *model.latent_shape)).astype(np.float32)


def _reverse(model, z):
    """The Jacobian by reverse mode, float64 (P, D)."""
    model.train(False)
    decoded = torch.autograd.functional.jacobian(
        lambda z: model.decode(z[None]).flatten(), torch.from_numpy(z)
    )
    return decoded.double().numpy()


def test_of_a_linear_decoder_it_is_the_matrix(linear):
    model = linear()
    for z in _latents(model, 2):
        found = jacobian(model, z)
        assert found.shape == (64, 5) and found.dtype == np.float32
        np.testing.assert_allclose(found, model.weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("key", MODELS)
def test_it_is_what_reverse_mode_gives(build, key):
    model = build(key, (3, 8, 12))
    z = _latents(model)[0]
    expected = _reverse(model, z)
    assert np.abs(expected).max() > 1e-4  # two nets that do nothing would agree too
    np.testing.assert_allclose(jacobian(model, z), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("held", [2**28, 4 * 7 * 10])
def test_the_gram_matrix_is_the_jacobian_s_own_however_little_is_held(build, monkeypatch, held):
    monkeypatch.setattr(module, "HELD", held)
    model = build("vae-conv")
    z = _latents(model)[0]
    expected = _reverse(model, z)
    reported = []
    found = gram(model, z, lambda done, total: reported.append((done, total)))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected.T @ expected, rtol=1e-4, atol=1e-8)
    assert reported == sorted(reported) and reported[-1][0] == reported[-1][1]


def test_batches_change_nothing(linear, monkeypatch):
    model = linear()
    z = _latents(model, 3)
    whole = jacobian(model, z[0]), gram(model, z[0]), sensitivity(model, z)
    monkeypatch.setattr(module, "_batch", lambda model: 2)
    for one, other in zip(
        whole, (jacobian(model, z[0]), gram(model, z[0]), sensitivity(model, z)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_sensitivity_of_a_linear_decoder_is_the_norm_of_its_columns(linear):
    model = linear()
    found = sensitivity(model, _latents(model, 4))
    assert found.shape == (5,) and found.dtype == np.float64
    np.testing.assert_allclose(found, np.linalg.norm(model.weight, axis=0), rtol=1e-5)


@pytest.mark.parametrize("key", MODELS)
def test_sensitivity_is_the_root_mean_square_over_latents(build, key):
    model = build(key)
    latents = _latents(model, 3)
    squares = [np.square(_reverse(model, z)).sum(0) for z in latents]
    assert not np.allclose(squares[0], squares[1], rtol=1e-2)  # the mean is of different numbers
    np.testing.assert_allclose(sensitivity(model, latents), np.sqrt(np.mean(squares, 0)), rtol=1e-4)


def test_sensitivity_is_what_a_small_step_does(build):
    model = build("vae-conv")
    z, step = _latents(model, seed=3), 1e-2
    model.train(False)
    with torch.no_grad():
        moved = model.decode(torch.from_numpy(z + step * np.eye(6, dtype=np.float32)))
        back = model.decode(torch.from_numpy(z - step * np.eye(6, dtype=np.float32)))
    expected = ((moved - back) / (2 * step)).flatten(1).norm(dim=1)
    np.testing.assert_allclose(sensitivity(model, z), expected, rtol=1e-2)


@pytest.mark.parametrize("training", [True, False])
def test_modes_weights_and_random_numbers_stay_as_they_were(build, training):
    model = build("dcgan")
    model.train(training)
    weights = [tensor.clone() for tensor in model.weights()]
    states = torch.get_rng_state(), model.generator.get_state()
    z = _latents(model)
    gram(model, z[0])
    sensitivity(model, z)
    assert all(module.training is training for net in model.nets.values() for module in net.modules())
    assert all(torch.equal(a, b) for a, b in zip(weights, model.weights(), strict=True))
    assert torch.equal(states[0], torch.get_rng_state())
    assert torch.equal(states[1], model.generator.get_state())
    assert all(p.requires_grad and p.grad is None for net in model.nets.values() for p in net.parameters())


def test_it_works_on_copies_whose_weights_learn_nothing(build):
    model = build("vae-conv")
    z = _latents(model)[0]
    assert np.array_equal(jacobian(model.evaluation_copy(), z), jacobian(model, z))


@pytest.mark.parametrize("call", [jacobian, gram, lambda m, z, report: sensitivity(m, z[None], report)])
def test_it_can_be_left_early_and_leaves_the_nets_in_order(build, call):
    model = build("dcgan")
    model.train()

    def leave(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        call(model, _latents(model)[0], leave)
    assert all(net.training for net in model.nets.values())


def test_threads_may_ask_at_the_same_time(build):
    models, z = [build("vae-mlp"), build("vae-mlp")], np.zeros(6, np.float32)
    with ThreadPoolExecutor(2) as threads:
        answers = [list(threads.map(lambda model: gram(model, z), models)) for _ in range(20)]
    for first, second in answers:
        np.testing.assert_array_equal(first, second)


def test_large_images_go_through_in_small_batches(linear):
    assert module._batch(linear((4, 256, 256), latent_size=1)) * math.prod((4, 256, 256)) <= 2**21
    assert module._batch(linear((1, 8, 8))) == 256
