"""How results leave: `grid` composes, `base` writes whole files, each other file is one kind of format."""

import importlib
import pkgutil

from latentlab.export.base import EXPORTERS, Exporter, write_frames, write_picture
from latentlab.export.grid import compose, grid_size

__all__ = ["EXPORTERS", "Exporter", "compose", "grid_size", "write_frames", "write_picture"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
