"""The thread that makes thumbnails."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtGui import QImage

from latentlab.ui import thumbs
from latentlab.ui.thumbs import TOGETHER, Thumbnailer, Wanted, thumbnail


@pytest.fixture
def thumbnailer(qtbot):
    thumbnailer = Thumbnailer()
    yield thumbnailer
    thumbnailer.stop()
    assert thumbnailer.wait(2000)


def wanted(count: int = 100, side: int = 12) -> Wanted:
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 8, 8), np.uint8)
    return Wanted(images, np.arange(count), side)


def test_all_that_is_wanted_is_made_in_its_order(thumbnailer, qtbot):
    made: dict[int, QImage] = {}
    thumbnailer.made.connect(lambda _, some: made.update(some))
    asked = wanted()
    thumbnailer.ask(Wanted(asked.images, np.array([70, 3, *range(4, 60)]), 12))
    thumbnailer.start()
    qtbot.waitUntil(lambda: len(made) == 58, timeout=5000)
    assert list(made)[:3] == [70, 3, 4]
    assert all(image.pixelColor(5, 5).red() == place for place, image in made.items())


def test_the_newest_wish_ends_the_one_before(thumbnailer, qtbot, monkeypatch):
    """The thread stands in the first handful while another wish comes: no second handful of the first."""
    stands, go_on = threading.Event(), threading.Event()

    def slowly(image, side):
        stands.set()
        go_on.wait(5)
        return thumbnail(image, side)

    monkeypatch.setattr(thumbs, "thumbnail", slowly)
    told = []
    thumbnailer.made.connect(lambda of, some: told.append((of, list(some))))
    old, new = wanted(), wanted()
    thumbnailer.start()
    thumbnailer.ask(old)
    qtbot.waitUntil(stands.is_set, timeout=5000)
    thumbnailer.ask(wanted(50))  # nobody ever sees this one
    thumbnailer.ask(new)
    go_on.set()
    qtbot.waitUntil(lambda: sum(len(some) for of, some in told if of is new) == 100, timeout=5000)
    assert [len(some) for of, some in told if of is old] == [TOGETHER]
    assert all(of in (old, new) for of, _ in told)


def test_a_failure_is_told_and_the_next_wish_is_served(thumbnailer, qtbot):
    failures, made = [], []
    thumbnailer.failed.connect(lambda summary, _: failures.append(summary))
    thumbnailer.made.connect(lambda _, some: made.extend(some))
    thumbnailer.start()
    thumbnailer.ask(Wanted(np.zeros((3, 1, 8, 8), np.uint8), np.array([7]), 12))
    qtbot.waitUntil(lambda: len(failures) == 1, timeout=5000)
    thumbnailer.ask(wanted(5))
    qtbot.waitUntil(lambda: len(made) == 5, timeout=5000)


@pytest.mark.parametrize(
    ("shape", "size", "form"),
    [
        ((1, 8, 8), (20, 20), QImage.Format.Format_RGB32),
        ((3, 10, 40), (20, 5), QImage.Format.Format_RGB32),
        ((3, 100, 1), (1, 20), QImage.Format.Format_RGB32),
        ((4, 64, 32), (10, 20), QImage.Format.Format_ARGB32_Premultiplied),
    ],
)
def test_the_longer_side_is_what_was_asked_for(shape, size, form):
    image = thumbnail(np.full(shape, 90, np.uint8), 20)
    assert (image.width(), image.height()) == size
    assert image.format() == form
