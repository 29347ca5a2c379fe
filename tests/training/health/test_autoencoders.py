"""VAEs: posterior collapse, learning, and learning by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab import data, metrics
from latentlab.core.config import parse
from latentlab.metrics import Heldout
from latentlab.models import MODELS
from latentlab.training.health import Finding


def test_a_healthy_vae(vae):
    monitor = vae()
    monitor.healthy()
    text = (
        "The model learns: held-out −ELBO fell from 142 to 105 nats, and 12 of 16 latent dimensions are "
        "active."
    )
    assert monitor.findings() == (Finding("learning", "good", text, "", 105),)


def test_a_figure_that_falls_no_more_is_said_to_have_settled(vae):
    monitor = vae()
    monitor.healthy()
    assert "hardly" not in monitor.found("learning").text
    for step in range(4100, 5000, 100):
        monitor.judge(step, heldout_neg_elbo=104.9 + 0.1 * (step % 200 == 0))
    assert monitor.found("learning").text.endswith("It hardly falls any more: going on would change little.")


def test_an_autoencoder_has_no_elbo_but_learns_and_overfits(vae):
    monitor = vae()
    monitor.train(1, 1000, reconstruction=(300, 100))
    monitor.judge(500, heldout_reconstruction=200)
    monitor.judge(1000, heldout_reconstruction=110)
    assert "held-out reconstruction fell from 200 to 110" in monitor.found("learning").text
    monitor.train(1001, 3000, reconstruction=(100, 60))
    monitor.judge(3000, heldout_reconstruction=125)
    assert monitor.found("over-fitting").value == 15


def test_a_vae_with_smooth_samples_has_not_collapsed_but_one_with_equal_samples_has(vae):
    monitor = vae()
    monitor.healthy()
    monitor.judge(4100, coverage=0.5, density=2, diversity=0.15)
    assert monitor.found("mode-collapse") is None
    monitor.judge(4200, coverage=0.1, density=0.1, diversity=0.02)
    assert monitor.found("mode-collapse")


def test_a_posterior_that_is_the_prior(vae):
    monitor = vae()
    monitor.train(1, 1000, neg_elbo=(310, 206))
    monitor.judge(500, heldout_neg_elbo=210, heldout_kl=0.01, active_units=0, diversity=0.01)
    monitor.judge(1000, heldout_neg_elbo=206, heldout_kl=0.01, active_units=0, diversity=0.01)
    assert monitor.findings() == (
        Finding(
            "posterior-collapse",
            "error",
            "Posterior collapse: 0 of 16 latent dimensions are active and the KL is 0.01 nats, 0.00 per "
            "dimension. The latent says nothing of the image, so every sample is the same average.",
            "Lower β (the KL weight), let it warm up over some thousand steps, or give dimensions free bits.",
            0.01,
        ),
    )
    monitor.judge(1500, heldout_kl=0.8)
    assert monitor.found("posterior-collapse")
    monitor.judge(2000, heldout_neg_elbo=150, heldout_kl=9, active_units=9, diversity=0.5)
    assert monitor.found("posterior-collapse") is None and monitor.found("learning")


def test_few_active_dimensions_are_a_warning_but_many_unused_ones_are_none(vae):
    monitor = vae(size=16)
    monitor.healthy()
    monitor.judge(4100, heldout_kl=4, active_units=2)
    finding = monitor.found("posterior-collapse")
    assert finding.level == "warning" and "only 2 of 16 latent dimensions" in finding.text
    monitor = vae(size=256)
    monitor.healthy()
    monitor.judge(4100, heldout_kl=25, active_units=22)
    assert monitor.found("posterior-collapse") is None


def test_the_first_steps_are_no_posterior_collapse(vae):
    monitor = vae()
    monitor.train(1, 200, neg_elbo=(310, 206))
    monitor.judge(200, heldout_neg_elbo=206, heldout_kl=0.01, active_units=0)
    assert monitor.found("posterior-collapse") is None


def test_learning_by_heart(vae):
    monitor = vae()
    monitor.healthy()
    monitor.train(4001, 8000, neg_elbo=(104, 90))
    monitor.judge(8000, heldout_neg_elbo=113)
    finding = monitor.found("over-fitting")
    assert finding.text == (
        "The model learns its images by heart: held-out −ELBO was best at step 4,000 (105) and is 113 now, "
        "while that of the training images went from 107 to 90.9."
    )
    assert "4,000" in finding.remedy and finding.value == 8 and monitor.found("learning") is None


def test_getting_worse_on_all_images_is_not_learning_by_heart(vae):
    monitor = vae()
    monitor.healthy()
    monitor.train(4001, 8000, neg_elbo=(104, 112))
    monitor.judge(8000, heldout_neg_elbo=113)
    assert monitor.found("over-fitting") is None


def test_a_gap_alone_or_a_tremble_is_not_learning_by_heart(vae):
    monitor = vae()
    monitor.healthy()
    monitor.train(4001, 8000, neg_elbo=(104, 90))
    monitor.judge(8000, heldout_neg_elbo=106)
    assert monitor.found("over-fitting") is None


def learn(monitor, kind, dataset, steps, every, **config):
    """Train a tiny model by hand, seen by a monitor."""
    model_class = MODELS.get(kind)
    settings = parse(model_class.Config, config, "model")
    model = model_class(settings, dataset.image_shape)
    chosen, held = dataset.split(0.1, 0)
    model.start_training(2e-3, len(chosen))
    heldout = Heldout(dataset.images[held], dataset.labels[held])
    images, random = torch.from_numpy(dataset.images[chosen]), np.random.default_rng(0)
    for end in range(every, steps + 1, every):
        told = [model.step(images[random.integers(0, len(images), 64)]) for _ in range(every)]
        names = dict.fromkeys(name for step in told for name in step)
        columns = {name: np.array([float(s.get(name, np.nan)) for s in told]) for name in names}
        monitor.note(np.arange(end - every + 1, end + 1), columns)
        monitor.judge(end, **metrics.measure(model, heldout))


@pytest.mark.parametrize(("beta", "expected"), [(1.0, "learning"), (50.0, "posterior-collapse")])
def test_beta_of_fifty_collapses_the_posterior_of_digits(beta, expected, vae):
    digits = data.load("digits", {})
    monitor = vae(images=1617, size=8)
    learn(monitor, "vae-mlp", digits, 300, 150, latent_size=8, width=32, beta=beta)
    assert [finding.key for finding in monitor.findings()] == [expected]
