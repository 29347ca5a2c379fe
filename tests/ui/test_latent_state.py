"""Steps through the latent space: taken back bit for bit, one per gesture, as many as are kept."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from latentlab.latent import samplers, traversal
from latentlab.models.base import Choice
from latentlab.ui import latent_state
from latentlab.ui.latent_state import Axis, LatentState


class StubSampler(QObject):
    """The sampler's signals; what is asked of it is kept, and answered by `serve`."""

    adopted = Signal(object)
    refreshed = Signal(int)
    rendered = Signal(str, int, object, float)

    def __init__(self):
        super().__init__()
        self.asked = []

    def request(self, channel, stamp, latents):
        self.asked.append((channel, stamp, latents.copy()))

    def serve(self, channel="explore", skip=0):
        """Answer the newest request, or one `skip` before it -> the image (C, H, W)."""
        _, stamp, latents = [a for a in self.asked if a[0] == channel][-1 - skip]
        images = picture(latents)
        self.rendered.emit(channel, stamp, images, 1.0)
        return images[0]


def picture(latents):
    """A picture that no other latent has."""
    return latents.view(np.uint8).reshape(len(latents), 1, latents.shape[1], 4)


def model(size=6, choices=()):
    shape = (size + sum(len(c.labels) for c in choices),)
    return SimpleNamespace(latent_shape=shape, choices=choices, step_count=7, prior="standard-normal")


@pytest.fixture
def sampler(qapp):
    return StubSampler()


@pytest.fixture
def latent(sampler, qtbot):
    state = LatentState(sampler)
    sampler.adopted.emit(model())
    yield state
    state.deleteLater()


COLOUR = Choice("colour", "Colour", 6, ("red", "green", "blue"))


def drag(latent, change, values):
    latent.hold()
    for value in values:
        change(value)
    latent.release()


CHANGES = {
    "a slider": lambda s: drag(s, lambda v: s.set_value(2, v, "z2"), np.linspace(0.1, 2.3, 30)),
    "the image or the pad": lambda s: drag(s, lambda v: s.set_z(s.z + v, "move", "drag"), [0.1, 0.7, 0.123]),
    "a direction": lambda s: drag(
        s, lambda v: s.set_position(Axis("slant", np.full(9, 1 / 3, np.float32)), v, "slant"), [0.3, 1.1]
    ),
    "a typed value": lambda s: s.set_value(1, 4.123456),
    "randomise": lambda s: s.randomise(),
    "a seed": lambda s: s.set_seed(77),
    "truncation": lambda s: s.set_truncation(0.37),
    "a choice": lambda s: s.set_choice(COLOUR, (int(s.z[6:].argmax()) + 1) % 3),
    "reset": lambda s: s.reset(),
    "a neighbour": lambda s: s.set_z(s.neighbour(3)),
    "a bookmark": lambda s: s.set_z(np.arange(9, dtype=np.float32) / 7),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_one_step_that_is_taken_back_and_done_again_bit_for_bit(qapp, sampler, qtbot, what):
    latent = LatentState(sampler)
    sampler.adopted.emit(model(choices=(COLOUR,)))
    latent.set_seed(3)
    for before in ("set by a seed", "set by hand"):
        if before == "set by hand":
            latent.set_z(latent.z * np.float32(1.1) + np.float32(1e-7))
        steps, place = latent.undo_stack.count(), (latent.z.tobytes(), latent.seed, latent.truncation)
        CHANGES[what](latent)
        after = latent.z.tobytes(), latent.seed, latent.truncation
        if (what, before) == ("truncation", "set by hand"):  # only what a seed made is drawn again
            assert latent.undo_stack.count() == steps and after == (*place[:2], 0.37)
            continue
        assert latent.undo_stack.count() == steps + 1
        assert after[0] != place[0]
        latent.undo_stack.undo()
        assert (latent.z.tobytes(), latent.seed, latent.truncation) == place
        latent.undo_stack.redo()
        assert (latent.z.tobytes(), latent.seed, latent.truncation) == after
        latent.undo_stack.undo()
    latent.deleteLater()


def test_two_drags_are_two_steps(latent):
    start = latent.z.copy()
    drag(latent, lambda v: latent.set_value(0, v, "z0"), [0.5, 1.0])
    drag(latent, lambda v: latent.set_value(0, v, "z0"), [1.5, 2.0])
    assert latent.undo_stack.count() == 2
    latent.undo_stack.undo()
    assert latent.z[0] == 1.0
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, start)


def test_a_drag_is_one_step_however_long_it_rests_on_the_way(latent, qtbot):
    latent._gesture_end.setInterval(1)
    latent.set_value(0, 0.25, "z0")  # a nudge just before starts the clock
    latent.hold()
    latent.set_value(0, 0.5, "z0")
    qtbot.waitUntil(lambda: not latent._gesture_end.isActive())
    latent.set_value(0, 1.0, "z0")
    latent.release()
    assert latent.undo_stack.count() == 2


def test_nudges_within_a_moment_are_one_step_and_later_ones_another(latent, qtbot):
    latent._gesture_end.setInterval(5)
    start = latent.z.copy()
    for value in (0.1, 0.2, 0.3):
        latent.set_value(0, value, "z0")
    assert latent.undo_stack.count() == 1
    qtbot.waitUntil(lambda: not latent._gesture_end.isActive())
    latent.set_value(0, 0.4, "z0")
    assert latent.undo_stack.count() == 2
    latent.undo_stack.undo()
    assert latent.z[0] == np.float32(0.3)
    latent.undo_stack.undo()
    np.testing.assert_array_equal(latent.z, start)


def test_nudges_of_two_dimensions_are_two_steps(latent):
    latent.set_value(0, 0.1, "z0")
    latent.set_value(1, 0.1, "z1")
    assert latent.undo_stack.count() == 2


def test_a_nudge_after_undo_joins_nothing(latent):
    latent.set_value(0, 0.5, "z0")
    latent.set_seed(9)
    latent.undo_stack.undo()
    latent.set_value(0, 0.75, "z0")  # the same kind, at once; but a person has looked back in between
    assert latent.undo_stack.count() == 2
    latent.undo_stack.undo()
    assert latent.z[0] == 0.5


def test_what_changes_nothing_is_no_step(latent):
    latent.set_seed(5)
    latent.reset()
    told = []
    latent.changed.connect(lambda: told.append(1))
    latent.reset()
    latent.set_z(latent.z)
    latent.set_value(0, 0.0)
    assert latent.undo_stack.count() == 2 and not told
    latent.set_seed(5)
    assert latent.undo_stack.count() == 3
    latent.set_seed(5)
    assert latent.undo_stack.count() == 3
    latent.set_z(samplers.draw(latent.model, [8])[0])
    latent.set_seed(8)  # the same place, but now it is a seed's: Truncation will draw it again
    assert latent.undo_stack.count() == 5
    latent.set_truncation(0.5)
    np.testing.assert_array_equal(latent.z, samplers.draw(latent.model, [8], 0.5)[0])


def test_the_history_is_not_the_senders_to_change(latent):
    mine = np.ones(6, np.float32)
    latent.set_z(mine)
    mine[:] = 9
    assert (latent.z == 1).all()
    latent.set_seed(1)
    latent.undo_stack.undo()
    assert (latent.z == 1).all()


def test_a_new_move_after_undo_forgets_what_was_undone(latent):
    for seed in (1, 2, 3):
        latent.set_seed(seed)
    latent.undo_stack.undo()
    latent.undo_stack.undo()
    latent.set_seed(8)
    assert not latent.undo_stack.canRedo()
    expected = [samplers.draw(latent.model, [seed])[0] for seed in (0, 1, 8)]
    np.testing.assert_array_equal([visit.z for visit in latent.visits], expected)
    assert latent.undo_stack.index() == 2


def test_a_drag_after_undo_leaves_one_visit_behind(latent):
    for seed in (1, 2, 3):
        latent.set_seed(seed)
    latent.undo_stack.undo()
    drag(latent, lambda v: latent.set_value(0, v, "z0"), [0.5, 1.0, 1.5])
    assert [len(latent.visits), latent.undo_stack.index(), latent.undo_stack.count()] == [4, 3, 3]
    assert latent.visits[3].z[0] == 1.5
    np.testing.assert_array_equal(latent.visits[2].z, samplers.draw(latent.model, [2])[0])


def test_beyond_the_limit_the_oldest_steps_and_visits_go(sampler, qtbot, monkeypatch):
    monkeypatch.setattr(latent_state, "UNDO_LIMIT", 5)
    latent = LatentState(sampler)
    sampler.adopted.emit(model())
    for seed in range(1, 9):
        latent.set_seed(seed)
        drag(latent, lambda v: latent.set_value(0, v, "z0"), [0.5, 1.0])
        assert len(latent.visits) == latent.undo_stack.count() + 1 <= 6
    for index in reversed(range(5)):
        latent.undo_stack.undo()
        assert latent.undo_stack.index() == index
        assert latent.z is latent.visits[index].z
    assert not latent.undo_stack.canUndo()
    latent.undo_stack.setIndex(5)
    assert latent.z[0] == 1.0 and latent.seed == 8
    latent.deleteLater()


def test_any_visit_is_reached_by_one_look(latent, sampler):
    for seed in range(1, 500):
        latent.set_seed(seed)
    told, before = [], len(sampler.asked)
    latent.changed.connect(lambda: told.append(latent.seed))
    latent.go_to_visit(3)
    assert told == [3] and len(sampler.asked) <= before + 2  # the image, and its neighbourhood perhaps
    np.testing.assert_array_equal(latent.z, samplers.draw(latent.model, [3])[0])
    latent.go_to_visit(3)
    assert told == [3]
    latent.go_to_visit(499)
    assert told == [3, 499] and not latent.undo_stack.canRedo()


def test_a_model_of_another_size_clears_all_of_it(latent, sampler):
    latent.set_locked(5, True)
    latent.set_seed(4)
    latent.set_value(0, 1.0)
    told = []
    latent.changed.connect(lambda: told.append(latent.size))
    sampler.adopted.emit(model(3))
    assert set(told) == {3}  # nobody saw the new dimensions before `space_changed`
    assert latent.undo_stack.count() == 0 and len(latent.visits) == 1
    np.testing.assert_array_equal(latent.z, samplers.draw(latent.model, [4])[0])
    assert [axis.vector.tolist() for axis in latent.axes] == [[1, 0, 0], [0, 1, 0]]


def test_space_changed_comes_before_changed(latent, sampler):
    latent.set_seed(4)
    told = []
    latent.space_changed.connect(lambda: told.append("space"))
    latent.changed.connect(lambda: told.append("z"))
    sampler.adopted.emit(model(4))
    assert told == ["space", "z"]


def test_the_same_size_with_other_choices_clears_it_too(latent, sampler):
    latent.set_seed(4)
    sampler.adopted.emit(model(3, (Choice("colour", "Colour", 3, ("red", "green", "blue")),)))
    assert latent.size == 6 and latent.undo_stack.count() == 0
    assert latent.z[3:].sum() == 1


def test_a_model_of_the_same_layout_keeps_the_way_but_not_its_pictures(latent, sampler):
    latent.set_seed(4)
    sampler.serve()
    assert latent.visits[1].tile is not None
    place = latent.z.tobytes()
    sampler.adopted.emit(model())
    assert latent.z.tobytes() == place and latent.undo_stack.count() == 1
    assert [visit.tile for visit in latent.visits] == [None, None]


def test_a_visit_has_the_picture_of_its_own_latent(latent, sampler):
    sampler.serve()
    for seed in (1, 2, 3):
        latent.set_seed(seed)
        sampler.serve()
    latent.undo_stack.undo()
    sampler.serve()
    drag(latent, lambda v: latent.set_value(0, v, "z0"), [0.5, 1.0])
    sampler.serve()
    assert len(latent.visits) == 4
    for visit in latent.visits:
        np.testing.assert_array_equal(visit.tile, picture(visit.z[None])[0])


def test_a_picture_that_comes_late_is_that_of_the_visit_it_was_asked_for(latent, sampler):
    latent.set_seed(1)
    latent.set_seed(2)
    late = sampler.serve(skip=1)
    assert latent.visits[1].tile is late or np.array_equal(latent.visits[1].tile, late)
    assert latent.visits[2].tile is None
    sampler.serve()
    np.testing.assert_array_equal(latent.visits[2].tile, picture(latent.z[None])[0])
    assert not latent._asked


def test_the_picture_of_a_place_dragged_through_is_nobodys(latent, sampler):
    latent.hold()
    latent.set_value(0, 0.5, "z0")
    latent.set_value(0, 1.0, "z0")
    sampler.serve(skip=1)
    assert latent.visits[1].tile is None
    latent.release()


def test_places_without_a_picture_get_one_when_there_is_time(latent, sampler, qtbot):
    def asked():
        return [latents for channel, _, latents in sampler.asked if channel == "visited"]

    latent.set_seed(1)
    latent.set_seed(2)  # before the first was decoded
    sampler.serve()
    qtbot.waitUntil(lambda: len(asked()) == 1)
    np.testing.assert_array_equal(asked()[0], [latent.visits[0].z, latent.visits[1].z])
    sampler.serve("visited")
    for visit in latent.visits:
        np.testing.assert_array_equal(visit.tile, picture(visit.z[None])[0])
    sampler.adopted.emit(model())  # of the same layout: the places stay, their pictures do not
    qtbot.waitUntil(lambda: len(asked()) == 2)
    assert len(asked()[1]) == 3
    latent.hold()  # while a person drags, nothing else is decoded
    sampler.serve("visited")
    latent.set_value(0, 1.0, "z0")
    qtbot.waitUntil(lambda: not latent._visited.isActive())
    assert len(asked()) == 2
    latent.release()


def test_visits_are_told_at_most_every_moment(latent, sampler, qtbot):
    qtbot.waitUntil(lambda: not latent._visited.isActive())
    told = []
    latent.visited_changed.connect(lambda: told.append(1))
    with qtbot.waitSignal(latent.visited_changed):
        drag(latent, lambda v: latent.set_value(0, v, "z0"), np.linspace(0.1, 2, 50))
    assert len(told) == 1


# The plane of two axes


def test_in_the_plane_of_two_dimensions_the_rest_of_z_is_kept_bit_for_bit(latent):
    latent.set_seed(6)
    latent.set_axes(latent.dimension_axis(4), latent.dimension_axis(1))
    found = latent.in_plane(0.3, -1.7)
    assert found[4] == np.float32(0.3) and found[1] == np.float32(-1.7)
    assert np.delete(found, [1, 4]).tobytes() == np.delete(latent.z, [1, 4]).tobytes()
    values = np.linspace(-3, 3, 5)
    here = [latent.in_plane(down, right) for down in values for right in values]
    np.testing.assert_array_equal(here, traversal.plane(latent.z, *(a.vector for a in latent.axes), side=5))


@pytest.mark.parametrize("skew", [0.0, 0.3, -0.8])
def test_in_the_plane_of_skew_axes_both_positions_are_the_ones_asked_for(latent, skew):
    latent.set_seed(6)
    first, second = np.zeros(6, np.float32), np.zeros(6, np.float32)
    first[2] = 1
    second[2], second[5] = skew, np.sqrt(1 - skew**2)
    axes = Axis("z2", first), Axis("slant", second)
    latent.set_axes(*axes)
    start = latent.z.copy()
    latent.set_z(latent.in_plane(1.25, -0.5))
    assert [latent.position(axis) for axis in axes] == pytest.approx([1.25, -0.5], abs=1e-6)
    np.testing.assert_array_equal(np.delete(latent.z, [2, 5]), np.delete(start, [2, 5]))


def test_axes_that_are_one_line_are_gone_along_once(latent):
    axis = latent.dimension_axis(3)
    latent.set_axes(axis, axis)
    assert latent.in_plane(2.0, -1.0)[3] == -1.0
