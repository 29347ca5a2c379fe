"""How many threads the kernels of a worker's thread may use, and which worker comes first."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from PySide6.QtCore import QThread

T = TypeVar("T")

#: A trainer's, 19 being the lowest priority. At 10 its kernels still made the window some milliseconds late.
NICENESS = 15


@functools.cache
def kernel_threads() -> int:
    """How many threads torch chose for its kernels; `warming` asks first, before any thread has its own."""
    import torch

    return torch.get_num_threads()


def are_known() -> bool:
    """Whether `kernel_threads` was asked, and so torch is there."""
    return kernel_threads.cache_info().currsize > 0


def take_all_kernel_threads() -> None:
    """For the one thread that trains, and for work while nothing is trained."""
    _set_kernel_threads(kernel_threads())


def keep_to_one_kernel_thread() -> None:
    """For threads that live beside a training's.

    The first kernel that a thread runs on several cores gives it a team for life. As soon as teams have more
    threads than there are cores, all of them sleep at each kernel's end instead of waiting awake, which made
    small kernels four times as long.
    """
    _set_kernel_threads(1)


def _set_kernel_threads(count: int) -> None:
    """Of this thread. Asked for first: its first kernel would take over what any other thread set last."""
    import torch

    torch.get_num_threads()
    torch.set_num_threads(count)


def in_full_strength(function: Callable[..., T], *given: Any) -> T:
    """What a function returns that may use all cores; in a thread of its own, with which its team ends."""
    with ThreadPoolExecutor(1, initializer=take_all_kernel_threads) as alone:
        return alone.submit(function, *given).result()


def yield_to_the_window() -> None:
    """Lower this thread's priority; torch's kernel threads inherit it, so call it before they start."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    else:
        QThread.currentThread().setPriority(QThread.Priority.LowPriority)
