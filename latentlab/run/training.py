"""Beginning and resuming a run: what is trained, on what, for how long, and where it is kept."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Generator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import latentlab
from latentlab import data, export, metrics
from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError, RunError
from latentlab.data.base import Dataset, Report, no_report
from latentlab.latent import samplers
from latentlab.models import device as devices
from latentlab.models.base import MODELS, Model
from latentlab.run.planning import Plan
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Event, Preview
from latentlab.training.run_folder import RunFolder

#: The fixed latents that a training shows: seeds 0 to 63, eight a row.
PREVIEW_COUNT, PREVIEW_COLUMNS = 64, 8
#: Held-out images that are judged while training goes on; all of them at its end.
QUICK_EVALUATION = 512


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
        labels = dataset.labels
        self._labels = labels[train] if labels is not None and model.needs_labels else None
        self._heldout = metrics.Heldout(dataset.images[heldout], None if labels is None else labels[heldout])

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
            labels=self._labels,
            folder=self.folder,
            fixed_latents=samplers.draw(self.model, range(PREVIEW_COUNT)),
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
        heldout = self._heldout if everything else self._heldout.thinned(QUICK_EVALUATION)
        return metrics.measure(self.model, heldout, final=everything)


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
            "label_names": list(dataset.label_names),
        },
        "model": {"key": plan.model.key, "config": plan.model_config.model_dump(mode="json")},
        "training": plan.training.model_dump(mode="json"),
        "image_shape": list(dataset.image_shape),
        "metrics": [
            *plan.model.metric_titles,
            *metrics.figures(plan.model, dataset.image_shape, dataset.labels is not None),
        ],
    }
    model = plan.model(
        plan.model_config,
        dataset.image_shape,
        seed=plan.training.seed,
        device=device,
        label_names=dataset.label_names,
    )
    train, _ = dataset.split(plan.training.heldout, plan.training.seed)
    model.start_training(plan.training.learning_rate, len(train))
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
    kind, model_config, training = configs(folder)
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
    model = kind(
        model_config,
        dataset.image_shape,
        seed=training.seed,
        device=device,
        label_names=dataset.label_names,
    )
    train, _ = dataset.split(training.heldout, training.seed)
    model.start_training(training.learning_rate, len(train))
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


def configs(folder: RunFolder) -> tuple[type[Model], Config, TrainingConfig]:
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


def new_folder(parent: Path, dataset: str, model: str) -> Path:
    """A free folder name in `parent`: time, data and model."""
    stamp = datetime.datetime.now().strftime("%Y-%m-%d %H-%M-%S")
    clean = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in dataset)[:40].strip(" .")
    name = " ".join(part for part in (stamp, clean, model) if part)
    path, number = parent / name, 2
    while path.exists():
        path, number = parent / f"{name} {number}", number + 1
    return path
