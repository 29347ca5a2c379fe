"""What image grids show; one file per source, in the order of menus."""

from latentlab.run.grids.base import GRIDS, Grid, GridSource, Material, compose, make, state

# isort: off
from latentlab.run.grids import view, seeds, traversal, sweep  # noqa: F401
from latentlab.run.grids import interpolation, bookmarks, reconstructions, history  # noqa: F401
# isort: on

__all__ = ["GRIDS", "Grid", "GridSource", "Material", "compose", "make", "state"]
