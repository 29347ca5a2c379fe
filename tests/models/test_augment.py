"""Differentiable augmentation: what each policy may change, how far, and that gradients pass."""

from __future__ import annotations

import itertools

import pytest
import torch

from latentlab.models.augment import diff_augment

POLICIES = ["none", "translation", "colour-translation", "colour-translation-cutout"]


def _images(shape, seed=0):
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def _noise(seed=0):
    return torch.Generator().manual_seed(seed)


def test_none_is_the_tensor_itself_and_draws_nothing():
    images, generator = _images((2, 1, 8, 8)), _noise()
    before = generator.get_state()
    assert diff_augment(images, "none", generator) is images
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 3, 33, 20), (3, 4, 9, 256)], ids=str)
def test_shapes_and_types_stay_and_draws_follow_the_generator(policy, shape):
    for images in (_images(shape), _images(shape).float()):
        out = diff_augment(images, policy, _noise(1))
        assert out.shape == shape and out.dtype == images.dtype and out.isfinite().all()
        torch.manual_seed(99)
        assert torch.equal(out, diff_augment(images, policy, _noise(1)))
        assert policy == "none" or not torch.equal(out, diff_augment(images, policy, _noise(2)))


@pytest.mark.parametrize("policy", POLICIES[1:])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gradients_are_those_of_finite_differences(policy, channels):
    images = _images((2, channels, 8, 10)).requires_grad_()
    weights = _images((2, channels, 8, 10), seed=5)

    def total(x):
        return (diff_augment(x, policy, _noise(3)) * weights).sum()

    def squares(x):
        return diff_augment(x, policy, _noise(3)).square().sum()

    assert torch.autograd.gradcheck(total, (images,))
    # A penalty on a critic's gradient goes through it twice.
    assert torch.autograd.gradgradcheck(squares, (images,), fast_mode=True)


def test_translation_shifts_every_image_by_its_own_whole_pixels_and_fills_with_grey():
    height, width = 16, 24  # up to 2 down, up to 3 across
    images = _images((400, 2, height, width))
    out = diff_augment(images, "translation", _noise(4))
    padded = torch.nn.functional.pad(images, (3, 3, 2, 2))
    shifts = list(itertools.product(range(-2, 3), range(-3, 4)))
    candidates = torch.stack(
        [padded[:, :, 2 - y : 2 - y + height, 3 - x : 3 - x + width] for y, x in shifts], dim=1
    )
    same = (candidates == out[:, None]).flatten(2).all(2)
    assert (same.sum(1) == 1).all(), "each is exactly one shift"
    counts = same.sum(0)
    # 400 draws of 35 shifts: none is left out (35 (34/35)^400 < 4e-4) and none is favoured.
    assert counts.min() > 0 and counts.max() < 30


def test_translation_of_the_largest_images_goes_as_far_as_an_eighth():
    out = diff_augment(torch.ones(300, 1, 256, 8), "translation", _noise())
    above, below = (out[:, 0, :128, 4] == 0).sum(1), (out[:, 0, 128:, 4] == 0).sum(1)
    assert ((above == 0) | (below == 0)).all()
    assert 28 < above.max() <= 32 and 28 < below.max() <= 32


def test_colour_of_grey_images_is_a_gain_about_the_mean_and_an_offset():
    images = _images((200, 1, 32, 32))
    with_shift = diff_augment(images, "colour-translation", _noise(6))
    # Shifts leave the middle of each image alone but for its place; mean and deviation there tell the rest.
    flat = torch.full((200, 1, 32, 32), 0.25, dtype=torch.float64)
    offset = diff_augment(flat, "colour-translation", _noise(6))[:, 0, 16, 16] - 0.25
    assert offset.min() >= -0.5 and offset.max() <= 0.5
    assert offset.min() < -0.4 and offset.max() > 0.4 and abs(offset.mean()) < 4 * (1 / 12 / 200) ** 0.5
    gain = with_shift[:, 0, 8:24, 8:24].std((1, 2)) / images[:, 0, 8:24, 8:24].std((1, 2))
    assert 0.45 < gain.min() < 0.6 and 1.4 < gain.max() < 1.6


def test_contrast_turns_about_each_image_s_own_mean_and_saturation_about_each_pixel_s_grey():
    # In an image of one colour contrast acts on the differences of its channels, as saturation does.
    colours = _images((300, 3, 1, 1)).expand(300, 3, 8, 8)
    out = diff_augment(colours, "colour-translation", _noise(7))[:, :, 4, 4]
    before = colours[:, :, 0, 0]
    brightness = out.mean(1) - before.mean(1)
    assert -0.5 <= brightness.min() < -0.4 and 0.4 < brightness.max() <= 0.5
    rest, before = out - out.mean(1, keepdim=True), before - before.mean(1, keepdim=True)
    gains = (rest * before).sum(1) / before.square().sum(1)
    torch.testing.assert_close(rest, gains[:, None] * before)
    # Saturation 0 to 2 times contrast 1/2 to 3/2.
    assert 0 <= gains.min() < 0.1 and 2.2 < gains.max() <= 3


def test_alpha_is_shifted_with_its_image_and_not_coloured():
    images = _images((50, 4, 16, 16)) + 3  # no value is 0, so fillings show
    out = diff_augment(images, "colour-translation", _noise(8))
    alpha = out[:, 3]
    for n in range(50):
        kept = alpha[n][alpha[n] != 0]
        assert torch.isin(kept, images[n, 3]).all() and len(kept) >= 14 * 14


def test_cutout_blanks_a_box_of_half_the_sides_about_a_point_anywhere():
    ones = torch.ones(2000, 1, 16, 16)
    out = diff_augment(ones, "colour-translation-cutout", _noise(9))
    plain = diff_augment(ones, "colour-translation", _noise(9))
    cut = (out == 0) & (plain != 0)
    heights = cut.any(3).sum(2).flatten()
    widths = cut.any(2).sum(2).flatten()
    assert heights.max() == widths.max() == 8
    assert torch.equal(out[~cut], plain[~cut])
    # A box, not scattered pixels: as many as rows times columns.
    assert torch.equal(cut.flatten(1).sum(1), (heights * widths))
    # Its centre is even over the image, so every pixel is hit, the middle in (8/17)^2 = 22% of the draws
    # and a corner in (5/17)^2 = 9%, less what translation blanked before.
    share = cut.float().mean((0, 1))
    assert share[8, 8].item() == pytest.approx((8 / 17) ** 2, abs=0.04)
    assert 0.02 < share[0, 0] < 0.1 and share.min() > 0
