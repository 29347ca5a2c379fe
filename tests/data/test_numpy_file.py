import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import load, numpy_format, rows
from latentlab.data.numpy_file import NumpyFile, NumpyOriginals, split_of
from latentlab.data.preparation import Preparation
from latentlab.data.report import no_report

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (12, 9, 10), np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 3, 9, 10), np.uint8)
LABELS = np.arange(12) % 3


def save(path, values):
    np.save(path, values)
    return path


def npz(path, packed=True, **arrays):
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


def pixels(path, **settings):
    return load(str(path), settings).images


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 2, 3, 1).copy(), COLOUR),
        (np.concatenate([COLOUR, COLOUR[:, :1]], 1), np.concatenate([COLOUR, COLOUR[:, :1]], 1)),
        (np.asfortranarray(GREY), GREY[:, None]),
        (np.asfortranarray(COLOUR.transpose(0, 2, 3, 1)), COLOUR),
    ],
    ids=["grey", "one channel", "first", "last", "alpha", "fortran", "fortran last"],
)
@pytest.mark.parametrize("kind", ["npy", "npz", "savez"])
def test_layouts(tmp_path, stored, expected, kind):
    path = tmp_path / f"a.{kind[:3]}"
    path = (
        save(path, stored) if kind == "npy" else npz(path.with_suffix(".npz"), kind == "npz", images=stored)
    )
    found = load(str(path))
    np.testing.assert_array_equal(found.images, expected)
    assert found.source == "numpy" and found.name == "a" and found.images.flags.c_contiguous
    np.testing.assert_array_equal(found.original(7), expected[7])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GREY > 99, np.where(GREY > 99, 255, 0)),
        ((GREY > 99).astype(np.uint8), np.where(GREY > 99, 255, 0)),
        ((GREY > 99).astype(np.int64), np.where(GREY > 99, 255, 0)),
        (GREY.astype(np.int64), GREY),
        (GREY.astype(np.uint16), GREY),
        (GREY.astype(">i4"), GREY),
        (GREY.astype(np.uint16) * 257, GREY),
        ((GREY.astype(">u2") * 257), GREY),
        (GREY.astype(np.float32), GREY),
        (GREY.astype(np.float32) / 255, GREY),
        (GREY.astype(">f8") / 255, GREY),
        ((GREY / 255).astype(np.float16), GREY),
        (GREY / 127.5 - 1, GREY),
        (GREY / 255 * 1.0005, GREY),
        ((GREY > 99).astype(np.float32), np.where(GREY > 99, 255, 0)),
    ],
)
def test_values(tmp_path, values, expected):
    found = pixels(save(tmp_path / "a.npy", values))[:, 0].astype(int)
    slack = 1 if values.dtype == np.float16 else 0
    assert abs(found - expected).max() <= slack


def test_what_is_white_is_said_by_all_images_not_by_the_first(tmp_path):
    values = np.zeros((9000, 32, 32), np.uint8)  # more than is looked at at a time
    values[8999, 0, 0] = 2
    assert pixels(save(tmp_path / "a.npy", values)).max() == 2
    assert pixels(save(tmp_path / "b.npy", values // 2)).max() == 255
    floats = np.zeros((3000, 32, 32), np.float32)
    floats[2999, 0, 0] = -1
    path = save(tmp_path / "c.npy", floats)
    assert np.unique(pixels(path)).tolist() == [0, 128]
    np.testing.assert_array_equal(load(str(path), {"limit": 3}).images, np.full((3, 1, 32, 32), 128))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (GREY.astype(np.float32) - 3.5, "holds numbers from -3.5 to"),
        (GREY.astype(np.int16) - 3, "holds numbers from -3 to 252"),
        (GREY.astype(np.float32) * 1.01, "holds"),
        (GREY.astype(np.float32) * 300, "holds numbers from 0 to 76500"),
        (GREY.astype(np.int64) * 300, "holds numbers from 0 to 76500"),
        (np.where(GREY[3, 3, 3] == GREY, np.nan, 0.5), "holds NaN"),
        (np.where(GREY[3, 3, 3] == GREY, np.inf, 0.5), "holds infinity"),
        (GREY.astype(np.float32) / 2 + 0.25, "holds fractions up to 255"),
    ],
)
def test_values_that_are_refused(tmp_path, values, words):
    path = says(save(tmp_path / "a.npy", values), words)
    assert "expected fractions of 0 to 1 or -1 to 1, or whole numbers of 0 to 255 or 65535" in path


def says(path, *words, **settings):
    with pytest.raises(DataError) as caught:
        load("numpy", {"path": str(path)} | settings)
    message = str(caught.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 3, 3, 3), np.uint8), "is 3 × 3 × 3 × 3, which says two ways where channels are"),
        (np.zeros((48, 64, 3), np.uint8), "is 48 × 64 × 3, which looks like a single image"),
        (np.zeros((9, 9, 9, 2), np.uint8), "is 9 × 9 × 9 × 2, but channels are 1, 3 or 4"),
        (np.zeros((9, 784), np.uint8), "is 9 × 784, but images are (N, H, W), (N, H, W, C) or (N, C, H, W)"),
        (np.zeros((2, 3, 9, 9, 9), np.uint8), "is 2 × 3 × 9 × 9 × 9, but images are"),
        (np.zeros((0, 9, 9), np.uint8), "is 0 × 9 × 9, which is nothing"),
        (np.uint8(3), "is one value, but images are"),
        (GREY.astype(complex), "holds complex numbers; expected images of plain numbers"),
        (GREY.astype("S3"), "holds texts; expected images of plain numbers"),
        (GREY.astype("M8[s]"), "holds dates; expected"),
        (np.array([{}, 1], object), "holds pickled Python objects, which are never loaded"),
        (np.zeros(3, [("a", "u1"), ("b", "f4")]), "holds records of several fields"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, values, words):
    says(save(tmp_path / "a.npy", values), words)


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.setattr("pickle.load", lambda *a, **k: pytest.fail("unpickled"))
    monkeypatch.setattr("pickle.loads", lambda *a, **k: pytest.fail("unpickled"))
    says(save(tmp_path / "a.npy", np.array([GREY, "x"], object)), "never loaded")
    found = load(str(npz(tmp_path / "a.npz", imgs=GREY, metadata=np.array({"title": "x"}, object))))
    assert [(s.path, s.reason) for s in found.skipped] == [
        ("a.npz: metadata", "it holds pickled Python objects, which are never loaded; expected plain numbers")
    ]


def test_cut_and_long_files(tmp_path):
    path = save(tmp_path / "a.npy", GREY)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    says(path, "is cut short: expected 1,208 bytes for 12 × 9 × 10 · uint8, found 1,108")
    path.write_bytes(content + b"more")
    says(path, "is too long: expected 1,208 bytes", "found 1,212")
    path.write_bytes(content[:8])
    says(path, "has a damaged header")
    path.write_bytes(content[:50])
    says(path, "has a damaged header")
    path.write_bytes(b"")
    says(path, "is no .npy or .npz file", "found nothing")
    path.write_bytes(b"\x89PNG....")
    says(path, "is no .npy or .npz file", "found 89 50 4e 47")
    path.write_bytes(content[:6] + b"\x09" + content[7:])
    says(path, "of an unknown version")
    says(tmp_path / "nowhere.npy", "There is no file")


def header(text, version=1):
    text = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "__import__('os').system('false')",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, -2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9999999999, 9999999999)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1," * 40 + ")}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1 2, 3, 4)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1" * 30_000,
        "{'descr': '|u99999999999999', 'fortran_order': False, 'shape': (1, 9, 9)}",
        "{'descr': 'i3', 'fortran_order': False, 'shape': (1, 9, 9)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (1, 9, 9)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1, 9, 9)}",
    ],
)
def test_headers_that_are_hostile(tmp_path, text):
    path = tmp_path / "a.npy"
    path.write_bytes(header(text) + bytes(81))
    says(path)


def test_headers_of_other_versions(tmp_path):
    path = tmp_path / "a.npy"
    fields = "{'descr': '|u1', 'fortran_order': False, 'shape': (12L, 9L, 10L), }"  # as Python 2 wrote it
    for version in (1, 2):
        path.write_bytes(header(fields, version) + GREY.tobytes())
        np.testing.assert_array_equal(pixels(path)[:, 0], GREY)
    path.write_bytes(header(fields, 3) + GREY.tobytes())
    says(path, "unknown version; expected 1.0 or 2.0")


def test_a_header_that_lies_costs_no_memory(tmp_path):
    fields = "{'descr': '|u1', 'fortran_order': %s, 'shape': (300000, 90, 100)}"
    tracemalloc.start()
    for order in ("True", "False"):
        content = header(fields % order) + GREY.tobytes()
        (tmp_path / "a.npy").write_bytes(content)
        says(tmp_path / "a.npy", "is cut short: expected 2,700,000,")
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", content)
        says(tmp_path / "a.npz", "it is cut short: expected 2,700,000,")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_packed_arrays_are_read_in_pieces(tmp_path):
    path = npz(tmp_path / "a.npz", images=np.zeros((40_000, 32, 32), np.uint8))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    originals = NumpyOriginals(path)
    chosen = np.arange(40_000)
    preparation = originals.settle(chosen, NumpyFile.Config(), no_report).preparation
    count = sum(len(chunk.places) for chunk in originals.chunks(chosen, preparation, no_report))
    assert count == 40_000 and tracemalloc.get_traced_memory()[1] < 25e6  # of 41 MB
    tracemalloc.stop()


def test_arrays_that_unfold_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(numpy_format, "MAX_BYTES", 10**6)
    path = npz(tmp_path / "a.npz", images=np.zeros((400, 64, 64), np.uint8))
    says(path, "it unfolds to 1,638,528 bytes; expected at most")
    monkeypatch.setattr(numpy_format, "MAX_WHOLE", 10**6)
    says(save(tmp_path / "b.npy", np.asfortranarray(np.zeros((400, 64, 64), np.uint8))), "ascontiguousarray")
    wide = npz(tmp_path / "c.npz", images=GREY, y=np.zeros((12, 20_000)))
    monkeypatch.setattr(numpy_format, "MAX_BYTES", 10**9)
    says(wide, "takes 2 MiB; expected at most")


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_archives(tmp_path, packed):
    path = npz(tmp_path / "a.npz", packed, images=RANDOM.integers(0, 256, (50, 32, 32), np.uint8))
    content = bytearray(path.read_bytes())
    content[20_000] ^= 255
    path.write_bytes(content)
    says(path, "is a damaged zip file")
    path.write_bytes(content[: len(content) // 2])
    says(path, "is a damaged zip file")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no arrays")
    says(path, "is a zip file without arrays")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"no array")
    says(path, "holds no array of images", "x (left out: it has a damaged header")
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(1001):
            archive.writestr(f"arr_{i}.npy", b"")
    says(path, "holds 1,001 arrays; expected one of all images, as numpy.stack makes it")


def test_what_damaged_files_make_zipfile_say_is_kept_short():
    with pytest.raises(DataError, match=r"^a is a damaged zip file: x{80}[.]$"), rows.explained("a", "zip"):
        raise zipfile.BadZipFile("x" * 5000)


@pytest.mark.parametrize("kind", ["npy", "npz", "savez"])
def test_whatever_is_damaged_loads_or_says_so(tmp_path, kind):
    path = tmp_path / f"a.{kind[:3]}"
    if kind == "npy":
        save(path, GREY)
    else:
        path = npz(tmp_path / "a.npz", kind == "npz", x=GREY / 255, y=LABELS, angle=LABELS / 7)
    content = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(content)
        for place in RANDOM.integers(0, len(content), 3).tolist():
            damaged[place] = RANDOM.integers(256)
        path.write_bytes(damaged[: RANDOM.integers(20, len(content))] if RANDOM.random() < 0.2 else damaged)
        try:
            assert len(load(str(path)).original(0).shape) == 3
        except DataError as error:
            assert str(path) in str(error) and str(error).endswith(".")


def test_an_encrypted_member_is_left_out(tmp_path):
    path = npz(tmp_path / "a.npz", images=GREY)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    says(path, "it is encrypted; expected an archive without a password")


def test_keras(tmp_path):
    path = npz(
        tmp_path / "mnist.npz", x_test=GREY[8:], x_train=GREY[:8], y_train=LABELS[:8], y_test=LABELS[8:]
    )
    found = load(str(path))
    np.testing.assert_array_equal(found.images[:, 0], GREY)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.label_names == ("0", "1", "2") and found.heldout.tolist() == [8, 9, 10, 11]
    assert found.factors == {}
    part = load(str(path), {"array": "x_test"})
    np.testing.assert_array_equal(part.images[:, 0], GREY[8:])
    np.testing.assert_array_equal(part.labels, LABELS[8:])
    assert part.heldout is None


def test_medmnist(tmp_path):
    arrays = {}
    for name, places in (("train", slice(0, 6)), ("val", slice(6, 9)), ("test", slice(9, 12))):
        arrays[f"{name}_images"] = GREY[places]
        arrays[f"{name}_labels"] = LABELS[places, None].astype(np.uint8)
    found = load(str(npz(tmp_path / "pathmnist.npz", **arrays)))
    np.testing.assert_array_equal(found.images[:, 0], GREY)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.heldout.tolist() == [6, 7, 8, 9, 10, 11]
    many = {key: np.eye(12)[: len(a), :5] for key, a in arrays.items() if "labels" in key}
    found = load(str(npz(tmp_path / "chestmnist.npz", **(arrays | many))))
    assert found.labels is None and list(found.factors) == [f"labels {i}" for i in range(5)]
    np.testing.assert_array_equal(
        found.factors["labels 1"], np.tile([0, 1, 0], 4)[[0, 1, 2, 3, 3, 3, 0, 1, 2, 0, 1, 2]]
    )


def test_dsprites(tmp_path):
    values = np.stack([np.ones(12), 1 + LABELS, *RANDOM.random((4, 12))], 1)
    path = npz(
        tmp_path / "dsprites.npz",
        metadata=np.array({"author": "someone"}, object),
        imgs=(GREY > 99).astype(np.uint8),
        latents_classes=np.zeros((12, 6), np.int64),
        latents_values=values,
    )
    found = load(str(path))
    np.testing.assert_array_equal(found.images[:, 0], np.where(GREY > 99, 255, 0))
    assert list(found.factors) == ["colour", "shape", "scale", "orientation", "x position", "y position"]
    for column, factor in zip(values.T, found.factors.values(), strict=True):
        np.testing.assert_array_equal(factor, column.astype(np.float32))
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.label_names == ("square", "ellipse", "heart") and len(found.skipped) == 1


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (LABELS, LABELS, ("0", "1", "2")),
        (LABELS[:, None].astype(np.float64), LABELS, ("0", "1", "2")),
        (LABELS * 5000 - 7, LABELS, ("-7", "4993", "9993")),
        (np.array(["dog", "cat", "añu"])[LABELS], None, None),
        (np.array([b"a", b"bb", b"c"])[LABELS], LABELS, ("a", "bb", "c")),
        (np.eye(3)[LABELS], LABELS, ("0", "1", "2")),
        (LABELS == 1, (LABELS == 1).astype(int), ("0", "1")),
    ],
    ids=["numbers", "column of floats", "far apart", "texts", "bytes", "one-hot", "bool"],
)
def test_labels(tmp_path, labels, expected, names):
    found = load(str(npz(tmp_path / "a.npz", x=GREY, y=labels)))
    assert found.labels.dtype == np.int64
    if names is None:
        assert [found.label_names[i] for i in found.labels] == labels.tolist()
    else:
        np.testing.assert_array_equal(found.labels, expected)
        assert found.label_names == names


def test_names_of_labels(tmp_path):
    names = np.array(["ant", "bee", "cow"])
    for key in ("label_names", "class_names", "classes", "labels"):
        found = load(str(npz(tmp_path / f"{key}.npz", x=GREY, y=LABELS, **{key: names})))
        assert found.label_names == tuple(names) and found.labels.tolist() == LABELS.tolist()


def test_arrays_without_names(tmp_path):
    np.savez(tmp_path / "a.npz", GREY, LABELS)
    assert load(str(tmp_path / "a.npz")).labels.tolist() == LABELS.tolist()
    np.savez(tmp_path / "b.npz", GREY, LABELS / 7)
    found = load(str(tmp_path / "b.npz"))
    assert found.labels is None and list(found.factors) == ["arr_1"]


def test_factors(tmp_path):
    angle, place = RANDOM.random(12), RANDOM.random((12, 2)).astype(np.float32)
    path = npz(
        tmp_path / "a.npz", images=GREY, angle=angle, place=place, age=LABELS, text=np.array(["a"] * 12),
        other=np.zeros(5), table=np.zeros((12, 4, 4)), one=3.0,
    )  # fmt: skip
    found = load(str(path), {"limit": 6})
    assert list(found.factors) == ["angle", "place 0", "place 1", "age"] and found.labels is None
    np.testing.assert_array_equal(found.factors["angle"], angle[::2].astype(np.float32))
    np.testing.assert_array_equal(found.factors["place 1"], place[::2, 1])
    np.testing.assert_array_equal(found.factors["age"], LABELS[::2])


def test_numbers_of_too_many_values_are_no_classes(tmp_path):
    images = np.zeros((1001, 8, 8), np.uint8)
    found = load(str(npz(tmp_path / "a.npz", x=images, y=np.arange(1001))))
    assert found.labels is None and list(found.factors) == ["y"]
    found = load(str(npz(tmp_path / "b.npz", x=images, y=np.arange(1001) // 2)))
    assert len(found.label_names) == 501 and found.factors == {}


def test_only_numbers_are_images(tmp_path):
    found = load(str(npz(tmp_path / "a.npz", left=GREY, notes=GREY.astype("S3"))))
    np.testing.assert_array_equal(found.images[:, 0], GREY)


def test_labels_that_do_not_fit(tmp_path):
    path = npz(tmp_path / "a.npz", images=GREY, labels=LABELS[:11])
    says(path, "labels in", "holds 11 labels; expected 12, one for each image")


def test_several_arrays_that_may_be_the_images(tmp_path):
    path = npz(tmp_path / "a.npz", left=GREY, right=GREY[::-1], n=LABELS)
    says(
        path, "set 'array' to one of left (12 × 9 × 10 · uint8), right (12 × 9 × 10 · uint8), n (12 · int64)"
    )
    np.testing.assert_array_equal(pixels(path, array="right")[:, 0], GREY[::-1])
    says(path, "holds no readable array 'middle'; it holds left (12", array="middle")
    says(path, "n in", "is 12, but images are", array="n")
    assert len(load(str(npz(tmp_path / "b.npz", images=GREY, masks=GREY)))) == 12
    parts = npz(tmp_path / "c.npz", x_train=GREY, x_test=GREY[:, :5])
    says(parts, "x_test in", "is 12 × 5 × 10 · uint8; expected images as in x_train")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("x_train", ("train", "x")),
        ("train_images", ("train", "images")),
        ("Test-Images", ("test", "images")),
        ("validation/x", ("val", "x")),
        ("arr_0", ("", "arr_0")),
        ("test", ("test", "")),
        ("latest", ("", "latest")),
    ],
)
def test_parts_of_keys(key, expected):
    assert split_of(key) == expected


def test_cancelled_while_the_values_are_looked_through(tmp_path):
    path = npz(tmp_path / "a.npz", images=np.zeros((3000, 64, 64), np.uint8), y=np.zeros(3000))
    originals = NumpyOriginals(path)
    calls = []

    def report(done, total):
        calls.append(done)
        if len(calls) == 3:
            raise Cancelled

    for work in (
        lambda: originals.settle(np.arange(9), NumpyFile.Config(), report),
        lambda: list(originals.chunks(np.array([2999]), Preparation(1, 8, 8), report)),
    ):
        calls.clear()
        with pytest.raises(Cancelled):
            work()


def test_what_it_takes(tmp_path):
    content = io.BytesIO()
    np.save(content, GREY)
    for name, expected in (("a.npy", True), ("a.NPZ", True), ("a", True), ("b.txt", False)):
        (tmp_path / name).write_bytes(content.getvalue() if name == "a" else b"text")
        assert NumpyFile.accepts(tmp_path / name) is expected
    assert not NumpyFile.accepts(tmp_path)
