"""PCA, SeFa and local directions, against the singular vectors of a linear decoder and of reverse mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.core.errors import ConfigError
from latentlab.latent.directions import find


def _singular(matrix):
    """Right singular vectors (K, D), the largest component of each positive, and the values (K,)."""
    _, values, rows = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    return rows * np.sign(largest), values


def _vectors(found):
    return np.stack([direction.vector for direction in found])


def _note(value):
    return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"


@pytest.mark.parametrize("samples", [20, 400])  # fewer are no worse: the sampled latents are whitened
@pytest.mark.parametrize("seed", range(3))
def test_pca_of_a_linear_decoder_is_exact_however_few_the_samples(linear, material, seed, samples):
    model = linear(seed=seed)
    expected, values = _singular(model.weight)
    found = find(model, "pca", material(model), {"samples": samples})
    np.testing.assert_allclose(_vectors(found), expected, atol=2e-4)
    shares = values**2 / (values**2).sum()
    assert [d.note for d in found] == [f"{_note(share)} of variance" for share in shares]
    assert [d.name for d in found] == [f"PCA {n}" for n in range(1, 6)]


def test_pca_of_many_samples_of_many_pixels_seeks_only_the_first(linear, material):
    model = linear((3, 16, 16), latent_size=8)
    expected, values = _singular(model.weight)
    found = find(model, "pca", material(model), {"samples": 600, "count": 3})
    np.testing.assert_allclose(_vectors(found), expected[:3], atol=2e-4)
    share = (values**2 / (values**2).sum())[0]  # of all variance, not of what was sought
    assert found[0].note == f"{_note(share)} of variance"


def test_pca_of_large_images_draws_fewer_samples(linear, material, monkeypatch):
    from latentlab.latent.directions import pca

    drawn = []
    draw = pca.samplers.draw
    monkeypatch.setattr(pca, "HELD", 64 * 30)
    monkeypatch.setattr(pca.samplers, "draw", lambda m, seeds: drawn.append(len(seeds)) or draw(m, seeds))
    model = linear()
    np.testing.assert_allclose(
        _vectors(find(model, "pca", material(model))), _singular(model.weight)[0], atol=2e-4
    )
    assert drawn == [30]


def test_pca_takes_out_what_choices_change(linear, material):
    model = linear(categories=3)
    with torch.no_grad():
        model.nets["decoder"][0].weight[:, :3] *= 100
    expected, _ = _singular(model.weight[:, 3:])
    found = _vectors(find(model, "pca", material(model), {"samples": 2000}))
    # The categories' means come from the samples: exact no more, yet far nearer than with them.
    assert (np.abs(found[:2, 3:] * expected[:2]).sum(1) > 0.995).all()


def test_pca_of_features_is_of_the_first_layer(build, material):
    model = build("mlp-gan")
    first = model.decoding_net[0]
    with torch.no_grad():  # far from the kink of each leaky unit the first layer is linear
        first.bias.fill_(1e3)
    expected, _ = _singular(first.weight.detach().numpy())
    found = _vectors(find(model, "pca", material(model), {"space": "features", "samples": 400}))
    np.testing.assert_allclose(found, expected, atol=5e-2)
    outputs = _vectors(find(model, "pca", material(model), {"samples": 400}))
    assert np.abs(outputs - expected[: len(outputs)]).max() > 0.1


def test_pca_says_what_it_cannot_do(linear, material):
    model = linear(latent_size=30)
    message = r"^pca\.samples: 25 is not allowed; expected more than the latent's size, 30\.$"
    with pytest.raises(ConfigError, match=message):
        find(model, "pca", material(model), {"samples": 25})
    with torch.no_grad():
        model.nets["decoder"][0].weight.zero_()
    with pytest.raises(ConfigError, match=r"^Every sample looks the same"):
        find(model, "pca", material(model))


def test_pca_leaves_out_what_changes_nothing(linear, material):
    model = linear()
    with torch.no_grad():
        model.nets["decoder"][0].weight[:, 2:] = 0
    assert len(find(model, "pca", material(model), {"samples": 100})) == 2


def test_sefa_of_a_linear_layer_is_its_singular_vectors(linear, material):
    model = linear()
    expected, values = _singular(model.weight)
    found = find(model, "sefa", material(model))
    np.testing.assert_allclose(_vectors(found), expected, atol=1e-5)
    shares = values**2 / (values**2).sum()
    assert [d.note for d in found] == [f"{_note(share)} of the first layer" for share in shares]


@pytest.mark.parametrize("key", ["vae-conv", "vae-mlp", "dcgan", "mlp-gan", "infogan"])
def test_sefa_takes_the_decoder_s_first_weight(build, material, key):
    model = build(key)
    weight = model.decoding_net[0].weight.detach().numpy()[:, : 10 if key == "infogan" else None]
    count = 8 if key == "infogan" else 6  # noise and codes
    found = _vectors(find(model, "sefa", material(model), {"count": 3}))
    np.testing.assert_allclose(found[:, :count], _singular(weight[:, :count])[0][:3], atol=1e-4)


def test_sefa_of_a_transposed_convolution(linear, material):
    model = linear()
    convolution = torch.nn.ConvTranspose2d(5, 3, 4)
    model.nets["decoder"] = torch.nn.Sequential(torch.nn.Unflatten(1, (5, 1, 1)), convolution)
    matrix = convolution.weight.detach().numpy().reshape(5, -1).T
    np.testing.assert_allclose(
        _vectors(find(model, "sefa", material(model))), _singular(matrix)[0], atol=1e-5
    )


@pytest.mark.parametrize("first", [torch.nn.Conv2d(1, 1, 3), torch.nn.Linear(4, 8), torch.nn.Flatten()])
def test_sefa_needs_a_first_layer_of_the_latent(linear, material, first):
    model = linear()
    model.nets["decoder"] = torch.nn.Sequential(first)
    message = r"^SeFa needs a decoder that starts with a layer of the latent, which a linear lacks\.$"
    with pytest.raises(ConfigError, match=message):
        find(model, "sefa", material(model))


def test_local_directions_of_a_linear_decoder_are_its_singular_vectors(linear, material):
    model = linear(latent_size=12)
    expected, values = _singular(model.weight)
    found = find(model, "local", material(model))
    np.testing.assert_allclose(_vectors(found), expected[:10], atol=1e-4)
    assert [d.note for d in found] == [f"{value:.3g} per σ" for value in values[:10]]


@pytest.mark.parametrize("key", ["vae-conv", "dcgan"])
def test_local_directions_are_those_of_reverse_mode_and_hang_on_where_we_are(build, material, key):
    model = build(key, (3, 8, 12))
    model.train(False)
    with torch.no_grad():  # steep enough that two places differ
        for parameter in model.decoding_net.parameters():
            parameter *= 3
    places = []
    for seed in (0, 1):
        z = torch.from_numpy(np.random.default_rng(seed).standard_normal(6).astype(np.float32))
        jacobian = torch.autograd.functional.jacobian(lambda z: model.decode(z[None]).flatten(), z)
        expected, values = _singular(jacobian.numpy())
        found = find(model, "local", material(model, z=z.numpy()), {"count": 4})
        np.testing.assert_allclose(_vectors(found), expected[:4], atol=1e-3)
        assert [d.note for d in found] == [f"{value:.3g} per σ" for value in values[:4]]
        places.append(_vectors(found))
    assert np.abs(places[0] - places[1]).max() > 0.05
