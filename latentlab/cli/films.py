"""``latentlab interpolate`` and ``history``: films of a trained model, and of how it was trained."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.exporting import export_grid
from latentlab.cli.grids import Checkpoint, More, Scale, Set, open_for, settings
from latentlab.cli.options import AsJson, RunPath, number, parsed_seed, whole
from latentlab.cli.pictures import Latents
from latentlab.cli.terminal import bar, tell

if TYPE_CHECKING:
    import numpy as np

    from latentlab.run import Run
    from latentlab.run.films import FilmConfig

Film = typer.Option(
    "--out", "-o", help="Film to write: .gif, .apng, .webp, .mp4, or a folder for numbered PNG files."
)
FilmScale = Annotated[
    int | None,
    typer.Option(
        parser=whole(1, 64), metavar="K", help="Pixels per pixel of an image, 1 to 64; instead of --side."
    ),
]
Side = Annotated[
    int | None,
    typer.Option(parser=whole(8, 4320), metavar="PIXELS", help="The longer side of the frames, 8 to 4,320."),
]
Smooth = Annotated[
    bool, typer.Option("--smooth", help="Draw between the pixels of an image instead of repeating them.")
]
#: Sides of films that nobody scaled: a digit of 28 pixels is a speck in a viewer.
FILM_SIDE = 128


def interpolate(
    path: RunPath,
    from_seed: Annotated[int, parsed_seed("Seed of the first keyframe.")] = 0,
    to_seed: Annotated[int, parsed_seed("Seed of the last keyframe.")] = 1,
    through: Annotated[
        str | None,
        typer.Option(metavar="S,T,...", help="Seeds of all keyframes, or 'bookmarks' for those of the run."),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            parser=whole(2, 1_000_000),
            metavar="N",
            help="Frames of the film; else 60, or as --seconds has it.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            parser=number(0.1, 60), metavar="S", help="Seconds from one keyframe to the next, 0.1 to 60."
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--path",
            help="The way: slerp keeps to the prior's shell; linear; spline runs smoothly through all; "
            "geodesic changes the image evenly; noise wanders from the first and comes back.",
        ),
    ] = "slerp",
    loop: Annotated[
        bool, typer.Option("--loop", help="Go back to the first keyframe, without a seam.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A further setting of the walk: easing=in-out, seed=3, legs=12; as often as needed.",
        ),
    ] = None,
    more: More = None,
    fps: Annotated[
        float,
        typer.Option(
            parser=number(1, 60), metavar="FPS", help="Frames a second, 1 to 60; as near as GIF can."
        ),
    ] = 20.0,
    scale: FilmScale = None,
    side: Side = None,
    smooth: Smooth = False,
    output: Annotated[str, Film] = "walk.gif",
    latents: Latents = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a film of the walk from the latent of one seed to that of another, or through many."""
    import numpy as np

    from latentlab.core.config import parse
    from latentlab.core.errors import ConfigError
    from latentlab.latent import walks
    from latentlab.run import films

    given = settings(set_, more, {"walk": walks.WalkConfig})["walk"]
    values = {"kind": kind, "fps": fps, "loop": loop or kind == "noise", **given}
    if seconds is not None:
        values["seconds"] = seconds
    config = parse(walks.WalkConfig, values, "walk")
    # A folder's name keeps its slash, which pathlib would drop: it says what to write.
    run = open_for(path, checkpoint, output, film=True)
    keys, where = _keyframes(run, from_seed, to_seed, through, latents)
    if latents is not None and len(keys) < 2 and config.kind != "noise":
        raise ConfigError(f"--latents {latents}: it holds one latent; a walk needs at least two.")
    with bar("Finding the way") as report:
        route = walks.route(keys, config, run.model.choices, run.model, report)
    if frames is None and seconds is None:
        frames = 60
    if frames is None:
        positions = walks.frames(route.legs, config)
    else:
        times = np.linspace(0, route.legs, frames, endpoint=not config.loop)
        positions = walks.eased(times, config.easing)
    look = film_config(run, scale, side, smooth)
    with bar("Writing") as report:
        width, height = films.write_film(output, run.model, route.at(positions), config.fps, look, report)
    values = {"output": str(Path(output).absolute()), "width": width, "height": height}
    values |= {"frames": len(positions), "path": config.kind, "keyframes": len(keys), **where}
    values |= {"fps": config.fps, "loop": config.loop, "easing": config.easing}
    values |= {"run": str(run.folder.path.absolute()), "step": run.step}
    tell(values, f"{output}: {len(positions)} frames of {width}×{height}, {config.kind}.", as_json)


def history(
    path: RunPath,
    stages: Annotated[
        int, typer.Option(parser=whole(1, 1000), metavar="N", help="Rows of a strip: evenly chosen stages.")
    ] = 6,
    columns: Annotated[
        int,
        typer.Option(parser=whole(1, 64), metavar="N", help="How many of the fixed latents a strip shows."),
    ] = 8,
    early: Annotated[
        bool, typer.Option("--early", help="More of the beginning, where most is learned.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(parser=number(0.5, 600), metavar="S", help="Length of a film, 0.5 to 600.")
    ] = 10.0,
    fps: Annotated[
        float, typer.Option(parser=number(1, 60), metavar="FPS", help="Frames a second at most, 1 to 60.")
    ] = 20.0,
    side: Annotated[
        int,
        typer.Option(parser=whole(8, 4320), metavar="PIXELS", help="The longer side of a film, 8 to 4,320."),
    ] = 512,
    scale: Scale = 1,
    set_: Set = None,
    more: More = None,
    output: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="A film (.gif, .apng, .mp4, a folder) or a strip (.png, .pdf, ...)."
        ),
    ] = "history.gif",
    as_json: AsJson = False,
) -> None:
    """Write how the fixed latents looked from the first step to now: a film, or a strip of stages."""
    from latentlab.core.errors import ExportError
    from latentlab.export.base import exporter_for
    from latentlab.run.films import FilmConfig
    from latentlab.run.histories import HistoryConfig, snapshots, write_history
    from latentlab.training.run_folder import RunFolder

    is_strip = False
    with contextlib.suppress(ExportError):
        exporter_for(Path(output), animated=False)
        # A WebP may be either: it is a film, as the command is there for.
        is_strip = Path(output).suffix.lower() != ".webp"
    if is_strip:
        values = [f"grid.rows={stages}", f"grid.columns={columns}", f"grid.early={early}", *(set_ or [])]
        export_grid(path, "history", Path(output), None, values, more, scale, False, None, as_json)
        return
    folder = RunFolder.open(path)
    config = HistoryConfig(seconds=seconds, fps=fps, early=early)
    with bar("Writing") as report:
        write_history(output, folder, config, FilmConfig(side=side, resampling="nearest"), report)
    steps = [step for step, _ in snapshots(folder)]
    told = {"output": str(Path(output).absolute()), "fps": fps, "snapshots": len(steps)}
    told |= {"first": steps[0], "last": steps[-1], "run": str(folder.path.absolute())}
    tell(told, f"{output}: {len(steps)} snapshots, step {steps[0]:,} to {steps[-1]:,}.", as_json)


def film_config(run: Run, scale: int | None, side: int | None, smooth: bool) -> FilmConfig:
    """How large frames are; where nobody says, as many pixels per pixel as make some `FILM_SIDE`."""
    from latentlab.core.points import picture_shape
    from latentlab.run.films import FilmConfig

    longest = max(picture_shape(run.model.image_shape)[1:])
    if side is None:
        side = longest * (scale or max(1, FILM_SIDE // longest))
    return FilmConfig(side=side, resampling="smooth" if smooth else "nearest")


def _keyframes(
    run: Run, from_seed: int, to_seed: int, through: str | None, file: Path | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """The keyframes (K, D), and for JSON what they are."""
    import numpy as np

    from latentlab.core.errors import ConfigError
    from latentlab.latent import bookmarks
    from latentlab.run.latents import load_latents

    size = run.model.latent_shape[0]
    if file is not None:
        return load_latents(file, size), {"seeds": [], "latents": str(file.absolute())}
    if through is not None and through.strip() == "bookmarks":
        marks = bookmarks.load(run.folder.path / bookmarks.FILE, size)
        if not marks:
            raise ConfigError(f"--through bookmarks: {run.folder.path} has none.")
        return np.stack([mark.z for mark in marks]), {"seeds": [], "bookmarks": [m.name for m in marks]}
    seeds = [from_seed, to_seed]
    if through is not None:
        try:
            seeds = [int(part) for part in through.split(",")]
        except ValueError:
            seeds = [-1]
        if min(seeds) < 0:
            raise ConfigError(f"--through {through}: expected seeds such as 3,8,5, or bookmarks.")
    return np.concatenate([run.latents(1, seed) for seed in seeds]), {"seeds": seeds}
