"""Image grids, composed in one place for window, terminal and notebook."""

from __future__ import annotations

import numpy as np

from latentlab.core.errors import ExportError

MAX_SIDE = 65_500  # what JPEG can hold


def grid_size(
    rows: int, columns: int, height: int, width: int, spacing: int = 2, scale: int = 1
) -> tuple[int, int]:
    """(height, width) of a grid of H x W tiles in pixels: spacing around and between, tiles times scale."""
    return rows * (height * scale + spacing) + spacing, columns * (width * scale + spacing) + spacing


def compose(
    tiles: np.ndarray, columns: int, spacing: int = 2, scale: int = 1, background: int = 0
) -> np.ndarray:
    """uint8 tiles (N, C, H, W), row by row -> one uint8 picture, (H', W') for grey else (H', W', C).

    Missing tiles of the last row stay background, a grey value in 0..255 (opaque where tiles have alpha).
    `scale` repeats pixels (nearest), `spacing` is in final pixels. ExportError for a picture that is too
    large to write.
    """
    count, channels, height, width = tiles.shape
    rows = -(-count // columns)
    size = grid_size(rows, columns, height, width, spacing, scale)
    if max(size) > MAX_SIDE:
        raise ExportError(
            f"The grid would be {size[1]}×{size[0]} pixels; expected at most {MAX_SIDE} a side."
        )
    picture = np.full((*size, channels), background, np.uint8)
    if channels == 4:
        picture[..., 3] = 255
    pixels = tiles.transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)
    for index, tile in enumerate(pixels):
        row, column = divmod(index, columns)
        top = spacing + row * (height * scale + spacing)
        left = spacing + column * (width * scale + spacing)
        picture[top : top + height * scale, left : left + width * scale] = tile
    return picture[..., 0].copy() if channels == 1 else picture


def split(picture: np.ndarray, height: int, width: int, spacing: int = 2) -> np.ndarray:
    """The tiles of a full grid that `compose` made at scale 1 -> uint8 (N, C, H, W), row by row."""
    pixels = picture if picture.ndim == 3 else picture[..., None]
    rows = (pixels.shape[0] - spacing) // (height + spacing)
    columns = (pixels.shape[1] - spacing) // (width + spacing)
    cells = pixels[spacing:, spacing:].reshape(rows, height + spacing, columns, width + spacing, -1)
    tiles = cells[:, :height, :, :width].transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(tiles.reshape(rows * columns, -1, height, width))
