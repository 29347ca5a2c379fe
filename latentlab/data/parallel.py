"""Work of many pieces on all cores, its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Seconds after which the one who waits looks whether he shall go on waiting.
PATIENCE = 0.1


def in_order(
    function: Callable[[T], R],
    pieces: Iterable[T],
    look: Callable[[], None],
    room: Callable[[], bool] = lambda: True,
) -> Iterator[R]:
    """`function` of each of `pieces`, in their order; some are worked on at once, each in a thread.

    Pillow and zlib let other threads run while they decode. `look` is called ten times a second while a
    result is waited for; what it raises ends the work at once: pieces under way are not waited for, and
    neither does the end of the process. `pieces` is read in the caller's thread, at most two for each core
    ahead, and only one while there is no `room`.
    """
    workers = max(1, os.cpu_count() or 1)
    tasks: SimpleQueue[tuple[Future[R], T] | None] = SimpleQueue()
    waiting: deque[Future[R]] = deque()
    remaining, started = iter(pieces), 0
    try:
        while True:
            while len(waiting) < 2 * workers and (not waiting or room()):
                piece: Any = next(remaining, _NOTHING)
                if piece is _NOTHING:
                    break
                waiting.append(Future())
                tasks.put((waiting[-1], piece))
                del piece  # what is done with shall not be held in memory
                if started < workers:
                    started += 1
                    # A pool's threads are waited for when the process ends, daemons are not.
                    Thread(target=_work, args=(function, tasks), name="latentlab-data", daemon=True).start()
            if not waiting:
                return
            look()
            while not wait([waiting[0]], PATIENCE).done:
                look()
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(started):
            tasks.put(None)


def _work(function: Callable[[T], R], tasks: SimpleQueue[tuple[Future[R], T] | None]) -> None:
    while (task := tasks.get()) is not None:
        future, piece = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function(piece))
            except BaseException as error:
                future.set_exception(error)
        del task, future, piece


_NOTHING = object()
