"""A cloud of latents and its maps on the plane: two dimensions, PCA, t-SNE."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentlab.core.errors import ConfigError, LatentlabError
from latentlab.data.base import Dataset, Report, no_report
from latentlab.data.images import evenly_spaced
from latentlab.latent import samplers, traversal

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: Images that go through a net at once.
BATCH = 256
#: Steps of scikit-learn's t-SNE, which tells of every 50th.
TSNE_STEPS = 1000
#: Seconds between two looks at how far t-SNE is, and at whether it is still wanted.
LOOK_EVERY = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Cloud:
    """What a map shows.

    latents: float32 (N, D). points: float32 (N, F), what maps are made of: the latents themselves, or the
    model's features of them. indices: int64 (N,) of the dataset's images, or None for samples of the prior,
    which are seeds seed, seed + 1, ... images: uint8 (N, C, H, W), or the dataset's points.
    """

    latents: np.ndarray
    points: np.ndarray
    indices: np.ndarray | None
    images: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """A map: float32 (N, 2) and the titles of its axes.

    Where it is a plane in the latent space, `origin` (D,) is the latent that lies at (0, 0) and `basis`
    (2, D) has what one unit of each axis adds to it; else both are None.
    """

    points: np.ndarray
    axes: tuple[str, str]
    origin: np.ndarray | None = None
    basis: np.ndarray | None = None


def cloud(
    model: Model, dataset: Dataset | None, limit: int, seed: int = 0, report: Report = no_report
) -> Cloud:
    """At most `limit` images of the dataset, evenly spread and encoded; without an encoder, samples.

    A dataset of another shape than the model's counts as none. Then the cloud is that of `limit` samples of
    the prior, whose points are the features of an early layer: a prior alone is a ball without structure.
    Calls `report(done, total)` in images; what that raises ends it. ConfigError for a limit below 1.
    """
    import torch

    from latentlab.models.pixels import render, to_unit

    if limit < 1:
        raise ConfigError(f"limit: {limit} is not allowed; expected a whole number of at least 1.")
    if model.can_encode and dataset is not None and dataset.image_shape == model.image_shape:
        indices = evenly_spaced(len(dataset), limit)
        images = dataset.rows(indices)
        parts = []
        for start in range(0, len(images), BATCH):
            report(start, len(images))
            batch = torch.from_numpy(images[start : start + BATCH]).to(model.device)
            with model.evaluating():
                parts.append(model.encode(to_unit(batch)).cpu().numpy())
        report(len(images), len(images))
        latents = np.concatenate(parts)
        return Cloud(latents, latents, indices, images)

    latents = samplers.draw(model, range(seed, seed + limit))
    features, pictures = [], []
    for start in range(0, limit, BATCH):
        report(start, limit)
        part = latents[start : start + BATCH]
        with model.evaluating():
            z = torch.from_numpy(part).to(model.device)
            features.append(model.features(z).float().cpu().numpy())
        pictures.append(render(model, part))
    report(limit, limit)
    return Cloud(latents, np.concatenate(features), None, np.concatenate(pictures))


def project(
    kind: str, cloud: Cloud, dims: tuple[int, int] = (0, 1), seed: int = 0, report: Report = no_report
) -> Projection:
    """A map of `cloud` by the key of one of `PROJECTIONS`; `dims` are those that "dimensions" shows.

    The same cloud and seed give the same map. `report(done, total)` is called often by t-SNE, and ends it
    within a moment by raising. ConfigError for an unknown kind, a dimension that is not there, and a cloud
    that has nothing to show; LatentlabError where t-SNE fails.
    """
    if kind not in PROJECTIONS:
        raise ConfigError(f"Unknown map '{kind}': expected one of {', '.join(PROJECTIONS)}.")
    return PROJECTIONS[kind].make(cloud, dims, seed, report)


def place(projection: Projection, z: np.ndarray) -> np.ndarray | None:
    """Where a latent (D,) lies on the map, float32 (2,); None where that is no plane of the latent space."""
    if projection.basis is None or projection.origin is None:
        return None
    return (projection.basis @ (z.astype(np.float64) - projection.origin)).astype(np.float32)


def back(projection: Projection, xy: np.ndarray, z: np.ndarray | None = None) -> np.ndarray | None:
    """The latent, float32 (D,), at a point (2,) of the map; None where that is no plane of the latent space.

    It lies in the plane through the middle of the cloud, or with `z` (D,) in the one through that: only what
    the map shows then changes.
    """
    if projection.basis is None or projection.origin is None:
        return None
    start = projection.origin if z is None else z.astype(np.float64)
    offset = np.asarray(xy, np.float64) - projection.basis @ (start - projection.origin)
    return (start + offset @ projection.basis).astype(np.float32)


def _dimensions(cloud: Cloud, dims: tuple[int, int], seed: int, report: Report) -> Projection:
    size = cloud.latents.shape[1]
    basis = np.stack([traversal.unit(dim, size) for dim in dims]).astype(np.float64)
    if dims[0] == dims[1]:  # a latent of one number: the map is its diagonal
        basis[1] = 0
    origin = cloud.latents.mean(0, dtype=np.float64)
    origin[list(dims)] = 0
    points = np.ascontiguousarray(cloud.latents[:, list(dims)])
    return Projection(points, (f"z{dims[0]}", f"z{dims[1]}"), origin, basis)


def _pca(cloud: Cloud, dims: tuple[int, int], seed: int, report: Report) -> Projection:
    from sklearn.decomposition import PCA

    points = _checked(cloud, 2)
    found = PCA(min(2, *points.shape), random_state=seed).fit(points)
    flat = np.zeros((len(points), 2), np.float32)
    flat[:, : found.n_components_] = found.transform(points)
    shares = [*found.explained_variance_ratio_, 0.0][:2]
    axes = (f"PC 1 ({shares[0]:.0%} of variance)", f"PC 2 ({shares[1]:.0%} of variance)")
    if cloud.points is not cloud.latents:
        return Projection(flat, axes)
    basis = np.zeros((2, points.shape[1]))
    basis[: found.n_components_] = found.components_
    return Projection(flat, axes, found.mean_.astype(np.float64), basis)


def _tsne(cloud: Cloud, dims: tuple[int, int], seed: int, report: Report) -> Projection:
    """t-SNE (van der Maaten and Hinton 2008), in a process that can be ended at any time."""
    points = _checked(cloud, 3)
    with tempfile.TemporaryDirectory(prefix="latentlab-tsne-") as name:
        folder = Path(name)
        np.save(folder / "points.npy", points, allow_pickle=False)
        _run_tsne(folder, seed, report)
        flat = np.load(folder / "map.npy", allow_pickle=False)
    report(TSNE_STEPS, TSNE_STEPS)
    return Projection(flat, ("t-SNE 1", "t-SNE 2"))


def _run_tsne(folder: Path, seed: int, report: Report) -> None:
    # Through files, not pipes: nobody need keep reading. Of stdin only the end is of use; see tsne.py.
    log, errors = folder / "out.txt", folder / "errors.txt"
    # -u: progress is told at once. -P: nothing is imported from the program's folder, which has a files.py.
    command = [sys.executable, "-u", "-P", str(Path(__file__).with_name("tsne.py")), str(folder), str(seed)]
    with log.open("wb") as out, errors.open("wb") as err:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                # Cores that a training uses too: threads that wait for each other must not keep them busy.
                env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise LatentlabError(f"t-SNE cannot be started: {error.strerror or error}.") from None
        with child:  # which waits for its end
            try:
                while child.poll() is None:
                    report(_steps_done(log), TSNE_STEPS)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(LOOK_EVERY)
            finally:
                child.kill()  # does nothing where it has ended
    if child.returncode:
        lines = errors.read_text("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"its process ended with code {child.returncode}"
        raise LatentlabError(f"t-SNE failed: {reason.rstrip('.')}.")


def _steps_done(log: Path) -> int:
    steps = re.findall(r"Iteration (\d+)", log.read_text("utf-8", "replace"))
    return min(TSNE_STEPS, int(steps[-1])) if steps else 0


def _checked(cloud: Cloud, least: int) -> np.ndarray:
    points = cloud.points
    if len(points) < least:
        raise ConfigError(f"The cloud has {len(points)} images; this map needs at least {least}.")
    if not np.isfinite(points).all():
        raise ConfigError("The model gives numbers that are not finite; there is nothing to map.")
    if not np.ptp(points, axis=0).any():
        raise ConfigError(
            "All images of the cloud have the same latent or features; there is nothing to map."
        )
    return points


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to make maps: what menus call it, and what it shows."""

    title: str
    about: str
    make: Callable[[Cloud, tuple[int, int], int, Report], Projection]


PROJECTIONS: dict[str, Kind] = {
    "dimensions": Kind("Two dimensions", "Two numbers of the latent, as they are.", _dimensions),
    "pca": Kind("PCA", "The plane in which the cloud is widest.", _pca),
    "tsne": Kind("t-SNE", "Neighbours stay together; distances between groups mean little.", _tsne),
}
