"""The one conversion between model and screen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.models import MODELS, pixels


def _convert(*values):
    return pixels.to_pixels(torch.tensor(values).reshape(1, 1, 1, -1)).ravel().tolist()


def test_pixels_are_rounded_not_cut():
    assert _convert(0.0, 1.0, 0.5, 100.4 / 255, 100.6 / 255, 254.6 / 255) == [0, 255, 128, 100, 101, 255]


def test_pixels_out_of_range_are_clamped_and_what_is_no_number_is_black():
    nan, inf = float("nan"), float("inf")
    assert _convert(-0.5, 1.5, nan, inf, -inf) == [0, 255, 0, 255, 0]


def test_every_pixel_value_survives_the_way_there_and_back():
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    unit, signed = pixels.to_unit(every), pixels.to_signed(every)
    assert unit.min() == 0 and unit.max() == 1 and signed.min() == -1 and signed.max() == 1
    assert np.array_equal(pixels.to_pixels(unit), every.numpy())
    assert np.array_equal(pixels.to_pixels((signed + 1) / 2), every.numpy())


def test_conversions_leave_their_input_alone():
    batch = torch.full((1, 1, 2, 2), 200, dtype=torch.uint8)
    pixels.to_unit(batch), pixels.to_signed(batch)
    assert batch.eq(200).all()
    images = torch.full((1, 1, 2, 2), 1.5)
    pixels.to_pixels(images)
    assert images.eq(1.5).all()


def test_pixels_are_contiguous_bytes_whatever_came_in():
    images = torch.rand(5, 4, 3, 2, generator=torch.Generator().manual_seed(0)).permute(3, 2, 1, 0)
    found = pixels.to_pixels(images)
    assert found.dtype == np.uint8 and found.flags.c_contiguous and found.shape == (2, 3, 4, 5)
    assert np.array_equal(found, np.floor(images.numpy().astype(np.float64) * 255 + 0.5).astype(np.uint8))


@pytest.mark.parametrize("key", list(MODELS))
def test_an_image_does_not_depend_on_its_neighbours_in_the_batch(key, build):
    model = build(key, (1, 12, 12))
    latents = np.random.default_rng(0).standard_normal((9, *model.latent_shape)).astype(np.float32)
    whole = pixels.render(model, latents)
    one_by_one = pixels.render(model, latents, batch=1)
    assert whole.shape == (9, 1, 12, 12) and whole.flags.c_contiguous
    assert np.abs(whole.astype(int) - one_by_one).max() <= 1  # kernels may round the last bit otherwise
    assert (whole != one_by_one).mean() < 0.01
    assert np.array_equal(pixels.render(model, latents[4:5]), pixels.render(model, latents, batch=1)[4:5])


def test_rendering_no_latents_gives_no_images(build):
    for key in MODELS:
        model = build(key, (3, 12, 9))
        none = np.empty((0, *model.latent_shape), np.float32)
        assert pixels.render(model, none).shape == (0, 3, 12, 9)


def test_rendering_uses_and_leaves_the_running_statistics(build):
    model = build("dcgan", (1, 12, 12))
    model.train()
    before = {k: v.clone() for k, v in model.nets["generator"].state_dict().items()}
    pixels.render(model, np.ones((3, 6), np.float32))
    assert all(torch.equal(v, before[k]) for k, v in model.nets["generator"].state_dict().items())
    assert model.nets["generator"].training
