"""A run in a notebook: numpy in, numpy out, and one sentence where something does not fit."""

from __future__ import annotations

import subprocess
import sys

import av
import numpy as np
import pytest
import torch

import latentlab
from latentlab.core.errors import ConfigError, RunError
from latentlab.latent.walks import WalkConfig, frames, route


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A run that was opened by the path alone; nothing here changes it."""
    from latentlab import run as runs
    from latentlab.data.base import Dataset

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    plan = runs.plan(
        "vae-mlp", {"latent_size": 4, "width": 8}, {"steps": 4, "batch_size": 8, "device": "cpu"}
    )
    path = tmp_path_factory.mktemp("runs") / "first"
    list(runs.begin(Dataset(images, "noise", "handmade"), plan, path).events())
    torch.set_num_threads(threads)
    return latentlab.open_run(path)


def test_a_run_says_what_it_is(opened):
    assert repr(opened) == "<Run first: vae-mlp, 8×8, 4 dimensions, step 4>"


def test_decode_takes_whatever_holds_numbers(opened):
    z = opened.latents(3)
    images = opened.decode(z)
    assert images.dtype == np.float32 and images.shape == (3, 1, 8, 8)
    assert images.min() >= 0 and images.max() <= 1
    for same in (z.tolist(), z.astype(np.float64), tuple(z), z[::-1].copy()[::-1]):
        assert np.array_equal(opened.decode(same), images)
    np.testing.assert_allclose(opened.decode(z[1]), images[1:2], atol=1e-6)
    assert opened.decode([0, 0, 0, 0]).shape == (1, 1, 8, 8)
    assert opened.decode(np.empty((0, 4))).shape == (0, 1, 8, 8)


def test_samples_are_those_of_their_seeds(opened):
    images = opened.sample(16, seed=0)
    assert isinstance(images, np.ndarray) and images.shape == (16, 1, 8, 8)
    assert np.array_equal(images, opened.sample(16, seed=0))
    assert np.array_equal(opened.latents(16)[5:6], opened.latents(1, seed=5))
    assert np.array_equal(images, opened.decode(opened.latents(16)))


def test_encode_takes_bytes_floats_and_lists(opened):
    images = np.random.default_rng(1).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
    z = opened.encode(images)
    assert z.dtype == np.float32 and z.shape == (3, 4)
    for same in (images / 255, (images / 255).tolist(), (images / 255).astype(np.float32), list(images)):
        np.testing.assert_allclose(opened.encode(same), z, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.zeros((1, 1, 9, 8)), r"images: \(1, 1, 9, 8\) is not allowed; expected \(N, 1, 8, 8\)"),
        (np.zeros((1, 8, 8)), r"images: \(1, 8, 8\) is not allowed"),
        (np.full((1, 1, 8, 8), 1.5), "expected uint8, or numbers from 0 to 1"),
        (np.full((1, 1, 8, 8), np.nan), "expected uint8, or numbers from 0 to 1"),
        ([np.zeros((1, 8, 8)), np.zeros((1, 9, 8))], "images: .*inhomogeneous"),
        (np.zeros((1, 1, 8, 8), int), "expected uint8, or numbers from 0 to 1"),
    ],
)
def test_images_that_do_not_fit(opened, images, told):
    with pytest.raises(ConfigError, match=told):
        opened.encode(images)


@pytest.mark.parametrize("z", [[1, 2, 3], np.zeros((2, 5)), np.zeros((2, 2, 4)), 3.0])
def test_latents_of_another_size(opened, z):
    with pytest.raises(ConfigError, match=r"z: .* is not allowed; expected \(N, 4\)"):
        opened.decode(z)


@pytest.mark.parametrize("z", ["1, 2, 3, 4", [[1, 2, 3, 4], [1, 2]]], ids=["text", "ragged"])
def test_what_is_no_latent(opened, z):
    with pytest.raises(ConfigError, match=r"z: expected numbers \(N, 4\)"):
        opened.decode(z)


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline", "geodesic"])
def test_interpolate_goes_from_one_to_the_other(opened, kind):
    a, b = opened.latents(2)
    images = opened.interpolate(a, b.tolist(), 30, kind=kind)
    assert images.shape == (30, 1, 8, 8) and images.dtype == np.float32
    np.testing.assert_allclose(images[[0, -1]], opened.decode([a, b]), atol=1e-6)
    z = route(np.stack([a, b]), WalkConfig(kind=kind, loop=False), (), opened.model).at([0.5])
    np.testing.assert_allclose(opened.interpolate(a, b, 3, kind)[1:2], opened.decode(z), atol=1e-6)


@pytest.mark.parametrize(
    ("frames", "kind", "told"),
    [
        (1, "slerp", "frames: 1 is not allowed; expected a whole number of at least 2"),
        (9, "noise", "a noise walk goes to no second latent"),
        (9, "sideways", "kind"),
    ],
)
def test_interpolations_that_are_none(opened, frames, kind, told):
    with pytest.raises(ConfigError, match=told):
        opened.interpolate([0] * 4, [1] * 4, frames, kind)


def test_interpolate_is_between_two(opened):
    with pytest.raises(ConfigError, match=r"expected one latent \(4,\)"):
        opened.interpolate(opened.latents(2), opened.latents(1), 5)


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline", "geodesic", "noise"])
def test_a_walk_is_the_latents_of_a_film(opened, kind):
    keys = opened.latents(3)
    z = opened.walk(keys, kind=kind, seconds=0.4, fps=10, legs=3)
    config = WalkConfig(kind=kind, seconds=0.4, fps=10, legs=3)
    assert z.dtype == np.float32 and z.shape == (len(frames(3, config)), 4) == (12, 4)
    assert np.array_equal(z[0], keys[0])
    if kind != "noise":
        assert np.array_equal(z[[0, 4, 8]], keys)
    assert opened.decode(z).shape == (12, 1, 8, 8)


def test_walks_that_are_none(opened):
    with pytest.raises(ConfigError, match="keyframes: 1 is not enough"):
        opened.walk(opened.latents(1))
    with pytest.raises(ConfigError, match="speed"):
        opened.walk(opened.latents(2), speed=3)


def test_a_walk_becomes_a_film(opened, tmp_path):
    walk = opened.walk(opened.latents(2), seconds=0.5, fps=10)
    opened.film(tmp_path / "walk.mp4", walk, fps=10, side=64)
    with av.open(str(tmp_path / "walk.mp4")) as film:
        assert len(list(film.decode(video=0))) == len(walk) == 10


def test_where_no_run_is(tmp_path):
    with pytest.raises(RunError, match="nothing"):
        latentlab.open_run(tmp_path / "nothing")


def test_a_notebook_needs_no_torch_of_its_own(opened):
    """The lines of the README, in a fresh Python that imports latentlab and nothing else."""
    code = f"""
import sys, latentlab
assert "torch" not in sys.modules and "numpy" not in sys.modules
run = latentlab.open_run({str(opened.folder.path)!r})
a, b = run.latents(2)
for made in (run.sample(16, seed=0), run.decode(a), run.encode(run.decode(b)), run.interpolate(a, b, 30)):
    assert type(made).__module__ == "numpy" and made.dtype.name == "float32"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
