"""What every source of grids promises, for every kind of model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from latentlab.core.config import describe, parse
from latentlab.core.errors import Cancelled, ConfigError
from latentlab.core.points import picture_shape
from latentlab.export.base import write_picture
from latentlab.export.layout import Layout
from latentlab.export.state import read_state
from latentlab.latent import inversion
from latentlab.models.pixels import render
from latentlab.run import grids
from latentlab.run.grids import GRIDS, Material

KINDS = ["vae", "colour", "ae", "cvae", "cgan", "gan", "points"]
#: Small settings, and others that are not the defaults.
SETTINGS = {
    "view": [{"rows": 3, "columns": 5}, {"rows": 1, "columns": 1}, {"rows": 2, "columns": 4}],
    "seeds": [{"rows": 2, "columns": 3}, {"rows": 1, "columns": 4, "seed": 11, "truncation": 0.5}],
    "traversal": [{"rows": 2, "columns": 3}, {"along": "smile, z1, 0-1", "columns": 4, "extent": 1.5}],
    "sweep": [{"rows": 2, "columns": 3}, {"along": "1,0", "rows": 3, "columns": 2, "extent": 0.5}],
    "interpolation": [
        {"rows": 2, "columns": 3, "seed": 5},
        {"between": "bookmarks", "columns": 4, "kind": "linear"},
        {"rows": 2, "columns": 3, "kind": "spline"},
        {"rows": 1, "columns": 3, "kind": "geodesic"},
    ],
    "bookmarks": [{}, {"columns": 1}, {"columns": 3}, {"columns": 2}],
    "reconstructions": [
        {"columns": 3},
        {"columns": 2, "rows": 2, "order": "as-found", "first": 38},
        {"columns": 7, "rows": 2},
    ],
    "history": [{"rows": 2, "columns": 3}, {"rows": 9, "columns": 2, "early": True}],
}
CASES = [(source, values) for source, many in SETTINGS.items() for values in many]


@pytest.fixture(autouse=True)
def _quick_inversion(monkeypatch):
    """A search of a few steps: it is tested elsewhere."""
    whole = inversion.invert
    monkeypatch.setattr(
        inversion, "invert", lambda model, image, **more: whole(model, image, steps=3, **more)
    )


def test_the_menu_has_an_order_and_every_source_is_tested():
    assert list(GRIDS) == list(SETTINGS)
    for _, source in GRIDS.items():
        assert source.title and source.about.endswith(".")
        assert all(field.title and field.help.endswith(".") for field in describe(source.Config))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("source", "values"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_grid_is_what_it_says(subject, source, values, name):
    run, material = subject(name).run, subject(name).material
    kind = GRIDS.get(source)
    assert kind.obstacle(run.model, material) == ""
    told: list[tuple[int, int]] = []
    grid = grids.make(source, values, run.model, material, lambda done, total: told.append((done, total)))

    rows, columns = kind.size(run.model, parse(kind.Config, values, source), material)
    assert (grid.rows, grid.columns) == (rows, columns) and rows * columns - columns < len(grid.tiles)
    assert grid.tiles.dtype == np.uint8 and grid.tiles.shape[1:] == picture_shape(run.model.image_shape)
    assert len(grid.row_labels) in (0, rows) and len(grid.column_labels) in (0, columns)
    assert told and all(0 <= done <= total for done, total in told)

    wide = run.model.latent_shape[0]
    assert grid.latents.dtype == np.float32
    assert grid.latents.shape == ((0, wide) if source == "history" else (len(grid.tiles), wide))
    known = ~np.isnan(grid.latents).any(1)
    assert known.all() or source == "reconstructions"
    if known.any():
        assert np.array_equal(render(run.model, grid.latents[known]), grid.tiles[: len(known)][known])

    again = grids.make(source, values, run.model, material)
    assert np.array_equal(grid.tiles, again.tiles)
    assert grid.latents.tobytes() == again.latents.tobytes()


@pytest.mark.parametrize("source", list(SETTINGS))
@pytest.mark.parametrize("name", ["cvae", "points"])
def test_the_picture_gives_back_the_latents(subject, source, name, tmp_path):
    run, material = subject(name).run, subject(name).material
    values, layout = SETTINGS[source][0], Layout(labels="both", scale=2, caption="here")
    grid = grids.make(source, values, run.model, material)
    state = grids.state(grid, source, values, layout, run.model, material)
    write_picture(tmp_path / "grid.png", grids.compose(grid, layout), state)
    read = read_state(tmp_path / "grid.png")
    assert read is not None and read.tiles().tobytes() == grid.latents.tobytes()
    assert read.present().tobytes() == material.z.tobytes()
    assert (read.fingerprint, read.step, read.source) == (run.folder.fingerprint, 2, source)
    assert (read.rows, read.columns, read.seeds) == (grid.rows, grid.columns, tuple(grid.seeds))
    # What was read makes the same picture again.
    again = grids.make(read.source, read.settings, run.model, dataclasses.replace(material, z=read.present()))
    assert np.array_equal(grids.compose(again, Layout(**read.layout)), grids.compose(grid, layout))


@pytest.mark.parametrize("source", [source for source in SETTINGS if source != "history"])
def test_a_grid_can_be_given_up(subject, source):
    def give_up(done: int, total: int) -> None:
        raise Cancelled

    one = subject("vae")
    with pytest.raises(Cancelled):
        grids.make(source, SETTINGS[source][0], one.run.model, one.material, give_up)


@pytest.mark.parametrize(
    ("source", "start"),
    [
        ("bookmarks", "There are no bookmarks yet"),
        ("reconstructions", "There are no images to reconstruct"),
    ],
)
def test_what_is_missing_is_said(subject, source, start):
    run = subject("vae").run
    alone = Material(run.folder)
    assert GRIDS.get(source).obstacle(run.model, alone).startswith(start)
    with pytest.raises(ConfigError, match=start):
        grids.make(source, {}, run.model, alone)


@pytest.mark.parametrize("source", ["view", "seeds", "traversal", "sweep", "interpolation", "history"])
def test_the_folder_alone_suffices_for_the_others(subject, source):
    run = subject("cvae").run
    values = {**SETTINGS[source][0]}
    assert len(grids.make(source, values, run.model, Material(run.folder)).tiles)


@pytest.mark.parametrize(
    ("source", "values", "message"),
    [
        ("seeds", {"rows": 0}, "seeds.rows: 0 is not allowed"),
        ("seeds", {"rows": 1001}, "seeds.rows: 1001 is not allowed"),
        (
            "seeds",
            {"rows": 200, "columns": 101},
            "seeds: 200 × 101 images are too many; expected at most 20,000",
        ),
        ("sweep", {"along": "0"}, "along: 1 named; a sweep goes along 2."),
        ("sweep", {"along": "1,1"}, "along: z1 and z1 go the same way"),
        ("sweep", {"columns": 1}, "sweep.columns: 1 is not allowed"),
        ("traversal", {"along": "0,9"}, "along: 9 is not allowed; this latent space has dimensions 0 to 3."),
        ("traversal", {"extent": 0}, "traversal.extent: 0 is not allowed"),
        ("interpolation", {"kind": "noise"}, "interpolation.kind: 'noise' is not allowed"),
        ("history", {"stages": 3}, "history has no setting 'stages'"),
        ("grid", {}, "Unknown grid 'grid'"),
    ],
)
def test_a_wrong_setting_is_named(subject, source, values, message):
    one = subject("vae")
    with pytest.raises(ConfigError) as raised:
        grids.make(source, values, one.run.model, one.material)
    assert str(raised.value).startswith(message)


def test_a_walk_between_bookmarks_needs_two(subject):
    one = subject("vae")
    few = dataclasses.replace(one.material, bookmarks=one.material.bookmarks[:1])
    with pytest.raises(ConfigError, match="between: a walk between bookmarks needs two"):
        grids.make("interpolation", {"between": "bookmarks"}, one.run.model, few)
