"""The ``latentlab`` command: alone it opens the window, its sub-commands work without a screen.

Exit codes: 0; 1 where the machine failed or a training diverged; 2 where something that was given is wrong;
130 after Ctrl-C and 143 after SIGTERM. Results go to stdout, everything else to stderr, and an error is one
line there. What nobody foresaw keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from latentlab import __version__
from latentlab.cli import (
    cache,
    demo,
    directions,
    display,
    encode,
    evaluate,
    exporting,
    films,
    importing,
    info,
    pictures,
    train,
)
from latentlab.cli.terminal import note, say
from latentlab.core.errors import LatentlabError

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


def open_window() -> int:
    """The window's exit code; without a display the reason on stderr, and then the demo's."""
    reason = display.obstacle()
    if reason is None:
        from latentlab.ui.app import main as window

        return window()
    note(f"{reason} Running 'latentlab demo' instead.")
    return demo.demo()


def main() -> None:
    """The entry point of ``latentlab`` and ``python -m latentlab``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of few letters gets ? for × and −, not a traceback
            stream.reconfigure(errors="replace")
    sys.exit(call(sys.argv[1:]))


def call(arguments: Sequence[str]) -> int:
    """Run one command line -> its exit code; what is the input's or the machine's fault is told in a line."""
    try:
        command = typer.main.get_command(app)
        code = command.main(list(arguments), prog_name="latentlab", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except ClickException as error:
        return _fail(_usage(error), 2)
    except LatentlabError as error:
        return _fail(str(error), 1 if isinstance(error.__cause__, OSError) else 2)  # a disk that is full
    except (KeyboardInterrupt, typer.Abort):
        return _fail("Ended at once.", 130)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}", 1)
    except MemoryError as error:
        return _fail(f"Out of memory: {error}", 1)
    except RuntimeError as error:
        from latentlab.training.memory import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return _fail(f"Out of memory; try a smaller batch, image size or width. {error}", 1)


def _usage(error: Exception) -> str:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    end = "" if message.rstrip().endswith((".", "?", "!")) else "."
    return f"{message.rstrip()}{end} See '{context.command_path} --help'." if context else message


def _fail(message: str, code: int) -> int:
    note("Error: " + " ".join(message.split()))
    return code
