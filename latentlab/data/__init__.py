"""Where images come from: `base` says what a dataset is, each other file is one kind of source.

Every file of this folder is imported here, so adding a source is adding a file. None imports torch,
and scikit-learn is imported only when its digits are loaded.
"""

import importlib
import pkgutil

from latentlab.data.base import SOURCES, Dataset, Report, Skipped, Source, SourceConfig, load, resolve

__all__ = ["SOURCES", "Dataset", "Report", "Skipped", "Source", "SourceConfig", "load", "resolve"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
