"""Stills: PNG, exact, and JPEG, small."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from latentlab.export.base import Exporter, opaque, register, save_image


@register("png")
class PNG(Exporter):
    """Lossless (ISO/IEC 15948)."""

    title = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png",)

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
        from PIL import Image

        (picture,) = frames
        save_image(path, Image.fromarray(picture), format="PNG")


@register("jpeg")
class JPEG(Exporter):
    """Quality 95 with full colour resolution; alpha is laid on black, because JPEG has none."""

    title = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg")

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
        (picture,) = frames
        save_image(path, opaque(picture), format="JPEG", quality=95, subsampling=0)
