"""What each source of grids shows, tile by tile."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from latentlab.core import points
from latentlab.latent import samplers, walks
from latentlab.latent.inversion import locate
from latentlab.latent.traversal import around, plane
from latentlab.run import grids, histories


@pytest.fixture
def grid(subject):
    """grid("seeds", "vae", {"rows": 2}, z=...): of that kind of model, with other material."""

    def grid(source, name="vae", values=(), **changed):
        one = subject(name)
        return grids.make(source, dict(values), one.run.model, dataclasses.replace(one.material, **changed))

    return grid


def test_seeds_are_those_of_the_samplers(subject, grid):
    found = grid("seeds", "cgan", {"rows": 2, "columns": 3, "seed": 5, "truncation": 0.5})
    assert np.array_equal(found.latents, samplers.draw(subject("cgan").run.model, range(5, 11), 0.5))
    assert (list(found.seeds), found.truncation) == ([5, 6, 7, 8, 9, 10], 0.5)
    assert list(found.row_labels) == ["5", "8"] and list(found.column_labels) == ["+0", "+1", "+2"]


def test_a_traversal_leaves_all_else_as_in_the_present_latent(subject, grid):
    z = subject("vae").material.z
    found = grid("traversal", values={"along": "2,smile", "columns": 3, "extent": 2})
    first, second = found.latents.reshape(2, 3, 4)
    assert first[:, 2].tolist() == [-2, 0, 2]
    assert np.array_equal(np.delete(first, 2, 1), np.stack([np.delete(z, 2)] * 3))
    smile = subject("vae").material.directions[0][1]
    assert np.allclose(second @ smile, [-2, 0, 2], atol=1e-5)
    assert np.allclose(second - np.outer(second @ smile, smile), z - (z @ smile) * smile, atol=1e-5)
    assert list(found.row_labels) == ["z2", "Smile"]
    assert list(found.column_labels) == ["−2 σ", "0", "2 σ"]


def test_a_traversal_of_a_conditional_model_keeps_the_category(subject, grid):
    one = subject("cvae")
    found = grid("traversal", "cvae", {"rows": 1000, "columns": 2})
    (choice,) = one.run.model.choices
    kept = slice(choice.start, choice.stop)
    assert (found.latents[:, kept] == one.material.z[kept]).all()
    assert found.rows == len(samplers.continuous(one.run.model))


def test_a_sweep_is_the_plane(subject, grid):
    one = subject("vae")
    (down, first), (right, second) = ("z3", np.eye(4)[3]), ("z1", np.eye(4)[1])
    expected = plane(one.material.z, first, second, side=3, extent=1.5)
    values = {"rows": 3, "columns": 3, "extent": 1.5}
    for found in (
        grid("sweep", values={**values, "along": "3,1"}),
        grid("sweep", values=values, axes=((down, first), (right, second))),
    ):
        assert np.array_equal(found.latents, expected)
        assert list(found.row_labels) == ["z3 −1.5 σ", "0", "1.5 σ"]
        assert list(found.column_labels) == ["z1 −1.5 σ", "0", "1.5 σ"]


def test_the_view_is_the_neighbourhood_of_explore(subject, grid):
    one = subject("vae")
    first, second = np.eye(4, dtype=np.float32)[[2, 0]]
    axes = (("z2", first), ("z0", second))
    found = grid("view", values={"rows": 3, "columns": 3}, axes=axes, step=0.25)
    assert np.array_equal(found.latents, around(one.material.z, first, second, 3, 0.25))
    alone = grid("view", values={"rows": 1, "columns": 1}, axes=axes)
    assert np.array_equal(alone.latents, one.material.z[None])


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline"])
def test_rows_of_walks_lead_from_seed_to_seed(subject, grid, kind):
    one = subject("vae")
    found = grid("interpolation", values={"rows": 3, "columns": 5, "seed": 7, "kind": kind})
    ends = samplers.draw(one.run.model, range(7, 11))
    rows = found.latents.reshape(3, 5, 4)
    assert np.array_equal(rows[:, 0], ends[:-1]) and np.array_equal(rows[:, -1], ends[1:])
    walk = walks.route(ends, walks.WalkConfig(kind=kind, loop=False))
    assert np.array_equal(rows[1], walk.at(np.linspace(1, 2, 5)))
    assert list(found.row_labels) == ["7 → 8", "8 → 9", "9 → 10"]
    assert list(found.column_labels) == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_rows_of_walks_lead_from_bookmark_to_bookmark(subject, grid):
    marks = subject("vae").material.bookmarks
    found = grid("interpolation", values={"between": "bookmarks", "columns": 2})
    assert np.array_equal(found.latents, [marks[0].z, marks[1].z, marks[1].z, marks[2].z])
    assert list(found.row_labels) == ["mark 0 → mark 1", "mark 1 → mark 2"]


@pytest.mark.parametrize(
    ("columns", "size"), [(0, (2, 2)), (1, (3, 1)), (2, (2, 2)), (3, (1, 3)), (9, (1, 3))]
)
def test_bookmarks_stand_in_their_order(subject, grid, columns, size):
    marks = subject("vae").material.bookmarks
    found = grid("bookmarks", values={"columns": columns})
    assert (found.rows, found.columns) == size
    assert np.array_equal(found.latents, [mark.z for mark in marks])
    names = [mark.name for mark in marks]
    assert list(found.row_labels) == (names if size[1] == 1 else [])
    assert list(found.column_labels) == (names if size[0] == 1 else [])


def test_originals_stand_over_their_reconstructions(subject, grid):
    one = subject("vae")
    images = one.material.dataset.images
    found = grid("reconstructions", values={"columns": 2, "rows": 2, "order": "as-found", "first": 37})
    assert np.array_equal(
        found.tiles[[0, 1, 4, 5]], images[[37, 38, 39, 0]]
    )  # the first comes after the last
    assert np.array_equal(found.latents[[2, 3, 6, 7]], locate(one.run.model, images[[37, 38, 39, 0]]))
    assert np.isnan(found.latents[[0, 1, 4, 5]]).all()
    assert list(found.row_labels) == ["original", "reconstruction"] * 2
    one_row = grid("reconstructions", values={"columns": 3, "order": "as-found"})
    assert list(one_row.column_labels) == ["ant", "bee", "cat"]


def test_images_spread_over_what_was_held_out(subject, grid):
    data = subject("vae").material.dataset
    _, heldout = data.split(0.25, 0)
    found = grid("reconstructions", values={"columns": 4})
    assert np.array_equal(found.tiles[:4], data.images[heldout[[0, 3, 6, 9]]])
    all_of_them = grid("reconstructions", values={"columns": 100})
    assert np.array_equal(all_of_them.tiles[:10], data.images[heldout]) and all_of_them.columns == 10


def test_a_person_s_own_images_come_first(subject, grid):
    own = np.full((1, 1, 8, 8), 200, np.uint8)
    found = grid("reconstructions", images=own, image_names=("mine.png",), dataset=None)
    assert np.array_equal(found.tiles[:1], own) and list(found.column_labels) == ["mine.png"]


def test_a_last_pair_of_rows_that_is_not_full_ends_empty(grid):
    found = grid("reconstructions", values={"columns": 7, "rows": 2})  # ten are held out
    assert (found.rows, found.columns) == (4, 7)
    assert not found.tiles[[17, 20, 24, 27]].any() and found.tiles[16].any()
    assert np.isnan(found.latents[24:]).all() and not np.isnan(found.latents[21:24]).any()


def test_points_are_drawn_as_originals_too(subject, grid):
    found = grid("reconstructions", "points", {"columns": 2, "order": "as-found"})
    assert np.array_equal(found.tiles[:2], points.draw(subject("points").material.dataset.images[:2]))


def test_the_history_has_the_snapshots_of_the_fixed_latents(subject, grid):
    folder = subject("vae").run.folder
    found = grid("history", values={"rows": 2, "columns": 3})
    samples = folder.samples()
    first, last = samples[0], samples[-1]
    assert list(found.row_labels) == [f"{first[0]:,}", f"{last[0]:,}"]
    assert list(found.column_labels) == ["0", "1", "2"]
    shown = [histories.tiles_of(folder, path)[:3] for _, path in (first, last)]
    assert np.array_equal(found.tiles, np.concatenate(shown))
