"""The leak detectors of tests/conftest.py catch what they are there for."""

import threading

from PySide6.QtCore import QThread, QTimer
from PySide6.QtWidgets import QWidget


def leftovers():
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("conftest_copy", Path(__file__).parents[2] / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.GRACE_S = 0.05
    return module.Leftovers()


def test_nothing_left_is_no_problem(qtbot):
    assert leftovers().new_ones() == []


def test_widgets(qtbot):
    before = leftovers()
    widget = QWidget()
    widget.setObjectName("forgotten")
    assert any("QWidget 'forgotten'" in line for line in before.new_ones())
    widget.deleteLater()
    assert before.new_ones() == []


def test_threads(qtbot):
    before = leftovers()
    qthread = QThread()
    qthread.start()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten thread")
    thread.start()
    lines = before.new_ones()
    assert any("running QThread" in line for line in lines)
    assert any("forgotten thread" in line for line in lines)
    stop.set()
    thread.join()
    qthread.quit()
    qthread.wait()
    assert before.new_ones() == []


def test_timers(qtbot):
    before = leftovers()
    timer = QTimer()
    timer.start(60_000)
    assert any("active QTimer" in line for line in before.new_ones())
    timer.stop()
    assert before.new_ones() == []
