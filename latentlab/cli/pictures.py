"""``latentlab sample``, ``traverse`` and ``interpolate``: pictures and films of a trained model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.grids import (
    MAX_GRID,
    Checkpoint,
    Extent,
    Scale,
    StartSeed,
    Steps,
    check_size,
    open_for,
    write_grid,
)
from latentlab.cli.options import AsJson, RunPath, number, parsed_seed, whole
from latentlab.cli.terminal import tell

if TYPE_CHECKING:
    import numpy as np

    from latentlab.run import Run

Seed = Annotated[int, parsed_seed("Seed of the first image; the next ones have the next seeds.")]
Latents = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Take the latents of an .npz or .npy file; seeds are then not used."),
]

#: Samples that the picture of a plane shows, and points of the data below them.
PLANE_SAMPLES, PLANE_DATA = 1000, 5000
#: Sides of films that nobody scaled: a digit of 28 pixels is a speck in a viewer.
FILM_SIDE = 128


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
    output: Annotated[Path, typer.Option("--out", "-o", help="Picture to write, .png or .jpg.")] = Path(
        "grid.png"
    ),
    latents: Latents = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a grid of samples: image i, row by row, is that of seed S + i, the same every time.

    Of a model of points it is the plane with those of 1,000 seeds over the data.
    """
    from latentlab.core.points import is_points

    rows, columns = (8, 8) if grid is None else _sides(grid)
    run = open_for(path, checkpoint, output)
    if grid is None and is_points(run.model.image_shape):
        _write_plane(run, seed, truncation, scale, output, latents, as_json)
        return
    told: dict[str, Any]
    if latents is None:
        check_size(run, rows, columns, scale)
        z = run.latents(rows * columns, seed, truncation)
        told = {"seeds": list(range(seed, seed + rows * columns)), "truncation": truncation}
    else:
        z = _load(latents, run)
        if grid is None:
            columns = math.ceil(math.sqrt(len(z)))
            rows = math.ceil(len(z) / columns)
        z = z[: rows * columns]
        rows = math.ceil(len(z) / columns)  # no empty ones
        check_size(run, rows, columns, scale)
        told = {"seeds": [], "latents": str(latents.absolute()), "count": len(z)}
    told = {"rows": rows, "columns": columns, **told}
    write_grid(run, run.pixels(z), columns, scale, output, told, as_json)


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
            metavar="I,J,...", help="Latent dimensions to vary, a row each, from 0; else the first ten."
        ),
    ] = None,
    steps: Steps = 9,
    seed: StartSeed = None,
    extent: Extent = 3.0,
    scale: Scale = 1,
    output: Annotated[Path, typer.Option("--out", "-o", help="Picture to write, .png or .jpg.")] = Path(
        "traversal.png"
    ),
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a grid with a row per latent dimension, which alone changes from left to right."""
    from latentlab.latent import samplers, traversal

    chosen = None if dims is None else _dims(dims)
    run = open_for(path, checkpoint, output)
    size = run.model.latent_shape[0]
    chosen = samplers.continuous(run.model)[:10] if chosen is None else chosen
    start = samplers.mean(run.model) if seed is None else run.latents(1, seed)[0]
    rows = traversal.traverse(start, chosen, steps, extent)
    check_size(run, len(chosen), steps, scale)
    told = {"rows": len(chosen), "columns": steps, "dims": chosen, "extent": extent}
    told |= {"seeds": [] if seed is None else [seed]}
    write_grid(run, run.pixels(rows.reshape(-1, size)), steps, scale, output, told, as_json)


def interpolate(
    path: RunPath,
    from_seed: Annotated[int, parsed_seed("Seed of the first frame.")] = 0,
    to_seed: Annotated[int, parsed_seed("Seed of the last frame.")] = 1,
    frames: Annotated[
        int, typer.Option(parser=whole(2, 10_000), metavar="N", help="Frames, ends included, 2 to 10,000.")
    ] = 60,
    kind: Annotated[
        str, typer.Option("--path", help="The way between them: slerp keeps to the prior's shell, or linear.")
    ] = "slerp",
    fps: Annotated[
        float,
        typer.Option(
            parser=number(1, 50), metavar="FPS", help="Frames a second, 1 to 50; as near as GIF can."
        ),
    ] = 20.0,
    scale: Annotated[
        int | None,
        typer.Option(
            parser=whole(1, 64),
            metavar="K",
            help=f"Pixels per pixel of an image, 1 to 64; else what brings it up to {FILM_SIDE} pixels.",
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--out", "-o", help="Film to write: a .gif, or a folder for numbered PNG files.")
    ] = "walk.gif",
    latents: Latents = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a film of the walk from the latent of one seed to that of another, or through those of a file."""
    import numpy as np

    from latentlab.core.errors import ConfigError
    from latentlab.latent import paths

    if kind not in paths.PATHS:
        raise ConfigError(f"--path {kind}: expected one of {', '.join(paths.PATHS)}.")
    # A folder's name keeps its slash, which pathlib would drop: it says what to write.
    run = open_for(path, checkpoint, output, film=True)
    seeds = [from_seed, to_seed] if latents is None else []
    if latents is None:
        keys = np.concatenate([run.latents(1, seed) for seed in seeds])
    else:
        keys = _load(latents, run)
        if len(keys) < 2:
            raise ConfigError(f"--latents {latents}: it holds one latent; a walk needs at least two.")
    positions = np.linspace(0, len(keys) - 1, frames)
    walk = [paths.through(keys, position, kind, run.model.choices) for position in positions]
    scale = film_scale(run) if scale is None else scale
    width, height = write_film(run, np.stack(walk), scale, output, fps)
    values = {"output": str(Path(output).absolute()), "width": width, "height": height}
    values |= {"frames": frames, "fps": fps, "path": kind, "seeds": seeds, "scale": scale}
    values |= {} if latents is None else {"latents": str(latents.absolute())}
    values |= {"run": str(run.folder.path.absolute()), "step": run.step}
    where = f"seed {from_seed} to {to_seed}" if latents is None else f"through {len(keys)} latents"
    summary = f"{output}: {frames} frames of {width}×{height}, {where}, {kind}."
    tell(values, summary, as_json)


def film_scale(run: Run) -> int:
    """As many pixels per pixel as bring the longer side to some `FILM_SIDE`."""
    from latentlab.core.points import picture_shape

    return max(1, FILM_SIDE // max(picture_shape(run.model.image_shape)[1:]))


def write_film(run: Run, latents: np.ndarray, scale: int, output: str, fps: float) -> tuple[int, int]:
    """Decode latents (N, D) into a film, some frames at a time -> its width and height."""
    from latentlab import export
    from latentlab.core.points import picture_shape

    def frames() -> Iterator[np.ndarray]:
        for start in range(0, len(latents), 256):
            for tile in run.pixels(latents[start : start + 256]):
                yield export.compose(tile[None], 1, spacing=0, scale=scale)

    export.write_frames(output, frames(), fps)
    _, height, width = picture_shape(run.model.image_shape)
    return width * scale, height * scale


def _sides(grid: str) -> tuple[int, int]:
    from latentlab.core.errors import ConfigError

    found = re.fullmatch(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*", grid)
    rows, columns = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1 <= rows <= MAX_GRID and 1 <= columns <= MAX_GRID):
        raise ConfigError(f"--grid {grid}: expected ROWSxCOLUMNS, such as 8x8, each from 1 to {MAX_GRID:,}.")
    return rows, columns


def _load(path: Path, run: Run) -> np.ndarray:
    from latentlab.latent.files import load_latents

    return load_latents(path, run.model.latent_shape[0])


def _dims(text: str) -> Sequence[int]:
    from latentlab.core.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"\d{1,9}", part) for part in parts):
        raise ConfigError(f"--dims {text}: expected whole numbers with commas between, such as 0,1,2.")
    return [int(part) for part in parts]
