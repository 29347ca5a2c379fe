"""A run that is open: sample, decode, encode, interpolate, and how its samples came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentlab import metrics
from latentlab.core.errors import ConfigError, RunError
from latentlab.core.points import picture_shape
from latentlab.data.base import Dataset, Report, load, no_report
from latentlab.export.grid import split
from latentlab.latent import directions as ways
from latentlab.latent import paths, samplers, traversal
from latentlab.latent.directions import labelled, saved
from latentlab.latent.factors import correlations
from latentlab.latent.importance import Importance, importance
from latentlab.latent.inversion import Inversion, invert
from latentlab.metrics.iwnll import ImportanceWeightedNLL, importance_weighted_nll
from latentlab.models import device as devices
from latentlab.models.base import Model
from latentlab.run.planning import configs
from latentlab.training.run_folder import RunFolder


class Run:
    """A trained model in memory, for looking around in. Images are numpy arrays (N, C, H, W)."""

    def __init__(self, folder: RunFolder, model: Model) -> None:
        self.folder, self.model = folder, model

    @property
    def step(self) -> int:
        """The step of the checkpoint that is loaded."""
        return self.model.step_count

    def latents(self, count: int, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
        """float32 (count, D): the latents of seeds seed, seed + 1, ..."""
        return samplers.draw(self.model, range(seed, seed + count), truncation)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """float32 latents (N, D) or (D,) -> float32 images in [0, 1]. ConfigError for another D."""
        import torch

        z = self._checked(z)
        with self.model.evaluating():
            parts = [
                self.model.decode(part.to(self.model.device)).clamp(0, 1).cpu()
                for part in torch.from_numpy(z).split(256)
            ]
        return torch.cat(parts).numpy()

    def pixels(self, z: np.ndarray) -> np.ndarray:
        """The same as uint8 (points as pictures), by the one conversion that window and exports use."""
        from latentlab.models.pixels import render

        return render(self.model, self._checked(z))

    def sample(self, count: int, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
        """float32 images in [0, 1] of seeds seed, seed + 1, ...: the same every time."""
        return self.decode(self.latents(count, seed, truncation))

    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8, or float images in [0, 1], (N, C, H, W) -> float32 latents (N, D), the posterior means.

        ConfigError for images of another shape or range and for models without an encoder.
        """
        import torch

        if not self.model.can_encode:
            raise ConfigError(f"A {self.model.key} has no encoder; `invert` searches the latent of an image.")

        if images.ndim != 4 or images.shape[1:] != self.model.image_shape:
            expected = ", ".join(str(side) for side in self.model.image_shape)
            raise ConfigError(f"images: {images.shape} is not allowed; expected (N, {expected}).")
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / 255
        elif not np.issubdtype(images.dtype, np.floating) or not ((images >= 0) & (images <= 1)).all():
            raise ConfigError("images: expected uint8, or numbers from 0 to 1.")
        tensor = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
        with self.model.evaluating():
            parts = [self.model.encode(part.to(self.model.device)).cpu() for part in tensor.split(256)]
        return torch.cat(parts).numpy()

    def invert(self, image: np.ndarray, **settings: Any) -> Inversion:
        """The latent whose decode is nearest to one uint8 image (C, H, W), or float32 point, for every model.

        `settings` and errors are those of `latent.inversion.invert`, which also shows how it gets there.
        """
        *_, found = invert(self.model, image, **settings)
        return found

    def interpolate(self, a: np.ndarray, b: np.ndarray, frames: int, kind: str = "slerp") -> np.ndarray:
        """float32 images along the path between two latents (D,), both ends included."""
        return self.decode(paths.between(self._one(a), self._one(b), frames, kind, self.model.choices))

    def traverse(self, z: np.ndarray, dims: Sequence[int], steps: int = 9, extent: float = 3.0) -> np.ndarray:
        """float32 images (len(dims) * steps, C, H, W), a row per dimension, each over ±extent sigma."""
        rows = traversal.traverse(self._one(z), dims, steps, extent)
        return self.decode(rows.reshape(-1, rows.shape[-1]))

    # How good it is

    def heldout(self, dataset: Dataset) -> metrics.Heldout:
        """What `evaluate` judges by: of the run's own data what was held out, all images of any other.

        ConfigError where nothing was held out, or where the model cannot look at such images.
        """
        if dataset.image_shape != self.model.image_shape:
            theirs, mine = (
                "×".join(map(str, shape)) for shape in (dataset.image_shape, self.model.image_shape)
            )
            raise ConfigError(f"{dataset.name} holds images of {theirs}; the model is of {mine}.")
        if self.model.needs_labels and dataset.label_names != self.model.label_names:
            raise ConfigError(
                f"A {self.model.key} needs the classes that it learned; {dataset.name} has others."
            )
        labels, chosen = dataset.labels, None
        if dataset.fingerprint == self.folder.info["data"]["fingerprint"]:
            _, _, training = configs(self.folder)
            _, chosen = dataset.split(training.heldout, training.seed)
            if len(chosen) == 0:
                raise ConfigError(
                    f"The run learned from all of {dataset.name}; name other data to judge it by."
                )
            labels = None if labels is None else labels[chosen]
        return metrics.Heldout(dataset.images, labels, chosen)

    def evaluate(
        self,
        dataset: Dataset | None = None,
        *,
        samples: int = 200,
        images: int | None = None,
        report: Report = no_report,
    ) -> dict[str, float]:
        """Every figure by name, on `heldout` of a dataset, else of the run's own, loaded again.

        At most `images` of them, evenly spaced; the importance-weighted likelihood of a VAE from `samples`
        latents each, of which `report` tells how many images are done. ConfigError as `heldout`.
        """
        if dataset is None:
            own = self.folder.info["data"]
            dataset = load(own["source"], own["config"])
        heldout = self.heldout(dataset)
        if images is not None:
            heldout = heldout.thinned(images)
        figures = metrics.measure(self.model, heldout)
        if ImportanceWeightedNLL.applies(
            type(self.model), self.model.image_shape, heldout.labels is not None
        ):
            figures["heldout_iw_nll"] = importance_weighted_nll(self.model, heldout, samples, report)
        return figures

    # What the dimensions mean

    def directions(
        self,
        method: str,
        z: np.ndarray | None = None,
        dataset: Dataset | None = None,
        report: Report = no_report,
        **settings: Any,
    ) -> list[ways.Direction]:
        """Directions by a method's key ("pca", "sefa", "probe", ...), the most telling first.

        z is where we are, (D,), else the prior's mean; `dataset` gives labels and factors to the methods that
        ask for them; thumbs are those saved with the run. `settings` are the method's own. ConfigError for an
        unknown method, a bad setting, or where the method lacks what it needs.
        """
        z = samplers.mean(self.model) if z is None else self._one(z)
        kept = self.saved_directions()
        material = ways.Material(z, dataset, kept.liked, kept.disliked)
        return ways.find(self.model, method, material, settings, report)

    def saved_directions(self) -> saved.Saved:
        """What the run's directions.json holds; RunError where it is damaged."""
        return saved.load(self.folder.path / saved.FILE, self.model.latent_shape[0])

    def importance(self, dataset: Dataset | None = None, report: Report = no_report) -> Importance:
        """How much each dimension matters; see `latent.importance.importance`."""
        return importance(self.model, None if dataset is None else dataset.images, report)

    def correlations(
        self, vectors: np.ndarray, dataset: Dataset, samples: int = 4000, report: Report = no_report
    ) -> np.ndarray:
        """How positions along unit vectors (K, D) go with the dataset's F factors -> float64 (K, F).

        Over at most `samples` of its images; see `latent.factors.correlations`. ConfigError where it has no
        factors, or images of another shape.
        """
        reason = labelled.obstacle(self.model, dataset, "factors")
        if not reason and not dataset.factors:
            reason = f"{dataset.name} has no known factors."
        if reason:
            raise ConfigError(reason)
        known = labelled.gather(self.model, dataset, samples, 0, report)
        return correlations(known.latents, vectors, known.factors)

    def _checked(self, z: np.ndarray) -> np.ndarray:
        z = np.atleast_2d(np.ascontiguousarray(z, dtype=np.float32))
        if z.ndim != 2 or z.shape[1:] != self.model.latent_shape:
            raise ConfigError(f"z: {z.shape} is not allowed; expected (N, {self.model.latent_shape[0]}).")
        return z

    def _one(self, z: np.ndarray) -> np.ndarray:
        rows = self._checked(z)
        if len(rows) != 1:
            raise ConfigError(f"z: {rows.shape} is not allowed; expected one latent ({rows.shape[1]},).")
        return rows[0]


def open_run(path: str | Path, step: int | None = None, device: str = "cpu") -> Run:
    """Open a run folder at its latest checkpoint, or the one of `step`, for looking around in.

    RunError where there is no run, no checkpoint, or something is damaged; ConfigError for a device that
    this machine lacks.
    """
    from latentlab.training import checkpoint

    folder = RunFolder.open(path)
    file = folder.latest_checkpoint() if step is None else folder.checkpoint_path(step)
    kind, config, _ = configs(folder)
    channels, height, width = folder.info["image_shape"]
    names = tuple(folder.info["data"].get("label_names", ()))
    model = kind(config, (channels, height, width), device=devices.choose(device), label_names=names)
    checkpoint.load(file, model)
    model.train(False)
    return Run(folder, model)


def history(
    folder: RunFolder, stages: int = 6, count: int = 8, *, early: bool = False
) -> tuple[list[int], np.ndarray]:
    """How the fixed latents changed: evenly chosen snapshots, first and last included.

    With `early`, the more of them the earlier, because most is learned in the first seconds.
    -> their steps, and uint8 tiles (stages * count, C, H, W), a row per stage. RunError where none was kept.
    """
    from PIL import Image

    samples = folder.samples()
    if not samples:
        raise RunError(f"{folder.path} has no samples yet: train it for a moment first.")
    last = len(samples) - 1
    places = np.geomspace(1, last + 1, stages) - 1 if early else np.linspace(0, last, stages)
    chosen = [samples[i] for i in sorted({round(place) for place in places})]
    _, height, width = picture_shape(folder.info["image_shape"])
    rows = []
    for _, path in chosen:
        try:
            with Image.open(path) as image:
                rows.append(split(np.asarray(image), height, width)[:count])
        except (OSError, ValueError) as error:
            raise RunError(f"The sample {path} is damaged: {error}.") from None
    return [step for step, _ in chosen], np.concatenate(rows)
