"""What is imported behind the first paint, off the window's thread."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

from latentlab.data.base import Report
from latentlab.ui.kernel_threads import kernel_threads


def import_plots(report: Report) -> None:
    """pyqtgraph takes a tenth of a second and more."""
    import pyqtgraph  # noqa: F401


def warm_up(report: Report) -> list[tuple[str, str]]:
    """Import what training needs (a second and more) -> (device, description), best first."""
    load_libraries()
    import torch

    from latentlab import run
    from latentlab.latent import jacobian
    from latentlab.models import blocks, device, losses, pixels, vae
    from latentlab.training import loop

    kernel_threads()
    # The first optimizer imports the compiler stack: half a second, better now than on Train.
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    jacobian.prepare()
    del run, blocks, losses, pixels, vae, loop
    return [(name, device.describe(name)) for name in device.available()]


def load_libraries() -> None:
    """Have Linux load torch's libraries while the window goes on.

    `import torch` loads them with the interpreter's lock held: the window would stand still for a sixth of a
    second. Where they are elsewhere, or other ones are missing, nothing is loaded, and the import tells.
    """
    found = importlib.util.find_spec("torch")
    if sys.platform != "linux" or "torch" in sys.modules or found is None:
        return
    load = ctypes.CDLL(None).dlopen  # a foreign function: it is called without the lock
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for folder in found.submodule_search_locations or ():
        load(os.fsencode(Path(folder, "lib", "libtorch_python.so")), os.RTLD_NOW)


def import_dialogs(report: Report) -> None:
    """Those that a person may open next."""
    from latentlab.ui import export_dialog, film_dialog, import_dialog, model_dialog

    del export_dialog, film_dialog, import_dialog, model_dialog
