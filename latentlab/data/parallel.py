"""Work of many pieces on all cores, its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Seconds after which the one who waits looks whether he shall go on waiting.
PATIENCE = 0.1


def in_order(function: Callable[[T], R], pieces: Iterable[T], look: Callable[[], None]) -> Iterator[R]:
    """`function` of each of `pieces`, in their order; some are worked on at once, each in a thread.

    Pillow and zlib let other threads run while they decode. `look` is called ten times a second while a
    result is waited for; what it raises ends the work at once: pieces under way are not waited for.
    `pieces` is read in the caller's thread, a few ahead.
    """
    workers = max(1, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, "latentlab-data")
    waiting: deque[Future[R]] = deque()
    remaining = iter(pieces)
    try:
        while True:
            while len(waiting) < 2 * workers and (piece := next(remaining, _NOTHING)) is not _NOTHING:
                waiting.append(pool.submit(function, piece))  # type: ignore[arg-type]
            if not waiting:
                return
            while True:
                look()
                try:
                    result = waiting[0].result(PATIENCE)
                except NotYet:
                    if not waiting[0].done():
                        continue
                    raise  # the function's own
                break
            waiting.popleft()
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_NOTHING = object()
