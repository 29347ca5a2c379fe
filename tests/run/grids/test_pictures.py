"""Grids from Python, and the way from a picture back to its run."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import ConfigError, ExportError
from latentlab.export.layout import Layout
from latentlab.export.state import read_state
from latentlab.latent import bookmarks, samplers
from latentlab.run import grids, open_run, pictures


@pytest.fixture
def run(subject, tmp_path):
    """A copy of a run, in which files may be written."""
    shutil.copytree(subject("vae").run.folder.path, tmp_path / "runs" / "mine")
    return open_run(tmp_path / "runs" / "mine")


def test_a_grid_from_python_is_that_of_the_window(run):
    values, layout = {"rows": 2, "columns": 3, "seed": 4}, {"labels": "both", "scale": 3}
    grid = grids.make("seeds", values, run.model, grids.Material(run.folder))
    assert np.array_equal(run.grid("seeds", layout=layout, **values), grids.compose(grid, Layout(**layout)))


def test_a_grid_is_written_with_its_state(run, tmp_path):
    z = np.float32([0.5, -1, 2, 1 / 3])
    wanted = {"along": "1,3", "columns": 3}
    run.save_grid(tmp_path / "grid.png", "traversal", z, {"scale": 2}, **wanted)
    with Image.open(tmp_path / "grid.png") as image:
        assert np.array_equal(np.asarray(image), run.grid("traversal", z, {"scale": 2}, **wanted))
    state = read_state(tmp_path / "grid.png")
    assert state.settings["along"] == "1,3" and state.settings["extent"] == 3.0 and state.layout["scale"] == 2
    assert state.present().tobytes() == z.tobytes() and state.tiles().shape == (6, 4)


def test_without_a_latent_it_starts_at_the_mean(run):
    wanted = {"rows": 1, "columns": 1, "layout": {"border": 0}}
    assert np.array_equal(run.grid("view", **wanted), run.pixels(samplers.mean(run.model))[0, 0])


def test_bookmarks_are_those_of_the_run(run):
    with pytest.raises(ConfigError, match="There are no bookmarks yet"):
        run.grid("bookmarks")
    kept = [bookmarks.Bookmark("here", np.float32([1, 2, 3, 4]))]
    bookmarks.save(run.folder.path / bookmarks.FILE, kept)
    assert np.array_equal(run.grid("bookmarks", layout={"border": 0}), run.pixels(kept[0].z)[0, 0])


def test_points_stand_on_grey(subject):
    run = subject("points").run
    assert run.grid(rows=1, columns=2)[0, 0] == 0x40
    assert run.grid(rows=1, columns=2, layout={"background": "#000000"})[0, 0] == 0


def test_what_cannot_be_written_is_told_before_anything_is_decoded(run, tmp_path, monkeypatch):
    monkeypatch.setattr(type(run.model), "decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ExportError, match=r"grid\.xyz: the name ends in '\.xyz'"):
        run.save_grid(tmp_path / "grid.xyz")
    with pytest.raises(ExportError, match="The picture would be"):
        run.grid(rows=100, columns=100, layout={"scale": 64})
    with pytest.raises(ConfigError, match=r"layout\.scale: 0 is not allowed"):
        run.grid(layout={"scale": 0})
    with pytest.raises(ConfigError, match="seeds has no setting 'row'"):
        run.grid(row=3)


@pytest.fixture
def state(run, tmp_path):
    run.save_grid(tmp_path / "one.png", rows=1, columns=1)
    return read_state(tmp_path / "one.png")


def test_a_run_is_found_among_folders_and_in_them(state, run, tmp_path):
    mine = run.folder.path
    assert pictures.find_run(state, [mine]) == mine
    assert pictures.find_run(state, [tmp_path / "gone", mine.parent]) == mine
    renamed = mine.rename(mine.parent / "renamed")
    assert pictures.find_run(state, [mine.parent]) == renamed


def test_what_is_no_run_or_another_is_passed_over(state, run, subject, tmp_path):
    mine, other = run.folder.path, subject("gan").run.folder.path
    (mine.parent / "a file").write_text("x")
    for name, text in (("broken", "{"), ("later", '{"format": 99}')):
        (mine.parent / name).mkdir()
        (mine.parent / name / "run.json").write_text(text)
    shutil.copytree(other, mine.parent / "another")
    assert pictures.find_run(state, [mine.parent]) == mine
    shutil.rmtree(mine)
    assert pictures.find_run(state, [mine.parent, tmp_path / "one.png"]) is None
    assert pictures.find_run(state, []) is None
