"""How many of the clusters of a plane samples reach: mode collapse, counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from latentlab.core.points import is_points
from latentlab.metrics.base import Heldout, Metric, register
from latentlab.metrics.samples import samples
from latentlab.models.base import Model

SAMPLES = 2500
#: A sample belongs to a mode within so many standard deviations of its centre.
REACH = 3.0
#: A mode counts when it gets this share of an even share of the samples.
SHARE = 0.1
#: Standard deviation of a mode at least: points without noise are reached, too.
LEAST_SIGMA = 0.005
#: Held-out points of a class that its centre and standard deviation need.
FEWEST_POINTS = 5


@register("modes")
class Modes(Metric):
    """Modes that are covered, and the share of 2,500 samples that lie within 3 sigma of one.

    After Metz et al. (arXiv 1611.02163) and VEEGAN (arXiv 1705.07761). Each class of points is a mode; its
    centre and standard deviation (of one coordinate) are those of its held-out points. Left out where
    classes overlap within 3 sigma: they are no clusters then.
    """

    about = "Clusters of points that samples reach, and how many samples lie in one."
    figures: ClassVar[Mapping[str, str]] = {"modes": "Modes covered", "quality": "Samples in a mode"}

    @classmethod
    def applies(cls, model: type[Model], image_shape: tuple[int, int, int], labelled: bool) -> bool:
        return labelled and is_points(image_shape)

    @classmethod
    def measure(cls, model: Model, heldout: Heldout) -> dict[str, float]:
        assert heldout.labels is not None
        found = clusters(heldout.read().reshape(-1, 2), heldout.labels)
        if found is None:
            return {}
        centres, sigmas = found
        hits = distances(samples(model, SAMPLES).reshape(-1, 2), centres) <= REACH * sigmas
        return {
            "modes": float((hits.sum(0) >= SHARE * SAMPLES / len(centres)).sum()),
            "quality": float(hits.any(1).mean()),
        }


def clusters(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Centres (M, 2) and standard deviations (M,) of the classes of points (N, 2), float64.

    None where there are fewer than two, where one has too few points, or where they overlap.
    """
    groups = [points[labels == label].astype(np.float64) for label in np.unique(labels)]
    if len(groups) < 2 or min(len(group) for group in groups) < FEWEST_POINTS:
        return None
    centres = np.stack([group.mean(0) for group in groups])
    sigmas = np.array([max(LEAST_SIGMA, np.sqrt(group.var(0, ddof=1).mean())) for group in groups])
    apart = distances(centres, centres) > REACH * (sigmas[:, None] + sigmas)
    np.fill_diagonal(apart, True)
    return (centres, sigmas) if apart.all() else None


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Points (N, 2) and (M, 2) -> (N, M)."""
    between: np.ndarray = np.linalg.norm(a[:, None] - b, axis=2)
    return between
