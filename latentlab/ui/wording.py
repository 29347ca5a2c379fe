"""How settings, their values and their changes read in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latentlab.core.config import Config, FieldSpec, describe
from latentlab.models.base import Model
from latentlab.training.config import TrainingConfig
from latentlab.ui.widgets.fields import format_float, unit_of

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
        return f"{number} {unit_of(value, spec.unit)}".strip()
    return str(value)


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
