"""What a training learns from: the rows of a store that are its, batch by batch, on the model's device."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from latentlab.data.gathering import Gatherer
from latentlab.training.augmentation import Augmentation
from latentlab.training.memory import sent

#: Rows that are copied to a device at a time.
CHUNK = 1024


class Feed:
    """Batches of the images (N, C, H, W) of a store, in memory or mapped, that `which` names.

    which: int64 (M,), where an image may come more than once. labels: int64 (N,) of the whole store, for
    models that need them. seed: what `augmentation` draws from, beside the step.

    Nothing is copied but batches; no page of a memory map stays in this process. On a GPU that has `room` for
    them the images of `which`, and they alone, lie there. To be closed.
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
        self._gatherer = Gatherer(images)
        self._shape, self._which = images.shape[1:], which
        self._dtype = torch.from_numpy(np.empty(0, images.dtype)).dtype
        self._held: Tensor | None = None
        distinct, places = np.unique(which, return_inverse=True)
        self.count = len(distinct)
        if self.count * images.itemsize * math.prod(self._shape) < room(device):
            self._held, self._which = self._copy(distinct), places
            self._gatherer.close()
        elif device.type == "cpu" and not isinstance(images, np.memmap) and images.flags.writeable:
            self._held = torch.from_numpy(images)

    def __len__(self) -> int:
        """Images of an epoch; `count` is how many different ones they are."""
        return len(self._which)

    def batch(self, indices: np.ndarray, step: int) -> tuple[Tensor, Tensor | None]:
        """Images and labels at `indices`, int64 (B,) below `len`, on the device, as they are seen in `step`.

        uint8 (B, C, H, W), points float32; int64 (B,). DataError where the disk fails.
        """
        rows = self._which[indices]
        if self._held is not None:
            images = self._held.index_select(0, sent(torch.from_numpy(rows), self._device))
        else:
            host = torch.empty((len(rows), *self._shape), dtype=self._dtype, pin_memory=self._pinned)
            self._gatherer.read(rows, host.numpy())
            images = host.to(self._device, non_blocking=self._pinned)
        images = self._augmentation(images, self._seed, step)
        if self._labels is None:
            return images, None
        return images, self._labels.index_select(0, sent(torch.from_numpy(indices), self._device))

    def expect(self, indices: np.ndarray) -> None:
        """The next batch is probably this: the system may fetch it from the disk while the model learns."""
        if self._held is None:
            self._gatherer.expect(self._which[indices])

    def close(self) -> None:
        self._gatherer.close()

    def _copy(self, distinct: np.ndarray) -> Tensor:
        held = torch.empty((len(distinct), *self._shape), dtype=self._dtype, device=self._device)
        for start in range(0, len(distinct), CHUNK):
            rows = self._gatherer.read(distinct[start : start + CHUNK])
            held[start : start + CHUNK] = torch.from_numpy(rows).to(self._device)
        return held


def room(device: torch.device) -> int:
    """Bytes that a dataset may take on a device of its own memory: a quarter of what is free there."""
    return torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else 0
