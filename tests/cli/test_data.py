"""What is told of datasets, and how loading them shows and ends."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentlab import data
from latentlab.cli import terminal as cli_terminal
from latentlab.cli.data import by_reason, described, left_out, listed, load, size_in_words
from latentlab.cli.terminal import bar, loading
from latentlab.core.paths import cache_dir
from latentlab.data import SOURCES, Dataset, Skipped
from latentlab.data.report import say


@pytest.fixture
def pictures(tmp_path):
    """pictures(count, damaged): a folder of grey squares, some of its files no images."""

    def write(count, damaged=0):
        folder = tmp_path / "my pictures"
        folder.mkdir()
        for i in range(count):
            Image.fromarray(np.full((16, 16), 10 + i % 200, np.uint8)).save(folder / f"{i}.png")
        for i in range(damaged):
            (folder / f"damaged {i}.png").write_bytes(b"no image")
        return folder

    return write


def test_what_was_left_out_is_one_line(pictures, capsys):
    folder = pictures(3, damaged=2)
    dataset = load(*data.resolve(str(folder)))
    (line,) = capsys.readouterr().err.splitlines()
    reason = dataset.skipped[0].reason
    assert line == f"Left out 2 of 5: {reason} (2); 'latentlab info '{folder}'' lists them."


def test_nothing_is_told_where_nothing_was_left_out(pictures, capsys):
    load(*data.resolve(str(pictures(3))))
    assert capsys.readouterr().err == ""


def test_reasons_are_counted_and_duplicates_are_one():
    skipped = [Skipped("a", "it is cut short"), Skipped("b", "the same as a"), Skipped("c", "looks like a")]
    skipped += [Skipped("d", "it is cut short"), Skipped("e", "it has no pixels")]
    assert by_reason(skipped) == {"it is cut short": 2, "it is a duplicate": 2, "it has no pixels": 1}
    text = left_out(skipped, 1205, "digits")
    expected = "Left out 5 of 1,205: it is cut short (2), it is a duplicate (2) and more; "
    assert text == expected + "'latentlab info digits' lists them."


def test_training_tells_what_was_left_out(call, pictures, tmp_path):
    few = ("--model", "vae-mlp", "--set", "latent_size=2", "--set", "width=8", "--steps", 1)
    result = call("train", "--data", pictures(8, damaged=1), *few, "--out", tmp_path / "run")
    assert result.code == 0 and "Left out 1 of 9: " in result.err and "latentlab info" in result.err
    # A line of its own before the summary, which counts it too.
    assert "8 images" in result.err.splitlines()[1]


def test_a_folder_with_the_name_of_a_dataset_is_told(call, tmp_path):
    assert call("info", "digits").err == ""
    (tmp_path / "digits").mkdir()  # where the command runs
    few = ("--model", "vae-mlp", "--set", "limit=20", "width=8", "--steps", 1, "--out", tmp_path / "run")
    for command in (["info", "digits"], ["train", "--data", "digits", *few]):
        result = call(*command)
        assert result.code == 0
        assert result.err.startswith("'digits' is the dataset of that name; what lies here is './digits'.\n")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (46_900, "47 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_234_567, "1.23 MB"),
        (170_052_171, "170 MB"),
        (3_400_000_000, "3.4 GB"),
        (5e15, "5e+03 TB"),
    ],
)
def test_sizes_in_words(count, words):
    assert size_in_words(count) == words


def test_long_lists_are_cut():
    assert listed(["a", "b"], 2) == "a, b"
    assert listed([str(i) for i in range(1205)], 2) == "0, 1 and 1,203 more"


def dataset_of(labels=None, names=(), **others):
    images = np.full((4, 3, 8, 8), 51, np.uint8)
    labels = None if labels is None else np.array(labels)
    return Dataset(images, "x", "shapes", labels=labels, label_names=names, **others)


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        ([0, 0, 0, 1], ("a", "b"), "Balance: the largest (a) is 3 times the smallest (b)"),
        ([0, 0, 1, 1], ("a", "b"), "Balance: all classes have the same number"),
        ([0, 0, 0, 0], ("a", "b"), "Balance: the largest is a; b is empty"),
    ],
)
def test_how_classes_are_balanced(labels, names, words):
    assert words in described(SOURCES.get("shapes"), dataset_of(labels, names))[1]


def test_one_class_has_no_balance():
    lines = described(SOURCES.get("shapes"), dataset_of([0, 0, 0, 0], ("a",)))[1]
    assert "Classes: a 4" in lines and not any(line.startswith("Balance") for line in lines)


def test_what_is_known_of_images():
    mean = np.stack([np.full((8, 8), value, np.float32) for value in (0, 51, 102)])
    sizes = {(30, 20): 1, (640, 480): 3}
    factor = {"size": np.array([0, 1, 2, 0.5], np.float32)}
    dataset = dataset_of(mean=mean, sizes=sizes, bytes_found=9_900_000, factors=factor)
    values, lines = described(SOURCES.get("shapes"), dataset)
    for line in (
        "Sizes found: 640×480 (3), 30×20 (1)",
        "Mean brightness: 20%",
        "Factors: size 0 to 2",
        "Size: 9.9 MB found, 768 bytes in memory",
    ):
        assert line in lines
    assert abs(values["mean_brightness"] - 0.2) < 1e-6
    assert (values["bytes_found"], values["bytes"], values["mapped"]) == (9_900_000, 768, False)
    assert values["sizes"][1] == {"width": 640, "height": 480, "images": 3}


def test_alpha_is_no_brightness():
    images = np.zeros((2, 4, 8, 8), np.uint8)
    mean = np.zeros((4, 8, 8), np.float32)
    mean[3] = 255
    values, _ = described(SOURCES.get("shapes"), Dataset(images, "x", "shapes", mean=mean))
    assert values["mean_brightness"] == 0


# Progress


def test_progress_of_loading_is_silent_for_a_while_where_it_is_no_terminal(capsys, monkeypatch):
    now = [128.0]
    monkeypatch.setattr(cli_terminal.time, "monotonic", lambda: now[0])
    with loading("MNIST") as report:
        for i in range(80):
            now[0] += 0.125  # a power of two: sums stay exact
            say(report, f"Fetching a.gz, {i} of 79 MB")
            report(i, 79)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["48% Fetching a.gz, 39 of 79 MB", "99% Fetching a.gz, 79 of 79 MB"]


def test_progress_of_loading_in_a_terminal_says_what_goes_on(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with loading("Digits") as report:
        report(0, 0)
        assert "0% Loading Digits" in capsys.readouterr().err
        say(report, "Fetching train-images-idx3-ubyte.gz, 12.3 of 170.1 MB")
        report(1000, 1000)
    err = capsys.readouterr().err
    assert "100% Fetching train-images-idx3-ubyte.gz, 12.3 of 170.1 MB" in err and "━" in err


def test_other_bars_count(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with bar("Encoding") as report:
        report(2000, 2000)
    err = capsys.readouterr().err
    assert "Encoding" in err and "2,000/2,000" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
def test_ctrl_c_while_loading_leaves_nothing_behind(environment, pictures, tmp_path):
    folder = pictures(20)
    script = (
        "import itertools, signal, sys\n"
        "from latentlab import cli\n"
        "from latentlab.data import files\n"
        "read, calls = files.read_image, itertools.count()\n"
        "def interrupted(*arguments, **options):\n"
        "    if next(calls) == 7:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    return read(*arguments, **options)\n"
        "files.read_image = interrupted\n"
        f"sys.exit(cli.call(['info', {str(folder)!r}, '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 130 and done.stdout == ""
    assert "Traceback" not in done.stderr
    kept = tmp_path / "home" / "cache" / "datasets"
    assert not kept.exists() or list(kept.iterdir()) == []


# The cache


def test_the_cache_is_told_and_cleared(call, pictures, tmp_path):
    assert call("cache", "--json").json == {
        "folder": str(cache_dir()),
        "prepared": {"datasets": 0, "bytes": 0},
        "downloads": {},
        "bytes": 0,
    }
    assert call("cache").out.splitlines()[:2] == ["Prepared images: none", "Downloads: none"]
    data.load(str(pictures(5)))
    fetched = cache_dir() / "downloads" / "mnist"
    fetched.mkdir(parents=True)
    (fetched / ".partial-a.gz").write_bytes(bytes(2500))
    told = call("cache", "--json").json
    assert told["prepared"]["datasets"] == 1 and told["prepared"]["bytes"] > 5 * 256
    assert told["downloads"] == {"mnist": 2500} and told["bytes"] == told["prepared"]["bytes"] + 2500
    lines = call("cache").out.splitlines()
    assert lines[0].startswith("Prepared images: 1 dataset, ") and lines[1] == "Downloads: mnist 2 kB"
    assert lines[2] == f"Folder: {cache_dir()}"

    told = call("cache", "--clear", "--json").json
    assert told["prepared"]["datasets"] == 0 and told["downloads"] == {"mnist": 2500}
    told = json.loads(call("cache", "--clear-downloads", "--json").out)
    assert told["bytes"] == 0 and told["downloads"] == {}
