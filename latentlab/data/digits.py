"""Handwritten digits that come with scikit-learn: the smallest real images, there without a download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.data.base import Report, Source, register
from latentlab.data.originals import HeldArray, Listing


@register("digits")
class Digits(Source):
    """1,797 handwritten digits of 8×8 pixels in 17 steps of grey (0..16), spread over 0..255.

    The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, UCI, 1998).
    Labels are the digits. Writers and digits follow each other in turn, so a `limit` takes the first ones.
    """

    title = "Digits"
    about = "1,797 handwritten digits, 8×8 unless a size is set; comes with scikit-learn."

    @classmethod
    def open(cls, config: Any, report: Report) -> HeldArray:
        pixels, labels = _read()
        grey = np.rint(pixels * (255 / 16)).astype(np.uint8)[:, None]
        # Writers and digits follow each other in turn: the first ones are as mixed as any.
        count = min(config.limit or len(grey), len(grey))
        listing = Listing(count, labels=labels[:count].astype(np.int64), label_names=tuple("0123456789"))
        return HeldArray("digits", grey[:count], listing)


def _read() -> tuple[np.ndarray, np.ndarray]:
    """float64 images (N, 8, 8) in 0..16 and labels (N,)."""
    # Importing scikit-learn takes over a second of every launch; the file it carries is all that is wanted.
    package = importlib.util.find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    from sklearn.datasets import load_digits  # it keeps its data elsewhere now

    found = load_digits()
    return found.images, found.target
