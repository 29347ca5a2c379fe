import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.data.arrangement import UNSORTED, arranged


def told(paths, split=True):
    """(class of each path or None, paths that are held out or None)."""
    found = arranged(paths, split)
    classes = None if found.labels is None else [found.label_names[label] for label in found.labels]
    return classes, None if found.heldout is None else [paths[i] for i in found.heldout]


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["1.png", "2.png"], None),
        (["a/1.png", "b/1.png"], ["a", "b"]),
        (["a/x/1.png", "a/y/1.png", "b/1.png"], ["a", "a", "b"]),
        (["0.png", "b/1.png"], [UNSORTED, "b"]),
        # Where there is no choice it is the folders within that count.
        (["images/1.png", "images/2.png"], None),
        (["set/images/a/1.png", "set/images/b/x/2.png"], ["a", "b"]),
        (["set/a/1.png", "set/2.png"], ["a", UNSORTED]),
        (["set/a/1.png"], None),
        # Names alone do not make a split.
        (["train/1.png", "cars/1.png"], ["train", "cars"]),
        (["train/1.png", "test/1.png", "masks/1.png"], ["train", "test", "masks"]),
        (["train/1.png", "test/1.png", "0.png"], ["train", "test", UNSORTED]),
        (["test/1.png", "val/2.png"], ["test", "val"]),
        (["train/a/1.png", "train/b/2.png"], ["a", "b"]),
    ],
)
def test_folders_are_classes(paths, classes):
    assert told(paths) == (classes, None)


@pytest.mark.parametrize(
    ("paths", "classes", "heldout"),
    [
        (["test/1.png", "train/1.png", "train/2.png"], None, [0]),
        (["Train/a/1.png", "Train/b/1.png", "VAL/b/2.png"], ["a", "b", "b"], [2]),
        (["training/a/1.png", "valid/a/1.png", "test/b/1.png"], ["a", "a", "b"], [1, 2]),
        (["set/train/a/1.png", "set/validation/b/1.png"], ["a", "b"], [1]),
        (["images/train/1.png", "images/val/1.png"], None, [1]),
        (["train/images/a/1.png", "test/images/b/1.png"], ["a", "b"], [1]),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], ["a", "b", UNSORTED], [2]),
        # Only the first such folders are: within them the names are classes.
        (["train/train/1.png", "train/test/1.png", "test/test/1.png"], ["train", "test", "test"], [2]),
    ],
)
def test_train_and_test(paths, classes, heldout):
    assert told(paths) == (classes, [paths[i] for i in heldout])
    ignored = arranged(paths, split=False)
    assert ignored.heldout is None
    tops = {path.removeprefix("set/").removeprefix("images/").partition("/")[0] for path in paths}
    assert set(ignored.label_names) == tops


PARTS = st.sampled_from(["a", "b", "train", "test", "Val", UNSORTED, "1"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12, unique=True)


@given(PATHS, st.booleans())
def test_whatever_the_folders_are(paths, split):
    found = arranged(paths, split)
    if found.labels is None:
        assert found.label_names == ()
    else:
        assert found.labels.dtype == np.int64 and len(found.labels) == len(paths)
        # Every class has an image, and is a folder of each of its images' paths.
        assert sorted(set(found.labels.tolist())) == list(range(len(found.label_names)))
        for path, label in zip(paths, found.labels.tolist(), strict=True):
            name = found.label_names[label]
            assert name == UNSORTED or name in path.split("/")[:-1]
    if found.heldout is not None:
        assert split and 0 < len(found.heldout) < len(paths) and found.heldout.dtype == np.int64
