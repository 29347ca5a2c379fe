"""Fetching files: every server here is on loopback, and serves what the tests made."""

import hashlib
import subprocess
import sys
import threading

import numpy as np
import pooch
import pytest

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import download
from latentlab.data.download import File, fetch

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
HALF = len(CONTENT) // 2
#: A port of loopback where nothing listens (RFC 863's, which only a superuser could use).
NOBODY = "http://127.0.0.1:9"


def file_at(*urls, name="a.gz", content=CONTENT):
    return File(
        name, tuple(f"{url}/{name}" for url in urls), hashlib.sha256(content).hexdigest(), len(content)
    )


@pytest.fixture
def server(serve):
    return serve({"a.gz": CONTENT, "b.gz": CONTENT[::-1]})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "downloads"


def get(files, folder, report=lambda done, total: None):
    fetch("Things", files if isinstance(files, list) else [files], folder, report)


def left(folder):
    """What lies there beside the lock and what is remembered."""
    return sorted(entry.name for entry in folder.iterdir() if entry.name not in (".lock", "verified.json"))


def threads_end():
    """Whether those that receive do, in less time than they would wait for a server."""
    receiving = [thread for thread in threading.enumerate() if thread.name == "latentlab-download"]
    for thread in receiving:
        thread.join(10)
    return not any(thread.is_alive() for thread in receiving)


class Listener:
    """A report that keeps what it was told."""

    def __init__(self):
        self.calls, self.said = [], []

    def __call__(self, done, total):
        self.calls.append((done, total))

    def say(self, what):
        self.said.append(what)


def test_files_come_with_progress_in_bytes(server, folder, capsys):
    other = file_at(server.url("plain"), name="b.gz", content=CONTENT[::-1])
    told = Listener()
    get([file_at(server.url("plain")), other], folder, told)
    assert (folder / "a.gz").read_bytes() == CONTENT and (folder / "b.gz").read_bytes() == CONTENT[::-1]
    assert left(folder) == ["a.gz", "b.gz"]
    steps = [done for done, _ in told.calls]
    assert {total for _, total in told.calls} == {2 * len(CONTENT)}
    assert steps == sorted(steps) and len(set(steps)) > 4 and steps[-1] == 2 * len(CONTENT)
    assert "Fetching b.gz, 0.3 MB of 0.3 MB" in told.said
    assert capsys.readouterr().err == ""  # pooch would talk


def test_the_second_time_neither_asks_nor_reads(server, folder, monkeypatch):
    file = file_at(server.url("plain"))
    get(file, folder)
    asked = len(server.asked)
    monkeypatch.setattr(hashlib, "sha256", None)
    told = Listener()
    get(file, folder, told)
    assert len(server.asked) == asked == 1 and told.calls == []
    assert download.are_known([file], folder) and download.bytes_missing([file], folder) == 0


@pytest.mark.parametrize("how", ["moved", "endless", "labelled", "packing"])
def test_other_ways_to_answer(server, folder, how):
    """A redirection, no length, calling the .gz file gzip-encoded, packing it for those that take it so."""
    get(file_at(server.url(how)), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["drop", "torn"])  # with and without a length
def test_a_dropped_connection_is_taken_up_where_it_broke(server, folder, how):
    get(file_at(server.url(how)), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and left(folder) == ["a.gz"]
    first, second, *_ = server.ranges()
    assert first is None and 0 < int(second.removeprefix("bytes=").rstrip("-")) <= HALF


def test_another_mirror_goes_on_where_the_first_broke_off(server, folder):
    get(file_at(server.url("once"), server.url("plain")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/once/a.gz", "/once/a.gz", "/plain/a.gz"]
    assert server.ranges()[2] is not None


def test_what_an_earlier_try_left_is_used(server, folder):
    folder.mkdir()
    (folder / ".partial-a.gz").write_bytes(CONTENT[:1000])
    file = file_at(server.url("plain"))
    assert download.bytes_missing([file], folder) == len(CONTENT) - 1000
    get(file, folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and server.ranges() == ["bytes=1000-"]


def test_a_whole_partial_file_is_only_checked(server, folder):
    folder.mkdir()
    (folder / ".partial-a.gz").write_bytes(CONTENT)
    get(file_at(server.url("plain")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and server.asked == []


@pytest.mark.parametrize("kept", [CONTENT[:1000], CONTENT + b"more"])
def test_a_server_that_knows_no_ranges_starts_again(server, folder, kept):
    folder.mkdir()
    (folder / ".partial-a.gz").write_bytes(kept)
    get(file_at(server.url("whole")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and left(folder) == ["a.gz"]


def test_a_server_that_breaks_off_and_knows_no_ranges_is_left(server, folder):
    told = Listener()
    get(file_at(server.url("deaf"), server.url("plain")), folder, told)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert told.calls == sorted(told.calls)  # a bar does not go back
    assert [path for path, _ in server.asked].count("/deaf/a.gz") == 2


@pytest.mark.parametrize("how", ["other", "missing", "shorter", "longer", "shifted", "closed"])
def test_a_mirror_that_fails_is_followed_by_the_next(server, folder, how):
    get(file_at(server.url(how), server.url("plain")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and left(folder) == ["a.gz"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("other", "its checksum is wrong"),
        ("missing", "it answers 404"),
        ("shorter", "it has 299,999 bytes; expected 300,000"),
        ("longer", "it sends more than the 300,000 bytes expected"),
        ("closed", "the connection broke off"),
    ],
)
def test_where_no_mirror_has_it_one_sentence_says_what_to_do(server, folder, how, words):
    bad, file = server.url(how), file_at(server.url(how), NOBODY)
    with pytest.raises(DataError) as caught:
        get([file, file_at(bad, name="b.gz", content=CONTENT[::-1])], folder)
    text = str(caught.value)
    assert text.startswith(
        f"Cannot fetch Things: no a.gz (127.0.0.1: {words}; 127.0.0.1: it cannot be reached)"
    )
    assert text.endswith(
        f"; try again later, or download {bad}/a.gz and {bad}/b.gz into the folder {folder}."
    )
    assert "a.gz" not in left(folder)


def test_a_server_that_sends_without_end_is_left(server, folder):
    with pytest.raises(DataError, match="it sends more than the 300,000 bytes expected"):
        get(file_at(server.url("flood")), folder)
    assert server.left.wait(10) and left(folder) == []
    assert threads_end()


def test_a_wrong_beginning_is_fetched_again_from_the_start(server, folder):
    folder.mkdir()
    (folder / ".partial-a.gz").write_bytes(bytes(1000))
    get(file_at(server.url("plain")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and server.ranges() == ["bytes=1000-", None]


def test_a_part_that_was_not_asked_for_is_not_taken(server, folder):
    folder.mkdir()
    (folder / ".partial-a.gz").write_bytes(CONTENT[:1000])
    with pytest.raises(DataError, match="another part than it was asked for"):
        get(file_at(server.url("shifted")), folder)


# What the person puts there


def test_files_that_the_person_put_there_are_used(folder):
    folder.mkdir()
    (folder / "a.gz").write_bytes(CONTENT)
    file, told = file_at(NOBODY), Listener()
    assert not download.are_known([file], folder)
    get(file, folder, told)
    assert download.are_known([file], folder)
    assert told.calls[-1] == (len(CONTENT), len(CONTENT)) and "Checking a.gz, 0.3 MB of 0.3 MB" in told.said


@pytest.mark.parametrize("found", [b"", b"short", CONTENT[::-1]])
def test_another_file_of_that_name_is_not_used(server, folder, found):
    folder.mkdir()
    (folder / "a.gz").write_bytes(found)
    with pytest.raises(DataError, match=r"what lies there as a\.gz is another file, or not whole"):
        get(file_at(NOBODY), folder)
    assert (folder / "a.gz").read_bytes() == found
    get(file_at(server.url("plain")), folder)
    assert (folder / "a.gz").read_bytes() == CONTENT


def test_a_file_that_changed_is_checked_again(server, folder):
    file = file_at(server.url("plain"))
    get(file, folder)
    (folder / "a.gz").write_bytes(CONTENT[::-1])
    assert not download.are_known([file], folder)
    get(file, folder)
    assert (folder / "a.gz").read_bytes() == CONTENT and len(server.asked) == 2


@pytest.mark.parametrize("remembered", ["{", "[]", '{"a.gz": 1}'])
def test_what_is_remembered_may_be_damaged(folder, remembered):
    folder.mkdir()
    (folder / "a.gz").write_bytes(CONTENT)
    (folder / "verified.json").write_text(remembered)
    get(file_at(NOBODY), folder)
    assert download.are_known([file_at(NOBODY)], folder)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Cannot keep Things in") as caught:
        get(file_at(server.url("plain")), tmp_path / "file" / "downloads")
    assert isinstance(caught.value.__cause__, OSError)  # exit code 1: the machine's fault


# Cancel


@pytest.mark.parametrize("how", ["silent", "hang"])
def test_cancel_ends_it_while_a_server_sends_nothing(server, folder, how):
    file, raised = file_at(server.url(how)), []

    def report(done, total):
        if server.stuck.is_set():
            raise Cancelled

    def work():
        with pytest.raises(Cancelled) as caught:
            get(file, folder, report)
        raised.append(caught.value)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(10)  # the server sends nothing until the test is over
    assert raised and not worker.is_alive()
    assert how == "silent" or threads_end()


def test_what_came_before_a_cancel_is_kept(server, folder):
    def report(done, total):
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(file_at(server.url("plain")), folder, report)
    (kept,) = left(folder)
    assert CONTENT.startswith((folder / kept).read_bytes()) and (folder / kept).stat().st_size
    get(file_at(server.url("plain")), folder)
    assert server.ranges()[1] is not None and (folder / "a.gz").read_bytes() == CONTENT
    assert left(folder) == ["a.gz"]


def test_what_a_killed_process_left_goes(server, folder):
    folder.mkdir()
    (folder / "tmpabcd_123").write_bytes(b"")  # pooch's
    get(file_at(server.url("plain")), folder)
    assert left(folder) == ["a.gz"]


# Two at once


def test_two_at_once_fetch_it_once(server, folder, monkeypatch):
    file, told, retrieve, retrieved = file_at(server.url("slow")), Listener(), pooch.retrieve, []
    monkeypatch.setattr(pooch, "retrieve", lambda *a, **o: (retrieved.append(a), retrieve(*a, **o)))
    waits = threading.Event()

    def say(what):
        if what.startswith("Waiting"):
            waits.set()
            server.go_on.set()

    told.say = say
    first = threading.Thread(target=get, args=(file, folder))
    first.start()
    assert server.stuck.wait(10)
    get(file, folder, told)
    first.join(10)
    assert waits.is_set() and not first.is_alive()
    assert len(server.asked) == 1 and (folder / "a.gz").read_bytes() == CONTENT
    assert len(retrieved) == 1  # the second neither reads it again


@pytest.mark.skipif(sys.platform == "win32", reason="locks the POSIX way")
def test_a_process_that_was_killed_is_in_nobodys_way(server, folder):
    folder.mkdir()
    script = (
        "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True)"
    )
    command = [sys.executable, "-c", f"{script}; sys.stdin.read()", str(folder / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        told = Listener()
        told.say = lambda what: other.kill() if what.startswith("Waiting") else None
        get(file_at(server.url("plain")), folder, told)
        assert other.wait() != 0  # it was waited for
    assert (folder / "a.gz").read_bytes() == CONTENT
