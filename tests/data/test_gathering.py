"""Rows of arrays and of memory maps."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from latentlab.core.errors import DataError
from latentlab.data import gathering
from latentlab.data.gathering import Gatherer, gather

SHAPE = (40, 3, 9, 8)
WHICH = np.array([3, 39, 0, 3, 4, 5, 17])


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


@pytest.fixture
def mapped(pixels, tmp_path):
    pixels.tofile(tmp_path / "images.u8")
    return np.memmap(tmp_path / "images.u8", np.uint8, "r", shape=SHAPE)


def _with_offset(pixels, tmp_path):
    np.save(tmp_path / "images.npy", pixels)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("kind", ["memory", "mapped", "npy", "view", "strided", "backwards"])
def test_rows_are_those_of_the_array_wherever_it_lies(kind, pixels, mapped, tmp_path):
    images = {
        "memory": lambda: pixels,
        "mapped": lambda: mapped,
        "npy": lambda: _with_offset(pixels, tmp_path),
        "view": lambda: mapped[2:],
        "strided": lambda: mapped[::2],
        "backwards": lambda: mapped[::-1],
    }[kind]()
    which = WHICH % len(images)
    found = gather(images, which)
    np.testing.assert_array_equal(found, np.asarray(images)[which])
    assert type(found) is np.ndarray and found.flags.c_contiguous and found.flags.writeable
    found[:] = 0  # a copy
    np.testing.assert_array_equal(gather(images, which), np.asarray(images)[which])
    assert gather(images, which[:0]).shape == (0, *images.shape[1:])


def test_points_keep_their_type():
    points = np.random.default_rng(0).random((9, 2, 1, 1), np.float32)
    assert gather(points, np.array([4, 1])).tobytes() == points[[4, 1]].tobytes()


def test_a_map_is_read_from_its_file_and_not_looked_at(mapped, monkeypatch):
    gatherer = Gatherer(mapped)
    assert gatherer.from_file and not Gatherer(mapped[1:]).from_file
    expected = np.array(mapped[WHICH])
    asked = []
    if hasattr(os, "posix_fadvise"):
        monkeypatch.setattr(os, "posix_fadvise", lambda file, *what: asked.append(what))
        gatherer.expect(WHICH[:2])
        assert [what[:2] for what in asked] == [(3 * 216, 216), (39 * 216, 216)]
    monkeypatch.setattr(gatherer, "_images", None)  # which would raise
    target = np.empty((len(WHICH), *SHAPE[1:]), np.uint8)
    assert gatherer.read(WHICH, target) is target
    np.testing.assert_array_equal(target, expected)
    gatherer.close()


@pytest.mark.skipif(os.name == "nt", reason="what is mapped cannot be removed there")
def test_a_map_whose_file_is_gone_is_looked_at(pixels, mapped, tmp_path):
    opened = Gatherer(mapped)
    (tmp_path / "images.u8").unlink()
    np.testing.assert_array_equal(gather(mapped, WHICH), pixels[WHICH])
    np.testing.assert_array_equal(opened.read(WHICH), pixels[WHICH])  # the file lives as long as it is open
    assert opened.from_file and not Gatherer(mapped).from_file
    opened.close()


@pytest.mark.skipif(os.name == "nt", reason="what is mapped cannot be cut there")
def test_a_file_that_was_cut_is_an_error_and_not_the_end_of_the_process(mapped, tmp_path):
    os.truncate(tmp_path / "images.u8", 10 * 216 + 1)
    np.testing.assert_array_equal(gather(mapped, np.array([9])), np.asarray(mapped[9:10]))
    with pytest.raises(DataError, match=r"^Cannot read images from .*images\.u8: it ends too early\.$"):
        gather(mapped, np.array([9, 10]))


def test_an_index_that_is_not_there_is_an_error(pixels, mapped):
    with pytest.raises(IndexError):
        gather(pixels, np.array([40]))
    with pytest.raises(DataError, match="too early"):
        gather(mapped, np.array([40]))


RESIDENT = """
import sys
import numpy as np
from latentlab.data.gathering import gather

def resident():
    for line in open("/proc/self/status"):
        if line.startswith("RssFile"):
            return int(line.split()[1]) * 1024

images = np.memmap(sys.argv[1], np.uint8, "r", shape=(4096, 3, 64, 64))
gather(images, np.arange(3))
before = resident()
for start in range(0, 4096, 128):
    gather(images, np.arange(start, start + 128))
read = resident() - before
np.array(images[::7])
print(read, resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells")
def test_no_page_of_a_map_stays_in_the_process(tmp_path):
    """50 MB are read; looking at them instead, even at every seventh, keeps them: so the test can tell."""
    file = tmp_path / "large.u8"
    with file.open("wb") as out:
        for value in range(16):
            out.write(np.full(256 * 3 * 64 * 64, value, np.uint8))
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT, str(file)], capture_output=True, text=True, check=True
    )
    read, looked_at = (int(word) for word in done.stdout.split())
    assert read < 2**20 < 5 * 2**20 < looked_at


def test_without_a_way_to_read_ahead_reading_works(mapped, monkeypatch):
    """Where there is no such call, as on Windows and macOS, nothing is missing."""
    monkeypatch.delattr(gathering.os, "posix_fadvise", raising=False)
    gatherer = Gatherer(mapped)
    gatherer.expect(WHICH)
    np.testing.assert_array_equal(gatherer.read(WHICH), np.asarray(mapped)[WHICH])
    gatherer.close()
