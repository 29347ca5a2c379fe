"""``latentlab demo``: the main job without a screen, on data that is built in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from latentlab.cli.data import load
from latentlab.cli.options import AsJson, number
from latentlab.cli.plan import job
from latentlab.cli.terminal import clock, note, tell
from latentlab.cli.train import follow, refuse_full

FOLDER = "latentlab-demo"
#: What a first launch of the window shows.
PRESET = "first-vae"
#: The walk: a closed round through these seeds, which this model usually makes 0, 6, 8, 3, 7 and 4 of.
SEEDS = (12, 44, 19, 57, 26, 6)
FRAMES, FPS = 90, 20
STAGES, TILES = 6, 10
#: Pixels per pixel in the grid and the history.
SCALE = 2
FILM_SIDE = 168
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
    import numpy as np

    from latentlab import run
    from latentlab.latent import walks

    began = time.monotonic()
    todo = job(None, None, PRESET, (), {"minutes": minutes})
    dataset = load(todo.source, todo.data)
    note(f"{dataset.name}: {dataset.summary()}; training {todo.plan.model.key} for {clock(60 * minutes)}")
    values, summary, code = follow(run.begin(dataset, todo.plan, out / "run"))
    if values["reason"] in ("diverged", "memory"):  # there is nothing to show
        return values, summary, code

    opened = run.open_run(out / "run")
    opened.save_grid(out / "grid.png", "seeds", layout={"scale": SCALE})
    keyframes = np.concatenate([opened.latents(1, seed) for seed in SEEDS])
    way = walks.route(keyframes, walks.WalkConfig(), opened.model.choices)
    latents = way.at(walks.spaced(way.legs, FRAMES, walks.WalkConfig()))
    opened.film(out / "walk.gif", latents, FPS, side=FILM_SIDE, resampling="nearest")
    opened.save_grid(
        out / "history.png", "history", layout={"scale": SCALE}, rows=STAGES, columns=TILES, early=True
    )
    steps, _ = run.history(opened.folder, STAGES, 1, early=True)

    pictures = {name: str((out / f"{name}.{kind}").absolute()) for name, kind in PICTURES.items()}
    total = round(time.monotonic() - began, 1)
    values |= {"out": str(out.absolute()), **pictures, "history_steps": steps, "total_seconds": total}
    shown = f"Written in {total:.0f} s: {', '.join(f'{name}.{kind}' for name, kind in PICTURES.items())}"
    return values, f"{summary}\n{shown} in {out}", code
