"""What an exporter is, and the way pictures leave: whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from latentlab.core.errors import ExportError
from latentlab.core.files import atomic_path
from latentlab.core.registry import Registry
from latentlab.export.state import State, to_text

if TYPE_CHECKING:
    from PIL import Image


class Exporter:
    """Writes one kind of file. Sub-classes are registered.

    suffixes: file name endings it writes, the usual one first; animated: takes many frames; keeps_state: its
    files say where they came from, see `State`.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    animated: ClassVar[bool] = False
    keeps_state: ClassVar[bool] = False

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        """Write uint8 frames (H, W), (H, W, 3) or (H, W, 4) to `path`; a still exporter takes just one.

        state: what `export.state.to_text` gives, for those that keep one.
        """
        raise NotImplementedError


EXPORTERS: Registry[type[Exporter]] = Registry("exporter")
register = EXPORTERS.register


def exporter_for(path: Path, animated: bool) -> type[Exporter]:
    """The exporter for a file name; ExportError names the endings that are known."""
    fitting = [e for _, e in EXPORTERS.items() if e.animated == animated]
    for exporter in fitting:
        if path.suffix.lower() in exporter.suffixes:
            return exporter
    known = ", ".join(s for e in fitting for s in e.suffixes if s)
    raise ExportError(f"Cannot write {path}: the name ends in '{path.suffix}', expected one of {known}.")


def write_picture(path: str | Path, picture: np.ndarray, state: State | None = None) -> None:
    """Write a uint8 picture; its name's ending says how. ExportError says why it could not be written.

    `state` goes into the file where its format keeps one.
    """
    path = Path(path)
    exporter = exporter_for(path, animated=False)
    with explained(path):
        exporter.write(path, [picture], 0, to_text(state) if state and exporter.keeps_state else "")


def write_frames(path: str | Path, frames: Iterable[np.ndarray], fps: float = 20) -> None:
    """Write a film: to a folder where the name has no ending or is one, else by the ending.

    Frames are uint8, all (H, W), (H, W, 3) or (H, W, 4) and of one size; they are encoded as they come. fps
    is 0.01 to 1,000. What `frames` raises passes through; on any error nothing is left of the film, and a
    file that had the name is as it was. ExportError says why it could not be written.
    """
    folder = str(path).endswith(("/", "\\")) or Path(path).is_dir()
    path = Path(path)
    exporter = EXPORTERS.get("frames") if folder or not path.suffix else exporter_for(path, animated=True)
    if not 0.01 <= fps <= 1000:
        raise ExportError(
            f"Cannot write {path} at {fps:g} frames a second; expected more than 0 (0.01 to 1,000)."
        )
    with explained(path):
        exporter.write(path, frames, fps)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an OSError into the ExportError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        raise ExportError(f"Cannot write {path}: {error.strerror or error}.") from None


def opaque(picture: np.ndarray) -> Image.Image:
    """A picture for a format that cannot say how much shines through: alpha is laid on black."""
    from PIL import Image

    image = Image.fromarray(picture)
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")


def save_image(path: Path, image: Image.Image, **options: object) -> None:
    """Pillow's save, atomically; the folder must be there."""
    with atomic_path(path) as temporary:
        image.save(temporary, **options)  # type: ignore[arg-type]
