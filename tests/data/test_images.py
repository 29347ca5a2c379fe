import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import DataError
from latentlab.data.images import evenly_spaced, fit, to_channels
from latentlab.data.preparation import Preparation
from latentlab.data.store import allocate


def batch(channels, count=3, height=9, width=11):
    return np.random.default_rng(channels).integers(0, 256, (count, channels, height, width), np.uint8)


def test_evenly_spaced():
    assert evenly_spaced(10, 0).tolist() == list(range(10))
    assert evenly_spaced(10, 11).tolist() == list(range(10))
    assert evenly_spaced(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert evenly_spaced(10, 3).tolist() == [0, 3, 6]


def test_grey_is_what_pillow_calls_grey():
    colour = batch(3)
    expected = [np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L")) for image in colour]
    np.testing.assert_array_equal(to_channels(colour, 1)[:, 0], expected)


def test_alpha_is_flattened_onto_black_as_pillow_does():
    images = batch(4)
    expected = []
    for image in images:
        whole = Image.fromarray(image.transpose(1, 2, 0))
        flat = Image.new("RGB", whole.size)
        flat.paste(whole, mask=whole.getchannel("A"))
        expected.append(np.asarray(flat).transpose(2, 0, 1))
    np.testing.assert_array_equal(to_channels(images, 3), expected)


def test_channels_that_are_new():
    grey = batch(1)
    np.testing.assert_array_equal(to_channels(grey, 3)[:, 2], grey[:, 0])
    assert (to_channels(grey, 4)[:, 3] == 255).all()
    np.testing.assert_array_equal(to_channels(to_channels(grey, 4), 1), grey)
    assert to_channels(grey, 0) is grey


def test_crop_takes_the_middle():
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 200
    for size in (5, 10, 40):
        fitted = np.asarray(fit(Image.fromarray(pixels), size, size))
        assert fitted.shape == (size, size) and (fitted == 200).all()


def test_shrinking_does_not_alias():
    stripes = np.zeros((1, 1, 256, 256), np.uint8)
    stripes[..., ::2] = 255
    small = Preparation(1, 32, 32).of_array(stripes)
    assert abs(small.astype(int) - 127.5).max() < 8


def test_transparent_colour_does_not_bleed():
    image = np.zeros((1, 4, 16, 16), np.uint8)
    image[:, 0] = 255  # red, but visible in the left half only
    image[:, 3, :, :8] = 255
    image[:, 0, :, 8:], image[:, 1, :, 8:] = 0, 255
    small = Preparation(4, 8, 8).of_array(image)
    assert (small[0, 1][small[0, 3] > 0] == 0).all()


def test_what_fits_is_left_alone():
    images = batch(3)
    assert Preparation(3, 9, 11).of_array(images) is images


def test_too_much_memory_is_said(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(DataError, match=r"1,000,000 images of 64×64 with 3 channels need 11\.4 GiB"):
        allocate(1_000_000, 3, 64, 64)
