"""Where a training stands, on disk: what a checkpoint holds beside the model, and the way back to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.models.base import Model
from latentlab.training import checkpoint
from latentlab.training.order import Order
from latentlab.training.run_folder import RunFolder, step_of


def save(folder: RunFolder, model: Model, order: Order, seconds: float) -> Path:
    """A checkpoint of this moment; older ones are pruned."""
    path = folder.checkpoint_path(model.step_count)
    checkpoint.save(
        path,
        model,
        {
            "epoch": order.epoch,
            "position": order.position,
            "seconds": seconds,
            "data": folder.info["data"]["fingerprint"],
        },
    )
    folder.prune_checkpoints()
    return path


def restore(folder: RunFolder, model: Model, seed: int) -> tuple[int, int, float]:
    """Put the latest checkpoint into `model` -> its epoch, position in the epoch, and seconds of training.

    Settings that were changed at its very step are the caller's. Where the data has grown since it was saved,
    a new epoch begins. Where training went back to it because it diverged, the noise goes on from a seed that
    is drawn by how often that has happened: the same noise would only end the same way.
    """
    path = folder.latest_checkpoint()
    meta = checkpoint.load(path, model)
    times = sum(entry["back_to"] == step_of(path) for entry in folder.info.get("diverged", ()))
    if times:
        drawn = np.random.SeedSequence([seed, step_of(path), times]).generate_state(1)
        model.generator.manual_seed(int(drawn[0]))
    fingerprint = folder.info["data"]["fingerprint"]
    if meta.get("data", fingerprint) != fingerprint:
        return meta["epoch"] + 1, 0, meta["seconds"]
    return meta["epoch"], meta["position"], meta["seconds"]
