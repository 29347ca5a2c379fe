"""A run on disk: made, opened, appended to, read and rewound."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from latentlab.core.errors import RunError
from latentlab.training.run_folder import KEEP_CHECKPOINTS, KEEP_EARLIER, RunFolder


def test_a_run_is_found_again_as_it_was_made(folder):
    made = folder("my run")
    opened = RunFolder.open(made.path)
    assert opened.info == made.info and opened.name == "my run"
    assert opened.info["format"] == 1
    assert (made.path / "checkpoints").is_dir() and (made.path / "samples").is_dir()
    assert opened.read_metrics() == {}


def test_a_run_can_be_made_in_an_empty_folder_but_not_among_files(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    folder("empty")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="already holds files; choose another name"):
        folder("used")
    assert (tmp_path / "used" / "letter.txt").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="already holds files"):
        folder("file")


def test_a_run_that_cannot_be_made_says_why(tmp_path, folder):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"^Cannot make the run folder .*inside: Not a directory\.$"):
        folder("file/inside")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "There is no run at .*: .*run.json is missing"),
        (lambda path: path.write_text("{"), "run.json is damaged: Expecting property name"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "run.json is damaged"),
        (lambda path: path.write_text("[1]"), "has run format list; this version reads 1"),
        (lambda path: path.write_text('{"format": 2}'), "has run format 2; this version reads 1"),
        (lambda path: path.write_text('{"format": 1, "data": 3}'), "run.json is damaged: data is 3"),
    ],
)
def test_a_damaged_run_says_what_is_wrong(folder, change, message):
    run = folder()
    change(run.path / "run.json")
    with pytest.raises(RunError, match=message):
        RunFolder.open(run.path)


@pytest.mark.parametrize("key", ["data", "model", "training", "image_shape", "metrics"])
def test_a_run_that_lacks_something_says_so(folder, key):
    run = folder()
    (run.path / "run.json").write_text(json.dumps({k: v for k, v in run.info.items() if k != key}))
    with pytest.raises(RunError, match=f"run.json is damaged: it lacks {key}"):
        RunFolder.open(run.path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("image_shape", [1, 8]), ("image_shape", "abc"), ("metrics", 5), ("model", {"key": "x"})],
)
def test_a_run_that_holds_nonsense_says_so(folder, key, value):
    run = folder()
    (run.path / "run.json").write_text(json.dumps(run.info | {key: value}))
    with pytest.raises(RunError, match=f"run.json is damaged: {key} is "):
        RunFolder.open(run.path)


def test_a_run_that_is_a_file_is_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="There is no run at"):
        RunFolder.open(tmp_path / "file")


def test_changes_of_run_json_are_kept(folder):
    run = folder()
    run.update(training={"steps": 7}, note="größer")
    assert RunFolder.open(run.path).info == run.info | {"training": {"steps": 7}, "note": "größer"}


def test_metrics_come_back_as_they_were_appended(folder):
    run = folder()
    run.append_metrics(
        [1, 2], 0.5, {"neg_elbo": [3.0, 2.5], "kl": np.float32([0.25, 0.125]), "reconstruction": [1, 2]}
    )
    run.append_metrics([2], 0.75, {"figure": [1e-9]})
    series = RunFolder.open(run.path).read_metrics()
    assert set(series) == {"neg_elbo", "kl", "reconstruction", "figure"}
    assert series["neg_elbo"][0].tolist() == [1, 2] and series["neg_elbo"][1].tolist() == [3.0, 2.5]
    assert series["figure"][0].tolist() == [2] and series["figure"][1].tolist() == [1e-9]
    assert series["kl"][0].dtype == np.int64 and series["kl"][1].dtype == np.float64
    assert run.seconds() == 0.75


def test_infinity_comes_back_and_what_was_not_measured_is_an_empty_cell(folder):
    run = folder()
    run.append_metrics([1, 2], 0.5, {"kl": [float("nan"), float("inf")]})
    steps, values = run.read_metrics()["kl"]
    assert steps.tolist() == [2] and values.tolist() == [float("inf")]


def test_torn_and_foreign_lines_are_passed_over(folder):
    run = RunFolder.create(
        folder().path / "in", {**folder("b").info, "metrics": ["neg_elbo", "b", "kl", "figure"]}
    )
    run.append_metrics([1], 0.5, {"kl": [1.0]})
    with (run.path / "metrics.csv").open("a") as file:
        file.write("\nhello\n2,now,1,1,1,1\n3,0.6,1,one,1,1\n4,0.6,1\n5,0.7,,,,5.5\n6,0.8,1.2,3")
    series = run.read_metrics()
    assert series["figure"][0].tolist() == [5] and series["kl"][0].tolist() == [1]
    assert run.seconds() == 0.7


def test_rewinding_drops_what_is_about_to_be_done_again(folder):
    run = folder()
    run.append_metrics([1, 2, 3], 0.5, {"kl": [1.0, 2.0, 3.0]})
    with (run.path / "metrics.csv").open("a") as file:
        file.write("4,0.8,")
    for step in (0, 2, 3):
        run.sample_path(step).write_bytes(b"png")
    run.rewind(2)
    assert run.read_metrics()["kl"][0].tolist() == [1, 2]
    assert [step for step, _ in run.samples()] == [0, 2]
    run.append_metrics([3], 0.9, {"kl": [9.0]})  # after the torn line is gone a new one is whole
    assert run.read_metrics()["kl"][1].tolist() == [1.0, 2.0, 9.0]


def test_edits_are_kept_and_those_of_later_steps_taken_back(folder):
    run = folder()
    run.add_edit(3, 1.5, {"training.batch_size": (4, 8), "model.width": (8, 9)})
    run.add_edit(5, 2.5, {"training.batch_size": (8, 16)})
    run.add_edit(7, 3.5, {"training.batch_size": (16, 2)})
    opened = RunFolder.open(run.path)
    assert opened.info["edits"][0] == {
        "step": 3,
        "seconds": 1.5,
        "changes": {"training.batch_size": [4, 8], "model.width": [8, 9]},
    }
    assert (opened.info["training"]["batch_size"], opened.info["model"]["config"]["width"]) == (2, 9)
    assert opened.rewind(7) == {} and len(opened.info["edits"]) == 3
    assert opened.take_back(3) == {"training.batch_size": 8}
    assert RunFolder.open(run.path).info["training"]["batch_size"] == 2, "nothing is written yet"
    assert RunFolder.open(run.path).rewind(2) == {"training.batch_size": 4, "model.width": 8}
    opened = RunFolder.open(run.path)
    assert opened.info["edits"] == [] and opened.info["training"]["batch_size"] == 4
    assert opened.info["model"]["config"]["width"] == 8


def test_kl_per_dimension_is_kept_and_rewound(folder):
    run = folder()
    assert [part.shape for part in run.read_dimensions()] == [(0,), (0, 0)]
    run.rewind(0)
    assert not (run.path / "dimensions.csv").exists()
    for step in (2, 5, 9):
        run.append_dimensions(step, np.array([step, 0.25], np.float32))
    with (run.path / "dimensions.csv").open("a") as file:
        file.write("\n11,1\n12,a,b\n13,1,")
    steps, kl = RunFolder.open(run.path).read_dimensions()
    assert steps.tolist() == [2, 5, 9] and kl.tolist() == [[2, 0.25], [5, 0.25], [9, 0.25]]
    run.rewind(5)
    assert (run.path / "dimensions.csv").read_text() == "step,z0,z1\n2,2,0.25\n5,5,0.25\n"


def test_a_run_without_metrics_has_none(folder):
    run = folder()
    (run.path / "metrics.csv").unlink()
    assert run.read_metrics() == {} and run.seconds() == 0.0


def test_the_latest_checkpoint_is_the_one_of_the_highest_step(folder):
    run = folder()
    with pytest.raises(RunError, match="has no checkpoint yet: train it for a moment first"):
        run.latest_checkpoint()
    for step in (9, 100, 2, 1_000_000_000_000):
        run.checkpoint_path(step).write_bytes(b"")
    (run.path / "checkpoints" / "step-zzz.safetensors").write_bytes(b"")
    (run.path / "checkpoints" / ".partial-abc.safetensors").write_bytes(b"")
    assert run.latest_checkpoint() == run.checkpoint_path(1_000_000_000_000)
    assert run.checkpoints()[0] == run.checkpoint_path(2)


def save_all(run, steps):
    """What a training does at every save."""
    for step in steps:
        run.checkpoint_path(step).write_bytes(b"")
        run.prune_checkpoints()
        yield step, [int(path.stem.removeprefix("step-")) for path in run.checkpoints()]


def test_the_newest_checkpoints_are_kept_and_earlier_stages_that_lie_apart(folder):
    *_, (_, kept) = save_all(folder(), range(1, 101))
    assert kept == [16, 32, 64, 98, 99, 100]


def test_with_few_checkpoints_none_is_removed(folder):
    *_, (_, kept) = save_all(folder(), [0, 700, 1_500, 3_100, 3_200, 3_300])
    assert kept == [0, 700, 1_500, 3_100, 3_200, 3_300]


@pytest.mark.parametrize("every", [lambda i: 1, lambda i: 137, lambda i: 1 + i % 89], ids=["1", "137", "any"])
def test_a_long_training_keeps_a_geometric_spread_all_the_way(folder, every):
    steps = list(itertools.accumulate(every(i) for i in range(4_000)))
    for count, (newest, kept) in enumerate(save_all(folder(), steps), start=1):
        assert kept[-KEEP_CHECKPOINTS:] == steps[max(0, count - KEEP_CHECKPOINTS) : count]
        assert len(kept) <= KEEP_CHECKPOINTS + KEEP_EARLIER
        if count < 32:
            continue
        assert len(kept) == KEEP_CHECKPOINTS + KEEP_EARLIER
        # The largest gap between two saves is what a stage can be off by.
        for part in (2, 4):
            nearest = min(kept, key=lambda step: abs(step - newest / part))
            assert newest / part / 1.5 - 137 <= nearest <= newest / part * 1.5 + 137
        assert newest / 8 - 137 <= kept[0] <= newest / 4 + 137


def test_foreign_pictures_among_the_samples_are_passed_over(folder):
    run = folder()
    run.sample_path(3).write_bytes(b"")
    (run.path / "samples" / "step-best.png").write_bytes(b"")
    assert run.samples() == [(3, run.sample_path(3))]
