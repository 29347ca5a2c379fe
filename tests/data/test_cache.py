"""What lies in the cache is whole and what it says it is, or it is made again."""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from latentlab.core import paths
from latentlab.data import cache
from latentlab.data.dataset import Contents, Skipped
from latentlab.data.loading import load_originals
from latentlab.data.originals import HeldArray, Listing
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import no_report

NAME = "0" * 32
SHAPE = (6, 3, 8, 9)
IMAGES = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
CONTENTS = Contents(
    labels=np.array([0, 1, 1, 0, 2, 1]),
    label_names=("cats", "dogs\n", "été"),
    factors={"x/y": np.linspace(0, 1, 6, dtype=np.float32), "z": np.full(6, np.nan, np.float32)},
    heldout=np.array([1, 5]),
    skipped=(Skipped("bad.png", "it is cut short"), Skipped("cats/8.png", "the same as cats/7.png")),
    names=("a", "b", "\udcff", "d\0", "e", "f"),
    places=np.array([0, 1, 2, 4, 5, 9]),
    sizes={(20, 10): 4, (9, 8): 2},
    mean=IMAGES.mean(0, dtype=np.float32),
    bytes_found=12345,
)


def store(name=NAME, contents=CONTENTS, images=IMAGES):
    with cache.writing(images.nbytes) as folder:
        (folder / cache.IMAGES).write_bytes(images.tobytes())
        return cache.commit(folder, name, images.shape, contents)


def datasets():
    return paths.cache_dir() / "datasets"


def partials():
    return [entry.name for entry in datasets().iterdir() if entry.name.startswith(".partial-")]


def read(entry):
    images = np.zeros(entry.shape, np.uint8)
    entry.read_into(images, no_report)
    return images


def assert_same(found, expected=CONTENTS):
    for field in dataclasses.fields(Contents):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        np.testing.assert_equal(dict(one) if field.name == "factors" else one, other)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype


def test_everything_comes_back():
    for entry in (store(), cache.find(NAME)):
        np.testing.assert_array_equal(read(entry), IMAGES)
        np.testing.assert_array_equal(entry.map(), IMAGES)
        assert not entry.map().flags.writeable
        assert_same(entry.contents)
    assert partials() == []


def test_what_is_not_known_stays_unknown():
    store(contents=Contents())
    assert_same(cache.find(NAME).contents, Contents())


def test_numbers_of_another_kind_are_kept_as_they_are_expected():
    factors = {"x": np.arange(6.0)}
    store(
        contents=Contents(labels=np.arange(6, dtype=np.uint8), label_names=tuple("abcdef"), factors=factors)
    )
    found = cache.find(NAME).contents
    assert found.labels.dtype == np.int64 and found.factors["x"].dtype == np.float32
    assert found.labels.tolist() == found.factors["x"].tolist() == [*range(6)]


def test_nothing_is_found_where_nothing_is():
    assert cache.find(NAME) is None
    assert cache.usage() == (0, 0)
    cache.clear()


def test_an_error_while_it_is_written_leaves_nothing():
    with pytest.raises(RuntimeError), cache.writing(10) as folder:
        (folder / cache.IMAGES).write_bytes(b"half")
        raise RuntimeError
    assert list(datasets().iterdir()) == []


# Killed processes

KILLED = """
import sys
import numpy as np, psutil
from latentlab.data import cache, store
from latentlab.data.loading import load_originals
from latentlab.data.originals import HeldArray, Listing
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import no_report

def die(*_, **__):
    psutil.Process().kill()

where, mapped = sys.argv[1], sys.argv[2] == "mapped"
if mapped:
    store.budget = lambda: 1000
append = store._ImageFile.append
def half(self, images):
    self._file.write(images[: len(images) // 2].tobytes())
    self._file.flush()
    die()
if where == "images":
    store._ImageFile.append = half
elif where == "arrays":
    np.savez = die
elif where == "about":
    cache.json.dumps, dumps = (lambda *a, **k: die() if "shape" in a[0] else dumps(*a, **k)), cache.json.dumps
elif where == "rename":
    cache.Path.rename = die
images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
held = HeldArray("made", images, Listing(40), stamp="1", costly=True)
load_originals("made", held, SourceConfig(), no_report)
print("not killed")
"""


@pytest.mark.parametrize("mapped", ["memory", "mapped"])
@pytest.mark.parametrize("where", ["images", "arrays", "about", "rename"])
def test_a_killed_process_leaves_what_is_made_again(where, mapped):
    killed = subprocess.run([sys.executable, "-c", KILLED, where, mapped], capture_output=True, text=True)
    assert killed.returncode != 0 and killed.stdout == "" and killed.stderr == "", killed.stderr
    assert len(partials()) == 1 and cache.usage() == (0, 0)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    held = HeldArray("made", images, Listing(40), stamp="1", costly=True)
    for _ in range(2):
        found = load_originals("made", held, SourceConfig(), no_report)
        np.testing.assert_array_equal(found.images, images)
    assert partials() == [] and cache.usage()[0] == 1


def finished_pid():
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("host", "pid", "age", "stays"),
    [
        ("ours", "ours", 0, True),
        ("ours", "ours", 2 * cache.ABANDONED, False),  # our number was another's before
        ("ours", "dead", 0, False),
        ("01234567", "dead", 0, True),  # alive, for all we know
        ("01234567", "ours", 0, True),
        ("01234567", "dead", 2 * cache.ABANDONED, False),
        ("", "", 0, True),
        ("", "", 2 * cache.ABANDONED, False),
    ],
)
@pytest.mark.parametrize("sweep", [cache.clear, lambda: cache.make_room(0)])
def test_left_overs_go_when_nobody_writes_them(host, pid, age, stays, sweep):
    host = {"ours": cache._host()}.get(host, host)
    pid = {"ours": os.getpid(), "dead": finished_pid() if pid == "dead" else 0}.get(pid, pid)
    folder = datasets() / f".partial-{host}-{pid}-abcdef"
    folder.mkdir(parents=True)
    (folder / cache.IMAGES).write_bytes(b"half")
    for path in (folder / cache.IMAGES, folder):
        os.utime(path, (time.time() - age,) * 2)
    sweep()
    assert folder.exists() == stays


def test_what_is_still_written_is_not_left_over_however_old_its_folder():
    folder = datasets() / ".partial-01234567-1-abcdef"
    folder.mkdir(parents=True)
    (folder / cache.IMAGES).write_bytes(b"half")
    os.utime(folder, (0, 0))
    cache.make_room(0)
    assert folder.exists()


# Damage


def _about(**changes):
    def change(folder):
        about = json.loads((folder / "about.json").read_text()) | changes
        (folder / "about.json").write_text(json.dumps(about))

    return change


def _arrays(**changes):
    def change(folder):
        with np.load(folder / "arrays.npz") as held:
            arrays = dict(held) | changes
        np.savez(folder / "arrays.npz", **{k: v for k, v in arrays.items() if v is not None})

    return change


def _put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def _linked_file(folder):
    elsewhere = folder.parent.parent / "another"
    (folder / cache.IMAGES).rename(elsewhere)
    (folder / cache.IMAGES).symlink_to(elsewhere)


def _linked_folder(folder):
    elsewhere = folder.parent.parent / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def _in_its_place(folder):
    shutil.rmtree(folder)
    folder.write_bytes(b"a file")


def _pipe(folder):
    (folder / "about.json").unlink()
    os.mkfifo(folder / "about.json")


def _folder_for_file(folder):
    (folder / "about.json").unlink()
    (folder / "about.json").mkdir()


DAMAGE = {
    "short images": _put(cache.IMAGES, IMAGES.tobytes()[:-1]),
    "long images": _put(cache.IMAGES, IMAGES.tobytes() + b"0"),
    "no images": lambda folder: (folder / cache.IMAGES).unlink(),
    "no arrays": lambda folder: (folder / "arrays.npz").unlink(),
    "no about": lambda folder: (folder / "about.json").unlink(),
    "empty": lambda folder: [file.unlink() for file in folder.iterdir()],
    "broken json": _put("about.json", b'{"shape": [6, 3'),
    "json of another kind": _put("about.json", b"[1, 2]"),
    "deep json": _put("about.json", b"[" * 100_000),
    "bytes for json": _put("about.json", b"\xff\xfe\0"),
    "no zip": _put("arrays.npz", b"what?"),
    "empty arrays": _put("arrays.npz", b""),
    "pickled array": lambda folder: np.savez(folder / "arrays.npz", labels=np.array([{}] * 6, object)),
    "another shape": _about(shape=[3, 6, 8, 9]),
    "two channels": _about(shape=[9, 2, 8, 9]),
    "too small": _about(shape=[24, 3, 2, 9]),
    "numbers as text": _about(shape=["6", "3", "8", "9"]),
    "fractions": _about(shape=[6.0, 3, 8, 9]),
    "none": _about(shape=[0, 3, 8, 9]),
    "negative": _about(shape=[-6, -3, 8, 9]),
    "few names": _about(names=["a"]),
    "no text": _about(names=[1, 2, 3, 4, 5, 6]),
    "a text for names": _about(names="abcdef"),
    "classes of no text": _about(label_names=[None, 1, 2]),
    "few classes": _about(label_names=["a", "b"]),
    "skipped": _about(skipped=[["a"]]),
    "sizes": _about(sizes=[[1, 2]]),
    "a factor without values": _about(factors=["x/y", "z", "w"]),
    "labels of another kind": _arrays(labels=np.zeros(6, np.float32)),
    "few labels": _arrays(labels=np.zeros(5, np.int64)),
    "labels below": _arrays(labels=np.full(6, -1)),
    "held out beyond": _arrays(heldout=np.array([6])),
    "mean": _arrays(mean=np.zeros((1, 8, 9), np.float32)),
    "places": _arrays(places=np.zeros((6, 1), np.int64)),
    "linked file": _linked_file,
    "linked folder": _linked_folder,
    "a file in its place": _in_its_place,
    "a folder for a file": _folder_for_file,
} | ({"a pipe": _pipe} if hasattr(os, "mkfifo") else {})


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_goes_and_is_made_again(damage):
    folder = store().folder
    damage(folder)
    assert cache.find(NAME) is None
    assert not os.path.lexists(folder) and partials() == []
    np.testing.assert_array_equal(read(store()), IMAGES)


def test_links_are_removed_but_not_what_they_lead_to():
    for damage in (_linked_file, _linked_folder):
        damage(store().folder)
        assert cache.find(NAME) is None
    for file in ("another", f"elsewhere/{cache.IMAGES}"):
        assert (paths.cache_dir() / file).read_bytes() == IMAGES.tobytes()


@pytest.mark.parametrize("file", ["arrays.npz", "about.json"])
def test_rotten_bits_never_bring_other_arrays(file):
    """Every bit of a byte in some, all over the file: what is found is what was stored, or nothing."""
    folder = store().folder
    content, kept = (folder / file).read_bytes(), folder.with_name("kept")
    shutil.copytree(folder, kept)
    lost = 0
    for place in range(0, len(content), 17 if file == "arrays.npz" else 5):
        rotten = bytearray(content)
        rotten[place] ^= 1 << place % 8
        if not folder.exists():
            shutil.copytree(kept, folder)
        (folder / file).write_bytes(rotten)
        entry = cache.find(NAME)
        lost += entry is None
        if entry is not None and file == "arrays.npz":
            assert_same(entry.contents)
    assert lost > 20


def test_a_damaged_one_in_the_way_is_replaced():
    with cache.writing(IMAGES.nbytes) as folder:
        (folder / cache.IMAGES).write_bytes(IMAGES.tobytes())
        (datasets() / NAME).mkdir()
        (datasets() / NAME / "about.json").write_text("{}")
        np.testing.assert_array_equal(read(cache.commit(folder, NAME, SHAPE, CONTENTS)), IMAGES)
    assert partials() == []


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "too many"), MemoryError()])
def test_what_cannot_be_opened_just_now_stays_until_it_is_in_the_way(monkeypatch, error):
    def refuse(_):
        raise error

    store()
    with monkeypatch.context() as patched:
        patched.setattr(cache, "_open", refuse)
        assert cache.find(NAME) is None
    assert_same(cache.find(NAME).contents)
    opened, calls = cache._open, []

    def refuse_once(folder):
        calls.append(folder)
        if len(calls) == 1:
            raise error
        return opened(folder)

    monkeypatch.setattr(cache, "_open", refuse_once)
    assert_same(store(contents=Contents()).contents, Contents())
    assert partials() == []


def test_the_first_of_two_that_write_the_same_wins():
    with cache.writing(IMAGES.nbytes) as folder:
        (folder / cache.IMAGES).write_bytes(IMAGES.tobytes())
        first = store()
        inode = (first.folder / cache.IMAGES).stat().st_ino
        second = cache.commit(folder, NAME, SHAPE, CONTENTS)
    np.testing.assert_array_equal(read(second), IMAGES)
    assert (second.folder / cache.IMAGES).stat().st_ino == inode
    assert partials() == [] and cache.usage()[0] == 1


def test_many_that_load_the_same_at_once_all_get_it():
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 8, 8), np.uint8)
    barrier, results = threading.Barrier(4), []

    def load():
        held = HeldArray("made", images, Listing(300), stamp="1", costly=True)
        barrier.wait()
        results.append(load_originals("made", held, SourceConfig(), no_report).images)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, images)
    assert partials() == [] and cache.usage()[0] == 1


# Room


def used(name, ago):
    folder = datasets() / name
    os.utime(folder, (time.time() - ago,) * 2)
    return folder


def test_those_not_used_for_longest_go_first(monkeypatch):
    for name, ago in (("a", 30), ("b", 50), ("c", 10)):
        store(name)
        used(name, ago)
    assert cache.find("b") is not None  # which is a use
    each = cache.usage()[1] // 3
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * each + 10)
    cache.make_room(each)
    assert cache.usage()[0] == 2 and cache.find("a") is None and cache.find("b") is not None


def test_nothing_goes_while_there_is_room():
    for name in "abc":
        store(name)
    cache.make_room(1000)
    assert cache.usage()[0] == 3


def test_what_is_mapped_stays(monkeypatch):
    mapped = store("a").map()
    store("b")
    view = mapped[2:4]
    del mapped
    used("a", 100)
    monkeypatch.setattr(cache, "MOST_BYTES", 1)
    cache.make_room(0)
    assert cache.find("a") is not None and cache.find("b") is None
    cache.clear()
    assert cache.find("a") is not None
    np.testing.assert_array_equal(view, IMAGES[2:4])
    del view
    cache.clear()
    assert cache.usage() == (0, 0)


def test_some_of_the_disk_stays_free(monkeypatch):
    for name, ago in (("a", 30), ("b", 20), ("c", 10)):
        store(name)
        used(name, ago)
    each, free = cache.usage()[1] // 3, cache.SPARE + 1000

    def disk(_):
        return shutil._ntuple_diskusage(10**15, 0, free + (3 - cache.usage()[0]) * each)

    monkeypatch.setattr(cache.shutil, "disk_usage", disk)
    cache.make_room(1000)
    assert cache.usage()[0] == 3
    cache.make_room(1000 + each + 1)
    assert cache.usage()[0] == 1 and cache.find("c") is not None


def test_nothing_goes_for_what_there_is_no_room_for_anyway(monkeypatch):
    store()
    monkeypatch.setattr(
        cache.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**15, 0, cache.SPARE)
    )
    with pytest.raises(OSError, match=r"1\.0 GiB are free"):
        cache.make_room(10**9)
    assert cache.find(NAME) is not None


def test_usage_counts_bytes_and_clear_leaves_what_is_not_ours():
    folder = store().folder
    store("1" * 32)
    stranger = datasets() / "README.txt"
    stranger.write_text("mine")
    assert cache.usage() == (2, 2 * sum(file.stat().st_size for file in folder.iterdir()))
    cache.clear()
    assert cache.usage() == (0, 0) and [*datasets().iterdir()] == [stranger]


def test_what_the_system_does_not_let_go_stays_whole(monkeypatch):
    """On Windows a folder in which a file is mapped cannot be renamed."""
    folder = store().folder

    def refuse(*_):
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        patched.setattr(cache, "MOST_BYTES", 0)
        cache.make_room(0)
        cache.clear()
    assert len([*folder.iterdir()]) == 3
    assert_same(cache.find(NAME).contents)


def test_a_cache_that_may_only_be_read_is_read(monkeypatch):
    store()

    def refuse(*_):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "utime", refuse)
    assert_same(cache.find(NAME).contents)


def test_a_dataset_that_goes_while_it_is_opened_is_an_error_of_reading():
    entry = store()
    cache.clear()
    for use in (entry.map, lambda: read(entry)):
        with pytest.raises((OSError, ValueError)):
            use()
    entry = store()
    (entry.folder / cache.IMAGES).write_bytes(b"short")
    for use in (entry.map, lambda: read(entry)):
        with pytest.raises((OSError, ValueError)):
            use()


def test_names_depend_on_all_they_are_made_from(monkeypatch):
    import PIL

    first = cache.key(source="a", stamp="b", settings={"x": 1, "y": 2})
    assert first == cache.key(settings={"y": 2, "x": 1}, stamp="b", source="a")
    names = {first, cache.key(source="ab", stamp="", settings={"x": 1, "y": 2}), cache.key(source="a")}
    monkeypatch.setattr(PIL, "__version__", "0.0")
    names.add(cache.key(source="a"))
    monkeypatch.setattr(cache, "FORMAT", 0)
    names.add(cache.key(source="a"))
    assert len(names) == 5


def test_a_host_is_told_from_its_containers(monkeypatch):
    hosts = {cache._host()}
    monkeypatch.setattr(cache.platform, "node", lambda: "another")
    hosts.add(cache._host())
    with contextlib.suppress(OSError):
        Path("/proc/self/ns/pid").readlink()
        monkeypatch.setattr(Path, "readlink", lambda self: Path("pid:[1]"))
        hosts.add(cache._host())
        assert len(hosts) == 3
    assert len(hosts) >= 2 and psutil.pid_exists(os.getpid())
