"""GANs: mode collapse, coverage, and which of the two nets wins."""

from __future__ import annotations

import pytest

from latentlab.training.health import Finding
from latentlab.training.health.figures import RECENT

RING = {"image_shape": (2, 1, 1), "classes": 8}


def test_a_healthy_gan(gan):
    monitor = gan()
    monitor.healthy()
    assert monitor.findings() == (
        Finding(
            "coverage", "good", "Samples cover 83 % of the held-out images; 97 % would be all.", "", 0.83
        ),
    )


def test_a_gan_of_points_reaches_its_modes(gan):
    monitor = gan(**RING)
    monitor.healthy()
    monitor.judge(4001, coverage=0.6, density=0.9, diversity=1, modes=8, quality=0.93)
    assert monitor.findings() == (
        Finding("coverage", "good", "Samples reach 8 of 8 modes, and 93 % of them lie in one.", "", 8),
    )


def test_samples_that_are_all_alike(gan):
    monitor = gan()
    monitor.healthy()
    monitor.judge(4100, coverage=0.01, density=0.02, diversity=0.04)
    finding = monitor.found("mode-collapse")
    assert (finding.level, finding.value) == ("error", 0.04)
    assert finding.text == (
        "Mode collapse: samples vary only 4 % as much as the held-out images, so they are nearly all alike."
    )
    assert "R1" in finding.remedy and monitor.found("coverage") is None


def test_samples_that_are_real_but_cover_little(gan):
    monitor = gan()
    monitor.healthy()
    monitor.judge(4100, coverage=0.12, density=0.9, diversity=0.8)
    assert monitor.found("mode-collapse").text == (
        "Mode collapse: samples look like data, but cover only 12 % of the held-out images (97 % would be "
        "all)."
    )


def test_samples_that_reach_few_modes(gan):
    monitor = gan(**RING)
    monitor.healthy()
    monitor.judge(4100, coverage=0.4, density=1, diversity=1, modes=3, quality=0.9)
    finding = monitor.found("mode-collapse")
    assert (
        finding.text
        == ("Mode collapse: samples reach only 3 of 8 modes of the data, and 90 % of them lie in one.")
        and finding.value == 3
    )


def test_samples_that_are_unlike_the_data_are_no_mode_collapse_at_first(gan):
    monitor = gan(**RING)
    monitor.train(1, 1900, d_accuracy=0.8)
    monitor.judge(1900, coverage=0.03, density=0.05, diversity=0.9, modes=1, quality=0.1)
    assert monitor.found("mode-collapse") is None
    assert monitor.found("coverage").text == "Samples reach 1 of 8 modes, and 10 % of them lie in one."
    monitor.judge(2100, coverage=0.03, density=0.05, diversity=0.9, modes=1, quality=0.1)
    assert monitor.found("mode-collapse").value == 1  # they had their time
    monitor = gan()
    monitor.judge(3000, coverage=0.03, density=0.05, diversity=0.9)
    assert monitor.found("coverage") == Finding(
        "coverage",
        "info",
        "Samples cover 3 % of the held-out images so far, and do not look much like data yet (density 0.05).",
        "",
        0.03,
    )


def test_a_beginning_and_a_rise_are_no_mode_collapse(gan):
    monitor = gan()
    monitor.judge(500, coverage=0.0, density=0.0, diversity=0.01)
    assert monitor.found("mode-collapse") is None
    for step in range(1000, 4001, 500):  # slowly, but it grows
        monitor.judge(step, coverage=step / 20_000, density=0.8, diversity=step / 10_000)
        assert monitor.found("mode-collapse") is None, step


def test_next_to_nothing_may_grow_and_is_a_mode_collapse_still(gan):
    """Figures of the preset "Mode collapse" as a quick machine measures them, six times in all."""
    monitor = gan(**RING)
    monitor.train(1, 2000, d_accuracy=0.5)
    seen = zip(
        (175, 601, 1026, 1456, 1886, 2000),
        (0.002, 0.005, 0.001, 0.010, 0.017, 0.001),
        (0, 0, 0, 1, 0, 1),
        strict=True,
    )
    for step, diversity, modes in seen:
        monitor.judge(step, coverage=0.08 * modes, density=0.5, diversity=diversity, modes=modes, quality=1)
    assert monitor.found("mode-collapse").value == 1


def test_it_does_not_flicker_and_recovering_is_said(gan):
    monitor = gan()
    monitor.healthy()
    monitor.judge(5000, coverage=0.2, density=0.9, diversity=0.9)
    assert monitor.found("mode-collapse")
    for step, coverage in ((5100, 0.26), (5200, 0.24), (5300, 0.3)):  # about the threshold
        monitor.judge(step, coverage=coverage)
        assert monitor.found("mode-collapse"), coverage
    monitor.judge(5400, coverage=0.75)
    assert monitor.found("mode-collapse") is None
    assert monitor.found("coverage").text == (
        "Samples cover 75 % of the held-out images, again: it was 20 % at step 5,000."
    )
    monitor.judge(5500, coverage=0.3)  # entered from above it is judged by the lower threshold
    assert monitor.found("mode-collapse") is None


def test_a_discriminator_that_wins(gan):
    monitor = gan(config={"loss": "non-saturating"})
    monitor.train(1, 2000, d_accuracy=0.995, d_fake=0.004)
    monitor.judge(2000, coverage=0.1, density=0.1, diversity=0.5)
    finding = monitor.found("discriminator-winning")
    assert finding.level == "warning" and finding.value == pytest.approx(0.995, abs=0.01)
    assert "D(G(z)) is 0.004" in finding.text and "lower its learning rate" in finding.remedy.lower()
    monitor.judge(2001, coverage=0.8)
    assert monitor.found("discriminator-winning").level == "info"  # samples are good all the same


def test_it_has_not_won_before_long_nor_while_it_is_fooled_and_does_not_flicker(gan):
    monitor = gan()
    monitor.train(1, RECENT - 2, d_accuracy=1.0, d_fake=0.0)
    assert monitor.found("discriminator-winning") is None
    monitor.train(RECENT - 1, 2000, d_accuracy=1.0, d_fake=0.3)
    assert monitor.found("discriminator-winning") is None
    monitor.train(2001, 2600, d_accuracy=1.0, d_fake=0.0)
    assert monitor.found("discriminator-winning")
    monitor.train(2601, 3200, d_accuracy=0.95, d_fake=0.0)
    assert monitor.found("discriminator-winning")
    monitor.train(3201, 3800, d_accuracy=0.9, d_fake=0.0)
    assert monitor.found("discriminator-winning") is None
    monitor.train(3801, 4400, d_accuracy=0.95, d_fake=0.0)
    assert monitor.found("discriminator-winning") is None


def test_a_critic_of_wasserstein_is_to_win(gan):
    for loss in ("wgan", "wgan-gp"):
        monitor = gan(config={"loss": loss})
        monitor.train(1, 2000, d_accuracy=1.0, d_fake=-3.0)
        assert monitor.found("discriminator-winning") is None


def test_runs_of_old_did_not_measure_accuracy(gan):
    monitor = gan()
    monitor.train(1, 2000, d_real=0.995, d_fake=0.005)
    assert monitor.found("discriminator-winning")
    monitor = gan()
    monitor.train(1, 2000, d_real=0.8, d_fake=0.2)
    assert monitor.found("discriminator-winning") is None


def test_a_discriminator_that_guesses_while_samples_are_poor(gan):
    monitor = gan()
    monitor.train(1, 2000, d_accuracy=0.51)
    monitor.judge(2000, coverage=0.12, density=0.1, diversity=0.8)
    finding = monitor.found("discriminator-losing")
    assert finding.level == "warning" and "51 % of the time, though samples cover only 12 %" in finding.text
    monitor.judge(2001, coverage=0.6)  # it cannot tell them apart because they are good
    assert monitor.found("discriminator-losing") is None
