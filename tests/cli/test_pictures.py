"""``sample``, ``traverse`` and ``interpolate``."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab import open_run


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize(("rows", "columns", "scale"), [(2, 3, 1), (1, 1, 4), (3, 5, 2)])
def test_size_of_a_grid(call, trained, rows, columns, scale):
    told = call(
        "sample", trained, "--grid", f"{rows}x{columns}", "--scale", scale, "-o", "g.png", "--json"
    ).json
    assert (told["width"], told["height"]) == (columns * (8 * scale + 2) + 2, rows * (8 * scale + 2) + 2)
    assert pixels("g.png").shape == (told["height"], told["width"])
    assert (told["output"], told["step"]) == (str(Path("g.png").absolute()), 20)


def test_defaults(call, trained):
    result = call("sample", trained)
    assert result.code == 0 and "grid.png" in result.out
    assert pixels("grid.png").shape == (8 * 10 + 2, 8 * 10 + 2)


def test_the_same_again_to_the_byte(call, trained):
    for name in ("a.png", "b.png"):
        assert call("sample", trained, "--seed", 5, "-o", name).code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    call("sample", trained, "--seed", 6, "-o", "c.png")
    assert Path("a.png").read_bytes() != Path("c.png").read_bytes()


def test_tile_i_is_seed_s_plus_i(call, trained):
    told = call("sample", trained, "--seed", 7, "--grid", "2x2", "-o", "g.png", "--json").json
    assert told["seeds"] == [7, 8, 9, 10]
    run, grid = open_run(trained), pixels("g.png")
    for i in range(4):
        top, left = 2 + 10 * (i // 2), 2 + 10 * (i % 2)
        alone = run.pixels(run.latents(1, seed=7 + i))[0, 0]
        # One image alone may take another path through the CPU's kernels: a rounding apart at most.
        assert np.abs(grid[top : top + 8, left : left + 8].astype(int) - alone).max() <= 1


def test_truncation_0_shows_the_mean(call, trained):
    call("sample", trained, "--truncation", 0, "--grid", "1x2", "-o", "g.png")
    grid = pixels("g.png")
    assert np.abs(grid[2:10, 2:10].astype(int) - grid[2:10, 12:20]).max() <= 1


def test_jpeg(call, trained):
    assert call("sample", trained, "-o", "g.jpg").code == 0
    with Image.open("g.jpg") as image:
        assert image.format == "JPEG"


def test_traverse(call, trained):
    told = call("traverse", trained, "--dims", "2,0", "--steps", 5, "-o", "t.png", "--json").json
    assert (told["rows"], told["columns"], told["dims"], told["seeds"]) == (2, 5, [2, 0], [])
    grid = pixels("t.png")
    assert grid.shape == (2 * 10 + 2, 5 * 10 + 2)
    run = open_run(trained)
    z = np.zeros((1, 4), np.float32)
    z[0, 2] = -3
    assert np.abs(grid[2:10, 2:10].astype(int) - run.pixels(z)[0, 0]).max() <= 1


def test_traverse_defaults_to_all_of_few_dimensions_about_a_seed(call, trained):
    told = call("traverse", trained, "--seed", 3, "--json").json
    assert (told["rows"], told["columns"], told["seeds"]) == (4, 9, [3])
    assert Path("traversal.png").exists()


def test_interpolate_to_a_gif(call, trained):
    told = call(
        "interpolate",
        trained,
        "--from-seed",
        1,
        "--to-seed",
        2,
        "--frames",
        9,
        "--fps",
        10,
        "-o",
        "w.gif",
        "--json",
    ).json
    assert (told["frames"], told["seeds"], told["path"]) == (9, [1, 2], "slerp")
    assert (told["width"], told["height"]) == (128, 128)
    with Image.open("w.gif") as film:
        assert (film.n_frames, film.size, film.info["duration"]) == (9, (128, 128), 100)


@pytest.mark.parametrize("name", ["frames/", "frames"])
def test_interpolate_to_a_folder(call, trained, name):
    result = call("interpolate", trained, "--frames", 4, "--path", "linear", "--scale", 1, "-o", name)
    assert result.code == 0, result.err
    files = sorted(Path("frames").iterdir())
    assert [f.name for f in files] == [f"frame-{i:05d}.png" for i in range(4)]
    run = open_run(trained)
    for file, seed in ((files[0], 0), (files[-1], 1)):
        assert np.abs(pixels(file).astype(int) - run.pixels(run.latents(1, seed))[0, 0]).max() <= 1


def test_an_older_checkpoint(call, copied):
    assert call("resume", copied, "--steps", 10).code == 0
    for step in (20, 30):
        assert (
            call("sample", copied, "--checkpoint", step, "-o", f"{step}.png", "--json").json["step"] == step
        )
    assert Path("20.png").read_bytes() != Path("30.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "nowhere"], ["no run at nowhere"]),
        (["sample", "RUN", "--grid", "8"], ["--grid 8", "ROWSxCOLUMNS"]),
        (["sample", "RUN", "--grid", "0x4"], ["0x4", "1 to 1,000"]),
        (["sample", "RUN", "--grid", "1000x1000", "--scale", "64"], ["pixels", "65500"]),
        (["sample", "RUN", "--seed", "-1"], ["--seed", "'-1'", "from 0"]),
        (["sample", "RUN", "--seed", "a"], ["--seed", "'a'", "whole number"]),
        (["sample", "RUN", "--scale", "0"], ["--scale", "'0'", "1 to 64"]),
        (["sample", "RUN", "--truncation", "nan"], ["--truncation", "0 to 2"]),
        (["sample", "RUN", "--checkpoint", "7"], ["no checkpoint", "7"]),
        (["sample", "RUN", "-o", "grid.bmp"], [".bmp", ".png"]),
        (["sample", "RUN", "-o", "missing/grid.png"], ["missing", "No such file"]),
        (["sample", "RUN", "--colour"], ["--colour"]),
        (["sample"], ["RUN"]),
        (["traverse", "RUN", "--dims", "4"], ["4", "0 to 3"]),
        (["traverse", "RUN", "--dims", "0,,1"], ["0,,1", "commas"]),
        (["traverse", "RUN", "--extent", "inf"], ["--extent", "0.01 to 20"]),
        (["interpolate", "RUN", "--path", "spiral"], ["spiral", "slerp, linear"]),
        (["interpolate", "RUN", "--frames", "1"], ["--frames", "'1'", "2 to"]),
        (["interpolate", "RUN", "-o", "walk.avi"], [".avi", ".gif"]),
    ],
    ids=lambda v: " ".join(v[:4]) if v and v[0] in ("sample", "traverse", "interpolate") else "",
)
def test_mistakes(refused, trained, arguments, words):
    refused(*words)(*(trained if a == "RUN" else a for a in arguments))


def test_an_output_that_cannot_be_written(refused, trained, tmp_path):
    (tmp_path / "file").write_text("")
    refused("file", "Not a directory")("sample", trained, "-o", tmp_path / "file" / "grid.png")
    refused("file")("interpolate", trained, "-o", f"{tmp_path / 'file'}/")
