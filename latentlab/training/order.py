"""In which order images are seen."""

from __future__ import annotations

import numpy as np


class Order:
    """A permutation per epoch, drawn from (seed, epoch) alone, so that a resumed run sees what it would have.

    What does not fill a batch at an epoch's end is left for the next permutation. A batch larger than the
    dataset is the whole dataset.
    """

    def __init__(self, count: int, batch_size: int, seed: int, epoch: int = 0, position: int = 0) -> None:
        self.count, self.seed = count, seed
        self.batch_size = min(batch_size, count)
        self.epoch, self.position = epoch, position
        self._permutation = self._permute()

    def _permute(self) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.count)

    def next(self) -> np.ndarray:
        """int64 indices (batch_size,) of the next step."""
        if self.position + self.batch_size > self.count:
            self.epoch, self.position = self.epoch + 1, 0
            self._permutation = self._permute()
        indices = self._permutation[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return indices

    @property
    def epochs(self) -> float:
        """Epochs seen so far."""
        return self.epoch + self.position / self.count
