"""Stills: PNG, WebP, TIFF and PDF, exact; JPEG, small."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np

from latentlab.core.errors import ExportError
from latentlab.core.files import write_bytes
from latentlab.export.base import Exporter, opaque, register, save_image
from latentlab.export.state import DESCRIPTION, KEY

#: Pixels an inch in a PDF and a TIFF: print.
DPI = 300
#: What a side of a WebP can hold.
WEBP_SIDE = 16_383


@register("png")
class PNG(Exporter):
    """Lossless (ISO/IEC 15948). The state is an uncompressed iTXt chunk: Pillow refuses large other ones."""

    title = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png",)
    keeps_state = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from PIL import Image, PngImagePlugin

        (picture,) = frames
        chunks = PngImagePlugin.PngInfo()
        if state:
            chunks.add_text("Software", "latentlab")
            chunks.add_itxt(KEY, state)
        save_image(path, Image.fromarray(picture), format="PNG", pnginfo=chunks)


@register("jpeg")
class JPEG(Exporter):
    """Quality 95 with full colour resolution; alpha is laid on black, because JPEG has none."""

    title = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg")

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        (picture,) = frames
        save_image(path, opaque(picture), format="JPEG", quality=95, subsampling=0)


@register("webp")
class WebP(Exporter):
    """Lossless."""

    title = "WebP"
    suffixes: ClassVar[tuple[str, ...]] = (".webp",)
    keeps_state = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from PIL import Image

        (picture,) = frames
        height, width = picture.shape[:2]
        if max(height, width) > WEBP_SIDE:
            raise ExportError(
                f"Cannot write {path}: it would be {width}×{height} pixels; WebP holds {WEBP_SIDE} a side."
            )
        options = {}
        if state:
            exif = Image.Exif()
            exif[DESCRIPTION] = state
            options["exif"] = exif
        save_image(path, Image.fromarray(picture), format="WEBP", lossless=True, exact=True, **options)


@register("tiff")
class TIFF(Exporter):
    """Lossless, deflated."""

    title = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff")
    keeps_state = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from PIL import Image

        (picture,) = frames
        options = {"description": state} if state else {}
        image = Image.fromarray(picture)
        # In memory first: of a full disk the TIFF library only says on stderr.
        whole = io.BytesIO()
        image.save(whole, "TIFF", compression="tiff_adobe_deflate", dpi=(DPI, DPI), **options)
        write_bytes(path, whole.getvalue())


@register("pdf")
class PDF(Exporter):
    """A page of the picture's size with its exact pixels, deflated (ISO 32000-1, 7.4.4 and 8.9).

    By hand because Pillow's PDF keeps colour as JPEG; alpha is laid on black.
    """

    title = "PDF"
    suffixes: ClassVar[tuple[str, ...]] = (".pdf",)

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        (picture,) = frames
        pixels = np.asarray(opaque(picture))
        height, width = pixels.shape[:2]
        space = "DeviceGray" if pixels.ndim == 2 else "DeviceRGB"
        page = f"{width * 72 / DPI:.4f} {height * 72 / DPI:.4f}"
        drawing = f"q {page.split()[0]} 0 0 {page.split()[1]} 0 0 cm /Picture Do Q".encode()
        about = (
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /{space} "
            "/BitsPerComponent 8 /Interpolate false /Filter /FlateDecode"
        )
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page}] /Contents 4 0 R "
            "/Resources << /XObject << /Picture 5 0 R >> >> >>".encode(),
            _stream("", drawing),
            _stream(about, zlib.compress(np.ascontiguousarray(pixels).tobytes())),
            b"<< /Producer (latentlab) >>",
        ]
        content = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(objects, start=1):
            places.append(len(content))
            content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
        start, size = len(content), len(objects) + 1
        content += b"xref\n0 %d\n0000000000 65535 f \n" % size
        content += b"".join(b"%010d 00000 n \n" % place for place in places)
        content += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
            size,
            start,
        )
        write_bytes(path, bytes(content))


def _stream(about: str, content: bytes) -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (about.encode(), len(content), content)
