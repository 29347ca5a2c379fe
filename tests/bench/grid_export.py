"""How fast a grid is composed beside Pillow pasting it tile by tile.

    python tests/bench/grid_export.py [turns]

A 16 x 16 grid of 64 x 64 tiles in colour (and others, for information), nearest, spacing and border of 2 px,
black. Pillow: `Image.fromarray` of each tile, `resize` where it is enlarged, `paste` into a new picture; what
both make is equal. Turns are interleaved, so that what else the machine does falls on both; the median of the
turns' ratios counts. The file that follows takes the same time for both: PNG is timed for information.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from latentlab.export import write_picture
from latentlab.export.layout import Layout
from latentlab.export.sheet import sheet

#: tiles a side, pixels a side, channels, scale; the first is what counts.
CASES = ((16, 64, 3, 1), (16, 64, 1, 1), (16, 64, 4, 1), (16, 64, 3, 3), (8, 28, 1, 4), (64, 32, 3, 1))


def pasted(tiles: np.ndarray, columns: int, layout: Layout) -> Image.Image:
    count, channels, height, width = tiles.shape
    high, wide = height * layout.scale, width * layout.scale
    across = columns * (wide + layout.spacing) - layout.spacing + 2 * layout.border
    down = -(-count // columns) * (high + layout.spacing) - layout.spacing + 2 * layout.border
    picture = Image.new("L" if channels == 1 else "RGB", (across, down))
    for index, tile in enumerate(tiles):
        pixels = tile[0] if channels == 1 else np.ascontiguousarray(tile.transpose(1, 2, 0))
        image = Image.fromarray(pixels)
        if layout.scale > 1:
            image = image.resize((wide, high), Image.Resampling.NEAREST)
        row, column = divmod(index, columns)
        at = (
            layout.border + column * (wide + layout.spacing),
            layout.border + row * (high + layout.spacing),
        )
        picture.paste(image, at, image if channels == 4 else None)
    return picture


def seconds(make: Callable[..., object], *given: object) -> float:
    started = time.perf_counter()
    make(*given)
    return time.perf_counter() - started


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    report: dict[str, object] = {"cores": os.cpu_count(), "turns": turns}
    print(f"{'grid':24}" + "".join(f"{head:>12}" for head in ("Pillow, ms", "ours, ms", "ratio", "PNG, ms")))
    for side, pixels, channels, scale in CASES:
        shape = (side * side, channels, pixels, pixels)
        tiles = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        layout = Layout(scale=scale)
        ours = sheet(tiles, side, layout)
        apart = np.abs(ours.astype(int) - np.asarray(pasted(tiles, side, layout))).max()
        assert apart <= (channels == 4), f"both must make the same, they are {apart} apart"
        rows = []
        for turn in range(turns):
            ways = (pasted, sheet) if turn % 2 else (sheet, pasted)
            took = {way: seconds(way, tiles, side, layout) for way in ways}
            rows.append((took[pasted], took[sheet]))
        theirs, mine = (1000 * statistics.median(column) for column in zip(*rows, strict=True))
        ratio = statistics.median(a / b for a, b in rows)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            write_picture(Path(folder, "grid.png"), ours)
            png = 1000 * (time.perf_counter() - started)
        name = f"{side}x{side} of {pixels}, {channels} ch, x{scale}"
        print(f"{name:24}{theirs:12.2f}{mine:12.2f}{ratio:12.2f}{png:12.1f}", flush=True)
        report[name] = {"pillow_ms": round(theirs, 2), "ms": round(mine, 2), "ratio": round(ratio, 2)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
