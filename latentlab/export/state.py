"""What a picture tells of where it came from: written into the file, read back to the last bit."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from latentlab.core.config import Config, parse
from latentlab.core.errors import ConfigError, ExportError

#: Version of what is written, and the key it has in a PNG; the Exif and TIFF tag of the others.
FORMAT = 1
KEY = "latentlab"
DESCRIPTION = 270  # ImageDescription
FORMATS = ("PNG", "WEBP", "TIFF")
#: A field that tells our JSON from other descriptions.
FINGERPRINT = "fingerprint"


class State(Config):
    """One JSON object in ASCII: PNG's iTXt chunk "latentlab", ImageDescription of TIFF and of WebP's Exif.

    run, fingerprint: name and `RunFolder.fingerprint`; step: the checkpoint. source: what the tiles show, a
    key of `run.grids.GRIDS`, and settings, its configuration; layout: that of `Layout`. rows, columns and
    seeds (empty where no seeds made it): of the tiles. size: numbers of a latent, D. z: the present latent
    that it was made from, base64 of D float32, little-endian, "" where there was none; latents: those of the
    tiles, N times D, row by row.
    """

    format: int = FORMAT
    run: str
    fingerprint: str
    step: int = Field(ge=0, le=2**53)
    model: str
    source: str
    settings: dict[str, Any] = Field(default_factory=dict)
    layout: dict[str, Any] = Field(default_factory=dict)
    rows: int = Field(ge=0, le=65_500)
    columns: int = Field(ge=1, le=65_500)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = ()
    truncation: float = 1.0
    size: int = Field(ge=1, le=2**20)
    z: str = ""
    latents: str = ""

    def present(self) -> np.ndarray | None:
        """The present latent, float32 (D,)."""
        return _numbers(self.z, self.size)[0] if self.z else None

    def tiles(self) -> np.ndarray:
        """The latents of the tiles, float32 (N, D); N may be 0."""
        return _numbers(self.latents, self.size)


def packed(latents: np.ndarray) -> str:
    """float32 latents (D,) or (N, D) as base64."""
    return base64.b64encode(np.ascontiguousarray(latents, "<f4").tobytes()).decode("ascii")


def _numbers(text: str, size: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, size).astype(np.float32)


def to_text(state: State) -> str:
    """As JSON in ASCII."""
    return json.dumps(state.model_dump(mode="json"), ensure_ascii=True, allow_nan=False)


def read_state(path: str | Path) -> State | None:
    """The state inside a PNG, WebP or TIFF file; None where it has none, or is no picture.

    ExportError where there is one that is damaged or of a later version; OSError passes through.
    """
    path = Path(path)
    text = _text_in(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise ExportError(f"What {path} tells of where it came from is damaged: it is no JSON object.")
    if content["format"] != FORMAT:
        raise ExportError(
            f"{path} tells where it came from in format {content['format']}; this version reads {FORMAT}."
        )
    try:
        state = parse(State, content, "state")
    except ConfigError as error:
        raise ExportError(f"What {path} tells of where it came from is damaged: {error}") from None
    for name, numbers in (("z", state.z), ("latents", state.latents)):
        if reason := _wrong(numbers, state.size, alone=name == "z"):
            raise ExportError(f"What {path} tells of where it came from is damaged: its {name} {reason}.")
    return state


def _wrong(text: str, size: int, alone: bool) -> str:
    """What is wrong with base64 of latents of `size` numbers; "" for nothing."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return "is no base64"
    if len(content) % (4 * size) or (alone and len(content) > 4 * size):
        return f"has {len(content)} bytes, expected {4 * size}" + ("" if alone else " a latent")
    bad = ~np.isfinite(np.frombuffer(content, "<f4").reshape(-1, size))
    if (bad.any() and alone) or not (bad.all(axis=1) == bad.any(axis=1)).all():
        return "holds numbers that are not finite"
    return ""


def _text_in(path: Path) -> str | None:
    """What the file has under our key, as it stands."""
    from PIL import Image

    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a large picture is no danger: its pixels are not decoded
                image = Image.open(file, formats=FORMATS)
                text = image.info.get(KEY) if image.format == "PNG" else image.getexif().get(DESCRIPTION)
        except OSError as error:
            if error.errno is not None:  # of the disk
                raise
            return None
        except Exception:  # damaged files make Pillow raise almost anything
            return None
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    # A description of anybody's may begin with a brace.
    return text if image.format == "PNG" or f'"{FINGERPRINT}"' in text else None
