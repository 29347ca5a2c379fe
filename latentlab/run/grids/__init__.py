"""What image grids show; one file per source."""

import importlib
import pkgutil

from latentlab.run.grids.base import GRIDS, Grid, GridSource, Material, compose, make, state

__all__ = ["GRIDS", "Grid", "GridSource", "Material", "compose", "make", "state"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
