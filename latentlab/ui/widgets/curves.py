"""Growing curves of a million points: smoothed step by step, and thinned to what a screen can show. No Qt."""

from __future__ import annotations

import numpy as np

#: Points per bucket of the coarse copy that is kept beside every curve.
BUCKET = 64
_BLOCK = 128


class Curve:
    """A column of values that grows at its end; a coarse copy of minima and maxima grows along.

    float64; NaN is a gap.
    """

    def __init__(self) -> None:
        self.length = 0
        self._values = np.empty(1024)
        self._low = np.empty(16)
        self._high = np.empty(16)

    @property
    def values(self) -> np.ndarray:
        """(length,); a view."""
        return self._values[: self.length]

    def append(self, values: np.ndarray) -> None:
        end = self.length + len(values)
        self._values = _grown(self._values, self.length, end)
        self._values[self.length : end] = values
        done, full = self.length // BUCKET, end // BUCKET
        self.length = end
        if full > done:
            self._low = _grown(self._low, done, full)
            self._high = _grown(self._high, done, full)
            blocks = self._values[done * BUCKET : full * BUCKET].reshape(-1, BUCKET)
            self._low[done:full] = np.fmin.reduce(blocks, axis=1)
            self._high[done:full] = np.fmax.reduce(blocks, axis=1)

    def truncate(self, length: int) -> None:
        self.length = min(self.length, length)

    def thinned(self, steps: np.ndarray, first: int, last: int, points: int) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of the points first..last, at most about 2 * `points` of them, peaks kept.

        `steps` has one x for each value.
        """
        count = last - first
        if count <= 2 * points:
            return steps[first:last], self._values[first:last]
        # A power of two, and buckets that begin at its multiples: curves do not shimmer while they grow.
        width = 1 << (-(-count // points) - 1).bit_length()
        if width < 2 * BUCKET:
            start = first // width * width
            stop = start + (last - start) // width * width
            blocks = self._values[start:stop].reshape(-1, width)
            low, high = np.fmin.reduce(blocks, axis=1), np.fmax.reduce(blocks, axis=1)
        else:
            merge = width // BUCKET
            width = merge * BUCKET
            start = first // width * width
            stop = start + (last - start) // width * width
            shape = (-1, merge)
            low = np.fmin.reduce(self._low[start // BUCKET : stop // BUCKET].reshape(shape), axis=1)
            high = np.fmax.reduce(self._high[start // BUCKET : stop // BUCKET].reshape(shape), axis=1)
        x = np.empty(2 * len(low))
        y = np.empty(2 * len(low))
        x[0::2], x[1::2] = steps[start:stop:width], steps[start + width // 2 : stop : width]
        y[0::2], y[1::2] = low, high
        if stop < last:  # the last points are what people look at
            tail = max(stop, last - points)
            x, y = np.concatenate([x, steps[tail:last]]), np.concatenate([y, self._values[tail:last]])
        return x, y


class Smoother:
    """Exponential moving average, debiased: sum of w^(n-i) v_i over the sum of w^(n-i), gaps left out.

    The debiasing is Adam's (arXiv:1412.6980, section 3); TensorBoard smooths its curves the same way.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._sum = 0.0
        self._norm = 0.0

    def push(self, values: np.ndarray) -> np.ndarray:
        """The averages after each of `values`, float64 (n,); NaN where the value is NaN."""
        finite = np.isfinite(values)
        sums, self._sum = _decaying_sum(np.where(finite, values, 0.0), self.weight, self._sum)
        norms, self._norm = _decaying_sum(finite.astype(np.float64), self.weight, self._norm)
        result = np.full(len(values), np.nan)
        np.divide(sums, norms, out=result, where=finite & (norms > 0))
        return result


def _decaying_sum(values: np.ndarray, weight: float, carry: float) -> tuple[np.ndarray, float]:
    """s_i = weight * s_(i-1) + values_i, starting from `carry`; and the last s.

    In blocks: within a block by one matrix product, between blocks by one number each.
    """
    count = len(values)
    if count == 0:
        return values, carry
    block = min(_BLOCK, count)
    padded = np.zeros(-(-count // block) * block)
    padded[:count] = values
    ages = np.arange(block)[:, None] - np.arange(block)[None, :]
    kernel = np.where(ages >= 0, weight ** np.maximum(ages, 0), 0.0)
    local = padded.reshape(-1, block) @ kernel.T
    reach = weight ** np.arange(1, block + 1)
    carries = np.empty(len(local))
    for i, end in enumerate(local[:, -1].tolist()):
        carries[i] = carry
        carry = carry * float(reach[-1]) + end
    sums = (local + carries[:, None] * reach).reshape(-1)[:count]
    return sums, float(sums[-1])


class Series:
    """One named series: its steps (not falling), its values, and their moving average.

    Steps that start again further left replace what was there from that step on: a run resumed from an older
    checkpoint overwrites what it does again.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.raw = Curve()
        self.smooth = Curve()
        self._steps = np.empty(1024)
        self._smoother = Smoother(smoothing)

    def __len__(self) -> int:
        return self.raw.length

    @property
    def steps(self) -> np.ndarray:
        """float64 (n,); a view."""
        return self._steps[: self.raw.length]

    @property
    def values(self) -> np.ndarray:
        """float64 (n,); a view."""
        return self.raw.values

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Append points, (n,) and (n,); infinities become gaps."""
        steps = np.asarray(steps, dtype=np.float64).reshape(-1)
        values = np.asarray(values, dtype=np.float64).reshape(-1)
        if len(steps) != len(values):
            raise ValueError(f"{len(steps)} steps for {len(values)} values")
        if len(steps) == 0:
            return
        length = len(self)
        if length and steps[0] < self._steps[length - 1]:
            self._truncate(int(np.searchsorted(self.steps, steps[0])))
            length = len(self)
        values = np.where(np.isfinite(values), values, np.nan)
        self._steps = _grown(self._steps, length, length + len(steps))
        self._steps[length : length + len(steps)] = steps
        self.raw.append(values)
        if self._smoother.weight > 0:
            self.smooth.append(self._smoother.push(values))

    def rewind(self, step: float) -> None:
        """Forget the points after `step`."""
        length = int(np.searchsorted(self.steps, step, side="right"))
        if length < len(self):
            self._truncate(length)

    def set_smoothing(self, weight: float) -> None:
        """0 is none, towards 1 is more."""
        self._smoother = Smoother(weight)
        self.smooth = Curve()
        if weight > 0:
            self.smooth.append(self._smoother.push(self.values))

    @property
    def main(self) -> Curve:
        """The curve that is drawn strong: the average where there is one."""
        return self.smooth if self._smoother.weight > 0 else self.raw

    def last(self) -> float:
        """The newest value that is a number; NaN if there is none."""
        for start in range(len(self), 0, -256):
            part = self.main.values[max(0, start - 256) : start]
            finite = part[np.isfinite(part)]
            if len(finite):
                return float(finite[-1])
        return float("nan")

    def at(self, step: float) -> float:
        """The value of the strong curve at the point nearest to `step`; NaN if there is none."""
        if len(self) == 0:
            return float("nan")
        i = int(np.searchsorted(self.steps, step))
        if i == len(self) or (i > 0 and step - self._steps[i - 1] <= self._steps[i] - step):
            i -= 1
        return float(self.main.values[i])

    def slice(self, low: float, high: float) -> tuple[int, int]:
        """The points within low..high and one more to either side, so that lines reach the edges."""
        first = int(np.searchsorted(self.steps, low)) - 1
        last = int(np.searchsorted(self.steps, high, side="right")) + 1
        return max(0, first), min(len(self), last)

    def _truncate(self, length: int) -> None:
        self.raw.truncate(length)
        self.set_smoothing(self._smoother.weight)


def _grown(buffer: np.ndarray, used: int, needed: int) -> np.ndarray:
    if needed <= len(buffer):
        return buffer
    larger = np.empty(max(needed, 2 * len(buffer)))
    larger[:used] = buffer[:used]
    return larger
