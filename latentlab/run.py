"""The Python face of a run: begin, resume, open; then sample, decode, encode, interpolate.

Window, terminal and notebooks all come through here.
"""

from __future__ import annotations

import dataclasses
import datetime
import platform
from collections.abc import Generator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import latentlab
from latentlab import data, export, metrics
from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError, RunError
from latentlab.data.base import Dataset, Report, no_report
from latentlab.export.grid import split
from latentlab.latent import paths, samplers, traversal
from latentlab.models import device as devices
from latentlab.models.base import MODELS, Model
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Event, Preview
from latentlab.training.run_folder import RunFolder

#: The fixed latents that a training shows: seeds 0 to 63, eight a row.
PREVIEW_COUNT, PREVIEW_COLUMNS = 64, 8
#: Held-out images that are judged while training goes on; all of them at its end.
QUICK_EVALUATION = 512


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to train and how, validated; made by `plan` without importing torch."""

    model: type[Model]
    model_config: Config
    training: TrainingConfig


def plan(model: str, model_values: Mapping[str, Any], training_values: Mapping[str, Any]) -> Plan:
    """Validate a model's key and both sections' settings; the model's own defaults fill the training's.

    Raises ConfigError.
    """
    kind = MODELS.get(model)
    model_config = parse(kind.Config, model_values, "model")
    training = parse(TrainingConfig, {**kind.training_defaults, **training_values}, "training")
    if training.batch_size < kind.smallest_batch:
        raise ConfigError(
            f"training.batch_size: {training.batch_size} is not allowed; "
            f"a {kind.key} needs at least {kind.smallest_batch} images a step."
        )
    return Plan(kind, model_config, training)


class Training:
    """A run that can be trained: iterate `events`. `model` is live; read it only between two events."""

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        config: TrainingConfig,
        folder: RunFolder,
        position: Mapping[str, Any],
    ) -> None:
        self.model, self.dataset, self.config, self.folder = model, dataset, config, folder
        self._position = position
        train, heldout = dataset.split(config.heldout, config.seed)
        # The whole store where nothing is held out: no copy of what may be large.
        self._train = dataset.images if len(heldout) == 0 else dataset.images[train]
        self._heldout = dataset.images[heldout]

    def events(self, control: Control | None = None) -> Generator[Event, None, None]:
        """Train until the limits of the config or until `control` stops it; see `training.loop.run`.

        RunError where the run folder cannot be written to.
        """
        from latentlab.training import loop
        from latentlab.training.order import Order

        position = self._position
        order = Order(
            len(self._train),
            self.config.batch_size,
            self.config.seed,
            position.get("epoch", 0),
            position.get("position", 0),
        )
        loop_events = loop.run(
            self.model,
            self._train,
            self.config,
            folder=self.folder,
            fixed_latents=samplers.from_seeds(
                range(PREVIEW_COUNT), self.model.latent_shape, prior=self.model.prior
            ),
            evaluate=self._evaluate,
            control=control or Control(),
            order=order,
            seconds=position.get("seconds", 0.0),
        )
        try:
            for event in loop_events:
                if isinstance(event, Preview):
                    picture = export.compose(event.images, PREVIEW_COLUMNS)
                    export.write_picture(self.folder.sample_path(event.step), picture)
                yield event
        except OSError as error:  # a full disk, a folder that is gone
            raise RunError(_cannot_write(self.folder, error)) from error

    def _evaluate(self, everything: bool) -> dict[str, float]:
        stride = 1 if everything else -(-len(self._heldout) // QUICK_EVALUATION)
        return metrics.measure(self.model, self._heldout[:: max(1, stride)])


def _cannot_write(folder: RunFolder, error: OSError) -> str:
    return f"Cannot write to the run {folder.path}: {error.strerror or error}."


def begin(dataset: Dataset, plan: Plan, folder: str | Path) -> Training:
    """Make a run folder and its model. RunError where the folder is in use, ConfigError for a device."""
    device = devices.choose(plan.training.device)
    info = {
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": _versions(),
        "data": {
            "source": dataset.source,
            "config": dict(dataset.config),
            "name": dataset.name,
            "summary": dataset.summary(),
            "fingerprint": dataset.fingerprint,
        },
        "model": {"key": plan.model.key, "config": plan.model_config.model_dump(mode="json")},
        "training": plan.training.model_dump(mode="json"),
        "image_shape": list(dataset.image_shape),
        "metrics": [*plan.model.metric_titles, *metrics.figures(plan.model)],
    }
    model = plan.model(plan.model_config, dataset.image_shape, seed=plan.training.seed, device=device)
    model.start_training(plan.training.learning_rate)
    return Training(model, dataset, plan.training, RunFolder.create(folder, info), {})


def resume(
    path: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    dataset: Dataset | None = None,
    report: Report = no_report,
) -> Training:
    """Go on where the latest checkpoint is, on the run's own data.

    `steps` and `minutes` are further ones. Without either a run that was stopped goes on to its limits, and
    one that had reached them goes on for as long again. RunError where the data is no longer the same.
    """
    from latentlab.training import checkpoint

    folder = RunFolder.open(path)
    latest = folder.latest_checkpoint()
    kind, model_config, training = _configs(folder)
    if dataset is None:
        source = folder.info["data"]
        dataset = data.load(source["source"], source["config"], report)
    if dataset.fingerprint != folder.info["data"]["fingerprint"]:
        raise RunError(
            f"{folder.path} was trained on other images ({folder.info['data']['summary']}) than "
            f"{dataset.name} now holds ({dataset.summary()}); restore them, or start a new run."
        )
    wanted = training.device if training.device in ("auto", *devices.available()) else "auto"
    device = devices.choose(wanted)  # a run of a machine with a GPU goes on without one
    model = kind(model_config, dataset.image_shape, seed=training.seed, device=device)
    model.start_training(training.learning_rate)
    position = checkpoint.load(latest, model)
    training = _extended(training, model.step_count, position["seconds"], steps, minutes)
    try:
        folder.rewind(model.step_count)
        folder.update(training=training.model_dump(mode="json"))
    except OSError as error:
        raise RunError(_cannot_write(folder, error)) from None
    return Training(model, dataset, training, folder, position)


def _extended(
    training: TrainingConfig, done: int, seconds: float, steps: int | None, minutes: float | None
) -> TrainingConfig:
    for name, further in (("steps", steps), ("minutes", minutes)):
        if further is not None and further < 0:
            raise ConfigError(f"{name}: {further} is not allowed; expected at least 0 further {name}.")
    limits: dict[str, Any] = {"steps": training.steps, "minutes": training.minutes}
    reached = (training.steps and done >= training.steps) or (
        training.minutes and seconds >= 60 * training.minutes
    )
    if steps is not None or minutes is not None:
        limits = {"steps": done + steps if steps else 0, "minutes": seconds / 60 + minutes if minutes else 0}
    elif reached:
        limits = {
            "steps": done + training.steps if training.steps else 0,
            "minutes": seconds / 60 + training.minutes if training.minutes else 0,
        }
    return parse(TrainingConfig, {**training.model_dump(), **limits}, "training")


def _configs(folder: RunFolder) -> tuple[type[Model], Config, TrainingConfig]:
    try:
        kind = MODELS.get(folder.info["model"]["key"])
        model_config = parse(kind.Config, folder.info["model"]["config"], "model")
        return kind, model_config, parse(TrainingConfig, folder.info["training"], "training")
    except (ConfigError, KeyError, TypeError) as error:
        raise RunError(f"{folder.path / 'run.json'}: {error}") from None


def _versions() -> dict[str, str]:
    packages = ("torch", "numpy", "safetensors")
    versions = {name: metadata.version(name) for name in packages}
    return {"latentlab": latentlab.__version__, "python": platform.python_version(), **versions}


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
        seeds = range(seed, seed + count)
        return samplers.from_seeds(seeds, self.model.latent_shape, truncation, self.model.prior)

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
        """The same as uint8, by the one conversion that the window and every export use."""
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

    def interpolate(self, a: np.ndarray, b: np.ndarray, frames: int, kind: str = "slerp") -> np.ndarray:
        """float32 images along the path between two latents (D,), both ends included."""
        return self.decode(paths.between(self._one(a), self._one(b), frames, kind))

    def traverse(self, z: np.ndarray, dims: Sequence[int], steps: int = 9, extent: float = 3.0) -> np.ndarray:
        """float32 images (len(dims) * steps, C, H, W), a row per dimension, each over ±extent sigma."""
        rows = traversal.traverse(self._one(z), dims, steps, extent)
        return self.decode(rows.reshape(-1, rows.shape[-1]))

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
    kind, config, _ = _configs(folder)
    channels, height, width = folder.info["image_shape"]
    model = kind(config, (channels, height, width), device=devices.choose(device))
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
    _, height, width = folder.info["image_shape"]
    rows = []
    for _, path in chosen:
        try:
            with Image.open(path) as image:
                rows.append(split(np.asarray(image), height, width)[:count])
        except (OSError, ValueError) as error:
            raise RunError(f"The sample {path} is damaged: {error}.") from None
    return [step for step, _ in chosen], np.concatenate(rows)


def new_folder(parent: Path, dataset: str, model: str) -> Path:
    """A free folder name in `parent`: time, data and model."""
    stamp = datetime.datetime.now().strftime("%Y-%m-%d %H-%M-%S")
    clean = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in dataset)[:40].strip(" .")
    name = " ".join(part for part in (stamp, clean, model) if part)
    path, number = parent / name, 2
    while path.exists():
        path, number = parent / f"{name} {number}", number + 1
    return path
