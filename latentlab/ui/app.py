"""Starting the window."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from latentlab.ui import theme
from latentlab.ui.main_window import MainWindow
from latentlab.ui.session import Session

#: Seconds after which Python looks for garbage, whatever is still being imported.
LATEST_S = 30


def create_window(argv: Sequence[str] = ()) -> MainWindow:
    """Build the whole window, not yet shown; a QApplication is made if none is there.

    What people see and what tests drive is the same. Its work in the background begins with its first paint.
    """
    # Qt would hand every larger fill to threads that take the cores from training, and wait for them.
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    app = QApplication.instance() or QApplication([sys.argv[0], *argv])
    assert isinstance(app, QApplication)
    app.setApplicationName("latentlab")
    app.setApplicationDisplayName("latentlab")
    app.setDesktopFileName("latentlab")
    session = Session()
    theme.prepare(app, session.settings.theme)
    window = MainWindow(session)
    theme.apply(app, session.settings.theme)
    return window


def main(argv: Sequence[str] = ()) -> int:
    """Open the window and stay until it is closed -> the exit code."""
    window = create_window(argv)
    app = QApplication.instance()
    assert app is not None
    window.show()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: window.end())
    # Python handles signals only between its own instructions; Qt alone would never give it a turn.
    turn = QTimer(interval=200)
    turn.timeout.connect(lambda: None)
    turn.start()
    window.session.ready.connect(_keep_what_is_there)
    QTimer.singleShot(LATEST_S * 1000, _keep_what_is_there)  # where torch cannot be imported
    code = app.exec()
    # The window is gone; a long step or an import may end behind it, so that Qt destroys no live thread.
    window.session.close(seconds=60)
    return code


def _keep_what_is_there() -> None:
    """Let Python look for garbage from now on, but never among what was imported: that takes a tenth of a
    second, in which the window stands still.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
