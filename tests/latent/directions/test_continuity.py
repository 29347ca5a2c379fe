"""Which of the directions found anew is which of those before."""

from __future__ import annotations

import numpy as np

from latentlab.latent import traversal
from latentlab.latent.directions import Direction
from latentlab.latent.directions.continuity import continued


def unit(dim, size=4):
    return traversal.unit(dim, size)


def named(vectors):
    return [Direction(f"Local {n}", v, "local", f"strength {n}") for n, v in enumerate(vectors, start=1)]


def turned(vectors, degrees):
    """The first two of orthogonal vectors turned towards each other's place, in their plane."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second, *rest = vectors
    return [c * first + s * second, c * second - s * first, *rest]


def test_an_answer_that_turned_a_little_keeps_order_names_and_signs():
    before = named([unit(i) for i in range(4)])
    moved = turned([unit(i) for i in range(4)], 20)
    found = named([-moved[2], moved[1], moved[3], -moved[0]])
    after = continued(before, found)
    assert [d.name for d in after] == [d.name for d in before]
    np.testing.assert_allclose([d.vector for d in after], moved, atol=1e-6)
    assert [d.note for d in after] == ["strength 4", "strength 2", "strength 1", "strength 3"]


def test_what_is_new_takes_the_places_that_are_left_in_its_order_and_each_is_used_once():
    rng = np.random.default_rng(0)
    for _ in range(20):
        before = named(np.linalg.qr(rng.standard_normal((6, 6)))[0])
        found = named(np.linalg.qr(rng.standard_normal((6, 6)))[0])
        after = continued(before, found)
        assert [d.name for d in after] == [d.name for d in before]
        used = [next(n for n, f in enumerate(found) if abs(f.vector @ d.vector) > 0.999) for d in after]
        assert sorted(used) == list(range(6))
        same = [abs(b.vector @ a.vector) > np.sqrt(0.5) for a, b in zip(after, before, strict=True)]
        others = [n for n, s in zip(used, same, strict=True) if not s]
        assert others == sorted(others)
        assert all(a.vector @ b.vector >= -1e-6 for a, b in zip(after, before, strict=True))


def test_more_or_fewer_directions_than_before_are_all_there():
    before = named([unit(0), unit(1)])
    assert [d.name for d in continued(before, named([unit(1), unit(2), unit(3)]))] == [
        "Local 1",
        "Local 2",
        "Local 3",
    ]
    (one,) = continued(before, named([-unit(1)]))
    assert one.name == "Local 2"
    np.testing.assert_array_equal(one.vector, unit(1))
