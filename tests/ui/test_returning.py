"""Back from an exported picture to where it was made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from latentlab import data, run
from latentlab.export import write_picture
from latentlab.export.layout import Layout
from latentlab.latent.files import save_latents
from latentlab.run import grids
from latentlab.ui.session import Session


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run with checkpoints of steps 0 and 4."""
    folder = tmp_path_factory.mktemp("trained") / "first"
    plan = run.plan("vae-mlp", {"latent_size": 3, "width": 8}, {"steps": 4, "batch_size": 8, "device": "cpu"})
    for _ in run.begin(data.load("digits", {"limit": 40}), plan, folder).events():
        pass
    return folder


@pytest.fixture
def the(qtbot: QtBot) -> Iterator[SimpleNamespace]:
    """A session without a window, and what it said."""
    session = Session()
    session.sampler.start()
    told: list = []
    session.notified.connect(told.append)
    yield SimpleNamespace(session=session, latent=session.latent, told=told)
    assert session.close(seconds=10)
    session.deleteLater()


def exported(folder: Path, path: Path, step: int | None = None, with_z: bool = True) -> np.ndarray:
    """A picture of seeds at a checkpoint -> the latent that it was made from."""
    opened = run.open_run(folder, step)
    z = np.float32([0.1, -2.5, 1 / 3])
    material = grids.Material(opened.folder, z if with_z else None)
    values = {"rows": 2, "columns": 3, "seed": 5, "truncation": 0.7}
    grid = grids.make("seeds", values, opened.model, material)
    layout = Layout(labels="both")
    state = grids.state(grid, "seeds", values, layout, opened.model, material)
    write_picture(path, grids.compose(grid, layout), state)
    return z


def notices(the, *words: str) -> list:
    return [n for n in the.told if all(word in n.text for word in words)]


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_a_picture_brings_run_checkpoint_and_latent_back(the, trained, tmp_path, qtbot, ending):
    z = exported(trained, tmp_path / f"grid.{ending}", step=0)
    the.session.open_dropped(
        shutil.copy(tmp_path / f"grid.{ending}", trained.parent) and trained.parent / f"grid.{ending}"
    )
    qtbot.waitUntil(lambda: bool(notices(the, "Back at step 0", f"grid.{ending}")), timeout=20_000)
    assert the.session.run.path == trained and the.latent.step == 0
    assert the.latent.z.tobytes() == z.tobytes()
    the.latent.undo_stack.undo()
    assert the.latent.z.tobytes() != z.tobytes()


def test_the_open_run_at_the_same_step_is_not_opened_again(the, trained, tmp_path, qtbot):
    z = exported(trained, tmp_path / "grid.png")
    the.session.open_run(trained)
    qtbot.waitUntil(lambda: bool(notices(the, "Opened")), timeout=20_000)
    qtbot.waitUntil(lambda: the.latent.size == 3, timeout=10_000)
    adopted = []
    the.session.sampler.adopted.connect(adopted.append)
    the.session.open_dropped(tmp_path / "grid.png")
    qtbot.waitUntil(lambda: bool(notices(the, "Back at step 4")), timeout=20_000)
    assert the.latent.z.tobytes() == z.tobytes() and adopted == []


def test_the_notice_offers_the_grid_with_its_settings(the, trained, tmp_path, qtbot):
    exported(trained, trained.parent / "offered.png")
    wanted = []
    the.session.returning.grid_wanted.connect(wanted.append)
    the.session.open_dropped(trained.parent / "offered.png")
    qtbot.waitUntil(lambda: bool(notices(the, "Back at step 4")), timeout=20_000)
    words, deed = notices(the, "Back at step 4")[-1].action
    deed()
    assert words == "Open its grid"
    assert (wanted[0].source, wanted[0].settings["seed"], wanted[0].layout["labels"]) == ("seeds", 5, "both")


def test_without_a_present_latent_the_first_seed_and_its_truncation_are_taken(the, trained, qtbot):
    exported(trained, trained.parent / "seeds.png", with_z=False)
    the.session.open_dropped(trained.parent / "seeds.png")
    qtbot.waitUntil(lambda: bool(notices(the, "Back at step 4")), timeout=20_000)
    assert (the.latent.seed, the.latent.truncation) == (5, 0.7)


def test_a_checkpoint_that_is_gone_is_said(the, trained, tmp_path, qtbot):
    copied = Path(shutil.copytree(trained, tmp_path / "copied"))
    z = exported(copied, tmp_path / "grid.png", step=0)
    (copied / "checkpoints" / "step-000000000.safetensors").unlink()
    the.session.open_dropped(tmp_path / "grid.png")
    qtbot.waitUntil(lambda: bool(notices(the, "step 0 is gone", "this is 4")), timeout=20_000)
    assert the.latent.z.tobytes() == z.tobytes()


def test_a_run_that_is_nowhere_is_named_and_can_be_looked_for(the, trained, tmp_path, qtbot):
    lonely = tmp_path / "elsewhere" / "grid.png"
    lonely.parent.mkdir()
    z = exported(trained, lonely)
    the.session.open_dropped(lonely)
    qtbot.waitUntil(lambda: bool(notices(the, "the run first")), timeout=20_000)
    wanted = []
    the.session.returning.folder_wanted.connect(wanted.append)
    notices(the, "the run first")[-1].action[1]()
    wanted[0](trained.parent)  # the folder around it is enough
    qtbot.waitUntil(lambda: bool(notices(the, "Back at step 4")), timeout=20_000)
    assert the.latent.z.tobytes() == z.tobytes()


def test_during_a_training_it_only_says_so(the, trained, tmp_path, qtbot, monkeypatch):
    exported(trained, tmp_path / "grid.png")
    monkeypatch.setattr(type(the.session), "busy", property(lambda self: True))
    the.session.open_dropped(tmp_path / "grid.png")
    qtbot.waitUntil(lambda: bool(notices(the, "Stop the training", "grid.png")), timeout=20_000)
    assert the.session.run is None


def test_a_picture_without_a_state_is_an_image_and_a_damaged_one_is_told(the, trained, tmp_path, qtbot):
    dropped = []
    the.session.image_dropped.connect(dropped.append)
    Image.new("L", (8, 8)).save(tmp_path / "plain.png")
    the.session.open_dropped(tmp_path / "plain.png")
    qtbot.waitUntil(lambda: dropped == [tmp_path / "plain.png"], timeout=10_000)
    exported(trained, tmp_path / "grid.png")
    content = (tmp_path / "grid.png").read_bytes().replace(b'"format": 1', b'"format": 9')
    (tmp_path / "later.png").write_bytes(content)
    the.session.open_dropped(tmp_path / "later.png")
    # A checksum that is wrong makes it no picture at all; a right one, a later version's.
    qtbot.waitUntil(lambda: len(dropped) == 2 or bool(notices(the, "format 9")), timeout=10_000)


def test_latents_that_are_dropped_are_told_apart_from_images(the, tmp_path, qtbot):
    latents, images = [], []
    the.session.latents_dropped.connect(latents.append)
    the.session.dataset_changed.connect(images.append)
    save_latents(tmp_path / "z.npz", np.zeros((2, 3)), names=["a", "b"])
    np.savez(tmp_path / "images.npz", images=np.zeros((12, 8, 8), np.uint8))
    the.session.open_dropped(tmp_path / "z.npz")
    the.session.open_dropped(tmp_path / "images.npz")
    qtbot.waitUntil(lambda: bool(latents and images), timeout=20_000)
    assert latents == [tmp_path / "z.npz"] and len(images[0]) == 12


def test_latents_become_bookmarks_and_leave_as_files(the, trained, tmp_path, qtbot):
    copied = Path(shutil.copytree(trained, tmp_path / "copied"))
    the.session.open_run(copied)
    qtbot.waitUntil(lambda: the.latent.size == 3, timeout=20_000)
    z = np.random.default_rng(0).standard_normal((2, 3), dtype=np.float32)
    save_latents(tmp_path / "z.json", z, names=["smile", "lächeln"])
    the.session.bookmarks.bring_in(tmp_path / "z.json")
    qtbot.waitUntil(lambda: bool(notices(the, "Added 2 bookmarks")), timeout=10_000)
    items = the.session.bookmarks.items
    assert [item.name for item in items] == ["smile", "lächeln"]
    the.session.bookmarks.write(tmp_path / "out.npz", items)
    qtbot.waitUntil(lambda: bool(notices(the, "Written", "out.npz")), timeout=10_000)
    with np.load(tmp_path / "out.npz") as content:
        assert content["z"].tobytes() == z.tobytes() and content["names"].tolist() == ["smile", "lächeln"]
        assert str(content["run"]) == "copied" and int(content["step"]) == 4
    save_latents(tmp_path / "other.npz", np.zeros((1, 5)))
    the.session.bookmarks.bring_in(tmp_path / "other.npz")
    qtbot.waitUntil(lambda: bool(notices(the, "latents of 5 numbers", "this model has 3")), timeout=10_000)
    assert len(the.session.bookmarks.items) == 2
