"""The one conversion between what models see and pixels; the screen and every export use it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentlab.models.base import Model


def to_unit(batch: Tensor) -> Tensor:
    """uint8 (N, C, H, W) -> float32 in [0, 1]."""
    return batch.float().div_(255)


def to_signed(batch: Tensor) -> Tensor:
    """uint8 (N, C, H, W) -> float32 in [-1, 1], what a generator with tanh is compared with."""
    return batch.float().div_(127.5).sub_(1)


def to_pixels(images: Tensor) -> np.ndarray:
    """float images (N, C, H, W) in [0, 1] -> C-contiguous uint8, rounded and clamped; NaN becomes 0."""
    scaled = images.detach().float().nan_to_num(0.0).clamp(0, 1).mul(255).round_()
    return np.ascontiguousarray(scaled.to(torch.uint8).cpu().numpy())


def render(model: Model, latents: np.ndarray, batch: int = 256) -> np.ndarray:
    """Decode float32 latents (N, D) -> uint8 images (N, C, H, W), `batch` at a time, in evaluation mode."""
    z = torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32))
    with model.evaluating():
        parts = [to_pixels(model.decode(part.to(model.device))) for part in z.split(batch)]
    return np.concatenate(parts)
