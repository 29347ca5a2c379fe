"""What holds for every model: the start, gradients, data, failures; live, from disk and at length."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab import data, run
from latentlab.training import health
from latentlab.training.health import Finding, summary
from latentlab.training.health.figures import EARLY_TO, RECENT
from latentlab.training.run_folder import RunFolder

RING = {"image_shape": (2, 1, 1), "classes": 8}


@pytest.mark.parametrize("family", ["gan", "vae"])
def test_at_the_start_it_is_too_early(family, request):
    monitor = request.getfixturevalue(family)()
    assert [finding.key for finding in monitor.findings()] == ["too-early"]
    monitor.train(1, 40, loss_g=1, neg_elbo=300)
    assert monitor.findings() == (
        Finding(
            "too-early", "info", "It is too early to say how the training goes: 40 steps are done.", "", 40
        ),
    )
    monitor.train(41, 600, loss_g=1)
    assert [finding.key for finding in monitor.findings()] == ["nothing-found"]


@pytest.mark.parametrize(
    ("name", "net"), [("grad_g", "generator"), ("grad_d", "discriminator"), ("grad", "model")]
)
def test_gradients_that_vanish_or_explode(name, net, gan, vae):
    last = EARLY_TO + 2 * RECENT
    for level, key in ((2e-4, "vanishing-gradients"), (5.0, None), (700.0, "exploding-gradients")):
        monitor = vae() if name == "grad" else gan()
        monitor.train(1, EARLY_TO, **{name: 2.0})
        monitor.train(EARLY_TO + 1, last, **{name: level})
        keys = {finding.key for finding in monitor.findings() if "gradients" in finding.key}
        assert keys == ({key} if key else set())
        if key:
            assert f"The {net}'s gradients" in monitor.found(key).text and monitor.found(key).remedy


def test_the_text_of_vanishing_gradients(gan):
    monitor = gan(config={"loss": "minimax"})
    monitor.train(1, 500, grad_g=2.0)
    monitor.train(501, 1500, grad_g=1e-9)
    assert summary([monitor.found("vanishing-gradients")]) == [
        "Warning: The generator's gradients have all but vanished: their norm is 1e-09, under 0.1 % of what "
        "it was at first. It learns nothing any more. The minimax loss does this when the discriminator "
        "wins: choose the non-saturating one."
    ]


def test_gradients_that_are_measured_seldom_are_judged_too(gan):
    monitor = gan()
    steps = np.arange(1, 2001)
    seldom = np.where(steps % 20 == 0, np.where(steps < 1000, 1.0, 1e-5), np.nan)
    monitor.note(steps, {"grad_g": seldom.astype(np.float32)})
    assert monitor.found("vanishing-gradients")


@pytest.mark.parametrize(("family", "word"), [("gan", "Small data"), ("vae", "width")])
def test_too_little_data(family, word, request):
    monitor = request.getfixturevalue(family)(412)
    finding = monitor.found("too-little-data")
    assert (finding.level, finding.value) == ("warning", 412)
    assert finding.text.startswith("There are only 412 images") and word in finding.remedy


def test_enough_data_or_an_unknown_number_is_nothing_to_say(gan, vae):
    assert gan(1000).found("too-little-data") is None and vae(0).found("too-little-data") is None
    assert "412 points" in gan(412, **RING).found("too-little-data").text


def test_nan_is_told_until_training_is_past_it(gan):
    monitor = gan()
    monitor.healthy()
    monitor.diverged(5234, 4000, "a weight of the generator")
    finding = monitor.findings()[0]
    assert (finding.key, finding.level, finding.value) == ("not-a-number", "error", 5234)
    assert finding.text == (
        "A weight of the generator became infinite or no number (NaN) at step 5,234. The model is again what "
        "it was at step 4,000; nothing of the failure was kept."
    )
    assert finding.remedy.startswith("Lower the learning rate")
    monitor.train(4001, 5234 + RECENT, d_accuracy=0.8)
    assert monitor.found("not-a-number")
    monitor.train(5235 + RECENT, 5300 + RECENT, d_accuracy=0.8)
    assert monitor.found("not-a-number") is None


def test_the_gravest_comes_first(gan):
    monitor = gan(300)
    monitor.healthy()
    monitor.train(4001, 6000, d_accuracy=1.0, d_fake=0.0)
    monitor.judge(6000, coverage=0.6, density=1.0, diversity=1.0)
    monitor.diverged(6001, 6000, "Discriminator loss")
    levels = [finding.level for finding in monitor.findings()]
    assert levels == ["error", "warning", "info", "good"]


def test_nan_and_infinity_are_passed_over(vae):
    monitor = vae()
    monitor.healthy()
    before = monitor.findings()
    monitor.note(np.array([4000, 4000]), {"neg_elbo": np.array([np.nan, np.inf]), "kl": np.full(2, np.nan)})
    monitor.note(np.array([], np.int64), {"kl": np.array([])})
    assert monitor.findings() == before


def test_a_run_from_disk_is_judged_as_it_was_live(tmp_path, vae):
    """The same figures in pieces, with findings asked for in between, and as whole series."""
    steps = np.arange(1, 20_001)
    falls = 300 * np.exp(-steps / 3000) + 90 - 0.001 * np.maximum(0, steps - 10_000)
    at = steps[499::500]
    heldout = 300 * np.exp(-at / 3000) + 92 + 0.002 * np.maximum(0, at - 10_000)
    series = {
        "heldout_neg_elbo": (at, heldout),
        "heldout_kl": (at, np.full(len(at), 15.0)),
        "active_units": (at, np.full(len(at), 12.0)),
        "neg_elbo": (steps, falls),
    }
    live = vae()
    for end in at:
        part = slice(end - 500, end)
        live.note(steps[part], {"neg_elbo": falls[part]})
        live.judge(end, **{name: values[at == end][0] for name, (s, values) in series.items() if s is at})
        live.findings()
    disk = vae()
    disk.replay(series)
    assert live.found("over-fitting")
    assert [(f.key, f.level) for f in disk.findings()] == [(f.key, f.level) for f in live.findings()]
    assert disk.found("over-fitting").value == pytest.approx(live.found("over-fitting").value)


def test_what_is_remembered_does_not_grow(gan):
    monitor = gan()
    steps = np.arange(1, 1_000_001)
    monitor.replay({name: (steps, np.ones(len(steps))) for name in ("d_accuracy", "grad_g", "coverage")})
    for series in monitor._figures.series.values():
        kept = (series.early, series.recent, series.tail, series._steps)
        assert sum(len(values) for values in kept) < 2 * RECENT + EARLY_TO
    monitor.replay({})
    assert monitor.findings()


def test_watching_a_run_folder(tmp_path):
    plan = run.plan("mlp-gan", {"latent_size": 2, "width": 8}, {"steps": 3, "device": "cpu"})
    points = data.load("points", {"count": 500})
    for _ in run.begin(points, plan, tmp_path / "run").events():
        pass
    folder = RunFolder.open(tmp_path / "run")
    findings = health.watch(folder).findings()
    assert findings[0].text.startswith("There are only 450 points")
    folder.append_metrics([2000], 9.0, {"coverage": [0.1], "density": [1], "modes": [1], "quality": [0.9]})
    folder.update(diverged=[{"step": 2100, "back_to": 2000, "what": "Generator loss"}])
    findings = health.watch(folder, 9000).findings()
    assert [finding.key for finding in findings] == ["not-a-number", "mode-collapse"]
    assert findings[1].text == (
        "Mode collapse: samples reach only 1 of 8 modes of the data, and 90 % of them lie in one."
    )
