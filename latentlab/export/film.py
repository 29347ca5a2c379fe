"""Films: an animated GIF, or a folder of numbered PNG files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from latentlab.core.errors import ExportError
from latentlab.export.base import Exporter, opaque, register, save_image


@register("gif")
class GIF(Exporter):
    """Endless loop. GIF counts time in hundredths of a second, so the rate is the nearest it can say.

    Equal neighbours become one longer frame. Alpha is laid on black: GIF only knows all or nothing.
    """

    title = "GIF"
    suffixes: ClassVar[tuple[str, ...]] = (".gif",)
    animated = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        images = (opaque(frame) for frame in frames)
        first = next(images, None)
        if first is None:
            raise ExportError(f"Cannot write {path}: there are no frames.")
        duration = max(2, round(100 / fps)) * 10
        save_image(path, first, format="GIF", save_all=True, append_images=images, duration=duration, loop=0)


@register("frames")
class Frames(Exporter):
    """``frame-00000.png`` and on; the folder is made, and must not already hold such files."""

    title = "PNG sequence"
    suffixes: ClassVar[tuple[str, ...]] = ("",)
    animated = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from PIL import Image

        if any(path.glob("frame-*.png")):
            raise ExportError(f"Cannot write frames to {path}: it already holds some; choose another folder.")
        new = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        try:
            for index, frame in enumerate(frames):
                file = path / f"frame-{index:05d}.png"
                save_image(file, Image.fromarray(frame), format="PNG")
                written.append(file)
            if not written:
                raise ExportError(f"Cannot write frames to {path}: there are none.")
        except BaseException:  # also where the person cancels: half a film would be in the next one's way
            for file in written:
                file.unlink(missing_ok=True)
            if new:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise
