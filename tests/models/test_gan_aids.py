"""What steadies a GAN: averages, noise and augmentation; figures of a step; going on from a checkpoint."""

from __future__ import annotations

import math

import pytest
import torch

from latentlab.core.config import describe, parse
from latentlab.models import MODELS, augment
from latentlab.training import checkpoint

GANS = [key for key, kind in MODELS.items() if kind.family == "gan"]


def _weights(net):
    return [t.detach().clone() for t in net.state_dict().values()]


def _parameters(net):
    return [p.detach().clone() for p in net.parameters()]


def _same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def _signed(images):
    return images.float() / 127.5 - 1


@pytest.fixture
def seen(monkeypatch):
    """Records what a model's discriminator is shown, in the order of its looks."""

    def record(model):
        looks, judge = [], model.judge

        def recording(images, z=None):
            looks.append(images.detach().clone())
            return judge(images, z)

        monkeypatch.setattr(model, "judge", recording)
        return looks

    return record


# Stability


def test_the_averaged_generator_is_the_running_mean_of_its_weights(started, batch, tmp_path):
    """d = min(0.15, (1 + t) / (10 + t)) for t = 0, 1, 2 is 1/10, 0.15, 0.15; a resume changes nothing."""
    model = started("dcgan", ema=0.15)
    expected = _parameters(model.nets["generator"])
    for step, decay in enumerate((1 / 10, 0.15, 0.15)):
        if step == 2:
            checkpoint.save(tmp_path / "c.safetensors", model, {})
            model = started("dcgan", seed=7, ema=0.15)
            checkpoint.load(tmp_path / "c.safetensors", model)
        model.step(batch(seed=step))
        now = _parameters(model.nets["generator"])
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, now, strict=True)]
    torch.testing.assert_close(_parameters(model.nets["generator-ema"]), expected, rtol=1e-5, atol=1e-7)
    assert _same(list(model.nets["generator-ema"].buffers()), list(model.nets["generator"].buffers()))


def test_a_mean_that_is_to_remember_long_forgets_its_beginnings_quickly(started, batch):
    model = started("mlp-gan", ema=0.999)
    first = _parameters(model.nets["generator"])
    model.step(batch())
    expected = [0.1 * a + 0.9 * b for a, b in zip(first, _parameters(model.nets["generator"]), strict=True)]
    torch.testing.assert_close(_parameters(model.nets["generator-ema"]), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("key", GANS)
def test_samples_come_from_the_averaged_generator(key, started, build, batch, learn):
    model = started(key, ema=0.9)
    learn(model, batch())
    other = model.evaluation_copy()
    assert list(other.nets) == ["generator-ema"] and model.optimizers().keys() == set(model.critics) | {
        "generator"
    }
    z = model.draw(3, torch.Generator().manual_seed(0))
    with model.evaluating():
        expected = (model.nets["generator-ema"](z) + 1) / 2
        assert torch.equal(model.decode(z), expected) and torch.equal(other.decode(z), expected)
        assert not torch.equal((model.nets["generator"](z) + 1) / 2, expected)
        assert torch.equal(model.features(z), other.features(z))
    assert model.parameter_count() == build(key).parameter_count()


def test_the_average_waits_for_the_generator(started, batch):
    model = started("mlp-gan", ema=0.9, discriminator_steps=2)
    before = _weights(model.nets["generator-ema"])
    model.step(batch())
    assert _same(before, _weights(model.nets["generator-ema"]))
    model.step(batch())
    assert not _same(before, _weights(model.nets["generator-ema"]))


def test_instance_noise_lies_on_all_that_is_seen_and_falls_to_nothing(started, batch, seen):
    model = started("mlp-gan", instance_noise=0.5, instance_noise_steps=4)
    looks, quiet = seen(model), started("mlp-gan")
    clean = seen(quiet)
    images = batch(count=64)
    for step in range(6):
        looks.clear()
        model.step(images)
        noise = [(look - _signed(images)).std().item() for look in looks[:1]]
        # What is made is nearly flat grey at first: its spread is the noise.
        noise += [look.std().item() for look in looks[1:]] if step == 0 else []
        for sigma in noise:
            assert sigma == pytest.approx(0.5 * max(0, 1 - step / 4), rel=0.06)
        assert (len(looks) == 3 and not torch.equal(looks[1], looks[2])) or step >= 4
    quiet.step(images)
    assert torch.equal(clean[0], _signed(images)) and torch.equal(clean[1], clean[2])


# Augmentation


@pytest.mark.parametrize(("loss", "looks"), [("non-saturating", 3), ("relativistic", 4)])
def test_augmentation_reaches_every_look_of_the_discriminator(loss, looks, started, batch, seen, monkeypatch):
    policies = []

    def grey(images, policy, generator):
        policies.append(policy)
        return 0 * images + 0.25

    monkeypatch.setattr(augment, "diff_augment", grey)
    model = started("dcgan", loss=loss, augment="colour-translation", regularizer="gradient-penalty")
    shown = seen(model)
    model.step(batch())
    assert policies == ["colour-translation"] * looks and len(shown) == looks + 1  # and the penalty's look
    assert all(image.eq(0.25).all() for image in shown)


def test_a_generator_learns_through_the_augmentation(started, batch):
    model = started("mlp-gan", augment="colour-translation-cutout", discriminator_rate=0.05)
    assert model.step(batch())["grad_g"] > 0


def test_points_are_not_augmented(started, seen):
    model = started("mlp-gan", (2, 1, 1), augment="colour-translation")
    looks, data = seen(model), torch.rand(8, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    model.step(data)
    assert torch.equal(looks[0], 2 * data - 1)


# What is measured, and going on


@pytest.mark.parametrize("discriminator_steps", [1, 3])
def test_gradient_norms_are_measured_every_twentieth_step(discriminator_steps, started, batch):
    model = started("mlp-gan", discriminator_steps=discriminator_steps)
    found = {"grad_d": [], "grad_g": []}
    for step in range(41):
        metrics = model.step(batch(seed=step))
        for name, net in (("grad_d", "discriminator"), ("grad_g", "generator")):
            if name in metrics:
                expected = math.sqrt(
                    sum(
                        float((g.double() ** 2).sum()) for g in [p.grad for p in model.nets[net].parameters()]
                    )
                )
                assert metrics[name].item() == pytest.approx(expected, rel=1e-5)
                found[name].append(step)
    assert found["grad_d"] == [0, 20, 40]
    assert found["grad_g"] == ([0, 20, 40] if discriminator_steps == 1 else [2, 20])


@pytest.mark.parametrize("key", ["mlp-gan", "dcgan", "infogan"])
def test_criticism_is_the_discriminator_s_own(key, started, batch):
    model = started(key)
    model.train(False)
    images = batch().float() / 255
    expected = model.nets["discriminator"](2 * images - 1).flatten()
    assert torch.equal(model.criticize(images), expected)


def test_a_step_that_fails_leaves_the_discriminator_able_to_learn(started, batch, monkeypatch):
    model = started("dcgan")
    with monkeypatch.context() as broken:
        broken.setattr(model, "_teach_generator", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.step(batch())
    before = _parameters(model.nets["discriminator"])
    model.step(batch())
    assert not _same(before, _parameters(model.nets["discriminator"]))


EVERYTHING = {
    "ema": 0.9, "adaptive": 0.45, "discriminator_steps": 2, "generator_steps": 2, "discriminator_rate": 2.0,
    "instance_noise": 0.2, "instance_noise_steps": 9, "label_smoothing": 0.1, "regularizer_interval": 3,
    "augment": "colour-translation-cutout",
}  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "regularizer"),
    [("lsgan", "r1"), ("wgan-gp", "none"), ("relativistic", "spectral-norm"), ("wgan", "none")],
)
@pytest.mark.parametrize("key", ["mlp-gan", "infogan", "cgan"])
def test_a_resume_with_everything_on_equals_an_uninterrupted_training(
    key, loss, regularizer, started, batch, learn, tmp_path
):
    values = EVERYTHING | {"loss": loss, "regularizer": regularizer}

    def everything(model):
        kept = {f"{n}.{k}": t for n, net in model.nets.items() for k, t in net.state_dict().items()}
        return kept | model.state | {"generator": model.generator.get_state()}

    def train(model, steps):
        return [{k: float(v) for k, v in learn(model, batch(count=6, seed=n)).items()} for n in steps]

    whole, half = started(key, **values), started(key, **values)
    figures = train(whole, range(10))
    train(half, range(5))
    checkpoint.save(tmp_path / "c.safetensors", half, {})
    resumed = started(key, seed=9, **values)
    checkpoint.load(tmp_path / "c.safetensors", resumed)
    assert train(resumed, range(5, 10)) == figures[5:]
    a, b = everything(whole), everything(resumed)
    assert a.keys() == b.keys() and _same(a.values(), b.values())


def test_what_may_change_while_it_trains_does_so_in_the_next_step(started, batch):
    model = started("mlp-gan", loss="wgan-gp", regularizer="gradient-penalty")
    model.step(batch())
    kind = MODELS.get("mlp-gan").Config
    live = {spec.name for spec in describe(kind) if spec.live}
    assert {"regularizer_weight", "discriminator_steps", "adaptive", "augment", "instance_noise"} <= live
    assert not live & {"loss", "regularizer", "ema", "dropout", "width", "latent_size", "beta1"}
    changed = {"regularizer_weight": 0.0, "discriminator_steps": 2}
    model.steer(parse(kind, model.config.model_dump() | changed, "model"), 1e-3)
    assert "penalty" not in model.step(batch())
    assert "loss_g" not in model.step(batch())
    with pytest.raises(ValueError, match="ema"):
        model.steer(model.config.model_copy(update={"ema": 0.5}), 1e-3)
