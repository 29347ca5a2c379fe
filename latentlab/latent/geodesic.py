"""Shortest ways in the images: geodesics of the metric that the decoder pulls back to the latent space."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from latentlab.data.base import Report, no_report
from latentlab.latent.inversion import differentiable
from latentlab.latent.walks import Route

if TYPE_CHECKING:
    from torch import Tensor

    from latentlab.models.base import Model

#: A leg bends by so many sines, and its energy is measured on so many pieces.
SINES, PIECES = 8, 24
#: Evaluations of the energy at most, and pieces on which lengths are measured in the end.
EVALUATIONS, FINE = 60, 256
#: Pixel values of images that are decoded at a time.
AT_A_TIME = 2**23


class Geodesic(Route):
    """Legs that are as short as they can be in the images, walked at an even pace of the images.

    The length of a path in the images is that under G(z) = J(z)^T J(z), J the decoder's Jacobian (Shao et
    al., arXiv 1711.08014; Arvanitidis et al., arXiv 1710.11379). Of the curves between two keyframes,
    line plus sines, that of least energy is sought by L-BFGS: the sum of squared differences of successive
    decodes (Chen et al., arXiv 1711.01204, take networks for the curves). Then places on it are chosen so
    that equal steps change the image equally. Where the search finds no shorter way it is the straight
    line, at an even pace as well. Categories are mixed along the curve.
    """

    def __init__(self, model: Model, keyframes: np.ndarray, loop: bool, report: Report = no_report) -> None:
        super().__init__(keyframes, loop, model.choices)
        moving = np.ones(self._keys.shape[1])
        moving[self._chosen] = 0
        self._chosen = []  # at the same places of the curve as the rest
        self._sines = np.zeros((self.legs, SINES, len(moving)))
        self._shares = np.empty((self.legs, FINE + 1))
        for leg in range(self.legs):
            ends = self._keys[leg], self._keys[leg + 1]
            self._sines[leg], self._shares[leg] = _solved(model, *ends, moving, report, leg, self.legs)

    def between(self, leg: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
        grid = np.linspace(0, 1, FINE + 1)
        path = np.empty_like(a)
        for n in np.unique(leg):
            mine = leg == n
            u = np.interp(t[mine, 0], self._shares[n], grid)
            path[mine] = (1 - u)[:, None] * a[mine] + u[:, None] * b[mine] + _waves(u) @ self._sines[n]
        return path


def _waves(u: np.ndarray) -> np.ndarray:
    """The sines at u (T,) -> float64 (T, SINES); all 0 at both ends."""
    return np.sin(np.pi * u[:, None] * np.arange(1, SINES + 1))


def _solved(
    model: Model, a: np.ndarray, b: np.ndarray, moving: np.ndarray, report: Report, leg: int, legs: int
) -> tuple[np.ndarray, np.ndarray]:
    """The sines (SINES, D) of the curve from a to b (D,), and its length up to FINE + 1 places: 0..1."""
    import torch

    total, done = legs * (EVALUATIONS + 1), leg * (EVALUATIONS + 1)
    report(done, total)
    if np.array_equal(a, b):
        return np.zeros((SINES, len(a))), np.linspace(0, 1, FINE + 1)
    u = np.linspace(0, 1, PIECES + 1)
    line = _tensor(model, (1 - u)[:, None] * a + u[:, None] * b)
    waves, mask = _tensor(model, _waves(u)), _tensor(model, moving)
    # High sines cost less of them, so that the search begins with bends rather than ripples.
    scale = 1 / _tensor(model, np.arange(1, SINES + 1))[:, None]
    with differentiable(model):
        bends = torch.zeros(SINES, len(a), device=model.device, requires_grad=True)
        search = torch.optim.LBFGS(
            [bends],
            max_iter=EVALUATIONS,
            max_eval=EVALUATIONS,
            history_size=10,
            tolerance_grad=1e-9,
            line_search_fn="strong_wolfe",
        )
        seen: list[tuple[float, Tensor]] = []

        def energy() -> Tensor:
            report(done + min(len(seen), EVALUATIONS), total)
            curve = line + waves @ (scale * bends) * mask
            images = model.decode(curve).flatten(1)
            value = PIECES * (images[1:] - images[:-1]).square().sum()
            (bends.grad,) = torch.autograd.grad(value, bends)
            seen.append((float(value.detach()), bends.detach().clone()))
            return value.detach()

        search.step(energy)
    best = min((s for s in seen if math.isfinite(s[0])), key=lambda s: s[0], default=seen[0])[1]
    sines = (scale * best * mask).cpu().double().numpy()
    if not np.isfinite(sines).all():
        sines = np.zeros_like(sines)
    bent = _lengths(model, a, b, sines)
    straight = _lengths(model, a, b, np.zeros_like(sines))
    if not bent[-1] < straight[-1]:  # measured finer than it was sought; not finite
        sines, bent = np.zeros_like(sines), straight
    shares = bent / bent[-1] if bent[-1] > 0 else np.linspace(0, 1, FINE + 1)
    return sines, shares


def _lengths(model: Model, a: np.ndarray, b: np.ndarray, sines: np.ndarray) -> np.ndarray:
    """How long the curve is in the images up to each of FINE + 1 places -> float64 (FINE + 1,)."""
    u = np.linspace(0, 1, FINE + 1)
    curve = (1 - u)[:, None] * a + u[:, None] * b + _waves(u) @ sines
    return np.concatenate([[0.0], np.cumsum(image_steps(model, curve.astype(np.float32)))])


def image_steps(model: Model, latents: np.ndarray) -> np.ndarray:
    """How far apart the images of successive latents (T, D) are: norms of pixel values, float64 (T - 1,)."""
    import torch

    batch = max(2, AT_A_TIME // math.prod(model.image_shape))
    steps, last = [], None
    with model.evaluating():
        for start in range(0, len(latents), batch):
            images = model.decode(_tensor(model, latents[start : start + batch])).flatten(1)
            if last is not None:
                images = torch.cat([last, images])
            steps.append((images[1:] - images[:-1]).norm(dim=1).cpu().double().numpy())
            last = images[-1:]
    return np.concatenate(steps)


def _tensor(model: Model, values: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(np.array(values, np.float32)).to(model.device)
