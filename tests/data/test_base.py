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
