"""What a direction is, and what every way to find directions promises. One file per way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError
from latentlab.core.registry import Registry
from latentlab.data.base import Dataset, no_report

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: Called with (done, total) while directions are sought; may raise `Cancelled` to end the search.
Report = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A unit vector in the latent space, float32 (D,), and what is known of it.

    name: what people call it, theirs to change. method: key of the way it was found by. note: a few words on
    how much it matters, for behind the name ("31% of variance", "accuracy 0.98").
    """

    name: str
    vector: np.ndarray
    method: str
    note: str = ""

    def __post_init__(self) -> None:
        vector = np.asarray(self.vector, np.float64)
        length = np.linalg.norm(vector)
        if vector.ndim != 1 or not np.isfinite(length) or length == 0:
            raise ValueError(f"a direction is a finite vector (D,) that is not zero, not {self.vector!r}")
        object.__setattr__(self, "vector", (vector / length).astype(np.float32))


def _nothing() -> np.ndarray:
    return np.empty((0, 0), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """What a search may draw on besides the model.

    z: the present latent, float32 (D,). dataset: images of the model's shape, with labels or factors where
    they are known, or None. liked, disliked: latents, float32 (N, D), that a person gave a thumb up or down.
    """

    z: np.ndarray
    dataset: Dataset | None = None
    liked: np.ndarray = dataclasses.field(default_factory=_nothing)
    disliked: np.ndarray = dataclasses.field(default_factory=_nothing)


class Method:
    """A way to find directions. Sub-classes are registered and may nest a `Config` of settings.

    key: set by the registry. title, about: shown in menus and by ``latentlab directions --help``.
    paper: arXiv number, or "". live: whether the answer depends on the present latent, so that it is sought
    again as that moves.
    """

    class Config(Config):
        pass

    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    paper: ClassVar[str] = ""
    live: ClassVar[bool] = False

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        """Why it cannot be used here, in one sentence; "" where it can. Quick, and touches no net."""
        return ""

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        """The directions, the most telling first. Deterministic. `model` is the caller's own copy."""
        raise NotImplementedError


METHODS: Registry[type[Method]] = Registry("method")
register = METHODS.register


def find(
    model: Model,
    method: str,
    material: Material,
    values: Mapping[str, Any] | None = None,
    report: Report = no_report,
) -> list[Direction]:
    """Directions of `model` by a method's key, its settings in `values`.

    ConfigError for an unknown method, a bad setting, or where the method lacks what it needs.
    """
    kind = METHODS.get(method)
    config = parse(kind.Config, values or {}, method)
    if reason := kind.obstacle(model, material):
        raise ConfigError(reason)
    return kind.find(model, material, config, report)
