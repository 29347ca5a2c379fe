"""Speed costs no exactness: losses of quick steps beside those of a plain loop over torch's own layers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.core.config import parse
from latentlab.models import MODELS, Model, kernels

STEPS, BATCH = 15, 32
#: Dropout draws its masks in the order of memory, which is a layout's matter.
VALUES = {
    "mlp-gan": {"width": 32, "dropout": 0.0},
    "dcgan": {"width": 16, "dropout": 0.0},
    "vae-conv": {"width": 16},
    "vae-mlp": {"width": 64},
}


def plain(net: nn.Module) -> nn.Module:
    """A copy of the net as torch would have built it."""
    twin = copy.deepcopy(net).to(memory_format=torch.contiguous_format)
    for layer in twin.modules():
        if type(layer) in kernels.STAND_INS.values():
            layer.__class__ = type(layer).__bases__[0]
    return twin


def gan_losses(model: Model, batches: list[Tensor]) -> list[dict[str, float]]:
    generator, discriminator = plain(model.nets["generator"]), plain(model.nets["discriminator"])
    adam_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999), foreach=False)
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999), foreach=False)
    judge, noise = nn.BCEWithLogitsLoss(), torch.Generator().manual_seed(1)
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    told = []
    for batch in batches:
        real = batch.float() / 127.5 - 1
        fake = generator(torch.randn(BATCH, *model.latent_shape, generator=noise))
        loss_d = judge(discriminator(real), ones) + judge(discriminator(fake.detach()), zeros)
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        loss_g = judge(discriminator(fake), ones)
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()
        told.append({"loss_d": loss_d.item(), "loss_g": loss_g.item()})
    return told


def vae_losses(model: Model, batches: list[Tensor]) -> list[dict[str, float]]:
    encoder, decoder = plain(model.nets["encoder"]), plain(model.nets["decoder"])
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, foreach=False)
    noise = torch.Generator().manual_seed(1)
    told = []
    for batch in batches:
        images = batch.float() / 255
        mean, log_variance = encoder(images).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=noise)
        error = functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum") / BATCH
        kl = -0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp()) / BATCH
        adam.zero_grad()
        (error + kl).backward()
        adam.step()
        told.append({"reconstruction": error.item(), "kl": kl.item()})
    return told


@pytest.mark.parametrize("key", VALUES)
def test_losses_are_those_of_the_plain_loop(key):
    kind = MODELS.get(key)
    model = kind(parse(kind.Config, VALUES[key], "model"), (1, 28, 28))
    images = np.random.default_rng(0).integers(0, 256, (STEPS, BATCH, 1, 28, 28), dtype=np.uint8)
    batches = list(torch.from_numpy(images))
    expected = (gan_losses if kind.family == "gan" else vae_losses)(model, batches)

    model.start_training(1e-3)
    figures = [model.step(batch) for batch in batches]

    for name in expected[0]:
        mine = [float(step[name]) for step in figures]
        theirs = [step[name] for step in expected]
        assert mine == pytest.approx(theirs, rel=2e-3, abs=2e-3), name
        assert np.ptp(theirs) > 0.01  # it has learned
