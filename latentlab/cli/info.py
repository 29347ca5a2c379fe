"""``latentlab datasets``, ``models`` and ``info``: what there is. None of them imports torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.options import AsJson
from latentlab.cli.terminal import clock, in_words, loading, tell, with_elbo

if TYPE_CHECKING:
    from latentlab.core.config import Config


def datasets(as_json: AsJson = False) -> None:
    """List the kinds of datasets, one a line."""
    from latentlab.data import SOURCES

    entries = [
        {"key": key, "title": s.title, "about": s.about, "needs_path": s.needs_path}
        for key, s in SOURCES.items()
    ]
    tell({"datasets": entries}, _table(entries), as_json)


def models(as_json: AsJson = False) -> None:
    """List the models, one a line."""
    from latentlab.models import MODELS

    entries = [
        {"key": key, "title": m.title, "about": m.about, "family": m.family, "arxiv": m.paper}
        for key, m in MODELS.items()
    ]
    tell({"models": entries}, _table(entries), as_json)


def _table(entries: list[dict[str, Any]]) -> str:
    keys, titles = (max(len(entry[column]) for entry in entries) for column in ("key", "title"))
    return "\n".join(f"{e['key']:{keys}}  {e['title']:{titles}}  {e['about']}" for e in entries)


def info(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SOURCE|PATH",
            help="A run's folder, a dataset's or model's key, 'training' for its settings, or images.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell all that is known about a run, a dataset, a model or images."""
    from latentlab.core.errors import DataError
    from latentlab.data import SOURCES
    from latentlab.models import MODELS
    from latentlab.training.config import TrainingConfig

    path = Path(target).expanduser()
    if (path / "run.json").exists():
        values, lines = _run(path)
    elif target in MODELS:
        model = MODELS.get(target)
        values = {"kind": "model", "key": target, "title": model.title, "about": model.about}
        values |= {"family": model.family, "arxiv": model.paper}
        values["settings"], settings = _settings(model.Config)
        values["training_defaults"] = dict(model.training_defaults)
        lines = [f"{model.title} ({target}, arXiv {model.paper})", model.about, *settings]
    elif target == "training":
        values = {"kind": "training"}
        values["settings"], settings = _settings(TrainingConfig)
        lines = ["Settings of every training", *settings]
    elif target in SOURCES or (target and path.exists()):
        values, lines = _data(target)
    else:
        known = ", ".join([*SOURCES, *MODELS])
        raise DataError(f"There is no run, file or folder {target}, and no dataset or model ({known}).")
    tell(values, "\n".join(lines), as_json)


def _run(path: Path) -> tuple[dict[str, Any], list[str]]:
    from latentlab import metrics
    from latentlab.core.errors import ConfigError
    from latentlab.core.points import is_points
    from latentlab.models import MODELS
    from latentlab.training import health
    from latentlab.training.run_folder import RunFolder

    folder = RunFolder.open(path)
    known = folder.info
    series = folder.read_metrics()
    last = {name: float(values[-1]) for name, (_, values) in series.items()}
    checkpoints = [int(file.stem.removeprefix("step-")) for file in folder.checkpoints()]
    step = max([*checkpoints, *(int(steps[-1]) for steps, _ in series.values())], default=0)
    titles: dict[str, str] = {}
    findings: tuple[health.Finding, ...] = ()
    try:
        model = MODELS.get(known["model"]["key"])
        labelled = bool(known["data"].get("label_names"))
        titles = {**model.metric_titles, **metrics.figures(model, known["image_shape"], labelled)}
        findings = health.watch(folder).findings()
    except ConfigError:  # a newer version's model: the rest can still be told
        pass
    shape = known["image_shape"]
    values: dict[str, Any] = {
        "kind": "run",
        "run": str(path.absolute()),
        **known,
        "step": step,
        "seconds": folder.seconds(),
        "checkpoints": checkpoints,
        "samples": len(folder.samples()),
        "health": [dataclasses.asdict(finding) for finding in findings],
        **{name: value for name, value in with_elbo(last).items() if name not in known},
    }
    config = known["model"]["config"]
    lines = [
        f"Run {folder.name}, begun {known.get('created', 'at an unknown time')}",
        f"Data:  {known['data']['name']}: {known['data']['summary']}",
        f"Model: {known['model']['key']}, " + ", ".join(f"{k} {v}" for k, v in config.items()),
        "Images: points of a plane" if is_points(shape) else f"Images: {'×'.join(map(str, shape))}",
        f"Trained: step {step:,}, {clock(folder.seconds())}",
        f"Checkpoints: {', '.join(f'{s:,}' for s in checkpoints) or 'none'}",
        f"Pictures kept: {len(folder.samples())}",
    ]
    if last:
        lines.append("Last: " + in_words(last, titles))
    return values, [*lines, *health.summary(findings)]


def _data(target: str) -> tuple[dict[str, Any], list[str]]:
    from latentlab import data

    if target in data.SOURCES and data.SOURCES.get(target).needs_path:
        kind = data.SOURCES.get(target)
        values: dict[str, Any] = {"kind": "source", "key": target, "title": kind.title, "about": kind.about}
        values["settings"], settings = _settings(kind.Config)
        return values, [f"{kind.title} ({target})", kind.about, *settings]
    source, config = data.resolve(target)
    with loading(source.title) as report:
        dataset = source.load(config, report)
    channels, height, width = dataset.image_shape
    counts = dataset.class_counts()
    factors = {name: [float(v.min()), float(v.max())] for name, v in dataset.factors.items()}
    values = {
        "kind": "data",
        "source": source.key,
        "title": source.title,
        "name": dataset.name,
        "summary": dataset.summary(),
        "images": len(dataset),
        "channels": channels,
        "height": height,
        "width": width,
        "heldout": 0 if dataset.heldout is None else len(dataset.heldout),
        "classes": counts,
        "factors": factors,
        "skipped": [{"path": s.path, "reason": s.reason} for s in dataset.skipped],
        "fingerprint": dataset.fingerprint,
        "config": dict(dataset.config),
    }
    values["settings"], settings = _settings(source.Config)
    lines = [f"{dataset.name}: {dataset.summary()}", f"{source.title}: {source.about}"]
    if counts:
        lines.append("Classes: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    if factors:
        ranges = (f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in factors.items())
        lines.append("Factors: " + ", ".join(ranges))
    lines += [f"Skipped {skipped.path}: {skipped.reason}" for skipped in dataset.skipped]
    return values, [*lines, *settings]


def _settings(config: type[Config]) -> tuple[dict[str, Any], list[str]]:
    """The fields that ``--set`` takes: for JSON by name, and as lines; "live" ones may change in training."""
    from latentlab.core.config import describe, expectation

    fields = describe(config)
    width = max(len(field.name) for field in fields)
    values: dict[str, Any] = {
        f.name: {
            "default": f.default,
            "expected": expectation(f),
            "help": f.help,
            "unit": f.unit,
            "live": f.live,
        }
        for f in fields
    }
    lines = [
        f"  {f.name:{width}}  {f.help} {expectation(f).capitalize()}; default {f.default!r}"
        f"{'; live' if f.live else ''}."
        for f in fields
    ]
    return values, ["Settings:", *lines]
