"""``latentlab directions``: find directions in a run's latent space, picture, keep and judge them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.data import load
from latentlab.cli.grids import (
    Checkpoint,
    Extent,
    Scale,
    StartSeed,
    Steps,
    check_size,
    layout_for,
    open_for,
    write_grid,
)
from latentlab.cli.options import AsJson, RunPath
from latentlab.cli.terminal import bar, note, say

if TYPE_CHECKING:
    import numpy as np

    from latentlab.data import Dataset
    from latentlab.latent.directions import Direction
    from latentlab.run import Run


def directions(
    path: RunPath,
    method: Annotated[
        str,
        typer.Option(metavar="KEY", help="pca, sefa, local, classes, probe or picks (from saved thumbs)."),
    ] = "pca",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="A setting of the method, such as space=features or count=8."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FIELD=VALUE]...")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE|PATH", help="Where labels and factors come from; else the run's own data."
        ),
    ] = None,
    steps: Steps = 9,
    seed: StartSeed = None,
    extent: Extent = 3.0,
    scale: Scale = 1,
    output: Annotated[Path, typer.Option("--out", "-o", help="Picture to write, .png or .jpg.")] = Path(
        "directions.png"
    ),
    npz: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Also write the vectors, names and notes here.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep them with the run, for the window and for next time.")
    ] = False,
    against_factors: Annotated[
        bool,
        typer.Option(
            "--against-factors",
            help="Tell how they, and every dimension, correlate with the data's known factors.",
        ),
    ] = False,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Write a grid with a row per direction that was found, which alone changes from left to right."""
    from latentlab.core.errors import ConfigError
    from latentlab.latent import samplers, traversal
    from latentlab.latent.directions import METHODS
    from latentlab.run import grids

    kind = METHODS.get(method)
    if more and not set_:
        raise ConfigError(f"Unexpected '{more[0]}': a setting follows --set (FIELD=VALUE).")
    settings = _settings([*(set_ or []), *(more or [])], kind.Config.model_fields)
    if npz is not None and npz.suffix.lower() != ".npz":
        raise ConfigError(f"--npz {npz}: the name ends in '{npz.suffix}'; expected .npz.")
    run = open_for(path, checkpoint, output)
    size = run.model.latent_shape[0]
    z = samplers.mean(run.model) if seed is None else run.latents(1, seed)[0]

    needs_data = against_factors or data is not None or method in ("classes", "probe")
    dataset = dataset_for(run, data) if needs_data else None
    with bar(f"Finding directions ({kind.title})") as report:
        found = run.directions(method, z, dataset, report, **settings)
    rows = traversal.along(z, [direction.vector for direction in found], steps, extent)
    layout = layout_for(run, scale, {})
    check_size(run, len(found), steps, layout)

    told: dict[str, Any] = {"extent": extent, "method": method}
    told |= {"seeds": [] if seed is None else [seed]}
    told["directions"] = [{"name": direction.name, "note": direction.note} for direction in found]
    lines = [f"{n:3}  {direction.name}  {direction.note}" for n, direction in enumerate(found, start=1)]
    if against_factors:
        assert dataset is not None
        table = _against(run, found, dataset)
        told |= table
        lines += ["", *_lines(table)]
    if npz is not None:
        _write_npz(npz, found, z)
        told["npz"] = str(npz.absolute())
    if save:
        _keep(run, found)
        told["saved"] = True
    if not as_json:
        say("\n".join(lines))
    latents = rows.reshape(-1, size)
    grid = grids.Grid(run.pixels(latents), steps, latents, [direction.name for direction in found])
    values = {"method": method, **settings}
    write_grid(run, grid, "directions", values, layout, output, told, as_json, z=z)


def _settings(texts: Sequence[str], known: Iterable[str]) -> dict[str, str]:
    """``field=value`` texts; what a method does not know is left to its own check."""
    from latentlab.core.errors import ConfigError

    chosen = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            names = ", ".join(known) or "which this method has none"
            raise ConfigError(f"--set {text}: expected FIELD=VALUE, of {names}.")
        chosen[name.strip()] = value.strip()
    return chosen


def dataset_for(run: Run, spec: str | None) -> Dataset:
    """The run's own images again, or others brought to their size."""
    from latentlab import data
    from latentlab.core.points import is_points

    own = run.folder.info["data"]
    if spec is None:
        spec, values = own["source"], own["config"]
    else:
        channels, height, width = run.model.image_shape
        values = {"channels": channels} | ({"size": height} if height == width else {})
        if is_points(run.model.image_shape) or "size" not in data.resolve(spec)[0].Config.model_fields:
            values = {}  # points have no size; where one side holds points, the method says what is wrong
    source, config = data.resolve(spec, values)
    dataset = load(source, config)
    if values is own["config"] and dataset.fingerprint != own["fingerprint"]:
        note(f"{dataset.name} is no longer what the run learned from; its present images are used.")
    return dataset


def _against(run: Run, found: Sequence[Direction], dataset: Dataset) -> dict[str, Any]:
    """For JSON: `factors`, and their `correlations` with directions and, weightiest first, dimensions."""
    import numpy as np

    from latentlab.latent import samplers, traversal

    with bar("Weighing dimensions") as report:
        weights = run.importance(dataset, report)
    dims = sorted(samplers.continuous(run.model), key=lambda dim: -weights.values[dim])
    units = [traversal.unit(dim, run.model.latent_shape[0]) for dim in dims]
    with bar("Comparing with factors") as report:
        values = run.correlations(np.stack([*(d.vector for d in found), *units]), dataset, report=report)
    entries: list[dict[str, Any]] = [{"name": direction.name} for direction in found]
    entries += [{"name": f"z{dim}", "dim": dim, weights.unit: float(weights.values[dim])} for dim in dims]
    for entry, row in zip(entries, values.tolist(), strict=True):
        entry["with"] = dict(zip(dataset.factors, row, strict=True))
    return {"factors": list(dataset.factors), "correlations": entries}


def _lines(table: dict[str, Any]) -> list[str]:
    """The table for people; what a dimension weighs stands last."""
    factors, entries = table["factors"], table["correlations"]
    unit = next((key for key in entries[-1] if key in ("KL", "sensitivity")), "")
    first = max(len(entry["name"]) for entry in entries)
    wide = [max(6, len(name)) for name in factors]
    heads = "  ".join(f"{name:>{w}}" for name, w in zip(factors, wide, strict=True))
    lines = [f"{'':{first}}  {heads}  {unit:>11}"]
    for entry in entries:
        cells = "  ".join(
            f"{round(entry['with'][name], 2) + 0.0:>{w}.2f}" for name, w in zip(factors, wide, strict=True)
        )
        weight = f"{entry[unit]:>11.3g}" if unit in entry else ""
        lines.append(f"{entry['name']:{first}}  {cells}  {weight}".rstrip())
    return [*lines, "Rank correlation; for angles and categories the multiple correlation, 0 to 1."]


def _write_npz(path: Path, found: Sequence[Direction], z: np.ndarray) -> None:
    """float32 `vectors` (K, D), `names`, `notes` and `method` as text, and the start `z` (D,)."""
    import numpy as np

    from latentlab.core.files import atomic_path

    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            vectors=np.stack([direction.vector for direction in found]),
            names=np.array([direction.name for direction in found]),
            notes=np.array([direction.note for direction in found]),
            method=np.array(found[0].method),
            z=z,
        )


def _keep(run: Run, found: Sequence[Direction]) -> None:
    """Add them to the run's own; one of the same method and name takes the old one's place."""
    from latentlab.latent.directions import saved

    kept = run.saved_directions()
    new = {(direction.method, direction.name) for direction in found}
    others = [direction for direction in kept.directions if (direction.method, direction.name) not in new]
    saved.save(run.folder.path / saved.FILE, [*others, *found], kept.liked, kept.disliked)
