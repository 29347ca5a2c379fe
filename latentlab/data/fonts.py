"""The fonts on this machine, and which of them draw letters."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentlab.data.report import Report

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
#: Most fonts that one file is asked for: collections hold some ten.
_MOST_IN_A_FILE = 64
#: Pixels to the em at which characters are measured and compared.
_PROBE = 96
#: What a font cannot have: its drawing is that of every missing character.
_NO_CHARACTER = "\ufffe"
#: Words in the names of fonts whose letters are pictures, boxes, bars or dots.
_NO_LETTERS = re.compile(
    r"symbol|emoji|icon|awesome|dingbat|wingding|webding|ornament|marlett|barcode|braille|music|blank"
    r"|redact|last ?resort|keyboard|fallback|flow (circular|block|rounded)|code ?128|code ?39"
    r"|mt extra|ms outlook|specialty|\b(cm(sy|ex)|ms[ab]m|wasy|stmary|esint|lasy)\d",
    re.IGNORECASE,
)
#: Of its characters so many must look different: a font of capitals only has each letter twice.
_DISTINCT = 0.85
#: Of its capitals and numerals so many must be about as high as each other (old-style numerals are not all),
#: or they are pieces of formulas.
_LEVEL = 0.6


@dataclass(frozen=True)
class Font:
    """A font that draws all characters asked for.

    path, index: where it is; None is the one that Pillow carries. name: "DejaVu Sans Bold".
    boxes: float64 (characters, 4), left, top, right and bottom of the ink of each, in ems from its origin on
    the base line, downwards. ink: float64 (characters,), its area in square ems.
    """

    path: Path | None
    index: int
    name: str
    boxes: np.ndarray
    ink: np.ndarray

    def at(self, pixels: float) -> FreeTypeFont:
        """To draw with, `pixels` to the em. OSError where the file is gone."""
        return _opened(self.path, self.index, pixels)


def font_folders() -> list[Path]:
    """Where the platform keeps fonts: the system's, then the person's own."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        windows = Path(os.environ.get("WINDIR") or "C:/Windows")
        return [windows / "Fonts", local / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    shared = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    own = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return [*(Path(folder, "fonts") for folder in shared if folder), own / "fonts", home / ".fonts"]


def font_files(folders: Iterable[Path] | None = None) -> list[Path]:
    """Font files in `folders` (None: `font_folders`) and below, sorted; each folder once, hidden ones not."""
    found: set[Path] = set()
    seen: set[str] = set()
    for top in font_folders() if folders is None else folders:
        for here, below, names in os.walk(top, followlinks=True):
            real = os.path.realpath(here)
            below[:] = [] if real in seen else sorted(name for name in below if not name.startswith("."))
            if real not in seen:
                seen.add(real)
                found.update(Path(here, n) for n in names if n.lower().endswith(SUFFIXES) and n[0] != ".")
    return sorted(found)


def usable_fonts(files: Sequence[Path], characters: str, report: Report) -> list[Font]:
    """The fonts in `files` that draw every one of `characters`, in the order of their names.

    Left out are symbols and the like, and what draws the same as another. Where none is left, it is the font
    that Pillow carries. OSError where Pillow cannot draw fonts at all.
    """
    found: dict[str, tuple[Font, bytes]] = {}  # one of a name: many come both as .ttf and as .otf
    for done, path in enumerate(files):
        report(done, len(files) + 1)
        for font, look in _fonts_of(path, characters):
            found.setdefault(font.name, (font, look))
    if not found:
        found = {font.name: (font, look) for font, look in _fonts_of(None, characters)}
    report(1, 1)
    looks: dict[bytes, Font] = {}
    for _, (font, look) in sorted(found.items()):
        looks.setdefault(look, font)
    return list(looks.values())


def _fonts_of(path: Path | None, characters: str) -> Iterator[tuple[Font, bytes]]:
    """Usable fonts of a file, each with a digest of what it draws."""
    for index in range(_MOST_IN_A_FILE):
        try:
            drawn = _opened(path, index, _PROBE)
            name = " ".join(part for part in drawn.getname() if part)
            measured = None if _NO_LETTERS.search(name) else _measured(drawn, characters)
        except (OSError, ValueError) as error:  # damaged, of pixels only, or no further one in the file
            if path is None:
                raise OSError(str(error)) from error
            return
        if measured is not None:
            boxes, ink, look = measured
            yield Font(path, index, name or (path.stem if path else "font"), boxes, ink), look
        if path is None or path.suffix.lower() not in (".ttc", ".otc"):
            return


def _measured(font: FreeTypeFont, characters: str) -> tuple[np.ndarray, np.ndarray, bytes] | None:
    """(boxes, ink, digest) as in `Font`; None where a character is missing, or too many look the same."""
    missing = _drawn(font, _NO_CHARACTER)
    looks = [_drawn(font, character) for character in characters]
    if any(look is None or look == missing for look in looks):
        return None
    boxes, inks = zip(*(look for look in looks if look), strict=True)
    if len({*looks}) < _DISTINCT * len(characters):
        return None
    box = np.array(boxes) / _PROBE
    height = (box[:, 3] - box[:, 1])[[not character.islower() for character in characters]]
    if np.mean(abs(height / np.median(height) - 1) < 0.25) < _LEVEL:
        return None
    digest = hashlib.sha256()
    for drawn in inks:
        digest.update(drawn)
    area = np.array([np.frombuffer(drawn, np.uint8).sum(dtype=np.int64) for drawn in inks]) / 255
    return box, area / _PROBE**2, digest.digest()


def _drawn(font: FreeTypeFont, character: str) -> tuple[tuple[int, int, int, int], bytes] | None:
    """(box of the ink around the origin in pixels, its pixels); None for none."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (4 * _PROBE, 4 * _PROBE))
    origin = 2 * _PROBE
    ImageDraw.Draw(canvas).text((origin, origin), character, 255, font, anchor="ls")
    box = canvas.getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    return (left - origin, top - origin, right - origin, bottom - origin), canvas.crop(box).tobytes()


def _opened(path: Path | None, index: int, pixels: float) -> FreeTypeFont:
    from PIL import ImageFont

    if path is None:
        font = ImageFont.load_default(pixels)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise OSError("Pillow was built without FreeType")
        return font
    # Basic layout: character by character, no ligatures, the same with and without the library Raqm.
    return ImageFont.truetype(os.fspath(path), pixels, index, layout_engine=ImageFont.Layout.BASIC)
