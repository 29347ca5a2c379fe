"""How settings, their values and their changes read in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentlab.core.config import Config, FieldSpec, describe
from latentlab.core.points import is_points
from latentlab.data.base import Dataset
from latentlab.models.base import MODELS, Model
from latentlab.training.config import TrainingConfig
from latentlab.training.run_folder import RunFolder
from latentlab.ui.widgets.fields import format_float, measured, unit_of

#: Titles that begin with a name keep its capital inside a sentence.
NAMES = ("Adam", "Gaussian", "Bernoulli", "Gumbel")


def value_text(spec: FieldSpec, value: Any) -> str:
    """How a value of a setting reads: "500 steps", "off", "Least squares"."""
    if spec.kind == "choice":
        return spec.label(value)
    if spec.kind == "bool":
        return "on" if value else "off"
    if spec.kind in ("int", "float") and value is not None:
        if value == 0 and spec.zero:
            return spec.zero
        number = str(value) if spec.kind == "int" else format_float(value)
        return measured(number, value, spec.unit)
    return spec.zero if value == "" else str(value)


def inside(title: str) -> str:
    """A setting's title in the middle of a sentence: "learning rate", but "KL warm-up" and "β"."""
    if title.split(" ", 1)[0] in NAMES or not title[1:2].islower():
        return title
    return title[0].lower() + title[1:]


def condition(spec: FieldSpec, values: Mapping[str, Any], config: type[Config]) -> str:
    """Why a setting has no effect beside `values`: "Only with loss: Least squares."; "" where it has one."""
    others = {other.name: other for other in describe(config)}
    for name, allowed in (spec.only or {}).items():
        if values.get(name) not in allowed:
            words = [value_text(others[name], value) for value in allowed]
            return f"Only with {inside(others[name].title)}: {listed(words, 'or')}."
    return ""


def listed(words: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part) if words else ""


def settings_of(kind: type[Model]) -> dict[str, FieldSpec]:
    """Every setting of a training of this kind by its full name: "training.learning_rate", "model.width"."""
    model = {f"model.{spec.name}": spec for spec in describe(kind.Config)}
    return model | {f"training.{spec.name}": spec for spec in describe(TrainingConfig)}


def edit_text(kind: type[Model], changes: Mapping[str, Sequence[Any]]) -> str:
    """Changes of settings, full name -> (old, new): "learning rate 0.001 → 5e-4, batch 128 → 64 images"."""
    specs = settings_of(kind)
    parts = []
    for name, (old, new) in changes.items():
        spec = specs.get(name)
        if spec is None:  # of another version
            parts.append(f"{name} {old} → {new}")
            continue
        before, after = value_text(spec, old), value_text(spec, new)
        if spec.unit:  # said once is enough
            before = before.removesuffix(unit_of(old, spec.unit)).strip()
        parts.append(f"{inside(spec.title)} {before} → {after}")
    return ", ".join(parts)


def waiting_text(kind: type[Model], names: Sequence[str]) -> str:
    """Settings that the training cannot take over: "Width needs a new network. Applies to the next run."."""
    specs = settings_of(kind)
    titles = [specs[name].title for name in names]
    words = [titles[0], *map(inside, titles[1:])]
    if len(words) > 3:
        words = [*words[:2], f"{len(words) - 2} more"]
    one = len(words) == 1
    if all(name.startswith("training.") for name in names):
        return f"{listed(words)} {'applies' if one else 'apply'} to the next run."
    needs, apply = ("needs", "Applies") if one else ("need", "They apply")
    return f"{listed(words)} {needs} a new network. {apply} to the next run."


# Beginnings of a training


def begun_text(folder: RunFolder, before: RunFolder | None) -> tuple[str, str]:
    """What to say once a training has begun, one that goes on with the run `before` unless that is None.

    -> a sentence, and its details.
    """
    info = folder.info
    began = f"Training {info['model']['key']} on {info['data']['name']} in {folder.path}"
    if before is None and "started_from" in info:
        return _taken_over(info["started_from"], began)
    if before is not None and before.info["data"]["fingerprint"] != info["data"]["fingerprint"]:
        return _grown(info["grown"][-1], info["data"], began)
    return began, ""


def _taken_over(told: Mapping[str, Any], began: str) -> tuple[str, str]:
    taken, left = told["taken"], told["left"]
    count = f"{len(taken)} of {len(taken) + len(left)}" if left else f"all {len(taken)}"
    named = listed(left if len(left) <= 3 else [*left[:2], f"{len(left) - 2} more"])
    new = f"; new: {named}" if left else ""
    groups = (("Taken over", taken), ("New, with random weights", left))
    lists = "".join("\n  ".join([f"\n\n{title}:", *layers]) for title, layers in groups if layers)
    return (
        f"Took over {count} layers from {Path(told['path']).name} (step {told['step']:,}){new}.",
        f"{began}\nFirst weights: {told['path']}, step {told['step']:,}{lists}",
    )


def _grown(told: Mapping[str, Any], data: Mapping[str, Any], began: str) -> tuple[str, str]:
    names = [f"{about['name']} ({about['summary'].split(' · ')[0]})" for about in (told["from"], data)]
    wholes = [f"{about['name']}: {about['summary']}" for about in (told["from"], data)]
    return (
        f"Goes on from step {told['step']:,}: before on {names[0]}, now on {names[1]}.",
        f"{began}\n\nBefore step {told['step']:,}:\n  {wholes[0]}\n\nFrom there on:\n  {wholes[1]}",
    )


def why_not_on(info: Mapping[str, Any], dataset: Dataset) -> str:
    """Why a run with this run.json cannot go on with other images: these; "" where it can."""
    data, shape = info["data"], tuple(info["image_shape"])
    if dataset.fingerprint == data["fingerprint"]:
        return "These are the images that the open run learns from already."
    if dataset.image_shape != shape:
        these = _made_of(dataset.image_shape)
        return f"The open run learns from {_made_of(shape)}; those that are loaded are {these}."
    needs_labels = MODELS.get(info["model"]["key"]).needs_labels
    if needs_labels and list(dataset.label_names) != data.get("label_names", []):
        return "The open run learns from labels, and these images have other classes."
    return ""


def _made_of(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    kind = {1: "grey", 3: "colour", 4: "transparent"}[channels] if not is_points(shape) else ""
    return f"{width}×{height} {kind} images" if kind else "points"
