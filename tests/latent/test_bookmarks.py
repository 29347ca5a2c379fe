"""Bookmarks: what was named comes back, and a damaged file says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentlab.core.errors import RunError
from latentlab.latent.bookmarks import Bookmark, load, save


def test_bookmarks_come_back_in_order_and_to_the_last_bit(tmp_path):
    path = tmp_path / "bookmarks.json"
    latents = np.random.default_rng(0).standard_normal((4, 512)).astype(np.float32)
    latents[0, :3] = [-0.0, np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal]
    names = ["a smile", "", 'quotes " and \\ and\nlines', "Füße 🙂"]
    save(path, [Bookmark(name, z) for name, z in zip(names, latents, strict=True)])
    found = load(path, 512)
    assert [mark.name for mark in found] == names
    for mark, z in zip(found, latents, strict=True):
        assert mark.z.dtype == np.float32 and mark.z.tobytes() == z.tobytes()
    save(path, found[:1])
    assert len(load(path, 512)) == 1 and len(list(tmp_path.iterdir())) == 1
    save(path, [])
    assert load(path, 512) == [] and json.loads(path.read_text("utf-8")) == {"format": 1, "bookmarks": []}


def test_no_file_is_no_bookmarks(tmp_path):
    assert load(tmp_path / "bookmarks.json", 4) == []


def test_what_cannot_be_written_or_read(tmp_path):
    with pytest.raises(RunError, match=r"^Cannot write .*: No such file"):
        save(tmp_path / "missing" / "bookmarks.json", [])
    with pytest.raises(RunError, match=r"^Cannot read .*: Is a directory"):
        load(tmp_path, 4)


def _file(*entries, **more):
    return json.dumps({"format": 1, "bookmarks": list(entries)} | more)


def _entry(*numbers, name="x"):
    return {"name": name, "z": list(numbers)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is damaged"),
        ('{"format": 1, "bookmarks": [', "is damaged"),
        ("[" * 100_000, "is damaged"),
        ("\ufeff{}", "is damaged"),
        ("[]", "bookmarks format list; this version reads 1"),
        ("null", "bookmarks format NoneType"),
        (_file(format=2), "bookmarks format 2; this version reads 1"),
        ('{"bookmarks": []}', "bookmarks format None"),
        ('{"format": 1}', "lacks a list of bookmarks"),
        (_file(bookmarks={}), "lacks a list"),
        (_file(7), "a bookmark has no name"),
        (_file({"z": [1, 2]}), "a bookmark has no name"),
        (_file(_entry(1, 2, name=3)), "a bookmark has no name"),
        (_file({"name": "x"}), "'x' has no numbers"),
        (_file({"name": "x", "z": "1, 2"}), "'x' has no numbers"),
        (_file(_entry(1, "2")), "'x' has no numbers"),
        (_file(_entry(1, True)), "'x' has no numbers"),
        (_file(_entry([1, 2])), "'x' has no numbers"),
        (_file(_entry(1, 2), _entry(1, 2, 3, name="y")), "'y': Found 3 numbers; expected one latent of 2"),
        (_file(_entry(1, float("nan"))), "'x': The number nan"),
        (_file(_entry(1, float("inf"))), "'x': The number inf"),
        (_file(_entry(1, 1e39)), r"'x': The number 1e\+39"),
        (_file(_entry(1, 10**400)), "'x' is too large"),
    ],
)
def test_damage_is_told_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "bookmarks.json"
    path.write_text(content, "utf-8")
    with pytest.raises(RunError, match=message) as caught:
        load(path, 2)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "bookmarks.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match="is damaged"):
        load(path, 2)
