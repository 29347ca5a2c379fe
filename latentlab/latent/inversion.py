"""From an image back to the latent that decodes to it, also for models without an encoder."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.errors import ConfigError
from latentlab.core.points import is_points
from latentlab.data.base import Report, no_report
from latentlab.latent import samplers

if TYPE_CHECKING:
    from torch import Tensor

    from latentlab.models.base import Model

#: Steps of the search between two looks at the best so far.
EVERY = 5
#: Weight of the mean of z² against mean squared errors of pixels in [0, 1]: it decides where they do not.
PRIOR = 1e-4
#: The image is halved for the loss as long as its shorter side has so many pixels.
SMALLEST_SIDE = 8
#: Categories that are tried whatever `starts` says; choices of many thousands of combinations exist.
MOST_CATEGORIES = 32
#: Images that are encoded or latents that are decoded at once.
BATCH = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Inversion:
    """The best answer after `step` of `total` steps.

    z: float32 (D,). image: its decode, uint8 (C, H, W), a picture of it where it is a point. psnr: of that
    against the image sought, in dB; of points that of the coordinates.
    """

    step: int
    total: int
    z: np.ndarray
    image: np.ndarray
    psnr: float


def invert(
    model: Model,
    image: np.ndarray,
    *,
    starts: int = 8,
    steps: int = 300,
    candidates: int = 512,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> Iterator[Inversion]:
    """Search the latent whose decode is nearest to `image`, uint8 (C, H, W): the best so far every 5 steps.

    A point is float32 (2, 1, 1), in [0, 1].

    GAN inversion by optimisation (Creswell and Bharath, arXiv 1611.05644; Zhu et al., arXiv 1609.03552): of
    `candidates` latents, of seeds seed, seed + 1, ..., the best `starts`, and the encoder's answer where
    there is one, go downhill side by side with Adam. The loss is the squared error of the image and of its
    halvings, which shows the way to strokes that do not overlap yet, plus a little of z²; the rate falls to 0
    as a cosine. Choices of the model are taken from the candidates, each category once at least, and
    stay one-hot.

    The PSNR never falls, and the same seed gives the same answer. To stop, leave the iteration: between two
    answers the model is as it was found, parameters get no gradients at any time. ConfigError for an image of
    another shape and for settings out of range.
    """
    if image.dtype != (dtype := _dtype(model)) or image.shape != model.image_shape:
        expected = ", ".join(str(side) for side in model.image_shape)
        raise ConfigError(
            f"image: {image.dtype} {image.shape} is not allowed; expected {dtype} ({expected})."
        )
    for name, value in {"starts": starts, "steps": steps, "candidates": candidates}.items():
        if value < 1:
            raise ConfigError(f"{name}: {value} is not allowed; expected a whole number of at least 1.")
    if not 0 < learning_rate < math.inf:
        raise ConfigError(f"learning_rate: {learning_rate} is not allowed; expected a number above 0.")
    latents = samplers.draw(model, range(seed, seed + candidates))
    return _search(model, image, latents, starts, steps, learning_rate)


def _search(
    model: Model, image: np.ndarray, candidates: np.ndarray, starts: int, steps: int, learning_rate: float
) -> Iterator[Inversion]:
    import torch

    from latentlab.models.pixels import to_unit

    moving = samplers.continuous(model)
    with differentiable(model):
        pixels = to_unit(torch.from_numpy(image[None].copy()).to(model.device))
        target = _pyramid(pixels)
        z = torch.from_numpy(_starts(model, pixels, target, candidates, starts)).to(model.device)
        z.requires_grad_()
        moves = torch.zeros(model.latent_shape, device=model.device)
        moves[moving] = 1
        optimizer = torch.optim.Adam([z], learning_rate)

    best, lowest, result = z.detach()[0].cpu().numpy().copy(), math.inf, None
    for step in range(steps + 1):
        with differentiable(model):
            loss, errors = _distances(model.decode(z), target)
            error, place = errors.detach().min(0)
            if float(error) < lowest:
                best, lowest = z.detach()[place].cpu().numpy().copy(), float(error)
            if step < steps:
                optimizer.param_groups[0]["lr"] = learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
                loss = loss + PRIOR * (z * moves).square().sum(1) / max(1, len(moving))
                # Asking for this gradient alone leaves those of the parameters as they are.
                (gradient,) = torch.autograd.grad(loss.sum(), z)
                z.grad = gradient * moves
                optimizer.step()
        if step % EVERY == 0 or step == steps:
            picture, quality = _judged(model, best, image)
            if result is None or quality >= result.psnr:  # rounding to pixels can undo a tiny gain
                result = Inversion(step, steps, best, picture, quality)
            yield dataclasses.replace(result, step=step)


def _dtype(model: Model) -> np.dtype:
    """What images come in: bytes, but for points."""
    return np.dtype(np.float32 if is_points(model.image_shape) else np.uint8)


def _judged(model: Model, z: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, float]:
    """A latent (D,) as a picture, and the PSNR of its decode."""
    import torch

    from latentlab.models.pixels import render

    picture = render(model, z[None])[0]
    if not is_points(model.image_shape):
        return picture, psnr(picture, image)
    with model.evaluating():
        point = model.decode(torch.from_numpy(z[None]).to(model.device)).cpu().numpy()[0]
    return picture, psnr(point, image)


def _starts(
    model: Model, pixels: Tensor, target: list[Tensor], candidates: np.ndarray, starts: int
) -> np.ndarray:
    """float32 (S, D): the encoder's answer where there is one, then the candidates nearest to the image."""
    import torch

    with model.evaluating():
        parts = torch.from_numpy(candidates).split(BATCH)
        losses = [_distances(model.decode(part.to(model.device)), target)[0].cpu() for part in parts]
        order = torch.cat(losses).argsort(stable=True).numpy()
        chosen = candidates[_varied(model, candidates, order, starts)]
        if not model.can_encode:
            return chosen
        answer = model.encode(pixels).cpu().numpy().copy()
    for choice in model.choices:
        part = answer[:, choice.start : choice.stop]
        part[:] = samplers.one_hot(choice, int(part.argmax()))
    return np.concatenate([answer, chosen])


def _varied(model: Model, candidates: np.ndarray, order: np.ndarray, starts: int) -> list[int]:
    """The first `starts` of `order` in rounds: the best of every category, the second best of each, ...

    A category cannot be left on the way down, so each of them starts once, however few `starts` are.
    """
    kept = np.delete(candidates, samplers.continuous(model), axis=1)
    seen: Counter[bytes] = Counter()
    rounds = {}
    for place in order.tolist():
        rounds[place] = seen[kept[place].tobytes()]
        seen[kept[place].tobytes()] += 1
    return sorted(rounds, key=lambda place: rounds[place])[: max(starts, min(len(seen), MOST_CATEGORIES))]


def _pyramid(images: Tensor) -> list[Tensor]:
    """Images (N, C, H, W) and their halvings by averages, the largest first."""
    from torch.nn.functional import avg_pool2d

    levels = [images]
    while min(levels[-1].shape[2:]) >= SMALLEST_SIDE:
        levels.append(avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False))
    return levels


def _distances(images: Tensor, target: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) against the levels of one -> mean squared errors (N,): of all levels, of pixels."""
    import torch

    levels = zip(_pyramid(images), target, strict=True)
    errors = [(ours - theirs).square().flatten(1).mean(1) for ours, theirs in levels]
    return torch.stack(errors).mean(0), errors[0]


@contextlib.contextmanager
def differentiable(model: Model) -> Iterator[None]:
    """As `model.evaluating`, with gradients, also where the caller works without."""
    import torch

    modes = {name: net.training for name, net in model.nets.items()}
    model.train(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for name, net in model.nets.items():
            net.train(modes[name])


def locate(model: Model, images: np.ndarray, report: Report = no_report, **settings: Any) -> np.ndarray:
    """uint8 images (N, C, H, W) -> float32 latents (N, D): posterior means, or else inversions one by one.

    Points are float32, in [0, 1].

    `settings` are those of `invert`. Calls `report(done, total)` often, in images or in steps; what that
    raises ends it. ConfigError as `invert`.
    """
    import torch

    from latentlab.models.pixels import to_unit

    if not len(images):
        return np.empty((0, *model.latent_shape), np.float32)
    if images.dtype != (dtype := _dtype(model)) or images.shape[1:] != model.image_shape:
        expected = ", ".join(str(side) for side in model.image_shape)
        found = f"{images.dtype} {images.shape}"
        raise ConfigError(f"images: {found} is not allowed; expected {dtype} (N, {expected}).")
    if not model.can_encode:
        latents = []
        for done, image in enumerate(images):
            for answer in invert(model, image, **settings):
                report(done * answer.total + answer.step, len(images) * answer.total)
            latents.append(answer.z)
        return np.stack(latents)
    parts = []
    for start in range(0, len(images), BATCH):
        report(start, len(images))
        batch = torch.from_numpy(images[start : start + BATCH].copy())
        with model.evaluating():
            parts.append(model.encode(to_unit(batch.to(model.device))).cpu().numpy())
    report(len(images), len(images))
    return np.concatenate(parts)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two images of one shape in dB, -10 log10 of the mean squared error.

    Each is uint8, or floating point in [0, 1]. Infinite for equal images.
    """
    a, b = (x / 255.0 if x.dtype == np.uint8 else x.astype(np.float64) for x in (a, b))
    error = float(np.square(a - b).mean())
    return math.inf if error == 0 else -10 * math.log10(error)
