"""The toolbar's words while training: what has room, and what is left to the tooltip."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.training.events import Progress
from latentlab.ui.session import Session
from latentlab.ui.toolbar import Toolbar


@pytest.fixture
def toolbar(qtbot):
    session = Session()
    toolbar = Toolbar(session)
    session.setParent(toolbar)
    qtbot.addWidget(toolbar)
    toolbar.resize(1280, 40)
    toolbar.show()
    qtbot.waitExposed(toolbar)
    session.state = "running"
    return toolbar


@pytest.mark.parametrize(
    ("rate", "eta", "memory", "detail", "words"),
    [
        (512.0, None, 1288490189, "512 images/s · 1.2 GB", "1.2 GB"),
        (512.0, None, 671088640, "512 images/s · 640 MB", "640 MB"),
        (123456.0, 360000.0, 1288490189, "123,456 images/s · 100:00:00 left", "1.2 GB"),
        (512.0, None, 0, "512 images/s", ""),
    ],
)
def test_memory_is_said_where_there_is_room_and_in_the_tooltip(toolbar, rate, eta, memory, detail, words):
    progress = Progress(5, 0, 1.0, 1.0, 2.0, rate, eta, np.arange(1), {}, memory)
    toolbar._session.progressed.emit(progress)
    toolbar._show_progress()
    assert toolbar.detail.text() == detail
    assert words in toolbar.told.toolTip() and bool(words) == bool(toolbar.told.toolTip())
