"""``datasets``, ``models`` and ``info``."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab.data import SOURCES
from latentlab.data.download import File
from latentlab.data.fetched import Fetched, listed
from latentlab.models import MODELS


@pytest.mark.parametrize(("command", "entries"), [("datasets", listed()), ("models", MODELS.items())])
def test_lists_have_a_line_and_an_object_for_each(call, command, entries):
    entries = [entry if isinstance(entry, type) else entry[1] for entry in entries]
    lines = call(command).out.splitlines()
    for line, entry in zip(lines, entries, strict=True):
        assert line.split()[0] == entry.key and entry.title in line and entry.about in line
    told = call(command, "--json").json[command]
    assert [(e["key"], e["title"], e["about"]) for e in told] == [
        (entry.key, entry.title, entry.about) for entry in entries
    ]


def test_what_is_there_at_once_comes_first():
    kinds = [(kind.needs_path, issubclass(kind, Fetched)) for kind in listed()]
    assert kinds == sorted(kinds) and len(kinds) == len(list(SOURCES))


def test_run(call, trained):
    result = call("info", trained, "--json")
    assert result.code == 0
    told = result.json
    assert (told["kind"], told["run"], told["step"], told["checkpoints"]) == (
        "run",
        str(trained),
        20,
        [0, 20],
    )
    assert told["model"]["key"] == "vae-mlp" and told["data"]["source"] == "digits"
    assert told["heldout_elbo"] == -told["heldout_neg_elbo"]
    text = call("info", trained).out
    assert "step 20" in text and "Held-out ELBO -" in text and "300 images" in text


def test_run_of_a_model_that_is_not_here(call, copied):
    file = copied / "run.json"
    file.write_text(file.read_text("utf-8").replace('"vae-mlp"', '"vae-of-tomorrow"'), "utf-8")
    result = call("info", copied)
    assert result.code == 0 and "vae-of-tomorrow" in result.out


def test_source(call):
    told = call("info", "digits", "--json").json
    assert (told["kind"], told["images"], told["height"], told["width"]) == ("data", 1797, 8, 8)
    assert sum(told["classes"].values()) == 1797
    assert told["settings"]["size"]["default"] == 0
    assert "10 classes" in call("info", "digits").out


def test_source_that_needs_a_path(call):
    told = call("info", "idx", "--json").json
    assert (told["kind"], told["key"]) == ("source", "idx") and "path" in told["settings"]


@pytest.fixture
def photos(tmp_path):
    """photos(damaged): a folder of three images, two of them the same, and of damaged ones."""

    def write(damaged=1):
        folder = tmp_path / "photos"
        folder.mkdir()
        for i in range(3):
            Image.fromarray(np.full((16, 16), 80 * min(i, 1), np.uint8)).save(folder / f"{i}.png")
        for i in range(damaged):
            (folder / f"broken {i}.png").write_bytes(b"no image")
        return folder

    return write


def test_path(call, photos):
    folder = photos()
    result = call("info", folder, "--json")
    told = result.json
    assert (told["images"], told["channels"], told["width"]) == (3, 1, 16)
    assert [s["path"] for s in told["skipped"]] == ["broken 0.png"]
    assert told["sizes"] == [{"width": 16, "height": 16, "images": 3}]
    assert result.err == ""  # what was left out is told once
    assert not told["from_cache"] and call("info", folder, "--json").json["from_cache"]
    lines = call("info", folder).out.splitlines()
    assert any(line.startswith("Size: ") and line.endswith(" in memory, from the cache") for line in lines)
    (reason,) = told["reasons"]
    place = lines.index(f"Left out: 1: {reason} (1)")
    assert lines[place + 1] == f"  broken 0.png: {reason}"


def test_of_many_that_were_left_out_the_first_are_listed(call, photos):
    folder = photos(damaged=25)
    lines = call("info", folder).out.splitlines()
    assert sum(line.startswith("  broken ") for line in lines) == 20 and "  and 5 more" in lines
    assert len(call("info", folder, "--json").json["skipped"]) == 25


def test_settings_of_the_data(call, photos):
    told = call("info", photos(), "--set", "data.size=8", "duplicates=exact", "--json").json
    assert (told["width"], told["images"], told["duplicates"]) == (8, 2, 1)
    assert told["config"]["duplicates"] == "exact" and told["reasons"]["it is a duplicate"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("digits", "--set", "size=7"), ["data.size", "'7'"]),
        (("digits", "--set", "sise=8"), ["'sise'", "did you mean size?"]),
        (("digits", "--set", "training.steps=1"), ["'training'"]),
        (("vae-mlp", "--set", "size=8"), ["--set size=8", "only for images", "vae-mlp"]),
        (("vae-mlp", "-o", "sheet.png"), ["--out sheet.png", "only for images", "vae-mlp"]),
        (("digits", "-o", "sheet.txt"), ["sheet.txt", ".png"]),
        (("points", "-o", "sheet.png"), ["nothing to show before and after"]),
        (("folder", "-o", "sheet.png"), ["no images of Folder of images"]),
        (("digits", "size=8"), ["Unexpected 'size=8'", "--set"]),
    ],
)
def test_settings_that_are_wrong(refused, arguments, words):
    refused(*words)("info", *arguments)


def test_a_sheet_shows_images_before_and_after(call, photos):
    told = call("info", photos(), "--set", "size=8", "-o", "sheet.png", "--json").json
    assert told["picture"] == str(Path("sheet.png").absolute())
    with Image.open("sheet.png") as sheet:
        colours = sheet.convert("RGB").getcolors()
    # Rows of two: what is found and what it becomes are as large and have the same one colour here.
    counts = {colour: count for count, colour in colours}
    assert counts[0, 0, 0] == 2 * 128**2 and counts[80, 80, 80] == 4 * 128**2
    assert "Before and after: sheet.png" in call("info", "digits", "-o", "sheet.png").out


@pytest.fixture
def by_hand(monkeypatch):
    """A small MNIST, put where it would be fetched to; there is no network."""

    def put():
        source, files = SOURCES.get("mnist"), []
        source.folder().mkdir(parents=True)
        for file in source.files:
            images = "images" in file.name
            count = 30 if "train" in file.name else 10
            dims = (count, 9, 9) if images else (count,)
            values = np.random.default_rng(0).integers(0, 10, dims, np.uint8)
            header = bytes([0, 0, 8, len(dims)]) + struct.pack(f">{len(dims)}I", *dims)
            content = gzip.compress(header + values.tobytes(), mtime=0)
            (source.folder() / file.name).write_bytes(content)
            checksum = hashlib.sha256(content).hexdigest()
            files.append(File(file.name, (f"http://127.0.0.1:9/{file.name}",), checksum, len(content)))
        monkeypatch.setattr(source, "files", tuple(files))
        return source

    return put


def test_a_dataset_of_the_network_is_not_fetched_unasked(call, refused, monkeypatch):
    source = SOURCES.get("mnist")
    files = [File(f.name, (f"http://127.0.0.1:9/{f.name}",), f.checksum, f.bytes) for f in source.files]
    monkeypatch.setattr(source, "files", tuple(files))
    told = call("info", "mnist", "--json").json
    assert (told["kind"], told["bytes_missing"]) == ("source", 11_594_722) and "size" in told["settings"]
    assert "It is not here yet: 11.6 MB to fetch" in call("info", "mnist").out
    refused("Cannot fetch MNIST", "it cannot be reached", source.folder())("info", "mnist", "--fetch")


def test_a_dataset_of_the_network_that_is_here(call, by_hand):
    def line():
        return next(line for line in call("datasets").out.splitlines() if line.startswith("mnist"))

    assert line().endswith("(not fetched yet)")
    entry = {e["key"]: e for e in call("datasets", "--json").json["datasets"]}["mnist"]
    assert entry["needs_network"] and entry["bytes_missing"] == entry["bytes"] == 11_594_722
    source = by_hand()
    assert line().endswith("(fetched)")
    told = call("info", "mnist", "--json").json
    assert (told["images"], told["heldout"], told["width"]) == (40, 10, 9)
    (source.folder() / source.files[0].name).unlink()
    assert "(fetched but for " in line()


def test_settings_of_a_model_and_of_training(call):
    told = call("info", "vae-mlp", "--json").json
    assert told["settings"]["latent_size"]["expected"] == "a whole number from 1 to 512"
    assert [told["settings"][name]["live"] for name in ("latent_size", "beta")] == [False, True]
    (size, beta) = (
        next(line for line in call("info", "vae-mlp").out.splitlines() if line.split()[:1] == [name])
        for name in ("latent_size", "beta")
    )
    assert size.endswith("default 16.") and beta.endswith("default 1.0; live.")
    assert "learning_rate" in call("info", "training", "--json").json["settings"]


def test_what_is_not_there(refused, tmp_path):
    refused("nowhere", "digits")("info", "nowhere")
    refused("There is no")("info", "")
    (tmp_path / "empty").mkdir()
    refused("empty")("info", tmp_path / "empty")


def test_a_truncated_idx_file(refused, tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 10, 28, 28) + bytes(100))
    refused(file)("info", file)
    refused(file)("train", "--data", file, "--model", "vae-mlp", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_damaged_run(refused, copied):
    (copied / "run.json").write_text("{", "utf-8")
    refused("run.json", "damaged")("info", copied)
    refused("run.json", "damaged")("sample", copied)


@pytest.mark.parametrize("target", ["training", "layout", "walk", "curves", "sweep", "history"])
def test_settings_of_whatever_has_some(call, target):
    told = call("info", target, "--json").json
    assert told["kind"] == target and told["settings"]
    assert all(set(field) >= {"default", "expected", "help"} for field in told["settings"].values())
