"""``evaluate``: every figure on all held-out images; and what ``info`` and ``train`` say of health."""

import numpy as np
import pytest

from latentlab import data, metrics, open_run, run
from latentlab.core.errors import ConfigError
from latentlab.metrics.iwnll import importance_weighted_nll


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """A run of a tiny GAN on a ring, for looking at only."""
    folder = tmp_path_factory.mktemp("points") / "run"
    plan = run.plan("mlp-gan", {"latent_size": 2, "width": 8}, {"steps": 5, "device": "cpu"})
    for _ in run.begin(data.load("points", {"count": 800}), plan, folder).events():
        pass
    return folder


def test_all_held_out_images_and_many_samples(call, trained):
    result = call("evaluate", trained, "--samples", 20, "--json")
    assert result.code == 0, result.err
    told = result.json
    model = open_run(trained).model
    digits = data.load("digits", {"limit": 300})
    _, chosen = digits.split(0.1, 0)
    heldout = metrics.Heldout(digits.images[chosen], digits.labels[chosen])
    expected = metrics.measure(model, heldout)
    assert told["images"] == len(chosen) == 30 and told["samples"] == 20
    assert (told["run"], told["model"], told["step"]) == (str(trained), "vae-mlp", 20)
    assert {name: told[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert told["heldout_iw_nll"] == pytest.approx(importance_weighted_nll(model, heldout, 20), rel=1e-6)
    assert told["heldout_elbo"] == -told["heldout_neg_elbo"] < -told["heldout_iw_nll"]


def test_fewer_images_are_evenly_spaced(call, trained):
    told = call("evaluate", trained, "--images", 20, "--samples", 1, "--json").json
    opened = open_run(trained)
    heldout = opened.heldout(data.load("digits", {"limit": 300})).thinned(20)
    assert told["images"] == 20
    expected = metrics.measure(opened.model, heldout)["heldout_neg_elbo"]
    assert told["heldout_neg_elbo"] == pytest.approx(expected, rel=1e-6)
    assert call("evaluate", trained, "--images", 999, "--samples", 1, "--json").json["images"] == 30


def test_what_people_are_told(call, trained):
    lines = call("evaluate", trained, "--samples", 3).out.splitlines()
    assert lines[0] == "run, step 20, judged by 30 images of digits:"
    assert lines[1].startswith("  Held-out ELBO -") and "(−ELBO " in lines[1]
    assert lines[-1].startswith("  Held-out NLL ") and lines[-1].endswith(" nats (3 samples an image)")
    titles = metrics.figures(type(open_run(trained).model), (1, 8, 8), labelled=True)
    assert len(lines) == 1 + len(titles)


def test_all_images_of_other_data(call, trained):
    told = call("evaluate", trained, "--data", "shapes", "--images", 25, "--samples", 1, "--json").json
    assert (told["data"], told["images"]) == ("shapes", 25)
    opened = open_run(trained)
    other = data.load("digits", {"limit": 50})
    assert len(opened.heldout(other)) == 50
    assert set(opened.evaluate(other, samples=1)) == set(opened.evaluate(samples=1))


def test_a_gan_of_points(call, points):
    told = call("evaluate", points, "--json").json
    assert told["images"] == 80 and "heldout_iw_nll" not in told
    assert 0 <= told["modes"] <= 8 and 0 <= told["coverage"] <= 1 and told["diversity"] > 0
    assert "80 points of ring of 8" in call("evaluate", points).out


def test_what_cannot_be_judged_is_refused(refused, trained, copied, tmp_path):
    refused("ring of 8", "2×1×1", "1×8×8")("evaluate", trained, "--data", "points")
    refused("'0'", "whole number")("evaluate", trained, "--samples", 0)
    refused("nothing-here")("evaluate", tmp_path / "nothing-here")
    file = copied / "run.json"
    file.write_text(file.read_text("utf-8").replace('"heldout": 0.1', '"heldout": 0.0'), "utf-8")
    refused("learned from all of digits")("evaluate", copied)


def test_a_model_of_classes_wants_those_classes(tmp_path):
    plan = run.plan("cvae", {"latent_size": 2, "width": 4}, {"steps": 1, "device": "cpu"})
    digits = data.load("digits", {"limit": 60})
    for _ in run.begin(digits, plan, tmp_path / "run").events():
        pass
    opened = open_run(tmp_path / "run")
    figures = opened.evaluate(digits, samples=2)
    assert np.isfinite(list(figures.values())).all() and figures["heldout_iw_nll"] > 0
    unlabelled = data.Dataset(images=digits.images, name="bare", source="digits")
    with pytest.raises(ConfigError, match="bare has others"):
        opened.evaluate(unlabelled)


def test_health_is_told_of_a_run_from_disk_and_at_the_end_of_a_training(call, trained, tmp_path):
    told = call("info", trained, "--json").json["health"]
    assert [finding["key"] for finding in told] == ["too-little-data", "too-early"]
    lines = call("info", trained).out.splitlines()
    assert lines[-2].startswith("Warning: There are only 270 images to learn from.")
    assert lines[-1] == "Info: It is too early to say how the training goes: 20 steps are done."
    command = ["train", "--data", "digits", "--model", "vae-mlp", "--steps", 2, "--set", "data.limit=100"]
    result = call(*command, "--out", tmp_path / "a")
    assert "Warning: There are only 90 images to learn from." in result.out
    told = call(*command, "--out", tmp_path / "b", "--json").json["health"]
    assert told[0]["key"] == "too-little-data" and told[0]["value"] == 90
