"""``latentlab import``: weights of other programs as a run, latents as bookmarks of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from latentlab.cli.grids import More, settings
from latentlab.cli.options import AsJson, whole
from latentlab.cli.terminal import tell


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Weights (.pth, .pt, .safetensors), or latents (.npz, .npy, .json, an exported picture).",
        ),
    ],
    into: Annotated[
        Path | None, typer.Option(metavar="RUN", help="The run that gets the latents as bookmarks.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Architecture of the weights; 'latentlab models' lists them."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            parser=whole(8, 256), metavar="PIXELS", help="Side of its images; left out, as the weights look."
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(parser=whole(1, 4), metavar="C", help="Their channels; left out, as the weights look."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Names of the classes that a conditional model learned."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A setting of the architecture, such as width=64; as often as needed.",
        ),
    ] = None,
    more: More = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="RUN", help="Folder for the new run; else one among your runs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in what other programs or other runs made: weights become a run, latents bookmarks."""
    from latentlab.core.errors import ConfigError
    from latentlab.training.foreign import SUFFIXES

    if file.suffix.lower() not in SUFFIXES:
        if into is None:
            raise ConfigError(f"{file}: latents go --into a run; weights end in {', '.join(SUFFIXES)}.")
        _bookmarks(file, into, as_json)
    elif model is None:
        raise ConfigError(f"{file}: say by --model which architecture the weights are of.")
    else:
        names = [name.strip() for name in classes.split(",")] if classes else []
        _weights(file, model, size, channels, names, set_, more, out, as_json)


def _bookmarks(file: Path, into: Path, as_json: bool) -> None:
    from latentlab.latent import bookmarks
    from latentlab.run import open_run
    from latentlab.run.latents import read_latents

    run = open_run(into)  # its model says how long a latent is
    size = run.model.latent_shape[0]
    names, z = read_latents(file, size)
    path = run.folder.path / bookmarks.FILE
    known = bookmarks.load(path, size)
    marks = [bookmarks.Bookmark(name, row) for name, row in zip(names, z, strict=True)]
    bookmarks.save(path, [*known, *marks])
    values = {"run": str(run.folder.path.absolute()), "added": len(marks)}
    values["bookmarks"] = len(known) + len(marks)
    tell(values, f"{run.folder.name}: {len(marks)} more bookmarks, {values['bookmarks']} in all.", as_json)


def _weights(
    file: Path,
    key: str,
    size: int | None,
    channels: int | None,
    classes: list[str],
    set_: list[str] | None,
    more: list[str] | None,
    out: Path | None,
    as_json: bool,
) -> None:
    from latentlab.core.settings import load
    from latentlab.models import MODELS
    from latentlab.run import new_folder
    from latentlab.run.importing import import_weights, suggest

    chosen = settings(set_, more, {"model": MODELS.get(key).Config})["model"]
    like = suggest(file, key, classes)
    depth, height, width = like.image_shape
    shape = (channels or depth, size or height, size or width)
    folder = new_folder(load()[0].runs, file.stem, key) if out is None else out
    made, fit = import_weights(file, key, like.model_values | chosen, shape, folder, classes)
    values: dict[str, Any] = {"run": str(made.path.absolute()), "model": key, "image_shape": list(shape)}
    values |= {"by_name": fit.by_name, "by_order": fit.by_order, "unused": fit.unused, "left": fit.left}
    lines = [f"{made.path}: a {key} of {shape[2]}×{shape[1]} images with {fit.count} layers of {file.name}."]
    for what, names in (("Not used of the file", fit.unused), ("Left as drawn", fit.left)):
        if names:
            lines.append(f"{what}: {', '.join(names)}")
    tell(values, "\n".join(lines), as_json)
