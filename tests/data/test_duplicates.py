"""What counts as a duplicate, against comparing everything with everything."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from latentlab.data import duplicates, load
from latentlab.data.duplicates import BYTES_EXACT, BYTES_NEAR, Duplicates, look_alike, low_frequencies
from latentlab.data.preparation import Preparation
from latentlab.data.report import no_report


def twins(images, kind="near", order=None, rows=None, together=7):
    finder = Duplicates(kind)
    for start in range(0, len(images), together):
        finder.add(images[start : start + together])
    return finder.find(
        rows or images.__getitem__, np.arange(len(images)) if order is None else order, no_report
    )


class Counting:
    """The images, and how many were asked for."""

    def __init__(self, images):
        self.images, self.asked = images, 0

    def __call__(self, which):
        self.asked += len(which)
        return self.images[which]


def picture(seed, side=128):
    """Some like a photograph: smooth shades at every scale, edges, colours, a little noise."""
    random = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    radius[0, 0] = 1
    shade = np.fft.ifft2(np.exp(2j * np.pi * random.random((side, side))) / radius**1.2).real
    shade = 128 + 45 * (shade - shade.mean()) / shade.std()
    pixels = shade[:, :, None] * (0.6 + 0.4 * random.random(3))
    for _ in range(4):
        left, top, width, height = random.integers(0, side, 4)
        pixels[top : top + height, left : left + width] += random.integers(-60, 60, 3)
    return Image.fromarray((pixels + random.normal(0, 2, pixels.shape)).clip(0, 255).astype(np.uint8))


def _jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _resized(image, share):
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


def _changed(image, change):
    return Image.fromarray((np.asarray(image, int) + np.asarray(change)).clip(0, 255).astype(np.uint8))


def _noisy(image):
    return _changed(image, np.random.default_rng(9).normal(0, 3, (image.height, image.width, 3)))


COPIES = {
    "JPEG 70": lambda image: _jpeg(image, 70),
    "half as large": lambda image: _resized(image, 0.5),
    "twice as large": lambda image: _resized(image, 2),
    "brighter": lambda image: _changed(image, 5),
    "darker": lambda image: _changed(image, -8),
    "noise": _noisy,
    "all of it": lambda image: _jpeg(_changed(_resized(image, 0.5), 5), 70),
}
OTHERS = {
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "inverted": lambda image: Image.fromarray(255 - np.asarray(image)),
    "much brighter": lambda image: _changed(image, 30),
    "other colours": lambda image: Image.fromarray(np.asarray(image)[:, :, ::-1]),
    "moved": lambda image: image.crop((12, 0, image.width, image.height - 12)),
}


@pytest.fixture(scope="module")
def pictures():
    return [picture(seed) for seed in range(30)]


def prepared(images, channels=3):
    preparation = Preparation(channels, 64, 64)
    return np.stack([preparation.of_image(image) for image in images])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_look_alike(pictures, copy, channels):
    images = np.concatenate([prepared(pictures, channels), prepared(map(copy, pictures), channels)])
    found = twins(images)
    np.testing.assert_array_equal(found.of, [-1] * 30 + [*range(30)])


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_others_do_not(pictures, other):
    images = np.concatenate([prepared(pictures), prepared(map(other, pictures))])
    assert (twins(images).of == -1).all()


def test_a_small_thing_that_differs_is_enough(pictures):
    images = prepared(pictures)
    others = images.copy()
    others[:, :, 20:32, 36:48] = 255 - others[:, :, 20:32, 36:48]
    plain = np.sqrt(((images.astype(float) - others) ** 2).mean(axis=(1, 2, 3))) / images.std(axis=(1, 2, 3))
    assert np.median(plain) < 0.5
    assert (twins(np.concatenate([images, others])).of == -1).all()


def test_digits_that_resemble_each_other_stay():
    digits = load("digits").images
    assert (twins(digits).of == -1).sum() >= len(digits) - 2
    larger = load("digits", {"size": 32}).images
    assert (twins(larger).of == -1).sum() >= len(digits) - 2


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 40, 24), (4, 17, 65), (3, 256, 256)])
def test_low_frequencies_are_those_of_the_cosine_transform(shape):
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    found = low_frequencies(images)
    assert found.shape == (3, 32) and found.dtype == np.float32
    pixels = images.astype(float)
    if shape[0] == 4:
        pixels[:, :3] *= pixels[:, 3:] / 255
    step = max(1, min(shape[1:]) // 16)
    height, width = shape[1] // step, shape[2] // step
    cells = pixels[:, :, : height * step, : width * step]
    cells = cells.reshape(3, shape[0], height, step, width, step).mean(axis=(3, 5))
    grey = cells[:, 0] if shape[0] == 1 else np.einsum("kchw,c->khw", cells[:, :3], [0.299, 0.587, 0.114])
    spectrum = dctn(grey, axes=(1, 2), norm="ortho")
    contrast = np.maximum(cells.std(axis=(1, 2, 3)), duplicates.FAINT)
    # By rising sum of the two frequencies, row by row.
    chosen = sorted(((v, u) for v in range(8) for u in range(8)), key=sum)[1:33]
    expected = np.stack([spectrum[:, v, u] for v, u in chosen], 1)
    expected /= contrast[:, None] * np.sqrt(height * width)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@given(st.integers(0, 2**32 - 1), st.floats(0, 12))
def test_low_frequencies_are_close_where_images_look_alike(seed, strength):
    random = np.random.default_rng(seed)
    one = random.integers(0, 256, (1, 1, 20, 20)).astype(float)
    other = one + strength * random.normal(0, 1, one.shape)
    one, other = (x.clip(0, 255).astype(np.uint8) for x in (one, other))
    if look_alike(one, other)[0]:
        assert np.linalg.norm(low_frequencies(one) - low_frequencies(other)) < duplicates.CLOSE


def test_looking_alike_is_mutual_and_has_bounds():
    random = np.random.default_rng(0)
    one = random.integers(40, 200, (1, 1, 16, 16), np.uint8)
    contrast = one.std()
    for share, alike in ((0.9, True), (1.1, False)):
        noise = random.normal(0, 1, one.shape)
        noise = (noise - noise.mean()) / noise.std() * share * duplicates.ALIKE * contrast
        # Whole levels add an error of their own, which is small beside it.
        other = np.rint(one + noise).astype(np.uint8)
        assert look_alike(one, other)[0] == look_alike(other, one)[0] == alike
    for levels in (duplicates.BRIGHTER, duplicates.BRIGHTER + 1):
        assert look_alike(one, one + np.uint8(levels))[0] == (levels == duplicates.BRIGHTER)


def test_what_alpha_hides_does_not_count():
    random = np.random.default_rng(0)
    one = random.integers(0, 256, (1, 4, 16, 16), np.uint8)
    one[:, 3, :, :8] = 0
    other = one.copy()
    other[:, :3, :, :8] = 255
    assert look_alike(one, other)[0]
    other[:, 3, :, :8] = 255
    assert not look_alike(one, other)[0]


# The same


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.randoms())
def test_the_same_are_found_as_by_comparing_all(kinds, shuffler):
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 9, 8), np.uint8)[kinds]
    order = list(range(len(kinds)))
    shuffler.shuffle(order)
    found = twins(images, "exact", np.array(order))
    seen = {}
    for row in order:
        first = seen.setdefault(images[row].tobytes(), row)
        assert found.of[row] == (-1 if first == row else first)
        assert found.same[row] == (first != row)


def test_one_pixel_makes_another():
    image = np.zeros((2, 1, 8, 8), np.uint8)
    image[1, 0, 3, 3] = 1
    assert (twins(image, "exact").of == -1).all()
    assert twins(image, "near").of.tolist() == [-1, 0]


def test_a_digest_that_two_share_is_no_proof(monkeypatch):
    class Same:
        def digest(self):
            return b"the same"

    monkeypatch.setattr(hashlib, "blake2b", lambda *_, **__: Same())
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), np.uint8)
    found = twins(np.concatenate([images, images]), "exact")
    assert found.of.tolist() == [-1, -1, -1, 0, -1, -1]


def test_of_alike_ones_the_first_in_order_stays(pictures):
    image = prepared(pictures[:1]).clip(0, 250)
    images = np.concatenate([image, image + np.uint8(3), image, image + np.uint8(3)])
    found = twins(images)
    assert found.of.tolist() == [-1, 0, 0, 0] and found.same.tolist() == [False, False, True, False]
    found = twins(images, order=np.array([1, 3, 0, 2]))
    assert found.of.tolist() == [1, -1, 1, 1] and found.same.tolist() == [False, False, False, True]


# Everything with everything


def greedy(images, order):
    """Each against all before it that stay, in pairs."""
    of = np.full(len(images), -1)
    staying = []
    for row in order:
        alike = [other for other in staying if look_alike(images[[other]], images[[row]])[0]]
        if alike:
            distance = [
                np.linalg.norm(low_frequencies(images[[a]]) - low_frequencies(images[[row]])) for a in alike
            ]
            of[row] = alike[int(np.argmin(distance))]
        else:
            staying.append(row)
    return of


@pytest.mark.parametrize("seed", range(2))
def test_alike_are_found_as_by_comparing_all(seed):
    random = np.random.default_rng(seed)
    kinds = random.integers(20, 236, (40, 1, 4, 4), np.uint8).repeat(4, 2).repeat(4, 3).astype(float)
    images = kinds[random.integers(0, 40, 150)]
    images = images + random.uniform(0, 9, (150, 1, 1, 1)) * random.normal(0, 1, images.shape)
    images = np.rint(images + random.uniform(-8, 8, (150, 1, 1, 1))).clip(0, 255).astype(np.uint8)
    order = random.permutation(150)
    found, expected = twins(images, order=order).of, greedy(images, order)
    assert 40 < (expected >= 0).sum() < 105  # of 110 that are of one kind with another
    np.testing.assert_array_equal(found, expected)


# The work


@pytest.mark.parametrize("noise", [0, 2])
def test_thousands_of_blank_images_are_each_looked_at_a_few_times(noise):
    count = 4000
    random = np.random.default_rng(0)
    blank = (random.integers(0, noise + 1, (count, 1, 8, 8)) + 100).astype(np.uint8)
    rows = Counting(blank)
    found = twins(blank, rows=rows, together=500)
    assert (found.of == 0).sum() == count - 1
    assert rows.asked <= 3 * count


def test_thousands_that_resemble_each_other_and_are_not_alike_are_each_looked_at_a_few_times():
    """The same low frequencies, and fine detail that differs: all fall into the same places."""
    count = 2000
    random = np.random.default_rng(0)
    detail = random.choice([-60, 60], (count, 1, 8, 8))
    checks = (np.indices((16, 16)).sum(0) % 2) * 2 - 1
    images = (128 + detail.repeat(2, 2).repeat(2, 3) * checks).astype(np.uint8)
    rows = Counting(images)
    found = twins(images, rows=rows, together=500)
    assert (found.of == -1).all()
    assert rows.asked <= 10 * count


@pytest.mark.parametrize(("kind", "most"), [("exact", BYTES_EXACT), ("near", BYTES_NEAR)])
def test_few_bytes_of_an_image_are_remembered(kind, most):
    finder = Duplicates(kind)
    images = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), np.uint8)
    finder.add(images)
    assert sum(part.nbytes for part in (*finder._digests, *finder._low)) == 64 * most


def test_it_says_how_far_it_is_and_can_be_ended():
    images = np.random.default_rng(0).integers(0, 256, (600, 1, 8, 8), np.uint8)
    images = np.concatenate([images, images])
    steps = []
    finder = Duplicates("near")
    finder.add(images)
    finder.find(images.__getitem__, np.arange(1200), lambda done, total: steps.append(done / total))
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == 1 and len(set(steps)) > 5

    class EndedError(Exception):
        pass

    def end(done, total):
        if done / total > 0.4:
            raise EndedError

    with pytest.raises(EndedError):
        finder.find(images.__getitem__, np.arange(1200), end)
