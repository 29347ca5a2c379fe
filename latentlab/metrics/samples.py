"""The samples that metrics look at."""

from __future__ import annotations

import numpy as np

from latentlab.core.points import is_points
from latentlab.models.base import Model


def samples(model: Model, count: int) -> np.ndarray:
    """What a dataset would hold of the model's prior: uint8 (count, C, H, W), or float32 points.

    Always of the same latents, drawn on the CPU, so that every device is judged alike.
    """
    import torch

    from latentlab.models.pixels import render

    latents = model.draw(count, torch.Generator().manual_seed(0))
    if not is_points(model.image_shape):
        return render(model, latents.numpy())
    with model.evaluating():
        points: np.ndarray = model.decode(latents.to(model.device)).float().nan_to_num(0.0).cpu().numpy()
    return points
