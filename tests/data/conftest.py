import gzip
import struct

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_idx():
    """write_idx(path, values, dims=..., kind=..., zipped=...): an IDX file, with a header that may lie."""

    def write(path, values, dims=None, kind=8, zipped=False):
        dims = values.shape if dims is None else dims
        content = bytes([0, 0, kind, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + values.tobytes()
        path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
        return path

    return write


@pytest.fixture
def write_mnist(write_idx):
    """write_mnist(folder, train=30, t10k=10, ...): the four files (or two); returns what they hold."""

    def write(folder, train=30, t10k=10, sign="-", zipped=True, side=28):
        folder.mkdir(exist_ok=True)
        held = {}
        for part, count, seed in (("train", train, 1), ("t10k", t10k, 2)):
            if not count:
                continue
            random = np.random.default_rng(seed)
            images = random.integers(0, 256, (count, side, side), np.uint8)
            labels = (np.arange(count) % 10).astype(np.uint8)
            end = ".gz" if zipped else ""
            write_idx(folder / f"{part}-images{sign}idx3-ubyte{end}", images, zipped=zipped)
            write_idx(folder / f"{part}-labels{sign}idx1-ubyte{end}", labels, zipped=zipped)
            held[part] = images, labels
        return held

    return write


@pytest.fixture
def write_image():
    """write_image(path, size=(w, h), mode="RGB", seed=0): smooth random pixels; returns the Pillow image."""

    def write(path, size=(24, 16), mode="RGB", seed=0, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
        image.save(path, **options)
        return image

    return write
