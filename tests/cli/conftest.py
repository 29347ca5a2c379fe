"""One small run that many tests look at, and ways to call the command inside and outside this process."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from latentlab import cli, data, run

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """call("sample", run, "--json") -> Result, in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments):
        capsys.readouterr()
        code = cli.call([str(a) for a in arguments])
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run_command


@pytest.fixture
def refused(call):
    """refused("word", ...)("sample", ...): exit code 2 and one line on stderr that holds the words."""

    def expecting(*words):
        def check(*arguments):
            result = call(*arguments)
            assert (result.code, result.out) == (2, "")
            assert result.err.startswith("Error: ") and result.err.count("\n") == 1, result.err
            assert "Traceback" not in result.err
            for word in words:
                assert str(word) in result.err
            return result

        return check

    return expecting


@pytest.fixture
def environment(tmp_path):
    """What a child process gets: this checkout, a home of its own, nowhere to show a window."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return kept | {"PYTHONPATH": str(ROOT), "LATENTLAB_HOME": str(tmp_path / "home")}


@pytest.fixture
def spawn(environment, tmp_path):
    """spawn("train", ...) -> a running process with pipes, as a shell would start it."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "latentlab", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of a small dense VAE on 8×8 digits; for looking at only."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    plan = run.plan("vae-mlp", {"latent_size": 4, "width": 32}, {"steps": STEPS, "device": "cpu"})
    for _ in run.begin(data.load("digits", {"limit": 300}), plan, folder).events():
        pass
    return folder


@pytest.fixture
def copied(trained, tmp_path):
    """The same run, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "copied"))
