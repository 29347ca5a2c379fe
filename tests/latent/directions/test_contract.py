"""What every way to find directions promises, for every kind of model."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from latentlab.core.config import describe
from latentlab.core.errors import Cancelled, ConfigError
from latentlab.latent import samplers
from latentlab.latent.directions import METHODS, Material, find

KEYS = list(METHODS)
#: With choices and without, with an encoder and without.
MODELS = {
    "linear": {},
    "choice": {"categories": 3},
    "vae-conv": {},
    "vae-mlp": {},
    "dcgan": {},
    "mlp-gan": {},
    "infogan": {},
}


@pytest.fixture
def made(build):
    """A model by key; untrained, its weights are made larger, or all its images would be one grey."""

    def made(key):
        model = build("linear" if key == "choice" else key, **MODELS[key])
        with torch.no_grad():
            for parameter in model.decoding_net.parameters():
                parameter *= 1 if parameter.ndim == 1 else 30 if key in ("dcgan", "infogan") else 6
        return model

    return made


def _settings(method):
    """Few samples, where it takes some."""
    fields = METHODS.get(method).Config.model_fields
    return {name: value for name, value in {"samples": 60, "count": 4}.items() if name in fields}


def test_the_methods():
    assert KEYS == ["classes", "local", "pca", "picks", "probe", "sefa"]
    assert [key for key, method in METHODS.items() if method.live] == ["local"]


@pytest.mark.parametrize("method", KEYS)
def test_what_forms_and_menus_need_is_there(method):
    kind = METHODS.get(method)
    assert kind.title and kind.about.endswith(".") and kind.about.count(".") == 1
    assert re.fullmatch(r"\d{4}\.\d{4,5}", kind.paper)
    for field in describe(kind.Config):
        assert field.title and field.help.endswith(".")
        assert field.kind == "choice" or None not in (field.minimum, field.maximum)


@pytest.mark.parametrize("method", KEYS)
@pytest.mark.parametrize("key", MODELS)
def test_directions_are_unit_vectors_of_the_continuous_dimensions(made, material, key, method):
    model = made(key)
    found = find(model, method, material(model), _settings(method))
    assert 1 <= len(found) <= 10
    for direction in found:
        assert direction.vector.dtype == np.float32 and direction.vector.shape == model.latent_shape
        assert abs(np.linalg.norm(direction.vector.astype(np.float64)) - 1) < 1e-6
        assert direction.name and direction.note and direction.method == method
        choices = np.delete(direction.vector, samplers.continuous(model))
        assert not choices.any()
    assert len({direction.name for direction in found}) == len(found)
    if method in ("pca", "sefa", "local"):
        assert all(d.vector[np.abs(d.vector).argmax()] > 0 for d in found)


@pytest.mark.parametrize("method", KEYS)
@pytest.mark.parametrize("key", ["vae-conv", "dcgan"])
def test_the_same_again_and_nothing_else_changes(made, material, key, method):
    model = made(key)
    model.train()
    given = material(model)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), [w.clone() for w in model.weights()]
    first, second = (find(model, method, given, _settings(method)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert (a.name, a.note) == (b.name, b.note) and np.array_equal(a.vector, b.vector)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert all(torch.equal(a, b) for a, b in zip(before[2], model.weights(), strict=True))
    assert all(net.training for net in model.nets.values())


@pytest.mark.parametrize("method", KEYS)
@pytest.mark.parametrize("key", ["vae-conv", "dcgan"])
def test_a_search_can_be_left_early(made, material, key, method):
    def leave(done, total):
        assert 0 <= done <= total and total > 0
        raise Cancelled

    model = made(key)
    model.train()
    with pytest.raises(Cancelled):
        find(model, method, material(model), _settings(method), leave)
    assert all(net.training for net in model.nets.values())


@pytest.mark.parametrize("method", KEYS)
def test_what_a_method_lacks_is_said_in_a_sentence_and_nothing_is_sought(made, method):
    model = made("vae-conv")
    bare = Material(np.zeros(6, np.float32))
    reason = METHODS.get(method).obstacle(model, bare)
    assert bool(reason) is (method in ("classes", "probe", "picks"))
    if reason:
        assert reason.endswith(".") and reason[:1].isupper() | reason[:1].isdigit()
        with pytest.raises(ConfigError, match=re.escape(reason)):
            find(model, method, bare)
    else:
        assert find(model, method, bare, _settings(method))


@pytest.mark.parametrize("method", ["classes", "probe"])
def test_images_of_another_shape_are_an_obstacle(build, material, method):
    model = build("vae-conv", (3, 8, 12))
    message = r"^shapes holds images of 1×8×8; expected 3×8×12 as the model makes them\.$"
    with pytest.raises(ConfigError, match=message):
        find(model, method, material(model))


def test_unknown_methods_and_settings_are_refused(made, material):
    model = made("linear")
    with pytest.raises(ConfigError, match=r"^Unknown method 'pcaa': did you mean pca\?"):
        find(model, "pcaa", material(model))
    with pytest.raises(ConfigError, match=r"^pca has no setting 'counts': did you mean count\?"):
        find(model, "pca", material(model), {"counts": 3})
    with pytest.raises(ConfigError, match=r"^sefa\.count: 0 is not allowed; expected a whole number from 1"):
        find(model, "sefa", material(model), {"count": 0})
