"""What the commands that write pictures share: the run, the room that is needed, the grid that is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.options import number, parsed_seed, whole
from latentlab.cli.terminal import tell

if TYPE_CHECKING:
    import numpy as np

    from latentlab.run import Run

Checkpoint = Annotated[
    int | None,
    typer.Option(
        parser=whole(0, 10**9), metavar="STEP", help="Use the checkpoint of this step; else the latest."
    ),
]
Scale = Annotated[
    int, typer.Option(parser=whole(1, 64), metavar="K", help="Pixels per pixel of an image, 1 to 64.")
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


def check_size(run: Run, rows: int, columns: int, scale: int) -> None:
    """ExportError for a picture that no file could hold, before its images are made."""
    from latentlab import export
    from latentlab.core.errors import ExportError
    from latentlab.core.points import picture_shape
    from latentlab.export.grid import MAX_SIDE

    _, height, width = picture_shape(run.model.image_shape)
    size = export.grid_size(rows, columns, height, width, scale=scale)
    if max(size) > MAX_SIDE:
        raise ExportError(
            f"The grid would be {size[1]}×{size[0]} pixels; expected at most {MAX_SIDE} a side."
        )


def background(image_shape: tuple[int, int, int]) -> int:
    """The grey between tiles: black, but where dots on black would not show which tile they are of."""
    from latentlab.core.points import is_points

    return 64 if is_points(image_shape) else 0


def write_grid(
    run: Run, tiles: np.ndarray, columns: int, scale: int, output: Path, told: dict[str, Any], as_json: bool
) -> None:
    """Compose and write uint8 tiles (N, C, H, W), and say so; `told` has rows, columns and more for JSON."""
    from latentlab import export

    picture = export.compose(tiles, columns, scale=scale, background=background(run.model.image_shape))
    export.write_picture(output, picture)
    height, width = picture.shape[:2]
    values = {"output": str(output.absolute()), "width": width, "height": height, **told}
    values |= {"scale": scale, "run": str(run.folder.path.absolute()), "step": run.step}
    summary = (
        f"{output}: {told['rows']}×{told['columns']} images, {width}×{height} pixels, step {run.step:,}."
    )
    tell(values, summary, as_json)
