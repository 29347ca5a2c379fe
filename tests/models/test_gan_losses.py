"""GAN losses against numbers worked out by hand, and what they say where logits are extreme."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from latentlab.models.gan import GANConfig
from latentlab.models.gan_losses import LOSSES, accuracy

LN2, LN3 = math.log(2), math.log(3)

# Logits of which the sigmoid is a fraction: sigmoid(ln 3) = 3/4, sigmoid(0) = 1/2, sigmoid(-ln 3) = 1/4.
REAL = torch.tensor([LN3, 0.0], dtype=torch.float64)
FAKE = torch.tensor([-LN3, LN3], dtype=torch.float64)

CROSS_ENTROPY = -(math.log(3 / 4) + math.log(1 / 2)) / 2 - (math.log(3 / 4) + math.log(1 / 4)) / 2
#: Discriminator's loss, the same with smoothing 0.2, generator's loss, D(x), D(G(z)).
GOLDEN = {
    "non-saturating": (
        CROSS_ENTROPY,
        # Targets 0.8: -0.8 log 3/4 - 0.2 log 1/4 for the first, log 2 for the second, whatever the target.
        -(0.8 * math.log(3 / 4) + 0.2 * math.log(1 / 4) + math.log(1 / 2)) / 2
        - (math.log(3 / 4) + math.log(1 / 4)) / 2,
        -(math.log(1 / 4) + math.log(3 / 4)) / 2,
        (3 / 4 + 1 / 2) / 2,
        1 / 2,
    ),
    "lsgan": (
        0.5 * ((LN3 - 1) ** 2 + 1) / 2 + 0.5 * LN3**2,
        0.5 * ((LN3 - 0.8) ** 2 + 0.8**2) / 2 + 0.5 * LN3**2,
        0.5 * ((LN3 + 1) ** 2 + (LN3 - 1) ** 2) / 2,
        LN3 / 2,
        0.0,
    ),
    # max(0, 1 - ln 3) = 0 and max(0, 1 - 0) = 1; max(0, 1 - ln 3) = 0 and 1 + ln 3.
    "hinge": (1 / 2 + (1 + LN3) / 2, 1 / 2 + (1 + LN3) / 2, 0.0, LN3 / 2, 0.0),
    "wgan": (-LN3 / 2, -LN3 / 2, 0.0, LN3 / 2, 0.0),
    # Differences 2 ln 3 and -ln 3: sigmoids 9/10 and 1/4.
    "relativistic": (
        -(math.log(9 / 10) + math.log(1 / 4)) / 2,
        -(math.log(9 / 10) + math.log(1 / 4)) / 2,
        -(math.log(1 / 10) + math.log(3 / 4)) / 2,
        (3 / 4 + 1 / 2) / 2,
        1 / 2,
    ),
}
GOLDEN["minimax"] = (*GOLDEN["non-saturating"][:2], (math.log(3 / 4) + math.log(1 / 4)) / 2, 5 / 8, 1 / 2)
GOLDEN["wgan-gp"] = GOLDEN["wgan"]

every_loss = pytest.mark.parametrize("key", list(LOSSES))


def _other(loss, real):
    """What the generator's loss is given beside its own logits: nothing, where it does not look."""
    return real if loss.pairs else None


def test_the_form_offers_exactly_the_losses_there_are():
    assert set(GOLDEN) == set(LOSSES) == set(get_args(GANConfig.model_fields["loss"].annotation))
    assert {key for key, loss in LOSSES.items() if loss.pairs} == {"relativistic"}
    assert {key for key, loss in LOSSES.items() if loss.smooths} == {"non-saturating", "minimax", "lsgan"}


@every_loss
def test_losses_have_the_values_worked_out_by_hand(key):
    loss = LOSSES[key]
    plain, smoothed, generator, d_real, d_fake = GOLDEN[key]
    assert loss.discriminator(REAL, FAKE, 0.0).item() == pytest.approx(plain, abs=1e-12)
    assert loss.discriminator(REAL, FAKE, 0.2).item() == pytest.approx(smoothed, abs=1e-12)
    assert loss.smooths == (plain != smoothed)
    assert loss.generator(FAKE, _other(loss, REAL)).item() == pytest.approx(generator, abs=1e-12)
    assert loss.score(REAL).item() == pytest.approx(d_real, abs=1e-12)
    assert loss.score(FAKE).item() == pytest.approx(d_fake, abs=1e-12)


def test_an_undecided_discriminator_costs_ln_4():
    zero = torch.zeros(5)
    assert LOSSES["minimax"].discriminator(zero, zero, 0.0).item() == pytest.approx(2 * LN2)
    assert LOSSES["minimax"].generator(zero, None).item() == pytest.approx(-LN2)


@every_loss
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_losses_and_gradients_are_finite_where_the_discriminator_is_certain(key, logit):
    loss = LOSSES[key]
    for sign in (1, -1):
        real = torch.full((4,), logit, requires_grad=True)
        fake = torch.full((4,), sign * logit, requires_grad=True)
        total = loss.discriminator(real, fake, 0.1) + loss.generator(fake, real)
        total.backward()
        for value in (total, real.grad, fake.grad, loss.score(real), loss.score(fake)):
            assert value.isfinite().all()


@pytest.mark.parametrize("key", ["non-saturating", "relativistic"])
def test_only_these_losses_pull_the_generator_where_it_is_caught(key):
    """At D(G(z)) of nearly 0 their gradient is 1 per image, that of minimax nearly 0."""
    pulls = {}
    for name in (key, "minimax"):
        fake = torch.full((2,), -20.0, requires_grad=True)
        LOSSES[name].generator(fake, torch.zeros(2)).backward()
        pulls[name] = fake.grad.abs().sum().item()
    assert pulls[key] == pytest.approx(1, abs=1e-6) and pulls["minimax"] < 1e-6


@every_loss
def test_following_the_losses_pulls_real_and_made_apart_and_the_generator_upwards(key):
    loss = LOSSES[key]
    real, fake = torch.tensor([0.2, 0.3], requires_grad=True), torch.tensor([0.4, 0.1], requires_grad=True)
    loss.discriminator(real, fake, 0.0).backward()
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fake.grad = None
    loss.generator(fake, _other(loss, real.detach())).backward()
    assert (fake.grad < 0).all()


def test_smoothing_keeps_a_discriminator_from_being_certain():
    """The least loss is where D(x) is 1 - s: the logit ln((1 - s) / s), and 1 - s itself for lsgan."""
    for key, best in (("non-saturating", math.log(9)), ("minimax", math.log(9)), ("lsgan", 0.9)):
        real = torch.full((3,), best, dtype=torch.float64, requires_grad=True)
        LOSSES[key].discriminator(real, torch.zeros(3, dtype=torch.float64), 0.1).backward()
        assert real.grad.abs().max() < 1e-12, key


def test_relativistic_losses_look_at_differences_only():
    loss = LOSSES["relativistic"]
    for shift in (-5.0, 300.0):
        moved = loss.discriminator(REAL + shift, FAKE + shift, 0.0)
        assert moved.item() == pytest.approx(loss.discriminator(REAL, FAKE, 0.0).item(), abs=1e-9)
        moved = loss.generator(FAKE + shift, REAL + shift)
        assert moved.item() == pytest.approx(loss.generator(FAKE, REAL).item(), abs=1e-9)


@pytest.mark.parametrize(
    ("key", "share"),
    [
        # Real 2, -1, 0.7, 0.2 and made -3, 1, 0.6, 0.4: 3 of 4 above 0 and 1 of 4 below.
        ("non-saturating", 4 / 8),
        ("minimax", 4 / 8),
        ("hinge", 4 / 8),
        ("lsgan", 4 / 8),  # about 1/2: 2 of 4 above and 2 of 4 below
        ("wgan", 2 / 4),  # the first and the third pair
        ("wgan-gp", 2 / 4),
        ("relativistic", 2 / 4),
    ],
)
def test_accuracy_is_the_share_told_rightly(key, share):
    real, fake = torch.tensor([2.0, -1.0, 0.7, 0.2]), torch.tensor([-3.0, 1.0, 0.6, 0.4])
    loss = LOSSES[key]
    assert accuracy(loss, real, fake).item() == pytest.approx(share)
    assert accuracy(loss, real.abs() + 1, -fake.abs()).item() == 1
    assert accuracy(loss, -real.abs(), fake.abs() + 1).item() == 0
    blind = torch.full((4,), loss.threshold or 0.0)
    assert accuracy(loss, blind, blind).item() == 0.5


def test_thresholds_differ():
    """Logits of 0.3 pass for real by a sigmoid and for made by least squares."""
    third = torch.full((2,), 0.3)
    assert accuracy(LOSSES["hinge"], third, -third).item() == 1
    assert accuracy(LOSSES["lsgan"], third, -third).item() == 0.5
    assert accuracy(LOSSES["wgan"], 100 + third, 100 - third).item() == 1
