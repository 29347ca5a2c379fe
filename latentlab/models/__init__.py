"""The nets and their training step: `base` is the contract, each other file one family.

Every file of this folder but the torch-bound building blocks is imported here, so that adding a model is
adding a file.
"""

import importlib
import pkgutil

from latentlab.models.base import MODELS, Model, register

__all__ = ["MODELS", "Model", "register"]

#: Building blocks that import torch; the families import them when a model is built.
TORCH_BOUND = {
    "augment",
    "blocks",
    "gan_losses",
    "kernels",
    "likelihoods",
    "losses",
    "pixels",
    "regularizers",
}

for _module in pkgutil.iter_modules(__path__):
    if _module.name not in TORCH_BOUND:
        importlib.import_module(f"{__name__}.{_module.name}")
