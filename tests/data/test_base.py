import hashlib
import subprocess
import sys

import numpy as np
import pytest

from latentlab.core.errors import DataError
from latentlab.data import SOURCES, Dataset, Skipped, load, resolve


def dataset(count=10, **others):
    images = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), np.uint8)
    return Dataset(images, "x", "shapes", **others)


def test_importing_the_room_loads_no_heavy_library():
    heavy = ("torch", "sklearn", "PIL", "PySide6")
    script = f"import sys, latentlab.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_summary():
    labels = np.zeros(10, np.int64)
    found = dataset(labels=labels, label_names=("a",), heldout=np.arange(2), skipped=(Skipped("p", "r"),))
    assert found.summary() == "10 images (8 + 2 held out) · 8×8 · grey · 1 class · 1 skipped"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((0, 1, 8, 8), np.uint8), "holds no images"),
        (np.zeros((1, 2, 8, 8), np.uint8), "2 channels"),
        (np.zeros((1, 1, 7, 8), np.uint8), "8×7"),
        (np.zeros((1, 1, 8, 257), np.uint8), "257×8"),
    ],
)
def test_what_is_no_dataset(images, message):
    with pytest.raises(DataError, match=message):
        Dataset(images, "x", "shapes")


def test_unequal_counts():
    with pytest.raises(DataError, match="10 images but 9 labels"):
        dataset(labels=np.zeros(9, np.int64))
    with pytest.raises(ValueError, match="uint8"):
        Dataset(np.zeros((1, 1, 8, 8), np.float32), "x", "shapes")


def test_fingerprint_tells_images_and_labels_apart():
    plain = dataset()
    assert plain.fingerprint == dataset().fingerprint
    assert plain.fingerprint != dataset(labels=np.zeros(10, np.int64)).fingerprint
    assert plain.fingerprint != dataset(9).fingerprint


def test_split_is_seeded_disjoint_and_complete():
    training, heldout = dataset().split(0.3, seed=1)
    assert len(heldout) == 3
    assert sorted([*training, *heldout]) == list(range(10))
    np.testing.assert_array_equal(heldout, dataset().split(0.3, seed=1)[1])
    assert len(dataset().split(1.0, seed=1)[0]) == 1
    assert len(dataset().split(0, seed=1)[1]) == 0


def test_split_of_the_source_wins():
    training, heldout = dataset(heldout=np.array([9, 0])).split(0.5, seed=3)
    assert heldout.tolist() == [0, 9] and training.tolist() == list(range(1, 9))


BALANCED = np.repeat([0, 1, 3], [7, 20, 3])  # of four classes, one is empty


def balanced(how, labels=BALANCED, **others):
    names = ("few", "many", "none", "fewest")
    labelled = {"labels": labels, "label_names": names, "config": {"balance": how}}
    return dataset(len(labels), **labelled | others)


def test_the_few_are_repeated_until_there_are_as_many_of_each_class():
    training, heldout = balanced("over").split(0, seed=5)
    assert np.bincount(BALANCED[training]).tolist() == [20, 20, 0, 20] and len(heldout) == 0
    counts = np.bincount(training)
    assert set(counts[:7]) == {2, 3} and set(counts[7:27]) == {1} and set(counts[27:]) == {6, 7}
    assert (np.diff(training) >= 0).all() and training.dtype == np.int64
    np.testing.assert_array_equal(training, balanced("over").split(0, seed=5)[0])
    other = balanced("over").split(0, seed=6)[0]
    assert not np.array_equal(training, other) and np.bincount(BALANCED[other]).tolist() == [20, 20, 0, 20]


def test_of_the_many_only_some_are_seen():
    training, _ = balanced("under").split(0, seed=5)
    assert np.bincount(BALANCED[training]).tolist() == [3, 3, 0, 3]
    assert len(set(training.tolist())) == 9 and (np.diff(training) > 0).all()
    assert not np.array_equal(training, balanced("under").split(0, seed=6)[0])


@pytest.mark.parametrize("own", [None, np.arange(0, 30, 3)])
@pytest.mark.parametrize("how", ["over", "under"])
def test_balance_never_touches_what_is_held_out(how, own):
    plain, other = balanced("none", heldout=own), balanced(how, heldout=own)
    (training, heldout), (seen, kept) = plain.split(0.3, 2), other.split(0.3, 2)
    np.testing.assert_array_equal(heldout, kept)
    assert set(seen.tolist()) <= set(training.tolist())
    of_each = np.bincount(BALANCED[training], minlength=4)
    found = np.bincount(BALANCED[seen], minlength=4)
    there = of_each > 0
    assert set(found[there]) == {of_each.max() if how == "over" else of_each[there].min()}
    assert plain.fingerprint == other.fingerprint, "the images are the same"


def test_equal_classes_and_a_single_one_are_left_as_they_are():
    for labels in (np.arange(12) % 4, np.zeros(12, np.int64)):
        for how in ("over", "under"):
            assert balanced(how, labels).split(0, 0)[0].tolist() == list(range(12))


def test_balance_without_classes_is_refused():
    with pytest.raises(
        DataError, match=r"^x has no classes that could be balanced: set data\.balance to none"
    ):
        dataset(config={"balance": "over"})


def test_rows_and_pictures_are_copies_of_what_is_meant(tmp_path):
    plain = dataset()
    plain.images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=plain.images.shape)
    for there in (plain, Dataset(mapped, "x", "shapes")):
        assert there.fingerprint == plain.fingerprint
        for which in (np.array([7, 0, 7]), slice(2, 9, 3), slice(-2, None)):
            np.testing.assert_array_equal(there.pictures(which), plain.images[which])
        np.testing.assert_array_equal(found := there.rows(np.array([4])), plain.images[[4]])
        assert type(found) is np.ndarray and not np.shares_memory(found, there.images)


def test_the_fingerprint_of_an_array_never_changes():
    """Golden: a run of last year must know its images again."""
    images = np.random.default_rng(0).integers(0, 256, (9000, 1, 8, 8), np.uint8)
    labels = np.arange(9000) % 3
    digest = hashlib.sha256(b"(9000, 1, 8, 8)" + images[::2].tobytes() + labels.astype("<i8").tobytes())
    found = Dataset(images, "x", "shapes", labels=labels, label_names=("a", "b", "c"))
    assert found.fingerprint == digest.hexdigest()[:12]


def test_resolve(tmp_path, write_image, write_mnist, monkeypatch):
    write_image(tmp_path / "pictures" / "a.png")
    write_mnist(tmp_path / "mnist")
    write_mnist(tmp_path / "both")
    write_image(tmp_path / "both" / "deeper" / "a.JPG")
    (tmp_path / "empty").mkdir()
    expected = {"pictures": "folder", "mnist": "idx", "both": "folder", "empty": "folder"}
    for name, key in expected.items():
        source, config = resolve(str(tmp_path / name))
        assert source is SOURCES.get(key) and config.path == str(tmp_path / name)
    assert resolve(str(tmp_path / "mnist" / "train-images-idx3-ubyte.gz"))[0] is SOURCES.get("idx")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert resolve("digits")[0] is SOURCES.get("digits")
    assert resolve("./digits")[0] is SOURCES.get("folder")


def test_what_cannot_be_resolved(tmp_path):
    with pytest.raises(DataError, match=r"no file or folder .*nowhere.*digits, .*points, shapes"):
        load(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="'folder' needs a path"):
        load("folder")
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt is of no known kind"):
        load(str(text))
