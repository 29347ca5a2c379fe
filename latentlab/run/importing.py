"""Weights that other programs trained, as a run: looked around in like any other, and trained on."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab import export, metrics
from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError, RunError
from latentlab.latent import samplers
from latentlab.models.base import AVERAGED, MODELS, Model
from latentlab.run.planning import plan
from latentlab.run.starting import circumstances
from latentlab.run.training import PREVIEW_COLUMNS, PREVIEW_COUNT
from latentlab.training.foreign import SUFFIXES, read
from latentlab.training.run_folder import RunFolder

if TYPE_CHECKING:
    from torch import nn

    from latentlab.training.matching import Fit

__all__ = ["SUFFIXES", "Suggestion", "fit", "import_weights", "suggest"]

#: Sides of images that `suggest` tries, the likeliest first where several fit alike.
SIDES = (64, 32, 28, 128, 16, 256, 48, 96, 8)
CHANNELS = (3, 1, 4)


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """What a file looks like: settings of the model, and the shape (C, H, W) of its images."""

    model_values: dict[str, Any]
    image_shape: tuple[int, int, int]


def import_weights(
    path: str | Path,
    model_key: str,
    model_values: Mapping[str, Any],
    image_shape: tuple[int, int, int],
    out_folder: str | Path,
    label_names: Sequence[str] = (),
) -> tuple[RunFolder, Fit]:
    """Make a run at step 0 of the weights in a .pth, .pt or .safetensors file -> its folder, and what fitted.

    The model is of this kind, with these settings and image shape (C, H, W); `label_names` are the classes of
    a model that learns from labels. Layers of which the file has none stay as they are drawn. The run has no
    images of its own; `resume` goes on with others. ConfigError for what the model cannot be; RunError where
    the file cannot be read, nothing of it fits, or the folder cannot be written; nothing is left of it then.
    """
    from latentlab.models.pixels import render
    from latentlab.training import checkpoint, matching

    path = Path(path).expanduser()
    model = _model(model_key, model_values, image_shape, label_names)
    pairs, found = matching.match(model.nets, _decoding(model), read(path))
    if not found.count:
        raise RunError(f"Nothing of {path} fits a {model_key}: no layer has the shape of one of its layers.")
    matching.apply(model.nets, pairs)
    training = plan(model_key, model_values, {}).training
    model.start_training(training.learning_rate)
    summary = f"no images: weights imported from {path.absolute()}"
    info = {
        "id": uuid.uuid4().hex,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        **circumstances("cpu", image_shape),
        "data": {
            "source": "",
            "config": {},
            "name": path.name,
            "summary": summary,
            "fingerprint": "",
            "label_names": list(model.label_names),
            "trained_on": 0,
        },
        "model": {"key": model_key, "config": model.config.model_dump(mode="json")},
        "training": training.model_dump(mode="json"),
        "image_shape": list(image_shape),
        "metrics": [
            *model.metric_titles,
            *metrics.figures(type(model), image_shape, bool(model.label_names)),
        ],
        "imported": {"path": str(path.absolute()), **dataclasses.asdict(found)},
    }
    picture = export.compose(
        render(model, samplers.draw(model, range(PREVIEW_COUNT))), columns=PREVIEW_COLUMNS
    )
    folder = RunFolder.create(out_folder, info)
    try:
        checkpoint.save(
            folder.checkpoint_path(0), model, {"epoch": 0, "position": 0, "seconds": 0.0, "data": ""}
        )
        export.write_picture(folder.sample_path(0), picture)
    except BaseException as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise RunError(f"Cannot write to the run {folder.path}: {error.strerror or error}.") from None
        raise
    return folder, found


def fit(
    path: str | Path,
    model_key: str,
    model_values: Mapping[str, Any],
    image_shape: tuple[int, int, int],
    label_names: Sequence[str] = (),
) -> Fit:
    """What `import_weights` would find; makes nothing. ConfigError and RunError as there, but where nothing
    fits.
    """
    from latentlab.training import matching

    model = _model(model_key, model_values, image_shape, label_names)
    return matching.match(model.nets, _decoding(model), read(Path(path).expanduser()))[1]


def suggest(path: str | Path, model_key: str, label_names: Sequence[str] = ()) -> Suggestion:
    """Image shape, width and latent size with which most layers of a file fit a kind of model.

    Found by trying; all other settings are as by default. Where nothing fits, defaults and 64×64 in colour.
    ConfigError for an unknown kind; RunError where the file cannot be read.
    """
    from latentlab.training import matching

    kind = MODELS.get(model_key)
    tensors = read(Path(path).expanduser())
    counts = sorted({size for tensor in tensors.values() for size in tensor.shape[:2]}, reverse=True)
    best = Suggestion({}, (3, 64, 64))

    def score(tried: Suggestion) -> tuple[int, int]:
        outline = _outline(kind, tried, label_names)
        if outline is None:
            return -1, 0
        found = matching.match(*outline, tensors)[1]
        return found.count, -len(found.left)

    channels = [count for count in CHANNELS if count in counts] or CHANNELS
    tries = [
        Suggestion({"width": width} if width else {}, (channel, side, side))
        for side in SIDES
        for channel in channels
        for width in (0, *counts)
    ]
    best = max([best, *tries], key=score)
    # The latent's size changes nothing of the other layers. What a net is given may be more: a class, codes.
    more = _blank(kind, kind.Config(), best.image_shape, label_names)
    beside = more.latent_shape[0] - more.config.latent_size
    sizes = [
        Suggestion({**best.model_values, "latent_size": count - beside}, best.image_shape) for count in counts
    ]
    best = max([best, *sizes], key=score)
    return Suggestion(kind.Config(**best.model_values).model_dump(), best.image_shape)


def _model(
    key: str, values: Mapping[str, Any], image_shape: tuple[int, int, int], label_names: Sequence[str]
) -> Model:
    made = plan(key, values, {})
    return made.model(made.model_config, image_shape, label_names=tuple(label_names))


def _decoding(model: Model) -> str:
    return model.evaluation_nets[-1].removesuffix(AVERAGED)


def _outline(
    kind: type[Model], tried: Suggestion, label_names: Sequence[str]
) -> tuple[dict[str, nn.Module], str] | None:
    """The nets of a model without any weights, which takes milliseconds, and the name of the decoding one.

    None where there can be no such model.
    """
    import torch

    try:
        config = parse(kind.Config, tried.model_values, "model")
    except ConfigError:
        return None
    if kind.obstacle(tried.image_shape, tuple(label_names)):
        return None
    model = _blank(kind, config, tried.image_shape, label_names)
    with torch.device("meta"):
        return model.build(), model.evaluation_nets[-1]


def _blank(
    kind: type[Model], config: Config, image_shape: tuple[int, int, int], label_names: Sequence[str]
) -> Model:
    """A model that knows all that `build` asks for, and has no nets."""
    model = object.__new__(kind)
    model.config, model.image_shape = config, image_shape
    model.label_names = tuple(label_names) if kind.needs_labels else ()
    size, model.choices = model.latent_layout()
    model.latent_shape = (size,)
    return model
