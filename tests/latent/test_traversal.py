"""Traversals and neighbourhoods: which numbers move, and where to."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.traversal import along, around, in_plane, moved, plane, traverse, unit

Z = np.float32([0.1, 0.2, 0.3, 0.4])


def test_a_traversal_varies_one_dimension_a_row_and_holds_the_others():
    rows = traverse(Z, [2, 0], steps=5, extent=2)
    assert rows.shape == (2, 5, 4) and rows.dtype == np.float32
    for row, dim in zip(rows, (2, 0), strict=True):
        assert row[:, dim].tolist() == [-2, -1, 0, 1, 2]
        others = [d for d in range(4) if d != dim]
        assert (row[:, others] == Z[others]).all()


def test_a_traversal_leaves_the_latent_alone_and_may_be_empty():
    z = Z.copy()
    traverse(z, [0, 1])
    around(z, unit(0, 4), unit(1, 4))
    assert np.array_equal(z, Z)
    assert traverse(z, [], steps=3).shape == (0, 3, 4)


def test_a_neighbourhood_is_a_plane_with_the_latent_in_its_middle():
    tiles = around(Z, unit(1, 4), unit(3, 4), side=3, step=0.5)
    assert tiles.shape == (9, 4) and tiles.dtype == np.float32
    assert np.array_equal(tiles[4], Z)
    grid = tiles.reshape(3, 3, 4)
    np.testing.assert_allclose(grid[:, 0, 1], [-0.3, 0.2, 0.7], rtol=1e-6)  # the first grows downwards
    np.testing.assert_allclose(grid[0, :, 3], [-0.1, 0.4, 0.9], rtol=1e-6)  # the second to the right
    assert (grid[..., [0, 2]] == Z[[0, 2]]).all()
    assert (grid[:, 1, 3] == Z[3]).all() and (grid[1, :, 1] == Z[1]).all()


@pytest.mark.parametrize("dim", [-1, 4])
def test_a_dimension_that_is_not_there_is_refused(dim):
    message = rf"^dims: {dim} is not allowed; this latent space has dimensions 0 to 3\.$"
    with pytest.raises(ConfigError, match=message):
        traverse(Z, [0, dim])
    with pytest.raises(ConfigError, match=message):
        unit(dim, 4)


def test_one_step_is_no_traversal():
    with pytest.raises(
        ConfigError, match=r"^steps: 1 is not allowed; expected a whole number of at least 2\.$"
    ):
        traverse(Z, [0], steps=1)


def test_along_a_direction_the_latent_lies_where_it_was_told_to_and_nothing_else_moves():
    direction = np.float32([0.6, 0, 0, 0.8])
    across = np.float32([-0.8, 0, 0, 0.6])
    (row,) = along(Z, [direction], steps=5, extent=2)
    assert row.dtype == np.float32
    np.testing.assert_allclose(row @ direction, [-2, -1, 0, 1, 2], atol=1e-6)
    np.testing.assert_allclose(row @ across, np.full(5, Z @ across), atol=1e-6)
    assert (row[:, 1:3] == Z[1:3]).all()


def test_a_dimension_is_the_direction_of_its_unit_vector_and_keeps_its_value_exactly():
    assert np.array_equal(along(Z, [unit(2, 4)]), traverse(Z, [2]))
    assert moved(Z, unit(1, 4), 0.1)[1] == np.float32(0.1)


def test_a_plane_covers_both_directions_from_end_to_end():
    grid = plane(Z, unit(0, 4), unit(3, 4), side=3, extent=1.5).reshape(3, 3, 4)
    assert grid[:, 0, 0].tolist() == [-1.5, 0, 1.5] and grid[0, :, 3].tolist() == [-1.5, 0, 1.5]
    assert (grid[..., 1:3] == Z[1:3]).all()


@pytest.mark.parametrize("skew", [0.0, 0.3, -0.8])
def test_a_place_in_a_plane_lies_where_it_is_said_along_both_axes(skew):
    first = np.float32([1, 0, 0])
    second = np.float32([skew, np.sqrt(1 - skew**2), 0])
    z = np.float32([0.4, -1.2, 2.5])
    found = in_plane(z, first, second, -1.5, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose([found @ first, found @ second, found[2]], [-1.5, 2, 2.5], rtol=1e-5)
