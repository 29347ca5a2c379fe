"""``export``, ``import``, ``history``, walks of every kind, and what ``info`` tells of a picture."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from latentlab import open_run
from latentlab.export.state import read_state
from latentlab.latent import bookmarks
from latentlab.run.grids import GRIDS


def marked(run: Path, *names: str) -> np.ndarray:
    """Give a run bookmarks -> their latents."""
    z = np.random.default_rng(0).standard_normal((len(names), 4), dtype=np.float32)
    bookmarks.save(run / bookmarks.FILE, [bookmarks.Bookmark(*both) for both in zip(names, z, strict=True)])
    return z


@pytest.mark.parametrize("what", list(GRIDS))
def test_every_grid_leaves_with_its_latents(call, copied, what):
    marked(copied, "a", "b", "c", "d")
    told = call("export", copied, what, "-o", "g.png", "--seed", 3, "--json").json
    with Image.open("g.png") as image:
        assert image.size == (told["width"], told["height"])
    state = read_state("g.png")
    assert (state.source, state.step, state.fingerprint) == (what, 20, open_run(copied).folder.fingerprint)
    assert (state.rows, state.columns) == (told["rows"], told["columns"])
    assert state.present().tobytes() == open_run(copied).latents(1, 3)[0].tobytes()
    assert len(state.tiles()) == (0 if what == "history" else state.rows * state.columns)


def test_settings_of_grid_and_layout(call, copied):
    words = [
        "grid.along=0,3",
        "grid.rows=3",
        "grid.columns=4",
        "layout.labels=both",
        "layout.caption=Zwei Achsen",
    ]
    told = call("export", copied, "sweep", "-o", "s.pdf", "--scale", 3, "--set", *words, "--json").json
    assert (told["rows"], told["columns"], told["scale"]) == (3, 4, 3)
    assert told["width"] > 4 * 24 + 3 * 2 + 4 and told["height"] > 3 * 24 + 2 * 2 + 4
    assert Path("s.pdf").read_bytes().startswith(b"%PDF-")


def test_without_a_state_nothing_is_told(call, copied):
    assert call("sample", copied, "--no-state", "-o", "g.png").code == 0
    assert read_state("g.png") is None
    with Image.open("g.png") as image:
        assert image.info == {} or "latentlab" not in image.info


def test_an_old_file_is_replaced_and_that_is_said(call, copied):
    assert "replaced" not in call("sample", copied, "-o", "g.png").out
    assert "g.png (replaced)" in call("sample", copied, "-o", "g.png").out


def test_what_a_picture_tells(call, copied):
    call("sample", copied, "--grid", "2x3", "--seed", 7, "--truncation", 0.8, "-o", "g.webp")
    told = call("info", "g.webp", "--json").json
    assert (told["kind"], told["source"], told["seeds"]) == ("picture", "seeds", list(range(7, 13)))
    assert told["found"] == str(copied) and told["truncation"] == 0.8
    z = open_run(copied).latents(6, 7, 0.8)
    assert np.float32(told["latents"]).tobytes() == z.tobytes()
    text = call("info", "g.webp").out
    assert "Seeds: 7 to 12, truncation 0.8" in text and "Again: latentlab sample" in text
    again = re.search(r"Again: latentlab (.*)", text)[1].split()
    assert call(*again).code == 0
    with Image.open("g.webp") as before, Image.open("again.png") as after:
        assert np.array_equal(np.asarray(before.convert("L")), np.asarray(after))


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg"])
def test_a_picture_of_anybody_s_tells_nothing(refused, tmp_path, name):
    Image.new("L", (8, 8)).save(tmp_path / name)
    refused(name, "does not tell where it came from")("info", tmp_path / name)


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline", "geodesic", "noise"])
def test_walks_of_every_kind(call, copied, kind):
    told = call(
        "interpolate", copied, "--through", "3,8,5", "--path", kind, "--loop", "--fps", 10, "--seconds", 1,
        "--set", "walk.legs=3", "-o", "w.apng", "--json",
    ).json  # fmt: skip
    assert (told["frames"], told["path"], told["loop"], told["keyframes"]) == (30, kind, True, 3)
    with Image.open("w.apng") as film:
        assert film.n_frames == 30
        first = np.asarray(film.convert("L"))
    run = open_run(copied)
    expected = run.pixels(run.latents(1, 3))[0, 0].repeat(16, 0).repeat(16, 1)
    assert np.abs(first.astype(int) - expected).max() <= 1


def test_a_film_in_any_size_smooth_or_not(call, copied):
    arguments = ("--frames", 5, "--side", 101, "--smooth", "--set", "easing=in-out", "-o", "w.mp4", "--json")
    told = call("interpolate", copied, *arguments).json
    assert (told["width"], told["height"], told["easing"]) == (101, 101, "in-out")
    with av.open("w.mp4") as film:
        frames = list(film.decode(video=0))
    assert len(frames) == 5 and (frames[0].width, frames[0].height) == (102, 102)  # sides are even


def test_a_walk_through_bookmarks(call, copied, refused):
    refused("bookmarks", "none")("interpolate", copied, "--through", "bookmarks")
    marked(copied, "smile", "frown")
    told = call("interpolate", copied, "--through", "bookmarks", "--frames", 4, "--json").json
    assert (told["bookmarks"], told["keyframes"]) == (["smile", "frown"], 2)


def test_the_training_as_a_film_and_as_a_strip(call, copied):
    call("resume", copied, "--steps", 10)
    told = call("history", copied, "-o", "h.gif", "--seconds", 1, "--fps", 5, "--json").json
    assert (told["first"], told["last"]) == (0, 30)
    with Image.open("h.gif") as film:
        assert film.n_frames == 5 + 8  # the last is held
    strip = call("history", copied, "-o", "h.png", "--stages", 3, "--columns", 5, "--json").json
    assert (strip["rows"], strip["columns"]) == (3, 5)


def test_curves_as_numbers_picture_and_drawing(call, copied, refused):
    assert call("export", copied, "curves", "-o", "c.csv").code == 0
    with Path("c.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps, values = open_run(copied).folder.read_metrics()["kl"]
    assert [float(row["kl"]) for row in rows if row["kl"]] == values.tolist() and len(steps) == len(values)
    words = ["series=kl,neg_elbo", "smoothing=0", "width=400", "height=300"]
    assert call("export", copied, "curves", "-o", "c.png", "--set", *words).code == 0
    with Image.open("c.png") as image:
        assert image.width == 2 * (400 + 24)
    assert call("export", copied, "curves", "-o", "c.svg", "--set", *words).code == 0
    drawn = "".join(ElementTree.parse("c.svg").getroot().itertext())
    assert "KL" in drawn and "Reconstruction" not in drawn
    refused("c.bmp", ".csv, .png or .svg")("export", copied, "curves", "-o", "c.bmp")
    refused("nonsense", "kl")("export", copied, "curves", "-o", "c.csv", "--set", "series=nonsense")


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_bookmarks_leave_and_come_back_to_the_last_bit(call, copied, trained, tmp_path, refused, ending):
    refused("no bookmarks")("export", copied, "bookmarks", "-o", f"b.{ending}")
    z = marked(copied, "lächeln", "frown")
    told = call("export", copied, "bookmarks", "-o", f"b.{ending}", "--json").json
    assert (told["count"], told["size"]) == (2, 4)
    (copied / bookmarks.FILE).unlink()
    marked(copied, "there already")
    told = call("import", f"b.{ending}", "--into", copied, "--json").json
    assert (told["added"], told["bookmarks"]) == (2, 3)
    found = bookmarks.load(copied / bookmarks.FILE, 4)
    assert [mark.name for mark in found[1:]] == ["lächeln", "frown"]
    assert np.stack([mark.z for mark in found[1:]]).tobytes() == z.tobytes()
    call("sample", copied, "--latents", f"b.{ending}", "-o", "g.png")
    assert read_state("g.png").tiles().tobytes() == z.tobytes()
    refused("--into")("import", f"b.{ending}")


def test_latents_of_a_picture_become_bookmarks(call, copied):
    call("sample", copied, "--grid", "1x2", "--seed", 5, "-o", "g.png")
    assert call("import", "g.png", "--into", copied).code == 0
    found = bookmarks.load(copied / bookmarks.FILE, 4)
    assert [mark.name for mark in found] == ["seed 5", "seed 6"]
    assert np.stack([mark.z for mark in found]).tobytes() == open_run(copied).latents(2, 5).tobytes()


def test_encodings_as_json(call, copied, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)).save(tmp_path / "i.png")
    assert call("encode", copied, tmp_path / "i.png", "-o", "z.json").code == 0
    content = json.loads(Path("z.json").read_text())
    assert content["run"] == copied.name and content["step"] == 20 and len(content["bookmarks"]) == 1


@pytest.mark.parametrize("part", ["decoder", "encoder"])
def test_the_model_as_onnx(call, copied, part):
    told = call("export", copied, part, "-o", "m.onnx", "--json").json
    assert 0 <= told["difference"] <= 1e-4
    run, session = open_run(copied), onnxruntime.InferenceSession("m.onnx")
    z = run.latents(3)
    given, expected = (z, run.decode(z)) if part == "decoder" else (run.decode(z), run.encode(run.decode(z)))
    (found,) = session.run(None, {session.get_inputs()[0].name: given})
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weights_come_in_as_a_run(call, copied, tmp_path, refused):
    nets = open_run(copied).model.nets
    state = {f"{net}.{name}": t for net in nets for name, t in nets[net].state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pth")
    refused("--model")("import", tmp_path / "w.pth")
    told = call(
        "import", tmp_path / "w.pth", "--model", "vae-mlp", "--size", 8, "--channels", 1, "--out",
        tmp_path / "came", "--set", "latent_size=4", "width=32", "--json",
    ).json  # fmt: skip
    assert told["image_shape"] == [1, 8, 8] and not told["unused"] and not told["left"]
    z = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(open_run(tmp_path / "came").decode(z), open_run(copied).decode(z))
    assert call("sample", tmp_path / "came", "-o", "g.png").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "RUN", "nonsense", "-o", "g.png"], ["nonsense", "sweep", "decoder"]),
        (["export", "RUN", "sweep", "-o", "g.gif"], [".gif", ".png"]),
        (["export", "RUN", "sweep", "-o", "g.png", "--set", "grid.rows=1"], ["grid.rows", "2 to 1000"]),
        (["export", "RUN", "sweep", "-o", "g.png", "--set", "grid.along=0"], ["along", "goes along 2"]),
        (["export", "RUN", "sweep", "-o", "g.png", "--set", "colour=red"], ["colour"]),
        (["export", "RUN", "traversal", "-o", "g.png", "--set", "along=smile"], ["smile", "directions"]),
        (["export", "RUN", "seeds", "-o", "g.png", "--set", "rows=1000", "columns=1000"], ["20,000"]),
        (["export", "RUN", "bookmarks", "-o", "g.png"], ["no bookmarks"]),
        (["export", "RUN", "decoder", "-o", "g.pt"], [".pt", ".onnx"]),
        (["export", "RUN", "sweep"], ["--out"]),
        (["interpolate", "RUN", "--set", "walk.easing=hop"], ["easing", "hop", "in-out"]),
        (["interpolate", "RUN", "--through", "3,x"], ["3,x", "seeds"]),
        (["import", "none.npz", "--into", "RUN"], ["none.npz", "No such file"]),
        (["import", "none.pth", "--model", "dcgan"], ["none.pth"]),
        (["history", "RUN", "-o", "h.avi"], [".avi", ".gif"]),
    ],
    ids=lambda v: " ".join(v[:5]) if v and v[0] in ("export", "interpolate", "import", "history") else "",
)
def test_mistakes(refused, copied, arguments, words):
    refused(*words)(*(copied if a == "RUN" else a for a in arguments))
