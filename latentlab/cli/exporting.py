"""``latentlab export``: whatever a run holds, as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from latentlab.cli.grids import (
    Checkpoint,
    More,
    Scale,
    State,
    check_size,
    layout_for,
    open_for,
    settings,
    write_grid,
)
from latentlab.cli.options import AsJson, RunPath, parsed_seed
from latentlab.cli.terminal import bar, tell

if TYPE_CHECKING:
    from latentlab.run.onnx_file import Part

#: What there is beside the sources of grids. Bookmarks are a grid too: the ending of the file decides.
CURVES = "curves"
PARTS = ("decoder", "encoder")
LATENTS = (".npz", ".json")


def export(
    path: RunPath,
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="A grid (view, seeds, traversal, sweep, interpolation, bookmarks, reconstructions, "
            "history); curves as .csv, .png or .svg; bookmarks as .npz or .json; decoder, encoder as .onnx.",
        ),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")],
    seed: Annotated[
        int | None, parsed_seed("The present latent is that of this seed; else the prior's mean.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A setting of the grid, its layout or the curves: grid.rows=9, layout.labels=both, "
            "curves.smoothing=0.9; as often as needed.",
        ),
    ] = None,
    more: More = None,
    scale: Scale = 1,
    state: State = True,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write something of a run as a file: image grids, curves, bookmarks, the model itself."""
    from latentlab.core.errors import ConfigError
    from latentlab.run import grids

    if what == "bookmarks" and output.suffix.lower() in LATENTS:
        _bookmarks(path, output, as_json)
    elif what in grids.GRIDS:
        export_grid(path, what, output, seed, set_, more, scale, state, checkpoint, as_json)
    elif what == CURVES:
        _curves(path, output, set_, more, as_json)
    elif what in PARTS:
        _model(path, what, output, checkpoint, as_json)
    else:
        known = ", ".join([*grids.GRIDS, CURVES, *PARTS])
        raise ConfigError(f"There is no '{what}' to export; expected one of {known}.")


def export_grid(
    path: Path,
    what: str,
    output: Path,
    seed: int | None,
    set_: list[str] | None,
    more: list[str] | None,
    scale: int,
    state: bool,
    checkpoint: int | None,
    as_json: bool,
) -> None:
    """Write a source of grids; what is given is what `export` takes."""
    from latentlab.core.config import parse
    from latentlab.core.errors import ConfigError
    from latentlab.export.layout import Layout
    from latentlab.latent import samplers
    from latentlab.run import grids, pictures

    source = grids.GRIDS.get(what)
    chosen = settings(set_, more, {"grid": source.Config, "layout": Layout})
    config = parse(source.Config, chosen["grid"], "grid")
    run = open_for(path, checkpoint, output)
    layout = layout_for(run, scale, chosen["layout"])
    z = samplers.mean(run.model) if seed is None else run.latents(1, seed)[0]
    material = pictures.material_of(run.folder, run.model, z, with_data=what == "reconstructions")
    if reason := source.obstacle(run.model, material):
        raise ConfigError(reason)
    check_size(run, *source.size(run.model, config, material), layout)
    values = config.model_dump(mode="json")
    with bar(f"{source.title}") as report:
        made = grids.make(what, values, run.model, material, report)
    told: dict[str, Any] = {"source": what, "seeds": list(made.seeds)}
    write_grid(run, made, what, values, layout, output, told, as_json, z=z, with_state=state)


def _curves(path: Path, output: Path, set_: list[str] | None, more: list[str] | None, as_json: bool) -> None:
    from latentlab.core.config import parse
    from latentlab.core.errors import ExportError
    from latentlab.export.base import explained
    from latentlab.export.curves import CurvesConfig, write_csv
    from latentlab.training.run_folder import RunFolder

    chosen = settings(set_, more, {"curves": CurvesConfig})["curves"]
    config = parse(CurvesConfig, chosen, "curves")
    folder = RunFolder.open(path)
    series = folder.read_metrics()
    names = config.chosen(series) or list(series)
    if not series:
        raise ExportError(f"{folder.path} has no curves yet: train it for a moment first.")
    if output.suffix.lower() == ".csv":
        with explained(output):
            write_csv({name: series[name] for name in names}, output)
    elif output.suffix.lower() in (".png", ".svg"):
        from latentlab.ui.curves_picture import write

        write(output, folder.info, series, config)
    else:
        raise ExportError(
            f"Cannot write {output}: the name ends in '{output.suffix}', expected .csv, .png or .svg."
        )
    values = {"output": str(output.absolute()), "series": names, "run": str(folder.path.absolute())}
    tell(values, f"{output}: the curves of {folder.name}.", as_json)


def _bookmarks(path: Path, output: Path, as_json: bool) -> None:
    import numpy as np

    from latentlab.core.errors import ConfigError
    from latentlab.latent import bookmarks
    from latentlab.latent.files import save_latents
    from latentlab.training.run_folder import RunFolder

    folder = RunFolder.open(path)
    marks = bookmarks.load(folder.path / bookmarks.FILE, None)
    if not marks:
        raise ConfigError(f"{folder.path} has no bookmarks.")
    z = np.stack([mark.z for mark in marks])
    save_latents(output, z, names=[mark.name for mark in marks], run=folder.name)
    values = {"output": str(output.absolute()), "count": len(z), "size": z.shape[1]}
    tell(values, f"{output}: {len(z):,} bookmarks of {z.shape[1]} numbers.", as_json)


def _model(path: Path, part: str, output: Path, checkpoint: int | None, as_json: bool) -> None:
    from latentlab.run import open_run
    from latentlab.run.onnx_file import write_onnx

    run = open_run(path, checkpoint)
    with bar("Writing and checking") as report:
        difference = write_onnx(output, run.model, cast("Part", part), run.folder, report)
    values = {"output": str(output.absolute()), "part": part, "difference": difference}
    values |= {"run": str(run.folder.path.absolute()), "step": run.step}
    summary = (
        f"{output}: the {part} of {run.folder.name}, step {run.step:,}; "
        f"its output is within {difference:.1g} of torch's."
    )
    tell(values, summary, as_json)
