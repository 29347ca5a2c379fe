"""Images a second of latentlab's training loop, beside a tutorial's loop over the same nets.

    python tests/bench/training_throughput.py [seconds per turn] [turns]

The tutorial: a DataLoader over a TensorDataset of floats, Adam as it comes, nn.Dropout, both nets' gradients
everywhere, losses read with .item() in every step. Turns are interleaved, so that what else the machine does
falls on both; the median turn of each counts. Data are random and as large as MNIST's images.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from latentlab import run
from latentlab.data.base import Dataset
from latentlab.models import MODELS, Model
from latentlab.models.blocks import Dropout
from latentlab.training.control import Control
from latentlab.training.events import Done, Progress

CASES = {"vae-mlp": {}, "vae-conv": {}, "mlp-gan": {}, "dcgan": {"width": 32}}
IMAGES = np.random.default_rng(0).integers(0, 256, (10_000, 1, 28, 28), dtype=np.uint8)


def plain(net: nn.Module) -> nn.Module:
    """The same layers with torch's own dropout."""
    layers = [nn.Dropout(x.threshold / 256) if isinstance(x, Dropout) else x for x in net]  # type: ignore
    return nn.Sequential(*layers).train()


def tutorial_vae(model: Model):
    encoder, decoder = plain(model.nets["encoder"]), plain(model.nets["decoder"])
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def step(images: torch.Tensor) -> None:
        images = (images + 1) / 2
        mean, log_variance = encoder(images).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = (reconstruction + kl) / len(images)
        adam.zero_grad()
        loss.backward()
        adam.step()
        loss.item()

    return step


def tutorial_gan(model: Model):
    generator, discriminator = plain(model.nets["generator"]), plain(model.nets["discriminator"])
    adam_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    judge = nn.BCEWithLogitsLoss()

    def step(images: torch.Tensor) -> None:
        ones, zeros = torch.ones(len(images), 1), torch.zeros(len(images), 1)
        fake = generator(torch.randn(len(images), *model.latent_shape))
        loss_d = judge(discriminator(images), ones) + judge(discriminator(fake.detach()), zeros)
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        loss_g = judge(discriminator(fake), ones)
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()
        loss_d.item(), loss_g.item()

    return step


def tutorial(key: str, batch: int):
    """A function that trains for some seconds -> images a second."""
    kind = MODELS.get(key)
    model = kind(kind.Config(**CASES[key]), (1, 28, 28))
    step = (tutorial_vae if kind.family == "vae" else tutorial_gan)(model)
    data = TensorDataset(torch.from_numpy(IMAGES).float() / 127.5 - 1)
    loader = DataLoader(data, batch_size=batch, shuffle=True, drop_last=True)

    def train(seconds: float) -> float:
        seen, started = 0, time.perf_counter()
        while True:
            for (images,) in loader:
                step(images)
                seen += len(images)
                if time.perf_counter() - started > seconds:
                    return seen / (time.perf_counter() - started)

    return train


def ours(key: str, batch: int, folder: Path):
    """The same by latentlab's loop as it is used: run folder, metrics, previews and all."""
    numbers = count()
    dataset = Dataset(IMAGES, "random", "handmade")

    def train(seconds: float) -> float:
        values = {"batch_size": batch, "steps": 0, "heldout": 0, "device": "cpu"}
        training = run.begin(dataset, run.plan(key, CASES[key], values), folder / f"{key}-{next(numbers)}")
        control, step = Control(), 0
        started = time.perf_counter()
        for event in training.events(control):
            if isinstance(event, Progress):
                step, took = event.step, time.perf_counter() - started
                if took > seconds and not control.stopped:
                    rate = step * batch / took
                    control.stop()
            assert not isinstance(event, Done) or event.reason == "stopped"
        return rate

    return train


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    report: dict[str, object] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    print(f"{'model':10} {'batch':>5} {'tutorial':>10} {'latentlab':>10} {'ratio':>6}   images/s")
    with tempfile.TemporaryDirectory() as folder:
        for key in CASES:
            batch = MODELS.get(key).training_defaults["batch_size"]
            trains = tutorial(key, batch), ours(key, batch, Path(folder))
            for train in trains:
                train(min(seconds, 1.0))  # what the first steps cost once
            rates = [[train(seconds) for train in trains] for _ in range(turns)]
            theirs, mine = (statistics.median(column) for column in zip(*rates, strict=True))
            print(f"{key:10} {batch:5} {theirs:10,.0f} {mine:10,.0f} {mine / theirs:6.2f}", flush=True)
            report[key] = {
                "tutorial": round(theirs),
                "latentlab": round(mine),
                "ratio": round(mine / theirs, 3),
            }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
