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
        self.resize(batch_size)
        self.go_to(epoch, position)

    def resize(self, batch_size: int) -> None:
        """The next step sees so many images, from where the last one ended."""
        self.batch_size = min(batch_size, self.count)

    def go_to(self, epoch: int, position: int) -> None:
        """Go on from there, also backwards."""
        self.epoch, self.position = epoch, position
        self._permutation = self._permute()

    def _permute(self) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.count)

    def next(self) -> np.ndarray:
        """int64 indices (batch_size,) of the next step."""
        if self.position + self.batch_size > self.count:
            self.go_to(self.epoch + 1, 0)
        indices = self._permutation[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return indices

    def coming(self) -> np.ndarray:
        """Indices of the step after that, as far as the epoch goes: of use to who reads ahead."""
        return self._permutation[self.position : self.position + self.batch_size]

    @property
    def epochs(self) -> float:
        """Epochs seen so far."""
        return self.epoch + self.position / self.count
