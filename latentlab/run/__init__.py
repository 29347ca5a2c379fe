"""The Python face of a run: begin, resume, open; then sample, decode, encode, interpolate.

Window, terminal and notebooks all come through here.
"""

from latentlab.run.benchmark import Benchmark, benchmark
from latentlab.run.histories import history
from latentlab.run.opened import Run, open_run
from latentlab.run.planning import Plan, configs, plan
from latentlab.run.preparing import PreparationPreview, preview
from latentlab.run.starting import begin, new_folder, resume
from latentlab.run.steering import Changes, changes
from latentlab.run.training import (
    PREVIEW_COLUMNS,
    PREVIEW_COUNT,
    QUICK_EVALUATION,
    TakenOver,
    Training,
)

__all__ = [
    "PREVIEW_COLUMNS",
    "PREVIEW_COUNT",
    "QUICK_EVALUATION",
    "Benchmark",
    "Changes",
    "Plan",
    "PreparationPreview",
    "Run",
    "TakenOver",
    "Training",
    "begin",
    "benchmark",
    "changes",
    "configs",
    "history",
    "new_folder",
    "open_run",
    "plan",
    "preview",
    "resume",
]
