"""Clouds and their maps, against numpy's SVD, and t-SNE as a process that ends when it is told to."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from latentlab.core.errors import Cancelled, ConfigError, LatentlabError
from latentlab.data.base import Dataset
from latentlab.latent import projection, samplers, tsne
from latentlab.latent.projection import PROJECTIONS, Cloud, back, cloud, place, project
from latentlab.models.pixels import render

ROOT = Path(__file__).resolve().parents[2]


def _cloud(latents, points=None):
    latents = np.asarray(latents, np.float32)
    images = np.zeros((len(latents), 1, 8, 8), np.uint8)
    points = latents if points is None else np.asarray(points, np.float32)
    return Cloud(latents, points, None, images)


@pytest.fixture
def noise():
    """A cloud of 60 latents of 5 numbers, wide in two directions that are no axes."""
    random = np.random.default_rng(0)
    wide = np.linalg.qr(random.standard_normal((5, 5)))[0] * [5, 3, 1, 0.5, 0.1]
    return _cloud(random.standard_normal((60, 5)) @ wide.T + 2)


@pytest.fixture
def groups():
    """Three groups of 30 in ten dimensions, far apart, mixed up; with the group of each."""
    random = np.random.default_rng(1)
    which = random.permutation(np.repeat(np.arange(3), 30))
    centres = random.standard_normal((3, 10)) * 20
    return _cloud(centres[which] + random.standard_normal((90, 10))), which


# Clouds


def test_a_cloud_of_a_dataset_is_its_images_evenly_spread_and_encoded(build):
    model = build("vae-mlp")
    images = np.random.default_rng(0).integers(0, 256, (700, 1, 8, 8), dtype=np.uint8)
    told = []
    found = cloud(model, Dataset(images, "noise", "handmade"), 350, report=lambda *p: told.append(p))
    assert found.indices.tolist() == list(range(0, 700, 2))
    assert np.array_equal(found.images, images[::2])
    with model.evaluating():
        expected = model.encode(torch.from_numpy(images[::2]) / 255).numpy()
    np.testing.assert_allclose(found.latents, expected, atol=1e-5)
    assert found.points is found.latents and found.latents.dtype == np.float32
    assert told == [(0, 350), (256, 350), (350, 350)]
    assert len(cloud(model, Dataset(images[:5], "few", "handmade"), 350).latents) == 5


@pytest.mark.parametrize("key", ["mlp-gan", "dcgan", "vae-conv"])
def test_without_images_that_fit_it_is_samples_and_their_features(build, key):
    model = build(key)
    other = Dataset(np.zeros((9, 1, 8, 9), np.uint8), "oblong", "handmade")
    fitting = Dataset(np.zeros((9, 1, 8, 8), np.uint8), "square", "handmade")
    for dataset in (None, other) if model.can_encode else (None, fitting):
        found = cloud(model, dataset, 6, seed=40)
        assert found.indices is None
        assert np.array_equal(found.latents, samplers.draw(model, range(40, 46)))
        assert np.array_equal(found.images, render(model, found.latents))
        with model.evaluating():
            expected = model.features(torch.from_numpy(found.latents)).numpy()
        assert np.array_equal(found.points, expected) and found.points.dtype == np.float32


def test_a_cloud_can_be_given_up_and_is_never_empty(build):
    def report(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        cloud(build("mlp-gan"), None, 5, report=report)
    with pytest.raises(ConfigError, match=r"^limit: 0 is not allowed; expected a whole number of at least 1"):
        cloud(build("mlp-gan"), None, 0)


# Maps that are planes


def test_two_dimensions_are_the_numbers_themselves(noise):
    found = project("dimensions", noise, dims=(3, 1))
    assert np.array_equal(found.points, noise.latents[:, [3, 1]]) and found.points.flags.c_contiguous
    assert found.axes == ("z3", "z1")
    z = back(found, np.float32([0.1, -7.3]))
    assert z[[3, 1]].tolist() == np.float32([0.1, -7.3]).tolist() and z.dtype == np.float32
    np.testing.assert_allclose(z[[0, 2, 4]], noise.latents.mean(0)[[0, 2, 4]], rtol=1e-5)
    here = back(found, np.float32([0.1, -7.3]), noise.latents[9])
    assert here[[3, 1]].tolist() == np.float32([0.1, -7.3]).tolist()
    assert here[[0, 2, 4]].tolist() == noise.latents[9, [0, 2, 4]].tolist()


def test_two_dimensions_of_features_are_still_those_of_the_latents(noise):
    found = project("dimensions", _cloud(noise.latents, np.ones((60, 3))))
    assert np.array_equal(found.points, noise.latents[:, :2]) and back(found, [0, 0]) is not None


def test_a_latent_of_one_number_has_a_map():
    found = project("dimensions", _cloud([[1], [2], [3]]), dims=(0, 0))
    assert found.points.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert back(found, np.float32([2.5, 2.5])).tolist() == [2.5]
    found = project("pca", _cloud([[1], [2], [3]]))
    np.testing.assert_allclose(np.abs(found.points), [[1, 0], [0, 0], [1, 0]], atol=1e-6)
    assert found.axes == ("PC 1 (100% of variance)", "PC 2 (0% of variance)")
    np.testing.assert_allclose(back(found, found.points[2]), [3], rtol=1e-6)


def test_pca_is_numpy_s_svd(noise):
    found = project("pca", noise)
    centred = noise.latents.astype(np.float64) - noise.latents.mean(0, dtype=np.float64)
    _, values, rows = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ rows[:2].T
    signs = np.sign((found.points * expected).sum(0))
    np.testing.assert_allclose(found.points, expected * signs, atol=1e-4)
    shares = values**2 / (values**2).sum()
    assert found.axes == (f"PC 1 ({shares[0]:.0%} of variance)", f"PC 2 ({shares[1]:.0%} of variance)")


def test_back_and_place_undo_each_other(noise):
    for kind in ("dimensions", "pca"):
        found = project(kind, noise)
        np.testing.assert_allclose(place(found, noise.latents[7]), found.points[7], atol=1e-5)
        for start in (None, noise.latents[3]):
            z = back(found, np.float32([1.5, -2]), start)
            np.testing.assert_allclose(place(found, z), [1.5, -2], atol=1e-5)
        # Through a latent's own place the way back is that latent.
        np.testing.assert_allclose(
            back(found, found.points[3], noise.latents[3]), noise.latents[3], atol=1e-5
        )
    # In the plane of a cloud that is flat, every point comes back without help.
    flat = np.random.default_rng(2).standard_normal((20, 2)) @ np.random.default_rng(3).standard_normal(
        (2, 6)
    )
    found = project("pca", _cloud(flat + 1))
    np.testing.assert_allclose(back(found, found.points[4]), flat[4] + 1, atol=1e-5)


def test_maps_of_features_have_no_way_back(noise, groups):
    found = project("pca", _cloud(noise.latents[:, :3], noise.latents))
    assert back(found, [0, 0]) is None and place(found, noise.latents[0, :3]) is None
    np.testing.assert_allclose(found.points, project("pca", noise).points, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "latents", "dims", "message"),
    [
        ("umap", np.eye(9), (0, 1), r"^Unknown map 'umap': expected one of dimensions, pca, tsne\.$"),
        ("dimensions", np.eye(9), (0, 9), "^dims: 9 is not allowed; this latent space has dimensions 0 to 8"),
        ("pca", np.eye(9)[:1], (0, 1), "^The cloud has 1 images; this map needs at least 2"),
        ("tsne", np.eye(9)[:2], (0, 1), "^The cloud has 2 images; this map needs at least 3"),
        ("pca", np.full((9, 9), np.nan), (0, 1), "^The model gives numbers that are not finite"),
        ("tsne", np.ones((9, 9)), (0, 1), "^All images of the cloud have the same latent"),
    ],
)
def test_what_has_no_map_is_refused_in_a_sentence(kind, latents, dims, message):
    with pytest.raises(ConfigError, match=message):
        project(kind, _cloud(latents), dims)


# t-SNE


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made; a test asserts that none is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def children(monkeypatch):
    """The processes that are started."""
    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            started.append((self, args, more))

    monkeypatch.setattr(subprocess, "Popen", Watched)
    return started


def test_tsne_keeps_groups_apart_and_says_how_far_it_is(groups, temporary, children):
    cloud, which = groups
    told = []
    found = project("tsne", cloud, seed=3, report=lambda *progress: told.append(progress))
    assert found.points.shape == (90, 2) and found.points.dtype == np.float32
    assert found.axes == ("t-SNE 1", "t-SNE 2") and back(found, [0, 0]) is None
    distances = np.linalg.norm(found.points[:, None] - found.points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(1)[:, :10]
    assert (which[nearest] == which[:, None]).all()
    assert told[0] == (0, 1000) and told[-1] == (1000, 1000) and told == sorted(told)
    assert len({done for done, _ in told}) > 2  # steps on the way
    assert not list(temporary.iterdir()) and children[0][0].poll() == 0
    assert np.array_equal(project("tsne", cloud, seed=3).points, found.points)


@pytest.mark.parametrize("latents", [np.eye(3), [[1], [2], [4], [8]], np.eye(80) * 5], ids=["3", "1d", "80d"])
def test_tsne_of_few_points_and_of_many_dimensions(latents):
    found = project("tsne", _cloud(latents)).points
    assert found.shape == (len(latents), 2) and np.isfinite(found).all()


@pytest.mark.parametrize("after", [0.0, 1.5], ids=["at once", "while it works"])
def test_tsne_is_cancelled_within_a_second_and_leaves_nothing(temporary, children, after):
    cloud = _cloud(np.random.default_rng(0).standard_normal((6000, 40)))
    began, asked = time.monotonic(), None

    def report(done, total):
        nonlocal asked
        if time.monotonic() - began >= after:
            asked = time.monotonic()
            raise Cancelled

    with pytest.raises(Cancelled):
        project("tsne", cloud, report=report)
    assert time.monotonic() - asked < 1
    ((child, _, _),) = children
    assert child.returncode is not None and child.returncode != 0  # it was ended, not waited for
    assert not list(temporary.iterdir())


def test_the_child_inherits_no_stream_and_imports_nothing_heavy(groups, children):
    project("tsne", groups[0])
    ((_, (command,), options),) = children
    assert options["stdin"] == subprocess.PIPE and command[0] == sys.executable
    assert not {subprocess.PIPE, None} & {options["stdout"], options["stderr"]}
    tree = ast.parse(Path(tsne.__file__).read_text("utf-8"))
    modules = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert {m.split(".")[0] for m in modules} <= sys.stdlib_module_names | {"numpy", "sklearn"}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are looked up as POSIX has them")
def test_the_child_does_not_outlive_a_parent_that_is_killed(temporary):
    code = (
        "import subprocess, numpy as np\n"
        "from latentlab.latent.projection import Cloud, project\n"
        "class Telling(subprocess.Popen):\n"
        "    def __init__(self, *a, **m):\n"
        "        super().__init__(*a, **m)\n"
        "        print(self.pid, flush=True)\n"
        "subprocess.Popen = Telling\n"
        "z = np.random.default_rng(0).standard_normal((6000, 40)).astype(np.float32)\n"
        "project('tsne', Cloud(z, z, None, z))\n"
    )
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    with parent:
        child = int(parent.stdout.readline())
        time.sleep(1)
        os.kill(child, 0)  # it is there
        parent.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (_alive(child) or list(temporary.iterdir())):
        time.sleep(0.05)
    assert not _alive(child) and not list(temporary.iterdir())


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # one that nobody waits for stays as a zombie in some containers
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise ValueError('too odd.')", r"^t-SNE failed: ValueError: too odd\.$"),
        ("raise SystemExit(7)", r"^t-SNE failed: its process ended with code 7\.$"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"^t-SNE failed: .* with code -9\.$"),
    ],
)
def test_a_failure_is_told_in_a_sentence(groups, temporary, monkeypatch, program, message):
    place = temporary / "tsne.py"
    place.write_text(program)
    monkeypatch.setattr(projection, "__file__", str(temporary / "projection.py"))
    with pytest.raises(LatentlabError, match=message):
        project("tsne", groups[0])
    assert [p.name for p in temporary.iterdir()] == ["tsne.py"]


def test_an_interpreter_that_is_gone_is_told_in_a_sentence(groups, temporary, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(temporary / "none"))
    with pytest.raises(LatentlabError, match=r"^t-SNE cannot be started: No such file or directory\.$"):
        project("tsne", groups[0])
    assert not list(temporary.iterdir())


def test_every_kind_says_what_it_is():
    assert list(PROJECTIONS) == ["dimensions", "pca", "tsne"]
    assert all(kind.title and kind.about.endswith(".") for kind in PROJECTIONS.values())
