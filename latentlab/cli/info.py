"""``latentlab datasets``, ``models`` and ``info``: what there is. None of them imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentlab.cli.data import described, size_in_words, tell_namesake, write_sheet
from latentlab.cli.options import AsJson
from latentlab.cli.picture_info import described as described_picture
from latentlab.cli.terminal import clock, in_words, loading, tell, with_elbo

if TYPE_CHECKING:
    from latentlab.core.config import Config


def datasets(as_json: AsJson = False) -> None:
    """List the kinds of datasets, one a line; those of the network say whether they are here."""
    from latentlab.data.fetched import Fetched, listed

    sources = listed()
    entries: list[dict[str, Any]] = [
        {"key": s.key, "title": s.title, "about": s.about, "needs_path": s.needs_path} for s in sources
    ]
    for entry, source in zip(entries, sources, strict=True):
        if issubclass(source, Fetched):
            entry |= {"bytes": sum(f.bytes for f in source.files), "bytes_missing": source.bytes_missing()}
            entry["folder"] = str(source.folder())
        entry["needs_network"] = bool(entry.get("bytes_missing"))
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
    return "\n".join(f"{e['key']:{keys}}  {e['title']:{titles}}  {e['about']}{_here(e)}" for e in entries)


def _here(entry: dict[str, Any]) -> str:
    """Whether a dataset of the network is here, for those that are one."""
    missing = entry.get("bytes_missing")
    if missing is None:
        return ""
    if not missing:
        return " (fetched)"
    return (
        f" (fetched but for {size_in_words(missing)})" if missing < entry["bytes"] else " (not fetched yet)"
    )


def info(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SOURCE|PATH",
            help="A run's folder, a dataset's or model's key, images, an exported picture; for settings also "
            "'training', 'layout', 'walk', 'curves' or a kind of grid.",
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A setting of the data, such as data.size=32 or data.duplicates=near; as often as needed.",
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FIELD=VALUE]...")] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch a dataset of the network that is not here yet.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Also write some images before and after, .png or .jpg."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell all that is known about a run, a dataset, a model, images or where a picture came from."""
    from latentlab.core.errors import ConfigError, DataError
    from latentlab.data import SOURCES, video
    from latentlab.data.image_file import SUFFIXES
    from latentlab.models import MODELS
    from latentlab.run.latents import state_of

    path = Path(target).expanduser()
    if more and not set_:
        raise ConfigError(f"Unexpected '{more[0]}': a setting follows --set (FIELD=VALUE).")
    chosen = [*(set_ or []), *(more or [])]
    is_data = target in SOURCES or bool(target and path.exists() and not (path / "run.json").exists())
    if not is_data and (chosen or output):
        given = f"--set {chosen[0]}" if chosen else f"--out {output}"
        raise ConfigError(f"{given}: only for images; {target} is none.")
    if (path / "run.json").exists():
        values, lines = _run(path)
    elif target in MODELS:
        model = MODELS.get(target)
        values = {"kind": "model", "key": target, "title": model.title, "about": model.about}
        values |= {"family": model.family, "arxiv": model.paper}
        values["settings"], settings = _settings(model.Config)
        values["training_defaults"] = dict(model.training_defaults)
        lines = [f"{model.title} ({target}, arXiv {model.paper})", model.about, *settings]
    elif target in (sections := _sections()):
        title, config = sections[target]
        values = {"kind": target}
        values["settings"], settings = _settings(config)
        lines = [title, *settings]
    elif is_data and not chosen and output is None and (state := state_of(path)) is not None:
        values, lines = described_picture(path, state)
    elif path.is_file() and path.suffix.lower() in SUFFIXES - video.SUFFIXES:
        raise DataError(f"{path} is one picture, which does not tell where it came from.")
    elif is_data:
        tell_namesake(target)
        values, lines = _data(target, chosen, fetch, output)
    else:
        known = ", ".join([*SOURCES, *MODELS])
        raise DataError(f"There is no run, file or folder {target}, and no dataset or model ({known}).")
    tell(values, "\n".join(lines), as_json)


def _sections() -> dict[str, tuple[str, type[Config]]]:
    """What there is to be set that belongs to no model and no dataset."""
    from latentlab.export.curves import CurvesConfig
    from latentlab.export.layout import Layout
    from latentlab.latent.walks import WalkConfig
    from latentlab.run.grids import GRIDS
    from latentlab.training.config import TrainingConfig

    return {
        "training": ("Settings of every training", TrainingConfig),
        "layout": ("The layout of image grids", Layout),
        "walk": ("Walks through the latent space", WalkConfig),
        "curves": ("The plot of a training's curves", CurvesConfig),
        **{key: (f"{grid.title}. {grid.about}", grid.Config) for key, grid in GRIDS.items()},
    }


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


def _data(
    target: str, settings: Sequence[str], fetch: bool, output: Path | None
) -> tuple[dict[str, Any], list[str]]:
    from latentlab import data
    from latentlab.cli.plan import sorted_by_section
    from latentlab.core.errors import DataError
    from latentlab.data.fetched import Fetched
    from latentlab.export.base import exporter_for

    if output is not None:
        exporter_for(output, animated=False)  # refused now rather than when all was loaded
    kind = data.SOURCES.get(target) if target in data.SOURCES else None
    missing = kind.bytes_missing() if kind and issubclass(kind, Fetched) and not fetch else 0
    if kind and (kind.needs_path or missing):
        if output is not None:
            raise DataError(f"--out {output}: there are no images of {kind.title} here to be shown.")
        values: dict[str, Any] = {"kind": "source", "key": target, "title": kind.title, "about": kind.about}
        values["settings"], told = _settings(kind.Config)
        lines = [f"{kind.title} ({target})", kind.about]
        if missing:
            values["bytes_missing"] = missing
            lines.append(
                f"It is not here yet: {size_in_words(missing)} to fetch, with --fetch or in a training."
            )
        return values, [*lines, *told]
    source, _ = data.resolve(target)
    chosen = sorted_by_section(settings, {"data": source.Config})["data"]
    _, config = data.resolve(target, chosen)
    with loading(source.title) as report:  # `cli.data.load` would tell twice what was left out
        dataset = source.load(config, report)
    values, lines = described(source, dataset)
    if output is not None:
        write_sheet(output, dataset, config)
        values["picture"] = str(output.absolute())
        lines.append(f"Before and after: {output}")
    values["settings"], told = _settings(source.Config)
    return values, [*lines, *told]


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
