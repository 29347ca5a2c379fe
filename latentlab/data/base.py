"""The contract of everything that images can come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from latentlab.core.config import Config, parse
from latentlab.core.errors import DataError
from latentlab.core.registry import Registry
from latentlab.data.dataset import MAX_SIZE, MIN_SIZE, Dataset, Skipped
from latentlab.data.loading import load_originals
from latentlab.data.originals import Originals
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import Report, no_report

__all__ = ["MAX_SIZE", "MIN_SIZE", "SOURCES", "Dataset", "Report", "Skipped", "Source", "SourceConfig",
           "load", "no_report", "register", "resolve"]  # fmt: skip


class Source:
    """Where images come from. Sub-classes are registered, nest a `Config`, and say how it is opened.

    key: set by the registry. title, about: shown in menus and by ``latentlab datasets``.
    needs_path: whether `Config` has a ``path`` that the person must choose. patterns: names of such files,
    for the dialog that opens them: ``("*.zip",)``; none for a folder.
    """

    Config: ClassVar[type[Config]] = SourceConfig
    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    needs_path: ClassVar[bool] = False
    patterns: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether an existing file or folder looks like this source's."""
        return False

    @classmethod
    def open(cls, config: Any, report: Report) -> Originals:
        """The images as they are found. DataError says what is wrong."""
        raise NotImplementedError

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        """Read or draw the images, or take them from the cache. Calls `report(done, total)` often."""
        return load_originals(cls.key, cls.open(config, report), config, report)


#: What is said where images are asked for that a run never had: its weights were imported.
NO_IMAGES = (
    "This run's weights were imported, and it has no images of its own: go on with others "
    "(latentlab resume RUN --data IMAGES; in the window load them, then Training, Continue on them)."
)

SOURCES: Registry[type[Source]] = Registry("dataset")
register = SOURCES.register


def resolve(spec: str, values: Mapping[str, Any] | None = None) -> tuple[type[Source], Config]:
    """A source's key, or a path to files, with further settings -> (source, its validated config).

    A registered key wins over a file of the same name (write ``./digits`` for the file).
    Raises DataError for a path that is missing or of no known kind, and for "", which is all that a run
    without images of its own knows of them; ConfigError for bad settings.
    """
    values = dict(values or {})
    if not spec:
        raise DataError(NO_IMAGES)
    if spec in SOURCES:
        source = SOURCES.get(spec)
        if source.needs_path and not values.get("path"):
            raise DataError(f"The source '{spec}' needs a path: give the file or folder instead of '{spec}'.")
        return source, parse(source.Config, values, "data")
    path = Path(spec).expanduser()
    if not path.exists():
        known = ", ".join(k for k, s in SOURCES.items() if not s.needs_path)
        raise DataError(f"There is no file or folder {spec}, and no built-in dataset of that name ({known}).")
    source = kind_of(path)
    return source, parse(source.Config, values | {"path": str(path.absolute())}, "data")


def kind_of(path: Path) -> type[Source]:
    """The source that takes an existing file or folder; DataError where none does."""
    for _, source in SOURCES.items():
        if source.needs_path and source.accepts(path):
            return source
    kinds = ", ".join(source.title for _, source in SOURCES.items() if source.needs_path)
    raise DataError(f"{path} is of no known kind; expected one of: {kinds}.")


def load(spec: str, values: Mapping[str, Any] | None = None, report: Report = no_report) -> Dataset:
    """Open a dataset by key or path; see `resolve` and `Source.load`."""
    source, config = resolve(spec, values)
    return source.load(config, report)
