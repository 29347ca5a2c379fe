"""``datasets``, ``models`` and ``info``."""

import struct

import numpy as np
import pytest
from PIL import Image

from latentlab.data import SOURCES
from latentlab.models import MODELS


@pytest.mark.parametrize(("command", "registry"), [("datasets", SOURCES), ("models", MODELS)])
def test_lists_have_a_line_and_an_object_for_each(call, command, registry):
    lines = call(command).out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry)
    for line, (_, entry) in zip(lines, registry.items(), strict=True):
        assert entry.title in line and entry.about in line
    listed = call(command, "--json").json[command]
    assert [(e["key"], e["title"], e["about"]) for e in listed] == [
        (key, entry.title, entry.about) for key, entry in registry.items()
    ]


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


def test_path(call, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(np.full((16, 16), 80 * i, np.uint8)).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no image")
    told = call("info", folder, "--json").json
    assert (told["images"], told["channels"], told["width"]) == (3, 1, 16)
    assert [s["path"] for s in told["skipped"]] == ["broken.png"]
    assert "Skipped broken.png" in call("info", folder).out


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
