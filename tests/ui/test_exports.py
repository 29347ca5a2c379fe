"""Work that writes files: how far it is, how it is given up, and what is said of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from latentlab.core.errors import ExportError
from latentlab.core.files import write_bytes
from latentlab.ui.session import Session
from latentlab.ui.widgets.export_bar import ExportBar


@pytest.fixture
def the(qtbot: QtBot) -> Iterator[SimpleNamespace]:
    """A session without a window, what it said, and the bar of what is being written."""
    session = Session()
    told: list = []
    session.notified.connect(told.append)
    bar = ExportBar(session.exports)
    qtbot.addWidget(bar)
    yield SimpleNamespace(session=session, exports=session.exports, told=told, bar=bar)
    assert session.close(seconds=10)
    session.deleteLater()


class Slow:
    """Work that writes a file after as many steps as it is let go on for."""

    def __init__(self, path: Path) -> None:
        self.path, self.turns = path, threading.Semaphore(0)
        self.looks = 0

    def __call__(self, report) -> None:
        for done in range(4):
            assert self.turns.acquire(timeout=10)
            report(done, 4)
            self.looks += 1
        write_bytes(self.path, b"all")
        report(4, 4)


def test_a_job_shows_its_progress_and_ends_with_a_notice_that_leads_to_it(the, tmp_path, qtbot):
    work = Slow(tmp_path / "wälk.gif")
    job = the.exports.start(work.path, work)
    assert the.exports.jobs == [job] and not the.bar.isHidden()
    assert the.bar.text.text() == "wälk.gif"
    work.turns.release(4)
    qtbot.waitUntil(lambda: the.exports.jobs == [], timeout=10_000)
    assert work.path.read_bytes() == b"all" and the.bar.isHidden()
    assert the.told[-1].level == "good" and str(work.path) in the.told[-1].text
    assert the.told[-1].action[0] == "Show folder"
    assert the.session.settings.export_folder == str(tmp_path)


def test_cancel_gives_up_the_first_and_leaves_nothing(the, tmp_path, qtbot):
    first, second = Slow(tmp_path / "first.gif"), Slow(tmp_path / "second.gif")
    jobs = [the.exports.start(work.path, work) for work in (first, second)]
    assert the.bar.text.text() == "first.gif and 1 more"
    the.bar.cancel.click()
    first.turns.release(4)
    qtbot.waitUntil(lambda: the.exports.jobs == jobs[1:], timeout=10_000)
    assert the.bar.text.text() == "second.gif"
    second.turns.release(4)
    qtbot.waitUntil(lambda: the.exports.jobs == [], timeout=10_000)
    assert [file.name for file in tmp_path.iterdir()] == ["second.gif"]
    said = [notice.text for notice in the.told]
    assert "first.gif was not written." in said and sum("Written" in text for text in said) == 1


def test_what_was_given_up_too_late_is_told_truthfully(the, tmp_path, qtbot):
    wrote, go_on = threading.Event(), threading.Event()

    def work(report):
        write_bytes(tmp_path / "late.gif", b"all")
        wrote.set()
        assert go_on.wait(10)

    job = the.exports.start(tmp_path / "late.gif", work)
    assert wrote.wait(10)
    the.exports.cancel(job)
    go_on.set()
    qtbot.waitUntil(lambda: the.exports.jobs == [], timeout=10_000)
    assert the.told[-1].text == "late.gif was written before it could be given up."


def test_a_failure_is_said_and_the_job_is_gone(the, tmp_path, qtbot):
    def fail(report):
        raise ExportError("Cannot write it: No space left on device.")

    the.exports.start(tmp_path / "grid.png", fail)
    qtbot.waitUntil(lambda: the.exports.jobs == [], timeout=10_000)
    assert [n.text for n in the.told if n.level == "error"] == ["Cannot write it: No space left on device."]
    assert the.session.settings.export_folder == ""


def test_closing_gives_up_what_is_being_written(the, tmp_path, qtbot):
    work = Slow(tmp_path / "long.gif")
    the.exports.start(work.path, work)
    work.turns.release(1)
    qtbot.waitUntil(lambda: work.looks == 1, timeout=10_000)
    work.turns.release(8)
    assert the.session.close(seconds=10)
    assert list(tmp_path.iterdir()) in ([], [work.path])  # whole, or not at all
