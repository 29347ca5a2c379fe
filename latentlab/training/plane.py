"""What a model of points looks like in the plane of its data."""

from __future__ import annotations

import torch

from latentlab.core.points import is_points
from latentlab.models.base import Model
from latentlab.training.events import Plane

SAMPLES = 1000


def look(model: Model) -> Plane | None:
    """Samples of a model of points and what surrounds them; None for models of images."""
    if not is_points(model.image_shape):
        return None
    # Drawn on the CPU, so that the same latents are watched on every device.
    z = model.draw(SAMPLES, torch.Generator().manual_seed(0)).to(model.device)
    with model.evaluating():
        samples = model.decode(z).flatten(1).cpu().numpy()
    return Plane(samples)
