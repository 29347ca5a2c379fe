"""The one conversion between what models see and pixels; the screen and every export use it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentlab.core import points
from latentlab.models.base import Model


def to_unit(batch: Tensor) -> Tensor:
    """uint8 (N, C, H, W), or points as float32 in [0, 1] -> float32 in [0, 1]."""
    return batch if batch.is_floating_point() else batch.float().div_(255)


def to_signed(batch: Tensor) -> Tensor:
    """What `to_unit` takes -> float32 in [-1, 1], what a generator with tanh is compared with."""
    return 2 * batch - 1 if batch.is_floating_point() else batch.float().div_(127.5).sub_(1)


def to_pixels(images: Tensor) -> np.ndarray:
    """float images (N, C, H, W) in [0, 1] -> C-contiguous uint8, rounded and clamped; NaN becomes 0."""
    scaled = images.detach().float().nan_to_num(0.0).clamp(0, 1).mul(255).round_()
    return np.ascontiguousarray(scaled.to(torch.uint8).cpu().numpy())


def render(model: Model, latents: np.ndarray, batch: int = 256) -> np.ndarray:
    """Decode float32 latents (N, D) -> uint8 pictures (N, C, H, W), `batch` at a time, in evaluation mode.

    Points are drawn: the pictures' shape is `core.points.picture_shape` of the model's.
    """
    convert = _drawn if points.is_points(model.image_shape) else to_pixels
    z = torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32))
    with model.evaluating():
        parts = [convert(model.decode(part.to(model.device))) for part in z.split(batch)]
    return np.concatenate(parts)


def _drawn(decoded: Tensor) -> np.ndarray:
    return points.draw(decoded.float().nan_to_num(0.0).cpu().numpy())
