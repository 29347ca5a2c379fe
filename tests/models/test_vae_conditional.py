"""The conditional VAE: where the class goes, and how it is found where it is not told."""

from __future__ import annotations

import pytest
import torch

from latentlab.core.errors import ConfigError
from latentlab.models import MODELS

NAMES = ("left", "right", "top")


def _pictures(labels):
    """One half of the picture white, by class, at a brightness that the class does not tell."""
    generator = torch.Generator().manual_seed(4)
    images = torch.zeros(len(labels), 1, 8, 8)
    for image, label in zip(images, labels.tolist(), strict=True):
        half = [image[:, :, :4], image[:, :, 4:], image[:, :4]][label]
        half.fill_(0.4 + 0.6 * float(torch.rand((), generator=generator)))
    return images


@pytest.fixture(scope="module")
def taught():
    kind = MODELS.get("cvae")
    model = kind(kind.Config(latent_size=2, width=8), (1, 8, 8), label_names=NAMES)
    model.start_training(3e-3)
    labels = torch.arange(48) % 3
    images = _pictures(labels)
    for _ in range(150):
        model.step((255 * images).to(torch.uint8), labels)
    return model, images, labels


def test_the_class_is_found_and_stands_in_the_latent(taught):
    model, images, labels = taught
    with model.evaluating():
        assert torch.equal(model.classify(images), labels)
        z = model.encode(images)
        drawn = model.draw_posterior(images, torch.Generator().manual_seed(0))
        told = model.posterior(images, labels)
        guessed = model.posterior(images)
    one_hot = torch.eye(3)[labels]
    assert z.shape == (48, 5) and torch.equal(z[:, 2:], one_hot) and torch.equal(drawn[:, 2:], one_hot)
    assert torch.equal(z[:, :2], told[0]) and all(map(torch.equal, told, guessed))
    assert not torch.equal(drawn[:, :2], z[:, :2])


def test_the_class_decides_what_is_made_and_z_how_bright(taught):
    model, images, _ = taught
    z = torch.cat([torch.zeros(3, 2), torch.eye(3)], 1)
    with model.evaluating():
        made = model.decode(z)
        assert torch.equal(model.classify(made), torch.arange(3))
        spread = model.encode(images)[:, :2].var(0).max()
    assert spread > 0.05


def test_a_wrong_class_costs_nats(taught):
    model, images, labels = taught
    with model.evaluating():
        right, right_kl = model.elbo_terms(images, torch.Generator().manual_seed(0), labels)
        wrong, wrong_kl = model.elbo_terms(images, torch.Generator().manual_seed(0), (labels + 1) % 3)
    assert (wrong + wrong_kl.sum(1) > right + right_kl.sum(1) + 1).all()


def test_the_class_chosen_is_that_of_the_highest_elbo_at_the_mean(build):
    """By elbo_terms with a decoder's draw at the mean: the posterior made narrow."""
    model = build("cvae")
    with torch.no_grad():
        model.nets["head"][-1].bias[6:] = -100.0
        model.nets["head"][-1].weight[6:] = 0.0
    images = torch.rand(9, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    costs = []
    with model.evaluating():
        for label in range(len(model.label_names)):
            labels = torch.full((9,), label)
            nll, kl = model.elbo_terms(images, torch.Generator().manual_seed(0), labels)
            costs.append(nll + kl.sum(1))
        found = model.classify(images)
    # Draws are 5e-5 of a sigma from the mean: allow what that changes.
    costs = torch.stack(costs)
    assert (costs.gather(0, found[None])[0] - costs.min(0).values).max() < 1e-3


def test_data_without_classes_is_refused_in_one_sentence():
    kind = MODELS.get("cvae")
    for names in ((), ("one",)):
        with pytest.raises(ConfigError, match=r"^A cvae learns from labels and needs .* 2 classes; .*\.$"):
            kind(kind.Config(), (1, 8, 8), label_names=names)
