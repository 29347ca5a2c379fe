"""What training does to images, against closed forms."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.data.preparation import SourceConfig
from latentlab.training.augmentation import LUMA, Augmentation, augment, recolour, warp

ALL = {"augment_flip": "both", "augment_rotate": 20, "augment_crop": 0.2, "augment_colour": 0.5}


def _noise(count=16, shape=(3, 12, 10), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def _warped(images, degrees=0.0, cut=0.0, place=(0.0, 0.0), background=(0, 0, 0)):
    count = len(images)
    found = warp(
        torch.from_numpy(images).float(),
        np.full(count, np.deg2rad(degrees)),
        np.full(count, cut),
        np.repeat(np.array(place)[:, None], count, 1),
        background,
    )
    return found.round().clamp(0, 255).to(torch.uint8).numpy()


def _recoloured(images, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    numbers = (np.full(len(images), value, np.float64) for value in (brightness, contrast, saturation, hue))
    return recolour(torch.from_numpy(images).float(), *numbers).numpy()


# The whole


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_off_costs_nothing_and_what_is_on_keeps_shape_and_type(channels):
    images = _noise(shape=(channels, 12, 10))
    tensor = torch.from_numpy(images)
    for config in ({}, SourceConfig().model_dump(), {"background": "#ff0000"}):
        assert augment(images, config, 0, 0) is images and augment(tensor, config, 0, 0) is tensor
    before = images.copy()
    for config in ({name: value} for name, value in ALL.items()):
        found = augment(images, config, 0, 0)
        assert found.shape == images.shape and found.dtype == np.uint8 and type(found) is np.ndarray
        assert not np.array_equal(found, images) and np.array_equal(images, before)
        assert np.array_equal(augment(tensor, config, 0, 0).numpy(), found)


def test_read_only_arrays_are_taken():
    images = _noise()
    images.flags.writeable = False
    assert augment(images, ALL, 0, 0).flags.writeable


def test_draws_come_from_seed_and_step_alone_and_every_image_has_its_own():
    images = np.repeat(_noise(1), 12, axis=0)
    first = augment(images, ALL, 3, 40)
    np.random.seed(1), torch.manual_seed(1)
    state = torch.get_rng_state()
    assert np.array_equal(first, augment(images, ALL, 3, 40)) and torch.equal(state, torch.get_rng_state())
    assert len({image.tobytes() for image in first}) == 12
    for seed, step in ((3, 41), (4, 40)):
        other = augment(images, ALL, seed, step)
        assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert np.array_equal(augment(images[:5], ALL, 3, 40), first[:5]), "a larger batch changes no image"


def test_the_draws_of_a_seed_never_change():
    """Golden: a run of last year that is resumed must see what it would have seen."""
    images = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(1, 3, 8, 8).repeat(6, 0)
    flipped = augment(images, {"augment_flip": "both"}, 7, 123)
    ways = [images[0], images[0, :, :, ::-1], images[0, :, ::-1], images[0, :, ::-1, ::-1]]
    found = [[np.array_equal(image, way) for way in ways].index(True) for image in flipped]
    assert found == [2, 0, 2, 1, 0, 0]
    drawn = np.random.default_rng([7, 0xA065, 123]).random((6, 10))
    assert found == [(a < 0.5) + 2 * (b < 0.5) for a, b in drawn[:, :2]]


def test_points_are_never_changed():
    points = torch.rand(5, 2, 1, 1)
    assert augment(points, ALL, 0, 0) is points and augment(points.numpy(), ALL, 0, 0).dtype == np.float32


def test_one_setting_does_not_change_what_another_draws():
    images = np.full((30, 1, 9, 9), 100, np.uint8)
    plain = augment(images, {"augment_colour": 0.5}, 1, 2)
    both = augment(images, {"augment_colour": 0.5, "augment_flip": "both", "augment_crop": 0.3}, 1, 2)
    assert np.array_equal(plain, both), "what is of one colour only shows the colours"


# Flips


@pytest.mark.parametrize(
    ("flip", "dims"), [("horizontal", [(3,)]), ("vertical", [(2,)]), ("both", [(3,), (2,), (2, 3)])]
)
def test_about_half_are_mirrored_exactly(flip, dims):
    images = _noise(400)
    found = augment(images, {"augment_flip": flip}, 0, 5)
    ways = [images, *(np.flip(images, dim) for dim in dims)]
    counts = [sum(np.array_equal(a, b) for a, b in zip(found, way, strict=True)) for way in ways]
    assert sum(counts) == 400 and min(counts) > 0.75 * 400 / len(ways)


# Turns and crops


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 9, 9), (4, 8, 8)])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_exact_and_anticlockwise(shape, quarters):
    images = _noise(3, shape)
    if shape[0] == 4:
        images[:, 3] |= 1  # what cannot be seen has no colour to keep
    found = _warped(images, 90 * quarters)
    assert np.array_equal(found, np.rot90(images, quarters, (2, 3)))


def test_half_turns_of_oblong_images_are_exact():
    images = _noise(3, (3, 9, 14))
    assert np.array_equal(_warped(images, 180), images[:, :, ::-1, ::-1])
    assert np.array_equal(_warped(images, 360), images)


def test_a_turn_of_an_oblong_image_keeps_its_proportions():
    """The middle of a white square that lies right of the middle goes straight up, as far as it was."""
    image = np.zeros((1, 1, 41, 81), np.uint8)
    image[0, 0, 18:23, 53:58] = 255  # 15 pixels right of (20, 40)
    found = _warped(image, 90)[0, 0].astype(float)
    rows, columns = np.indices(found.shape)
    assert (found * rows).sum() / found.sum() == pytest.approx(20 - 15, abs=0.02)
    assert (found * columns).sum() / found.sum() == pytest.approx(40, abs=0.02)
    assert found.sum() == pytest.approx(image.sum(), rel=0.02)


@pytest.mark.parametrize(
    ("channels", "background", "expected"),
    [(1, (255, 0, 0), [76]), (3, (10, 20, 30), [10, 20, 30]), (4, (10, 20, 30), [10, 20, 30, 255])],
)
def test_corners_are_background_and_what_is_inside_stays(channels, background, expected):
    images = np.full((1, channels, 31, 31), 200, np.uint8)
    found = _warped(images, 45, background=background)[0]
    assert found[:, 0, 0].tolist() == found[:, -1, 0].tolist() == expected
    rows, columns = np.indices((31, 31)) - 15
    inside = np.abs(rows) + np.abs(columns) <= 15 * np.sqrt(2) - 0.1
    assert inside.mean() > 0.4 and (found[:, inside] == 200).all()


def test_a_crop_enlarges_a_part_between_the_middles_of_pixels():
    """Brightness that rises evenly is still even, its slope that of the part that is left."""
    ramp = np.arange(0, 250, 10, dtype=np.uint8)  # 25 pixels
    image = np.broadcast_to(ramp, (1, 1, 13, 25)).copy()
    for place, first in ((-1, 0.0), (0, 60.0), (1, 120.0)):
        found = _warped(image, cut=0.5, place=(place, 0))[0, 0]
        np.testing.assert_allclose(found, np.broadcast_to(first + 5 * np.arange(25), (13, 25)), atol=0.51)
    down = _warped(image.transpose(0, 1, 3, 2).copy(), cut=0.5, place=(0, 1))[0, 0]
    np.testing.assert_allclose(down[:, 3], 120 + 5 * np.arange(25), atol=0.51)


def test_a_crop_alone_lets_nothing_in_from_outside():
    images = np.full((64, 3, 10, 14), 255, np.uint8)
    assert (augment(images, {"augment_crop": 0.5}, 0, 0) == 255).all()
    assert np.array_equal(_warped(_noise(4), cut=0.0, place=(1, -1)), _noise(4))


def test_crops_and_turns_reach_as_far_as_they_may_and_no_further():
    """The distance of two bright dots tells the enlargement, their direction the turn."""
    image = np.zeros((1, 1, 64, 64), np.uint8)
    image[0, 0, 31:33, 21:23] = image[0, 0, 31:33, 41:43] = 255
    images = np.repeat(image, 300, axis=0)

    def dots(found):
        halves = (found[:, 0, :, :32], found[:, 0, :, 32:])
        rows, columns = np.indices((64, 32))
        return [
            np.stack([(h * rows).sum((1, 2)) / h.sum((1, 2)), (h * columns).sum((1, 2)) / h.sum((1, 2))])
            for h in (half.astype(float) for half in halves)
        ]

    left, right = dots(augment(images, {"augment_rotate": 30}, 0, 0))
    turns = np.rad2deg(np.arctan2(left[0] - right[0], right[1] + 32 - left[1]))
    assert -30.5 < turns.min() < -27 and 27 < turns.max() < 30.5 and abs(turns.mean()) < 3
    left, right = dots(augment(images, {"augment_crop": 0.2}, 0, 0))
    scales = (right[1] + 32 - left[1]) / 20
    assert 0.99 < scales.min() < 1.02 and 1.22 < scales.max() < 1.26


def test_colours_of_what_is_transparent_do_not_bleed():
    images = np.zeros((1, 4, 16, 16), np.uint8)
    images[0, 1] = 255  # green that nobody sees
    images[0, :, 4:12, 4:12] = np.array([255, 0, 0, 255])[:, None, None]
    found = _warped(images, 30, background=(0, 0, 0))[0]
    edge = (found[3] > 20) & (found[3] < 235)
    near = np.zeros((16, 16), bool)
    near[3:13, 3:13] = True  # away from the opaque background in the corners
    edge &= near
    assert edge.sum() > 10
    assert (found[0][edge] >= 254).all() and (found[1][edge] <= 1).all()


# Colours


def test_brightness_and_contrast_are_closed_forms_of_mean_and_spread():
    images = _noise(3, (1, 20, 20))
    plain = images.astype(np.float64)
    np.testing.assert_allclose(_recoloured(images, brightness=1.5), 1.5 * plain, rtol=1e-5)
    found = _recoloured(images, contrast=0.5)
    np.testing.assert_allclose(found.mean((1, 2, 3)), plain.mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found.std((1, 2, 3)), 0.5 * plain.std((1, 2, 3)), rtol=1e-5)
    both = _recoloured(images, brightness=1.5, contrast=0.5)
    np.testing.assert_allclose(both.mean((1, 2, 3)), 1.5 * plain.mean((1, 2, 3)), rtol=1e-5)


def test_contrast_of_colours_is_about_the_mean_luma():
    images = _noise(3)
    luma = np.einsum("c,nchw->n", LUMA, images) / (12 * 10)
    expected = luma[:, None, None, None] + 0.25 * (images - luma[:, None, None, None])
    np.testing.assert_allclose(_recoloured(images, contrast=0.25), expected, rtol=1e-4)


def test_no_saturation_is_luma_and_double_is_twice_as_far_from_it():
    images = _noise(3)
    luma = np.einsum("c,nchw->nhw", LUMA, images)[:, None]
    np.testing.assert_allclose(_recoloured(images, saturation=0), np.repeat(luma, 3, 1), rtol=1e-3, atol=0.05)
    np.testing.assert_allclose(
        _recoloured(images, saturation=2), luma + 2 * (images - luma), rtol=1e-3, atol=0.05
    )


@pytest.mark.parametrize("hue", [0.5, -1.0, np.pi])
def test_a_turn_of_hue_keeps_luma_and_greys_and_moves_colours_round(hue):
    images = _noise(3)
    images[:, :, 0] = images[:, :1, 0]  # a row of greys
    found = _recoloured(images, hue=hue)
    luma = [np.einsum("c,nchw->nhw", LUMA, x) for x in (images, found)]
    np.testing.assert_allclose(luma[0], luma[1], atol=0.05)
    np.testing.assert_allclose(found[:, :, 0], images[:, :, 0], atol=0.05)
    np.testing.assert_allclose(_recoloured(found, hue=-hue), images, atol=0.05)


def test_a_third_of_a_turn_brings_each_primary_to_the_next():
    """The wheel of YIQ and that of HSV are not the same, but no further apart than 30 degrees."""
    red = np.array([120, 40, 40], np.uint8).reshape(1, 3, 1, 1)
    found = _recoloured(red, hue=2 * np.pi / 3).reshape(3).clip(0, 255) / 255
    turned = colorsys.rgb_to_hsv(*found)[0] * 360
    assert min(abs(turned - 120), abs(turned - 240)) < 30


def test_colours_of_grey_images_have_no_hue_and_alpha_none_at_all():
    grey = _noise(8, (1, 10, 10))
    colour = np.repeat(grey, 3, 1)
    config = {"augment_colour": 1.0}
    found, as_colour = augment(grey, config, 0, 0), augment(colour, config, 0, 0)
    assert np.abs(as_colour.astype(int) - found).max() <= 1, "a grey picture stays one"
    clear = _noise(8, (4, 10, 10))
    found = augment(clear, config, 0, 0)
    assert np.array_equal(found[:, 3], clear[:, 3]) and not np.array_equal(found[:, :3], clear[:, :3])
    assert np.array_equal(found[:, :3], augment(clear[:, :3], config, 0, 0))


def test_strength_bounds_what_colours_do():
    grey = np.full((500, 1, 8, 8), 100, np.uint8)
    for strength in (0.2, 1.0):
        found = augment(grey, {"augment_colour": strength}, 0, 0)[:, 0, 0, 0].astype(int)
        assert 100 - 50 * strength - 1 < found.min() < 100 - 45 * strength
        assert 100 + 45 * strength < found.max() < 100 + 50 * strength + 1


def test_values_beyond_the_range_are_clamped():
    assert augment(np.full((50, 3, 8, 8), 255, np.uint8), {"augment_colour": 1.0}, 0, 0).max() == 255


@given(
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(8, 33),
    width=st.integers(8, 33),
    config=st.fixed_dictionaries(
        {
            "augment_flip": st.sampled_from(["none", "horizontal", "vertical", "both"]),
            "augment_rotate": st.floats(0, 180),
            "augment_crop": st.floats(0, 0.5),
            "augment_colour": st.floats(0, 1),
            "background": st.sampled_from(["#000000", "#ffffff", "#0080ff"]),
        }
    ),
    seed=st.integers(0, 2**31 - 1),
    step=st.integers(0, 100_000_000),
)
@settings(max_examples=60, deadline=None)
def test_shape_type_and_range_hold_whatever_is_asked_for(channels, height, width, config, seed, step):
    images = _noise(3, (channels, height, width), seed % 1000)
    before = images.copy()
    found = augment(images, config, seed, step)
    assert found.shape == images.shape and found.dtype == np.uint8 and np.array_equal(images, before)
    grey = np.full_like(images, 128)
    plain = config | {"augment_colour": 0.0, "augment_rotate": 0.0}
    assert (augment(grey, plain, seed, step)[:, :3] == 128).all()


def test_it_is_made_of_a_dataset_s_settings():
    config = SourceConfig(**ALL, background="#0080ff").model_dump()
    assert Augmentation.of(config) == Augmentation("both", 20, 0.2, 0.5, (0, 128, 255))
    assert not Augmentation.of(SourceConfig().model_dump()).changes and not Augmentation.of({}).changes


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_gpu_sees_what_the_cpu_sees(channels):
    images = torch.from_numpy(_noise(64, (channels, 20, 24)))
    here = augment(images, ALL, 1, 2).int()
    there = augment(images.cuda(), ALL, 1, 2).cpu().int()
    assert ((here - there).abs() <= 1).float().mean() > 0.999
