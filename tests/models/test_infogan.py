"""InfoGAN: its inputs, who learns from the information bound, what its category comes to mean."""

from __future__ import annotations

import math

import pytest
import torch

SHAPE = (1, 8, 8)


def _weights(net):
    return [p.detach().clone() for p in net.parameters()]


def _moved(net, before):
    return not all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))


@pytest.mark.parametrize(("codes", "categories"), [(0, 2), (2, 10), (5, 3)])
def test_the_latent_is_noise_codes_and_a_category(codes, categories, started, batch):
    model = started("infogan", codes=codes, categories=categories)
    assert model.latent_shape == (6 + codes + categories,)
    (choice,) = model.choices
    assert (choice.start, choice.stop) == (6 + codes, 6 + codes + categories)
    assert model.step(batch())["info"] <= math.log(categories) + codes / 2


def test_noise_is_not_read_by_the_head(build):
    model = build("infogan")
    z = model.draw(4, torch.Generator().manual_seed(0))
    other = torch.cat([z[:, :6] + 1, z[:, 6:]], 1)
    images = torch.zeros(4, *SHAPE)
    model.train(False)
    assert torch.equal(model.judge_made(images, z)[1], model.judge_made(images, other)[1])
    assert not torch.equal(model.judge_made(images, z)[1], model.judge_made(images, z.flip(1))[1])


def test_the_discriminator_judges_the_same_alone_and_with_the_head(build):
    model = build("infogan")
    z = model.draw(4, torch.Generator().manual_seed(0))
    model.train(False)
    images = model.nets["generator"](z)
    alone = model.nets["discriminator"](images).flatten()
    assert torch.equal(model.judge_made(images, z)[0], alone) and torch.equal(model.judge(images, z), alone)


def test_without_information_weight_the_head_rests_and_the_rest_learns(started, batch):
    model = started("infogan", info_weight=0.0)
    before = {name: _weights(net) for name, net in model.nets.items()}
    model.step(batch())
    moved = {name: _moved(net, before[name]) for name, net in model.nets.items()}
    assert moved == {"generator": True, "discriminator": True, "head": False}


def test_the_bound_counts_by_its_weight_for_all_three_nets(started, batch):
    """Gradients of loss - weight * bound are linear in the weight: that of 2 is as far again as that of 1."""

    def gradients(weight):
        model = started("infogan", info_weight=weight, rate=1e-12, dropout=0.0)  # nets as good as at rest
        model.step(batch())
        return {n: torch.cat([p.grad.flatten() for p in net.parameters()]) for n, net in model.nets.items()}

    none, one, two = (gradients(weight) for weight in (0.0, 1.0, 2.0))
    for name in none:
        assert not torch.equal(none[name], one[name]), name
        torch.testing.assert_close(two[name] - one[name], one[name] - none[name], rtol=1e-3, atol=1e-6)


def test_the_bound_is_measured_in_steps_without_a_turn_of_the_generator(started, batch):
    metrics = started("infogan", discriminator_steps=2).step(batch())
    assert "info" in metrics and "loss_g" not in metrics


def test_a_step_leaves_every_net_ready_to_learn(started, batch):
    model = started("infogan")
    model.step(batch())
    assert all(p.requires_grad for net in model.nets.values() for p in net.parameters())


def _two_pictures(model, steps=150):
    """Learn a filled square and a frame -> the bound by step, what each category makes, the two learned."""
    square = torch.zeros(2, *SHAPE, dtype=torch.uint8)
    square[0, :, 2:6, 2:6] = 255
    square[1] = 255 - square[0]
    images = square.repeat(16, 1, 1, 1)
    info = [float(model.step(images)["info"]) for _ in range(steps)]
    z = model.draw(64, torch.Generator().manual_seed(1))
    start = model.choices[0].start
    pictures = []
    for category in range(2):
        z[:, start:] = torch.eye(2)[category]
        with model.evaluating():
            pictures.append(model.decode(z))
    return info, pictures, square.float() / 255


def test_the_category_comes_to_tell_two_kinds_of_pictures_apart(started):
    model = started("infogan", SHAPE, rate=1e-3, categories=2, codes=0)
    info, pictures, square = _two_pictures(model)
    assert abs(info[0]) < 0.4  # a guess
    assert sum(info[-50:]) / 50 > 0.95 * math.log(2)
    # Each category makes one of the two, whatever the noise.
    nearest = [
        torch.stack([(made - one).square().flatten(1).mean(1) for one in square]).argmin(0)
        for made in pictures
    ]
    shares = [float(found.float().mean()) for found in nearest]
    assert abs(shares[0] - shares[1]) > 0.9


def test_without_the_bound_the_category_stays_noise(started):
    model = started("infogan", SHAPE, rate=1e-3, categories=2, codes=0, info_weight=0.0)
    info, _, _ = _two_pictures(model)
    assert sum(info[-50:]) / 50 < 0.1
