"""Validated, frozen settings, and the one description of them that forms, flags and files share."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from latentlab.core.errors import ConfigError


class Config(BaseModel):
    """Base of every nested ``Config``: frozen, unknown keys refused, no NaN or infinity."""

    # There are some fifty, and a start needs few of them.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, defer_build=True
    )


C = TypeVar("C", bound=Config)


def setting(
    default: Any,
    title: str,
    help: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    unit: str = "",
    zero: str = "",
    log: bool = False,
    labels: Mapping[str, str] | None = None,
    live: bool = False,
    only: Mapping[str, tuple[Any, ...]] | None = None,
    group: str = "",
    colour: bool = False,
) -> Any:
    """A field of a Config with what a form needs to show it.

    `ge` and `le` bound it (both included), `unit` is shown behind the number, `zero` is the word for the
    value 0, or for no text ("off", "as found"), `log` says that a step multiplies rather than adds, `labels`
    names choices. `live` says that it may change while a model trains, without new nets. `only` names the
    values of other fields with which it has an effect: ``only={"loss": ("wgan",)}``. `group` is the heading
    that a form puts it under; fields of a group stand together. `colour` says that the text is one,
    ``#rrggbb``.
    """
    extra: dict[str, Any] = {"unit": unit, "zero": zero, "log": log, "labels": dict(labels or {})}
    extra |= {
        "group": group,
        "live": live,
        "colour": colour,
        "only": {name: tuple(v) for name, v in (only or {}).items()},
    }
    return Field(default, title=title, description=help, ge=ge, le=le, json_schema_extra=extra)


@dataclass(frozen=True)
class FieldSpec:
    """One setting as forms and help texts see it. `kind` is int, float, bool, choice, colour or text."""

    name: str
    title: str
    help: str
    kind: Literal["int", "float", "bool", "choice", "colour", "text"]
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    zero: str = ""
    log: bool = False
    choices: tuple[Any, ...] = ()
    labels: Mapping[str, str] | None = None
    live: bool = False
    only: Mapping[str, tuple[Any, ...]] | None = None
    group: str = ""

    def label(self, choice: Any) -> str:
        """What a choice is called on the screen."""
        return (self.labels or {}).get(str(choice), str(choice))

    def has_effect(self, values: Mapping[str, Any]) -> bool:
        """Whether it changes anything beside what the other fields say; see `only` of `setting`."""
        return all(values.get(name) in allowed for name, allowed in (self.only or {}).items())


def describe(config: type[Config]) -> tuple[FieldSpec, ...]:
    """The fields of a Config class in the order they were written."""
    return tuple(_describe_field(name, info) for name, info in config.model_fields.items())


def _describe_field(name: str, info: FieldInfo) -> FieldSpec:
    kind, choices = _kind(info)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    if kind == "text" and extra.get("colour"):
        kind = "colour"
    bounds = {type(m): m for m in info.metadata}
    low, high = bounds.get(annotated_types.Ge), bounds.get(annotated_types.Le)
    return FieldSpec(
        name=name,
        title=info.title or name,
        help=info.description or "",
        kind=kind,
        default=info.default,
        minimum=low.ge if low else None,
        maximum=high.le if high else None,
        unit=str(extra.get("unit", "")),
        zero=str(extra.get("zero", "")),
        log=bool(extra.get("log", False)),
        choices=choices,
        labels=extra.get("labels") or None,  # type: ignore[arg-type]
        live=bool(extra.get("live", False)),
        only=extra.get("only") or None,  # type: ignore[arg-type]
        group=str(extra.get("group", "")),
    )


def live_fields(config: type[Config]) -> frozenset[str]:
    """The settings that may change while a model trains."""
    return frozenset(spec.name for spec in describe(config) if spec.live)


def _kind(info: FieldInfo) -> tuple[Any, tuple[Any, ...]]:
    annotation = info.annotation
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation)
    for kind in (bool, int, float):  # bool before int: it is one
        if annotation is kind:
            return kind.__name__, ()
    return "text", ()


def parse(config: type[C], values: Mapping[str, Any], where: str) -> C:
    """Validate `values` (numbers may come as text); ConfigError says in one sentence what is wrong.

    `where` names the section in messages: ``model.latent_size: 0 is not allowed; expected ...``.
    """
    try:
        return config.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_explain(config, error, where)) from None


def kept(config: type[C], values: Mapping[str, Any]) -> C:
    """A Config of those `values` that are still allowed, the rest being its defaults."""
    good: dict[str, Any] = {}
    for name, value in values.items():
        try:
            good = parse(config, good | {name: value}, "kept").model_dump(include={*good, name})
        except ConfigError:
            continue
    return config(**good)


def _explain(config: type[Config], error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, config.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(config.model_fields)}."
        return f"{where} has no setting '{name}': {hint}"
    if name not in config.model_fields:
        return f"{where}: {first['msg']}."
    spec = _describe_field(name, config.model_fields[name])
    expected = expectation(spec)
    if first["type"] in ("value_error", "assertion_error"):  # a validator's own sentence says more
        expected = str(first["ctx"]["error"])
    return f"{where}.{name}: {first['input']!r} is not allowed; expected {expected}."


def expectation(spec: FieldSpec) -> str:
    """What a field takes, in words: ``a whole number from 1 to 512``."""
    if spec.kind == "choice":
        return "one of " + ", ".join(str(c) for c in spec.choices)
    if spec.kind == "bool":
        return "true or false"
    if spec.kind == "colour":
        return "a colour such as #000000 (black) or #ffffff (white)"
    if spec.kind == "text":
        return "text"
    noun = "a whole number" if spec.kind == "int" else "a number"
    # Fifteen digits: "g" alone would write a whole 1000000 as 1e+06.
    if spec.minimum is not None and spec.maximum is not None:
        return f"{noun} from {spec.minimum:.15g} to {spec.maximum:.15g}"
    if spec.minimum is not None:
        return f"{noun} of at least {spec.minimum:.15g}"
    if spec.maximum is not None:
        return f"{noun} of at most {spec.maximum:.15g}"
    return noun


def load_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file; ConfigError names the file and the line where it is malformed."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"No configuration file at {path}.") from None
    except OSError as error:
        raise ConfigError(f"Cannot read the configuration {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
