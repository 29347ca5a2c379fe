"""What a training learns from: the rows of a store that are its, batch by batch, on the model's device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.data.gathering import Gatherer
from latentlab.training.augmentation import Augmentation
from latentlab.training.memory import sent


class Feed:
    """Batches of the images (N, C, H, W) of a store, in memory or mapped, that `which` names.

    which: int64 (M,), where an image may come more than once. labels: int64 (N,) of the whole store, for
    models that need them. seed: what `augmentation` draws from, beside the step.

    Nothing is copied but batches; no page of a memory map stays in this process. On a GPU that has `room` for
    the images of `which` each of them stays from when it is first seen. To be closed.
    """

    def __init__(
        self,
        images: np.ndarray,
        which: np.ndarray,
        device: torch.device,
        *,
        labels: np.ndarray | None = None,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._device, self._pinned = device, device.type == "cuda"
        self._augmentation, self._seed = augmentation or Augmentation(), seed
        self._labels = None if labels is None else sent(torch.from_numpy(labels[which]), device)
        self._shape, self._which = images.shape[1:], which
        self._dtype = torch.from_numpy(np.empty(0, images.dtype)).dtype
        self._gatherer = Gatherer(images)
        self._rows, places = np.unique(which, return_inverse=True)
        self._held: Tensor | None = None
        # Rows that are to lie on the device and do not yet; `_missing` counts them.
        self._absent, self._missing = np.zeros(0, bool), 0
        if self.count * images.itemsize * math.prod(self._shape) < room(device):
            self._held, self._which = self._empty(self.count, device=device), places
            self._absent, self._missing = np.ones(self.count, bool), self.count
        elif device.type == "cpu" and not isinstance(images, np.memmap) and images.flags.writeable:
            self._held = torch.from_numpy(images)

    def __len__(self) -> int:
        """Images of an epoch."""
        return len(self._which)

    @property
    def count(self) -> int:
        """How many different ones they are."""
        return len(self._rows)

    def batch(self, indices: np.ndarray, step: int) -> tuple[Tensor, Tensor | None]:
        """Images and labels at `indices`, int64 (B,) below `len`, on the device, as they are seen in `step`.

        uint8 (B, C, H, W), points float32; int64 (B,). DataError where the disk fails.
        """
        places = self._which[indices]
        if self._held is None:
            images = self._read(places)
        else:
            if self._missing and len(absent := self._absent_of(places)):
                self._held[sent(torch.from_numpy(absent), self._device)] = self._read(self._rows[absent])
                self._absent[absent] = False
                self._missing -= len(absent)
            images = self._held.index_select(0, sent(torch.from_numpy(places), self._device))
        images = self._augmentation(images, self._seed, step)
        if self._labels is None:
            return images, None
        return images, self._labels.index_select(0, sent(torch.from_numpy(indices), self._device))

    def expect(self, indices: np.ndarray) -> None:
        """The next batch is probably this: the system may fetch it from the disk while the model learns."""
        if not self._gatherer.from_file or (self._held is not None and not self._missing):
            return  # nothing will be read from a disk, and small steps notice what is asked for nothing
        places = self._which[indices]
        self._gatherer.expect(places if self._held is None else self._rows[self._absent_of(places)])

    def close(self) -> None:
        self._gatherer.close()

    def _absent_of(self, places: np.ndarray) -> np.ndarray:
        """Those that do not lie on the device yet."""
        return np.unique(places[self._absent[places]])

    def _read(self, rows: np.ndarray) -> Tensor:
        host = self._empty(len(rows), pin_memory=self._pinned)
        self._gatherer.read(rows, host.numpy())
        return host.to(self._device, non_blocking=self._pinned)

    def _empty(self, count: int, **how: Any) -> Tensor:
        return torch.empty((count, *self._shape), dtype=self._dtype, **how)


def room(device: torch.device) -> int:
    """Bytes that a dataset may take on a device of its own memory: a quarter of what is free there."""
    return torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else 0
