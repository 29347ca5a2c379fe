"""Which device does the work."""

from __future__ import annotations

from latentlab.core.errors import ConfigError
from latentlab.core.points import is_points

TITLES = {"auto": "Automatic", "cuda": "CUDA", "mps": "Apple GPU", "cpu": "CPU"}


def available() -> list[str]:
    """The devices of this machine, best first; the last is always "cpu". Imports torch."""
    import torch

    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    return found


def choose(wanted: str) -> str:
    """ "auto" -> the best there is; another name -> itself, or ConfigError where this machine lacks it."""
    devices = available()
    if wanted == "auto":
        return devices[0]
    if wanted not in devices:
        raise ConfigError(f"training.device: this machine has no {wanted}; it has {', '.join(devices)}.")
    return wanted


def kernel_threads(image_shape: tuple[int, ...]) -> int:
    """How many of the CPU's threads a training of such images is to use: torch's number, for points one.

    Nets of points are so small that two threads wait for each other longer than they work.
    """
    import torch

    return 1 if is_points(image_shape) else torch.get_num_threads()


def describe(device: str) -> str:
    """For the toolbar: ``CPU · 2 threads``, ``CUDA · NVIDIA H200``."""
    import torch

    if device == "cuda":
        return f"CUDA · {torch.cuda.get_device_name()}"
    if device == "cpu":
        threads = torch.get_num_threads()
        return f"CPU · {threads} thread" + ("s" if threads != 1 else "")
    return TITLES.get(device, device)
