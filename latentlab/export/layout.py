"""How the tiles of a picture are laid out: what the export dialog, ``--set`` and the picture itself say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from latentlab.core.config import Config, setting

#: ``#rrggbb``.
COLOUR = r"^#[0-9a-fA-F]{6}$"


class Layout(Config):
    """All lengths are in pixels of the picture that is written."""

    scale: int = setting(1, "Scale", "How many pixels each pixel of a tile becomes a side.", ge=1, le=64)
    resampling: Literal["nearest", "smooth"] = setting(
        "nearest",
        "Enlarging",
        "Nearest repeats pixels, which shows them as they are; smooth (Lanczos) draws between them.",
        labels={"nearest": "Nearest", "smooth": "Smooth"},
    )
    spacing: int = setting(2, "Spacing", "Between two tiles.", ge=0, le=512, unit="px")
    border: int = setting(2, "Border", "Around all tiles.", ge=0, le=2048, unit="px")
    background: Annotated[str, StringConstraints(pattern=COLOUR)] = setting(
        "#000000",
        "Background",
        "Between and around the tiles, and behind what shines through.",
        colour=True,
    )
    labels: Literal["none", "rows", "columns", "both"] = setting(
        "none",
        "Labels",
        "Words at the left of rows, above columns: seeds, dimensions, values, names, steps.",
        labels={"none": "None", "rows": "Rows", "columns": "Columns", "both": "Both"},
    )
    caption: Annotated[str, StringConstraints(max_length=500)] = setting(
        "", "Caption", "A line below the tiles; nothing where it is empty.", zero="none"
    )
    text_size: int = setting(14, "Text size", "Of labels and caption.", ge=6, le=256, unit="px")
