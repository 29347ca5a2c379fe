"""Handwritten digits that come with scikit-learn: the smallest real images, there without a download."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentlab.data.base import Dataset, Report, Source, register
from latentlab.data.images import prepare


@register("digits")
class Digits(Source):
    """1,797 handwritten digits of 8×8 pixels in 17 steps of grey (0..16), spread over 0..255.

    The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, UCI, 1998).
    Labels are the digits. Writers and digits follow each other in turn, so a `limit` takes the first ones.
    """

    title = "Digits"
    about = "1,797 handwritten digits, 8×8 unless a size is set; comes with scikit-learn."

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        from sklearn.datasets import load_digits  # takes a second: only when digits are wanted

        found = load_digits()
        count = min(config.limit or len(found.images), len(found.images))
        grey = np.rint(found.images[:count] * (255 / 16)).astype(np.uint8)
        return Dataset(
            images=prepare(grey[:, None], config.size, config.channels, report),
            name="digits",
            source=cls.key,
            config=config.model_dump(),
            labels=found.target[:count].astype(np.int64),
            label_names=tuple("0123456789"),
        )
