"""The sub-commands of ``latentlab`` and how they are called; a start of the window does without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from latentlab import __version__
from latentlab.cli import (
    bench,
    cache,
    demo,
    directions,
    encode,
    evaluate,
    exporting,
    films,
    importing,
    info,
    open_window,
    pictures,
    train,
)
from latentlab.cli.terminal import say
from latentlab.core.errors import ConfigError

#: What typer raises for bad options; newer ones bring a click of their own, so it is reached through typer.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="latentlab",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("resume")(train.resume)
app.command("sample")(pictures.sample)
app.command("traverse")(pictures.traverse)
app.command("interpolate")(films.interpolate)
app.command("history")(films.history)
app.command("export")(exporting.export)
app.command("import")(importing.import_)
app.command("directions")(directions.directions)
app.command("encode")(encode.encode)
app.command("evaluate")(evaluate.evaluate)
app.command("info")(info.info)
app.command("datasets")(info.datasets)
app.command("cache")(cache.cache)
app.command("models")(info.models)
app.command("bench")(bench.bench)
app.command("demo")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"latentlab {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def latentlab(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int | None:
    """A lab for latent spaces; alone it opens the window, or runs the demo where there is no display."""
    return open_window() if context.invoked_subcommand is None else None


def run(arguments: Sequence[str]) -> int:
    """Run one command line -> its exit code; ConfigError where the words of the line are wrong."""
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="latentlab", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except ClickException as error:
        raise ConfigError(_usage(error)) from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _usage(error: Exception) -> str:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    end = "" if message.rstrip().endswith((".", "?", "!")) else "."
    return f"{message.rstrip()}{end} See '{context.command_path} --help'." if context else message
