"""The arrows of the house: who may import whom, and what stays out until it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "latentlab"

#: cli, ui → run → training, latent, metrics, export → models, data → core. A room may use those below it.
FLOORS = [
    {"__main__"},
    {"cli", "ui"},
    {"run"},
    {"training", "latent", "metrics", "export"},
    {"models", "data"},
    {"core"},
]
#: The command without arguments opens the window: the one door between two rooms of a floor.
DOORS = {("cli", "ui")}

FILES = sorted(PACKAGE.rglob("*.py"))
QT = {"PySide6", "shiboken6", "pyqtgraph", "superqt"}


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _room(file: Path) -> str:
    """ "core" for latentlab/core/files.py, "run" for latentlab/run.py."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _floor(room: str) -> int:
    (floor,) = [n for n, rooms in enumerate(FLOORS) if room in rooms]
    return floor


def _imports(file: Path) -> set[str]:
    """Dotted names of everything imported anywhere in a file, also for type checkers only."""
    found: set[str] = set()
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            # "from latentlab import run" names a module; "from latentlab.run import Run" does not.
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "latentlab" else {module}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return found


def _rooms_used(file: Path) -> set[str]:
    used = {name.split(".")[1] for name in _imports(file) if name.startswith("latentlab.")}
    return {name for name in used if any(name in rooms for rooms in FLOORS)} - {_room(file)}


def _roots(file: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(file)}


#: The only file that may read what torch saved.
LOADER = "latentlab/training/foreign.py"
ROOMS = [f for f in FILES if f != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("file", ROOMS, ids=_name)
def test_arrows_point_downwards(file):
    room = _room(file)
    for used in _rooms_used(file):
        if (room, used) not in DOORS:
            assert _floor(used) > _floor(room), f"{_name(file)} imports {used}, which is not below {room}"


def test_every_room_has_a_floor():
    for file in ROOMS:
        _floor(_room(file))


def test_the_walk_sees_imports_in_functions_and_for_type_checkers():
    """The walk is trusted above, so it is tested too."""
    assert {"torch", "latentlab.core.config"} <= _imports(PACKAGE / "models" / "vae.py")
    assert "models" in _rooms_used(PACKAGE / "training" / "loop.py")
    assert {"metrics", "data"} <= _rooms_used(PACKAGE / "run" / "training.py")


@pytest.mark.parametrize("file", [f for f in FILES if _room(f) != "ui"], ids=_name)
def test_only_the_window_imports_qt(file):
    assert not _roots(file) & QT


@pytest.mark.parametrize("file", [f for f in FILES if _room(f) in ("core", "data", "export")], ids=_name)
def test_rooms_without_torch(file):
    """Pictures and data are numpy: no one waits for torch to look at them."""
    assert not _roots(file) & {"torch", "safetensors"}


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_file_is_one_thing(file):
    assert len(file.read_text("utf-8").splitlines()) <= 400
    assert file.stem != "utils"


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_nothing_that_is_loaded_can_run_code(file):
    text = file.read_text("utf-8")
    assert not _roots(file) & {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
    for word in ("weights_only=False", "allow_pickle=True", "torch.jit.load", "from torch import load"):
        assert word not in text
    # One file reads what other programs saved, and there every call says that tensors are all that may come.
    loads = [
        {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]
    assert text.count("torch.load") == len(loads) == (1 if _name(file) == LOADER else 0)
    assert all(keywords.get("weights_only") == "True" for keywords in loads)


def test_the_top_level_holds_what_the_house_says():
    ignored = {line.strip("/\n") for line in (ROOT / ".gitignore").read_text().splitlines()}
    found = {
        p.name for p in ROOT.iterdir() if not p.name.startswith(".") and not p.name.endswith(".egg-info")
    }
    allowed = {"pyproject.toml", "README.md", "LICENSE", "resources", "latentlab", "tests"}
    assert found - ignored <= allowed


COMMAND = "import runpy; sys.argv = ['latentlab', '{}']; runpy.run_module('latentlab', run_name='__main__')"
HEAVY = {"torch", "PySide6", "pyqtgraph", "superqt", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    "statement",
    [
        "import latentlab",
        "import latentlab.core.config, latentlab.core.settings",
        "import latentlab.data; latentlab.data.load('shapes', {'count': 4})",
        "import latentlab.models",
        "import latentlab.metrics, latentlab.export",
        "import latentlab.latent.directions, latentlab.latent.samplers, latentlab.latent.traversal",
        "import latentlab.run",
        "import latentlab.run as r; r.plan('vae-conv', {}, {})",
        "import latentlab.training.config, latentlab.training.control, latentlab.training.run_folder",
        COMMAND.format("--help"),
        COMMAND.format("models"),
    ],
)
def test_what_must_be_quick_loads_neither_torch_nor_qt(statement):
    code = (
        "import sys\n"
        "code = 0\n"
        f"try:\n    exec({statement!r})\n"
        "except SystemExit as exit:\n    code = exit.code or 0\n"
        f"heavy = sorted({HEAVY!r} & set(sys.modules))\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
