"""Letters and numerals drawn from the fonts on this machine: a class for each, a style for each font."""

from __future__ import annotations

import contextlib
import hashlib
import string
import threading
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import Report, Source, SourceConfig, register
from latentlab.data.fonts import Font, font_files, usable_fonts
from latentlab.data.originals import ArrayOriginals, Listing
from latentlab.data.report import no_report, say

CHARACTERS = {
    "digits": string.digits,
    "capitals": string.ascii_uppercase,
    "letters": string.ascii_uppercase + string.ascii_lowercase,
    "all": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
DEFAULT_SIZE = 32
#: The tallest or widest character of a font takes so much of a side; MNIST's digits take 20 / 28.
FILL = 0.78
#: What a jitter of 1 does: degrees to either side, the share taken off at most, sides of the image.
TURN, SHRINK, SHIFT = 25.0, 0.4, 0.15
#: What stays free at every edge, in sides.
MARGIN = 0.05
#: Characters are drawn on at least so many pixels a side, and averaged.
_FINE = 128


class GlyphsConfig(SourceConfig):
    characters: Literal["digits", "capitals", "letters", "all"] = setting(
        "capitals",
        "Characters",
        "What is drawn: 10 digits, 26 capitals, capitals and small letters, or all of these.",
        labels={"digits": "0-9", "capitals": "A-Z", "letters": "A-Z, a-z", "all": "0-9, A-Z, a-z"},
    )
    jitter: float = setting(
        0.2,
        "Jitter",
        "How much drawings of one character in one font differ in place, size and slope; 0 draws each once.",
        ge=0,
        le=1,
        zero="none",
    )
    count: int = setting(
        8192,
        "Count",
        "How many are drawn; without jitter no more than one of each character in each font.",
        ge=1,
        le=1_000_000,
    )
    seed: int = setting(
        0, "Seed", "Another seed draws fonts in another order, with other jitter.", ge=0, le=2**32 - 1
    )


@register("glyphs")
class Glyphs(Source):
    """White letters and numerals on black, each in every font of the machine that has them all.

    Size 0 is 32 px. Fonts of symbols are left out, and those that draw the same as another; where there is no
    font, Pillow's own is taken. In a font all characters have one scale and one base line, and each stands in
    the middle of the width: small letters stay small.

    Fonts follow each other in an order that the seed draws, each with all characters, and again from the
    first one until there are `count`; the same fonts and seed give the same images. Image i does not depend
    on `count` or `limit`, which take the first ones. Labels are the characters.

    `factors`, float32 (N,): ``font`` (its place among their names), ``ink`` (the share of the image that is
    white), ``width`` and ``height`` (of the ink, in sides, before it is turned), ``x`` and ``y`` (its middle,
    in sides, y downwards) and, with jitter, ``rotation`` (degrees anticlockwise) and ``scale`` (1 is what it
    is without jitter).
    """

    Config = GlyphsConfig
    title = "Glyphs"
    about = "Letters and numerals in the fonts on this machine, white on black; 32×32 unless a size is set."

    @classmethod
    def open(cls, config: Any, report: Report) -> _Glyphs:
        say(report, "Looking for fonts")
        return _Glyphs(config)


class _Glyphs(ArrayOriginals):
    """Drawn where they are read. Which fonts are of use is found out once, when it is first wanted."""

    name, costly = "glyphs", True

    def __init__(self, config: GlyphsConfig) -> None:
        from PIL import features

        self._config, self._size = config, config.size or DEFAULT_SIZE
        self._characters = CHARACTERS[config.characters]
        self._files = font_files()
        self._lock = threading.Lock()
        digest = hashlib.sha256(f"{features.version('pil')} {features.version('freetype2')}".encode())
        for path in self._files:
            with contextlib.suppress(OSError):  # a link to nothing
                status = path.stat()
                digest.update(f"\0{path}\0{status.st_size} {status.st_mtime_ns}".encode(errors="replace"))
        self.stamp = digest.hexdigest()
        self._drawings: _Drawings | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, self._size, self._size

    def drawings(self, report: Report = no_report) -> _Drawings:
        with self._lock:
            if self._drawings is None:
                try:
                    fonts = usable_fonts(self._files, self._characters, report)
                except OSError as error:
                    raise DataError(f"No font can be drawn: {error}.") from None
                self._drawings = _Drawings(fonts, self._characters, self._config)
            return self._drawings

    def listing(self, report: Report) -> Listing:
        return self.drawings(report).listing

    def read(self, places: np.ndarray) -> np.ndarray:
        drawings = self.drawings()
        with self._lock:  # a font may be used by one thread at a time
            try:
                return np.stack([drawings.draw(place, self._size) for place in places.tolist()])[:, None]
            except OSError as error:
                raise DataError(f"A font of this dataset cannot be read any more: {error}.") from None


class _Drawings:
    """What is drawn, and where: all arrays are (count,), lengths in sides of the image."""

    def __init__(self, fonts: list[Font], characters: str, config: GlyphsConfig) -> None:
        self._fonts, self._characters = fonts, characters
        pairs = len(fonts) * len(characters)
        count = min(config.count, config.limit or config.count, config.count if config.jitter else pairs)
        random = np.random.default_rng(config.seed)
        order = random.permutation(len(fonts))
        turn, shrink, across, down = random.random((count, 4)).T  # a row an image: `count` changes none
        self.character = np.arange(count) % len(characters)
        self.font = order[np.arange(count) // len(characters) % len(fonts)]

        # A font's base line and scale are such that all its characters lie in the middle.
        boxes = np.stack([font.boxes for font in fonts])  # (fonts, characters, 4)
        top, bottom = boxes[..., 1].min(1), boxes[..., 3].max(1)
        widest = (boxes[..., 2] - boxes[..., 0]).max(1)
        em = FILL / np.maximum(bottom - top, widest)
        base = 0.5 - em * (top + bottom) / 2
        box = boxes[self.font, self.character] * em[self.font, None]
        wide, high = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        middle = base[self.font] + (box[:, 1] + box[:, 3]) / 2

        self.rotation = config.jitter * TURN * (2 * turn - 1)
        cos, sin = np.cos(np.deg2rad(self.rotation)), abs(np.sin(np.deg2rad(self.rotation)))
        reach_x, reach_y = wide * cos + high * sin, wide * sin + high * cos
        room = (1 - 2 * MARGIN) / np.maximum(reach_x, reach_y)
        self.scale = np.minimum(1 - config.jitter * SHRINK * shrink, room)
        free_x, free_y = (0.5 - MARGIN - self.scale * reach / 2 for reach in (reach_x, reach_y))
        shift = config.jitter * SHIFT
        self.x = 0.5 + np.clip(shift * (2 * across - 1), -free_x, free_x)
        self.y = 0.5 + np.clip(middle - 0.5 + shift * (2 * down - 1), -free_y, free_y)
        self.em, self.box = em[self.font], box

        ink = np.stack([font.ink for font in fonts])[self.font, self.character]
        factors = {
            "font": self.font,
            "ink": ink * (self.em * self.scale) ** 2,
            "width": wide * self.scale,
            "height": high * self.scale,
            "x": self.x,
            "y": self.y,
        }
        if config.jitter:
            factors |= {"rotation": self.rotation, "scale": self.scale}
        self.listing = Listing(
            count,
            names=[
                f"{fonts[f].name} {characters[c]}" for f, c in zip(self.font, self.character, strict=True)
            ],
            labels=self.character.astype(np.int64),
            label_names=tuple(characters),
            factors={name: values.astype(np.float32) for name, values in factors.items()},
        )

        @lru_cache(maxsize=8)  # images follow each other font by font
        def opened(font: int, pixels: float) -> Any:
            return fonts[font].at(pixels)

        self._opened = opened

    def draw(self, place: int, size: int) -> np.ndarray:
        """One of them: uint8 (size, size)."""
        from PIL import Image, ImageDraw

        finer = -(-_FINE // size)
        side = size * finer
        left, top, right, bottom = self.box[place] * side
        font = self._opened(int(self.font[place]), float(self.em[place] * side))
        canvas = Image.new("L", (side, side))
        where = side / 2 - (left + right) / 2, side / 2 - (top + bottom) / 2
        character = self._characters[self.character[place]]
        ImageDraw.Draw(canvas).text(where, character, 255, font, anchor="ls")
        # Each pixel of the result looks up where it comes from: back around the middle.
        turn, scale = np.deg2rad(self.rotation[place]), self.scale[place]
        a, b = np.cos(turn) / scale, -np.sin(turn) / scale
        x, y = self.x[place] * side, self.y[place] * side
        back = (a, b, side / 2 - a * x - b * y, -b, a, side / 2 + b * x - a * y)
        placed = canvas.transform((side, side), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        return np.asarray(placed.reduce(finer))
