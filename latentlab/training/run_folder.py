"""A run on disk: ``run.json``, ``metrics.csv``, ``checkpoints/``, ``samples/``; all open formats.

``dimensions.csv`` is there for models with a KL per latent dimension: held-out nats, a row per evaluation.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import RunError
from latentlab.core.files import write_bytes, write_json
from latentlab.training.metrics_file import MetricsFile, csv_rows, is_row, to_csv, whole_lines

FORMAT = 1
#: Checkpoints that stay: the newest few, and as many of earlier stages at most.
KEEP_CHECKPOINTS, KEEP_EARLIER = 3, 3

#: What run.json must hold for the run to be opened or resumed.
_CONTENT: dict[str, Callable[[Any], bool]] = {
    "data": lambda v: isinstance(v, dict) and {"source", "config", "summary", "fingerprint"} <= v.keys(),
    "model": lambda v: isinstance(v, dict) and {"key", "config"} <= v.keys(),
    "training": lambda v: isinstance(v, dict),
    "image_shape": lambda v: isinstance(v, list) and len(v) == 3 and all(isinstance(n, int) for n in v),
    "metrics": lambda v: isinstance(v, list) and all(isinstance(name, str) for name in v),
}


class RunFolder:
    """One run's files. `info` is what run.json holds: data, model, training, versions.

    Where it happened also "edits" (settings changed at a step: name -> [old, new]; model and training hold
    the present values), "diverged" (where training went back), "grown" (data that was exchanged), "continued"
    (on another machine or other versions) and "started_from" (the run whose weights it began with).
    """

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self.path, self.info = path, info
        self._metrics = MetricsFile(path / "metrics.csv", info["metrics"])

    @classmethod
    def create(cls, path: str | Path, info: Mapping[str, Any]) -> RunFolder:
        """Make the folder and write run.json. RunError where it already holds something."""
        path = Path(path)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunError(f"{path} already holds files; choose another name, or resume the run in it.")
            for part in ("checkpoints", "samples"):
                (path / part).mkdir(parents=True, exist_ok=True)
            folder = cls(path, {"format": FORMAT, **info})
            write_json(path / "run.json", folder.info)
            folder._metrics.create()
        except OSError as error:
            raise RunError(f"Cannot make the run folder {path}: {error.strerror}.") from None
        return folder

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Open an existing run. RunError where run.json is missing, damaged or of another version."""
        path = Path(path)
        file = path / "run.json"
        try:
            info = json.loads(file.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(f"There is no run at {path}: {file} is missing.") from None
        except OSError as error:
            raise RunError(f"Cannot read {file}: {error.strerror}.") from None
        except ValueError as error:
            raise RunError(f"{file} is damaged: {error}.") from None
        if not isinstance(info, dict) or info.get("format") != FORMAT:
            found = info.get("format") if isinstance(info, dict) else type(info).__name__
            raise RunError(f"{file} has run format {found}; this version reads {FORMAT}.")
        for key, is_right in _CONTENT.items():
            if key not in info:
                raise RunError(f"{file} is damaged: it lacks {key}.")
            if not is_right(info[key]):
                raise RunError(f"{file} is damaged: {key} is {info[key]!r}.")
        return cls(path, info)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """Tells this run from every other, wherever its folder lies: 16 hex digits."""
        # What never changes: settings, data and the rest of run.json may, as the run goes on.
        known = [self.info.get("id", ""), self.info.get("created", ""), self.info["image_shape"]]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]

    def update(self, **changes: Any) -> None:
        """Change fields of run.json. OSError passes through."""
        self.info |= changes
        write_json(self.path / "run.json", self.info)

    # Settings that changed on the way

    def add_edit(self, step: int, seconds: float, changes: Mapping[str, tuple[Any, Any]]) -> None:
        """Keep that settings went from old to new from `step` on: "model.beta" -> (1.0, 4.0)."""
        self._set({name: new for name, (_, new) in changes.items()})
        edit = {
            "step": step,
            "seconds": round(seconds, 3),
            "changes": {n: list(v) for n, v in changes.items()},
        }
        self.update(edits=[*self.info.get("edits", ()), edit])

    def take_back(self, step: int) -> dict[str, Any]:
        """Undo the edits of later steps -> name and value of what is again as it was. Writes nothing."""
        edits = self.info.get("edits", ())
        undone = {
            name: old
            for edit in reversed(edits)
            if edit["step"] > step
            for name, (old, _) in edit["changes"].items()
        }
        if undone:
            self._set(undone)
            self.info["edits"] = [edit for edit in edits if edit["step"] <= step]
        return undone

    def _set(self, values: Mapping[str, Any]) -> None:
        sections = {"model": self.info["model"]["config"], "training": self.info["training"]}
        for name, value in values.items():
            section, _, field = name.partition(".")
            sections[section][field] = value

    # Checkpoints

    def checkpoint_path(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step-{step:09d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """Oldest first."""
        return [path for _, path in self._numbered("checkpoints", ".safetensors")]

    def latest_checkpoint(self) -> Path:
        """RunError where none was saved."""
        found = self.checkpoints()
        if not found:
            raise RunError(f"{self.path} has no checkpoint yet: train it for a moment first.")
        return found[-1]

    def prune_checkpoints(self) -> None:
        """Keep the newest three and up to three of about a half, a quarter and an eighth of their step.

        Each is as large as the nets and their optimizers. Of the older ones the first between two powers of
        two stays: what is kept now is also what later prunings want, however long the training goes on.
        """
        old = self._numbered("checkpoints", ".safetensors")[:-KEEP_CHECKPOINTS]
        first_of = {step.bit_length(): path for step, path in reversed(old)}
        kept = [first_of[size] for size in sorted(first_of)[-KEEP_EARLIER:]]
        for _, path in old:
            if path not in kept:
                path.unlink(missing_ok=True)

    # Samples

    def sample_path(self, step: int) -> Path:
        return self.path / "samples" / f"step-{step:09d}.png"

    def samples(self) -> list[tuple[int, Path]]:
        """(step, PNG of the fixed latents), oldest first."""
        return self._numbered("samples", ".png")

    def _numbered(self, part: str, suffix: str) -> list[tuple[int, Path]]:
        """(step, file) by step; whatever else lies in the folder is passed over."""
        files = self.path.glob(f"{part}/step-*{suffix}")
        found = ((re.fullmatch(r"step-(\d+)", path.stem), path) for path in files)
        return sorted((int(match[1]), path) for match, path in found if match)

    # Metrics: one row a step, and rows of their own for figures on held-out data

    def append_metrics(
        self,
        steps: Sequence[int] | np.ndarray,
        seconds: float,
        values: Mapping[str, Sequence[float] | np.ndarray],
    ) -> None:
        """Append rows; values are columns of the steps' length, NaN an empty cell. OSError passes through."""
        self._metrics.append(steps, seconds, values)

    def read_metrics(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Name -> (int64 steps, float64 values), in order. Torn or foreign lines are passed over.

        Series that were measured at the same steps share these.
        """
        return self._metrics.read()

    def seconds(self) -> float:
        """Training time up to the last row."""
        return self._metrics.seconds()

    # KL per dimension: one row an evaluation

    def append_dimensions(self, step: int, kl: np.ndarray) -> None:
        """Append float (D,) nats. OSError passes through."""
        file = self.path / "dimensions.csv"
        header = [] if file.exists() else [["step", *(f"z{i}" for i in range(len(kl)))]]
        with file.open("ab") as out:
            out.write(to_csv([*header, [step, *(f"{value:.6g}" for value in kl)]]))

    def read_dimensions(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 steps (K,) and float64 nats (K, D), in order; (0, 0) where there are none."""
        rows = self._dimensions()
        if not rows:
            return np.zeros(0, np.int64), np.zeros((0, 0))
        return np.array([int(row[0]) for row in rows]), np.array(
            [[float(x) for x in row[1:]] for row in rows]
        )

    def _dimensions(self) -> list[list[str]]:
        """The rows that are whole: of the header's length, numbers throughout."""
        header, *rows = list(self._lines("dimensions.csv")) or [[]]
        return [row for row in rows if len(row) == len(header) and "" not in row and is_row(row)]

    def rewind(self, step: int) -> dict[str, Any]:
        """Drop what belongs to steps after `step`, which are about to be done again: metrics, samples, edits.

        -> name and value of the settings that are again as they were.
        """
        undone = self.take_back(step)
        if undone:
            self.update()
        self._metrics.rewind(step)
        if (file := self.path / "dimensions.csv").exists():
            kept = [row for row in self._dimensions() if int(row[0]) <= step]
            write_bytes(file, to_csv([next(iter(self._lines(file.name)), []), *kept]))
        for at, path in self.samples():
            if at > step:
                path.unlink(missing_ok=True)
        return undone

    def _lines(self, name: str) -> Iterator[list[str]]:
        """The cells of a CSV file's lines, without one that was torn off; none where there is no file."""
        for lines in whole_lines(self.path / name):
            yield from csv_rows(lines)


def step_of(path: Path) -> int:
    """The step of a checkpoint or a sample, by its name."""
    return int(path.stem.removeprefix("step-"))
