"""t-SNE as a program of its own, because scikit-learn's can neither be cancelled nor say how far it is.

``python tsne.py FOLDER SEED`` reads FOLDER/points.npy, float (N, F), and writes FOLDER/map.npy, float32
(N, 2); progress is scikit-learn's own lines on stdout. `projection` starts it by its path: it imports numpy
and scikit-learn, nothing else of latentlab. It ends when its stdin does, so that it never outlives who asked.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import numpy as np

#: Distances in more dimensions say little and take long (van der Maaten and Hinton 2008, section 4.1: 30).
DIMENSIONS = 50
#: Effective number of neighbours, less where there are few points; 5 to 50 are usual.
PERPLEXITY = 30.0


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the window and a training that runs come first

    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    points = np.load(folder / "points.npy", allow_pickle=False)
    if min(points.shape) > DIMENSIONS:
        points = PCA(DIMENSIONS, random_state=seed).fit_transform(points)
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    start = "pca" if points.shape[1] > 1 else "random"
    kind = TSNE(perplexity=perplexity, init=start, random_state=seed, verbose=2)
    np.save(folder / "map.npy", kind.fit_transform(points).astype(np.float32), allow_pickle=False)


def _end_with_parent(folder: Path) -> None:
    """Nobody writes to stdin: it ends when the process that holds its other end does, however that ended."""
    os.read(0, 1)  # not sys.stdin, whose lock would stop the interpreter from ending
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
