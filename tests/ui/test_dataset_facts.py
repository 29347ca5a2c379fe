import numpy as np
import pytest

from latentlab.data.base import Dataset, Skipped
from latentlab.ui import dataset_facts


def made(**known):
    count = known.pop("count", 6)
    images = known.pop("images", np.zeros((count, 3, 16, 20), np.uint8))
    return Dataset(images=images, name="pets", source="folder", **known)


def told(dataset):
    return dict(dataset_facts.facts(dataset))


def test_what_is_not_known_is_not_told():
    assert told(made()) == {"Prepared": "20×16, colour", "Pixels": "6 kB in memory"}


def test_everything_that_can_be_known():
    dataset = made(
        labels=np.array([0, 0, 0, 1, 2, 2]),
        label_names=("dogs", "cats", "newts"),
        factors={"x": np.zeros(6, np.float32), "y": np.zeros(6, np.float32)},
        heldout=np.array([4, 5]),
        skipped=(
            Skipped("a", "it is cut short"),
            Skipped("b", "it is no image"),
            Skipped("c", "the same as d"),
        ),
        sizes={(64, 48): 1, (640, 480): 4, (8, 8): 1},
        bytes_found=1_234_567,
    )
    assert told(dataset) == {
        "Found": "3 sizes",
        "Mostly": "640×480 (4)",
        "Prepared": "20×16, colour",
        "Classes": "3",
        "Smallest": "1 (cats)",
        "Largest": "3 (dogs)",
        "Factors": "x, y",
        "Held out": "2 for testing",
        "Left out": "2 files, 1 duplicate",
        "On disk": "1.2 MB",
        "Pixels": "6 kB in memory",
    }
    assert dataset_facts.gist(dataset) == "3 sizes · 6 kB"
    assert dataset_facts.left_out_words(dataset) == "3 left out · see why"


def test_balanced_classes_and_long_names():
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert told(made(labels=labels, label_names=("a", "b")))["Classes"] == "2 of 3 each"
    uneven = made(labels=np.array([0, 0, 0, 0, 1, 1]), label_names=("a" * 100, "b"))
    assert told(uneven)["Largest"] == f"4 ({'a' * 23}…)"
    assert told(made(sizes={(8, 9): 3, (9, 9): 2, (10, 9): 2}))["Most often"] == "8×9 (3)"


def test_a_mapped_store(tmp_path):
    (tmp_path / "images").write_bytes(bytes(6 * 64))
    images = np.memmap(tmp_path / "images", np.uint8, "r", shape=(6, 1, 8, 8))
    assert told(made(images=images))["Pixels"] == "384 bytes on disk, mapped"
    assert dataset_facts.gist(made(images=images)) == "384 bytes on disk"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (46_080_000, "46 MB"),
        (9_949_999, "9.9 MB"),
        (3_000_000_000, "3.0 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_in_words(count, words):
    assert dataset_facts.size_words(count) == words
