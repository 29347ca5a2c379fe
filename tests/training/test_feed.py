"""Batches of what is in memory, mapped, or on a device."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest
import torch

from latentlab.core.errors import DataError
from latentlab.training import feed as feeds
from latentlab.training.augmentation import Augmentation
from latentlab.training.events import Done
from latentlab.training.feed import Feed
from latentlab.training.order import Order

CPU = torch.device("cpu")
WHICH = np.array([2, 2, 3, 5, 8, 13, 13, 13, 21])
PLACES = ("memory", "read-only", "mapped", "device", "mapped to device")


@pytest.fixture
def put(tmp_path, monkeypatch):
    """put(images, "mapped") -> the same there; "device" pretends that the CPU has memory of its own."""

    def put(images, place):
        monkeypatch.setattr(feeds, "room", lambda device: 2**30 if "device" in place else 0)
        if "mapped" in place:
            images.tofile(tmp_path / "images")
            return np.memmap(tmp_path / "images", images.dtype, "r", shape=images.shape)
        images = images.copy()
        images.flags.writeable = place != "read-only"
        return images

    return put


@pytest.mark.parametrize("place", PLACES)
def test_a_batch_is_the_images_and_labels_that_are_meant(place, put, images):
    labels = np.arange(22) * 10
    with contextlib.closing(Feed(put(images, place), WHICH, CPU, labels=labels)) as feed:
        assert len(feed) == 9 and feed.count == 6
        indices = np.array([8, 0, 5, 6, 1])
        feed.expect(indices)
        batch, given = feed.batch(indices, 0)
        assert batch.dtype == torch.uint8 and given.dtype == torch.int64
        assert np.array_equal(batch.numpy(), images[[21, 2, 13, 13, 2]])
        assert given.tolist() == [210, 20, 130, 130, 20]
        again, _ = feed.batch(indices, 0)
        assert torch.equal(batch, again) and batch.data_ptr() != again.data_ptr()


@pytest.mark.parametrize("place", PLACES)
def test_points_are_fed_as_they_are(place, put):
    points = np.random.default_rng(0).random((22, 2, 1, 1), np.float32)
    with contextlib.closing(
        Feed(put(points, place), WHICH, CPU, augmentation=Augmentation("both", 90, 0.5, 1.0))
    ) as feed:
        batch, labels = feed.batch(np.arange(9), 0)
    assert labels is None and batch.dtype == torch.float32
    assert batch.numpy().tobytes() == points[WHICH].tobytes()


def test_what_is_in_memory_is_not_copied_and_on_a_device_lies_each_image_once(put, images):
    store = put(images, "memory")
    assert Feed(store, WHICH, CPU)._held.data_ptr() == store.ctypes.data
    held = (feed := Feed(put(images, "device"), WHICH, CPU))._held
    feed.batch(np.arange(9), 0)
    assert np.array_equal(held.numpy(), images[[2, 3, 5, 8, 13, 21]])
    feed = Feed(put(images, "mapped"), WHICH, CPU)
    assert feed._held is None
    feed.close()


def test_an_image_is_brought_to_a_device_when_it_is_first_seen(put, images, monkeypatch):
    read, asked, expected = feeds.Gatherer.read, [], []
    monkeypatch.setattr(
        feeds.Gatherer, "read", lambda self, rows, out: asked.append(rows.tolist()) or read(self, rows, out)
    )
    monkeypatch.setattr(feeds.Gatherer, "expect", lambda self, rows: expected.append(rows.tolist()))
    with contextlib.closing(Feed(put(images, "mapped to device"), WHICH, CPU)) as feed:
        for indices in ([0, 1, 2], [5, 2, 6], [0, 5, 8], [8, 7, 6]):
            feed.expect(np.array(indices))
            batch, _ = feed.batch(np.array(indices), 0)
            assert np.array_equal(batch.numpy(), images[WHICH[indices]])
    assert asked == [[2, 3], [13], [21]] and expected == [*asked, []]


def test_a_device_without_room_is_fed_from_memory(put, images, monkeypatch):
    store = put(images, "memory")
    monkeypatch.setattr(feeds, "room", lambda device: 6 * 64)  # as many bytes as there are: not less
    assert Feed(store, WHICH, CPU)._held.data_ptr() == store.ctypes.data
    monkeypatch.undo()
    assert feeds.room(CPU) == feeds.room(torch.device("mps")) == 0


@pytest.mark.parametrize("place", PLACES)
def test_augmentation_depends_on_seed_and_step_and_leaves_labels_and_store_alone(place, put, images):
    store, change = put(images, place), Augmentation("both", 30, 0.2, 0.5)
    with contextlib.closing(
        Feed(store, WHICH, CPU, labels=np.arange(22), augmentation=change, seed=4)
    ) as feed:
        indices = np.arange(9)[::-1].copy()
        (first, labels), (second, others) = feed.batch(indices, 10), feed.batch(indices, 11)
        assert torch.equal(first, feed.batch(indices, 10)[0]) and not torch.equal(first, second)
        assert labels.tolist() == others.tolist() == WHICH[::-1].tolist()
        assert torch.equal(first, change(torch.from_numpy(images[WHICH[::-1]]), 4, 10))
    assert np.array_equal(store, images)


def test_a_closed_feed_lets_go_of_the_file(put, images, tmp_path):
    feed = Feed(put(images, "mapped"), WHICH, CPU)
    feed.close()
    feed.close()
    with pytest.raises(ValueError, match="closed"):
        feed.batch(np.arange(2), 0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("room", [0, 2**30])
@pytest.mark.parametrize("place", PLACES[:3])
def test_a_gpu_is_fed_the_same(place, room, put, images, monkeypatch):
    store, device = put(images, place), torch.device("cuda")
    monkeypatch.setattr(feeds, "room", lambda device: room)
    with contextlib.closing(Feed(store, WHICH, device, labels=np.arange(22))) as feed:
        for indices in (np.arange(5), np.arange(9)[::-1].copy()):
            batch, labels = feed.batch(indices, 0)
            assert batch.device.type == labels.device.type == "cuda"
            assert np.array_equal(batch.cpu().numpy(), images[WHICH[indices]])
            assert labels.tolist() == WHICH[indices].tolist()


# In the loop


def _weights(model):
    return [t.clone() for net in model.nets.values() for t in net.state_dict().values()]


def _equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(_weights(a.model), _weights(b.model), strict=True))


@pytest.mark.parametrize("key", ["vae-mlp", "cgan"])
@pytest.mark.parametrize("place", PLACES[1:])
def test_it_makes_no_difference_where_the_images_lie(key, place, put, start, images):
    plain = start(key, store=images)
    list(plain.events)
    other = start(key, store=put(images, place))
    list(other.events)
    assert _equal(plain, other)


def test_augmentation_changes_what_is_learned_and_a_resumed_run_sees_the_same(start, model, images):
    from latentlab.training import checkpoint

    change = Augmentation("horizontal", 20, 0.1, 0.3)
    plain, whole = start(steps=12), start(steps=12, augmentation=change)
    list(plain.events), list(whole.events)
    assert not _equal(plain, whole)

    first = start(steps=7, augmentation=change)
    list(first.events)
    later = model(seed=77)
    meta = checkpoint.load(first.folder.latest_checkpoint(), later)
    order = Order(len(images), 4, 0, meta["epoch"], meta["position"])
    second = start(steps=12, augmentation=change, live=later, order=order)
    list(second.events)
    assert _equal(whole, second)


def test_the_loop_says_what_it_will_ask_for_and_asks_for_it(start, put, images, monkeypatch):
    expected, asked = [], []
    monkeypatch.setattr(feeds.Gatherer, "expect", lambda self, which: expected.append(which.tolist()))
    read = feeds.Gatherer.read

    def recorded(self, which, out=None):
        asked.append(which.tolist())
        return read(self, which, out)

    monkeypatch.setattr(feeds.Gatherer, "read", recorded)
    list(start(store=put(images, "mapped"), steps=12).events)
    assert len(expected) == len(asked) == 12
    # Batches of four of 22: at the end of an epoch two are left, and the next epoch is not known yet.
    told = [a == b for a, b in zip(expected, asked[1:], strict=False)]
    assert told == [True] * 4 + [False] + [True] * 4 + [False] + [True]


@pytest.mark.skipif(os.name == "nt", reason="what is mapped cannot be cut there")
def test_a_disk_that_fails_ends_the_training_with_a_sentence(start, put, images, tmp_path):
    run = start(store=put(images, "mapped"), steps=12)
    with pytest.raises(DataError, match=r"^Cannot read images from .*images: it ends too early"):
        for event in run.events:
            assert not isinstance(event, Done)
            os.truncate(tmp_path / "images", 5)
    assert run.folder.checkpoints()


@pytest.mark.parametrize("place", PLACES)
def test_the_disk_is_only_asked_for_what_will_be_read_from_it(place, put, images, monkeypatch):
    asked = []
    with contextlib.closing(Feed(put(images, place), WHICH, CPU)) as feed:
        monkeypatch.setattr(feed._gatherer, "expect", lambda rows: asked.append(rows.tolist()))
        feed.expect(np.array([0, 2]))
        feed.batch(np.array([0, 2]), 0)
        feed.expect(np.array([0, 2, 3]))
        feed.batch(np.arange(len(WHICH)), 1)
        feed.expect(np.array([0, 2, 3]))
    assert asked == {
        "mapped": [[2, 3], [2, 3, 5], [2, 3, 5]],
        "mapped to device": [[2, 3], [5]],
    }.get(place, [])
