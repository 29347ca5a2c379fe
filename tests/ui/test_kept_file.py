"""A file of the run folder that is read with its run and written a moment after a change."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from latentlab.core.errors import RunError
from latentlab.ui.background import Background
from latentlab.ui.kept_file import KeptFile

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


@pytest.fixture
def background(qtbot: QtBot):
    made = Background()
    made.said = []
    made.notified.connect(made.said.append)
    yield made
    assert made.end_tasks(10)
    made.deleteLater()


class Disk(QObject):
    """How the file is read and written; either can be held up, and reading and writing are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.writes = [], []
        self.may_read, self.may_write = threading.Event(), threading.Event()
        self.may_read.set()
        self.may_write.set()

    def read(self, path, size):
        self.reads.append((path, size))
        assert self.may_read.wait(10)
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return []
        except ValueError:
            raise RunError(f"{path} is damaged.") from None

    def write(self, path, content):
        self.writes.append(content)
        assert self.may_write.wait(10)
        path.write_text(json.dumps(content))


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def kept(background, disk):
    kept = KeptFile("list.json", disk.read, disk.write, background)
    kept.heard = []
    kept.loaded.connect(kept.heard.append)
    return kept


@pytest.fixture
def run(tmp_path):
    """run("a", [1]): what the session tells of a run whose file holds this."""

    def run(name, content=None, size=4):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if content is not None:
            (folder / "list.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return SimpleNamespace(folder=SimpleNamespace(path=folder), latent_size=size)

    return run


@pytest.fixture
def show(kept, qtbot):
    """Show a run and wait until its file was read."""

    def show(opened):
        kept.show(opened)
        qtbot.waitUntil(lambda: kept._reading is None, timeout=5_000)

    return show


def held(opened):
    return json.loads((opened.folder.path / "list.json").read_text())


def wait_for(qtbot, opened, content):
    path = opened.folder.path / "list.json"
    qtbot.waitUntil(lambda: path.exists() and path.read_text() == json.dumps(content), timeout=5_000)


def test_the_file_of_the_run_that_is_shown_is_read_for_its_latents(kept, disk, show, run):
    opened = run("a", [1, 2], size=7)
    show(opened)
    assert kept.heard == [[1, 2]]
    assert disk.reads == [(opened.folder.path / "list.json", 7)]
    show(run("b"))
    assert kept.heard == [[1, 2], []]


def test_changes_in_quick_succession_are_written_once(kept, disk, show, run, qtbot):
    opened = run("a")
    show(opened)
    for n in range(5):
        kept.keep(list(range(n)))
    assert disk.writes == []
    wait_for(qtbot, opened, [0, 1, 2, 3])
    assert disk.writes == [[0, 1, 2, 3]]


def test_turning_to_another_run_writes_the_one_before(kept, show, run):
    first, second = run("a"), run("b", [9])
    show(first)
    kept.keep([1])
    show(second)
    assert held(first) == [1] and held(second) == [9]
    assert kept.heard == [[], [9]]


def test_a_run_that_is_turned_away_from_while_it_is_read_is_not_told(kept, disk, show, run, qtbot):
    disk.may_read.clear()
    kept.show(run("a", [1]))
    kept.show(run("b", [2]))
    disk.may_read.set()
    qtbot.waitUntil(lambda: kept._reading is None, timeout=5_000)
    assert kept.heard == [[2]]


def test_a_change_that_comes_while_the_file_is_read_does_not_wipe_it_out(kept, disk, run, qtbot):
    opened = run("a", [1, 2])
    disk.may_read.clear()
    kept.show(opened)
    kept.keep([3])
    kept.loaded.connect(lambda content: kept.keep([*content, 3]))
    disk.may_read.set()
    wait_for(qtbot, opened, [1, 2, 3])
    assert disk.writes == [[1, 2, 3]]


def test_a_slow_write_does_not_come_over_a_newer_one(kept, disk, show, run, qtbot, background):
    opened = run("a")
    show(opened)
    disk.may_write.clear()
    kept.keep(["old"])
    qtbot.waitUntil(lambda: disk.writes == [["old"]], timeout=5_000)
    kept.keep(["newer"])
    qtbot.waitUntil(lambda: not kept._soon.isActive(), timeout=5_000)
    kept.keep(["newest"])
    threading.Timer(0.05, disk.may_write.set).start()
    kept.flush()
    assert held(opened) == ["newest"]
    assert background.end_tasks(10)
    assert held(opened) == ["newest"] and disk.writes == [["old"], ["newest"]]


def test_what_is_being_written_is_read_again_whole(kept, disk, show, run, qtbot):
    opened = run("a", [1])
    show(opened)
    disk.may_write.clear()
    kept.keep([1, 2])
    qtbot.waitUntil(lambda: disk.writes == [[1, 2]], timeout=5_000)
    kept.show(opened)  # the same run again, as when it is trained on
    disk.may_write.set()
    qtbot.waitUntil(lambda: kept._reading is None, timeout=5_000)
    assert kept.heard == [[1], [1, 2]]


def test_a_damaged_file_is_told_and_set_aside_only_when_there_is_something_to_write(
    kept, background, show, run, qtbot
):
    opened = run("a", "{half")
    show(opened)
    assert kept.heard == []
    (notice,) = background.said
    assert notice.level == "error" and "list.json is damaged" in notice.text
    path = opened.folder.path
    assert [p.name for p in path.iterdir()] == ["list.json"]
    kept.keep([1])
    wait_for(qtbot, opened, [1])
    assert (path / "list.json.damaged").read_text() == "{half"
    kept.keep([2])
    wait_for(qtbot, opened, [2])
    assert (path / "list.json.damaged").read_text() == "{half"


def test_a_change_while_a_damaged_file_is_read_is_written_beside_it(kept, disk, run, qtbot):
    opened = run("a", "{half")
    disk.may_read.clear()
    kept.show(opened)
    kept.keep([1])
    disk.may_read.set()
    wait_for(qtbot, opened, [1])
    assert (opened.folder.path / "list.json.damaged").read_text() == "{half"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "list.json"), "No space left on device: list.json."),
        (RunError("Cannot write list.json: it is read-only."), "Cannot write list.json: it is read-only."),
    ],
)
def test_what_cannot_be_written_is_a_notice_at_the_end_too(
    kept, disk, show, run, qtbot, background, monkeypatch, error, sentence
):
    opened = run("a")
    show(opened)

    def fail(path, content):
        raise error

    monkeypatch.setattr(kept, "_write", fail)
    kept.keep([1])
    qtbot.waitUntil(lambda: len(background.said) == 1, timeout=5_000)
    kept.keep([2])
    kept.flush()
    assert [notice.text for notice in background.said] == [sentence] * 2
    monkeypatch.undo()
    kept.keep([3])
    kept.flush()
    assert held(opened) == [3]


def test_without_a_run_nothing_is_written(kept, disk):
    kept.keep([1])
    kept.flush()
    assert not kept._soon.isActive() and disk.writes == []


def test_nothing_changed_nothing_written(kept, disk, show, run):
    show(run("a", [1]))
    kept.flush()
    assert disk.writes == []
