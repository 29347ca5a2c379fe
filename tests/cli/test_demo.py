"""``demo``: the main job without a screen."""

import json
from pathlib import Path

import pytest
from PIL import Image

from latentlab.cli import demo as cli_demo


def test_pictures_of_a_short_demo(call, monkeypatch):
    result = call("demo", "--minutes", "0.01", "--json")
    assert result.code == 0, result.err
    told = result.json
    out = Path("latentlab-demo").absolute()
    assert (told["out"], told["run"], told["reason"]) == (str(out), str(out / "run"), "minutes")
    assert {path.name for path in out.iterdir()} == {"run", "grid.png", "walk.gif", "history.png"}
    assert "heldout_elbo" in told
    with Image.open(told["grid"]) as grid:
        assert grid.size == (8 * (28 * cli_demo.SCALE + 2) + 2,) * 2
    assert call("info", told["grid"], "--json").json["found"] == told["run"]
    with Image.open(told["walk"]) as walk:
        assert walk.n_frames == cli_demo.FRAMES and walk.info["loop"] == 0


def test_names_that_are_free(tmp_path):
    wanted = tmp_path / "demo"
    assert cli_demo.free_name(wanted) == wanted
    wanted.mkdir()
    assert cli_demo.free_name(wanted) == wanted
    (wanted / "file").write_text("")
    (tmp_path / "demo-2").write_text("")
    assert cli_demo.free_name(wanted) == tmp_path / "demo-3"


def test_mistakes(refused, tmp_path):
    (tmp_path / "file").write_text("")
    refused(tmp_path, "already holds files")("demo", "--out", tmp_path)
    refused("--minutes", "0.01")("demo", "--minutes", "0")


@pytest.mark.slow
def test_started_without_a_display_it_makes_the_demo(spawn, tmp_path):
    """As a person starts it over ssh; a minute of training."""
    (tmp_path / "latentlab-demo").mkdir()
    (tmp_path / "latentlab-demo" / "kept").write_text("")
    process = spawn()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err.startswith("There is no display") and "Traceback" not in err
    out = tmp_path / "latentlab-demo-2"
    assert {path.name for path in out.iterdir()} == {"run", "grid.png", "walk.gif", "history.png"}


@pytest.mark.slow
def test_a_real_process(spawn, tmp_path):
    process = spawn("demo", "--minutes", "0.1", "--out", tmp_path / "demo", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["step"] > 0
