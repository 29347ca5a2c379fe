"""What holds for every shape, every number of channels and every setting of a preparation."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from latentlab.core.config import parse
from latentlab.core.errors import ConfigError
from latentlab.data.images import to_pillow
from latentlab.data.preparation import Preparation, SourceConfig, rgb

# The same examples every time, and nothing kept between runs.
examples.register_profile("steady", deadline=None, derandomize=True, database=None, max_examples=60)
steady = examples(examples.get_profile("steady"))

colours = st.tuples(*[st.integers(0, 255)] * 3)
sides = st.integers(1, 40) | st.sampled_from([1, 2, 64, 300])
targets = st.integers(8, 40) | st.sampled_from([64, 100])
channels = st.sampled_from([1, 3, 4])
fits = st.sampled_from(["crop", "pad", "stretch"])
preparations = st.builds(Preparation, channels, targets, targets, fits, colours)
seeds = st.integers(0, 2**32 - 1)


def noise(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@steady
@given(preparations, channels, sides, sides, seeds)
def test_shape_type_and_layout_and_both_ways_agree(preparation, found, height, width, seed):
    images = noise(seed, 2, found, height, width)
    before = images.copy()
    result = preparation.of_array(images)
    assert result.shape == (2, *preparation.shape) and result.dtype == np.uint8
    assert result.flags.c_contiguous
    for image, prepared in zip(images, result, strict=True):
        alone = preparation.of_image(to_pillow(image))
        assert alone.shape == preparation.shape and alone.dtype == np.uint8
        np.testing.assert_array_equal(alone, prepared)
    np.testing.assert_array_equal(images, before)


@steady
@given(preparations, st.sampled_from([1, 3]), sides, sides, seeds)
def test_no_image_of_its_own_size_is_changed(preparation, found, height, width, seed):
    images = noise(seed, 1, found, height, width)
    same = Preparation(found, height, width, preparation.fit, preparation.background)
    np.testing.assert_array_equal(same.of_array(images), images)


@steady
@given(preparations, st.sampled_from([1, 3]), sides, sides, seeds, colours)
def test_only_padding_shows_the_background(preparation, found, height, width, seed, other):
    assume(preparation.fit != "pad")
    images = noise(seed, 1, found, height, width)
    elsewhere = Preparation(*preparation.shape, preparation.fit, other)
    np.testing.assert_array_equal(preparation.of_array(images), elsewhere.of_array(images))


@steady
@given(preparations, sides, sides, colours)
def test_one_colour_stays_that_colour(preparation, height, width, colour):
    assume(preparation.fit != "pad" and preparation.channels != 1)
    images = np.broadcast_to(np.array(colour, np.uint8)[None, :, None, None], (1, 3, height, width))
    result = preparation.of_array(images)[0]
    assert (result[:3] == np.array(colour)[:, None, None]).all()
    assert (result[3:] == 255).all()


@steady
@given(targets, targets, sides, sides, st.sampled_from([1, 3, 4]))
def test_padding_keeps_all_of_it_in_proportion_and_in_the_middle(height, width, tall, wide, found):
    preparation = Preparation(3, height, width, "pad", (9, 8, 7))
    images = np.full((1, found, tall, wide), 255, np.uint8)
    shown = (preparation.of_array(images)[0] == 255).all(0)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    assert shown[np.ix_(rows, columns)].all()  # one rectangle
    inner = len(rows), len(columns)
    scale = min(height / tall, width / wide)
    assert inner[0] == height or inner[1] == width
    assert abs(inner[0] - max(1, tall * scale)) <= 0.5 and abs(inner[1] - max(1, wide * scale)) <= 0.5
    for first, count, whole in ((rows[0], inner[0], height), (columns[0], inner[1], width)):
        assert abs(2 * first + count - whole) <= 1
    outside = preparation.of_array(images)[0][:, ~shown]
    assert (outside == np.array([[9], [8], [7]])).all()


@steady
@given(targets, targets, sides, sides, st.sampled_from([1, 3, 4]), seeds)
def test_what_padding_shows_is_the_image_stretched_to_there(height, width, tall, wide, found, seed):
    images = noise(seed, 1, found, tall, wide)
    scale = min(height / tall, width / wide)
    inner = max(1, round(tall * scale)), max(1, round(wide * scale))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    padded = Preparation(3, height, width, "pad", (1, 2, 3)).of_array(images)
    stretched = Preparation(3, *inner, "stretch", (1, 2, 3)).of_array(images)
    np.testing.assert_array_equal(padded[..., top : top + inner[0], left : left + inner[1]], stretched)


@steady
@given(seeds, colours, st.integers(1, 20), st.integers(1, 20))
def test_flattening_is_the_closed_form(seed, background, height, width):
    images = noise(seed, 2, 4, height, width)
    alpha = images[:, 3:] / 255
    expected = np.rint(images[:, :3] * alpha + np.array(background)[:, None, None] * (1 - alpha))
    result = Preparation(3, height, width, background=background).of_array(images)
    np.testing.assert_array_equal(result, expected)


def lanczos(x):
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


def bicubic(x):
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    return np.where(x < 1, near, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


def weights(kernel, count, size, start, stop):
    """(size, count): how much each of `count` pixels gives to each of `size` spread over start..stop."""
    step = (stop - start) / size
    centres = start + (np.arange(size) + 0.5) * step
    given_by = kernel((np.arange(count) + 0.5 - centres[:, None]) / max(step, 1))
    return given_by / given_by.sum(1, keepdims=True)


@pytest.mark.parametrize("how", ["crop", "stretch"])
@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ((40, 40), (16, 16)),
        ((9, 9), (20, 20)),
        ((40, 60), (16, 16)),
        ((60, 40), (30, 12)),
        ((11, 13), (9, 40)),
        ((20, 70), (64, 64)),
        ((33, 20), (16, 48)),
    ],
)
def test_resizing_is_that_of_the_formulas(how, found, wanted):
    """Separable Lanczos-3 (smaller) or Catmull-Rom (larger), as wide as the step where that is over a pixel.

    The pixels are of little contrast, so that nothing is clipped between the passes, whichever comes first.
    """
    whole = pixels = 90 + noise(3, 1, 1, *found) % 70
    (tall, wide), (height, width) = found, wanted
    top, left, bottom, right = 0.0, 0.0, float(tall), float(wide)
    if how == "crop":
        scale = min(tall / height, wide / width)
        top, left = (tall - height * scale) / 2, (wide - width * scale) / 2
        bottom, right = top + height * scale, left + width * scale
        if height == width:  # then it is cut out first
            side = min(found)
            rows, columns = (tall - side) // 2, (wide - side) // 2
            pixels = pixels[..., rows : rows + side, columns : columns + side]
            top, left, bottom, right = 0.0, 0.0, float(side), float(side)
            tall = wide = side
    kernel = lanczos if (bottom - top) * (right - left) > height * width else bicubic
    by_row, by_column = weights(kernel, tall, height, top, bottom), weights(kernel, wide, width, left, right)
    expected = by_row @ pixels[0, 0] @ by_column.T
    assert expected.min() > 0 and expected.max() < 255
    result = Preparation(1, height, width, how).of_array(whole)[0, 0]
    assert abs(result - expected).max() <= 1.5  # it is rounded after each of the two passes


def test_every_pair_of_proportions_can_be_cropped():
    """A part of all the width, computed: its last digit may not lie outside of the image."""
    for side in range(1, 60):
        for width in range(8, 60):
            image = np.full((1, 1, side, 3 * side), 7, np.uint8)
            assert (Preparation(1, 8, width).of_array(image) == 7).all()
            assert (Preparation(1, width, 8).of_array(image.transpose(0, 1, 3, 2)) == 7).all()


def test_shrinking_by_much_is_near_the_formula():
    """Beyond a factor of six whole pixels are averaged first, which is quicker and costs little."""
    tall = 480
    ramp = np.add.outer(np.arange(tall), np.arange(tall)) / (2 * tall) * 255
    waves = 40 * np.sin(np.arange(tall) / 15)
    pixels = np.clip(ramp + waves, 0, 255).astype(np.uint8)
    by = weights(lanczos, tall, 32, 0, tall)
    expected = np.clip(by @ pixels @ by.T, 0, 255)
    result = Preparation(1, 32, 32).of_array(pixels[None, None])[0, 0]
    assert abs(result - expected).max() < 3 and abs(result - expected).mean() < 0.5


@pytest.mark.parametrize("text", ["000000", "#00000", "#gggggg", "red", "#0000000", ""])
def test_a_background_is_a_colour(text):
    with pytest.raises(ConfigError, match="expected a colour such as #000000"):
        parse(SourceConfig, {"background": text}, "data")


def test_a_background_is_kept_in_one_writing():
    assert parse(SourceConfig, {"background": "#Ff8000"}, "data").background == "#ff8000"
    assert rgb("#ff8000") == (255, 128, 0)
