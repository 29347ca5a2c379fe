"""What the commands that write pictures share: the run, the room that is needed, the grid that is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.options import number, parsed_seed, whole
from latentlab.cli.terminal import tell

if TYPE_CHECKING:
    import numpy as np

    from latentlab.core.config import Config
    from latentlab.export.layout import Layout
    from latentlab.run import Run
    from latentlab.run.grids import Grid

Checkpoint = Annotated[
    int | None,
    typer.Option(
        parser=whole(0, 10**9), metavar="STEP", help="Use the checkpoint of this step; else the latest."
    ),
]
Scale = Annotated[
    int, typer.Option(parser=whole(1, 64), metavar="K", help="Pixels per pixel of an image, 1 to 64.")
]
#: Settings of the layout, and whatever else the command takes; a list may follow one flag.
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A setting of the picture, such as layout.spacing=4 or layout.labels=both; as often as needed. "
        "'latentlab info layout' lists them.",
    ),
]
More = Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FIELD=VALUE]...")]
State = Annotated[
    bool,
    typer.Option(
        "--state/--no-state", help="Whether the file tells run, checkpoint, seeds and latents, as PNG can."
    ),
]

#: Rows or columns of a grid at most.
MAX_GRID = 1000

Steps = Annotated[
    int, typer.Option(parser=whole(2, MAX_GRID), metavar="N", help=f"Images in a row, 2 to {MAX_GRID:,}.")
]
StartSeed = Annotated[
    int | None, parsed_seed("Start from the latent of this seed; else from the prior's mean.")
]
Extent = Annotated[
    float,
    typer.Option(
        parser=number(0.01, 20), metavar="SIGMA", help="How far to go each way, 0.01 to 20 deviations."
    ),
]


def open_for(path: Path, checkpoint: int | None, output: Path | str, film: bool = False) -> Run:
    """The run; an output whose name cannot be written is refused first, before torch is there."""
    from latentlab.export.base import exporter_for
    from latentlab.run import open_run
    from latentlab.training.run_folder import RunFolder

    RunFolder.open(path)
    if not film:
        exporter_for(Path(output), animated=False)
    elif Path(output).suffix and not str(output).endswith(("/", "\\")) and not Path(output).is_dir():
        exporter_for(Path(output), animated=True)
    return open_run(path, checkpoint)


def settings(
    given: list[str] | None, more: list[str] | None, sections: Mapping[str, type[Config]]
) -> dict[str, dict[str, Any]]:
    """What ``--set`` and the words behind it say, by section."""
    from latentlab.cli.plan import sorted_by_section
    from latentlab.core.errors import ConfigError

    if more and not given:
        raise ConfigError(f"Unexpected '{more[0]}': a setting follows --set (FIELD=VALUE).")
    return sorted_by_section([*(given or []), *(more or [])], sections)


def layout_for(run: Run, scale: int, chosen: Mapping[str, Any]) -> Layout:
    """The layout of a grid, with what was said of it."""
    from latentlab.run.pictures import layout_of

    return layout_of(run.model, {"scale": scale, **chosen})


def check_size(run: Run, rows: int, columns: int, layout: Layout) -> None:
    """ExportError for a picture that no file could hold, before its images are made."""
    from latentlab.core.points import picture_shape
    from latentlab.export.sheet import sheet_size

    _, height, width = picture_shape(run.model.image_shape)
    sheet_size(rows, columns, height, width, layout)


def write_grid(
    run: Run,
    grid: Grid,
    source: str,
    settings: Mapping[str, Any],
    layout: Layout,
    output: Path,
    told: dict[str, Any],
    as_json: bool,
    *,
    z: np.ndarray | None = None,
    with_state: bool = True,
) -> None:
    """Compose and write a grid, and say so; `told` has more for JSON. z: the latent it was made about."""
    from latentlab import export
    from latentlab.run import grids

    picture = grids.compose(grid, layout)
    state = None
    if with_state:
        material = grids.Material(run.folder, z)
        state = grids.state(grid, source, settings, layout, run.model, material)
    replaced = output.exists()
    export.write_picture(output, picture, state)
    height, width = picture.shape[:2]
    values = {"output": str(output.absolute()), "width": width, "height": height, "replaced": replaced}
    values |= {"rows": grid.rows, "columns": grid.columns, **told}
    values |= {"scale": layout.scale, "run": str(run.folder.path.absolute()), "step": run.step}
    summary = (
        f"{output}{' (replaced)' if replaced else ''}: {grid.rows}×{grid.columns} images, "
        f"{width}×{height} pixels, step {run.step:,}."
    )
    tell(values, summary, as_json)
