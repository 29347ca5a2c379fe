"""The one path from a source's images to a dataset: what the cache gives, what ends on the way."""

import errno
import os
import threading
import time

import numpy as np
import pytest
from PIL import Image

from latentlab.core import paths
from latentlab.core.errors import Cancelled, DataError
from latentlab.data import cache, files, load, store
from latentlab.data.dataset import Skipped
from latentlab.data.loading import NOT_STORED, load_originals
from latentlab.data.originals import HeldArray, Listing
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import no_report

COUNT = 60
PLAIN = np.random.default_rng(0).integers(0, 256, (COUNT, 3, 12, 12), np.uint8)


@pytest.fixture(params=["memory", "mapped"])
def kind(request, monkeypatch):
    """Images in memory, or mapped."""
    if request.param == "mapped":
        monkeypatch.setattr(store, "budget", lambda: 1000)
    return request.param


class Held(HeldArray):
    """Images of an array, a few at a time; counts them, and can fail."""

    def __init__(self, images, fail_at=None, stamp="1", **listing):
        super().__init__("held", images, Listing(len(images), **listing), stamp=stamp, costly=True)
        self.count, self.fail_at, self.closed = 0, fail_at, 0

    def read(self, places):
        self.count += len(places)
        if self.fail_at is not None and self.count > self.fail_at:
            raise DataError("Cannot read held any further.")
        return super().read(places)

    def chunks(self, chosen, preparation, report):
        try:
            yield from super().chunks(chosen, preparation, report)
        finally:
            self.closed += 1


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch):
    monkeypatch.setattr("latentlab.data.originals.CHUNK", 8)


def datasets():
    folder = paths.cache_dir() / "datasets"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def reading_threads():
    """Those of the pipeline that are alive, after those that have been told to end had their time."""
    deadline = time.monotonic() + 5
    while True:
        alive = [t.name for t in threading.enumerate() if t.name.startswith("latentlab-data")]
        if not alive or time.monotonic() > deadline:
            return alive
        threading.Event().wait(0.01)


def loaded(originals, report=no_report, **settings):
    return load_originals("held", originals, SourceConfig(**settings), report)


# The cache


def test_the_second_opening_reads_nothing(kind):
    held = Held(PLAIN)
    first, second = loaded(held), loaded(held)
    assert held.count == COUNT
    np.testing.assert_array_equal(first.images, PLAIN)
    np.testing.assert_array_equal(second.images, PLAIN)
    assert first.fingerprint == second.fingerprint
    np.testing.assert_allclose(second.mean, PLAIN.mean(0), rtol=1e-6)


#: Each setting, and a value that is not its default.
CHANGED = {
    "size": 16,
    "fit": "pad",
    "channels": 1,
    "background": "#ffffff",
    "limit": 30,
    "duplicates": "exact",
    "balance": "over",
    "augment_flip": "both",
    "augment_rotate": 10,
    "augment_crop": 0.1,
    "augment_colour": 0.2,
}


def test_every_setting_is_known_here():
    assert set(CHANGED) == set(SourceConfig.model_fields)
    assert NOT_STORED - set(CHANGED) == {"path"}


@pytest.mark.parametrize("field", CHANGED)
def test_settings_that_change_what_is_stored_are_read_anew(field):
    held = Held(PLAIN, labels=np.arange(COUNT) % 2, label_names=("a", "b"))
    loaded(held)
    before = held.count
    found = loaded(held, **{field: CHANGED[field]})
    trains_only = field == "balance" or field.startswith("augment_")
    assert (held.count == before) == trains_only
    assert found.config[field] == CHANGED[field]


def test_another_source_or_stamp_is_read_anew():
    held = Held(PLAIN)
    loaded(held)
    load_originals("another", held, SourceConfig(), no_report)
    assert held.count == 2 * COUNT
    other = Held(255 - PLAIN, stamp="2")
    np.testing.assert_array_equal(loaded(other).images, 255 - PLAIN)


@pytest.fixture
def pictures(tmp_path, write_image):
    root = tmp_path / "pictures"
    for i in range(12):
        write_image(root / "ab"[i % 2] / f"{i}.png", seed=i, size=(16, 16))
    return root


def test_a_folder_is_read_once(pictures, monkeypatch):
    first = load(str(pictures))
    monkeypatch.setattr(Image, "open", None)
    monkeypatch.setattr("latentlab.data.files.read_image", None)
    second = load(str(pictures))
    np.testing.assert_array_equal(first.images, second.images)
    assert second.names == tuple(first.names) and second.class_counts() == {"a": 6, "b": 6}


def test_a_file_changed_in_its_place_is_noticed(pictures):
    first = load(str(pictures))
    file, other = pictures / "a" / "0.png", pictures / "a" / "2.png"
    status, content = file.stat(), other.read_bytes()
    file.write_bytes(content[: status.st_size].ljust(status.st_size, b"\0"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as tools do that keep times
    second = load(str(pictures))
    assert first.fingerprint != second.fingerprint or second.skipped


@pytest.mark.parametrize("change", ["class", "file", "more", "fewer", "moved"])
def test_what_is_called_otherwise_is_noticed(pictures, change, write_image):
    load(str(pictures))
    root = pictures
    if change == "class":
        (pictures / "a").rename(pictures / "z")
    elif change == "file":
        (pictures / "a" / "0.png").rename(pictures / "a" / "zero.png")
    elif change == "more":
        write_image(pictures / "a" / "more.png", seed=99, size=(16, 16))
    elif change == "fewer":
        (pictures / "a" / "0.png").unlink()
    else:
        root = pictures.rename(pictures.with_name("elsewhere"))
    found = load(str(root))
    noticed = {
        "class": found.label_names == ("b", "z"),
        "file": "a/zero.png" in found.names,
        "more": len(found) == 13,
        "fewer": len(found) == 11,
        "moved": found.name == "elsewhere",
    }
    assert noticed[change]


def test_files_that_could_not_be_opened_are_tried_again(pictures, monkeypatch, kind):
    read_image = files.read_image

    def failing(file, preparation):
        if "0.png" in str(getattr(file, "name", file)):
            raise files.Unreadable(f"it cannot be opened: {os.strerror(errno.EIO)}")
        return read_image(file, preparation)

    with monkeypatch.context() as patched:
        patched.setattr(files, "read_image", failing)
        assert [entry.path for entry in load(str(pictures)).skipped] == ["a/0.png", "a/10.png"]
    found = load(str(pictures))
    assert len(found) == 12 and found.skipped == ()
    assert len(datasets()) == 1


def test_files_that_are_damaged_or_forbidden_are_not():
    forbidden = f"it cannot be opened: {os.strerror(errno.EACCES)}"
    for stamp, reason in (("1", "it is cut short"), ("2", forbidden)):
        held = Held(PLAIN, stamp=stamp, skipped=(Skipped("a.png", reason),))
        assert loaded(held).skipped == loaded(held).skipped != ()
        assert held.count == COUNT


# What a few files tell of all


class Reads:
    """Counts headers read and files decoded."""

    def __init__(self, monkeypatch):
        self.headers = self.images = 0
        read_header, read_image = files.read_header, files.read_image

        def header(file):
            self.headers += 1
            return read_header(file)

        def image(file, preparation):
            self.images += 1
            return read_image(file, preparation)

        monkeypatch.setattr(files, "read_header", header)
        monkeypatch.setattr(files, "read_image", image)
        monkeypatch.setattr(files, "_FEW", 4)


@pytest.fixture
def make_folder(tmp_path, write_image):
    """make_folder(odd={place: options}, count=20, **options): a folder of PNG files, some of another kind."""

    def make(odd=None, count=20, **options):
        root = tmp_path / "pictures"
        for i in range(count):
            write_image(root / f"{i}.png", **{"size": (24, 16), "seed": i} | options | (odd or {}).get(i, {}))
        return root

    return make


LAST = {19: {"size": (30, 30)}}  # not among the four that are looked at: 0, 5, 10, 15
AMONG = {5: {"size": (30, 30)}}


@pytest.mark.parametrize(
    ("odd", "settings", "shape", "headers", "images"),
    [
        ({}, {}, (3, 16, 24), 4, 20),
        (AMONG, {}, (3, 64, 64), 4, 20),
        ({}, {"size": 16}, (3, 16, 16), 4, 20),
        (LAST, {"size": 16}, (3, 16, 16), 4, 20),
        ({}, {"size": 16, "channels": 3}, (3, 16, 16), 0, 20),
        (LAST, {}, (3, 64, 64), 4 + 20, None),  # it was guessed, and is read again
        ({0: {"size": (300, 300)}}, {}, (3, 64, 64), 4, 20),
        ({19: {"mode": "L"}}, {}, (3, 16, 24), 4, 20),
    ],
)
def test_a_few_headers_are_read_where_they_tell_enough(
    monkeypatch, make_folder, odd, settings, shape, headers, images
):
    root, reads = make_folder(odd), Reads(monkeypatch)
    found = load(str(root), settings)
    assert found.image_shape == shape and len(found) == 20
    assert reads.headers == headers and (images is None or reads.images == images)


@pytest.mark.parametrize(("odd", "channels"), [({}, 1), ({19: {"mode": "RGB"}}, 3)])
def test_all_headers_are_read_where_a_few_are_grey(monkeypatch, make_folder, odd, channels):
    root, reads = make_folder(odd, mode="L"), Reads(monkeypatch)
    found = load(str(root))
    assert found.image_shape == (channels, 16, 24)
    assert reads.headers == 4 + 20 and reads.images == 20


@pytest.mark.parametrize("damaged", [range(0, 20, 5), [0], [19], range(19)])
@pytest.mark.parametrize("odd", [{}, LAST, AMONG])
def test_what_a_few_tell_is_what_all_tell(monkeypatch, make_folder, damaged, odd):
    """Headers that are whole over pixels that are not, at the places looked at or elsewhere."""
    root = make_folder(odd)
    for i in damaged:
        content = (root / f"{i}.png").read_bytes()
        (root / f"{i}.png").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(files, "_FEW", 4)
    guessed = load(str(root))
    cache.clear()
    monkeypatch.setattr(files.FileOriginals, "guess", files.FileOriginals.settle)
    settled = load(str(root))
    np.testing.assert_array_equal(guessed.images, settled.images)
    assert guessed.skipped == settled.skipped and len(guessed.skipped) == len(damaged)
    assert guessed.names == settled.names and guessed.sizes == settled.sizes


def test_progress_rises_while_a_wrong_guess_is_made_good(monkeypatch, make_folder):
    monkeypatch.setattr(files, "_TOGETHER", 2)
    root, report = make_folder(LAST), Stop()
    monkeypatch.setattr(files, "_FEW", 4)
    load(str(root), {}, report)
    done = [step for step, _ in report.steps]
    assert done == sorted(done) and report.said.count("Reading images") == 2
    assert not any(name.startswith(".") for name in datasets()) and reading_threads() == []


# Duplicates


def with_copies():
    """30 images, then the same again with a few changed: of 60 images 25 are copies, 5 of them by a trace."""
    coarse = np.random.default_rng(1).integers(20, 230, (30, 3, 4, 4), np.uint8)
    first = coarse.repeat(4, 2).repeat(4, 3)
    again = first.copy()
    again[:5] = 255 - again[:5]
    again[5:10] += 3
    return np.concatenate([first, again])


@pytest.mark.parametrize(("duplicates", "gone"), [("exact", range(40, 60)), ("near", range(35, 60))])
def test_duplicates_are_left_out_and_told(kind, duplicates, gone):
    images = with_copies()
    names = [f"{i}.png" for i in range(60)]
    factors = {"x": np.arange(60, dtype=np.float32)}
    held = Held(images, names=names, labels=np.arange(60) % 3, label_names=("a", "b", "c"), factors=factors)
    for _ in range(2):
        found = loaded(held, duplicates=duplicates)
        stay = np.setdiff1d(np.arange(60), gone)
        np.testing.assert_array_equal(found.images, images[stay])
        np.testing.assert_array_equal(found.labels, stay % 3)
        np.testing.assert_array_equal(found.factors["x"], stay)
        np.testing.assert_array_equal(found.places, stay)
        assert list(found.names) == [names[i] for i in stay]
        assert found.sizes == {(16, 16): len(stay)}
        np.testing.assert_allclose(found.mean, images[stay].mean(0), rtol=1e-5)
        np.testing.assert_array_equal(found.original(len(stay) - 1), images[stay[-1]])
        told = {entry.path: entry.reason for entry in found.skipped}
        assert told == {f"{i}.png": f"{'looks like' if i < 40 else 'the same as'} {i - 30}.png" for i in gone}
        assert found.is_mapped == (kind == "mapped")
    assert held.count == 60 + 2  # and the last as found, each time


def test_images_without_names_are_told_by_their_numbers():
    found = loaded(Held(np.concatenate([PLAIN[:2], PLAIN[:1]])), duplicates="exact")
    assert [(entry.path, entry.reason) for entry in found.skipped] == [("#2", "the same as #0")]


def test_numbers_are_those_of_the_source_where_a_limit_is():
    images = np.repeat(PLAIN[:10], 2, axis=0)
    images[4] = images[0]
    found = loaded(Held(images), duplicates="exact", limit=10)  # 0, 2, 4...
    assert [(entry.path, entry.reason) for entry in found.skipped] == [("#4", "the same as #0")]
    assert found.places.tolist() == [0, 2, 6, 8, 10, 12, 14, 16, 18]


def test_what_is_held_out_goes_where_training_has_it_too():
    """A model must not be tested with what it has seen, wherever that lies in the order."""
    images = PLAIN[[0, 1, 2, 3, 1, 5]]
    found = loaded(Held(images, heldout=np.array([0, 1, 2])), duplicates="exact")
    assert [(entry.path, entry.reason) for entry in found.skipped] == [("#1", "the same as #4")]
    assert found.heldout.tolist() == [0, 1]
    np.testing.assert_array_equal(found.images, PLAIN[[0, 2, 3, 1, 5]])


def test_a_folder_tells_of_its_duplicates(tmp_path, write_image):
    root = tmp_path / "pictures"
    write_image(root / "cats" / "7.png", size=(96, 96))
    image = write_image(root / "dogs" / "1.png", size=(96, 96), seed=1)
    (root / "dogs" / "8.png").write_bytes((root / "cats" / "7.png").read_bytes())
    image.save(root / "dogs" / "2.jpg", quality=80)
    image.resize((48, 48)).save(root / "dogs" / "3.webp")
    found = load(str(root), {"duplicates": "near", "size": 64})
    assert found.names == ["cats/7.png", "dogs/1.png"] and found.class_counts() == {"cats": 1, "dogs": 1}
    assert [(entry.path, entry.reason) for entry in found.skipped] == [
        ("dogs/2.jpg", "looks like dogs/1.png"),
        ("dogs/3.webp", "looks like dogs/1.png"),
        ("dogs/8.png", "the same as cats/7.png"),
    ]


# Ends on the way


class Stop:
    """Ends the work at its `at`-th report."""

    def __init__(self, at=None):
        self.at, self.steps, self.said = at, [], []

    def __call__(self, done, total):
        self.steps.append((done, total))
        if len(self.steps) == self.at:
            raise Cancelled

    def say(self, what):
        self.said.append(what)


def test_progress_is_one_rising_scale(kind, monkeypatch):
    monkeypatch.setattr(cache, "BLOCK", 4096)
    for expected in (True, False):  # then from the cache
        report = Stop()
        loaded(Held(with_copies()), report, duplicates="near")
        done = [step for step, _ in report.steps]
        assert {total for _, total in report.steps} == {done[-1]} and done[0] == 0
        assert done == sorted(done)
        assert ("Reading images" in report.said) == ("Looking for duplicates" in report.said) == expected


def test_cancelled_anywhere_it_leaves_nothing_behind(kind, monkeypatch):
    monkeypatch.setattr(cache, "BLOCK", 4096)
    images = with_copies()
    counting = Stop()
    expected = loaded(Held(images), counting, duplicates="near").images.copy()
    assert len(counting.steps) > 20
    for at in range(1, len(counting.steps)):
        cache.clear()
        held, report = Held(images), Stop(at)
        with pytest.raises(Cancelled):
            loaded(held, report, duplicates="near")
        assert len(report.steps) == at  # not asked again
        assert held.closed == 1 or held.count == 0
        assert not any(name.startswith(".") for name in datasets())
        assert datasets() == [] or at > len(counting.steps) - 3
    assert reading_threads() == []
    np.testing.assert_array_equal(loaded(Held(images), duplicates="near").images, expected)


@pytest.mark.parametrize("fail_at", [0, 20, 59])
def test_an_error_of_the_source_leaves_nothing_behind(kind, fail_at):
    held = Held(PLAIN, fail_at=fail_at)
    with pytest.raises(DataError, match="any further"):
        loaded(held)
    assert held.closed == 1 and datasets() == [] and reading_threads() == []


def test_reading_ahead_ends_where_writing_fails(kind, monkeypatch):
    """What goes wrong here, not in the source, must not leave its threads to the garbage collector."""
    held = Held(PLAIN)
    kept = []

    def failing(self, images):
        try:
            raise DataError("full")
        except DataError as error:
            kept.append(error)  # and with it all the frames
            raise

    for writer in (store.MemoryWriter, store.CacheWriter):
        monkeypatch.setattr(writer, "append", failing)
    with pytest.raises(DataError, match="full"):
        loaded(held)
    assert held.closed == 1 and datasets() == [] and reading_threads() == []


def test_nothing_readable_is_told_and_leaves_nothing(tmp_path, kind):
    root = tmp_path / "pictures"
    root.mkdir()
    for i in range(3):
        (root / f"{i}.png").write_bytes(b"what?")
    with pytest.raises(DataError, match=r"No readable image in pictures: 3 of 3 .* \(first 0\.png: "):
        load(str(root), {"size": 256})
    assert datasets() == []
