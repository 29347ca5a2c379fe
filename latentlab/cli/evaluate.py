"""``latentlab evaluate``: every figure of a run, on all of its held-out data."""

from __future__ import annotations

from typing import Annotated

import typer

from latentlab.cli.directions import dataset_for
from latentlab.cli.grids import Checkpoint
from latentlab.cli.options import AsJson, RunPath, whole
from latentlab.cli.terminal import bar, in_words, tell, with_elbo


def evaluate(
    path: RunPath,
    samples: Annotated[
        int,
        typer.Option(
            parser=whole(1, 100_000),
            metavar="K",
            help="Latents per image for a VAE's importance-weighted likelihood; more come nearer to it.",
        ),
    ] = 200,
    images: Annotated[
        int | None,
        typer.Option(parser=whole(1, 10**9), metavar="N", help="Judge by at most so many; else by all."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE|PATH", help="Judge by all of these instead of the held-out images."),
    ] = None,
    checkpoint: Checkpoint = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where the work is done: auto, cuda, mps or cpu.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a run on its held-out images: likelihoods, latent use, how samples compare with the data."""
    from latentlab import metrics
    from latentlab.run import open_run

    run = open_run(path, checkpoint, device)
    dataset = dataset_for(run, data)
    heldout = run.heldout(dataset)
    count = len(heldout) if images is None else min(images, len(heldout))
    with bar("Evaluating") as report:
        figures = run.evaluate(dataset, samples=samples, images=images, report=report)

    titles = metrics.figures(type(run.model), run.model.image_shape, heldout.labels is not None)
    noun = "points" if dataset.is_points else "images"
    lines = [f"{run.folder.name}, step {run.step:,}, judged by {count:,} {noun} of {dataset.name}:"]
    for name, value in figures.items():
        how = f" nats ({samples:,} samples an image)" if name == "heldout_iw_nll" else ""
        lines.append("  " + in_words({name: value}, titles, both=True) + how)
    values = {"run": str(run.folder.path.absolute()), "model": run.model.key, "step": run.step}
    values |= {"data": dataset.name, "images": count, "samples": samples, **with_elbo(figures)}
    tell(values, "\n".join(lines), as_json)
