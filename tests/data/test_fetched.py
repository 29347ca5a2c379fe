import re
import socket
from urllib.parse import urlsplit

import numpy as np
import pytest

from latentlab.core.config import describe
from latentlab.core.errors import DataError
from latentlab.data import SOURCES, fetched, load, resolve
from latentlab.data.fetched import Fetched

KEYS = [key for key, source in SOURCES.items() if issubclass(source, Fetched)]


def test_those_that_people_ask_for_are_there():
    assert set(KEYS) == {"mnist", "fashion-mnist", "kmnist", "cifar10"}


@pytest.mark.parametrize("key", KEYS)
def test_what_is_shipped(key):
    source = SOURCES.get(key)
    size = sum(file.bytes for file in source.files)
    assert f"{size / 1e6:.1f} MB from the network" in source.about
    assert len({file.name for file in source.files}) == len(source.files)
    assert len({file.checksum for file in source.files}) == len(source.files)
    assert len(set(source.classes)) == 10
    for file in source.files:
        assert re.fullmatch("[0-9a-f]{64}", file.checksum) and 0 < file.bytes < 2**28
        assert len({urlsplit(url).hostname for url in file.urls}) == len(file.urls)
        for url in file.urls:
            assert url.startswith("https://") and url.endswith(f"/{file.name}")


@pytest.mark.parametrize("key", KEYS)
def test_nothing_but_loading_touches_the_network(key, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    source, config = resolve(key, {"size": 32})
    assert describe(source.Config) and config.size == 32
    assert source.bytes_missing() == sum(file.bytes for file in source.files)
    assert fetched.kept() == {}


@pytest.mark.parametrize("key", KEYS)
def test_fetched_once_then_from_the_disk(key, publish):
    server, source = publish(key), SOURCES.get(key)
    found = load(key)
    asked = len(server.asked)
    assert asked == len(source.files)
    assert (found.name, found.source, found.label_names) == (key, key, source.classes)
    assert found.heldout.tolist() == list(range(30, 40))
    assert source.bytes_missing() == 0 and set(fetched.kept()) == {key}
    again = load(key, {"limit": 20})
    assert len(server.asked) == asked
    np.testing.assert_array_equal(again.images, found.images[::2])
    np.testing.assert_array_equal(found.original(7), found.images[7])


def test_without_the_network_one_sentence_says_what_to_do(publish, monkeypatch):
    source = publish("mnist") and SOURCES.get("mnist")
    contents = {file.name: file.urls[0] for file in source.files}
    nobody = "http://127.0.0.1:9/"  # where nothing listens
    files = tuple(type(f)(f.name, (nobody + f.name,), f.checksum, f.bytes) for f in source.files)
    monkeypatch.setattr(source, "files", files)
    with pytest.raises(DataError) as caught:
        load("mnist")
    text = str(caught.value)
    assert text.startswith("Cannot fetch MNIST: ") and "it cannot be reached" in text
    assert str(source.folder()) in text and all(nobody + name in text for name in contents)


def test_files_put_there_by_hand_are_used(publish, tmp_path):
    server, source = publish("kmnist"), SOURCES.get("kmnist")
    source.folder().mkdir(parents=True)
    for file in source.files:
        (source.folder() / file.name).write_bytes((tmp_path / "published-kmnist" / file.name).read_bytes())
    assert source.bytes_missing() == 0
    assert len(load("kmnist")) == 40 and server.asked == []


def test_clear_removes_what_was_fetched(publish):
    publish("mnist")
    load("mnist")
    size = sum(file.bytes for file in SOURCES.get("mnist").files)
    assert fetched.kept()["mnist"] >= size
    fetched.clear()
    assert fetched.kept() == {} and SOURCES.get("mnist").bytes_missing() == size
    fetched.clear()  # there is nothing


def test_progress_is_one_scale_from_the_first_byte_to_the_last_image(publish):
    server = publish("fashion-mnist")
    calls, said = [], []

    def report(done, total):
        calls.append((done, total))

    report.say = said.append
    load("fashion-mnist", report=report)
    assert server.asked and len({total for _, total in calls}) == 1
    steps = [done for done, _ in calls]
    assert steps == sorted(steps) and calls[-1][0] == calls[-1][1]
    assert any(text.startswith("Fetching t10k-labels-idx1-ubyte.gz, ") for text in said)
    assert said.index("Reading images") > said.index(said[0])
