"""The timeline without a window: keyframes and their order, walks, playing by the clock, what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from latentlab.core.config import parse
from latentlab.core.errors import RunError
from latentlab.latent import keyframes, walks
from latentlab.latent.bookmarks import Bookmark
from latentlab.models import MODELS
from latentlab.models.pixels import render
from latentlab.training.run_folder import RunFolder
from latentlab.ui import route_finder, timeline_state
from latentlab.ui.bookmarks_state import Item
from latentlab.ui.session import Session
from latentlab.ui.workers import OpenedRun

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


def build(size=3, seed=0):
    kind = MODELS.get("vae-mlp")
    config = parse(kind.Config, {"latent_size": size, "width": 8}, "model")
    return kind(config, (1, 8, 8), seed=seed).evaluation_copy()


@pytest.fixture
def opened(tmp_path):
    """opened("a"): a run of this name, made where it is not there yet."""

    def opened(name, size=3):
        path = tmp_path / name
        info = {
            "data": {"source": "", "config": {}, "summary": "", "fingerprint": ""},
            "model": {"key": "vae-mlp", "config": {}},
            "training": {},
            "image_shape": [1, 8, 8],
            "metrics": [],
        }
        folder = RunFolder.open(path) if path.exists() else RunFolder.create(path, info)
        return OpenedRun(folder, size, {}, [])

    return opened


@pytest.fixture
def model():
    return build()


@pytest.fixture
def session(qtbot: QtBot, model, opened):
    """A session without a window that shows the empty run "a" with `model`."""
    session = Session()
    session.said = []
    session.notified.connect(session.said.append)
    session.sampler.start()
    adopt(qtbot, session, model)
    turn_to(qtbot, session, opened("a"))
    yield session
    assert session.close(seconds=10)
    session.deleteLater()


@pytest.fixture
def timeline(session):
    return session.timeline


def adopt(qtbot, session, model):
    with qtbot.waitSignal(session.latent.space_changed, timeout=10_000):
        session.sampler.adopt(model)


def turn_to(qtbot, session, opened):
    with qtbot.waitSignal(session.timeline._file.loaded, timeout=10_000):
        session.run_opened.emit(opened)


def fill(timeline, *names):
    """Keyframes of these names, far apart."""
    random = np.random.default_rng(1)
    return [timeline.add(random.standard_normal(3).astype(np.float32), name) for name in names]


def names(timeline):
    return "".join(item.name for item in timeline.items)


class Clock:
    """What time it is, in the place of the computer's."""

    now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timeline_state, "time", clock)
    return clock


def test_keyframes_are_exact_copies_of_the_present_latent(session, timeline):
    session.latent.set_z(np.array([0.1, -2, 3], np.float32))
    item = timeline.add()
    session.latent.set_z(np.zeros(3, np.float32))
    np.testing.assert_array_equal(item.z, np.array([0.1, -2, 3], np.float32))
    assert timeline.add(np.zeros(4, np.float32)) is None
    assert len({item.name for item in (timeline.add(), timeline.add(), item)}) == 3


def test_moving_shifting_duplicating_and_updating(session, timeline):
    a, b, c, d = fill(timeline, *"abcd")
    timeline.move([a], 2)
    assert names(timeline) == "bacd"
    timeline.move([b, d], 4)
    assert names(timeline) == "acbd"
    timeline.shift([a], 1)
    assert names(timeline) == "cabd"
    timeline.shift([c], -1)
    timeline.shift([d], 1)
    assert names(timeline) == "cabd"  # there is nothing beyond the ends
    again = timeline.duplicate(a)
    assert timeline.items[2] is again and again is not a
    np.testing.assert_array_equal(again.z, a.z)
    session.latent.set_z(np.full(3, 0.5, np.float32))
    timeline.update(a)
    assert (a.z == 0.5).all() and not (again.z == 0.5).any()


@given(st.lists(st.integers(0, 4), min_size=1, unique=True), st.integers(0, 5))
def test_a_move_keeps_all_and_the_order_of_the_moved(moved, place):
    class Bare(timeline_state.Timeline):
        def __init__(self):
            self.items = [Item(str(n), np.zeros(1, np.float32)) for n in range(5)]

        def _changed(self):
            pass

    timeline = Bare()
    before = list(timeline.items)
    chosen = [before[n] for n in sorted(moved)]
    timeline.move(chosen, place)
    assert sorted(timeline.items, key=before.index) == before
    at = timeline.items.index(chosen[0])
    assert timeline.items[at : at + len(chosen)] == chosen
    assert [item for item in before[:place] if item not in chosen] == timeline.items[:at]


def test_what_was_removed_comes_back_to_its_place(session, timeline):
    a, _, c = fill(timeline, *"abc")
    timeline.remove([a, c])
    assert names(timeline) == "b" and timeline.route is None
    _, restore = session.said[-1].action
    restore()
    restore()  # once is enough
    assert names(timeline) == "abc" and timeline.route.legs == 3


@pytest.mark.parametrize("kind", ["slerp", "linear", "spline"])
@pytest.mark.parametrize("loop", [True, False])
def test_the_walk_goes_through_the_keyframes_when_it_says(session, timeline, kind, loop):
    items = fill(timeline, *"abc")
    timeline.set_walk(kind=kind, loop=loop, seconds=2.0, easing="in-out")
    assert timeline.duration == (6.0 if loop else 4.0)
    for number, item in enumerate(items):
        timeline.scrub(2.0 * number)
        np.testing.assert_array_equal(session.latent.z, item.z)
    timeline.scrub(99)
    np.testing.assert_array_equal(session.latent.z, items[0 if loop else 2].z)
    timeline.scrub(0.5)
    wanted = timeline.route.at(walks.eased(np.array([0.25]), "in-out"))[0]
    np.testing.assert_array_equal(session.latent.z, wanted)


def test_a_noise_walk_needs_one_keyframe_and_comes_back(session, timeline):
    timeline.set_walk(kind="noise", seed=3, legs=4, seconds=1.0)
    assert timeline.route is None
    (a,) = fill(timeline, "a")
    assert timeline.duration == 4
    timeline.scrub(2.0)
    assert not np.array_equal(session.latent.z, a.z)
    timeline.scrub(4.0)
    np.testing.assert_array_equal(session.latent.z, a.z)


def test_playing_follows_the_clock_and_leaves_frames_out(session, timeline, clock):
    fill(timeline, *"abc")
    timeline.set_walk(seconds=2.0)
    timeline.play(True)
    for late in (0.04, 1.3, 4.9):  # however seldom it comes to it
        clock.now = 100 + late
        timeline._on_tick()
        assert timeline.time == pytest.approx(late)
        np.testing.assert_array_equal(session.latent.z, timeline.route.at(np.array([timeline.time / 2]))[0])
    clock.now = 100 + 6.5  # over the seam
    timeline._on_tick()
    assert timeline.time == pytest.approx(0.5) and timeline.playing


def test_a_loop_has_no_seam(session, timeline, clock):
    fill(timeline, *"abc")
    timeline.set_walk(kind="spline", seconds=1.0)
    timeline.play(True)
    places = []
    for frame in range(-2, 3):
        clock.now = 100 + 3 + frame / 1000
        timeline._on_tick()
        places.append(session.latent.z.astype(np.float64))
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 1.2 * steps.min()


def test_what_does_not_loop_stops_at_its_end_and_begins_anew(session, timeline, clock):
    items = fill(timeline, *"abc")
    timeline.set_walk(loop=False, seconds=1.0)
    timeline.play(True)
    clock.now += 2.5
    timeline._on_tick()
    assert not timeline.playing and timeline.time == 2.0
    np.testing.assert_array_equal(session.latent.z, items[2].z)
    timeline.play(True)
    assert timeline.time == 0.0


def test_playing_is_one_step_of_undo_and_ends_where_a_person_goes_elsewhere(session, timeline, clock):
    fill(timeline, *"abc")
    timeline.set_walk(fps=1.0)
    before = session.latent.undo_stack.count()
    timeline.play(True)
    for _ in range(20):
        clock.now += 0.31
        session.latent._on_gesture_ended()  # a moment passes without a change
        timeline._on_tick()
    assert session.latent.undo_stack.count() == before + 1
    session.latent.set_seed(7)
    assert not timeline.playing
    assert session.latent.undo_stack.count() == before + 2


def test_a_geodesic_is_found_in_the_background_and_slerp_stands_in(session, timeline, qtbot):
    items = fill(timeline, *"ab")
    timeline.set_walk(kind="geodesic", loop=False)
    assert timeline.seeking and timeline.route is not None and timeline.film()[3] is None
    stand_in = timeline.route
    qtbot.waitUntil(lambda: not timeline.seeking, timeout=20_000)
    found = timeline.route
    assert found is not stand_in and type(found).__name__ == "Geodesic" and timeline.film()[3] is found
    np.testing.assert_array_equal(found.at(np.array([0.0, 1.0])), [item.z for item in items])
    timeline.set_walk(seconds=3.0)
    assert timeline.route is found and not timeline.seeking  # nothing it depends on
    timeline.add(np.ones(3, np.float32))
    assert timeline.seeking
    timeline.set_walk(kind="linear")
    assert not timeline.seeking


def test_a_geodesic_is_sought_anew_once_the_training_is_over(session, timeline, qtbot):
    fill(timeline, *"ab")
    timeline.set_walk(kind="geodesic")
    qtbot.waitUntil(lambda: not timeline.seeking, timeout=20_000)
    found = timeline.route
    session._trainer = object()  # somebody trains
    session.latent.weights_changed.emit(5)
    assert not timeline.seeking
    session._trainer = None
    session.state_changed.emit("idle")
    assert timeline.seeking
    qtbot.waitUntil(lambda: not timeline.seeking, timeout=20_000)
    assert timeline.route is not found


def test_a_geodesic_that_fails_is_told_and_slerp_stays(session, timeline, qtbot, monkeypatch):
    def fail(*args):
        raise RunError("It cannot be.")

    fill(timeline, *"ab")
    monkeypatch.setattr(route_finder, "_geodesic", fail)
    timeline.set_walk(kind="geodesic")
    qtbot.waitUntil(lambda: not timeline.seeking, timeout=20_000)
    assert "It cannot be" in timeline.problem and timeline.route is not None


def test_thumbnails_are_what_the_latents_decode_to_now(session, timeline, qtbot, model):
    timeline.watch(True)
    items = fill(timeline, *"ab")
    qtbot.waitUntil(lambda: all(item.tile is not None for item in items), timeout=10_000)
    np.testing.assert_array_equal(items[1].tile, render(model, items[1].z[None])[0])
    other = build(seed=1)
    adopt(qtbot, session, other)
    qtbot.waitUntil(lambda: all(item.tile is not None for item in items), timeout=10_000)
    np.testing.assert_array_equal(items[1].tile, render(other, items[1].z[None])[0])


def test_keyframes_and_walk_are_kept_with_the_run(session, timeline, qtbot, opened):
    items = fill(timeline, *"abc")
    timeline.move([items[0]], 3)
    timeline.set_walk(kind="noise", seed=5, fps=12.5)
    walk = timeline.walk
    turn_to(qtbot, session, opened("b"))
    assert timeline.items == [] and timeline.route is None
    timeline.set_walk(kind="linear")
    turn_to(qtbot, session, opened("a"))
    assert names(timeline) == "bca" and timeline.walk == walk
    for item, kept in zip([items[1], items[2], items[0]], timeline.items, strict=True):
        np.testing.assert_array_equal(item.z, kept.z)


def test_another_latent_space_has_none_of_them(session, timeline, qtbot, opened):
    fill(timeline, *"ab")
    timeline.play(True)
    adopt(qtbot, session, build(size=4))
    assert timeline.route is None and not timeline.playing
    turn_to(qtbot, session, opened("c", size=4))
    assert timeline.items == []
    timeline.take([Item("x", np.zeros(3, np.float32))], 0)
    assert timeline.items == [] and session.said[-1].level == "warning"


def test_the_file_keeps_every_bit(tmp_path):
    marks = [Bookmark(f"n{n}", z) for n, z in enumerate(np.random.default_rng(0).standard_normal((3, 5)))]
    marks = [Bookmark(mark.name, mark.z.astype(np.float32)) for mark in marks]
    path = tmp_path / keyframes.FILE
    assert list(keyframes.load(path, 5).marks) == []
    keyframes.save(path, keyframes.Keyframes(marks, {"kind": "spline"}))
    back = keyframes.load(path, 5)
    assert back.walk == {"kind": "spline"} and [mark.name for mark in back.marks] == ["n0", "n1", "n2"]
    for one, other in zip(marks, back.marks, strict=True):
        np.testing.assert_array_equal(one.z, other.z)
    content = json.loads(path.read_text("utf-8")) | {"walk": 3}
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(RunError, match="walk"):
        keyframes.load(path, 5)


def test_settings_that_are_not_allowed_are_left_at_their_defaults(session, timeline, qtbot, opened):
    folder = opened("b").folder
    keyframes.save(
        folder.path / keyframes.FILE, keyframes.Keyframes([], {"kind": "teleport", "seconds": 3.0, "new": 1})
    )
    turn_to(qtbot, session, opened("b"))
    assert timeline.walk == walks.WalkConfig(seconds=3.0)
