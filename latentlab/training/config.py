"""The settings of a training, whatever the model."""

from __future__ import annotations

from typing import Literal

from latentlab.core.config import Config, setting
from latentlab.models.device import TITLES


class TrainingConfig(Config):
    """Training ends after `steps` or `minutes`, whichever comes first; 0 sets no limit."""

    learning_rate: float = setting(
        1e-3,
        "Learning rate",
        "Adam's step size; too high and the loss explodes.",
        ge=1e-7,
        le=1,
        log=True,
        live=True,
    )
    batch_size: int = setting(128, "Batch", "Images per step.", ge=1, le=4096, unit="images", live=True)
    steps: int = setting(
        5000, "Stop after", "Steps to train; 0 goes on until stopped.", ge=0, le=100_000_000, unit="steps",
        zero="no limit", live=True,
    )  # fmt: skip
    minutes: float = setting(
        0.0,
        "Time limit",
        "Minutes of training; 0 sets no limit.",
        ge=0,
        le=100_000,
        unit="min",
        zero="no limit",
        live=True,
    )
    seed: int = setting(
        0,
        "Seed",
        "Fixes first weights, data order and noise: the same seed, the same run.",
        ge=0,
        le=2**31 - 1,
    )
    heldout: float = setting(
        0.1,
        "Held out",
        "Share of the images kept from training to judge it; data with a test set of its own uses that.",
        ge=0,
        le=0.5,
    )
    autosave: float = setting(
        60.0, "Autosave", "Seconds between checkpoints.", ge=1, le=86_400, unit="s", live=True
    )  # fmt: skip
    device: Literal["auto", "cuda", "mps", "cpu"] = setting(
        "auto", "Device", "Where the work is done.", labels=TITLES
    )
