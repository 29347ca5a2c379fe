"""What happens before any work: help, version, the window or the demo, and what is not imported."""

import json
import subprocess
import sys

import pytest

from latentlab import __version__, cli
from latentlab.cli import demo as cli_demo
from latentlab.cli import display as cli_display

HYGIENE = """
import json, sys
from latentlab import cli
code = cli.call(json.loads(sys.argv[1]))
heavy = [name for name in ("torch", "PySide6", "sklearn", "pyqtgraph") if name in sys.modules]
print(json.dumps([code, heavy]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["datasets"],
        ["models", "--json"],
        ["info", "vae-conv"],
        ["info", "shapes"],
        ["train", "--data", "digits", "--model", "vae-mlp", "--steps", "-1"],
        ["sample", "nowhere"],
    ],
    ids=lambda a: " ".join(a[:2]),
)
def test_loads_neither_torch_nor_qt(arguments, environment, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HYGIENE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=True,
    )
    code, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert code == (2 if arguments[-1] in ("-1", "nowhere") else 0), done.stderr


def test_version(call):
    assert call("--version").out == f"latentlab {__version__}\n"


def test_help_names_every_command(call):
    result = call("--help")
    assert result.code == 0
    names = "train resume sample traverse interpolate info datasets models bench demo"
    for command in names.split(" "):
        assert command in result.out
        assert call(command, "--help").code == 0


def test_module_is_the_command(spawn):
    process = spawn("datasets", "--json")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert {"digits", "shapes", "folder", "idx"} <= {d["key"] for d in json.loads(out)["datasets"]}


def test_a_reader_who_leaves_is_no_error(spawn):
    process = spawn("models")
    process.stdout.close()
    process.stdout = None  # communicate would read it
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_a_letter_that_stdout_lacks_is_no_error(spawn, environment):
    environment["PYTHONIOENCODING"] = "ascii"
    process = spawn("info", "shapes")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "64?64" in out


def test_without_a_display_the_demo_runs(call, monkeypatch):
    monkeypatch.setattr(cli_display, "obstacle", lambda: "There is no display.")
    ran = []
    monkeypatch.setattr(cli_demo, "demo", lambda: ran.append(True) or 0)
    result = call()
    assert (result.code, ran) == (0, [True])
    assert result.err == "There is no display. Running 'latentlab demo' instead.\n"


def test_with_a_display_the_window_opens(call, monkeypatch):
    from latentlab.ui import app

    monkeypatch.setattr(cli_display, "obstacle", lambda: None)
    monkeypatch.setattr(app, "main", lambda: 7)
    assert call().code == 7


def test_bugs_keep_their_traceback(call, monkeypatch):
    def broken():
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli, "open_window", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        call()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(28, "No space left on device", "/runs/metrics.csv"),
            "No space left on device: /runs/metrics.csv",
        ),
        (MemoryError("Unable to allocate 9 GiB"), "Out of memory: Unable to allocate 9 GiB"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory:\n 9 bytes"),
            "can't allocate memory: 9 bytes",
        ),
    ],
)
def test_the_machines_fault_is_one_line(call, monkeypatch, error, line):
    def broken():
        raise error

    monkeypatch.setattr(cli, "open_window", broken)
    result = call()
    assert result.code == 1
    assert result.err.count("\n") == 1 and line in result.err
