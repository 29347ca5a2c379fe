"""How a decoded image changes with its latent: products with the decoder's Jacobian, in forward mode.

J has a row for each of the P = C H W pixel values and a column per latent dimension, P far above D, so a
product J t per dimension (forward mode; Baydin et al., arXiv 1502.05767) costs less than one per pixel.
"""

from __future__ import annotations

import functools
import math
import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np

from latentlab.data.base import Report, no_report

if TYPE_CHECKING:
    from torch import Tensor

    from latentlab.models.base import Model

#: Bytes of the Jacobian that `gram` holds at a time: 512 dimensions of 256×256 in colour would be 384 MiB.
HELD = 2**28
#: Torch's forward mode is one for all threads, and refuses a second level.
_FORWARD = threading.Lock()


def jacobian(model: Model, z: np.ndarray, report: Report = no_report) -> np.ndarray:
    """d decode(z) / d z at one latent (D,) -> float32 (P, D); 4 P D bytes, which `gram` does without.

    `report` may raise `Cancelled`; the nets' modes stay as they were.
    """
    return _columns(model, z, slice(None), report, 0, len(z)).T


def gram(model: Model, z: np.ndarray, report: Report = no_report) -> np.ndarray:
    """J^T J at one latent (D,) -> float64 (D, D): what a small step does to the image, squared.

    Its eigenvectors are the right singular vectors of J, its eigenvalues the squares of the singular values.
    """
    pixels, size = math.prod(model.image_shape), len(z)
    rows = max(1, HELD // (4 * size))
    starts = range(0, pixels, rows)
    total = np.zeros((size, size))
    for turn, start in enumerate(starts):
        # Too large a Jacobian is made again for each part of the pixels, which takes time instead of memory.
        part = _columns(model, z, slice(start, start + rows), report, turn * size, len(starts) * size)
        for at in range(0, part.shape[1], 8192):
            block = part[:, at : at + 8192].astype(np.float64)
            total += block @ block.T
            report((turn + 1) * size, len(starts) * size)
    return total


def sensitivity(model: Model, latents: np.ndarray, report: Report = no_report) -> np.ndarray:
    """How much the image changes with each dimension, at latents (N, D), N > 0 -> float64 (D,).

    The root mean square over the latents of |J e_i|: the norm of the image's change, pixel values in 0 to 1,
    per sigma of dimension i. N D products; max(4, 2048 // D) latents are enough to sort dimensions by it.
    """
    count, size = latents.shape
    batch = _batch(model)
    squares = np.empty(count * size)
    for start in range(0, count * size, batch):
        pairs = np.arange(start, min(start + batch, count * size))
        change = _products(model, latents[pairs // size], np.eye(size, dtype=np.float32)[pairs % size])
        squares[pairs] = change.double().square().sum(1).numpy()
        report(int(pairs[-1]) + 1, count * size)
    return np.sqrt(squares.reshape(count, size).mean(0))


def _columns(model: Model, z: np.ndarray, pixels: slice, report: Report, done: int, total: int) -> np.ndarray:
    """The rows `pixels` of the Jacobian, as float32 (D, R); `done` products of `total` lie behind."""
    size, batch = len(z), _batch(model)
    columns = np.empty((size, len(range(math.prod(model.image_shape))[pixels])), np.float32)
    for start in range(0, size, batch):
        tangents = np.eye(size, dtype=np.float32)[start : start + batch]
        change = _products(model, np.broadcast_to(z, tangents.shape), tangents)
        columns[start : start + batch] = change[:, pixels].numpy()
        report(done + start + len(tangents), total)
    return columns


def _products(model: Model, points: np.ndarray, tangents: np.ndarray) -> Tensor:
    """J(z_i) t_i for points and tangents (K, D) -> float32 (K, P) on the CPU."""
    import torch
    from torch.autograd import forward_ad

    z, t = (torch.from_numpy(np.array(a, np.float32)).to(model.device) for a in (points, tangents))
    prepare()
    # `evaluating` turns inference mode on, whose tensors forward mode does not take.
    with _FORWARD, model.evaluating(), torch.inference_mode(False), torch.no_grad(), forward_ad.dual_level():
        change = forward_ad.unpack_dual(model.decode(forward_ad.make_dual(z, t))).tangent
    assert change is not None
    return change.flatten(1).float().cpu()


@functools.cache
def prepare() -> None:
    """Let torch compile its formulas, once, by a call that it has itself deprecated.

    For half a second no other thread of Python has a turn: a window does it before anything is at work in it.
    """
    import torch
    from torch.autograd import forward_ad

    with _FORWARD, warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore")
        forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


def _batch(model: Model) -> int:
    """Products at a time: many of small images, few of large ones, whose activations fill the memory."""
    return max(1, min(256, 2**21 // math.prod(model.image_shape)))
