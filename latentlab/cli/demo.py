"""``latentlab demo``: the main job without a screen, on data that is built in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.options import AsJson, number
from latentlab.cli.pictures import write_film
from latentlab.cli.terminal import clock, loading, note, tell
from latentlab.cli.train import follow, refuse_full

if TYPE_CHECKING:
    import numpy as np

    from latentlab.training.run_folder import RunFolder


FOLDER = "latentlab-demo"
#: The walk: a closed round through these seeds, which this model usually makes 0, 6, 8, 3, 7 and 4 of.
SEEDS = (12, 44, 19, 57, 26, 6)
FRAMES, FPS = 90, 20
STAGES, TILES = 6, 10
#: Pixels per pixel in the grid and the history.
SCALE = 2
PICTURES = {"grid": "png", "walk": "gif", "history": "png"}


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help=f"Where to put it, new or empty; else ./{FOLDER}, or the next free name."
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(parser=number(0.01, 1000), metavar="M", help="Minutes of training, 0.01 to 1,000."),
    ] = 1.0,
    as_json: AsJson = False,
) -> int:
    """Train on handwritten digits, then write grid.png, walk.gif and history.png; the run is kept beside."""
    if out is None:
        out = free_name(Path(FOLDER))
    refuse_full(out)
    values, summary, code = make(out, minutes)
    tell(values, summary, as_json)
    return code


def free_name(wanted: Path) -> Path:
    """`wanted` where it is free or an empty folder, else with -2, -3 and so on."""
    path, number = wanted, 2
    while path.exists() and (not path.is_dir() or any(path.iterdir())):
        path, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return path


def make(out: Path, minutes: float) -> tuple[dict[str, Any], str, int]:
    """Train for `minutes`, make the pictures -> (what came of it, the same for people, exit code)."""
    from latentlab import data, export, run
    from latentlab.latent import samplers

    began = time.monotonic()
    # Half the usual width: twice the steps in the same time, and clearer digits for it.
    model, training = {"latent_size": 8, "width": 16}, {"learning_rate": 2e-3, "steps": 0, "minutes": minutes}
    plan = run.plan("vae-conv", model, training)
    with loading("Digits") as report:
        dataset = data.load("digits", {"size": 28}, report)
    note(f"{dataset.name}: {dataset.summary()}; training {plan.model.key} for {clock(60 * minutes)}")
    values, summary, code = follow(run.begin(dataset, plan, out / "run"))
    if values["checkpoint"] is None:  # diverged: there is nothing to show
        return values, summary, code

    opened = run.open_run(out / "run")
    export.write_picture(out / "grid.png", export.compose(opened.pixels(opened.latents(64)), 8, scale=SCALE))
    keyframes = samplers.from_seeds(SEEDS, opened.model.latent_shape)
    write_film(opened, round_walk(keyframes, FRAMES), 6, str(out / "walk.gif"), FPS)
    steps, tiles = early_stages(opened.folder)
    export.write_picture(out / "history.png", export.compose(tiles, len(tiles) // len(steps), scale=SCALE))

    pictures = {name: str((out / f"{name}.{kind}").absolute()) for name, kind in PICTURES.items()}
    total = round(time.monotonic() - began, 1)
    values |= {"out": str(out.absolute()), **pictures, "history_steps": steps, "total_seconds": total}
    shown = f"Written in {total:.0f} s: {', '.join(f'{name}.{kind}' for name, kind in PICTURES.items())}"
    return values, f"{summary}\n{shown} in {out}", code


def early_stages(folder: RunFolder) -> tuple[list[int], np.ndarray]:
    """As `run.history`, but the more stages the earlier: most is learned in the first seconds."""
    import numpy as np

    from latentlab import run

    count = len(folder.samples())
    steps, tiles = run.history(folder, count, TILES)
    chosen = sorted({round(place) - 1 for place in np.geomspace(1, count, STAGES)})
    rows = tiles.reshape(count, -1, *tiles.shape[1:])[chosen]
    return [steps[i] for i in chosen], rows.reshape(-1, *tiles.shape[1:])


def round_walk(keyframes: np.ndarray, frames: int) -> np.ndarray:
    """float32 (frames, D): along spheres through keyframes (K, D), closed: after the last comes the first."""
    import numpy as np

    from latentlab.latent import paths

    closed = np.concatenate([keyframes, keyframes[:1]])
    positions = np.arange(frames) * len(keyframes) / frames
    return np.stack([paths.through(closed, position) for position in positions])
