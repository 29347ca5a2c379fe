"""What the folders that images lie in say of them: classes, and which are for testing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentlab.data.naming import natural_key, printable

UNSORTED = "(unsorted)"
TRAINING = frozenset({"train", "training"})
TESTING = frozenset({"test", "testing", "val", "valid", "validation"})


@dataclass(frozen=True, eq=False)
class Arrangement:
    """labels int64 (N,) into `label_names`, None without classes; heldout int64 indices, None without."""

    labels: np.ndarray | None
    label_names: tuple[str, ...]
    heldout: np.ndarray | None


def arranged(paths: Sequence[str], split: bool) -> Arrangement:
    """What the paths of images say, ``/`` between folders.

    Where all lie in one folder, what matters is in there. With `split`, folders called train (training) and
    test (testing, val, valid, validation), one of each side at least and no other beside them, say which are
    held out, and the level below them has the classes; also where all lie in one folder of each, as in
    train/images/cat. A class is what lies in one folder, however deep; those beside such folders are
    "(unsorted)", the last class. Without folders there are no classes.
    """
    rest, heldout = list(paths), None
    while True:
        tops = [path.partition("/")[0] if "/" in path else "" for path in rest]
        kinds = set(tops)
        if split and heldout is None and _is_split(kinds):
            heldout = np.flatnonzero([top.lower() in TESTING for top in tops]).astype(np.int64)
        elif len(kinds) != 1 or "" in kinds:
            break
        rest = [path.partition("/")[2] for path in rest]
    names = sorted(kinds - {""}, key=natural_key)
    if not names:
        return Arrangement(None, (), heldout)
    if "" in kinds and UNSORTED not in names:
        names.append(UNSORTED)
    place = {name: i for i, name in enumerate(names)}
    labels = np.array([place[top or UNSORTED] for top in tops], np.int64)
    return Arrangement(labels, tuple(printable(name) for name in names), heldout)


def _is_split(kinds: set[str]) -> bool:
    found = {kind.lower() for kind in kinds}
    return bool(found & TRAINING) and bool(found & TESTING) and found <= TRAINING | TESTING
