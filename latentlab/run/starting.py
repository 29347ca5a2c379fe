"""Beginning and resuming a run: with which weights, on what data, for how long, and where it is kept."""

from __future__ import annotations

import dataclasses
import datetime
import platform
import uuid
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import latentlab
from latentlab import data, metrics
from latentlab.core.config import parse
from latentlab.core.errors import ConfigError, RunError
from latentlab.data.base import Dataset, Report, no_report
from latentlab.models import device as devices
from latentlab.models.base import Model
from latentlab.run.planning import Plan, configs
from latentlab.run.steering import changes
from latentlab.run.training import Position, TakenOver, Training, cannot_write
from latentlab.training.config import TrainingConfig
from latentlab.training.run_folder import RunFolder, step_of


def begin(dataset: Dataset, plan: Plan, folder: str | Path, start_from: str | Path | None = None) -> Training:
    """Make a run folder and its model, with the weights of the run `start_from` where its layers fit.

    RunError where the folder is in use or `start_from` is no run with a checkpoint; ConfigError for a device
    that is not there, for data that the model cannot learn from, and where no layer fits. Nothing is left
    behind then.
    """
    device = devices.choose(plan.training.device)
    model = plan.model(
        plan.model_config,
        dataset.image_shape,
        seed=plan.training.seed,
        device=device,
        label_names=dataset.label_names,
    )
    taken_over = None if start_from is None else _take_over(model, Path(start_from))
    train, _ = dataset.split(plan.training.heldout, plan.training.seed)
    distinct = len(np.unique(train))  # balancing may repeat some
    model.start_training(plan.training.learning_rate, distinct)
    info: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        **circumstances(device, dataset.image_shape),
        "data": _about(dataset, distinct),
        "model": {"key": plan.model.key, "config": plan.model_config.model_dump(mode="json")},
        "training": plan.training.model_dump(mode="json"),
        "image_shape": list(dataset.image_shape),
        "metrics": [
            *plan.model.metric_titles,
            *metrics.figures(plan.model, dataset.image_shape, dataset.labels is not None),
        ],
    }
    if taken_over is not None:
        info["started_from"] = {
            "path": str(taken_over.source.absolute()),
            "step": taken_over.step,
            "taken": list(taken_over.taken),
            "left": list(taken_over.left),
        }
    return Training(model, dataset, plan.training, RunFolder.create(folder, info), Position(), taken_over)


def _take_over(model: Model, source: Path) -> TakenOver:
    from latentlab.training import transfer

    latest = RunFolder.open(source).latest_checkpoint()
    taken, left = transfer.take_over(latest, model)
    if not taken:
        raise ConfigError(
            f"Nothing of {source} fits: no layer has net, name and shape of one of {model.key}."
        )
    return TakenOver(source, step_of(latest), taken, left)


def resume(
    path: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    dataset: Dataset | None = None,
    grow: bool = False,
    model_values: Mapping[str, Any] | None = None,
    training_values: Mapping[str, Any] | None = None,
    report: Report = no_report,
) -> Training:
    """Go on where the latest checkpoint is, on the run's own data.

    `steps` and `minutes` are further ones. Without either a run that was stopped goes on to its limits, and
    one that had reached them goes on for as long again. With `grow` the dataset may hold other or more images
    of the same shape: a new epoch begins, and what is held out is drawn anew. The same images are balanced
    and augmented as the run began, whatever the settings of `dataset`. `model_values` and
    `training_values` are new values of live settings.

    RunError where the data is no longer the same, or does not fit; ConfigError for settings that are out of
    range or cannot change within a run.
    """
    from latentlab.training import edits, keeping

    folder = RunFolder.open(path)
    latest = step_of(folder.latest_checkpoint())
    folder.take_back(latest)
    kind, model_config, training = configs(folder)
    wanted = changes(kind, model_config, training, model_values or {}, training_values or {})
    if wanted.rest:
        raise ConfigError(
            f"{', '.join(wanted.rest)} cannot change within a run: it needs new nets or other data; "
            "begin a new run, which may start from the weights of this one."
        )
    old_data = folder.info["data"]
    if dataset is None:
        dataset = data.load(old_data["source"], old_data["config"], report)
    grown = dataset.fingerprint != old_data["fingerprint"]
    if not grown and dict(dataset.config) != old_data["config"]:
        # The same images, of which the run's own settings say how often and in what shape it sees them.
        dataset = dataclasses.replace(dataset, config=old_data["config"])
    train, _ = dataset.split(training.heldout, training.seed)
    distinct = len(np.unique(train))
    if grown:
        _check_other_images(folder, dataset, kind, grow)
        folder.info["data"] = _about(dataset, distinct)

    available = training.device in ("auto", *devices.available())
    device = devices.choose(training.device if available else "auto")  # a run of a GPU goes on without one
    model = kind(
        model_config,
        dataset.image_shape,
        seed=training.seed,
        device=device,
        label_names=dataset.label_names,
    )
    model.start_training(training.learning_rate, distinct)
    position = Position(*keeping.restore(folder, model, training.seed))
    # Also without changes: the checkpoint's rate may be that of before an edit.
    training, differing = edits.apply(model, training, wanted.live)
    training = _extended(training, latest, position.seconds, steps, minutes)
    news = _news(folder, latest, device)
    if grown:
        news["grown"] = [*folder.info.get("grown", ()), {"step": latest, "from": old_data}]
    try:
        folder.rewind(latest)
        if differing:
            folder.add_edit(latest, position.seconds, differing)
        folder.update(training=training.model_dump(mode="json"), **news)
    except OSError as error:
        raise RunError(cannot_write(folder, error)) from None
    return Training(model, dataset, training, folder, position)


def _check_other_images(folder: RunFolder, dataset: Dataset, kind: type[Model], grow: bool) -> None:
    old = folder.info["data"]
    if not grow:
        raise RunError(
            f"{folder.path} was trained on other images ({old['summary']}) than "
            f"{dataset.name} now holds ({dataset.summary()}); restore them, or start a new run."
        )
    if list(dataset.image_shape) != folder.info["image_shape"]:
        expected, found = ("×".join(map(str, s)) for s in (folder.info["image_shape"], dataset.image_shape))
        raise RunError(f"{folder.path} learns from images of {expected}; {dataset.name} holds {found}.")
    if kind.needs_labels and list(dataset.label_names) != (names := old.get("label_names", [])):
        raise RunError(
            f"{folder.path} learns the classes {', '.join(names)}; "
            f"{dataset.name} has {', '.join(dataset.label_names) or 'none'}."
        )


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


# What run.json says beside the settings


def _about(dataset: Dataset, trained_on: int) -> dict[str, Any]:
    return {
        "source": dataset.source,
        "config": dict(dataset.config),
        "name": dataset.name,
        "summary": dataset.summary(),
        "fingerprint": dataset.fingerprint,
        "label_names": list(dataset.label_names),
        "trained_on": trained_on,
    }


def circumstances(device: str, image_shape: Sequence[int]) -> dict[str, Any]:
    """Versions and machine: with the seed, what decides whether a run comes out the same again."""
    packages = ("torch", "numpy", "safetensors")
    return {
        "versions": {
            "latentlab": latentlab.__version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "machine": {
            "system": platform.platform(),
            "device": device,
            "device_name": devices.describe(device),
            "threads": devices.kernel_threads(tuple(image_shape)),
        },
    }


def _news(folder: RunFolder, step: int, device: str) -> dict[str, Any]:
    """What is to be noted where a run goes on under other circumstances than before."""
    continued = folder.info.get("continued", [])
    now = circumstances(device, folder.info["image_shape"])
    before = continued[-1] if continued else folder.info
    if all(now[key] == before.get(key) for key in now):
        return {}
    return {"continued": [*continued, {"step": step, **now}]}


def new_folder(parent: Path, dataset: str, model: str) -> Path:
    """A free folder name in `parent`: time, data and model."""
    stamp = datetime.datetime.now().strftime("%Y-%m-%d %H-%M-%S")
    clean = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in dataset)[:40].strip(" .")
    name = " ".join(part for part in (stamp, clean, model) if part)
    path, number = parent / name, 2
    while path.exists():
        path, number = parent / f"{name} {number}", number + 1
    return path
