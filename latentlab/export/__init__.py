"""How results leave: `grid` and `points` compose, `base` writes whole files, the others are formats."""

import importlib
import pkgutil

from latentlab.export.base import EXPORTERS, Exporter, write_frames, write_picture
from latentlab.export.grid import compose, grid_size
from latentlab.export.points import scatter

__all__ = ["EXPORTERS", "Exporter", "compose", "grid_size", "scatter", "write_frames", "write_picture"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
