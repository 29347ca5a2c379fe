"""A run that is open: sample, decode, encode, interpolate, and how its samples came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentlab import metrics
from latentlab.core.config import parse
from latentlab.core.errors import ConfigError
from latentlab.core.points import is_points
from latentlab.data.base import Dataset, Report, load, no_report
from latentlab.export.base import exporter_for, write_picture
from latentlab.export.state import State
from latentlab.latent import directions as ways
from latentlab.latent import samplers, traversal, walks
from latentlab.latent.directions import labelled, saved
from latentlab.latent.factors import correlations
from latentlab.latent.importance import Importance, importance
from latentlab.latent.inversion import Inversion, invert
from latentlab.metrics.iwnll import ImportanceWeightedNLL, importance_weighted_nll
from latentlab.models import device as devices
from latentlab.models.base import Model
from latentlab.run import pictures
from latentlab.run.films import FilmConfig, write_film
from latentlab.run.planning import configs
from latentlab.training.run_folder import RunFolder


class Run:
    """A trained model in memory, for looking around in. Images are numpy arrays (N, C, H, W)."""

    def __init__(self, folder: RunFolder, model: Model) -> None:
        self.folder, self.model = folder, model

    def __repr__(self) -> str:
        _, height, width = self.model.image_shape
        what = "points" if is_points(self.model.image_shape) else f"{width}×{height}"
        size = self.model.latent_shape[0]
        return f"<Run {self.folder.name}: {self.model.key}, {what}, {size} dimensions, step {self.step:,}>"

    @property
    def step(self) -> int:
        """The step of the checkpoint that is loaded."""
        return self.model.step_count

    def latents(self, count: int, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
        """float32 (count, D): the latents of seeds seed, seed + 1, ..."""
        return samplers.draw(self.model, range(seed, seed + count), truncation)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents (N, D), or one (D,), in any kind of numbers -> float32 images (N, C, H, W) in [0, 1].

        ConfigError for another D.
        """
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

        try:
            images = np.asarray(images)
        except ValueError as error:  # of different sizes
            raise ConfigError(f"images: {error}") from None
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
        """float32 images (frames, C, H, W) along the path between two latents (D,), both ends included.

        Kinds are those of `latent.walks.WalkConfig`, but for "noise". ConfigError for others, and for fewer
        than two frames.
        """
        if frames < 2:
            raise ConfigError(f"frames: {frames} is not allowed; expected a whole number of at least 2.")
        keys = np.stack([self._one(a), self._one(b)])
        config = parse(walks.WalkConfig, {"kind": kind, "loop": False}, "interpolate")
        if config.kind == "noise":
            raise ConfigError("interpolate: a noise walk goes to no second latent; `walk` gives one.")
        return self.decode(self._route(keys, config).at(np.linspace(0, 1, frames)))

    def walk(self, keyframes: np.ndarray, report: Report = no_report, **settings: Any) -> np.ndarray:
        """The latents of a film, float32 (F, D), through keyframes (K, D).

        `settings` are those of `latent.walks.WalkConfig`: kind, seconds, easing, fps, loop. What it gives
        `decode` turns into images, and `film` into a file. ConfigError as `latent.walks.route`.
        """
        config = parse(walks.WalkConfig, settings, "walk")
        route = self._route(self._checked(keyframes), config, report)
        return route.at(walks.frames(route.legs, config))

    def film(
        self,
        path: str | Path,
        latents: np.ndarray,
        fps: float = 25,
        report: Report = no_report,
        **settings: Any,
    ) -> None:
        """Write latents (F, D) as a film: .gif, .apng, .webp, .mp4, or a folder of PNG files.

        `settings` are those of `run.films.FilmConfig`: side, resampling. ConfigError, ExportError.
        """
        write_film(path, self.model, self._checked(latents), fps, parse(FilmConfig, settings, "film"), report)

    def _route(self, keys: np.ndarray, config: walks.WalkConfig, report: Report = no_report) -> walks.Route:
        return walks.route(keys, config, self.model.choices, self.model, report)

    def traverse(self, z: np.ndarray, dims: Sequence[int], steps: int = 9, extent: float = 3.0) -> np.ndarray:
        """float32 images (len(dims) * steps, C, H, W), a row per dimension, each over ±extent sigma."""
        rows = traversal.traverse(self._one(z), dims, steps, extent)
        return self.decode(rows.reshape(-1, rows.shape[-1]))

    # Pictures of many

    def grid(
        self,
        source: str = "seeds",
        z: np.ndarray | None = None,
        layout: Mapping[str, Any] | None = None,
        report: Report = no_report,
        **settings: Any,
    ) -> np.ndarray:
        """Images in rows and columns, uint8 (H, W) or (H, W, 3): the same as window and terminal export.

        source: "seeds", "traversal", "sweep", ..., a key of `run.grids.GRIDS`, whose settings follow by name;
        z: where it starts, (D,), else the prior's mean; layout: fields of `export.layout.Layout`. Bookmarks
        and directions are those kept with the run. ConfigError, ExportError, RunError, DataError.
        """
        return self._picture(source, z, layout, report, settings)[0]

    def save_grid(
        self,
        path: str | Path,
        source: str = "seeds",
        z: np.ndarray | None = None,
        layout: Mapping[str, Any] | None = None,
        report: Report = no_report,
        **settings: Any,
    ) -> None:
        """Write what `grid` gives, with run, checkpoint, seeds and latents where the format keeps them."""
        exporter_for(Path(path), animated=False)  # a wrong name is told before anything is decoded
        write_picture(path, *self._picture(source, z, layout, report, settings))

    def _picture(
        self,
        source: str,
        z: np.ndarray | None,
        layout: Mapping[str, Any] | None,
        report: Report,
        settings: Mapping[str, Any],
    ) -> tuple[np.ndarray, State]:
        start = samplers.mean(self.model) if z is None else self._one(z)
        look = pictures.layout_of(self.model, layout or {})
        needs = source == "reconstructions"
        material = pictures.material_of(self.folder, self.model, start, with_data=needs)
        return pictures.picture_of(source, settings, look, self.model, material, report)

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
        try:
            z = np.atleast_2d(np.ascontiguousarray(z, dtype=np.float32))
        except (TypeError, ValueError) as error:  # text, rows of unequal lengths
            raise ConfigError(f"z: expected numbers (N, {self.model.latent_shape[0]}): {error}") from None
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
