"""The order in which images are seen."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.training.order import Order


def test_an_epoch_shows_every_image_once_where_batches_fill_it():
    order = Order(12, 4, seed=3)
    for epoch in range(3):
        seen = np.concatenate([order.next() for _ in range(3)])
        assert sorted(seen) == list(range(12)) and order.epoch == epoch


def test_epochs_differ_and_seeds_differ():
    order = Order(50, 50, seed=0)
    first, second = order.next(), order.next()
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, Order(50, 50, seed=1).next())
    assert np.array_equal(first, Order(50, 50, seed=0).next())


def test_what_fills_no_batch_is_left_and_no_image_comes_twice_in_an_epoch():
    order = Order(10, 4, seed=0)
    seen = np.concatenate([order.next(), order.next()])
    assert len(set(seen)) == 8 and order.epoch == 0
    assert len(order.next()) == 4 and order.epoch == 1 and order.position == 4


def test_a_batch_larger_than_the_data_is_all_of_it():
    order = Order(5, 128, seed=0)
    assert order.batch_size == 5
    for _ in range(3):
        assert sorted(order.next()) == [0, 1, 2, 3, 4]
    assert order.epochs == 3.0


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4, 7])
def test_an_order_goes_on_from_its_epoch_and_position(done):
    whole = Order(11, 3, seed=9)
    for _ in range(done):
        whole.next()
    later = Order(11, 3, 9, whole.epoch, whole.position)
    for _ in range(10):
        assert np.array_equal(whole.next(), later.next())


def test_epochs_are_counted_in_parts():
    order = Order(10, 5, seed=0)
    found = [order.epochs]
    for _ in range(3):
        order.next()
        found.append(order.epochs)
    assert found == [0.0, 0.5, 1.0, 1.5]


def test_the_order_of_a_seed_never_changes():
    """Golden: a resumed run of last year must see what it would have seen."""
    assert Order(8, 8, seed=0).next().tolist() == np.random.default_rng([0, 0]).permutation(8).tolist()
    assert Order(8, 8, seed=0).next().tolist() == [2, 4, 3, 6, 5, 0, 1, 7]
    assert Order(8, 8, seed=0).next().dtype == np.int64


def test_what_comes_next_can_be_asked_for_within_an_epoch_and_changes_nothing():
    order, other = Order(10, 4, seed=1), Order(10, 4, seed=1)
    for _ in range(7):
        coming = order.coming()
        following = order.next()
        assert np.array_equal(following, other.next())
        if order.position > 4:
            assert np.array_equal(coming, following)
    order.go_to(0, 8)
    assert len(order.coming()) == 2  # which no batch will be
    order.resize(2)
    assert np.array_equal(order.coming(), order.next())
    assert len(order.coming()) == 0
