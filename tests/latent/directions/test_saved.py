"""directions.json: every number comes back, and every damage is told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentlab.core.errors import RunError
from latentlab.latent.directions import Direction
from latentlab.latent.directions.saved import load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "directions.json"


def _directions(size, count=3, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((count, size))
    vectors[0] *= np.logspace(-6, 3, size)
    return [Direction(f"Größe {n}", vector, "pca", f"{n}% of variance") for n, vector in enumerate(vectors)]


@pytest.mark.parametrize("size", [1, 2, 3, 512])
@pytest.mark.parametrize("seed", range(5))
def test_what_was_saved_comes_back_to_the_bit(path, size, seed):
    # Of a hundred vectors about one would change a last bit if it were made a unit vector once more.
    directions = _directions(size, 1000 if size < 4 else 20, seed)
    liked = (1e3 * np.random.default_rng(seed).standard_normal((4, size))).astype(np.float32)
    disliked = np.float32(np.finfo(np.float32).tiny) * np.ones((2, size), np.float32)
    save(path, directions, liked, disliked)
    found = load(path, size)
    for a, b in zip(directions, found.directions, strict=True):
        assert (a.name, a.method, a.note) == (b.name, b.method, b.note)
        assert a.vector.tobytes() == b.vector.tobytes() and b.vector.dtype == np.float32
    assert found.liked.tobytes() == liked.tobytes() and found.liked.shape == (4, size)
    assert found.disliked.tobytes() == disliked.tobytes() and found.disliked.dtype == np.float32
    first = path.read_bytes()
    save(path, found.directions, found.liked, found.disliked)
    assert path.read_bytes() == first


def test_without_a_file_there_is_nothing(path):
    found = load(path, 7)
    assert found.directions == () and found.liked.shape == found.disliked.shape == (0, 7)
    assert found.liked.dtype == np.float32
    assert not path.exists()


def test_nothing_is_saved_as_nothing(path):
    save(path, [], np.empty((0, 0), np.float32), np.empty((0, 3), np.float32))
    found = load(path, 3)
    assert found.directions == () and found.liked.shape == (0, 3)


def test_a_method_of_another_version_is_kept(path):
    save(path, [Direction("a", np.ones(3), "of-tomorrow")], np.empty((0, 3)), np.empty((0, 3)))
    assert load(path, 3).directions[0].method == "of-tomorrow"


def _damaged(change):
    """What is written, after `change` was done to it."""
    entry = {"name": "a", "method": "pca", "note": "", "vector": [0.6, 0.8]}
    content = {"format": 1, "directions": [entry], "liked": [[1.0, 2.0]], "disliked": []}
    change(content, entry)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, e: c.update(format=2), "has directions format 2; this version reads 1."),
        (lambda c, e: c.pop("format"), "has directions format None; this version reads 1."),
        (lambda c, e: c.pop("liked"), "is damaged: liked is None; expected a list."),
        (lambda c, e: c.update(directions={}), "is damaged: directions is {}; expected a list."),
        (lambda c, e: c.update(directions=[3]), "is damaged: direction 0 is 3; expected an object."),
        (lambda c, e: e.pop("name"), "is damaged: name of direction 0 is None; expected text."),
        (lambda c, e: e.update(note=5), "is damaged: note of direction 0 is 5; expected text."),
        (lambda c, e: e.pop("vector"), "is damaged: direction 0 is None; expected 2 numbers."),
        (
            lambda c, e: e.update(vector=[0, 0, 1]),
            "is for another latent: direction 0 has 3 numbers; expected 2.",
        ),
        (
            lambda c, e: e.update(vector=[0.6, "0.8"]),
            "is damaged: direction 0 holds '0.8'; expected finite numbers.",
        ),
        (
            lambda c, e: e.update(vector=[True, 0]),
            "is damaged: direction 0 holds True; expected finite numbers.",
        ),
        (
            lambda c, e: e.update(vector=[float("nan"), 1]),
            "is damaged: direction 0 holds nan; expected finite numbers.",
        ),
        (
            lambda c, e: e.update(vector=[float("-inf"), 1]),
            "is damaged: direction 0 holds -inf; expected finite numbers.",
        ),
        (lambda c, e: e.update(vector=[0, 0]), "is damaged: direction 0 is 0 long; expected 1."),
        (lambda c, e: e.update(vector=[3, 4]), "is damaged: direction 0 is 5 long; expected 1."),
        (lambda c, e: c.update(liked=[[1]]), "is for another latent: liked 0 has 1 numbers; expected 2."),
        (
            lambda c, e: c.update(disliked=[[1, 2], [1, 1e39]]),
            "is damaged: disliked 1 holds 1e+39; expected finite numbers.",
        ),
        (
            lambda c, e: c.update(disliked=[[1, 10**400]]),
            "is damaged: disliked 0 holds 1000000000000000000000000000000000000...; expected finite numbers.",
        ),
    ],
)
def test_a_damage_is_told_in_a_sentence(path, change, message):
    path.write_text(_damaged(lambda c, e: None))
    load(path, 2)
    path.write_text(_damaged(change))
    with pytest.raises(RunError) as caught:
        load(path, 2)
    assert str(caught.value) == f"{path} {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged: Expecting value"),
        (b"{", "is damaged: Expecting property name"),
        (b"\xff\xfe", "is damaged: "),
        (b"[]", "has directions format list; this version reads 1."),
        (b"[" * 100_000, "is damaged: it nests too deeply."),
    ],
)
def test_what_is_no_json_is_told_in_a_sentence(path, content, message):
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        load(path, 2)
    assert str(caught.value).startswith(f"{path} {message}") and str(caught.value).endswith(".")


def test_a_folder_in_its_place_is_told(path):
    path.mkdir()
    with pytest.raises(RunError, match=r"^Cannot read "):
        load(path, 2)
