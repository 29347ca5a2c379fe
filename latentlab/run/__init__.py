"""The Python face of a run: begin, resume, open; then sample, decode, encode, interpolate.

Window, terminal and notebooks all come through here.
"""

from latentlab.run.opened import Run, history, open_run
from latentlab.run.planning import Plan, plan
from latentlab.run.steering import Changes, changes
from latentlab.run.training import (
    PREVIEW_COLUMNS,
    PREVIEW_COUNT,
    QUICK_EVALUATION,
    Training,
    begin,
    new_folder,
    resume,
)

__all__ = [
    "PREVIEW_COLUMNS",
    "PREVIEW_COUNT",
    "QUICK_EVALUATION",
    "Changes",
    "Plan",
    "Run",
    "Training",
    "begin",
    "changes",
    "history",
    "new_folder",
    "open_run",
    "plan",
    "resume",
]
