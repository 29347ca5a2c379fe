"""What the numbers of an array mean as an image: where its channels are, and what is black and white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.numpy_format import Array, by
from latentlab.data.report import Report

CHANNELS = (1, 3, 4)
#: How far floating-point numbers may lie outside their range: what resizing and rounding leave.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Layout:
    """Images of (c, h, w); `channels` is the dimension these lie in, 0 where there is none."""

    shape: tuple[int, int, int]
    channels: int

    def of(self, values: np.ndarray) -> np.ndarray:
        """(K, H, W), (K, C, H, W) or (K, H, W, C) -> (K, c, h, w)."""
        if not self.channels:
            return values[:, None]
        return values if self.channels == 1 else values.transpose(0, 3, 1, 2)


def layout_of(shape: tuple[int, ...]) -> Layout | str:
    """How images lie in an array; where they do not, why, as a clause behind "it is 3 × 4, "."""
    if 0 in shape:
        return "which is nothing"
    if len(shape) == 3:
        if shape[2] in CHANNELS:
            return "which looks like a single image; expected many (N, H, W, C)"
        return Layout((1, shape[1], shape[2]), 0)
    if len(shape) == 4:
        first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
        if first and last:
            return "which says two ways where channels are; expected 1, 3 or 4 in the second or last place"
        if first:
            return Layout((shape[1], shape[2], shape[3]), 1)
        if last:
            return Layout((shape[3], shape[1], shape[2]), 3)
        return "but channels are 1, 3 or 4, in the second or the last place"
    return "but images are (N, H, W), (N, H, W, C) or (N, C, H, W)"


class Scale(Enum):
    """What is black and what is white; the lowest and the highest that there may be."""

    BITS = (0, 1)
    BYTES = (0, 255)
    WORDS = (0, 65535)
    SIGNED = (-1, 1)

    @property
    def low(self) -> int:
        return self.value[0]

    @property
    def high(self) -> int:
        return self.value[1]


def scale_of(arrays: Sequence[Array], report: Report) -> Scale:
    """What the values of `arrays`, of one type, say; they are looked through as far as it takes.

    Whole numbers are 0 or 1, 0..255 or 0..65535, whatever their type; others 0..1 or -1..1. DataError.
    """
    total, before = sum(array.count for array in arrays), 0
    highest = 0.0
    for array in arrays:
        if array.dtype.kind == "b":
            continue
        for values in array.blocks(lambda done, before=before: report(before + done, total)):  # type: ignore[misc]
            low, high = _extremes(array, values)
            highest = max(highest, high)
            if low < -TOLERANCE:
                return _checked(array, low, highest, Scale.SIGNED)
            if array.dtype.kind == "f" and high > 1 + TOLERANCE:
                return _checked(array, low, highest, Scale.BYTES)
            if array.dtype == np.uint8 and high > 1:
                return Scale.BYTES
        before += array.count
    fitting = (scale for scale in (Scale.BITS, Scale.BYTES, Scale.WORDS) if highest <= scale.high + TOLERANCE)
    return next(fitting, None) or _checked(arrays[0], 0, highest, Scale.WORDS)


def to_bytes(array: Array, values: np.ndarray, scale: Scale) -> np.ndarray:
    """Some values of `array` -> uint8, black 0 and white 255. DataError where they lie outside `scale`."""
    if array.dtype.kind == "b":
        return np.where(values.view(np.uint8), np.uint8(255), np.uint8(0))
    if array.dtype == np.uint8 and scale is Scale.BYTES:
        return values
    _checked(array, *_extremes(array, values), scale)
    if scale is Scale.WORDS:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if array.dtype.kind == "f":
        numbers: Any = values.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
        if scale is Scale.BYTES:
            if (numbers != np.rint(numbers)).any():
                raise DataError(_expected(array, "fractions up to 255"))
            return numbers.astype(np.uint8)
        numbers = (numbers - scale.low) * (255 / (scale.high - scale.low))
        return np.rint(np.clip(numbers, 0, 255)).astype(np.uint8)
    return (values * (255 if scale is Scale.BITS else 1)).astype(np.uint8)


def _extremes(array: Array, values: np.ndarray) -> tuple[float, float]:
    with np.errstate(invalid="ignore"):
        low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high):
        bad = "NaN" if np.isnan(low) or np.isnan(high) else "infinity"
        raise DataError(_expected(array, bad))
    return low, high


def _checked(array: Array, low: float, high: float, scale: Scale) -> Scale:
    slack = TOLERANCE if array.dtype.kind == "f" else 0
    signed_integers = scale is Scale.SIGNED and not slack
    if low < scale.low - slack or high > scale.high + slack or signed_integers:
        raise DataError(_expected(array, f"numbers from {low:g} to {high:g}"))
    return scale


def _expected(array: Array, found: str) -> str:
    return (
        f"{array.what} ({by(array.shape)} · {array.kind}) holds {found}; "
        "expected fractions of 0 to 1 or -1 to 1, or whole numbers of 0 to 255 or 65535."
    )
