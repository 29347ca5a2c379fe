"""Which dimensions matter: KL against its formula, and when it is what."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.core.errors import Cancelled
from latentlab.latent import importance as module
from latentlab.latent import samplers
from latentlab.latent.importance import importance, kl_per_dimension
from latentlab.latent.jacobian import sensitivity


def _images(shape=(1, 8, 8), count=300, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.mark.parametrize("key", ["vae-conv", "vae-mlp"])
def test_kl_is_the_formula_averaged_over_images(build, key):
    model, images = build(key), _images()
    with torch.no_grad():
        mean, log_variance = (t.double() for t in model.posterior(torch.from_numpy(images).float() / 255))
    expected = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)
    found = kl_per_dimension(model, images)
    assert found.shape == (6,) and found.dtype == np.float64 and (found > 0).all()
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_a_dimension_without_information_has_no_kl(build):
    model = build("vae-mlp")
    last = model.nets["encoder"][-1]
    with torch.no_grad():
        for row in (2, 2 + 6):  # the mean and the log variance of dimension 2: 0 whatever the image
            last.weight[row], last.bias[row] = 0, 0
    found = kl_per_dimension(model, _images())
    assert found[2] == 0 and (np.delete(found, 2) > 0).all()


def test_the_numbers_of_a_class_have_no_kl(build):
    model, images = build("cvae"), _images()
    with model.evaluating():
        mean, log_variance = (t.double() for t in model.posterior(torch.from_numpy(images).float() / 255))
    expected = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)
    found = kl_per_dimension(model, images)
    np.testing.assert_allclose(found[:6], expected, rtol=1e-3)
    assert found.shape == (9,) and (found[6:] == 0).all()


def test_importance_is_kl_where_a_vae_has_images_and_else_sensitivity(build):
    vae, images = build("vae-conv"), _images()
    found = importance(vae, images)
    assert found.unit == "KL"
    np.testing.assert_array_equal(found.values, kl_per_dimension(vae, images))
    for model, given in [
        (vae, None),
        (vae, images[:0]),
        (vae, _images((3, 8, 8))),
        (build("dcgan"), images),
        (build("infogan"), None),
        (build("ae"), images),
    ]:
        found = importance(model, given)
        assert found.unit == "sensitivity" and found.values.shape == model.latent_shape
        size = model.latent_shape[0]
        expected = sensitivity(model, samplers.draw(model, range(max(4, 2048 // size))))
        np.testing.assert_array_equal(found.values, expected)


def test_of_many_images_some_are_looked_at(build, monkeypatch):
    monkeypatch.setattr(module, "IMAGES", 100)
    model, images = build("vae-conv"), _images(count=250)
    np.testing.assert_array_equal(importance(model, images).values, kl_per_dimension(model, images[::3]))


@pytest.mark.parametrize("images", [None, _images()])
def test_it_can_be_left_early(build, images):
    def leave(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        importance(build("vae-conv"), images, leave)
