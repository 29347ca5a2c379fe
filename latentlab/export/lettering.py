"""Words in pictures: labels and captions, in a font that has their letters."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

#: Plain sans serifs by the names of their files: what labels look best in.
_LIKED = re.compile(
    r"inter|segoeui|helvetica|arial|sfns|notosans|dejavusans|liberationsans|roboto|opensans", re.IGNORECASE
)
_SLANTED_OR_HEAVY = re.compile(
    r"bold|italic|oblique|black|heavy|light|thin|condensed|mono|serif", re.IGNORECASE
)
#: What stands for a letter where no font of this machine has it.
_PLAIN = str.maketrans({"−": "-", "σ": "sd", "…": "...", "×": "x", "–": "-", "—": "-"})


class Lettering:
    """Draws texts at one size; all in one font, so that they match.

    size: of the letters, in pixels to the em; texts: all that will be drawn, whose letters it must have.
    """

    def __init__(self, size: int, texts: Iterable[str]) -> None:
        from PIL import ImageFont

        characters = frozenset("".join(map(_drawable, texts))) - frozenset(" ")
        path = _font_with(characters | frozenset("…"))
        self._plain = path is None and _drawn(None, characters) < len(characters)
        if path is None:
            font = ImageFont.load_default(size)
            assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
        else:
            font = ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
        self._font: FreeTypeFont = font
        ascent, descent = font.getmetrics()
        self.line = ascent + descent

    def width(self, text: str) -> int:
        """Pixels that a text is wide."""
        return int(np.ceil(self._font.getlength(self._written(text))))

    def elided(self, text: str, width: int) -> str:
        """The text, or its beginning and "…" where it is wider than so many pixels; perhaps nothing."""
        if self.width(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:  # the longest beginning that fits
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.width(text[:middle] + "…") <= width else (low, middle - 1)
        return text[:low].rstrip() + "…" if low else ""

    def wrapped(self, text: str, width: int) -> list[str]:
        """Lines that are at most `width` pixels wide; a word that is wider alone is elided."""
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line = ""
            for word in paragraph.split():
                longer = f"{line} {word}" if line else word
                if line and self.width(longer) > width:
                    lines.append(line)
                    longer = word
                line = longer
            lines.append(line)
        return [self.elided(line, width) for line in lines]

    def cover(self, text: str) -> np.ndarray:
        """How much of each pixel the text covers, uint8 (line, width(text)), its base line always as high."""
        from PIL import Image, ImageDraw

        canvas = Image.new("L", (max(1, self.width(text)), self.line))
        ImageDraw.Draw(canvas).text((0, 0), self._written(text), 255, self._font)
        return np.asarray(canvas)

    def _written(self, text: str) -> str:
        text = _drawable(text)
        return text.translate(_PLAIN) if self._plain else text


def _drawable(text: str) -> str:
    """On one line, without characters that have no drawing: fonts fail at some of them."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)


@functools.lru_cache(maxsize=64)
def _font_with(characters: frozenset[str]) -> Path | None:
    """The font file of this machine that has all the characters, or most; None for the one that Pillow
    carries, which is preferred.
    """
    from latentlab.data.fonts import font_files

    best, most = None, _drawn(None, characters)
    files = sorted(font_files(), key=lambda f: (_plainness(f.stem), len(f.stem), str(f)))
    for file in files:
        if most == len(characters):
            break
        if (count := _drawn(file, characters)) > most:
            best, most = file, count
    return best


def _plainness(stem: str) -> int:
    return 2 * (not _LIKED.match(stem)) + bool(_SLANTED_OR_HEAVY.search(stem))


def _drawn(path: Path | None, characters: Collection[str]) -> int:
    """How many of the characters a font has a drawing of its own for."""
    from PIL import ImageFont

    try:
        font = ImageFont.load_default(32) if path is None else ImageFont.truetype(str(path), 32)
        missing = bytes(font.getmask("\ufffe"))
        return sum(bytes(font.getmask(character)) != missing for character in characters)
    except (OSError, ValueError):  # damaged, or of pixels only
        return 0
