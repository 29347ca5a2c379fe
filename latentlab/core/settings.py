"""What is remembered between launches: theme, folders, recent things, the window's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from latentlab.core import paths
from latentlab.core.config import Config
from latentlab.core.files import write_json

RECENT = 12


class Settings(Config):
    """One frozen value; change it with `updated`, keep it with `save`."""

    # A newer version's fields are dropped rather than refused: settings must never stop a launch.
    model_config = ConfigDict(extra="ignore")

    theme: Literal["dark", "light", "system"] = "dark"
    runs_folder: str = ""
    recent_datasets: tuple[str, ...] = ()
    recent_runs: tuple[str, ...] = ()
    window_geometry: str = ""  # base64 of QMainWindow.saveGeometry()
    window_state: str = ""  # base64 of QMainWindow.saveState()
    export_folder: str = ""
    dataset_memory: Annotated[float, Field(ge=0)] = (
        0  # GiB of images kept in memory; 0: a quarter of the machine's
    )
    thumbnail_size: Annotated[int, Field(ge=16, le=96)] = 28  # pixels of one in the Dataset dock
    # The last settings of each kind of export: "grid", "film", ...
    exports: dict[str, dict[str, Any]] = Field(default_factory=dict)
    open_groups: tuple[str, ...] = ()  # headings of forms that are unfolded: "model:Stability"

    @property
    def runs(self) -> Path:
        """The folder for new runs."""
        return Path(self.runs_folder).expanduser() if self.runs_folder else paths.runs_dir()

    def updated(self, **changes: object) -> Settings:
        """A copy with `changes`, validated."""
        return Settings.model_validate(self.model_dump() | changes)

    def with_recent(self, field: Literal["recent_datasets", "recent_runs"], entry: str) -> Settings:
        """A copy with `entry` first in a recent list."""
        others = [e for e in getattr(self, field) if e != entry]
        return self.updated(**{field: (entry, *others)[:RECENT]})

    def save(self) -> None:
        """Write the settings file. OSError passes through: the caller says so in a notice."""
        file = paths.settings_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, self.model_dump(mode="json"))


def load() -> tuple[Settings, str]:
    """The settings, and a sentence when the file was damaged (it is kept beside, and defaults are used)."""
    file = paths.settings_file()
    try:
        return Settings.model_validate(json.loads(file.read_text("utf-8"))), ""
    except FileNotFoundError:
        return Settings(), ""
    except OSError as error:
        return Settings(), f"Cannot read the settings {file}: {error.strerror}. Using the defaults."
    except (ValueError, ValidationError):
        kept = file.with_suffix(".damaged.json")
        try:
            file.replace(kept)
        except OSError as error:
            return Settings(), f"The settings {file} are damaged and cannot be moved: {error.strerror}."
        return Settings(), f"The settings were damaged and are kept as {kept}. Using the defaults."
