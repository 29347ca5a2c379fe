"""The Python face of a run: begin, resume, open; then sample, decode, encode, interpolate.

Window, terminal and notebooks all come through here.
"""

from latentlab.run.opened import Run, history, open_run
from latentlab.run.training import (
    PREVIEW_COLUMNS,
    PREVIEW_COUNT,
    QUICK_EVALUATION,
    Plan,
    Training,
    begin,
    new_folder,
    plan,
    resume,
)

__all__ = [
    "PREVIEW_COLUMNS",
    "PREVIEW_COUNT",
    "QUICK_EVALUATION",
    "Plan",
    "Run",
    "Training",
    "begin",
    "history",
    "new_folder",
    "open_run",
    "plan",
    "resume",
]
