"""From images back to latents, against images whose latent or closed-form answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latentlab.core import points
from latentlab.core.errors import Cancelled, ConfigError
from latentlab.latent import inversion, samplers
from latentlab.latent.inversion import invert, locate, psnr
from latentlab.models import blocks
from latentlab.models.pixels import render


@pytest.fixture
def vivid(build):
    """A model whose images differ as those of a trained one do."""

    def vivid(key, **values):
        model = build(key, **values)
        blocks.initialize(model.decoding_net, torch.Generator().manual_seed(1), normal=0.3)
        return model

    return vivid


@pytest.fixture
def dull(linear):
    """A linear model whose decodes stay within 0 to 1."""

    def dull(shape=(1, 6, 7), **values):
        model = linear(shape, **values)
        layer = model.nets["decoder"][0]
        with torch.no_grad():
            layer.weight.mul_(0.04)
            layer.bias.fill_(0.5)
        return model

    return dull


def _own(model, seed=1000):
    return render(model, samplers.draw(model, [seed]))[0]


def _state(model):
    """Weights, buffers, gradients, what asks for gradients, and modes."""
    tensors = {f"{n}.{k}": v.clone() for n, net in model.nets.items() for k, v in net.state_dict().items()}
    parameters = [p for net in model.nets.values() for p in net.parameters()]
    layers = [layer.training for net in model.nets.values() for layer in net.modules()]
    return tensors, [(p.requires_grad, p.grad) for p in parameters], layers


def _assert_same(before, after):
    assert before[0].keys() == after[0].keys()
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])
    assert before[1:] == after[1:]


@pytest.mark.parametrize("key", ["dcgan", "mlp-gan", "vae-mlp", "vae-conv"])
def test_an_image_that_the_model_made_is_found_again(vivid, key):
    model = vivid(key)
    image = _own(model)
    answers = list(invert(model, image, steps=200, candidates=64, starts=6))
    assert answers[-1].psnr > 35 and answers[-1].psnr > answers[0].psnr + 10
    assert np.array_equal(render(model, answers[-1].z[None])[0], answers[-1].image)
    assert answers[-1].psnr == psnr(answers[-1].image, image)
    assert answers[-1].z.shape == model.latent_shape and answers[-1].z.dtype == np.float32


def test_the_best_so_far_never_gets_worse_and_comes_every_few_steps(vivid):
    model = vivid("mlp-gan")
    image = np.random.default_rng(0).integers(0, 256, model.image_shape, np.uint8)
    answers = list(invert(model, image, steps=33, candidates=16, starts=2))
    assert [a.step for a in answers] == [0, 5, 10, 15, 20, 25, 30, 33]
    assert {a.total for a in answers} == {33}
    qualities = [a.psnr for a in answers]
    assert qualities == sorted(qualities) and qualities[0] < qualities[-1]


def test_of_a_linear_decoder_it_is_the_least_squares_answer(dull):
    model = dull()  # sides below 8: the loss has one level
    image = np.random.default_rng(3).integers(90, 166, model.image_shape, np.uint8)
    rest = image.reshape(-1) / 255 - 0.5
    expected, *_ = np.linalg.lstsq(model.weight, rest, rcond=None)
    *_, found = invert(model, image)
    np.testing.assert_allclose(found.z, expected, atol=0.02)
    squares = (np.square(model.weight @ z - rest).sum() for z in (found.z, expected))
    assert next(squares) <= next(squares) * 1.001


def test_the_loss_is_the_error_of_all_halvings():
    images = torch.rand(2, 1, 16, 9, generator=torch.Generator().manual_seed(0))
    levels = inversion._pyramid(images)
    assert [tuple(level.shape[2:]) for level in levels] == [(16, 9), (8, 5)]
    np.testing.assert_allclose(levels[1][0, 0, 0, 0], images[0, 0, :2, :2].mean(), rtol=1e-6)
    np.testing.assert_allclose(levels[1][0, 0, 0, 4], images[0, 0, :2, 8:].mean(), rtol=1e-6)
    target = inversion._pyramid(images[:1])
    loss, pixels = inversion._distances(images, target)
    assert loss[0] == pixels[0] == 0
    errors = [(level[1] - level[0]).square().mean() for level in levels]
    np.testing.assert_allclose(pixels[1], errors[0], rtol=1e-6)
    np.testing.assert_allclose(loss[1], sum(errors) / 2, rtol=1e-6)


def test_choices_are_searched_and_stay_one_hot(dull):
    model = dull(categories=4, latent_size=3)
    for category in range(4):
        z = np.float32([*np.eye(4)[category], 0.5, -1, 1])
        *_, found = invert(model, render(model, z[None])[0], steps=150, candidates=200)
        assert found.z[:4].tolist() == z[:4].tolist()
        np.testing.assert_allclose(found.z[4:], z[4:], atol=0.05)


def test_the_encoder_s_answer_is_among_the_starts(vivid):
    model = vivid("vae-mlp")
    image = _own(model)
    first = next(invert(model, image, candidates=1, starts=1))
    with model.evaluating():
        answer = model.encode(torch.from_numpy(image[None]) / 255).numpy()
    apart = [psnr(render(model, z)[0], image) for z in (answer, samplers.draw(model, [0]))]
    np.testing.assert_allclose(first.psnr, max(apart), atol=0.05)
    starts = inversion._starts(
        model, torch.from_numpy(image[None]) / 255, inversion._pyramid(torch.from_numpy(image[None]) / 255),
        samplers.draw(model, range(9)), 3,
    )  # fmt: skip
    assert starts.shape == (4, 6)
    np.testing.assert_allclose(starts[:1], answer, atol=1e-6)


def test_the_starts_are_the_nearest_candidates(dull):
    model = dull()
    candidates = samplers.draw(model, range(50))
    pixels = torch.from_numpy(render(model, candidates[30:31])) / 255
    starts = inversion._starts(model, pixels, inversion._pyramid(pixels), candidates, 2)
    assert np.array_equal(starts[0], candidates[30]) and len(starts) == 2


def test_starts_are_of_many_categories(dull):
    model = dull(categories=3, latent_size=2)
    candidates = samplers.draw(model, range(60))
    pixels = torch.from_numpy(render(model, candidates[:1])) / 255
    starts = inversion._starts(model, pixels, inversion._pyramid(pixels), candidates, 5)
    assert np.array_equal(starts[0], candidates[0])
    assert sorted(starts[:3, :3].argmax(1)) == [0, 1, 2] and len(set(starts[3:, :3].argmax(1))) == 2
    order = np.arange(60)[::-1]
    assert sorted(inversion._varied(model, candidates, order, 60)) == list(range(60))
    few = inversion._varied(model, candidates, order, 1)
    assert few[0] == 59 and sorted(candidates[few, :3].argmax(1)) == [0, 1, 2]
    plain = inversion._varied(dull(), samplers.draw(dull(), range(60)), order, 4)
    assert plain == [59, 58, 57, 56]


def test_the_same_seed_gives_the_same_answer_and_nobody_else_s_random_numbers_are_used(vivid):
    model = vivid("dcgan")
    image = _own(model)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second, other = (
        list(invert(model, image, steps=20, candidates=8, starts=2, seed=seed))[-1].z for seed in (5, 5, 50)
    )
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("key", ["dcgan", "vae-mlp"])
def test_the_model_stays_as_it_was_whether_the_search_ends_or_is_broken_off(vivid, key):
    model = vivid(key)
    model.train()
    model.decoding_net.train(False)  # as found, whatever that is
    next(model.decoding_net.parameters()).requires_grad_(False)
    before = _state(model)
    search = invert(model, _own(model), steps=12, candidates=8, starts=2)
    for answer in search:
        _assert_same(before, _state(model))
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        if answer.step == 5:
            break
    search.close()
    _assert_same(before, _state(model))
    assert [a.step for a in invert(model, _own(model), steps=3, candidates=8)] == [0, 3]
    _assert_same(before, _state(model))


def test_a_decoder_that_fails_leaves_the_modes_as_they_were(vivid, monkeypatch):
    model = vivid("vae-mlp")
    model.train()
    search = invert(model, _own(model), steps=12, candidates=8)
    next(search)
    monkeypatch.setattr(model, "decode", lambda z: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(search)
    assert all(net.training for net in model.nets.values())


def test_it_works_where_the_caller_has_no_gradients(vivid):
    model = vivid("dcgan")
    image = _own(model)
    with torch.inference_mode():
        within = list(invert(model, image, steps=20, candidates=8))[-1]
        assert torch.is_inference_mode_enabled()
    copy = model.evaluation_copy()  # whose parameters ask for none
    assert np.array_equal(list(invert(copy, image, steps=20, candidates=8))[-1].z, within.z)


def test_a_diverged_model_gives_an_answer_all_the_same(vivid):
    model = vivid("mlp-gan")
    image = _own(model)
    with torch.no_grad():
        next(model.decoding_net.parameters()).fill_(math.nan)
    *_, found = invert(model, image, steps=5, candidates=4)
    assert np.isfinite(found.z).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": np.zeros((1, 8, 9), np.uint8)}, r"^image: uint8 \(1, 8, 9\) .* uint8 \(1, 8, 8\)\.$"),
        ({"image": np.zeros((1, 8, 8), np.float32)}, r"^image: float32 \(1, 8, 8\) is not allowed"),
        ({"steps": 0}, "^steps: 0 is not allowed; expected a whole number of at least 1"),
        ({"starts": 0}, "^starts: 0 "),
        ({"candidates": 0}, "^candidates: 0 "),
        ({"learning_rate": 0.0}, "^learning_rate: 0.0 "),
        ({"learning_rate": math.nan}, "^learning_rate: nan "),
        ({"seed": -1}, "^seed: -1 "),
    ],
)
def test_what_cannot_be_searched_is_refused_at_once(build, settings, message):
    settings = {"image": np.zeros((1, 8, 8), np.uint8)} | settings
    with pytest.raises(ConfigError, match=message):
        invert(build("mlp-gan"), **settings)  # before the first answer is asked for


def test_latents_of_images_are_posterior_means_or_inversions(vivid):
    vae, gan = vivid("vae-conv"), vivid("mlp-gan")
    images = np.stack([_own(vae, seed) for seed in range(300)])
    told = []
    latents = locate(vae, images, lambda *progress: told.append(progress))
    assert latents.shape == (300, 6) and latents.dtype == np.float32
    assert told[0] == (0, 300) and told[-1] == (300, 300)
    with vae.evaluating():
        expected = vae.encode(torch.from_numpy(images[[3, 280]]) / 255).numpy()
    np.testing.assert_allclose(latents[[3, 280]], expected, atol=1e-5)

    told.clear()
    images = np.stack([_own(gan, seed) for seed in (7, 8)])
    latents = locate(gan, images, lambda *progress: told.append(progress), steps=20, candidates=8)
    alone = [list(invert(gan, image, steps=20, candidates=8))[-1].z for image in images]
    assert np.array_equal(latents, np.stack(alone))
    assert told[0] == (0, 40) and (20, 40) in told and told[-1] == (40, 40)


def test_a_search_is_ended_by_its_report(vivid):
    model = vivid("mlp-gan")

    def report(done, total):
        if done >= 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        locate(model, _own(model)[None], report, candidates=8)
    assert not any(p.grad is not None for net in model.nets.values() for p in net.parameters())


def test_no_images_have_no_latents_and_others_are_refused(build):
    model = build("vae-mlp")
    assert locate(model, np.empty((0, 1, 8, 8), np.uint8)).shape == (0, 6)
    with pytest.raises(ConfigError, match=r"^images: uint8 \(2, 3, 8, 8\) .* uint8 \(N, 1, 8, 8\)\.$"):
        locate(model, np.zeros((2, 3, 8, 8), np.uint8))


def test_psnr_by_hand():
    a = np.zeros((1, 2, 2), np.uint8)
    b = np.full((1, 2, 2), 255, np.uint8)
    c = np.full((1, 2, 2), 51, np.uint8)
    assert psnr(a, b) == 0 and psnr(a, a) == math.inf
    np.testing.assert_allclose(psnr(a, c), -20 * math.log10(0.2))
    np.testing.assert_allclose(psnr(a, np.full((1, 2, 2), 0.2)), -20 * math.log10(0.2))
    np.testing.assert_allclose(psnr(b, np.float32([[[1, 1], [1, 0]]])), 10 * math.log10(4))


def test_a_point_is_found_and_judged_by_its_coordinates(dull):
    model = dull(points.SHAPE, latent_size=2)
    z = samplers.draw(model, [1000])
    with model.evaluating():
        (point,) = model.decode(torch.from_numpy(z)).numpy()
    *_, found = invert(model, point)
    with model.evaluating():
        (made,) = model.decode(torch.from_numpy(found.z[None])).numpy()
    # The pull of the prior leaves a thousandth of the plane at most.
    assert np.abs(made - point).max() < 1e-3
    assert found.psnr == pytest.approx(psnr(made, point), abs=0.01) and found.psnr > 60
    np.testing.assert_array_equal(found.image, points.draw(made[None])[0])
    np.testing.assert_allclose(locate(model, point[None])[0], found.z)


def test_an_encoder_locates_points(build):
    model = build("vae-mlp", points.SHAPE, likelihood="gaussian")
    images = np.random.default_rng(0).random((5, *points.SHAPE), np.float32)
    with model.evaluating():
        expected = model.encode(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(locate(model, images), expected, atol=1e-6)


def test_points_come_as_numbers_and_images_as_bytes(build, linear):
    bytes_, numbers = np.zeros((1, *points.SHAPE), np.uint8), np.zeros((1, 1, 8, 8), np.float32)
    for model, images in ((linear(points.SHAPE), bytes_), (build("mlp-gan"), numbers)):
        expected = "float32" if images.dtype == np.uint8 else "uint8"
        with pytest.raises(ConfigError, match=f"expected {expected}"):
            locate(model, images)
        with pytest.raises(ConfigError, match=f"expected {expected}"):
            invert(model, images[0])
