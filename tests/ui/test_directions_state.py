"""The state behind the Directions dock: searches, following, what is kept with the run, thumbs; no widget."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
from PySide6.QtCore import QObject

import latentlab.latent.directions as library
from latentlab.core.errors import ConfigError
from latentlab.latent import traversal
from latentlab.latent.directions import Direction, saved
from latentlab.training.run_folder import RunFolder
from latentlab.ui.latent_state import Axis
from latentlab.ui.session import Session
from latentlab.ui.workers import read_run

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


def unit(dim, size=4):
    return traversal.unit(dim, size)


def named(vectors, word="Local"):
    return [Direction(f"{word} {n}", v, "local", f"strength {n}") for n, v in enumerate(vectors, start=1)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs of dense VAEs on 8x8 digits, of 4 and of 3 dimensions, after three steps."""
    from latentlab import data, run

    dataset = data.load("digits", {"size": 8})
    folders = {}
    for size in (4, 3):
        limits = {"batch_size": 16, "steps": 3, "device": "cpu"}
        plan = run.plan("vae-mlp", {"latent_size": size, "width": 16}, limits)
        folders[size] = tmp_path_factory.mktemp("trained") / f"run {size}"
        for _ in run.begin(dataset, plan, folders[size]).events():
            pass
    return folders


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run of 4 dimensions, to write in."""
    return shutil.copytree(trained[4], tmp_path / "run")


@pytest.fixture
def show(session, qtbot):
    """Open a run and wait until both its model and what was kept with it are there."""

    def show(folder, size):
        read = []
        session.directions._file.loaded.connect(read.append)
        session.open_run(folder)
        qtbot.waitUntil(lambda: bool(read) and session.latent.size == size, timeout=10_000)
        session.directions._file.loaded.disconnect(read.append)

    return show


@pytest.fixture
def session(qtbot):
    session = Session()
    session.sampler.start()
    yield session
    for gate in session.findChildren(Gate):
        gate.opened.set()
    assert session.close(seconds=30), "a worker thread did not end"
    session.deleteLater()


@pytest.fixture
def found(session, show, run):
    """The session with the run opened, and its directions."""
    show(run, 4)
    return session.directions


class Gate(QObject):
    """Stands in for the library's search: tells who comes, and lets go with what when it is opened."""

    def __init__(self, session, answers):
        super().__init__(session)
        self.opened, self.calls, self.ended, self.answers = threading.Event(), [], 0, answers

    def __call__(self, model, method, material, values=None, report=None):
        self.calls.append((method, values, material))
        try:
            while not self.opened.wait(0.005):
                report(0, 2)
            return self.answers(method)
        finally:
            self.ended += 1


@pytest.fixture
def gate(session, monkeypatch):
    """Every search waits at a gate, then finds two directions along the first dimensions."""
    gate = Gate(session, lambda method: named([unit(0), unit(1)], method))
    monkeypatch.setattr(library, "find", gate)
    return gate


def names(directions):
    return [item.name for item in directions.items]


# Searches


def test_a_search_finds_what_the_library_finds_and_the_next_takes_its_place(found, run, qtbot):
    import latentlab

    model = latentlab.open_run(run).model
    for method, values in (("pca", {"count": 3}), ("sefa", {"count": 2})):
        with qtbot.waitSignal(found.changed, timeout=20_000):
            found.compute(method, values)
            assert found.searching
        expected = library.find(model, method, library.Material(np.zeros(4, np.float32)), values)
        assert names(found) == [d.name for d in expected]
        for item, direction in zip(found.items, expected, strict=True):
            np.testing.assert_allclose(item.vector, direction.vector, atol=1e-5)
            assert (item.method, item.note, item.kept) == (method, direction.note, False)
        qtbot.waitUntil(lambda: not found.searching)


def test_a_new_search_gives_up_the_old_one(found, gate, qtbot):
    told = []
    found.search_changed.connect(told.append)
    found.compute("pca", {})
    qtbot.waitUntil(lambda: len(gate.calls) == 1, timeout=5_000)
    found.compute("sefa", {})
    qtbot.waitUntil(lambda: gate.ended == 1, timeout=5_000)  # while the gate is still closed
    gate.opened.set()
    qtbot.waitUntil(lambda: bool(found.items), timeout=5_000)
    assert names(found) == ["sefa 1", "sefa 2"]
    qtbot.waitUntil(lambda: not found.searching)
    assert told == [True, False, True, False]


def test_a_cancelled_search_changes_nothing(found, gate, qtbot):
    progress = []
    found.progressed.connect(lambda *of: progress.append(of))
    found.compute("pca", {})
    qtbot.waitUntil(lambda: (0, 2) in progress, timeout=5_000)
    found.cancel()
    assert not found.searching
    qtbot.waitUntil(lambda: gate.ended == 1, timeout=5_000)
    assert found.items == []


def test_what_is_found_for_a_model_that_was_replaced_is_dropped(found, show, gate, trained, qtbot):
    found.compute("pca", {})
    qtbot.waitUntil(lambda: len(gate.calls) == 1, timeout=5_000)
    show(trained[3], 3)
    assert not found.searching
    gate.opened.set()
    qtbot.waitUntil(lambda: gate.ended == 1, timeout=5_000)
    assert found.items == []


def test_a_search_that_fails_says_why_and_leaves_what_was_there(found, session, qtbot):
    notices = []
    session.notified.connect(notices.append)
    with qtbot.waitSignal(found.changed, timeout=20_000):
        found.compute("sefa", {})
    found.compute("pca", {"samples": 20, "count": 10_000})
    qtbot.waitUntil(lambda: notices[-1].level == "error", timeout=10_000)
    assert "count" in notices[-1].text
    qtbot.waitUntil(lambda: not found.searching)
    assert names(found) == ["SeFa 1", "SeFa 2", "SeFa 3", "SeFa 4"]


def test_an_obstacle_is_told_before_there_is_a_model_and_after(session, show, run):
    assert "open a run" in session.directions.obstacle("pca")
    session.directions.compute("pca", {})  # nothing to search in: nothing happens
    assert not session.directions.searching
    show(run, 4)
    assert session.directions.obstacle("pca") == ""
    assert "0 liked and 0 disliked" in session.directions.obstacle("picks")
    assert "labels" in session.directions.obstacle("classes")


# Following


@pytest.fixture
def following(found, gate, qtbot):
    """Local directions were found once, and follow; the next search waits at the gate."""
    gate.opened.set()
    with qtbot.waitSignal(found.changed, timeout=5_000):
        found.compute("local", {})
    qtbot.waitUntil(lambda: not found.searching)
    gate.opened.clear()
    found._settling.setInterval(10)
    return found


def test_following_searches_one_at_a_time_and_ends_with_the_newest_latent(following, session, gate, qtbot):
    latent = session.latent
    latent.set_z(np.full(4, 0.1))
    qtbot.waitUntil(lambda: len(gate.calls) == 2, timeout=5_000)
    for n in range(5):
        latent.set_z(np.full(4, n))
        qtbot.waitUntil(lambda: not following._settling.isActive(), timeout=5_000)
    assert len(gate.calls) == 2
    assert not following.searching  # nobody asked for it: there is nothing to cancel
    gate.opened.set()
    qtbot.waitUntil(lambda: gate.ended == 3, timeout=5_000)
    qtbot.waitUntil(lambda: following._loan is None and not following._settling.isActive())
    assert len(gate.calls) == 3
    np.testing.assert_array_equal(gate.calls[-1][2].z, np.full(4, 4))


def test_another_method_a_switched_off_follow_or_a_mere_lock_search_nothing(following, session, gate, qtbot):
    session.latent.set_locked(0, True)
    assert not following._settling.isActive()
    following.set_follow(False)
    session.latent.set_z(np.ones(4))
    assert not following._settling.isActive()
    following.set_follow(True)  # catches up
    gate.opened.set()
    qtbot.waitUntil(lambda: gate.ended == 2, timeout=5_000)
    with qtbot.waitSignal(following.changed):
        following.compute("pca", {})
    session.latent.set_z(np.zeros(4))
    assert not following._settling.isActive()


def test_what_follows_stays_as_it_is_while_one_of_it_is_dragged(following, session, gate, qtbot):
    gate.answers = lambda method: named([unit(2), unit(3)], method)
    latent, before = session.latent, [item.vector for item in following.items]
    latent.set_z(np.ones(4))
    qtbot.waitUntil(lambda: len(gate.calls) == 2, timeout=5_000)
    following.hold()
    qtbot.waitUntil(lambda: gate.ended == 2, timeout=5_000)  # the search under way was given up
    gate.opened.set()
    latent.set_position(Axis("a", unit(0)), 2.0)
    assert not following._settling.isActive()
    assert [item.vector for item in following.items] == before
    with qtbot.waitSignal(following.changed, timeout=5_000):
        following.release()
    np.testing.assert_array_equal(following.items[0].vector, unit(2))
    np.testing.assert_array_equal(gate.calls[-1][2].z, latent.z)


def test_an_answer_that_comes_during_a_drag_waits_for_its_end(found, gate, qtbot):
    found.compute("pca", {})
    found.hold()
    gate.opened.set()
    qtbot.waitUntil(lambda: not found.searching, timeout=5_000)
    assert found.items == []
    found.release()
    assert names(found) == ["pca 1", "pca 2"]


def test_following_keeps_what_is_kept_and_does_not_bring_back_what_was_removed(
    following, session, qtbot, gate
):
    gate.opened.set()
    following.keep(1, True)
    following.remove(1)
    assert names(following) == ["local 2"]
    with qtbot.waitSignal(following.changed, timeout=5_000):
        session.latent.set_z(np.ones(4))
    assert names(following) == ["local 2", "local 2 (2)"]
    assert [item.kept for item in following.items] == [True, False]
    with qtbot.waitSignal(following.changed, timeout=5_000):
        following.compute("local", {})
    assert names(following) == ["local 2", "local 1", "local 2 (2)"]


def test_what_the_model_learned_is_followed_too_but_not_at_every_step(following, session, gate, qtbot):
    gate.opened.set()
    following._learning.setInterval(200)
    for step in range(5):
        session.latent.weights_changed.emit(step)
    qtbot.waitUntil(lambda: gate.ended == 2, timeout=5_000)
    qtbot.waitUntil(lambda: following._loan is None)
    assert len(gate.calls) == 2 and not following._learning.isActive()


def test_following_ends_when_it_fails(following, session, gate, qtbot):
    def fail(method):
        raise ConfigError("no")

    gate.answers = fail
    gate.opened.set()
    notices = []
    session.notified.connect(notices.append)
    session.latent.set_z(np.ones(4))
    qtbot.waitUntil(lambda: not following.following, timeout=5_000)
    assert notices[0].text == "no"
    assert names(following) == ["local 1", "local 2"]


# What is kept


@pytest.fixture
def two(found, gate, qtbot):
    """Two directions, found by "pca"."""
    gate.opened.set()
    with qtbot.waitSignal(found.changed, timeout=5_000):
        found.compute("pca", {})
    return found


def test_names_are_unique_and_a_name_given_keeps_the_direction(two, qtbot):
    assert two.rename(1, " smile ") == 0
    assert [(item.name, item.kept) for item in two.items] == [("smile", True), ("pca 1", False)]
    assert two.rename(1, "smile") == 1
    assert names(two) == ["smile", "smile (2)"]
    with qtbot.assertNotEmitted(two.changed):
        assert two.rename(1, "  ") == 1 and two.rename(0, "smile") == 0


def test_the_next_search_leaves_what_is_kept(two, qtbot):
    assert two.keep(1, True) == 0
    with qtbot.waitSignal(two.changed, timeout=5_000):
        two.compute("pca", {})
    assert names(two) == ["pca 2", "pca 1", "pca 2 (2)"]
    assert two.keep(0, False) == 0
    with qtbot.waitSignal(two.changed, timeout=5_000):
        two.compute("sefa", {})
    assert names(two) == ["sefa 1", "sefa 2"]


def test_what_is_kept_and_liked_comes_back_with_its_run_bit_for_bit(
    found, session, show, run, trained, qtbot
):
    with qtbot.waitSignal(found.changed, timeout=20_000):
        found.compute("pca", {})
    found.rename(2, "thick")
    found.keep(2, True)
    found.give_thumb(True)
    kept, liked = found.items[:2], session.latent.z
    assert [item.name for item in kept] == ["thick", "PCA 2"]
    show(trained[3], 3)  # writes what waits
    assert found.items == [] and found.liked == []
    content = saved.load(run / "directions.json", 4)
    assert [d.name for d in content.directions] == ["thick", "PCA 2"]
    show(run, 4)
    assert [(i.name, i.method, i.note, i.kept) for i in found.items] == [
        (i.name, i.method, i.note, True) for i in kept
    ]
    for item, before in zip(found.items, kept, strict=True):
        assert item.vector.tobytes() == before.vector.tobytes()
    assert [z.tobytes() for z in found.liked] == [liked.tobytes()]


def test_the_same_run_opened_again_keeps_what_was_found(two, show, run):
    two.keep(0, True)
    show(run, 4)
    assert [(item.name, item.kept) for item in two.items] == [("pca 1", True), ("pca 2", False)]


def test_what_is_removed_is_gone_from_the_file_too(two, show, run, trained):
    two.keep(0, True)
    two.keep(1, True)
    two.remove(0)
    show(trained[3], 3)
    assert [d.name for d in saved.load(run / "directions.json", 4).directions] == ["pca 2"]


# Thumbs


def test_a_thumb_counts_once_and_a_mind_may_change(found, session):
    notices = []
    session.notified.connect(notices.append)
    found.give_thumb(True)
    assert notices[-1].text == "Liked: 1 liked, 0 not."
    found.give_thumb(True)
    assert notices[-1].text == "This one was liked already: 1 liked, 0 not."
    session.latent.set_z(np.ones(4))
    found.give_thumb(True)
    found.give_thumb(False)
    assert notices[-1].text == "Disliked: 1 liked, 1 not."
    np.testing.assert_array_equal(found.disliked, [np.ones(4)])
    assert found.obstacle("picks") == ""
    found.clear_thumbs()
    assert found.liked == found.disliked == []


def test_a_smaller_model_in_the_middle_of_a_search_is_heard_of_with_nothing_of_the_larger(
    found, session, gate, trained, qtbot
):
    """A training hands its model over before it tells of its run."""
    import latentlab

    found.give_thumb(True)
    found.give_thumb(False)
    asked = []
    found.search_changed.connect(lambda _: asked.append(found.obstacle("picks")))  # as the panel does
    found.compute("pca", {})
    session.sampler.adopt(latentlab.open_run(trained[3]).model.evaluation_copy())
    qtbot.waitUntil(lambda: session.latent.size == 3, timeout=10_000)
    assert len(asked) == 2 and not found.liked and not found.searching


def test_a_thumb_while_another_runs_model_is_on_its_way_is_not_written_to_that_run(found, session, trained):
    session._show_run(read_run(RunFolder.open(trained[3]), 3))
    found.give_thumb(True)
    assert found.liked == [] and found._file._waiting is None


def test_without_a_model_there_is_nothing_to_like(session):
    session.directions.give_thumb(True)
    assert session.directions.liked == []


def test_a_search_on_its_way_when_the_session_closes_begins_no_thread(found, session):
    assert session.close(seconds=30)
    task = session.start_task(lambda report: None)  # as a loan does when its model arrives only now
    assert not task.isRunning() and not task.isFinished()
