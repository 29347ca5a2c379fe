"""Directions in the latent space that mean something. `base` is the contract, each other file one way.

Every file of this folder is imported here, so that adding a way is adding a file; torch and scikit-learn are
imported where they are used.
"""

import importlib
import pkgutil

from latentlab.latent.directions.base import METHODS, Direction, Material, Method, find, register

__all__ = ["METHODS", "Direction", "Material", "Method", "find", "register"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
