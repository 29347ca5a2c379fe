"""A window as a person sees it: shown, with torch imported and the first dataset loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from latentlab.ui.main_window import MainWindow


def settle(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until Train could be pressed."""
    qtbot.waitUntil(lambda: window.session.can_train and window.session.dataset is not None, timeout=90_000)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A ready window of 1280x800 with digits loaded; what the test left running is ended after it."""
    from latentlab.ui.app import create_window

    made = create_window()
    made.show()
    settle(qtbot, made)
    yield made
    made.session.stop()
    qtbot.waitUntil(lambda: not made.session.busy, timeout=30_000)
    made.close()
    assert made.session.close(seconds=30), "a worker thread did not end"
    made.deleteLater()
