"""Growing curves of a million points: smoothed in pieces, and thinned to what a screen can show. No Qt."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right

import numpy as np

#: Points per bucket of the coarse copy that is kept beside every curve, and buckets per bucket of the next.
BUCKET = 64
#: Coarse copies: the last has a bucket for a quarter of a million points.
LEVELS = 3
#: Values per block of a column; a power of two.
BLOCK = 1 << 16
_SMOOTHED = 128
#: What weighs less beside a new value is left out where an average begins again in the middle of a curve.
_NOTHING = 1e-18


class Column:
    """float64 values that grow at their end in blocks: an append never moves what is there already."""

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block
        self._blocks: list[np.ndarray] = []
        self.length = 0

    def append(self, values: np.ndarray) -> None:
        done = 0
        while done < len(values):
            place = self.length % self._block
            if place == 0:
                self._blocks.append(np.empty(self._block))
            part = values[done : done + self._block - place]
            self._blocks[-1][place : place + len(part)] = part
            done += len(part)
            self.length += len(part)

    def truncate(self, length: int) -> None:
        """Forget what is behind the first `length` values."""
        if length < self.length:
            self.length = length
            del self._blocks[-(-length // self._block) :]
            if self._blocks:  # whoever was lent the block keeps what was in it
                self._blocks[-1] = self._blocks[-1].copy()

    def lent(self) -> Column:
        """The values of this moment, whatever is appended or forgotten later; nothing is copied."""
        column = Column(self._block)
        column._blocks, column.length = list(self._blocks), self.length
        return column

    def part(self, first: int, last: int, every: int = 1) -> np.ndarray:
        """(N,) of the places first, first + every and so on below `last`; a view where that is possible."""
        parts = []
        for number in range(first // self._block, -(-last // self._block)):
            begin = number * self._block
            start = first - begin if begin <= first else (first - begin) % every
            parts.append(self._blocks[number][start : last - begin : every])
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)

    def array(self) -> np.ndarray:
        """(length,), all of them."""
        return self.part(0, self.length)

    def __getitem__(self, place: int) -> float:
        return float(self._blocks[place // self._block][place % self._block])

    def search(self, value: float, *, right: bool = False) -> int:
        """How many values, which do not fall, lie below `value`; with `right` also those that equal it."""
        bisect = bisect_right if right else bisect_left
        number = bisect(self._blocks, value, key=lambda block: block[0]) - 1
        if number < 0:
            return 0
        begin = number * self._block
        block = self._blocks[number][: self.length - begin]
        return begin + int(np.searchsorted(block, value, side="right" if right else "left"))


class Curve(Column):
    """A column of values, NaN a gap; coarse copies of minima and maxima grow along."""

    def __init__(self) -> None:
        super().__init__(BLOCK)
        self._levels = [(Column(BLOCK // 4), Column(BLOCK // 4)) for _ in range(LEVELS)]

    def append(self, values: np.ndarray) -> None:
        super().append(values)
        below: tuple[Column, Column] = (self, self)
        for level in self._levels:
            done, full = level[0].length, below[0].length // BUCKET
            if full == done:
                break
            for column, finer, reduce in zip(level, below, (np.fmin.reduce, np.fmax.reduce), strict=True):
                blocks = finer.part(done * BUCKET, full * BUCKET).reshape(-1, BUCKET)
                column.append(reduce(blocks, axis=1))
            below = level

    def truncate(self, length: int) -> None:
        super().truncate(length)
        for level in self._levels:
            length //= BUCKET
            for column in level:
                column.truncate(length)

    def thinned(self, steps: Column, first: int, last: int, points: int) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of the points first..last: a minimum and a maximum for each of about `points` buckets.

        `steps` has one x for each value. Few points are given as they are; the last ones, which fill no
        bucket, have smaller ones. The first bucket may begin before `first`.
        """
        count, points = last - first, max(2, points)
        if count <= 2 * points:
            return steps.part(first, last), self.part(first, last)
        # A power of two, and buckets that begin at its multiples: curves do not shimmer while they grow.
        width = 1 << (-(-count // points) - 1).bit_length()
        start = first // width * width
        stop = start + (last - start) // width * width
        low, high = self._extrema(start, stop, width)
        x = steps.part(start, stop, width // 2)
        y = np.column_stack([low, high]).reshape(-1)
        # The last points are what people look at: lines end at the very last.
        rest = self.thinned(steps, min(stop, last - 1), last, points // 8)
        return np.append(x, rest[0]), np.append(y, rest[1])

    def _extrema(self, start: int, stop: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Minima and maxima of buckets of `width` values, by the coarsest copy that knows them."""
        finest: tuple[Column, Column] = (self, self)
        size = 1
        for level in self._levels:
            if size * BUCKET > width:
                break
            finest, size = level, size * BUCKET
        low, high = (column.part(start // size, stop // size).reshape(-1, width // size) for column in finest)
        return np.fmin.reduce(low, axis=1), np.fmax.reduce(high, axis=1)


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
        if finite.all():  # in closed form, which half of the work is saved by
            fading = np.exp(math.log(self.weight) * np.arange(1, len(values) + 1))
            norms = self._norm * fading + (1 - fading) / (1 - self.weight)
            self._norm = float(norms[-1]) if len(norms) else self._norm
        else:
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
    block = min(_SMOOTHED, count)
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


class Average:
    """The moving average of a curve, as far as it has come."""

    def __init__(self, weight: float) -> None:
        self.curve = Curve()
        self.weight = weight
        self._smoother = Smoother(weight)

    def catch_up(self, raw: Curve, most: int) -> int:
        """Average at most so many further points of `raw` -> how many."""
        done = self.curve.length
        count = min(most, raw.length - done)
        if count > 0:
            self.curve.append(self._smoother.push(raw.part(done, done + count)))
        return count

    def truncate(self, raw: Curve, length: int) -> None:
        """Go on after the first `length` points of `raw`."""
        if length < self.curve.length:
            self.curve.truncate(length)
            reach = math.ceil(math.log(_NOTHING) / math.log(self.weight))
            self._smoother = Smoother(self.weight)
            self._smoother.push(raw.part(max(0, length - reach), length))


class Series:
    """One named series: its steps (not falling), its values, and their moving average.

    Steps that start again further left replace what was there from that step on: a run resumed from an older
    checkpoint overwrites what it does again.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.raw = Curve()
        self.steps = Column()
        self._average = Average(smoothing) if smoothing > 0 else None
        self._coming: Average | None = None

    def __len__(self) -> int:
        return self.raw.length

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Append points, (n,) and (n,); infinities become gaps."""
        steps = np.asarray(steps, dtype=np.float64).reshape(-1)
        values = np.asarray(values, dtype=np.float64).reshape(-1)
        if len(steps) != len(values):
            raise ValueError(f"{len(steps)} steps for {len(values)} values")
        if len(steps) == 0:
            return
        if len(self) and steps[0] < self.steps[len(self) - 1]:
            self._truncate(self.steps.search(steps[0]))
        self.steps.append(steps)
        self.raw.append(np.where(np.isfinite(values), values, np.nan))
        if self._average is not None:
            self._average.catch_up(self.raw, len(values))

    def rewind(self, step: float) -> None:
        """Forget the points after `step`."""
        self._truncate(self.steps.search(step, right=True))

    def set_smoothing(self, weight: float) -> None:
        """0 is none, towards 1 is more; the average before it stays until `catch_up` has made the new one."""
        self._coming = Average(weight) if weight > 0 else None
        if weight <= 0 or len(self) == 0:
            self._average, self._coming = self._coming, None

    @property
    def is_behind(self) -> bool:
        """Whether another average was asked for than the one there is."""
        return self._coming is not None

    def catch_up(self, most: int) -> int:
        """Work at most so many points of the average that was asked for -> how many."""
        if self._coming is None:
            return 0
        count = self._coming.catch_up(self.raw, most)
        if self._coming.curve.length == len(self):
            self._average, self._coming = self._coming, None
        return count

    @property
    def main(self) -> Curve:
        """The curve that is drawn strong: the average where there is one."""
        return self._average.curve if self._average is not None else self.raw

    def last(self) -> float:
        """The newest value that is a number; NaN if there is none."""
        for start in range(len(self), 0, -256):
            part = self.main.part(max(0, start - 256), start)
            finite = part[np.isfinite(part)]
            if len(finite):
                return float(finite[-1])
        return float("nan")

    def at(self, step: float) -> float:
        """The value of the strong curve at the point nearest to `step`; NaN if there is none."""
        if len(self) == 0:
            return float("nan")
        i = self.steps.search(step)
        if i == len(self) or (i > 0 and step - self.steps[i - 1] <= self.steps[i] - step):
            i -= 1
        return self.main[i]

    def slice(self, low: float, high: float) -> tuple[int, int]:
        """The points within low..high and one more to either side, so that lines reach the edges."""
        first, last = self.steps.search(low) - 1, self.steps.search(high, right=True) + 1
        return max(0, first), min(len(self), last)

    def _truncate(self, length: int) -> None:
        for average in (self._average, self._coming):
            if average is not None:
                average.truncate(self.raw, length)
        self.raw.truncate(length)
        self.steps.truncate(length)
