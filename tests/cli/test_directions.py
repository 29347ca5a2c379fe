"""``directions``: pictures, files and tables of what a method finds."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab import data, open_run, run
from latentlab.cli import commands
from latentlab.latent.directions import Direction, saved


@pytest.fixture(scope="module")
def sprites(tmp_path_factory):
    """A run of a small dense VAE on 8×8 sprites, whose factors are known; for looking at only."""
    folder = tmp_path_factory.mktemp("sprites") / "run"
    plan = run.plan("vae-mlp", {"latent_size": 4, "width": 32}, {"steps": 400, "device": "cpu"})
    for _ in run.begin(data.load("shapes", {"size": 8, "count": 400}), plan, folder).events():
        pass
    return folder


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_row_per_direction_that_alone_changes(call, trained):
    told = call(
        "directions", trained, "--set", "count=2", "--steps", 5, "--seed", 3, "-o", "d.png", "--json"
    ).json
    assert (told["rows"], told["columns"], told["method"], told["seeds"]) == (2, 5, "pca", [3])
    assert [d["name"] for d in told["directions"]] == ["PCA 1", "PCA 2"]
    assert all(d["note"].endswith("% of variance") for d in told["directions"])
    grid = pixels("d.png")
    assert grid.shape == (2 * 10 + 2, 5 * 10 + 2)
    opened = open_run(trained)
    z = opened.latents(1, 3)[0].astype(np.float64)
    vector = opened.directions("pca", count=2)[1].vector
    expected = opened.pixels((z + (3 - z @ vector) * vector)[None])[0, 0]  # the second row's end
    assert np.abs(grid[12:20, 42:50].astype(int) - expected).max() <= 1


def test_what_is_printed(call, trained):
    result = call("directions", trained, "--method", "sefa", "--set", "count=3")
    assert result.code == 0 and Path("directions.png").exists()
    lines = result.out.splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [[str(n), "SeFa", str(n)] for n in (1, 2, 3)]
    assert lines[3].startswith("directions.png: 3×9 images")


@pytest.mark.parametrize("method", ["pca", "sefa", "local", "classes", "probe"])
def test_every_method_twice_to_the_byte(call, trained, method):
    for name in ("a", "b"):
        result = call("directions", trained, "--method", method, "-o", f"{name}.png", "--npz", f"{name}.npz")
        assert result.code == 0, result.err
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    with np.load("a.npz") as file:
        vectors, names = file["vectors"], file["names"]
        assert (
            vectors.dtype == np.float32 and vectors.shape == (len(names), 4) and str(file["method"]) == method
        )
        assert len(file["notes"]) == len(names) and file["z"].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    if method in ("classes", "probe"):
        assert set(names) == set("0123456789")


def test_settings_may_follow_one_set(call, trained):
    arguments = ["--set", "space=features", "count=2", "--set", "samples=100"]
    told = call("directions", trained, *arguments, "--json").json
    assert told["rows"] == 2
    other = call("directions", trained, "--set", "count=2", "--json").json
    assert told["directions"] != other["directions"]


def test_save_adds_to_the_run_s_own_and_replaces_the_same(call, copied):
    file = copied / saved.FILE
    saved.save(file, [Direction("mine", np.ones(4), "pca")], np.zeros((1, 4)), np.ones((2, 4)))
    for count in (2, 3):
        told = call("directions", copied, "--set", f"count={count}", "--save", "--json").json
        assert told["saved"] is True
    kept = open_run(copied).saved_directions()
    assert [d.name for d in kept.directions] == ["mine", "PCA 1", "PCA 2", "PCA 3"]
    assert (len(kept.liked), len(kept.disliked)) == (1, 2)
    assert call("directions", copied, "--method", "picks", "--json").json["directions"] == [
        {"name": "Liked", "note": "1 liked, 2 disliked"}
    ]


def test_a_run_is_left_alone_without_save(call, copied):
    before = sorted(p.name for p in copied.rglob("*"))
    assert call("directions", copied).code == 0
    assert sorted(p.name for p in copied.rglob("*")) == before


def test_against_factors(call, sprites):
    arguments = ["--method", "probe", "--against-factors"]
    told = call("directions", sprites, *arguments, "--json").json
    assert told["factors"] == ["shape", "scale", "rotation", "x", "y"]
    rows = {entry["name"]: entry for entry in told["correlations"]}
    assert {"x", "y", "scale", "z0", "z3"} <= set(rows) and len(rows) == told["rows"] + 4
    assert all(set(row["with"]) == set(told["factors"]) for row in rows.values())
    assert rows["x"]["with"]["x"] > 0.5 and abs(rows["x"]["with"]["y"]) < 0.4
    assert rows["z2"]["dim"] == 2 and rows["z2"]["KL"] > 0 and "KL" not in rows["x"]

    weights = [entry["KL"] for entry in told["correlations"] if "dim" in entry]
    assert weights == sorted(weights, reverse=True)

    lines = call("directions", sprites, *arguments).out.splitlines()
    head = next(line for line in lines if line.split()[:1] == ["shape"])
    assert head.split() == [*told["factors"], "KL"]
    cells = next(line.split() for line in lines if line.startswith("z2 "))
    assert cells[:4] == ["z2"] + [
        f"{round(rows['z2']['with'][name], 2) + 0.0:.2f}" for name in told["factors"][:3]
    ]
    assert float(cells[-1]) == pytest.approx(rows["z2"]["KL"], rel=1e-2)


def test_factors_of_other_data(call, trained, refused):
    told = call("directions", trained, "--data", "shapes", "--against-factors", "--json").json
    assert "rotation" in told["factors"]
    refused("digits has no known factors")("directions", trained, "--against-factors")


def test_data_that_has_changed_is_noted(call, copied):
    info = json.loads((copied / "run.json").read_text())
    info["data"]["config"]["limit"] = 250
    (copied / "run.json").write_text(json.dumps(info))
    result = call("directions", copied, "--method", "probe")
    assert result.code == 0 and "digits is no longer what the run learned from" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["no run at nowhere"]),
        (["RUN", "--method", "pcaa"], ["'pcaa'", "did you mean pca?"]),
        (["RUN", "--set", "counts=3"], ["'counts'", "did you mean count?"]),
        (["RUN", "--set", "count"], ["--set count", "FIELD=VALUE", "space, count"]),
        (["RUN", "--set", "count=0"], ["pca.count", "from 1 to 100"]),
        (["RUN", "--set", "space=sky"], ["pca.space", "outputs, features"]),
        (["RUN", "count=2"], ["'count=2'", "--set"]),
        (["RUN", "--method", "picks"], ["0 liked and 0 disliked", "at least 1"]),
        (["RUN", "--method", "probe", "--data", "missing"], ["missing"]),
        (["RUN", "--npz", "d.txt"], ["d.txt", ".npz"]),
        (["RUN", "-o", "d.bmp"], [".bmp"]),
        (["RUN", "--steps", "1"], ["--steps", "2 to"]),
        (["RUN", "--checkpoint", "7"], ["no checkpoint", "7"]),
    ],
    ids=lambda v: " ".join(v[1:3]),
)
def test_mistakes(refused, trained, arguments, words):
    refused(*words)("directions", *(trained if a == "RUN" else a for a in arguments))
    assert not Path("directions.png").exists()


def test_a_damaged_file_of_kept_directions_is_told(refused, copied):
    (copied / saved.FILE).write_text("{}")
    refused(saved.FILE, "format None")("directions", copied)


def test_files_that_cannot_be_written(call, trained, tmp_path):
    result = call("directions", trained, "--npz", tmp_path / "missing" / "d.npz")
    assert result.code == 1 and result.err.count("\n") == 1 and "No such file" in result.err


def test_it_is_a_command():
    assert "directions" in {command.name for command in commands.app.registered_commands}
