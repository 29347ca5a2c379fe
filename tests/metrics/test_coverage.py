"""Coverage and density where they are known: equal distributions, single modes, copies that are spoiled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab import data
from latentlab.metrics.base import Heldout
from latentlab.metrics.coverage import Coverage, K, cover, features


def ring(count, seed, modes=8, of=8):
    """Points (count, 2) of the first `modes` of `of` Gaussians."""
    random = np.random.default_rng(seed)
    angle = 2 * np.pi * random.integers(0, modes, count) / of
    centres = 0.5 + 0.35 * np.stack([np.cos(angle), np.sin(angle)], 1)
    return torch.from_numpy(centres + 0.02 * random.standard_normal((count, 2)))


def figures(real, fake, seeds=6):
    """Means over pairs of draws."""
    found = [cover(real(seed), fake(100 + seed)) for seed in range(seeds)]
    return tuple(np.mean(found, axis=0))


def test_by_hand():
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # radii at k = 2: 3, 2, 3, 9
    fake = torch.tensor([[-1.0], [3.5], [18.0], [30.0]])
    # Of the samples the first lies in the balls of 0 and 1 (just), the second in those of 3 and 10, the third
    # in that of 10 and the fourth in none.
    assert cover(real, fake, k=2) == (1.0, 5 / (2 * 4))
    assert cover(real, fake[2:], k=2) == (1 / 4, 1 / (2 * 2))


@pytest.mark.parametrize("samples", [200, 400])
def test_equal_distributions_are_covered_as_the_paper_works_out(samples):
    n, m = 200, samples
    expected = 1 - np.prod([(n - i) / (m + n - i) for i in range(1, K + 1)])  # Naeem et al., lemma 2
    coverage, density = figures(lambda s: ring(n, s), lambda s: ring(m, s))
    assert coverage == pytest.approx(expected, abs=0.02)
    assert density == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("modes", [1, 4])
def test_some_of_eight_modes_cover_their_share_and_are_as_dense_as_data(modes):
    coverage, density = figures(lambda s: ring(512, s), lambda s: ring(512, s, modes))
    assert coverage == pytest.approx(modes / 8, abs=0.03)
    assert density == pytest.approx(1, abs=0.1)


def test_samples_far_from_the_data_cover_nothing():
    assert cover(ring(100, 0), ring(100, 1) + 5) == (0.0, 0.0)


def test_many_dimensions_and_close_points_are_told_apart():
    near = torch.full((50, 2), 0.5) + 1e-5 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    assert cover(near, near + 1e-3) == (0.0, 0.0)


@pytest.fixture(scope="module")
def digits():
    images = data.load("digits", {}).images
    order = np.random.default_rng(0).permutation(len(images))
    return images[order]


def of(images, heldout, fake):
    return Coverage.measure(fake(images), Heldout(heldout))


def test_digits_that_were_not_held_out_are_as_good_as_the_data(digits, fake):
    found = of(digits[512:1024], digits[:512], fake)
    assert found["coverage"] > 0.93 and found["density"] == pytest.approx(1, abs=0.1)


def test_few_digits_repeated_are_real_but_cover_little(digits, fake):
    found = of(digits[512:532], digits[:512], fake)
    assert found["coverage"] < 0.3 and found["density"] > 0.8


def test_noise_blur_and_grey_are_seen(digits, fake):
    random = np.random.default_rng(1)
    clean = digits[512:1024].astype(float)
    good = of(clean.astype(np.uint8), digits[:512], fake)
    noisy = np.clip(clean + random.normal(0, 51, clean.shape), 0, 255).astype(np.uint8)
    blurred = (clean + np.roll(clean, 1, 2) + np.roll(clean, 1, 3) + np.roll(clean, (1, 1), (2, 3))) / 4
    for spoiled in (noisy, blurred.astype(np.uint8)):
        found = of(spoiled, digits[:512], fake)
        assert found["coverage"] < good["coverage"] - 0.2 and found["density"] < 0.6
    assert of(np.full_like(digits[:9], 128), digits[:512], fake) == {"coverage": 0.0, "density": 0.0}


def test_points_are_judged_where_they_lie(fake):
    heldout = ring(300, 0).numpy().astype(np.float32).reshape(-1, 2, 1, 1)
    one_mode = ring(300, 1, modes=1).numpy().astype(np.float32).reshape(-1, 2, 1, 1)
    found = of(one_mode, heldout, fake)
    assert found["coverage"] == pytest.approx(1 / 8, abs=0.04) and found["density"] > 0.8
    assert torch.equal(features(heldout), torch.from_numpy(heldout.reshape(-1, 2)))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 20), (4, 64, 48), (1, 9, 200)])
def test_features_of_any_image_are_the_same_alone_and_among_others(shape):
    images = np.random.default_rng(0).integers(0, 256, (300, *shape), dtype=np.uint8)
    found = features(images)
    assert found.shape == (300, 256) and found.isfinite().all() and (found.std(0) > 0).sum() > 100
    assert torch.allclose(features(images[280:281]), found[280:281], atol=1e-5)


def test_too_few_held_out_images_are_not_judged(digits, fake):
    assert of(digits[:50], digits[:19], fake) == {} and set(of(digits[:50], digits[:20], fake))
