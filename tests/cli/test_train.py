"""``train`` and ``resume``."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from latentlab import open_run
from latentlab.cli import terminal as cli_terminal
from latentlab.cli import train as cli_train
from latentlab.cli.terminal import in_words, training_bar, with_elbo
from latentlab.models.vae import VAE
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Progress
from latentlab.training.run_folder import RunFolder

SMALL = ("--model", "vae-mlp", "--set", "latent_size=4", "--set", "width=16", "--set", "limit=200")


def test_train_leaves_a_run(call, tmp_path):
    out = tmp_path / "runs" / "first"
    result = call("train", "--data", "digits", *SMALL, "--steps", 12, "--out", out, "--json")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 1
    told = result.json
    assert (told["run"], told["step"], told["reason"], told["model"]) == (str(out), 12, "steps", "vae-mlp")
    assert told["checkpoint"] == str(out / "checkpoints" / "step-000000012.safetensors")
    assert told["heldout_elbo"] == -told["heldout_neg_elbo"] < 0
    assert told["images_per_second"] > 0 and 0 < told["seconds"] < 60
    assert "200 images" in result.err
    kept = {"run.json", "metrics.csv", "dimensions.csv", "checkpoints", "samples"}
    assert {path.name for path in out.iterdir()} == kept
    assert open_run(out).step == 12


def test_summary_tells_elbo_and_its_negative(call, tmp_path):
    result = call("train", "--data", "digits", *SMALL, "--steps", 3, "--out", tmp_path / "run")
    assert result.code == 0
    assert "Trained: vae-mlp on digits, step 3" in result.out
    assert "Held-out ELBO -" in result.out and "(−ELBO " in result.out
    assert str(tmp_path / "run") in result.out


def test_without_out_it_goes_among_the_runs(call, _home):
    few = ("--set", "count=20", "data.size=8", "width=8")
    told = call("train", "--data", "shapes", "--model", "vae-mlp", *few, "--steps", 1, "--json").json
    assert told["run"].startswith(str(_home / "runs")) and told["run"].endswith("shapes vae-mlp")


def test_minutes_are_the_limit_unless_steps_are_given(call, tmp_path):
    told = call(
        "train", "--data", "digits", *SMALL, "--minutes", 0.005, "--out", tmp_path / "a", "--json"
    ).json
    assert told["reason"] == "minutes"
    assert RunFolder.open(tmp_path / "a").info["training"]["steps"] == 0
    both = ("--minutes", 1, "--steps", 2)
    assert (
        call("train", "--data", "digits", *SMALL, *both, "--out", tmp_path / "b", "--json").json["step"] == 2
    )


def test_the_same_seed_gives_the_same_run(call, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        call("train", "--data", "digits", *SMALL, "--steps", 4, "--seed", seed, "--out", tmp_path / name)
        assert call("sample", tmp_path / name, "-o", tmp_path / f"{name}.png").code == 0
    a, b, c = (Image.open(tmp_path / f"{name}.png").tobytes() for name in "abc")
    assert a == b != c


def test_resume_adds_steps(call, copied):
    told = call("resume", copied, "--steps", 5, "--json").json
    assert (told["step"], told["reason"]) == (25, "steps")
    assert call("info", copied, "--json").json["checkpoints"] == [0, 20, 25]
    assert call("resume", copied, "--json").json["step"] == 50  # for as long again as it was told: 25


def test_resume_adds_minutes(call, copied):
    told = call("resume", copied, "--minutes", 0.005, "--json").json
    assert told["reason"] == "minutes" and told["step"] > 20


def test_resume_refuses_other_data(refused, call, copied):
    file = copied / "run.json"
    file.write_text(file.read_text("utf-8").replace('"limit": 300', '"limit": 299'), "utf-8")
    result = call("resume", copied)
    assert result.code == 2 and "299" in result.err and result.err.count("\n") == 1


def _error(result):
    (line,) = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    return line


def test_diverged_training_is_exit_code_1_and_one_line_that_says_how_to_go_on(call, tmp_path, monkeypatch):
    step, run = VAE.step, tmp_path / "run"

    def no_number(self, batch, labels):
        figures = step(self, batch, labels)
        return figures | {"kl": figures["kl"] * float("nan")} if self.step_count > 2 else figures

    monkeypatch.setattr(VAE, "step", no_number)
    result = call("train", "--data", "digits", *SMALL, "--steps", 5, "--out", run, "--json")
    assert result.code == 1
    assert (result.json["reason"], result.json["step"]) == ("diverged", 0)
    assert result.json["checkpoint"] == str(run / "checkpoints" / "step-000000000.safetensors")
    error = _error(result)
    assert "diverged at step 3: KL became NaN or infinite" in error and "was at step 0" in error
    assert f"latentlab resume {run} --set training.learning_rate=0.0003" in error

    monkeypatch.undo()
    told = call("resume", run, "--set", "training.learning_rate=0.0003", "--json")
    assert (told.code, told.json["step"]) == (0, 5)
    (edit,) = RunFolder.open(run).info["edits"]
    assert (edit["step"], edit["changes"]) == (0, {"training.learning_rate": [0.001, 0.0003]})


def test_too_little_memory_is_exit_code_1_and_one_line_that_says_how_to_go_on(call, tmp_path, monkeypatch):
    step, run = VAE.step, tmp_path / "run"

    def at_most_40(self, batch, labels):
        if len(batch) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step(self, batch, labels)

    monkeypatch.setattr(VAE, "step", at_most_40)
    result = call("train", "--data", "digits", *SMALL, "--steps", 5, "--out", run, "--json")
    assert (result.code, result.json["reason"]) == (1, "memory")
    error = _error(result)
    assert "a batch of 128 images does not fit, 32 do" in error
    assert error.endswith(f"latentlab resume {run} --set training.batch_size=32")
    told = call("resume", run, "--set", "batch_size=32", "--json")
    assert (told.code, told.json["step"]) == (0, 5)

    monkeypatch.setattr(VAE, "step", lambda *_: (_ for _ in ()).throw(MemoryError()))
    few = (*SMALL, "--set", "batch_size=2")
    result = call("train", "--data", "digits", *few, "--steps", 5, "--out", tmp_path / "none", "--json")
    assert result.code == 1 and "smaller width or image size" in _error(result)


def test_settings_that_may_not_change_within_a_run(refused, copied):
    refused("model.width", "cannot change within a run")("resume", copied, "--set", "width=8")
    refused("training.learning_rate")("resume", copied, "--set", "learning_rate=7")
    refused("batch_sise", "batch_size")("resume", copied, "--set", "batch_sise=7")


def test_a_run_goes_on_with_more_images_of_its_own_kind(call, copied):
    result = call("resume", copied, "--set", "data.limit=400", "--steps", 3, "--json")
    assert (result.code, result.json["step"]) == (0, 23), result.err
    info = RunFolder.open(copied).info
    assert info["data"]["config"]["limit"] == 400 and info["data"]["summary"].startswith("400 images")
    (grown,) = info["grown"]
    assert grown["step"] == 20 and grown["from"]["config"]["limit"] == 300
    assert call("resume", copied, "--steps", 1).code == 0  # on its new data


def test_a_run_goes_on_with_images_of_another_source_at_its_size(call, refused, copied):
    result = call("resume", copied, "--data", "shapes", "--set", "count=50", "--steps", 2, "--json")
    assert (result.code, result.json["data"], result.json["step"]) == (0, "shapes", 22), result.err
    refused("1×8×8", "1×16×16")("resume", copied, "--data", "digits", "--set", "data.size=16")


def test_weights_of_another_run_are_a_beginning(call, refused, trained, tmp_path):
    wide = [part.replace("width=16", "width=32") for part in SMALL]
    result = call(
        "train", "--data", "digits", *wide, "--from", trained, "--steps", 1, "--out", tmp_path / "a"
    )
    assert result.code == 0 and f"Took over 4 of 4 layers from {trained} (step 20)\n" in result.err
    other = ("--set", "latent_size=5", "--set", "width=32", "--set", "limit=200")
    more = ("--model", "vae-mlp", *other, "--steps", 1, "--from", trained)
    result = call("train", "--data", "digits", *more, "--out", tmp_path / "b")
    assert "Took over 2 of 4 layers" in result.err
    assert "; new: encoder.3 (10×32), decoder.0 (32×5)" in result.err
    refused("no run at")(
        "train", "--data", "digits", *SMALL, "--from", tmp_path / "c", "--out", tmp_path / "d"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], ["--data"]),
        (["train", "--data", "digits"], ["--model", "vae-mlp"]),
        (["train", "--data", "nowhere", "--model", "vae-mlp"], ["nowhere", "digits"]),
        (["train", "--data", "idx", "--model", "vae-mlp"], ["idx", "path"]),
        (["train", "--data", "digits", "--model", "vae-mpl"], ["vae-mpl", "vae-mlp"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--steps", "-1"], ["training.steps", "-1"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--steps", "ten"], ["training.steps", "ten"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--minutes", "nan"], ["training.minutes"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--device", "tpu"], ["training.device", "cuda"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--set", "size=5"], ["data.size", "8 to 256"]),
        (["train", "--data", "digits", "--model", "vae-mlp", "--stepz", "5"], ["--stepz"]),
        (["train", "digits"], ["digits", "--data"]),
        (["resume", "nowhere"], ["no run at nowhere"]),
        (["resume"], ["RUN"]),
        (["no-such-command"], ["no-such-command"]),
    ],
    ids=lambda v: " ".join(v[-2:]),
)
def test_mistakes(refused, arguments, words):
    refused(*words)(*arguments)


def test_an_out_that_holds_files(refused, trained, tmp_path):
    refused(trained, "already holds files")("train", "--data", "digits", *SMALL, "--out", trained)
    (tmp_path / "file").write_text("")
    refused("file")("train", "--data", "digits", *SMALL, "--out", tmp_path / "file")


def test_an_out_that_cannot_be_made(call, tmp_path):
    (tmp_path / "file").write_text("")
    result = call("train", "--data", "digits", *SMALL, "--out", tmp_path / "file" / "run")
    assert result.code == 2 and "Cannot make the run folder" in result.err.splitlines()[-1]


def test_an_empty_folder_of_images(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused("empty")("train", "--data", tmp_path / "empty", "--model", "vae-mlp", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def _wait_for_rows(folder, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (folder / "metrics.csv").exists() and len((folder / "metrics.csv").read_bytes().splitlines()) > 5:
            return
        time.sleep(0.02)
    pytest.fail("The training did not begin.")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
def test_ctrl_c_stops_and_saves(spawn, call, tmp_path):
    run = tmp_path / "run"
    process = spawn("train", "--data", "digits", *SMALL, "--steps", 0, "--out", run, "--json")
    _wait_for_rows(run, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "Stopping" in err
    told = json.loads(out.splitlines()[-1])
    assert told["reason"] == "stopped" and told["step"] > 0
    assert open_run(run).step == told["step"]
    assert call("resume", run, "--steps", 3, "--json").json["step"] == told["step"] + 3


def test_sigterm_stops_and_saves(call, tmp_path, monkeypatch):
    step = VAE.step

    def interrupted(self, batch, labels):
        if self.step_count == 4:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, labels)

    monkeypatch.setattr(VAE, "step", interrupted)
    result = call("train", "--data", "digits", *SMALL, "--out", tmp_path / "run", "--json")
    assert result.code == 143
    assert (result.json["reason"], result.json["step"]) == ("stopped", 5)
    assert open_run(tmp_path / "run").step == 5


def test_a_second_signal_ends_at_once():
    control = Control()
    before = signal.getsignal(signal.SIGINT)
    with cli_train.stopping(control) as caught:
        signal.raise_signal(signal.SIGINT)
        assert control.stopped and caught == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files the Linux way")
def test_a_disk_that_is_full(environment, tmp_path):
    # A checkpoint is larger than 64 blocks of a kilobyte, everything before it is smaller.
    command = f'ulimit -f 64; exec {sys.executable} -m latentlab train "$@"'
    arguments = ["--data", "digits", "--model", "vae-mlp", "--steps", "3", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        ["bash", "-c", command, "train", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ") and "File too large" in done.stderr


def test_figures_in_words():
    figures = {"heldout_neg_elbo": 95.312, "active_units": 7.0}
    titles = {"heldout_neg_elbo": "Held-out −ELBO", "active_units": "Active dimensions"}
    assert in_words(figures, titles) == "Held-out ELBO -95.31 · Active dimensions 7"
    assert "nats (−ELBO 95.31)" in in_words(figures, titles, both=True)
    assert with_elbo(figures) == {"heldout_elbo": -95.312, **figures}


def _progress(step):
    return Progress(
        step=step,
        total=4000,
        epoch=1.5,
        seconds=10.0,
        steps_per_second=44.84,
        images_per_second=5715.0,
        eta=70.4,
        steps=np.arange(1, 3),
        values={"neg_elbo": np.array([300.0, 250.5]), "kl": np.array([1.0, 2.0])},
    )


def test_progress_in_a_file_is_a_line_now_and_then(capsys, monkeypatch):
    now = [128.0]
    monkeypatch.setattr(cli_terminal.time, "monotonic", lambda: now[0])
    with training_bar(TrainingConfig(steps=4000), {"neg_elbo": "−ELBO", "kl": "KL"}, 0) as show:
        for i in range(80):
            now[0] += 0.125  # a power of two: sums stay exact
            show(_progress(i))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # after one second, then every five
    for part in ("step 7/4,000", "44.8 it/s", "5,715 images/s", "ETA 1:10", "ELBO -250.50", "KL 2"):
        assert part in lines[0]
    assert "\x1b" not in "".join(lines)


def test_progress_in_a_terminal_is_a_bar_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with training_bar(TrainingConfig(steps=4000), {"neg_elbo": "−ELBO", "kl": "KL"}, 0) as show:
        show(_progress(2000))
    printed = capsys.readouterr()
    assert printed.out == ""
    for part in ("step 2,000/4,000", "44.8 it/s", "5,715 images/s", "ETA 1:10", "ELBO -250.50", "KL 2"):
        assert part in printed.err
    assert "\x1b" in printed.err and "━" in printed.err
