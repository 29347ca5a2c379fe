"""How much memory training takes, and how it goes on where there is not enough."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import psutil
import torch
from torch import Tensor

from latentlab.models.base import Model

#: Beside torch's own class and Python's: the allocators of the CPU (Linux, Windows), of Apple's GPU, and of
#: CUDA's libraries, all of which raise a plain RuntimeError.
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "alloc_failed",
)
#: Steps that must fit: the second finds what the first left behind, the optimizer's moments.
TRIALS = 2


# Parameters of glibc's mallopt, and what it would have tuned itself to.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_TUNED = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20, _MMAP_MAX: 65536}


@contextlib.contextmanager
def kept_pages() -> Iterator[None]:
    """What is freed stays with this process until the end, for what comes next.

    glibc hands large blocks back at once, and a step on the CPU asks for all of them again: every page is
    then mapped and zeroed anew, up to a fifth of the time. Other systems' allocators are left as they are.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    assert libc is not None
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        for parameter, value in _TUNED.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether something failed for want of memory, of the machine or of its GPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def taken(device: torch.device) -> int:
    """Bytes: CUDA the peak since `count_anew`, Apple's GPU at present, else what this process holds."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return int(psutil.Process().memory_info().rss)


def count_anew(device: torch.device) -> None:
    """The peak that `taken` tells is that of what comes now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device. From pinned memory a GPU fetches it when it comes to it, and nobody waits for that."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class Guard:
    """Knows what a step that broke off had done already, and makes the model fit for use again.

    `moved`: whether an optimizer has begun to change weights since the last whole step; whoever counts steps
    sets it back. As long as none has, the weights are those after that step; at most the running statistics
    of batch normalisation and the power iteration of spectral normalisation have seen a batch more.
    """

    def __init__(self, model: Model) -> None:
        self.moved = False
        self._model = model
        # A GAN's step takes the discriminator's gradients away for a while.
        self._learns = [(p, p.requires_grad) for net in model.nets.values() for p in net.parameters()]

    def __enter__(self) -> Guard:
        optimizers = self._model.optimizers().values()
        self._hooks = [optimizer.register_step_pre_hook(self._on_step) for optimizer in optimizers]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def mend(self) -> None:
        """Free what the step left behind. To be called when its exception, which holds tensors, is gone."""
        for parameter, learns in self._learns:
            parameter.grad = None
            parameter.requires_grad_(learns)
        gc.collect()
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._model.device.type == "mps":
            torch.mps.empty_cache()

    def _on_step(self, *_: Any) -> None:
        self.moved = True


def fitting_batch(
    model: Model, guard: Guard, size: int, batch: Callable[[int], tuple[Tensor, Tensor | None]]
) -> int:
    """The first of a half, a quarter, ... of `size` images that the model can learn from; 0 if none fits.

    `batch(n)` gives n images and their labels. The model has learned from them afterwards: load it again.
    """
    while (size := size // 2) >= model.smallest_batch:
        try:
            for _ in range(TRIALS):
                model.step(*batch(size))
            fits = True
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        guard.mend()
        if fits:
            return size
    return 0
