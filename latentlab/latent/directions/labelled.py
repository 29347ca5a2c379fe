"""Latents whose images are known: of a dataset's images, or of samples that its images teach us to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latentlab.core.points import is_points
from latentlab.data.base import Dataset, Report
from latentlab.latent import samplers
from latentlab.latent.factors import CIRCULAR, is_categorical

if TYPE_CHECKING:
    from latentlab.models.base import Model

BATCH = 256
#: Side that images are brought to before a linear judge sees them: what tells classes apart is coarse.
JUDGED_SIDE = 16


@dataclass(frozen=True, eq=False)
class Labelled:
    """latents float32 (N, D), with labels int64 (N,) or None, and factors name -> float64 (N,)."""

    latents: np.ndarray
    labels: np.ndarray | None
    factors: Mapping[str, np.ndarray]


def obstacle(model: Model, dataset: Dataset | None, what: str) -> str:
    """Why there are no labelled latents, in one sentence, or "". `what` is what is asked for."""
    if dataset is None:
        return f"This needs images with {what}: load the data that the model learned, or other such images."
    if dataset.image_shape != model.image_shape:
        if dataset.is_points or is_points(model.image_shape):
            held, made = ("points", "images") if dataset.is_points else ("images", "points")
            return f"{dataset.name} holds {held}; expected {made} as the model makes them."
        found, expected = ("×".join(map(str, s)) for s in (dataset.image_shape, model.image_shape))
        return f"{dataset.name} holds images of {found}; expected {expected} as the model makes them."
    return ""


def gather(model: Model, dataset: Dataset, samples: int, seed: int, report: Report) -> Labelled:
    """At most `samples` latents with what is known of them: a seeded draw from the images, encoded.

    Of a VAE a latent is drawn from each posterior, as in training, rather than its mean taken: the means of a
    dimension that is not used still tell a little, but to them the decoder never learned to listen.

    A model without an encoder draws latents instead, and linear judges trained on the images say what their
    decoded images are, as in InterFaceGAN (Shen et al., arXiv 1907.10786): logistic regression for labels,
    ridge regression for factors, of sine and cosine where they are angles.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:samples])
    images = dataset.rows(chosen)
    labels = None if dataset.labels is None else dataset.labels[chosen]
    factors = {name: values[chosen].astype(np.float64) for name, values in dataset.factors.items()}
    if model.can_encode:
        return Labelled(_encode(model, images, seed, report), labels, factors)

    latents = samplers.draw(model, range(seed, seed + samples))
    # Points are judged by their pictures, too: a linear judge of two numbers could tell few classes apart.
    known, unknown = _coarse(dataset.pictures(chosen)), _decode_coarse(model, latents, report)
    if labels is not None:
        labels = _class(known, labels, unknown)
    judged = {}
    for name, values in factors.items():
        report(samples, samples)
        judged[name] = _factor(known, name, values, unknown)
    return Labelled(latents, labels, judged)


def _encode(model: Model, images: np.ndarray, seed: int, report: Report) -> np.ndarray:
    import torch

    from latentlab.models.pixels import to_unit
    from latentlab.models.vae import VAE

    generator = torch.Generator(model.device).manual_seed(seed)
    parts = []
    for start in range(0, len(images), BATCH):
        part = torch.from_numpy(images[start : start + BATCH]).to(model.device)
        with model.evaluating():
            if isinstance(model, VAE):
                z = model.draw_posterior(to_unit(part), generator)
            else:
                z = model.encode(to_unit(part))
            parts.append(z.cpu().numpy())
        report(start + len(part), len(images))
    return np.concatenate(parts)


def _decode_coarse(model: Model, latents: np.ndarray, report: Report) -> np.ndarray:
    from latentlab.models.pixels import render

    parts = []
    for start in range(0, len(latents), BATCH):
        parts.append(_coarse(render(model, latents[start : start + BATCH], 64)))
        report(start, len(latents))
    return np.concatenate(parts)


def _coarse(images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 (N, F) in 0..1, averaged down to at most `JUDGED_SIDE` a side."""
    import torch

    height, width = images.shape[2:]
    side = (min(height, JUDGED_SIDE), min(width, JUDGED_SIDE))
    parts = torch.from_numpy(images).split(BATCH)
    small = [torch.nn.functional.adaptive_avg_pool2d(part.float() / 255, side) for part in parts]
    return torch.cat(small).flatten(1).numpy()


def _class(known: np.ndarray, labels: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) < 2:
        return np.full(len(unknown), labels[0])
    found: np.ndarray = LogisticRegression(max_iter=2000).fit(known, labels).predict(unknown)
    return found


def _factor(known: np.ndarray, name: str, values: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import Ridge

    found: np.ndarray
    if name in CIRCULAR:
        turn = np.deg2rad(values)
        sin, cos = Ridge().fit(known, np.stack([np.sin(turn), np.cos(turn)], axis=1)).predict(unknown).T
        found = np.rad2deg(np.arctan2(sin, cos)) % 360
    elif is_categorical(values):
        found = _class(known, values.astype(np.int64), unknown).astype(np.float64)
    else:
        found = Ridge().fit(known, values).predict(unknown)
    return found.astype(np.float64)
