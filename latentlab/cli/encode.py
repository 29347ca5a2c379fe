"""``latentlab encode``: the latents of images of one's own, as a file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentlab.cli.data import left_out
from latentlab.cli.grids import Checkpoint, Scale, layout_for
from latentlab.cli.options import AsJson, RunPath, whole
from latentlab.cli.terminal import bar, loading, note, tell

if TYPE_CHECKING:
    import numpy as np

#: Columns of the picture; more images go on below.
COLUMNS = 16


def encode(
    path: RunPath,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Image files, or folders and archives of them; X,Y where the model is one of points.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--out", "-o", help="File of latents to write, .npz or .json.")
    ] = Path("latent.npz"),
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the images over their reconstructions, as a picture."),
    ] = None,
    scale: Scale = 1,
    steps: Annotated[
        int,
        typer.Option(
            parser=whole(1, 100_000), metavar="N", help="Steps of the search, where the model has no encoder."
        ),
    ] = 300,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Find the latents of images: what a VAE's encoder says, what a search finds for a GAN."""
    import numpy as np

    from latentlab import export
    from latentlab.core import points
    from latentlab.export.base import exporter_for
    from latentlab.export.sheet import sheet
    from latentlab.latent.files import check_ending, save_latents
    from latentlab.latent.inversion import locate, psnr
    from latentlab.run import open_run
    from latentlab.run.grids.reconstructions import paired
    from latentlab.training.run_folder import RunFolder

    # What cannot be read or written is refused first, before torch is there.
    channels, height, width = RunFolder.open(path).info["image_shape"]
    check_ending(output)
    if picture is not None:
        exporter_for(picture, animated=False)
    shape = (channels, height, width)
    names, originals = _points(images) if points.is_points(shape) else _read(images, shape)
    run = open_run(path, checkpoint)
    with bar("Encoding" if run.model.can_encode else "Searching") as report:
        z = locate(run.model, originals, report, **({} if run.model.can_encode else {"steps": steps}))
    decoded = run.decode(z) if points.is_points(shape) else run.pixels(z)
    figures = [psnr(a, b) for a, b in zip(decoded, originals, strict=True)]
    save_latents(output, z, names=names, run=run.folder.name, step=run.step)

    values = {"output": str(output.absolute()), "count": len(z), "size": z.shape[1]}
    if picture is not None:
        if points.is_points(shape):
            originals, decoded = points.draw(originals), points.draw(decoded)
        columns = min(COLUMNS, len(z))
        layout = layout_for(run, scale, {})
        export.write_picture(picture, sheet(paired(originals, decoded, columns), columns, layout))
        values |= {"picture": str(picture.absolute())}
    told = [{"name": name, "psnr": figure} for name, figure in zip(names, figures, strict=True)]
    values |= {"images": told, "run": str(run.folder.path.absolute()), "step": run.step}
    lines = [f"{name}: PSNR {_in_db(figure)}" for name, figure in zip(names, figures, strict=True)]
    count = f"{len(z):,} latent" + ("s" if len(z) != 1 else "")
    how = "encoder" if run.model.can_encode else f"search of {steps:,} steps"
    lines.append(
        f"{output}: {count} of {z.shape[1]} numbers, median PSNR {_in_db(float(np.median(figures)))}, "
        f"{how}, step {run.step:,}."
    )
    tell(values, "\n".join(lines), as_json)


def _read(paths: list[Path], image_shape: tuple[int, int, int]) -> tuple[list[str], np.ndarray]:
    """Names and uint8 images (N, C, H, W). What is damaged among several is left out with a note."""
    import numpy as np

    from latentlab.core.errors import DataError
    from latentlab.data.base import kind_of
    from latentlab.data.one_image import read_one

    names, found = [], []
    for path in map(Path.expanduser, paths):
        several = path.is_dir()
        if not several:
            try:
                found.append(read_one(path, image_shape)[None])
                names.append(str(path))
            except DataError as error:
                try:
                    kind_of(path)
                except DataError:
                    raise error from None
                several = True
        if several:
            inner, images = _several(path, image_shape)
            found.append(images)
            names += [f"{path}/{name}" for name in inner]
    if not names:
        raise DataError(f"No readable image in {', '.join(map(str, paths))}.")
    return names, np.concatenate(found)


def _several(path: Path, image_shape: tuple[int, int, int]) -> tuple[list[str], np.ndarray]:
    """The images of a folder, an archive or whatever else holds several."""
    import numpy as np

    from latentlab.core.config import parse
    from latentlab.data.base import kind_of
    from latentlab.data.preparation import Preparation
    from latentlab.data.report import Part

    source = kind_of(path)
    with loading(str(path)) as report:
        config = parse(source.Config, {"path": str(path.absolute())}, "data")
        originals = source.open(config, Part(report, 0, 0.1))
        listing = originals.listing(Part(report, 0.1, 0.2))
        everything = np.arange(listing.count)
        chunks = list(originals.chunks(everything, Preparation(*image_shape), Part(report, 0.2, 1)))
    skipped = [*listing.skipped, *(entry for chunk in chunks for entry in chunk.skipped)]
    if skipped:
        note(left_out(skipped, listing.count + len(listing.skipped), str(path)))
    names = listing.names or [f"#{place:,}" for place in everything]
    kept = [names[place] for chunk in chunks for place in chunk.places.tolist()]
    return kept, np.concatenate([np.empty((0, *image_shape), np.uint8), *(chunk.images for chunk in chunks)])


def _points(texts: list[Path]) -> tuple[list[str], np.ndarray]:
    """``X,Y`` texts as they are, and float32 points (N, 2, 1, 1)."""
    import numpy as np

    from latentlab.core.errors import ConfigError
    from latentlab.core.points import SHAPE

    found = [re.fullmatch(r"(\d*\.?\d+),(\d*\.?\d+)", str(text)) for text in texts]
    places = [(float(match[1]), float(match[2])) if match else (math.nan, math.nan) for match in found]
    for text, place in zip(texts, places, strict=True):
        if not all(0 <= number <= 1 for number in place):
            raise ConfigError(
                f"{text}: this is a model of points; expected X,Y, each from 0 to 1, such as 0.3,0.75."
            )
    return [str(text) for text in texts], np.array(places, np.float32).reshape(-1, *SHAPE)


def _in_db(figure: float) -> str:
    return "∞ dB" if math.isinf(figure) else f"{figure:.1f} dB"
