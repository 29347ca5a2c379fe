import json
import os
import stat

import pytest

from latentlab.core.files import atomic_path, write_bytes, write_json


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"z": [1, 2.5], "word": "π"})
    assert json.loads(path.read_text("utf-8")) == {"z": [1, 2.5], "word": "π"}
    assert "π" in path.read_text("utf-8") and path.read_text("utf-8").endswith("}\n")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and names(tmp_path) == ["a.json"]


def test_a_writer_that_fails_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="midway"), atomic_path(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise RuntimeError("midway")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"loss": float("nan")})
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]


def test_the_temporary_lies_beside_with_the_same_suffix(tmp_path):
    with atomic_path(tmp_path / "film.png") as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".png"
        assert not (tmp_path / "film.png").exists()
    assert names(tmp_path) == ["film.png"]


def test_a_missing_folder_passes_through(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "nowhere" / "a", b"")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_files_get_ordinary_permissions(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_bytes(tmp_path / "atomic", b"")
    plain, atomic = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic"))
    assert plain == atomic
