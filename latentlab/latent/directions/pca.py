"""Where samples differ most: principal components of images or of an early layer, taken back to latents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import oriented, percent, whole

if TYPE_CHECKING:
    from latentlab.models.base import Model

BATCH = 64
#: Numbers of all samples together, as float32 half a gigabyte: large images are sampled less often.
HELD = 2**27


@register("pca")
class PCA(Method):
    """GANSpace (Harkonen et al., arXiv 2004.02546): PCA of samples, then regression back to the latents.

    The sampled latents are whitened (mean 0, covariance I, exactly), so that for a linear decoder the
    answer is exact, its right singular vectors, however few the samples. What choices change is taken out.
    """

    title = "PCA (GANSpace)"
    about = "What varies most over all samples: size, place, style; needs no labels, the one to begin with."
    paper = "2004.02546"

    class Config(Method.Config):
        space: Literal["outputs", "features"] = setting(
            "outputs",
            "Of",
            "Images, or the decoder's first layer, which is nearer to the latents than to pixels.",
            labels={"outputs": "images", "features": "early layer"},
        )
        count: int = setting(10, "Count", "Directions to find, the strongest first.", ge=1, le=100)
        samples: int = setting(
            2000, "Samples", "Latents drawn; more than dimensions, fewer of large images.", ge=20, le=100_000
        )
        seed: int = setting(0, "Seed", "Another seed draws other samples.", ge=0, le=2**31 - 1)

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        from sklearn import decomposition

        dims = samplers.continuous(model)
        samples = min(config.samples, max(2 * len(dims), HELD // math.prod(model.image_shape)))
        if samples <= len(dims):
            raise ConfigError(
                f"pca.samples: {samples} is not allowed; expected more than the latent's size, {len(dims)}."
            )
        latents = samplers.draw(model, range(config.seed, config.seed + samples))
        latents[:, dims] = whitened = _whiten(latents[:, dims].astype(np.float64))
        seen = _look(model, latents, config.space, report)
        others = np.delete(latents, dims, axis=1).astype(np.float64)
        if others.shape[1]:  # a category's mean image is no direction of the continuous dimensions
            seen -= (others @ np.linalg.lstsq(others, seen, rcond=None)[0]).astype(np.float32)

        count = min(config.count, len(dims), seen.shape[1])
        # Of many numbers only the first components are sought; arpack's are exact where "randomized" is not.
        few = min(seen.shape) <= 500 or count == min(seen.shape)
        pca = decomposition.PCA(count, svd_solver="full" if few else "arpack", random_state=config.seed)
        if not np.ptp(seen, axis=0).any():
            raise ConfigError("Every sample looks the same: this model must be trained before PCA can help.")
        along = pca.fit_transform(seen).astype(np.float64)
        report(samples, samples)
        found = []
        for k, share in enumerate(pca.explained_variance_ratio_):
            # The coordinates are uncorrelated, so least squares for one needs no other (section 3.1).
            vector = oriented(whitened.T @ along[:, k])
            if share > 1e-9 and np.linalg.norm(vector) > 0:
                note = f"{percent(share)} of variance"
                found.append(Direction(f"PCA {k + 1}", whole(model, vector), cls.key, note))
        return found


def _whiten(latents: np.ndarray) -> np.ndarray:
    """(N, K) -> the nearest ones with mean 0 and covariance I."""
    latents = latents - latents.mean(0)
    values, vectors = np.linalg.eigh(latents.T @ latents / len(latents))
    return latents @ (vectors / np.sqrt(values)) @ vectors.T


def _look(model: Model, latents: np.ndarray, space: str, report: Report) -> np.ndarray:
    """float32 (N, F): the images, or the early activations, of latents (N, D)."""
    import torch

    parts = []
    for start in range(0, len(latents), BATCH):
        z = torch.from_numpy(latents[start : start + BATCH]).to(model.device)
        with model.evaluating():
            seen = model.features(z) if space == "features" else model.decode(z)
            parts.append(seen.flatten(1).float().cpu().numpy())
        report(start, len(latents))
    return np.concatenate(parts)
