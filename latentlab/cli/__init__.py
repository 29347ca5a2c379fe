"""The ``latentlab`` command: alone it opens the window, its sub-commands work without a screen.

Exit codes: 0; 1 where the machine failed or a training diverged; 2 where something that was given is wrong;
130 after Ctrl-C and 143 after SIGTERM. Results go to stdout, everything else to stderr, and an error is one
line there. What nobody foresaw keeps its traceback.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from latentlab.cli import display
from latentlab.cli.terminal import note
from latentlab.core.errors import LatentlabError


def open_window() -> int:
    """The window's exit code; without a display the reason on stderr, and then the demo's."""
    reason = display.obstacle()
    if reason is None:
        from latentlab.ui.app import main as window

        return window()
    note(f"{reason} Running 'latentlab demo' instead.")
    gc.enable()
    from latentlab.cli import demo

    return demo.demo()


def main() -> None:
    """The entry point of ``latentlab`` and ``python -m latentlab``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of few letters gets ? for × and −, not a traceback
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:]
    if not arguments:
        gc.disable()  # until the window is ready: what is imported is there to stay, and looked at in vain
    sys.exit(call(arguments))


def call(arguments: Sequence[str]) -> int:
    """Run one command line -> its exit code; what is the input's or the machine's fault is told in a line."""
    try:
        if not arguments:
            return open_window()
        from latentlab.cli import commands

        return commands.run(arguments)
    except LatentlabError as error:
        return _fail(str(error), 1 if isinstance(error.__cause__, OSError) else 2)  # a disk that is full
    except KeyboardInterrupt:
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


def _fail(message: str, code: int) -> int:
    note("Error: " + " ".join(message.split()))
    return code
