import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from latentlab.core import paths, settings
from latentlab.core.settings import RECENT, Settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_first_launch_has_defaults(home):
    assert settings.load() == (Settings(), "")
    assert not home.exists()


def test_round_trip(home):
    kept = Settings(theme="light", recent_runs=("/a", "/b"), window_state="AAAA", export_folder="/ä")
    kept.save()
    assert settings.load() == (kept, "")
    assert [entry.name for entry in home.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"[]", b'{"theme": "pink"}', b'{"recent_runs": 3}', b"\xff\xfe", b'{"runs_folder": null}'],
)
def test_a_damaged_file_is_kept_aside(home, content):
    home.mkdir()
    (home / "settings.json").write_bytes(content)
    found, sentence = settings.load()
    kept = home / "settings.damaged.json"
    assert found == Settings() and str(kept) in sentence and sentence.endswith("Using the defaults.")
    assert kept.read_bytes() == content and not (home / "settings.json").exists()
    assert settings.load() == (Settings(), "")


def test_unknown_keys_are_ignored(home):
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"theme": "system", "from_the_future": 1}))
    assert settings.load() == (Settings(theme="system"), "")


def test_a_file_that_cannot_be_read_is_left_alone(home):
    (home / "settings.json").mkdir(parents=True)
    found, sentence = settings.load()
    assert found == Settings() and sentence.startswith("Cannot read the settings")


def test_changes_are_validated():
    assert Settings().updated(theme="light").theme == "light"
    with pytest.raises(ValidationError):
        Settings().updated(theme="pink")


def test_recent_things():
    found = Settings()
    for i in range(RECENT + 3):
        found = found.with_recent("recent_datasets", f"/{i}")
    found = found.with_recent("recent_datasets", "/9")
    assert found.recent_datasets[:3] == ("/9", f"/{RECENT + 2}", f"/{RECENT + 1}")
    assert len(found.recent_datasets) == RECENT == len(set(found.recent_datasets))
    assert found.recent_runs == ()


def test_where_runs_go(home):
    assert Settings().runs == home / "runs"
    assert Settings(runs_folder="~/mine").runs == Path.home() / "mine"


def test_home_moves_every_folder(home, monkeypatch):
    assert paths.settings_file() == home / "settings.json"
    assert paths.runs_dir() == home / "runs"
    monkeypatch.setenv("LATENTLAB_HOME", "~/lab")
    assert paths.runs_dir() == Path.home() / "lab" / "runs"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("LATENTLAB_HOME")
        else:
            monkeypatch.setenv("LATENTLAB_HOME", unset)
        assert paths.settings_file().name == "settings.json" and "latentlab" in paths.settings_file().parts
        assert paths.runs_dir().parts[-2:] == ("latentlab", "runs")


def test_resources_lie_beside_the_package():
    assert paths.resource("icons", "a.svg").parts[-3:] == ("resources", "icons", "a.svg")
