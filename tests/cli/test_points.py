"""Every command on runs of points."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab import data, open_run, run
from latentlab.latent.directions import METHODS
from latentlab.latent.files import load_latents, save_latents
from latentlab.models import MODELS

DATA = {"modes": 3, "count": 400}


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def train(folder, key, **values):
    plan = run.plan(key, {"latent_size": 3, "width": 8} | values, {"steps": 5, "device": "cpu"})
    for _ in run.begin(data.load("points", DATA), plan, folder).events():
        pass
    return folder


@pytest.fixture(scope="module")
def gan(tmp_path_factory):
    return train(tmp_path_factory.mktemp("gan") / "run", "mlp-gan")


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    return train(tmp_path_factory.mktemp("vae") / "run", "vae-mlp", likelihood="gaussian")


@pytest.fixture(params=["gan", "vae"])
def either(request):
    return request.getfixturevalue(request.param)


def test_train_and_resume(call):
    settings = ["--set", "data.count=300", "distribution=moons", "width=8", "batch_size=16"]
    told = call("train", "--data", "points", "--model", "mlp-gan", "--out", "r", "--steps", 3, *settings)
    assert told.code == 0 and "300 points · two moons · 2 classes" in told.err
    told = call("resume", "r", "--steps", 2, "--json").json
    assert (told["step"], told["data"]) == (5, "two moons")
    steps, tiles = run.history(open_run("r").folder, 2, 8)
    assert tiles.shape == (len(steps) * 8, 1, 64, 64) and tiles.max() > 100


def test_models_of_images_refuse_points_in_a_sentence(call):
    keys = [key for key, kind in MODELS.items() if kind.obstacle((2, 1, 1), ("a", "b"))]
    assert "dcgan" in keys and not {"mlp-gan", "vae-mlp"} & set(keys)
    for key in keys:
        result = call("train", "--data", "points", "--set", "data.count=20", "--model", key, "--out", key)
        assert (result.code, result.out) == (2, "")
        _, error = result.err.splitlines()  # beside what was loaded
        assert error.startswith("Error: ") and key in error and "points" in error


def test_info(call, either):
    assert "points of a plane" in call("info", either).out
    told = call("info", "points", "--json").json
    assert (told["images"], told["classes"]["0°"] > 0, told["factors"]["angle"]) == (20_000, True, [0, 315])
    assert "size" not in told["settings"] and "noise" in told["settings"]


def test_a_sample_is_the_plane(call, either):
    told = call("sample", either, "--seed", 7, "--json").json
    assert (told["width"], told["height"], told["count"]) == (512, 512, 1000)
    assert told["seeds"] == list(range(7, 1007))
    picture = pixels("grid.png").astype(int)
    assert picture.shape == (512, 512, 3)
    x, y = open_run(either).sample(1, seed=20)[0, :, 0, 0]
    colour = picture[min(511, int((1 - y) * 512)), min(511, int(x * 512))]
    assert colour[2] > colour[0] + 20, "no blue dot where a sample lies"
    x, y = np.median(data.load("points", DATA).images[:, :, 0, 0], axis=0)
    grey = (picture[..., 0] == picture[..., 2]) & (picture[..., 0] > 0)
    assert grey.any(), "no data behind the samples"


def test_the_plane_of_a_file_s_latents(call, gan):
    save_latents("z.npz", np.zeros((4, 3)))
    told = call("sample", gan, "--latents", "z.npz", "--scale", 2, "--json").json
    assert (told["count"], told["seeds"], told["width"]) == (4, [], 1024)


def test_a_grid_of_dots_where_one_is_asked_for(call, either):
    told = call("sample", either, "--grid", "2x3", "-o", "g.png", "--json").json
    assert (told["rows"], told["columns"], told["width"], told["height"]) == (2, 3, 200, 134)
    grid, opened = pixels("g.png"), open_run(either)
    tiles = opened.pixels(opened.latents(6))
    assert np.abs(grid[68:132, 134:198].astype(int) - tiles[5, 0]).max() <= 8  # a dot may glide a little
    assert grid[0, 0] == grid[66, 30] == 64  # lines between the tiles


def test_traverse_and_interpolate(call, either):
    assert call("traverse", either, "--steps", 3, "-o", "t.png").code == 0
    assert pixels("t.png").shape == (3 * 66 + 2, 3 * 66 + 2)
    told = call("interpolate", either, "--frames", 3, "-o", "w.gif", "--json").json
    assert (told["width"], told["height"]) == (128, 128)
    with Image.open("w.gif") as film:
        assert film.size == (128, 128)


@pytest.mark.parametrize("method", [key for key in METHODS if key != "picks"])
def test_directions(call, either, method):
    few = ["--set", "samples=60"] if "samples" in METHODS.get(method).Config.model_fields else []
    result = call("directions", either, "--method", method, *few, "--steps", 3, "-o", "d.png", "--json")
    # What five steps taught a GAN may be one class, which the method says.
    assert result.code == 0 or "of one class" in result.err or "No class" in result.err, result.err
    if result.code == 0:
        assert pixels("d.png").shape == (result.json["rows"] * 66 + 2, 3 * 66 + 2)


def test_directions_against_the_factors_of_points(call, vae):
    told = call("directions", vae, "--method", "sefa", "--against-factors", "--json").json
    assert told["factors"] == ["angle"] and len(told["correlations"]) == 6


def test_directions_of_other_data_are_refused(refused, gan, trained):
    refused("digits holds images", "expected points")(
        "directions", gan, "--method", "probe", "--data", "digits"
    )
    refused("ring of 8 holds points", "expected images")(
        "directions", trained, "--method", "probe", "--data", "points"
    )


def test_encode_takes_points(call, either):
    told = call("encode", either, "0.3,0.75", ".5,1", "--steps", 40, "--picture", "p.png", "--json").json
    assert [image["name"] for image in told["images"]] == ["0.3,0.75", ".5,1"]
    opened, z = open_run(either), load_latents("latent.npz")
    made = opened.decode(z)[:, :, 0, 0]
    wanted = np.array([(0.3, 0.75), (0.5, 1)])
    errors = -10 * np.log10(((made - wanted) ** 2).mean(1))
    np.testing.assert_allclose([image["psnr"] for image in told["images"]], errors, atol=0.01)
    if opened.model.can_encode:
        points = wanted.astype(np.float32).reshape(2, 2, 1, 1)
        np.testing.assert_allclose(z, opened.encode(points), atol=1e-5)
    assert pixels("p.png").shape == (2 * 66 + 2, 2 * 66 + 2)


@pytest.mark.parametrize("text", ["a.png", "0.5", "0.5,1.5", "0.2,nan", "1,2,3", "0.1,0.5x"])
def test_what_is_no_point_is_refused(refused, gan, text):
    Path("a.png").write_bytes(b"")
    refused(text, "model of points", "X,Y")("encode", gan, text)


def test_a_plane_that_is_too_large_is_refused(refused, gan):
    refused("32768×32768")("sample", gan, "--scale", 64)
