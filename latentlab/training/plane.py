"""What a model of points looks like in the plane of its data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentlab.core.points import SHAPE, is_points
from latentlab.models.base import Model
from latentlab.models.gan import GAN
from latentlab.training.events import Plane

SAMPLES = 1000
#: Sides of the grids: what the discriminator says, its gradient, and the lattice that is decoded.
FIELD, ARROWS, LATTICE = 64, 16, 33
#: How far that lattice reaches to each side, in sigma.
EXTENT = 2.5


def look(model: Model) -> Plane | None:
    """Samples of a model of points and what surrounds them; None for models of images.

    The same latents every time. Nets, their gradients and random states stay as they are, so that looking
    changes nothing of a training. An evaluation copy without a discriminator has no field.
    """
    if not is_points(model.image_shape):
        return None
    field = arrows = None
    # Drawn on the CPU, so that the same latents are watched on every device.
    z = model.draw(SAMPLES, torch.Generator().manual_seed(0))
    with model.evaluating():
        samples = _decode(model, z)
        lattice = _lattice(model)
        image = None if lattice is None else _decode(model, lattice).reshape(LATTICE, LATTICE, 2)
        if isinstance(model, GAN) and "discriminator" in model.nets:
            field = model.criticize(_cells(FIELD).to(model.device)).float().cpu().numpy()
            arrows = _arrows(model)
    return Plane(
        samples,
        None if field is None else field.reshape(FIELD, FIELD),
        arrows,
        image,
        EXTENT if image is not None else 0.0,
    )


def _decode(model: Model, z: Tensor) -> np.ndarray:
    found: np.ndarray = model.decode(z.to(model.device)).float().flatten(1).cpu().numpy()
    return found


def _lattice(model: Model) -> Tensor | None:
    """Latents (L * L, D) over the first two continuous dimensions, rows from below; None where there are
    fewer. The others are 0, and choices at their first category.
    """
    chosen = {i for choice in model.choices for i in range(choice.start, choice.stop)}
    free = [i for i in range(model.latent_shape[0]) if i not in chosen]
    if len(free) < 2:
        return None
    z = torch.zeros(LATTICE * LATTICE, *model.latent_shape)
    z[:, [choice.start for choice in model.choices]] = 1
    steps = torch.linspace(-EXTENT, EXTENT, LATTICE)
    z[:, free[0]], z[:, free[1]] = steps.repeat(LATTICE), steps.repeat_interleave(LATTICE)
    return z


def _cells(side: int) -> Tensor:
    """Points (side * side, 2, 1, 1): the centres of a grid over the unit square, rows from y = 0 up."""
    centres = (torch.arange(side) + 0.5) / side
    return torch.stack([centres.repeat(side), centres.repeat_interleave(side)], 1).reshape(-1, *SHAPE)


def _arrows(model: GAN) -> np.ndarray:
    """float32 (A * A, 4): x, y and the gradient there of what the discriminator says."""
    with torch.inference_mode(False), torch.enable_grad():
        cells = _cells(ARROWS)
        where = cells.to(model.device, copy=True).requires_grad_()
        # Asking for this gradient alone leaves those of the parameters as they are.
        (gradient,) = torch.autograd.grad(model.criticize(where).sum(), where)
    return torch.cat([cells.flatten(1), gradient.float().cpu().flatten(1)], 1).numpy()
