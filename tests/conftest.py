"""What every test gets: no screen, a home of its own, and a look at what it left behind in the window."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Nets of tests are so small that a second kernel thread costs them time, the more the busier the machine is.
os.environ.setdefault("OMP_NUM_THREADS", "1")

#: How long threads may take to end after their test, in seconds: the window's own promise.
GRACE_S = 2.0


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, caches, runs and logs of a test lie in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LATENTLAB_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that uses qtbot leaves no widget, no running thread and no active timer behind."""
    if "qtbot" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("qapp")
    # What is there now is no leak of this test; frozen, it need not be looked through (torch alone has a
    # hundred thousand objects).
    gc.collect()
    gc.freeze()
    before = Leftovers()
    yield
    if request.node.stash.get(_FAILED, False):  # its own failure says more than what it could not clean up
        return
    problems = before.new_ones()
    if problems:
        pytest.fail("The test left behind:\n  " + "\n  ".join(problems), pytrace=False)


_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


class Leftovers:
    """What is alive now, and what has come to be alive since."""

    def __init__(self) -> None:
        # Wrappers are kept, not their ids: an id is given again to a later object.
        self.widgets = top_level_widgets()
        self.qthreads = running_qthreads()
        self.timers = ownerless_timers()
        self.threads = set(threading.enumerate())

    def new_ones(self) -> list[str]:
        """One line per leak, after deferred deletions and, if there are leaks, the garbage collector ran."""
        problems = self._look()
        if problems:
            gc.collect()
            deadline = time.monotonic() + GRACE_S
            while (problems := self._look()) and time.monotonic() < deadline:
                time.sleep(0.02)
        return problems

    def _look(self) -> list[str]:
        delete_deferred()
        lines = [
            f"{describe(w)}: a top-level widget; give it to qtbot.addWidget or a parent, or delete it"
            for w in _new(top_level_widgets(), self.widgets)
        ]
        lines += [f"{describe(t)}: a running QThread" for t in _new(running_qthreads(), self.qthreads)]
        lines += [
            f"{describe(t)}: an active QTimer without a parent" for t in _new(ownerless_timers(), self.timers)
        ]
        lines += [
            f"{t.name}: a Python thread still running"
            for t in threading.enumerate()
            if t not in self.threads and not t.name.startswith(("QThread", "Dummy"))
        ]
        return lines


def _new(now: list[Any], before: list[Any]) -> list[Any]:
    return [x for x in now if not any(x is y for y in before)]


def delete_deferred() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QCoreApplication.processEvents()


def top_level_widgets() -> list[Any]:
    """Windows without a parent; Qt's own tool tip, which goes by itself, is no leak."""
    from PySide6.QtWidgets import QApplication

    return [
        w
        for w in QApplication.topLevelWidgets()
        if not w.parent() and w.metaObject().className() != "QTipLabel"
    ]


def _alive(kind: type) -> list[Any]:
    import shiboken6

    # By exact type, not isinstance: it is many times faster over all objects, and some modules hold proxies
    # that act when they are asked for their class.
    kinds = _with_subclasses(kind)
    return [o for o in gc.get_objects() if type(o) in kinds and shiboken6.isValid(o)]


def _with_subclasses(kind: type) -> set[type]:
    return {kind}.union(*(_with_subclasses(sub) for sub in kind.__subclasses__()))


def running_qthreads() -> list[Any]:
    from PySide6.QtCore import QCoreApplication, QThread

    app = QCoreApplication.instance()
    main = app.thread() if app else None
    return [t for t in _alive(QThread) if t is not main and t.isRunning()]


def ownerless_timers() -> list[Any]:
    from PySide6.QtCore import QTimer

    return [t for t in _alive(QTimer) if t.isActive() and t.parent() is None]


def describe(thing: Any) -> str:
    name = thing.objectName()
    return type(thing).__name__ + (f" '{name}'" if name else "")
