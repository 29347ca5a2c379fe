"""Grids against a second way of composing them, tile by tile with Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import ExportError
from latentlab.export import compose, grid_size
from latentlab.export.grid import MAX_SIDE, split

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def _tiles(rng, count, channels, height, width):
    return rng.integers(0, 256, (count, channels, height, width), dtype=np.uint8)


def _by_hand(tiles, columns, spacing, scale, background):
    count, channels, height, width = tiles.shape
    rows = (count + columns - 1) // columns
    mode = MODES[channels]
    colour = {1: background, 3: (background,) * 3, 4: (background,) * 3 + (255,)}[channels]
    size = (columns * (width * scale + spacing) + spacing, rows * (height * scale + spacing) + spacing)
    picture = Image.new(mode, size, colour)
    for index, tile in enumerate(tiles):
        pixels = tile[0] if channels == 1 else np.ascontiguousarray(tile.transpose(1, 2, 0))
        image = Image.fromarray(pixels).resize((width * scale, height * scale), Image.Resampling.NEAREST)
        left = spacing + (index % columns) * (width * scale + spacing)
        picture.paste(image, (left, spacing + (index // columns) * (height * scale + spacing)))
    return np.asarray(picture)


@pytest.mark.parametrize("seed", range(60))
def test_a_grid_is_what_pillow_pastes_together(seed):
    rng = np.random.default_rng(seed)
    channels = int(rng.choice([1, 3, 4]))
    count, columns = int(rng.integers(1, 20)), int(rng.integers(1, 9))
    height, width = (int(n) for n in rng.integers(1, 12, 2))
    spacing, scale, background = int(rng.integers(0, 5)), int(rng.integers(1, 4)), int(rng.integers(0, 256))
    tiles = _tiles(rng, count, channels, height, width)
    picture = compose(tiles, columns, spacing, scale, background)
    assert picture.dtype == np.uint8 and picture.flags.c_contiguous
    assert np.array_equal(picture, _by_hand(tiles, columns, spacing, scale, background))


@pytest.mark.parametrize(("columns", "width", "scale"), [(8, 28, 1), (1, 8, 1), (5, 33, 3)])
def test_a_grid_is_as_wide_as_its_tiles_and_two_pixels_around_each(columns, width, scale):
    expected = columns * (width * scale + 2) + 2
    assert grid_size(4, columns, 20, width, scale=scale) == (4 * (20 * scale + 2) + 2, expected)
    picture = compose(np.zeros((4 * columns, 1, 20, width), np.uint8), columns, scale=scale)
    assert picture.shape == grid_size(4, columns, 20, width, scale=scale)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("spacing", [0, 1, 2, 5])
def test_a_full_grid_comes_apart_into_its_tiles(channels, spacing):
    tiles = _tiles(np.random.default_rng(channels), 12, channels, 9, 7)
    found = split(compose(tiles, 4, spacing), 9, 7, spacing)
    assert np.array_equal(found, tiles) and found.flags.c_contiguous


def test_tiles_that_are_missing_are_background():
    picture = compose(np.full((1, 4, 2, 2), 9, np.uint8), columns=2, spacing=1, background=50)
    assert picture.shape == (4, 7, 4)
    assert (picture[1:3, 1:3] == 9).all()
    assert (picture[:, 3:] == [50, 50, 50, 255]).all()


def test_a_grid_too_large_to_write_is_refused_before_it_takes_memory():
    tiles = np.broadcast_to(np.uint8(0), (1000, 1, 256, 256))
    with pytest.raises(
        ExportError, match=f"^The grid would be 260×258002 pixels; expected at most {MAX_SIDE} a side"
    ):
        compose(tiles, columns=1)
