"""``encode``, and ``sample`` and ``interpolate`` with ``--latents``."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab import data, open_run, run
from latentlab.latent.files import load_latents, save_latents
from latentlab.latent.inversion import psnr


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def gan(tmp_path_factory):
    """A run of a small dense GAN on the same digits; for looking at only."""
    folder = tmp_path_factory.mktemp("gan") / "run"
    plan = run.plan("mlp-gan", {"latent_size": 4, "width": 8}, {"steps": 5, "device": "cpu"})
    for _ in run.begin(data.load("digits", {"limit": 300}), plan, folder).events():
        pass
    return folder


@pytest.fixture
def images(tmp_path):
    """Three digits as files in a folder, and their pixels."""
    tiles = data.load("digits", {"limit": 3}).images
    folder = tmp_path / "images"
    folder.mkdir()
    for name, tile in zip("abc", tiles, strict=True):
        Image.fromarray(tile[0]).save(folder / f"{name}.png")
    return folder, tiles


def test_a_vae_encodes(call, trained, images):
    folder, tiles = images
    result = call("encode", trained, folder / "b.png", folder / "a.png", "-o", "z.npz", "--json")
    assert result.code == 0, result.err
    told = result.json
    model = open_run(trained)
    expected = model.encode(tiles[[1, 0]])
    np.testing.assert_allclose(load_latents("z.npz", 4), expected, atol=1e-5)
    with np.load("z.npz") as held:
        assert held["names"].tolist() == [str(folder / "b.png"), str(folder / "a.png")]
        assert (str(held["run"]), int(held["step"])) == ("run", 20)
    assert (told["count"], told["size"], told["step"]) == (2, 4, 20)
    assert told["output"] == str(Path("z.npz").absolute()) and "picture" not in told
    figures = [psnr(model.pixels(z)[0], tile) for z, tile in zip(expected, tiles[[1, 0]], strict=True)]
    np.testing.assert_allclose([image["psnr"] for image in told["images"]], figures, atol=0.1)


def test_what_people_are_told(call, trained, images):
    result = call("encode", trained, images[0] / "a.png")
    lines = result.out.splitlines()
    assert "a.png: PSNR " in lines[0] and lines[0].endswith(" dB")
    assert lines[1].startswith("latent.npz: 1 latent of 4 numbers, median PSNR ") and "encoder" in lines[1]
    assert load_latents("latent.npz").shape == (1, 4)


def test_a_gan_searches_and_says_how_far_it_is(call, gan):
    model = open_run(gan)
    for seed in (1000, 1001):
        Image.fromarray(model.pixels(model.latents(1, seed))[0, 0]).save(f"{seed}.png")
    told = call("encode", gan, "1000.png", "1001.png", "--steps", 40, "-o", "z.npz", "--json").json
    for image, z, seed in zip(told["images"], load_latents("z.npz", 4), (1000, 1001), strict=True):
        assert image["psnr"] is None or image["psnr"] > 40
        assert psnr(model.pixels(z)[0], pixels(f"{seed}.png")[None]) > 40
    result = call("encode", gan, "1000.png", "--steps", 40)
    assert "search of 40 steps" in result.out


def test_a_folder_is_its_images_and_what_is_damaged_is_left_out(call, trained, images):
    folder, tiles = images
    (folder / "broken.png").write_text("nothing")
    result = call("encode", trained, folder, "--json")
    assert [Path(image["name"]).name for image in result.json["images"]] == ["a.png", "b.png", "c.png"]
    assert result.err.startswith("Left out 1 of 4: ") and result.err.count("\n") == 1
    np.testing.assert_allclose(load_latents("latent.npz"), open_run(trained).encode(tiles), atol=1e-5)


def test_a_folder_whose_images_are_all_damaged(call, trained, images):
    folder, _ = images
    for file in folder.iterdir():
        file.write_text("nothing")
    result = call("encode", trained, folder)
    assert result.code == 2 and result.err.startswith("Left out 3 of 3: ")
    assert result.err.splitlines()[1:] == [f"Error: No readable image in {folder}."]


def test_an_idx_file_is_its_images(call, trained, images):
    folder, tiles = images
    file = folder.parent / "three-images-idx3-ubyte"
    file.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 3, 8, 8) + tiles.tobytes())
    told = call("encode", trained, file, "--json").json
    assert [image["name"] for image in told["images"]] == [f"{file}/#{i}" for i in range(3)]
    np.testing.assert_allclose(load_latents("latent.npz"), open_run(trained).encode(tiles), atol=1e-5)


def test_the_picture_has_originals_over_reconstructions(call, trained, images):
    folder, tiles = images
    files = [folder / name for name in ("a.png", "b.png", "c.png")]
    told = call("encode", trained, *files, "--picture", "p.png", "--scale", 2, "--json").json
    assert told["picture"] == str(Path("p.png").absolute())
    grid = pixels("p.png")
    assert grid.shape == (2 * 18 + 2, 3 * 18 + 2)
    model = open_run(trained)
    decoded = model.pixels(load_latents("latent.npz"))
    for row, shown in enumerate((tiles, decoded)):
        for column in range(3):
            top, left = 2 + 18 * row, 2 + 18 * column
            assert np.array_equal(grid[top : top + 16 : 2, left : left + 16 : 2], shown[column, 0])

    call("encode", trained, *files * 6, "--picture", "many.png")  # 18: sixteen, and two below
    grid = pixels("many.png")
    assert grid.shape == (4 * 10 + 2, 16 * 10 + 2)
    assert np.array_equal(grid[22:30, 2:10], tiles[16 % 3, 0]) and not grid[22:, 22:].any()


def test_an_image_of_another_size_is_brought_to_the_run_s(call, trained):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save("photo.jpg")
    assert call("encode", trained, "photo.jpg").code == 0


def test_latents_go_back_to_pictures(call, trained, images):
    call("encode", trained, images[0], "-o", "z.npz")
    told = call("sample", trained, "--latents", "z.npz", "-o", "g.png", "--json").json
    assert (told["rows"], told["columns"], told["count"], told["seeds"]) == (2, 2, 3, [])
    assert told["latents"] == str(Path("z.npz").absolute()) and "truncation" not in told
    grid = pixels("g.png")
    assert grid.shape == (2 * 10 + 2, 2 * 10 + 2) and not grid[12:, 12:].any()
    expected = open_run(trained).pixels(load_latents("z.npz"))
    for i in range(3):
        top, left = 2 + 10 * (i // 2), 2 + 10 * (i % 2)
        assert np.array_equal(grid[top : top + 8, left : left + 8], expected[i, 0])


@pytest.mark.parametrize(
    ("grid", "found"), [("1x2", (1, 2)), ("8x8", (1, 8)), ("4x2", (3, 2)), (None, (3, 3)), ("2x2", (2, 2))]
)
def test_the_grid_of_a_file_s_latents(call, trained, grid, found):
    save_latents("z.npz", np.random.default_rng(0).standard_normal((5 if grid else 7, 4)))
    arguments = ["--grid", grid] if grid else []
    told = call("sample", trained, "--latents", "z.npz", *arguments, "-o", "g.png", "--json").json
    assert (told["rows"], told["columns"]) == found
    assert pixels("g.png").shape == (found[0] * 10 + 2, found[1] * 10 + 2)


def test_a_walk_through_a_file_s_latents(call, trained):
    z = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    np.save("z.npy", z)
    told = call(
        "interpolate", trained, "--latents", "z.npy", "--frames", 5, "--scale", 1, "-o", "w/", "--json"
    ).json
    assert (told["frames"], told["seeds"]) == (5, [])
    expected = open_run(trained).pixels(z)
    for i in range(3):
        frame = pixels(f"w/frame-{2 * i:05d}.png")
        assert np.abs(frame.astype(int) - expected[i, 0]).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encode", "nowhere", "a.png"], ["no run at nowhere"]),
        (["encode", "RUN"], ["IMAGE"]),
        (["encode", "RUN", "none.png"], ["Cannot use none.png", "not a regular file"]),
        (["encode", "RUN", "."], ["No image in"]),
        (["encode", "RUN", "z.npz"], ["z.npz is 2 × 5, but images are"]),
        (["encode", "RUN", "notes.txt"], ["Cannot use notes.txt"]),
        (["encode", "RUN", "z.npz", "-o", "z.npy"], ["'.npy'", ".npz"]),
        (["encode", "RUN", "z.npz", "--picture", "p.bmp"], [".bmp", ".png"]),
        (["encode", "RUN", "z.npz", "--steps", "0"], ["--steps", "'0'", "1 to"]),
        (["sample", "RUN", "--latents", "none.npz"], ["none.npz", "No such file"]),
        (["sample", "RUN", "--latents", "z.npz"], ["latents of 5 numbers", "this model has 4"]),
        (["interpolate", "RUN", "--latents", "one.npz"], ["one.npz", "at least two"]),
    ],
    ids=lambda v: " ".join(v[:5]) if v[0] in ("encode", "sample", "interpolate") else "",
)
def test_mistakes(refused, trained, arguments, words):
    save_latents("z.npz", np.zeros((2, 5)))
    Path("notes.txt").write_text("hello")
    save_latents("one.npz", np.zeros((1, 4)))
    refused(*words)(*(trained if a == "RUN" else a for a in arguments))


def test_an_output_that_cannot_be_written(refused, trained, images):
    refused("missing", "No such file")("encode", trained, images[0], "-o", "missing/z.npz")
