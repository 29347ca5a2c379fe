"""What an exported picture tells of where it came from, for ``latentlab info``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentlab.export.state import State


def described(path: Path, state: State) -> tuple[dict[str, Any], list[str]]:
    """For JSON, where latents stand as numbers, and as lines."""
    from latentlab.core.settings import load
    from latentlab.run import grids, pictures

    settings, _ = load()
    places = [settings.runs, *map(Path, settings.recent_runs), path.absolute().parent, Path.cwd()]
    found = pictures.find_run(state, places)
    tiles, present = state.tiles(), state.present()
    values: dict[str, Any] = {"kind": "picture", "picture": str(path.absolute())}
    values |= state.model_dump(mode="json")
    values["z"] = None if present is None else present.tolist()
    # NaN is no JSON: what has no latent, an original or a stage of the training, is null.
    values["latents"] = [row.tolist() if row[0] == row[0] else None for row in tiles]
    values["found"] = None if found is None else str(found)
    title = grids.GRIDS.get(state.source).title if state.source in grids.GRIDS else state.source
    lines = [
        f"{path.name}: {title}, {state.rows}×{state.columns} images of a {state.model}",
        f"Run: {state.run} ({state.fingerprint}), step {state.step:,}",
        "Found at: " + (str(found) if found else "nowhere among your runs, beside the picture or here"),
        *(f"  {name}: {value}" for name, value in state.settings.items()),
    ]
    if state.seeds:
        lines.append(f"Seeds: {in_short(state.seeds)}, truncation {state.truncation:g}")
    count = sum(1 for row in values["latents"] if row)
    lines.append(f"Latents: {count:,} of {state.size} numbers, exact")
    if found and count:
        again = f"latentlab sample {shlex.quote(str(found))} --checkpoint {state.step} --latents "
        lines.append(f"Again: {again}{shlex.quote(str(path))} -o again.png")
    return values, lines


def in_short(seeds: tuple[int, ...]) -> str:
    """``0 to 63``, or those there are."""
    if len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds[:20])) + (", …" if len(seeds) > 20 else "")
