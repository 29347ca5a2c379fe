"""Snapshots are read a few at a time while someone scrubs, and the newest wish wins."""

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject, Signal

from latentlab.training.run_folder import RunFolder
from latentlab.ui.history import MOST_READ, History


class Reading(QObject):
    """A task that the test ends."""

    succeeded = Signal(object)
    finished = Signal()

    def __init__(self, function, then, ended):
        super().__init__()
        self.function = function
        self.succeeded.connect(then)
        self.finished.connect(ended)

    def end(self):
        self.succeeded.emit(self.function(None))
        self.finished.emit()


@pytest.fixture
def scrubbed(tmp_path, qapp):
    """A history of 100 snapshots, what it reads and what it shows."""
    readings, shown = [], []

    def start(function, then, ended):
        readings.append(Reading(function, then, ended))
        return readings[-1]

    samples = []
    for step in range(100):
        path = tmp_path / f"{step}.png"
        Image.fromarray(np.full((12, 12), step, np.uint8)).save(path)
        samples.append((step, path))
    info = {"image_shape": [1, 8, 8], "metrics": []}
    history = History(start)
    history.shown.connect(lambda step, images: shown.append((step, int(images.max()))))
    history.show(RunFolder(tmp_path, info), samples)
    return history, readings, shown


def test_while_scrubbing_few_are_read_and_the_last_wish_comes_next(scrubbed):
    history, readings, shown = scrubbed
    for place in range(80):
        history.go(place)
    assert len(readings) == MOST_READ and shown == []
    readings.pop(0).end()
    assert len(readings) == MOST_READ
    readings.pop().end()
    assert shown == [(79, 79)]
    while readings:  # what is late is kept, and shows no more
        readings.pop().end()
    assert shown == [(79, 79)] and history.looked_at[0] == 79
    history.go(0)
    assert shown[-1] == (0, 0) and readings == []


def test_another_run_does_not_wait_for_what_is_read_of_the_one_before(scrubbed, tmp_path):
    history, readings, shown = scrubbed
    for place in range(80):
        history.go(place)
    late = readings[:]
    readings.clear()
    history.show(history._folder, [(7, tmp_path / "55.png")])
    assert len(readings) == 1
    for reading in late:
        reading.end()
    assert len(readings) == 1 and shown == []
    readings.pop().end()
    assert shown == [(7, 55)]
