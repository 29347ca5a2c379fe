"""Bookmarks without a window: names, order, undoing a removal, sums, and what is dragged."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QMimeData
from pytestqt.qtbot import QtBot

from latentlab.core.config import parse
from latentlab.models import MODELS
from latentlab.models.pixels import render
from latentlab.training.run_folder import RunFolder
from latentlab.ui import bookmarks_state
from latentlab.ui.bookmarks_state import CHUNK, MIME, Item, dragged, dropped
from latentlab.ui.session import Session
from latentlab.ui.workers import OpenedRun

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


def build(size=3, seed=0, **values):
    kind = MODELS.get("vae-mlp")
    config = parse(kind.Config, {"latent_size": size, "width": 8} | values, "model")
    return kind(config, (1, 8, 8), seed=seed).evaluation_copy()


@pytest.fixture
def model():
    return build()


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
def marks(session):
    return session.bookmarks


def adopt(qtbot, session, model):
    with qtbot.waitSignal(session.latent.space_changed, timeout=10_000):
        session.sampler.adopt(model)


def turn_to(qtbot, session, opened):
    with qtbot.waitSignal(session.bookmarks._file.loaded, timeout=10_000):
        session.run_opened.emit(opened)


def names(marks):
    return [item.name for item in marks.items]


def add_at(session, *values, name=""):
    session.latent.set_z(np.float32(values))
    item = session.bookmarks.add()
    if name:
        session.bookmarks.rename(item, name)
    return item


@pytest.fixture
def three(session):
    """Bookmarks b, c and a, made in this order."""
    return [add_at(session, i, -i, 0.1 * i, name=name) for i, name in enumerate("bca", start=1)]


def test_a_bookmark_is_the_exact_latent_with_the_next_free_number(session, marks):
    z = np.float32([1 / 3, -1e-7, 12.5])
    item = add_at(session, *z)
    session.latent.set_z(np.zeros(3, np.float32))
    np.testing.assert_array_equal(item.z, z)
    add_at(session, 1, 2, 3)
    assert names(marks) == ["Bookmark 1", "Bookmark 2"]
    marks.remove(marks.items[:1])
    add_at(session, 1, 2, 3)
    assert names(marks) == ["Bookmark 2", "Bookmark 3"]


def test_without_a_model_there_is_nothing_to_bookmark(qtbot):
    session = Session()
    assert session.bookmarks.add() is None and session.bookmarks.items == []
    assert session.close()
    session.deleteLater()


def test_a_name_is_one_line_and_never_empty(marks, three):
    marks.rename(three[0], "  two\nwords ")
    marks.rename(three[1], "   ")
    assert names(marks) == ["two words", "c", "a"]


def test_what_was_removed_can_be_brought_back_to_its_place_until_the_next_change(session, marks, three):
    marks.remove([three[0], three[2]])
    assert names(marks) == ["c"]
    assert session.said[-1].text.startswith("Removed 2 bookmarks")
    marks.restore()
    assert names(marks) == ["b", "c", "a"] and marks.removed == []
    marks.remove([three[1]])
    assert session.said[-1].text.startswith("Removed “c”")
    marks.rename(three[0], "other")
    marks.restore()
    assert names(marks) == ["other", "a"]


@pytest.mark.parametrize(
    ("rows", "place", "wanted"),
    [([0], 3, "cab"), ([2], 0, "abc"), ([0, 2], 1, "bac"), ([0, 1], 3, "abc"), ([1], 1, "bca")],
)
def test_moving_puts_them_before_the_one_that_was_there(marks, three, rows, place, wanted):
    marks.move([three[row] for row in rows], place)
    assert "".join(names(marks)) == wanted


def test_sorting_by_name_and_age_leaves_the_order_by_hand(marks, three):
    marks.move([three[2]], 0)
    assert names(marks) == ["a", "b", "c"]
    marks.rename(three[2], "Z")
    marks.sort("name")
    assert names(marks) == ["b", "c", "Z"]
    marks.sort("age")
    assert names(marks) == ["b", "c", "Z"]
    marks.sort("hand")
    assert names(marks) == ["Z", "b", "c"]
    marks.sort("name")
    marks.move([three[2]], 1)
    assert names(marks) == ["b", "Z", "c"] and marks.order == "hand"


def test_they_are_saved_with_their_run_and_read_with_it(qtbot, session, marks, three, opened):
    latents = [item.z.copy() for item in marks.items]
    turn_to(qtbot, session, opened("b"))
    assert marks.items == []
    add_at(session, 9, 9, 9)
    turn_to(qtbot, session, opened("a"))
    assert names(marks) == ["b", "c", "a"]
    for item, z in zip(marks.items, latents, strict=True):
        assert item.z.dtype == np.float32
        np.testing.assert_array_equal(item.z, z)


def test_the_run_that_is_trained_on_keeps_what_is_there(session, marks, three, opened):
    session.run_opened.emit(opened("a"))
    assert marks.items == three


def test_one_made_while_the_file_is_read_is_kept_beside_those_in_it(qtbot, session, marks, three, opened):
    turn_to(qtbot, session, opened("b"))
    with qtbot.waitSignal(marks._file.loaded, timeout=10_000):
        session.run_opened.emit(opened("a"))
        add_at(session, 5, 5, 5, name="early")
    assert names(marks) == ["b", "c", "a", "early"]
    turn_to(qtbot, session, opened("b"))
    turn_to(qtbot, session, opened("a"))
    assert names(marks) == ["b", "c", "a", "early"]


def test_a_model_of_another_size_breaks_nothing(qtbot, session, marks, three, opened):
    marks.watch(True)
    marks.mixture.fill(0, three[0])
    adopt(qtbot, session, build(size=5))
    marks.go(three[0])
    assert session.latent.size == 5 and len(session.latent.z) == 5
    assert marks.add() is None  # its run is not the one that is shown
    assert marks.mixture.result() is None
    marks.remove([three[1]])
    turn_to(qtbot, session, opened("five", size=5))
    assert marks.items == [] and marks.mixture.slots == [None] * 4
    assert marks.add() is not None


# Thumbnails


def wait_for_tiles(qtbot, marks, model):
    """Until every thumbnail is what the model decodes."""

    def right():
        wanted = render(model, np.stack([item.z for item in marks.items]))
        return all(
            item.tile is not None and np.array_equal(item.tile, tile)
            for item, tile in zip(marks.items, wanted, strict=True)
        )

    qtbot.waitUntil(right, timeout=10_000)


def test_thumbnails_are_decoded_in_chunks_only_while_they_are_seen(qtbot, session, marks, model):
    asked = []
    session.sampler.rendered.connect(
        lambda channel, stamp, tiles, ms: asked.append(len(tiles)) if channel == "thumbnails" else None
    )
    for i in range(2 * CHUNK + 3):
        marks.add(np.float32([0.1 * i, 1, -1]))
    with qtbot.waitSignal(session.latent.explored, timeout=10_000):
        session.latent.look()
    assert asked == [] and all(item.tile is None for item in marks.items)
    marks.watch(True)
    wait_for_tiles(qtbot, marks, model)
    assert asked == [CHUNK, CHUNK, 3]


def test_thumbnails_are_those_of_the_model_that_is_there_now(qtbot, session, marks, three, model):
    marks.watch(True)
    wait_for_tiles(qtbot, marks, model)
    other = build(seed=7)
    adopt(qtbot, session, other)
    wait_for_tiles(qtbot, marks, other)


def test_while_the_model_learns_thumbnails_follow_at_a_walk(qtbot, session, marks, three, model):
    marks._pacing.setInterval(50)
    assert bookmarks_state.ROUND_EVERY == 2000
    marks.watch(True)
    wait_for_tiles(qtbot, marks, model)
    rounds = []
    marks.pictured.connect(lambda: rounds.append(True))
    learned = [build(seed=seed) for seed in (1, 2, 3)]
    for step, now in enumerate(learned):
        with qtbot.waitSignal(session.latent.weights_changed, timeout=10_000):
            session.sampler.refresh(now.weights(), step)
        assert rounds == []
    wait_for_tiles(qtbot, marks, learned[-1])
    assert len(rounds) == 1


# Sums


def test_a_minus_b_plus_c_in_numbers_words_and_picture(qtbot, session, marks, three, model):
    mixture = marks.mixture
    marks.watch(True)
    assert mixture.result() is None and mixture.words() == ""
    for slot, item in enumerate(three):
        mixture.fill(slot, item)
    b, c, a = (item.z.astype(np.float64) for item in three)
    wanted = (b - c + a).astype(np.float32)
    np.testing.assert_array_equal(mixture.result(), wanted)
    assert mixture.words() == "b − c + a"
    qtbot.waitUntil(
        lambda: mixture.tile is not None and np.array_equal(mixture.tile, render(model, wanted[None])[0]),
        timeout=10_000,
    )
    mixture.set_weight(1, -0.5)
    assert mixture.kind == "free" and mixture.words() == "b − 0.5 × c + a"
    np.testing.assert_array_equal(mixture.result(), (b - 0.5 * c + a).astype(np.float32))
    mixture.set_kind("difference")
    np.testing.assert_array_equal(mixture.result(), wanted)


def test_an_average_weighs_what_is_there_alike(marks, three):
    mixture = marks.mixture
    mixture.set_kind("average")
    mixture.fill(0, three[0])
    mixture.fill(3, three[1])
    assert mixture.weights == [0.5, 0, 0, 0.5]
    assert mixture.words() == "the average of b and c"
    mixture.fill(1, three[2])
    np.testing.assert_allclose(mixture.result(), np.mean([item.z for item in three], 0), atol=1e-6)
    assert mixture.words() == "the average of b, a and c"
    mixture.fill(0, None)
    assert mixture.weights == [0, 0.5, 0, 0.5]


def test_a_fourth_takes_part_only_with_a_weight(marks, three):
    mixture = marks.mixture
    mixture.fill(3, three[0])
    assert mixture.result() is None
    mixture.set_weight(3, -2)
    np.testing.assert_array_equal(mixture.result(), -2 * three[0].z)
    assert mixture.words() == "−2 × b"


def test_going_to_a_sum_is_one_step_of_undo(session, marks, three):
    marks.mixture.fill(0, three[0])
    marks.mixture.fill(1, three[1])
    before, steps = session.latent.z.copy(), session.latent.undo_stack.count()
    marks.mixture.go()
    np.testing.assert_array_equal(session.latent.z, marks.mixture.result())
    assert session.latent.undo_stack.count() == steps + 1
    session.latent.undo_stack.undo()
    np.testing.assert_array_equal(session.latent.z, before)


def test_a_sum_becomes_a_bookmark_of_its_words(marks, three):
    marks.mixture.fill(0, three[0])
    marks.mixture.fill(1, three[1])
    marks.mixture.bookmark()
    assert names(marks)[-1] == "b − c"
    np.testing.assert_array_equal(marks.items[-1].z, marks.mixture.result())


def test_a_removed_bookmark_leaves_its_slot(qtbot, marks, three):
    marks.watch(True)
    marks.mixture.fill(0, three[0])
    qtbot.waitUntil(lambda: marks.mixture.tile is not None, timeout=10_000)
    marks.remove([three[0]])
    assert marks.mixture.slots[0] is None and marks.mixture.result() is None
    assert marks.mixture.tile is None


# Drag and drop


def test_what_is_dragged_arrives_to_the_last_bit():
    z = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    tiles = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    sent = [Item(name, *rest) for name, *rest in zip(["ä — 1", "two"], z, tiles, strict=True)]
    got = dropped(dragged(sent))
    assert [item.name for item in got] == ["ä — 1", "two"]
    for mine, theirs in zip(got, sent, strict=True):
        assert mine.z.dtype == np.float32
        np.testing.assert_array_equal(mine.z, theirs.z)
        np.testing.assert_array_equal(mine.tile, theirs.tile)
    assert [item.tile for item in dropped(dragged([sent[0], Item("no picture", z[1])]))] == [None, None]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"[1, 2, 3]"])
def test_what_another_program_dragged_is_nothing(content):
    data = QMimeData()
    assert dropped(data) == []
    data.setData(MIME, content)
    assert dropped(data) == []


def test_numbers_that_are_no_latents_are_nothing():
    assert dropped(dragged([Item("x", np.float32([1, np.nan]))])) == []
    assert dropped(dragged([Item("x", np.float64([1, 2]))])) == []


def test_dropped_latents_are_found_again_or_added(session, marks, three):
    assert marks.take(dropped(dragged(three[:2]))) == three[:2]
    assert len(marks.items) == 3
    (new,) = marks.take([Item("guest", np.float32([7, 8, 9]))])
    assert new in marks.items and new.name == "guest"
    assert marks.take([Item("guest", np.float32([7, 8]))]) == []
    assert "another latent space" in session.said[-1].text
