"""What every registered model promises, whatever its family and the shape of its images."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch

from latentlab.core import points
from latentlab.core.config import describe, parse
from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.models import MODELS
from latentlab.training import checkpoint

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 33, 20), (4, 16, 16), (1, 64, 64), (3, 8, 40), (1, 9, 11)]

#: Settings that add to the latent.
INPUTS = {"categories", "codes"}

every_model = pytest.mark.parametrize("key", list(MODELS))
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))


def _weights(model):
    return {f"{n}.{k}": t.clone() for n, net in model.nets.items() for k, t in net.state_dict().items()}


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _latents(model, count=3, seed=5):
    return model.draw(count, torch.Generator().manual_seed(seed))


def _decode(model, z):
    with model.evaluating():
        return model.decode(z)


@every_model
@every_shape
def test_decoded_images_have_the_shape_of_the_data_and_lie_between_0_and_1(key, shape, build):
    model = build(key, shape)
    images = _decode(model, 3 * _latents(model))
    assert images.shape == (3, *shape) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1


@every_model
def test_a_latent_has_the_dimensions_asked_for_beside_what_the_model_adds(key, build):
    """Without inputs of its own a model's latent is as long as the setting says; with them it is longer."""
    size, more = build(key).latent_shape[0], build(key, latent_size=9).latent_shape[0]
    kind = MODELS.get(key)
    assert size == 6 or (size > 6 and (kind.needs_labels or set(kind.Config.model_fields) & INPUTS))
    assert more == size + 3


@every_model
def test_choices_lie_apart_in_the_latent_and_have_names(key, build):
    model = build(key)
    taken = [n for choice in model.choices for n in range(choice.start, choice.stop)]
    assert len(set(taken)) == len(taken), "two choices share a number of the latent"
    assert set(taken) <= set(range(model.latent_shape[0]))
    names = [choice.name for choice in model.choices]
    assert len(set(names)) == len(names)
    for choice in model.choices:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", choice.name) and choice.title
        assert len(choice.labels) >= 2 and all(choice.labels)
        assert len(set(choice.labels)) == len(choice.labels)


@every_model
def test_drawn_latents_are_normal_and_their_choices_even_and_one_hot(key, build):
    model = build(key)
    z = _latents(model, 4000)
    assert z.shape == (4000, *model.latent_shape) and z.dtype == torch.float32
    for choice in model.choices:
        part = z[:, choice.start : choice.stop]
        assert torch.equal(part.sort(1).values.sum(0), torch.eye(len(choice.labels))[-1] * 4000)
        share = 1 / len(choice.labels)
        assert (part.mean(0) - share).abs().max() < 4.5 * (share * (1 - share) / 4000) ** 0.5
    rest = z[:, samplers.continuous(model)]
    assert abs(rest.mean()) < 0.05 and abs(rest.std() - 1) < 0.05
    assert torch.equal(z, _latents(model, 4000)) and not torch.equal(z[:3], _latents(model, seed=6))


@every_model
def test_latents_by_seed_suit_the_model(key, build):
    model = build(key)
    z = samplers.draw(model, range(5))
    assert z.shape == (5, *model.latent_shape) and _decode(model, torch.from_numpy(z)).isfinite().all()
    for latents in (z, samplers.draw(model, range(5), truncation=0.5), samplers.mean(model)[None]):
        for choice in model.choices:
            assert (np.sort(latents[:, choice.start : choice.stop]) == np.eye(len(choice.labels))[-1]).all()


@every_model
def test_every_choice_changes_the_image(key, build):
    model = build(key)
    for choice in model.choices:
        z = torch.from_numpy(samplers.mean(model)).repeat(len(choice.labels), 1)
        z[:, choice.start : choice.stop] = torch.eye(len(choice.labels))
        images = _decode(model, z)
        assert all(not torch.equal(images[0], image) for image in images[1:])


@every_model
def test_the_largest_images_work_too(key, build):
    model = build(key, (3, 256, 256), latent_size=2)
    assert _decode(model, _latents(model, 1)).shape == (1, 3, 256, 256)


@every_model
def test_every_side_from_8_to_40_and_the_uneven_pairs_can_be_built(key, build, batch):
    for height, width in [*((s, s) for s in range(8, 41)), (8, 256), (255, 9), (17, 64)]:
        model = build(key, (1, height, width), latent_size=2)
        assert _decode(model, _latents(model, 1)).shape == (1, 1, height, width)
        images = torch.zeros(2, 1, height, width)
        if model.family == "vae":
            assert model.encode(images).shape == (2, *model.latent_shape)
        else:
            assert model.criticize(images).shape == (2,)


@every_model
@every_shape
def test_a_step_reports_its_metrics_as_finite_detached_scalars(key, shape, started, batch, learn):
    model = started(key, shape)
    for n in range(2):
        metrics = learn(model, batch(shape, count=4, seed=n))
        assert metrics and set(metrics) <= set(model.metric_titles)
        for value in metrics.values():
            assert value.shape == () and not value.requires_grad and value.isfinite()
    assert model.step_count == 2


@every_model
def test_a_step_changes_every_net_and_every_parameter_of_it(key, started, batch, learn):
    model = started(key, (1, 16, 16))
    before = {f"{n}.{k}": p.clone() for n, net in model.nets.items() for k, p in net.named_parameters()}
    learn(model, batch((1, 16, 16), count=16))
    for name, net in model.nets.items():
        for parameter, value in net.named_parameters():
            assert not torch.equal(value, before[f"{name}.{parameter}"]), f"{name}.{parameter} did not move"
            assert value.requires_grad


@every_model
def test_the_smallest_batch_can_be_learned_from(key, started, batch, learn):
    model = started(key, (1, 16, 16))
    metrics = learn(model, batch((1, 16, 16), count=model.smallest_batch))
    assert all(v.isfinite() for v in metrics.values())


@every_model
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(key, build):
    assert _same(_weights(build(key, seed=3)), _weights(build(key, seed=3)))
    assert not _same(_weights(build(key, seed=3)), _weights(build(key, seed=4)))


@every_model
def test_the_same_seed_gives_the_same_training_whatever_happens_to_the_global_generator(
    key, started, batch, learn
):
    def train(disturb):
        model = started(key, (1, 12, 12), seed=1)
        for n in range(4):
            if disturb:
                torch.manual_seed(1000 + n)
                torch.rand(7)
            learn(model, batch((1, 12, 12), seed=n))
        return _weights(model)

    assert _same(train(disturb=False), train(disturb=True))


@every_model
def test_training_and_looking_leave_the_global_generator_alone(key, started, batch, learn):
    model = started(key, (1, 12, 12))
    before = torch.get_rng_state()
    learn(model, batch((1, 12, 12)))
    _decode(model, _latents(model))
    model.evaluation_copy()
    assert torch.equal(before, torch.get_rng_state())


@every_model
def test_decoding_between_steps_changes_nothing_that_is_learned(key, started, batch, learn):
    def train(look):
        model = started(key, (1, 12, 12))
        for n in range(3):
            learn(model, batch((1, 12, 12), seed=n))
            if look:
                _decode(model, _latents(model))
                model.weights()
        return _weights(model) | {"generator": model.generator.get_state()}

    assert _same(train(look=False), train(look=True))


@every_model
def test_evaluating_puts_each_net_back_into_the_mode_it_was_in(key, started):
    model = started(key)
    first, *others = model.nets.values()
    first.eval()
    with model.evaluating():
        assert not any(net.training for net in model.nets.values())
    assert not first.training and all(net.training for net in others)


@every_model
def test_a_saved_and_loaded_model_decodes_identically(key, started, batch, build, tmp_path, learn):
    model = started(key, (3, 14, 10))
    learn(model, batch((3, 14, 10)))
    checkpoint.save(tmp_path / "c.safetensors", model, {})
    other = build(key, (3, 14, 10), seed=99)
    checkpoint.load(tmp_path / "c.safetensors", other)
    z = _latents(model)
    assert torch.equal(_decode(model, z), _decode(other, z))
    assert other.step_count == 1


@every_model
def test_an_evaluation_copy_decodes_the_same_and_goes_its_own_way(key, started, batch, learn):
    model = started(key, (1, 12, 12))
    learn(model, batch((1, 12, 12)))
    z = _latents(model)
    other = model.evaluation_copy()
    assert set(other.nets) == set(model.evaluation_nets) and not other.optimizers()
    assert torch.equal(_decode(other, z), _decode(model, z))

    then = _decode(other, z)
    learn(model, batch((1, 12, 12), seed=1))
    assert torch.equal(_decode(other, z), then), "the copy follows the live model by itself"
    assert not torch.equal(_decode(model, z), then)
    assert all(net.training for net in model.nets.values()), "making a copy switched the live model's mode"


@every_model
def test_an_evaluation_copy_takes_over_the_weights_of_the_live_model(key, started, batch, learn):
    model = started(key, (1, 12, 12))
    other = model.evaluation_copy()
    learn(model, batch((1, 12, 12)))
    weights = model.weights()
    kept = [w.clone() for w in weights]
    other.load_weights(weights)
    z = _latents(model)
    assert torch.equal(_decode(other, z), _decode(model, z))
    learn(model, batch((1, 12, 12), seed=1))
    assert all(torch.equal(a, b) for a, b in zip(weights, kept, strict=True)), "weights() gave views"
    with pytest.raises(ValueError):
        other.load_weights(weights[:-1])


@every_model
def test_one_tiny_batch_can_be_learned_by_heart(key, started, batch, learn):
    """A VAE's reconstruction falls below a third of its first; a discriminator tells four fixed images from
    what a resting generator makes (both directions of a GAN's game at once have no loss that must fall)."""
    model = started(key, (1, 16, 16), rate=3e-3, width=32, **({"dropout": 0.0} if "gan" in key else {}))
    images = (batch((1, 16, 16), count=4) > 127).to(torch.uint8) * 255
    if model.family == "vae":
        first = learn(model, images)["reconstruction"]
        for _ in range(250):
            last = learn(model, images)["reconstruction"]
        assert last < first / 3
    else:
        model.optimizers()["generator"].param_groups[0]["lr"] = 0.0
        first = learn(model, images)
        assert first["loss_d"] > 0.2
        for _ in range(100):
            last = learn(model, images)
            if last["loss_d"] < 0.2 and last["d_real"] > 0.9 > 0.1 > last["d_fake"]:
                break
        else:
            pytest.fail(f"not learned: {last}")


@pytest.mark.parametrize("key", [k for k, m in MODELS.items() if m.family == "gan"])
def test_a_generator_learns_to_fool_a_resting_discriminator(key, started, batch, learn):
    model = started(key, (1, 16, 16), rate=2e-3, width=16)
    learn(model, batch((1, 16, 16)))
    model.optimizers()["discriminator"].param_groups[0]["lr"] = 0.0
    first = learn(model, batch((1, 16, 16)))["loss_g"]
    for _ in range(20):
        last = learn(model, batch((1, 16, 16)))["loss_g"]
    assert last < first


@every_model
def test_encoding_gives_latents_or_says_that_it_cannot(key, build):
    model = build(key, (3, 33, 20))
    images = torch.rand(5, 3, 33, 20, generator=torch.Generator().manual_seed(0))
    if not model.can_encode:
        assert model.family == "gan"
        with pytest.raises(ConfigError, match=f"^A {key} has no encoder.$"):
            model.encode(images)
        return
    with model.evaluating():
        latents = model.encode(images)
        assert latents.shape == (5, *model.latent_shape) and latents.dtype == torch.float32
        assert torch.equal(latents, model.encode(images)), "the posterior mean is no draw"
        assert model.decode(latents).shape == images.shape


@every_model
def test_points_are_learned_or_refused_in_a_sentence_that_names_who_learns_them(key, build, learn):
    shape = points.SHAPE
    reason = MODELS.get(key).obstacle(shape, ("a", "b"))
    if reason:
        assert reason.startswith(f"A {key} ") and reason.endswith(".") and reason.count(". ") == 0
        named = [
            other for other in MODELS if other != key and re.search(rf"(?<![\w-]){other}(?![\w-])", reason)
        ]
        assert named and not any(MODELS.get(other).obstacle(shape, ()) for other in named)
        with pytest.raises(ConfigError, match=re.escape(reason)):
            build(key, shape)
        return
    # Numbers of a plane are no shades of grey.
    values = {"likelihood": "gaussian"} if "likelihood" in MODELS.get(key).Config.model_fields else {}
    model = build(key, shape, **values)
    model.start_training(1e-3)
    data = torch.rand(8, *shape, generator=torch.Generator().manual_seed(0))
    assert all(value.isfinite() for value in learn(model, data).values())
    made = _decode(model, _latents(model))
    assert made.shape == (3, *shape) and made.min() >= 0 and made.max() <= 1


@every_model
def test_models_that_learn_from_labels_say_in_a_sentence_that_they_lack_them(key):
    kind = MODELS.get(key)
    for names, found in (((), "no labels"), (("one",), "1 class")):
        if not kind.needs_labels:
            kind(kind.Config(width=8), (1, 8, 8), label_names=names)
            continue
        expected = f"A {key} learns from labels and needs at least 2 classes; this data has {found}."
        with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
            kind(kind.Config(width=8), (1, 8, 8), label_names=names)


@every_model
def test_what_a_setting_depends_on_exists(key):
    specs = {spec.name: spec for spec in describe(MODELS.get(key).Config)}
    for spec in specs.values():
        for name, values in (spec.only or {}).items():
            assert values and set(values) <= set(specs[name].choices), f"{spec.name} depends on {name}"


@every_model
def test_every_setting_says_what_it_is_and_its_default_is_allowed(key):
    kind = MODELS.get(key)
    assert parse(kind.Config, {}, "model") == kind.Config()
    for spec in describe(kind.Config):
        assert spec.title and spec.title != spec.name, spec.name
        assert spec.help.endswith("."), spec.name
        for choice in spec.choices:
            assert str(choice) in (spec.labels or {}), f"{spec.name}: {choice} has no name on the screen"


@every_model
def test_bounds_of_every_number_can_be_reached_and_not_passed(key):
    kind = MODELS.get(key)
    for spec in describe(kind.Config):
        for bound, beyond in ((spec.minimum, -1), (spec.maximum, 1)):
            if bound is None:
                continue
            parse(kind.Config, {spec.name: bound}, "model")
            with pytest.raises(ConfigError, match=spec.name):
                parse(kind.Config, {spec.name: bound + beyond}, "model")


@every_model
def test_what_menus_show_is_there(key):
    kind = MODELS.get(key)
    assert kind.key == key and kind.title and kind.about.endswith(".")
    assert kind.family in ("gan", "vae") and kind.prior == "standard-normal"
    assert kind.paper.count(".") == 1 and set(kind.training_defaults) <= {"learning_rate", "batch_size"}
    assert kind.training_defaults["batch_size"] >= kind.smallest_batch


@every_model
def test_parameters_are_counted(key, build):
    model = build(key)
    assert model.parameter_count() == sum(
        p.numel() for net in model.nets.values() for p in copy.deepcopy(net).parameters()
    )
