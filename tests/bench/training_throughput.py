"""Images a second of latentlab's training loop, beside a tutorial's loop over the same nets.

    python tests/bench/training_throughput.py [seconds per turn] [turns] [case ...]

The tutorial: a DataLoader over a TensorDataset of floats, Adam as it comes, torch's own layers, both nets'
gradients everywhere, losses read with .item() in every step. Each side has a process of its own, whose
allocator the other does not tune. Turns are interleaved, so that what else the machine does falls on both;
the median turn of each counts. Data are random and as large as MNIST's images, batches of 128.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from latentlab import run
from latentlab.data.base import Dataset
from latentlab.models import MODELS, Model, kernels
from latentlab.models.blocks import Dropout
from latentlab.training.control import Control
from latentlab.training.events import Progress

CASES: dict[str, tuple[str, dict[str, int]]] = {
    "mlp-gan": ("mlp-gan", {}),
    "light dcgan": ("dcgan", {"width": 32}),
    "dcgan": ("dcgan", {}),
    "vae-conv": ("vae-conv", {}),
    "vae-mlp": ("vae-mlp", {}),
}
BATCH = 128
IMAGES = np.random.default_rng(0).integers(0, 256, (10_000, 1, 28, 28), dtype=np.uint8)


def plain(net: nn.Module) -> nn.Module:
    """The same layers as torch has them."""
    layers: list[nn.Module] = []
    for layer in net.children():
        if isinstance(layer, Dropout):
            layer = nn.Dropout(layer.threshold / 256)
        elif type(layer) in kernels.STAND_INS.values():
            layer.__class__ = type(layer).__bases__[0]
        layers.append(layer)
    return nn.Sequential(*layers).train().to(memory_format=torch.contiguous_format)


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


def tutorial(case: str, folder: Path) -> Callable[[float], float]:
    """A function that trains for some seconds -> images a second."""
    key, values = CASES[case]
    kind = MODELS.get(key)
    model = kind(kind.Config(**values), (1, 28, 28))
    step = (tutorial_vae if kind.family == "vae" else tutorial_gan)(model)
    data = TensorDataset(torch.from_numpy(IMAGES).float() / 127.5 - 1)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)

    def train(seconds: float) -> float:
        seen, started = 0, time.perf_counter()
        while True:
            for (images,) in loader:
                step(images)
                seen += len(images)
                if time.perf_counter() - started > seconds:
                    return seen / (time.perf_counter() - started)

    return train


def latentlab(case: str, folder: Path) -> Callable[[float], float]:
    """The same by latentlab's loop as it is used: run folder, metrics, previews and all."""
    key, values = CASES[case]
    numbers = count()
    dataset = Dataset(IMAGES, "random", "handmade")

    def train(seconds: float) -> float:
        settings = {"batch_size": BATCH, "steps": 0, "heldout": 0, "device": "cpu"}
        training = run.begin(dataset, run.plan(key, values, settings), folder / f"{key}-{next(numbers)}")
        control, rate = Control(), 0.0
        started = time.perf_counter()
        for event in training.events(control):
            took = time.perf_counter() - started
            if isinstance(event, Progress) and took > seconds and not control.stopped:
                rate = event.step * BATCH / took
                control.stop()
        return rate

    return train


SIDES = {"tutorial": tutorial, "latentlab": latentlab}


class Side:
    """One side of one case, in a process of its own."""

    def __init__(self, name: str, case: str) -> None:
        command = [sys.executable, __file__, "--side", name, case]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def train(self, seconds: float) -> float:
        """Images a second."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(seconds, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(side: str, case: str) -> None:
    """Train for as many seconds as each line of the input says, and answer with the rate."""
    with tempfile.TemporaryDirectory() as folder:
        train = SIDES[side](case, Path(folder))
        for line in sys.stdin:
            print(train(float(line)), flush=True)


def main() -> None:
    if "--side" in sys.argv:
        return serve(*sys.argv[2:4])
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    report: dict[str, object] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    print(f"{'images/s':12} {'tutorial':>10} {'latentlab':>10} {'ratio':>6}")
    for case in sys.argv[3:] or CASES:
        sides = [Side(name, case) for name in SIDES]
        for side in sides:
            side.train(min(seconds, 1.0))  # what the first steps cost once
        rates = [[side.train(seconds) for side in sides] for _ in range(turns)]
        for side in sides:
            side.close()
        theirs, mine = (statistics.median(column) for column in zip(*rates, strict=True))
        print(f"{case:12} {theirs:10,.0f} {mine:10,.0f} {mine / theirs:6.2f}", flush=True)
        report[case] = {
            "tutorial": round(theirs),
            "latentlab": round(mine),
            "ratio": round(mine / theirs, 3),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
