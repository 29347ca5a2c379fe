"""``latentlab sample``, ``traverse`` and ``interpolate``: pictures and films of a trained model."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.grids import (
    MAX_GRID,
    Checkpoint,
    Extent,
    More,
    Scale,
    Set,
    StartSeed,
    State,
    Steps,
    check_size,
    layout_for,
    open_for,
    settings,
    write_grid,
)
from latentlab.cli.options import AsJson, RunPath, number, parsed_seed
from latentlab.cli.terminal import bar, tell

if TYPE_CHECKING:
    import numpy as np

    from latentlab.run import Run

Seed = Annotated[int, parsed_seed("Seed of the first image; the next ones have the next seeds.")]
Latents = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take the latents of an .npz, .npy or .json file, or of a picture that tells its own; "
        "seeds are then not used.",
    ),
]
Picture = typer.Option("--out", "-o", help="Picture to write: .png, .jpg, .webp, .tif or .pdf.")

#: Samples that the picture of a plane shows, and points of the data below them.
PLANE_SAMPLES, PLANE_DATA = 1000, 5000


def sample(
    path: RunPath,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="ROWSxCOLUMNS",
            help=f"Size of the grid, each 1 to {MAX_GRID:,}; else 8x8, or what holds all of a file. Left out "
            "for a model of points: one picture of the plane.",
        ),
    ] = None,
    seed: Seed = 0,
    truncation: Annotated[
        float,
        typer.Option(
            parser=number(0, 2),
            metavar="T",
            help="Pull latents to the mean, 0 to 2: 0 all alike, 1 as drawn.",
        ),
    ] = 1.0,
    scale: Scale = 1,
    output: Annotated[Path, Picture] = Path("grid.png"),
    latents: Latents = None,
    set_: Set = None,
    more: More = None,
    state: State = True,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a grid of samples: image i, row by row, is that of seed S + i, the same every time.

    Of a model of points it is the plane with those of 1,000 seeds over the data.
    """
    from latentlab.core.points import is_points
    from latentlab.export.layout import Layout
    from latentlab.run import grids

    rows, columns = (8, 8) if grid is None else _sides(grid)
    chosen = settings(set_, more, {"layout": Layout})["layout"]
    run = open_for(path, checkpoint, output)
    if grid is None and is_points(run.model.image_shape):
        _write_plane(run, seed, truncation, scale, output, latents, as_json)
        return
    layout = layout_for(run, scale, chosen)
    told: dict[str, Any]
    if latents is None:
        check_size(run, rows, columns, layout)
        values = {"rows": rows, "columns": columns, "seed": seed, "truncation": truncation}
        with bar("Decoding") as report:
            made = grids.make("seeds", values, run.model, grids.Material(run.folder), report)
        told = {"seeds": list(made.seeds), "truncation": truncation}
        write_grid(run, made, "seeds", values, layout, output, told, as_json, with_state=state)
        return
    z = _load(latents, run)
    if grid is None:
        columns = math.ceil(math.sqrt(len(z)))
        rows = math.ceil(len(z) / columns)
    z = z[: rows * columns]
    check_size(run, math.ceil(len(z) / columns), columns, layout)  # no empty rows
    made = grids.Grid(run.pixels(z), columns, z)
    told = {"seeds": [], "latents": str(latents.absolute()), "count": len(z)}
    write_grid(run, made, "latents", {}, layout, output, told, as_json, with_state=state)


def _write_plane(
    run: Run, seed: int, truncation: float, scale: int, output: Path, file: Path | None, as_json: bool
) -> None:
    """Samples of points, or those of a file's latents, over some of the data, and say so."""
    from latentlab import data, export

    z = run.latents(PLANE_SAMPLES, seed, truncation) if file is None else _load(file, run)
    own = run.folder.info["data"]
    known = data.load(own["source"], own["config"]).images[:PLANE_DATA]
    picture = export.scatter(run.decode(z).reshape(-1, 2), known.reshape(-1, 2), scale)
    export.write_picture(output, picture)
    height, width = picture.shape[:2]
    values: dict[str, Any] = {"output": str(output.absolute()), "width": width, "height": height}
    if file is None:
        values |= {"seeds": list(range(seed, seed + len(z))), "truncation": truncation}
    else:
        values |= {"seeds": [], "latents": str(file.absolute())}
    values |= {"count": len(z), "scale": scale, "run": str(run.folder.path.absolute()), "step": run.step}
    summary = f"{output}: {len(z):,} samples over {own['name']}, {width}×{height} pixels, step {run.step:,}."
    tell(values, summary, as_json)


def traverse(
    path: RunPath,
    dims: Annotated[
        str | None,
        typer.Option(
            metavar="I,J,...",
            help="Latent dimensions to vary, from 0, or names of kept directions, a row each; else the "
            "first ten dimensions.",
        ),
    ] = None,
    steps: Steps = 9,
    seed: StartSeed = None,
    extent: Extent = 3.0,
    scale: Scale = 1,
    output: Annotated[Path, Picture] = Path("traversal.png"),
    set_: Set = None,
    more: More = None,
    state: State = True,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a grid with a row per latent dimension, which alone changes from left to right."""
    from latentlab.export.layout import Layout
    from latentlab.latent import samplers
    from latentlab.run import grids, pictures

    chosen = settings(set_, more, {"layout": Layout})["layout"]
    run = open_for(path, checkpoint, output)
    layout = layout_for(run, scale, chosen)
    z = samplers.mean(run.model) if seed is None else run.latents(1, seed)[0]
    material = pictures.material_of(run.folder, run.model, z)
    values = {"along": dims or "", "columns": steps, "extent": extent}
    source = grids.GRIDS.get("traversal")
    rows, columns = source.size(run.model, source.Config(**values), material)
    check_size(run, rows, columns, layout)
    with bar("Decoding") as report:
        made = grids.make("traversal", values, run.model, material, report)
    dims_told = [int(name[1:]) if re.fullmatch(r"z\d+", name) else name for name in made.row_labels]
    told = {"dims": dims_told, "extent": extent, "seeds": [] if seed is None else [seed]}
    write_grid(run, made, "traversal", values, layout, output, told, as_json, z=z, with_state=state)


def _sides(grid: str) -> tuple[int, int]:
    from latentlab.core.errors import ConfigError

    found = re.fullmatch(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*", grid)
    rows, columns = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1 <= rows <= MAX_GRID and 1 <= columns <= MAX_GRID):
        raise ConfigError(f"--grid {grid}: expected ROWSxCOLUMNS, such as 8x8, each from 1 to {MAX_GRID:,}.")
    return rows, columns


def _load(path: Path, run: Run) -> np.ndarray:
    from latentlab.run.latents import load_latents

    return load_latents(path, run.model.latent_shape[0])
