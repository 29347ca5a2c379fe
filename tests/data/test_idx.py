import gzip
import tracemalloc

import numpy as np
import pytest

from latentlab.core.errors import DataError
from latentlab.data import load, rows
from latentlab.data.idx import open_idx
from latentlab.data.preparation import Preparation
from latentlab.data.report import no_report

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 9, 10), np.uint8)
LABELS = (np.arange(12) % 3).astype(np.uint8)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "images", "train-images-idx3-ubyte.gz"])
def test_a_file_whatever_its_name(tmp_path, write_idx, zipped, name):
    found = load(str(write_idx(tmp_path / name, IMAGES, zipped=zipped)))
    np.testing.assert_array_equal(found.images[:, 0], IMAGES)
    assert found.source == "idx" and found.labels is None and found.heldout is None
    assert found.images.flags.writeable


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("t10k-images.idx3-ubyte.gz", "t10k-labels-idx1-ubyte"),
        ("emnist-images-idx3-ubyte", "emnist-labels-idx1-ubyte"),
    ],
)
def test_labels_beside(tmp_path, write_idx, images, labels):
    write_idx(tmp_path / labels, LABELS, zipped=labels.endswith("gz"))
    write_idx(tmp_path / "other-labels-idx1-ubyte", LABELS[:5])
    found = load(str(write_idx(tmp_path / images, IMAGES, zipped=images.endswith("gz"))))
    assert found.labels.tolist() == LABELS.tolist() and found.labels.dtype == np.int64
    assert found.label_names == ("0", "1", "2")


@pytest.mark.parametrize("place", [1, 3])
def test_colour(tmp_path, write_idx, place):
    shape = [5, 9, 9, 9]
    shape[place] = 3
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = load(str(write_idx(tmp_path / "a-images-idx4-ubyte", values)))
    np.testing.assert_array_equal(found.images, values if place == 1 else values.transpose(0, 3, 1, 2))
    assert found.images.flags.c_contiguous


@pytest.mark.parametrize("sign", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_folder_of_four(tmp_path, write_mnist, sign, zipped):
    held = write_mnist(tmp_path / "mnist", sign=sign, zipped=zipped)
    found = load(str(tmp_path / "mnist"))
    np.testing.assert_array_equal(found.images[:, 0], np.concatenate([held["train"][0], held["t10k"][0]]))
    np.testing.assert_array_equal(found.labels, np.concatenate([held["train"][1], held["t10k"][1]]))
    assert found.heldout.tolist() == list(range(30, 40)) and found.heldout.dtype == np.int64
    assert found.summary() == "40 images (30 + 10 held out) · 28×28 · grey · 10 classes"
    assert found.name == "mnist"


def test_the_unpacked_file_is_preferred(tmp_path, write_mnist):
    write_mnist(tmp_path, zipped=False)
    for path in list(tmp_path.iterdir()):
        (tmp_path / f"{path.name}.gz").write_bytes(b"\x1f\x8bdamaged")
    assert len(load(str(tmp_path))) == 40


def test_one_pair_is_enough(tmp_path, write_mnist):
    write_mnist(tmp_path, t10k=0)
    found = load(str(tmp_path))
    assert len(found) == 30 and found.heldout is None


def test_limit_keeps_the_split(tmp_path, write_mnist):
    write_mnist(tmp_path)
    whole, found = load(str(tmp_path)), load(str(tmp_path), {"limit": 8})
    np.testing.assert_array_equal(found.images, whole.images[::5])
    np.testing.assert_array_equal(found.labels, whole.labels[::5])
    assert found.heldout.tolist() == [6, 7]
    training, heldout = found.split(0.1, seed=0)
    assert training.tolist() == list(range(6)) and heldout.tolist() == [6, 7]


def test_images_of_no_dataset_size_become_as_large_as_those_of_a_folder(tmp_path, write_idx):
    path = str(write_idx(tmp_path / "x-images-idx3-ubyte", IMAGES[:, :5, :5]))
    assert load(path).image_shape == (1, 64, 64)
    assert load(path, {"size": 16}).image_shape == (1, 16, 16)
    path = str(write_idx(tmp_path / "y-images-idx3-ubyte", np.zeros((2, 300, 40), np.uint8)))
    found = load(path)
    assert found.image_shape == (1, 64, 64) and found.sizes == {(40, 300): 2}


def says(path, *parts):
    with pytest.raises(DataError) as caught:
        load("idx", {"path": str(path)})
    message = str(caught.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message
    for part in parts:
        assert part in message
    return message


@pytest.mark.parametrize("zipped", [False, True])
def test_cut_short(tmp_path, write_idx, zipped):
    path = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES[:7], dims=IMAGES.shape, zipped=zipped)
    says(path, "is cut short: expected 1,096 bytes for 12 × 9 × 10, found 646")


def test_a_file_that_is_cut_while_it_is_open(tmp_path, write_idx):
    path = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES)
    originals = open_idx(path)
    path.write_bytes(path.read_bytes()[:646])
    np.testing.assert_array_equal(originals.original(6)[0], IMAGES[6])
    with pytest.raises(DataError, match=r"cut short: expected 1,096 bytes for 12 × 9 × 10, found 646"):
        originals.read(np.arange(12))


def test_cut_gzip(tmp_path, write_idx):
    many = np.random.default_rng(0).integers(0, 256, (3000, 9, 10), np.uint8)
    path = write_idx(tmp_path / "a-images-idx3-ubyte.gz", many, zipped=True)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = int(
        says(path, "cut short: expected 270,016 bytes").split("found ")[1].rstrip(".").replace(",", "")
    )
    assert 0.4 * 270_016 < found < 0.6 * 270_016
    path.write_bytes(content[:-4])
    says(path, "cut short", "its end missing")


def test_damaged_gzip(tmp_path, write_idx):
    path = write_idx(tmp_path / "a-images-idx3-ubyte.gz", IMAGES, zipped=True)
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # its checksum
    path.write_bytes(content)
    says(path, "is a damaged gzip file")
    path.write_bytes(b"\x1f\x8bnot really")
    says(path, "is a damaged gzip file")


def test_too_long(tmp_path, write_idx):
    path = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES, dims=(11, 9, 10))
    says(path, "is too long: expected 1,006 bytes for 11 × 9 × 10, found 1,096")
    path = write_idx(tmp_path / "b-images-idx3-ubyte", IMAGES, dims=(11, 9, 10), zipped=True)
    says(path, "is too long: expected 1,006 bytes for 11 × 9 × 10, found more")


def test_a_header_that_lies_costs_no_memory(tmp_path, write_idx):
    path = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES, dims=(2**32 - 1, 2**32 - 1, 2**32 - 1))
    says(path, "expected at most 8 GiB")
    path = write_idx(tmp_path / "b-images-idx3-ubyte.gz", IMAGES, dims=(300_000, 30, 30), zipped=True)
    tracemalloc.start()
    originals = open_idx(path)
    with pytest.raises(DataError, match=r"cut short: expected 270,000,016 bytes .* found 1,096"):
        next(originals.chunks(np.arange(300_000), Preparation(1, 30, 30), no_report))
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_a_gzip_file_that_unfolds_far_beyond_its_header_is_left_there(tmp_path):
    path = tmp_path / "a-images-idx3-ubyte.gz"
    header = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9])
    path.write_bytes(gzip.compress(header + bytes(50_000_000)))
    tracemalloc.start()
    says(path, "is too long: expected 97 bytes")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize("zipped", [False, True])
def test_listing_reads_no_pixels(tmp_path, write_mnist, monkeypatch, zipped):
    held = write_mnist(tmp_path, zipped=zipped)
    read = []
    whole = rows.RowReader.read
    monkeypatch.setattr(
        rows.RowReader,
        "read",
        lambda self, places, look: (read.append(self._rows.what), whole(self, places, look))[1],
    )
    originals = open_idx(tmp_path)
    assert read == []
    listing = originals.listing(no_report)
    assert listing is originals.listing(no_report)
    assert len(read) == 2 and all("labels" in name for name in read)
    np.testing.assert_array_equal(listing.labels, np.concatenate([held["train"][1], held["t10k"][1]]))
    np.testing.assert_array_equal(originals.original(33)[0], held["t10k"][0][3])
    assert len(read) == 3


@pytest.mark.parametrize("zipped", [False, True])
def test_rows_read_in_any_steps(tmp_path, write_idx, zipped):
    images = np.random.default_rng(0).integers(0, 256, (300, 40, 30), np.uint8)
    (part,) = open_idx(write_idx(tmp_path / "a-images-idx3-ubyte", images, zipped=zipped)).parts()
    reader = rows.RowReader(part)
    for places in ([0], [1, 2, 3], [7, 9, 10, 290], [5], [5, 6], [299], [0, 299]):
        found = reader.read(np.array(places), lambda: None)
        np.testing.assert_array_equal(found.reshape(-1, 40, 30), images[places])
    reader.close()


def test_a_few_images_that_were_just_read_are_not_looked_for_again(tmp_path, write_idx, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (300, 40, 30), np.uint8)
    originals = open_idx(write_idx(tmp_path / "a-images-idx3-ubyte.gz", images, zipped=True))
    chosen = np.array([5, 100, 299])
    list(originals.chunks(chosen, Preparation(1, 8, 8), no_report))
    with monkeypatch.context() as patched:
        patched.setattr(rows.RowReader, "read", lambda *a: pytest.fail("looked for"))
        for place in chosen.tolist():
            np.testing.assert_array_equal(originals.original(place)[0], images[place])
    list(originals.chunks(np.arange(100), Preparation(1, 8, 8), no_report))  # many: none of them is kept
    assert all(originals._few.get(place) is None for place in range(300))
    np.testing.assert_array_equal(originals.original(100)[0], images[100])


def test_large_images_are_read_few_at_a_time(tmp_path, write_idx):
    images = np.zeros((20, 1024, 1024), np.uint8)
    originals = open_idx(write_idx(tmp_path / "a-images-idx3-ubyte", images))
    chunks = list(originals.chunks(np.arange(20), Preparation(1, 8, 8), no_report))
    assert [len(chunk.places) for chunk in chunks] == [8, 8, 4]


@pytest.mark.parametrize("zipped", [False, True])
def test_cancelling_is_heard_while_rows_are_passed_over(tmp_path, write_idx, zipped):
    images = np.zeros((4, 2000, 1000), np.uint8)
    originals = open_idx(write_idx(tmp_path / "a-images-idx3-ubyte", images, zipped=zipped))
    heard = []
    for _ in originals.chunks(np.array([3]), Preparation(1, 8, 8), lambda done, total: heard.append(done)):
        pass
    assert len(heard) >= (24 if zipped else 6)  # 8 MB, or the 2 MB of one image, in blocks of 256 KB


@pytest.mark.parametrize("zipped", [False, True])
def test_progress_rises_while_few_of_many_are_read(tmp_path, write_idx, zipped, monkeypatch):
    monkeypatch.setattr(rows, "_PASSED", 2**20)
    images = np.zeros((4000, 40, 40), np.uint8)  # 6.4 MB
    originals = open_idx(write_idx(tmp_path / "a-images-idx3-ubyte", images, zipped=zipped))
    heard = set()
    for _ in originals.chunks(np.arange(0, 4000, 100), Preparation(1, 40, 40), lambda d, t: heard.add(d)):
        pass
    assert len(heard) >= 7 and heard <= set(range(41))


@pytest.mark.parametrize(("known", "expected"), [("abcdefghij", "abcdefghij"), ("abc", "0123456789")])
def test_known_classes(tmp_path, write_mnist, known, expected):
    write_mnist(tmp_path)
    originals = open_idx(tmp_path)
    originals.label_names = tuple(known)
    assert originals.listing(no_report).label_names == tuple(expected)


def test_wrong_magic(tmp_path):
    path = tmp_path / "a-images-idx3-ubyte"
    path.write_bytes(b"\x89PNG and so on")
    says(path, "is no IDX file: expected it to start with 00 00 08, found 89 50 4e")
    with pytest.raises(DataError, match="is no IDX file"):
        load(str(path))  # its name alone brings it here


@pytest.mark.parametrize(
    ("kind", "word"), [(0x09, "signed bytes"), (0x0D, "32-bit floats"), (0x0E, "64-bit floats")]
)
def test_wrong_type(tmp_path, write_idx, kind, word):
    path = write_idx(tmp_path / "images", IMAGES, kind=kind)
    says(path, f"holds {word}; expected unsigned bytes (type 0x08)")
    with pytest.raises(DataError, match=word):
        load(str(path))


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x08\x03\0\0"])
def test_too_short_for_a_header(tmp_path, content):
    path = tmp_path / "a-images-idx3-ubyte"
    path.write_bytes(content)
    says(path, "is cut short", "header", f"found {len(content)}")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (LABELS, "12 labels (1 dimension); expected images"),
        (IMAGES[0], "a table of 9 × 10; expected images"),
        (IMAGES[:0], "holds nothing: its header says 0 × 9 × 10"),
        (
            np.zeros((2, 1, 9, 3), np.uint8),
            "expected 1, 3 or 4 channels in either the second or the last place",
        ),
        (np.zeros((2, 9, 9, 2), np.uint8), "2 × 9 × 9 × 2; expected 1, 3 or 4 channels"),
        (np.zeros((1, 1, 1, 9, 9), np.uint8), "has 5 dimensions"),
    ],
)
def test_wrong_dimensions(tmp_path, write_idx, values, words):
    says(write_idx(tmp_path / "x", values), words)


def test_labels_that_do_not_fit(tmp_path, write_idx):
    images = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES)
    labels = write_idx(tmp_path / "a-labels-idx1-ubyte", LABELS[:11])
    with pytest.raises(DataError, match=rf"{labels} holds 11 labels; expected 12"):
        load(str(images))
    write_idx(labels, IMAGES)
    with pytest.raises(DataError, match=rf"{labels} has 3 dimensions; expected 1"):
        load(str(images))


def test_folders_that_do_not_fit(tmp_path, write_mnist, write_idx):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").rename(tmp_path / "away")
    says(tmp_path, "t10k-images-idx3-ubyte.gz has no file of labels beside it")
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    (tmp_path / "away").rename(tmp_path / "t10k-labels-idx1-ubyte.gz")
    says(tmp_path, "holds t10k-labels-idx1-ubyte.gz but no t10k-images-idx3-ubyte")
    write_idx(tmp_path / "t10k-images-idx3-ubyte", IMAGES[:10])
    says(tmp_path, "9×10; expected 28×28")


def test_folder_of_others(tmp_path, write_idx):
    write_idx(tmp_path / "emnist-images-idx3-ubyte", IMAGES)
    with pytest.raises(DataError, match="give one file of images instead"):
        load(str(tmp_path))


def test_missing_file(tmp_path):
    says(tmp_path / "nowhere", "There is no file or folder")
