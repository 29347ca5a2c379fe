"""Stills: PNG, exact, and JPEG, small."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from latentlab.export.base import Exporter, register, save_image


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
        from PIL import Image

        (picture,) = frames
        image = Image.fromarray(picture)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")
        save_image(path, image, format="JPEG", quality=95, subsampling=0)
