"""How good it is: one file per metric, each imported here."""

import importlib
import pkgutil

from latentlab.metrics.base import METRICS, Heldout, Metric, figures, measure
from latentlab.metrics.elbo import kl_per_dimension

__all__ = ["METRICS", "Heldout", "Metric", "figures", "kl_per_dimension", "measure"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
