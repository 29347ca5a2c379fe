"""``latentlab bench``: how fast this machine trains and decodes."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.options import number, whole
from latentlab.cli.terminal import loading, say, tell

if TYPE_CHECKING:
    from latentlab.run.benchmark import Benchmark


def bench(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="What to train, as many as wanted; 'latentlab models' lists them. Left out: vae-conv, "
            "vae-mlp, mlp-gan and a light dcgan.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            parser=number(0.05, 3600),
            metavar="S",
            help="How long each is trained on each device, in seconds.",
        ),
    ] = 3.0,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Where the work is done: auto, cuda, mps, cpu, or all, one after another."
        ),
    ] = "auto",
    threads: Annotated[
        int,
        typer.Option(
            parser=whole(0, 1024),
            metavar="N",
            help="Threads of the CPU's kernels; 0: as many as torch takes.",
        ),
    ] = 0,
    size: Annotated[
        int, typer.Option(parser=whole(8, 256), metavar="PIXELS", help="Side of the images, 8 to 256.")
    ] = 28,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print only the last line, one JSON object.")
    ] = False,
) -> None:
    """Measure this machine: images a second of training, milliseconds of decoding. Leaves no files."""
    from latentlab import run

    with _ending_cleanly(), loading("the models") as report:
        found = run.benchmark(
            models or (), report, seconds=seconds, size=size, device=device, threads=threads
        )
    if not as_json:
        say(_in_words(found))
    tell(_rounded(found.values()), "", as_json=True)


@contextlib.contextmanager
def _ending_cleanly() -> Iterator[None]:
    """SIGTERM, as Ctrl-C does by itself, unwinds, so that the temporary folder goes."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_words(found: Benchmark) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    machine, config = found.machine, found.config
    cores, threads = _counted(machine.cores, "core"), _counted(machine.threads, "thread")
    head = [
        f"{machine.cpu}, {cores}, {threads}, {machine.memory / 2**30:.0f} GiB",
        *([machine.gpu] if machine.gpu else []),
        f"{machine.system}, torch {machine.torch}, latentlab {machine.latentlab}",
        f"Random images of {config.size}×{config.size}, {config.seconds:g} s a training",
    ]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("model", overflow="fold")
    table.add_column("device")
    for title in ("batch", "images/s", "ms/step", "1 image\nms", "8×8 grid\nms", "memory\nMiB"):
        table.add_column(title, justify="right")
    for row in found.results:
        table.add_row(
            ", ".join([row.model, *(f"{name} {value}" for name, value in row.settings.items())]),
            row.device,
            f"{row.batch_size:,}",
            f"{row.images_per_second:,.0f}",
            *(_ms(value) for value in (row.ms_per_step, row.one_ms, row.grid_ms)),
            f"{row.memory / 2**20:,.0f}",
        )
    console = Console()
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([*head, *lines])


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("s" if count != 1 else "")


def _ms(value: float) -> str:
    """``0.085``, ``2.50``, ``19.9``, ``1,204``."""
    return f"{value:,.{3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0}f}"


def _rounded(value: Any) -> Any:
    """Four digits: more of them would only be this moment's."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list) else value
