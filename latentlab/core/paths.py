"""Where latentlab keeps things. ``LATENTLAB_HOME`` moves every folder."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def _home() -> Path | None:
    home = os.environ.get("LATENTLAB_HOME")
    return Path(home).expanduser() if home else None


def settings_file() -> Path:
    """What is remembered between launches."""
    home = _home()
    return (home or platformdirs.user_config_path("latentlab", appauthor=False)) / "settings.json"


def runs_dir() -> Path:
    """Where runs are saved unless the settings say otherwise."""
    home = _home()
    return home / "runs" if home else platformdirs.user_documents_path() / "latentlab" / "runs"


def cache_dir() -> Path:
    """What can be made or fetched again: prepared images, downloads."""
    home = _home()
    return home / "cache" if home else platformdirs.user_cache_path("latentlab", appauthor=False)


def resource(*parts: str) -> Path:
    """A file of ``resources/``: inside the installed package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "resources"
    return (inside if inside.is_dir() else package.parent / "resources").joinpath(*parts)
