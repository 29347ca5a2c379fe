"""``bench``: a table and a line of JSON, one sentence where something is wrong, and no files."""

import json
import signal
import tempfile

import pytest

from latentlab import __version__, run
from latentlab.core.errors import RunError
from latentlab.run.training import Training

SMALL = ("--seconds", 0.05, "--size", 8, "--device", "cpu", "--threads", 1)


@pytest.fixture
def temporary(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_table_with_the_machine_at_its_head_and_json_as_the_last_line(call, temporary, tmp_path):
    result = call("bench", "vae-mlp", "mlp-gan", *SMALL)
    assert result.code == 0, result.err
    told, lines = result.json, result.out.splitlines()
    machine = told["machine"]
    assert (
        machine["cpu"] in lines[0] and f"{machine['cores']} core" in lines[0] and ", 1 thread, " in lines[0]
    )
    assert f"torch {machine['torch']}, latentlab {__version__}" in lines[1]
    assert "8×8" in lines[2]
    for row in told["results"]:
        (line,) = [line for line in lines if line.split()[:1] == [row["model"]]]
        device, batch, speed = line.split()[1:4]
        assert (device, int(batch)) == ("cpu", row["batch_size"])
        assert float(speed.replace(",", "")) == pytest.approx(row["images_per_second"], rel=0.01)
    assert [row["model"] for row in told["results"]] == ["vae-mlp", "mlp-gan"]
    assert not list(temporary.glob("latentlab*")) and not list(tmp_path.iterdir())


def test_with_json_nothing_else_is_printed(call, temporary):
    result = call("bench", "vae-mlp", *SMALL, "--json")
    assert result.code == 0 and result.out.count("\n") == 1
    told = json.loads(result.out)
    assert (told["size"], told["threads"], told["device"]) == (8, 1, "cpu")
    assert {"images_per_second", "ms_per_step", "one_ms", "grid_ms", "memory"} < set(told["results"][0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vae-mpl"], "did you mean vae-mlp"),
        (["--size", 300], "from 8 to 256"),
        (["--seconds", "nan"], "'nan' is not allowed"),
        (["--threads", "two"], "whole number"),
        (["--device", "gpu"], "'gpu' is not allowed"),
    ],
)
def test_what_is_wrong_is_one_sentence(refused, temporary, arguments, words):
    refused(words)("bench", *arguments)
    assert not list(temporary.glob("latentlab*"))


def test_a_failure_of_the_training_is_one_sentence(refused, monkeypatch):
    def fail(*_, **__):
        raise RunError("vae-mlp on cpu: out of memory; a batch of 128 does not fit, 64 do.")

    monkeypatch.setattr(run, "benchmark", fail)
    refused("a batch of 128 does not fit")("bench", "vae-mlp")


@pytest.mark.parametrize(
    ("number", "ended", "code"),
    [(signal.SIGINT, KeyboardInterrupt, 130), (signal.SIGTERM, SystemExit, 143)],
)
def test_signals_end_it_and_leave_nothing(call, temporary, monkeypatch, number, ended, code):
    def events(self, control=None):
        assert list(temporary.glob("latentlab*/*/run.json"))
        signal.raise_signal(number)
        yield

    monkeypatch.setattr(Training, "events", events)
    before = signal.getsignal(signal.SIGTERM)
    try:
        result = call("bench", "vae-mlp", *SMALL)
    except SystemExit as exit:
        assert ended is SystemExit and exit.code == code
    else:
        assert (ended, result.code, result.out) == (KeyboardInterrupt, code, "")
        assert "Traceback" not in result.err and result.err.count("\n") <= 1
    assert signal.getsignal(signal.SIGTERM) is before
    assert not list(temporary.glob("latentlab*"))
