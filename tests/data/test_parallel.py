import subprocess
import sys
import threading

import pytest

from latentlab.core.errors import Cancelled
from latentlab.data import parallel
from latentlab.data.parallel import in_order

#: Seconds after which a test that hangs fails.
LONG = 20


@pytest.fixture(autouse=True)
def _cores(monkeypatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 3)


def nothing():
    pass


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "latentlab-data"]


def all_end():
    for thread in threads():
        thread.join(LONG)
    return not threads()


def test_results_come_in_the_order_of_the_pieces():
    """The first piece ends last: it waits for all that are worked on beside it."""
    others = threading.Semaphore(0)

    def work(piece):
        if piece == 0:
            return all(others.acquire(timeout=LONG) for _ in range(5)) and 0
        others.release()
        return piece

    assert list(in_order(work, range(50), nothing)) == list(range(50))
    assert all_end()


def test_nothing_to_do_starts_no_thread():
    before = set(threads())  # of another test that ended in the middle
    assert list(in_order(str, [], nothing)) == [] and set(threads()) <= before


def test_as_many_are_worked_on_at_once_as_there_are_cores():
    together = threading.Barrier(3)  # breaks where fewer come
    assert list(in_order(lambda piece: together.wait(LONG) >= 0, range(6), nothing)) == [True] * 6
    assert all_end()


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("mine"), Cancelled()])
def test_an_error_passes_in_its_turn(error):
    def work(piece):
        if piece == 3:
            raise error
        return piece

    found = []
    with pytest.raises(type(error)) as caught:
        found.extend(in_order(work, range(10), nothing))
    assert caught.value is error
    assert found == [0, 1, 2]
    assert all_end()


def test_pieces_are_read_a_few_ahead():
    read = []

    def pieces():
        for piece in range(100):
            read.append(piece)
            yield piece

    results = in_order(str, pieces(), nothing)
    assert read == []
    for done in range(1, 90):
        next(results)
        assert len(read) <= done - 1 + 2 * 3
    results.close()
    assert all_end()


def test_without_room_one_piece_is_read_at_a_time():
    read, done = [], []

    def pieces():
        for piece in range(10):
            read.append(piece)
            yield piece

    for result in in_order(str, pieces(), nothing, room=lambda: False):
        done.append(result)
        assert len(read) == len(done)
    assert len(done) == 10


def test_cancelling_does_not_wait_for_a_busy_piece():
    go_on, busy, looks = threading.Event(), threading.Event(), []

    def work(piece):
        busy.set()
        assert go_on.wait(LONG)
        return piece

    def look():
        looks.append(busy.wait(LONG))
        if len(looks) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(in_order(work, range(100), look))
    assert len(looks) == 3 and not go_on.is_set()
    go_on.set()
    assert all_end()


def test_pieces_that_wait_are_dropped_when_it_ends():
    go_on, worked = threading.Event(), []

    def work(piece):
        worked.append(piece)
        if piece:
            assert go_on.wait(LONG)

    results = in_order(work, range(100), nothing)
    next(results)
    results.close()
    go_on.set()
    assert all_end() and len(worked) <= 1 + 3


def test_the_process_ends_while_a_piece_is_busy():
    program = (
        "import threading\n"
        "from latentlab.data.parallel import in_order\n"
        "busy = threading.Event()\n"
        "def work(piece):\n"
        "    busy.set()\n"
        "    threading.Event().wait()\n"
        "def look():\n"
        "    busy.wait()\n"
        "    raise SystemExit(7)\n"
        "next(in_order(work, [1, 2, 3], look))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=LONG).returncode == 7
