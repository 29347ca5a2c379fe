"""The GAN's step against one written by hand, and what each of its settings does to it."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from latentlab.core.config import describe
from latentlab.models import MODELS
from latentlab.models.gan_losses import LOSSES

GANS = [key for key, kind in MODELS.items() if kind.family == "gan"]
REGULARIZERS = ["none", "gradient-penalty", "r1", "spectral-norm"]
#: Draws of its own would have to be repeated by hand.
PLAIN = {"dropout": 0.0}


def _parameters(net):
    return [p.detach().clone() for p in net.parameters()]


def _same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def _gradients(net):
    return [p.grad.clone() for p in net.parameters()]


def _signed(images):
    return images.float() / 127.5 - 1


# The step, by hand


def _slope(model, images):
    """The critic's gradient by each image, one image at a time."""
    rows = []
    for image in images.detach().split(1):
        image.requires_grad_()
        rows += torch.autograd.grad(model.nets["discriminator"](image), image, create_graph=True)
    return torch.cat(rows).flatten(1)


def _penalty_by_hand(model, kind, real, fake):
    if kind == "r1":
        return 0.5 * (_slope(model, real) ** 2).sum() / len(real)
    e = torch.rand(len(real), 1, 1, 1, generator=model.generator)
    return ((_slope(model, (1 - e) * fake + e * real).pow(2).sum(1).sqrt() - 1) ** 2).mean()


def _entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _by_hand(model, images, penalty=None, weight=0.0, smoothing=0.0):
    """Gradients of the discriminator's turn, its own loss written out; `model` is left without a step."""
    discriminator, real = model.nets["discriminator"], _signed(images)
    with torch.no_grad():
        fake = model.nets["generator"](model.draw(len(images), model.generator))
    if model.config.loss == "wgan-gp":
        loss = discriminator(fake).mean() - discriminator(real).mean()
    else:
        loss = _entropy(discriminator(real), 1 - smoothing) + _entropy(discriminator(fake), 0.0)
    if penalty:
        loss = loss + weight * _penalty_by_hand(model, penalty, real, fake)
    return torch.autograd.grad(loss, list(discriminator.parameters()))


def _close(found, expected):
    torch.testing.assert_close(found, list(expected), rtol=2e-4, atol=1e-6)


def test_a_plain_step_is_the_one_written_by_hand(started, batch):
    model, twin = (started("mlp-gan", **PLAIN) for _ in range(2))
    images = batch()
    metrics = model.step(images)

    generator, discriminator = twin.nets["generator"], twin.nets["discriminator"]
    fake = generator(twin.draw(8, twin.generator))
    loss_d = _entropy(discriminator(_signed(images)), 1.0) + _entropy(discriminator(fake.detach()), 0.0)
    expected = torch.autograd.grad(loss_d, list(discriminator.parameters()))
    _close(_gradients(model.nets["discriminator"]), expected)
    for parameter, gradient in zip(discriminator.parameters(), expected, strict=True):
        parameter.data -= 1e-3 * gradient / (gradient.abs() + 1e-8)  # Adam's first step
    loss_g = _entropy(discriminator(fake), 1.0)
    _close(_gradients(model.nets["generator"]), torch.autograd.grad(loss_g, list(generator.parameters())))
    assert metrics["loss_d"].item() == pytest.approx(loss_d.item(), rel=1e-5)
    assert metrics["loss_g"].item() == pytest.approx(loss_g.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "regularizer", "penalty"),
    [
        ("wgan-gp", "none", "gp"),
        ("wgan-gp", "gradient-penalty", "gp"),  # once, not twice
        ("non-saturating", "gradient-penalty", "gp"),
        ("non-saturating", "r1", "r1"),
    ],
)
def test_penalties_enter_the_loss_every_third_step_with_three_times_their_weight(
    loss, regularizer, penalty, started, batch
):
    values = {"loss": loss, "regularizer": regularizer, "regularizer_weight": 4.0, "regularizer_interval": 3}
    model = started("mlp-gan", **PLAIN, **values)
    for step in range(4):
        due = step % 3 == 0
        twin = copy.copy(model)
        twin.nets = copy.deepcopy(model.nets)
        twin.generator = torch.Generator()
        twin.generator.set_state(model.generator.get_state())
        metrics = model.step(batch(seed=step))
        assert ("penalty" in metrics) == due
        expected = _by_hand(twin, batch(seed=step), penalty if due else None, 12.0)
        _close(_gradients(model.nets["discriminator"]), expected)


def test_a_penalty_without_weight_is_not_even_measured(started, batch):
    assert "penalty" not in started("mlp-gan", loss="wgan-gp", regularizer_weight=0).step(batch())


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_label_smoothing_lowers_the_answer_for_real_images_alone(smoothing, started, batch):
    model, twin = (started("mlp-gan", **PLAIN, label_smoothing=smoothing) for _ in range(2))
    model.step(batch())
    _close(_gradients(model.nets["discriminator"]), _by_hand(twin, batch(), smoothing=smoothing))


def test_label_smoothing_is_offered_where_it_has_an_effect():
    fields = {spec.name: spec for spec in describe(MODELS.get("dcgan").Config)}
    assert set(fields["label_smoothing"].only["loss"]) == {
        key for key, loss in LOSSES.items() if loss.smooths
    }
    assert set(fields["loss"].choices) == set(LOSSES)


def test_a_relativistic_generator_is_measured_against_real_images(started, batch):
    model = started("mlp-gan", **PLAIN, loss="relativistic", generator_steps=1)
    twin = started("mlp-gan", **PLAIN, loss="relativistic")
    model.step(batch())
    fake = twin.nets["generator"](twin.draw(8, twin.generator))
    critic = model.nets["discriminator"]  # as it is after its own turn
    loss = -F.logsigmoid(critic(fake) - critic(_signed(batch())).detach()).mean()
    expected = torch.autograd.grad(loss, list(twin.nets["generator"].parameters()))
    _close(_gradients(model.nets["generator"]), expected)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("key", ["mlp-gan", "dcgan"])
def test_every_loss_goes_with_every_regulariser(key, loss, regularizer, started, batch):
    model = started(key, loss=loss, regularizer=regularizer)
    for n in range(2):
        metrics = model.step(batch(count=4, seed=n))
        assert all(value.isfinite() for value in metrics.values())
        assert ("penalty" in metrics) == model.penalised
    assert model.penalised == (loss == "wgan-gp" or regularizer in ("gradient-penalty", "r1"))
    assert all(t.isfinite().all() for net in model.nets.values() for t in net.state_dict().values())


@pytest.mark.parametrize("key", GANS)
def test_spectral_normalisation_holds_every_layer_of_the_discriminator_at_1(key, started, batch, learn):
    def largest(**values):
        model = started(key, rate=1e-2, **values)
        for n in range(3):
            learn(model, batch(seed=n))
        layers = [m for m in model.nets["discriminator"].modules() if isinstance(m, torch.nn.Linear)]
        layers += [m for m in model.nets["discriminator"].modules() if isinstance(m, torch.nn.Conv2d)]
        assert layers
        return torch.stack([torch.linalg.matrix_norm(m.weight.flatten(1), 2) for m in layers])

    assert (largest(regularizer="spectral-norm") - 1).abs().max() < 0.1
    assert (largest() - 1).abs().max() > 0.1


@pytest.mark.parametrize(("loss", "regularizer", "clips"), [
    ("wgan", "none", True), ("wgan", "r1", False), ("wgan-gp", "none", False), ("hinge", "none", False),
])  # fmt: skip
def test_wgan_clips_its_critic_where_no_regulariser_does_the_work(loss, regularizer, clips, started, batch):
    model = started("mlp-gan", loss=loss, regularizer=regularizer, clip=0.02)
    model.step(batch())
    largest = {name: max(float(p.abs().max()) for p in _parameters(net)) for name, net in model.nets.items()}
    assert largest["discriminator"] == pytest.approx(0.02) if clips else largest["discriminator"] > 0.05
    assert largest["generator"] > 0.05


# Balance


def test_the_generator_learns_in_every_third_step(started, batch):
    model = started("dcgan", discriminator_steps=3)
    for step in range(1, 7):
        before = {name: _parameters(net) for name, net in model.nets.items()}
        metrics = model.step(batch(seed=step))
        assert not _same(before["discriminator"], _parameters(model.nets["discriminator"]))
        learned = not _same(before["generator"], _parameters(model.nets["generator"]))
        assert learned == ("loss_g" in metrics) == (step % 3 == 0)


def test_the_generator_learns_thrice_a_turn_from_latents_of_their_own(started, batch, monkeypatch):
    model = started("dcgan", generator_steps=3)
    drawn, latents = [], model.latents
    monkeypatch.setattr(model, "latents", lambda *args: drawn.append(latents(*args)) or drawn[-1])
    model.step(batch())
    updates = {name: {int(s["step"]) for s in o.state.values()} for name, o in model.optimizers().items()}
    assert updates == {"generator": {3}, "discriminator": {1}}
    assert len(drawn) == 3 and not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])


def test_the_discriminator_rests_while_it_is_too_good(started, batch):
    model = started("dcgan", adaptive=0.8)
    for accuracy, rests in ((0.9, True), (0.7, False), (0.81, True)):
        model.state["accuracy"].fill_(accuracy)
        before = {name: _parameters(net) for name, net in model.nets.items()}
        metrics = model.step(batch())
        assert _same(before["discriminator"], _parameters(model.nets["discriminator"])) == rests
        assert not _same(before["generator"], _parameters(model.nets["generator"]))
        remembered = 0.9 * accuracy + 0.1 * metrics["d_accuracy"].item()
        assert model.state["accuracy"].item() == pytest.approx(remembered, rel=1e-5)
    model.state["accuracy"].fill_(1.0)
    model.steer(model.config.model_copy(update={"adaptive": 0.0}), 1e-3)
    before = _parameters(model.nets["discriminator"])
    model.step(batch())
    assert not _same(before, _parameters(model.nets["discriminator"]))


def test_two_time_scales(started):
    def rates(model):
        return {name: o.param_groups[0]["lr"] for name, o in model.optimizers().items()}

    model = started("infogan", rate=1e-3, discriminator_rate=4.0)
    assert rates(model) == {"generator": 1e-3, "discriminator": 4e-3, "head": 4e-3}
    model.steer(model.config.model_copy(update={"discriminator_rate": 0.5}), 1e-2)
    assert rates(model) == {"generator": 1e-2, "discriminator": 5e-3, "head": 5e-3}
