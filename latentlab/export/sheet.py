"""A whole picture: tiles in rows and columns, with border, labels and caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.export.grid import compose
from latentlab.export.layout import Layout


def sheet(
    tiles: np.ndarray,
    columns: int,
    layout: Layout,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> np.ndarray:
    """uint8 tiles (N, C, H, W), row by row -> one uint8 picture (H', W') or (H', W', 3 or 4).

    ExportError for a picture that is too large to write.
    """
    return compose(tiles, columns, layout.spacing, layout.scale)
