"""Where images go: memory or the cache, with whatever a disk may say."""

import contextlib
import errno
import os
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from latentlab.core import paths
from latentlab.core.errors import DataError
from latentlab.core.settings import Settings
from latentlab.data import cache, store
from latentlab.data.dataset import Contents
from latentlab.data.loading import load_originals
from latentlab.data.originals import ArrayOriginals, HeldArray, Listing
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import no_report

NAME = "0" * 32
SHAPE = (3, 8, 10)
IMAGES = np.random.default_rng(0).integers(0, 256, (100, *SHAPE), np.uint8)


@pytest.fixture
def small_budget(monkeypatch):
    monkeypatch.setattr(store, "budget", lambda: 1000)


def datasets():
    folder = paths.cache_dir() / "datasets"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def fill(costly=True, rows=None, grey=False, images=IMAGES, expected=None):
    with store.writer(NAME, SHAPE, expected or len(images), costly) as writer:
        for start in range(0, len(images), 7):
            writer.append(images[start : start + 7])
        return writer.finish(Contents(bytes_found=5), rows, grey, no_report)


# The budget


def test_the_settings_set_the_budget():
    Settings(dataset_memory=0.5).save()
    assert store.budget() == 2**29


def test_a_quarter_of_the_machine_or_of_the_container_is_the_budget(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(store, "_LIMITS", (str(limit), str(tmp_path / "missing")))
    whole = psutil.virtual_memory().total // 4
    assert store.budget() == whole
    for said, budget in (("max", whole), (str(2**62), whole), ("4000000\n", 1000000)):
        limit.write_text(said)
        assert store.budget() == budget


@pytest.mark.parametrize("costly", [True, False])
@pytest.mark.parametrize("spare", [0, -1])
def test_what_exceeds_the_budget_is_mapped_and_what_is_costly_is_kept(monkeypatch, costly, spare):
    monkeypatch.setattr(store, "budget", lambda: IMAGES.nbytes + spare)
    images = fill(costly)
    assert isinstance(images, np.memmap) == (spare < 0)
    assert datasets() == ([NAME] if costly or spare < 0 else [])
    np.testing.assert_array_equal(images, IMAGES)
    assert images.flags.c_contiguous


def test_what_is_kept_is_read_or_mapped_as_the_budget_is_then(monkeypatch):
    fill()
    images, contents = store.kept(NAME, no_report)
    assert not isinstance(images, np.memmap) and images.flags.writeable and contents.bytes_found == 5
    np.testing.assert_array_equal(images, IMAGES)
    monkeypatch.setattr(store, "budget", lambda: IMAGES.nbytes - 1)
    images, _ = store.kept(NAME, no_report)
    assert isinstance(images, np.memmap) and not images.flags.writeable
    np.testing.assert_array_equal(images, IMAGES)


def test_reading_what_is_kept_can_be_ended(monkeypatch):
    fill()
    monkeypatch.setattr(cache, "BLOCK", 5000)
    steps = []
    store.kept(NAME, lambda done, total: steps.append((done, total)))
    assert steps == [(done, IMAGES.nbytes) for done in range(0, IMAGES.nbytes, 5000)]


def test_what_goes_while_it_is_opened_is_not_kept(monkeypatch):
    fill()
    find = cache.find

    def found_and_gone(name):
        entry = find(name)
        cache.clear()
        return entry

    monkeypatch.setattr(cache, "find", found_and_gone)
    assert store.kept(NAME, no_report) is None


# What is left of the rows


@given(
    st.lists(st.booleans(), min_size=100, max_size=100).filter(any) | st.none(),
    st.booleans(),
    st.booleans(),
    st.integers(500, 30_000),
)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_and_channels_are_left_out(monkeypatch, stays, grey, mapped, block):
    with monkeypatch.context() as patched:
        patched.setattr(store, "budget", lambda: 10 if mapped else 10**9)
        patched.setattr(cache, "BLOCK", block)
        cache.clear()
        rows = None if stays is None else np.flatnonzero(stays)
        expected = (IMAGES if rows is None else IMAGES[rows])[:, : 1 if grey else 3]
        images = fill(rows=rows, grey=grey)
        assert isinstance(images, np.memmap) == mapped
        np.testing.assert_array_equal(images, expected)
        assert images.flags.c_contiguous
        kept, _ = store.kept(NAME, no_report)
        np.testing.assert_array_equal(kept, expected)


@pytest.mark.parametrize("budget", [10, 10**9])
def test_rows_can_be_looked_at_while_more_come(monkeypatch, budget):
    monkeypatch.setattr(store, "budget", lambda: budget)
    with store.writer(NAME, SHAPE, 100, True) as writer:
        writer.append(IMAGES[:30])
        which = np.array([29, 0, 7, 7])
        np.testing.assert_array_equal(writer.rows(which), IMAGES[which])
        writer.append(IMAGES[30:])
        np.testing.assert_array_equal(writer.rows(np.array([99, 31])), IMAGES[[99, 31]])
        np.testing.assert_array_equal(writer.finish(Contents(), None, False, no_report), IMAGES)


def test_a_mapped_one_that_becomes_small_enough_is_read(monkeypatch):
    monkeypatch.setattr(store, "budget", lambda: IMAGES.nbytes // 2)
    images = fill(grey=True)
    assert not isinstance(images, np.memmap)
    np.testing.assert_array_equal(images, IMAGES[:, :1])


def test_what_could_not_be_read_takes_no_memory():
    images = fill(costly=False, images=IMAGES[:40], expected=100)
    assert images.base is None and len(images) == 40
    np.testing.assert_array_equal(images, IMAGES[:40])


def test_what_does_not_fit_into_memory_at_all_is_told(monkeypatch):
    monkeypatch.setattr(store, "budget", lambda: 2**70)
    with pytest.raises(DataError, match=r"need \d+\.\d GiB of memory; set a limit or a smaller size\."):
        store.allocate(2**45, 3, 64, 64)


# A disk that does not take it


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def failing_disk(monkeypatch, where):
    """The disk takes no more from some point on."""
    with monkeypatch.context() as patched:
        if where == "folder":
            patched.setattr(Path, "mkdir", no_space)
        elif where == "file":
            patched.setattr(store._ImageFile, "__init__", no_space)
        elif where == "images":
            append, calls = store._ImageFile.append, []

            def third(self, images):
                calls.append(1)
                if len(calls) == 3:
                    self._file.write(images.tobytes()[:100])
                    no_space()
                append(self, images)

            patched.setattr(store._ImageFile, "append", third)
            patched.setattr(cache, "BLOCK", 4 * 30 * 240)
        elif where == "sync":
            patched.setattr(cache, "sync", no_space)
        elif where == "arrays":
            patched.setattr(np, "savez", no_space)
        elif where == "rename":
            patched.setattr(Path, "rename", no_space)
        elif where == "room":
            patched.setattr(cache, "SPARE", 2**60)
        yield


WHERE = ["folder", "file", "images", "sync", "arrays", "rename", "room"]


@pytest.mark.parametrize("where", WHERE)
def test_without_a_cache_what_fits_is_in_memory(monkeypatch, where):
    with failing_disk(monkeypatch, where):
        images = fill()
    np.testing.assert_array_equal(images, IMAGES)
    assert not isinstance(images, np.memmap) and datasets() == []
    assert fill() is not None and datasets() == [NAME]


@pytest.mark.parametrize("where", WHERE)
def test_without_a_cache_what_does_not_fit_is_told(monkeypatch, small_budget, where):
    with failing_disk(monkeypatch, where), pytest.raises(DataError) as told:
        fill()
    said = str(told.value)
    assert str(paths.cache_dir()) in said and "set a limit or a smaller size." in said
    assert ("GiB are free on its disk" if where == "room" else "No space left on device") in said
    assert datasets() == []
    assert isinstance(fill(), np.memmap)


@pytest.mark.parametrize("made", ["a file", "a link to nothing"])
def test_a_cache_that_is_no_folder(monkeypatch, made):
    if made == "a file":
        paths.cache_dir().write_text("a file")
    else:
        paths.cache_dir().symlink_to(paths.cache_dir().with_name("nowhere") / "at all")
    np.testing.assert_array_equal(fill(), IMAGES)
    assert store.kept(NAME, no_report) is None and cache.usage() == (0, 0)
    cache.clear()
    monkeypatch.setattr(store, "budget", lambda: 1000)
    with pytest.raises(DataError, match=r"the cache .* cannot take them"):
        fill()


def test_an_error_of_the_source_is_not_blamed_on_the_disk(small_budget):
    with pytest.raises(OSError, match="of the source"), store.writer(NAME, SHAPE, 10, True) as writer:
        writer.append(IMAGES[:5])
        raise OSError("of the source")
    assert datasets() == []


# The memory it takes


class Drawn(ArrayOriginals):
    """Many images that take no memory before they are read."""

    name, stamp, costly = "drawn", "1", True

    def __init__(self, count):
        self.count = count

    shape = (3, 64, 64)

    def listing(self, report):
        return Listing(self.count)

    def read(self, places):
        return np.repeat((places % 251).astype(np.uint8), 3 * 64 * 64).reshape(-1, 3, 64, 64)


@pytest.mark.parametrize("duplicates", ["keep", "exact"])
def test_a_mapped_store_is_made_in_little_memory(monkeypatch, duplicates):
    monkeypatch.setattr(store, "budget", lambda: 2**20)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(cache, "BLOCK", 2**22)
    count = 2**26 // (3 * 64 * 64)
    tracemalloc.start()
    try:
        found = load_originals("drawn", Drawn(count), SourceConfig(duplicates=duplicates), no_report)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.is_mapped
    assert peak < 2**25, peak
    expected = np.arange(count)[: 251 if duplicates == "exact" else None] % 251
    np.testing.assert_array_equal(found.images[:, 0, 0, 0], expected)
    np.testing.assert_allclose(found.mean, expected.mean(), rtol=1e-5)


def test_leaving_rows_out_needs_no_second_copy(monkeypatch):
    monkeypatch.setattr(cache, "BLOCK", 2**16)
    images = np.zeros((2000, *SHAPE), np.uint8)
    with store.writer(NAME, SHAPE, len(images), False) as writer:
        writer.append(images)
        tracemalloc.start()
        try:
            writer.finish(Contents(), np.arange(1, 2000), False, no_report)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert images.nbytes == 480_000 and peak < 100_000


def test_the_cache_of_another_budget_is_used(monkeypatch):
    held = HeldArray("held", IMAGES, Listing(100), stamp="1", costly=True)
    first = load_originals("held", held, SourceConfig(), no_report)
    monkeypatch.setattr(store, "budget", lambda: 1000)
    held.read = None
    second = load_originals("held", held, SourceConfig(), no_report)
    assert second.is_mapped and not first.is_mapped
    np.testing.assert_array_equal(first.images, second.images)
