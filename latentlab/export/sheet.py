"""A whole picture: tiles in rows and columns, with border, labels and caption."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from latentlab.core.errors import ExportError
from latentlab.export.grid import MAX_SIDE
from latentlab.export.layout import Layout
from latentlab.export.lettering import Lettering

#: What JPEG can hold a side, and what Pillow opens without refusing (its guard against bombs).
MAX_PIXELS = 178_956_970
#: Letters on dark and on light backgrounds.
LIGHT, DARK = (230, 233, 239), (24, 27, 33)
#: A label at the left takes at most so many heights of letters, or half of the tiles' width.
LABEL_WIDTH = 12
#: A caption may make a narrow picture as wide as so many heights of letters.
CAPTION_WIDTH = 24
_NUMBER = re.compile(r"[−+\-]?\d")


def sheet(
    tiles: np.ndarray,
    columns: int,
    layout: Layout,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> np.ndarray:
    """uint8 tiles (N, C, H, W), row by row -> a uint8 picture, (H', W') where all is grey, else (H', W', 3).

    Tiles with alpha are laid onto the background; missing ones of the last row stay background. Labels that
    do not fit between their neighbours are left out where they are numbers, else elided. ExportError for a
    picture that is too large to write.
    """
    count, channels, height, width = tiles.shape
    place = _Place.of(-(-count // columns), columns, height, width, layout, row_labels, column_labels)
    background = np.array([int(layout.background[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    grey = channels == 1 and len(set(background.tolist())) == 1
    depth = 1 if grey else 3
    picture = np.full((place.height, place.width, depth), background[0], np.uint8)
    if len(set(background.tolist())) > 1:
        for channel in range(1, depth):
            picture[..., channel] = background[channel]
    if count:
        _lay(picture, tiles, columns, layout, place, background)
    if place.lettering is not None:
        ink = np.array(LIGHT if background @ (0.299, 0.587, 0.114) < 140 else DARK, np.uint8)
        for text, top, left in place.texts:
            _write(picture, place.lettering.cover(text), top, left, ink[:depth])
    return picture[..., 0] if grey else picture


def sheet_size(
    rows: int,
    columns: int,
    height: int,
    width: int,
    layout: Layout,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> tuple[int, int]:
    """(height, width) that `sheet` gives for R x C tiles of H x W. ExportError where it is too large."""
    place = _Place.of(rows, columns, height, width, layout, row_labels, column_labels)
    return place.height, place.width


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where everything goes: the size, the corner of the first tile, texts with their corners."""

    height: int
    width: int
    top: int
    left: int
    texts: list[tuple[str, int, int]]
    lettering: Lettering | None

    @classmethod
    def of(
        cls,
        rows: int,
        columns: int,
        height: int,
        width: int,
        layout: Layout,
        row_labels: Sequence[str],
        column_labels: Sequence[str],
    ) -> _Place:
        high, wide = height * layout.scale, width * layout.scale
        across = columns * (wide + layout.spacing) - layout.spacing
        down = rows * (high + layout.spacing) - layout.spacing
        border, gap = layout.border, max(2, layout.text_size // 2)
        beside = list(row_labels[:rows]) if layout.labels in ("rows", "both") else []
        above = list(column_labels[:columns]) if layout.labels in ("columns", "both") else []
        caption = layout.caption.strip()
        top, left = border, border
        total_height, total_width = down + 2 * border, across + 2 * border
        _check(total_height, total_width)  # before a font is looked for
        if not any(beside) and not any(above) and not caption:
            return cls(total_height, total_width, top, left, [], None)

        lettering = Lettering(layout.text_size, [*beside, *above, caption])
        line, texts = lettering.line, []
        if any(beside):
            most = max(LABEL_WIDTH * layout.text_size, across // 2)
            beside = [lettering.elided(text, most) for text in beside]
            gutter = max(map(lettering.width, beside))
            left += gutter + gap
        if any(above):
            top += line + gap // 2
        for row, text in enumerate(beside):
            middle = top + row * (high + layout.spacing) + high // 2
            # Rows that are lower than letters would write over each other.
            if row % (1 + line // (high + layout.spacing + 1)) == 0:
                texts.append((text, middle - line // 2, left - gap - lettering.width(text)))
        for column, text in _spread(above, wide + layout.spacing, gap, lettering):
            centre = left + column * (wide + layout.spacing) + wide // 2
            at = min(
                max(centre - lettering.width(text) // 2, 0), max(0, left + across - lettering.width(text))
            )
            texts.append((text, border, at))
        total_height, total_width = top + down + border, left + across + border
        if caption:
            room = max(
                total_width - 2 * border, min(CAPTION_WIDTH * layout.text_size, lettering.width(caption))
            )
            lines = lettering.wrapped(caption, room)
            total_width = max(total_width, room + 2 * border)
            texts += [(text, top + down + gap + n * line, border) for n, text in enumerate(lines)]
            total_height = top + down + gap + len(lines) * line + border
        _check(total_height, total_width)
        return cls(total_height, total_width, top, left, texts, lettering)


def _check(height: int, width: int) -> None:
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise ExportError(
            f"The picture would be {width}×{height} pixels; expected at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS:,} in all."
        )


def _spread(labels: Sequence[str], pitch: int, gap: int, lettering: Lettering) -> list[tuple[int, str]]:
    """The labels of columns that are `pitch` pixels apart, with the column of each, so that none touch."""
    widest = max(map(lettering.width, labels), default=0)
    if 2 * sum(bool(_NUMBER.match(label)) for label in labels) > len(labels):  # a scale
        every = max(1, -(-(widest + gap) // pitch))
        return [(at, label) for at, label in enumerate(labels) if at % every == 0]
    return [(at, lettering.elided(label, pitch - gap // 2)) for at, label in enumerate(labels)]


def _lay(
    picture: np.ndarray,
    tiles: np.ndarray,
    columns: int,
    layout: Layout,
    place: _Place,
    background: np.ndarray,
) -> None:
    """Put the tiles where they go, a row of them at a time."""
    count, _, height, width = tiles.shape
    scale, depth = layout.scale, picture.shape[2]
    pitch, across = height * scale + layout.spacing, width * scale + layout.spacing
    row_bytes, pixel_bytes, one = picture.strides
    for row, start in enumerate(range(0, count, columns)):
        pixels = _flat(tiles[start : start + columns], background[:depth]).transpose(0, 2, 3, 1)
        if layout.resampling == "smooth" and scale > 1:
            pixels = np.stack([_enlarged(tile, scale) for tile in pixels])
            each = 1
        else:
            each = scale
        n, high, wide, deep = pixels.shape
        corner = picture[place.top + row * pitch :, place.left :]
        # Every pixel of a tile is a small square of the picture: a view with an axis of its own for those.
        cells = np.lib.stride_tricks.as_strided(
            corner,
            (n, high, each, wide, each, depth),
            (across * pixel_bytes, each * row_bytes, row_bytes, each * pixel_bytes, pixel_bytes, one),
        )
        for channel in range(depth):  # along rows of pixels, many times as fast as pixel by pixel
            values = pixels[..., min(channel, deep - 1)]
            for across_it in range(each):
                cells[:, :, 0, :, across_it, channel] = values
        cells[:, :, 1:] = cells[:, :, :1]


def _flat(tiles: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(N, C, H, W) without alpha: what shines through shows the background."""
    if tiles.shape[1] != 4:
        return tiles
    alpha = tiles[:, 3:].astype(np.uint16)  # 255 * 255 + 127 fits
    mixed = tiles[:, :3] * alpha
    mixed += background[:, None, None] * (255 - alpha)
    mixed += 127
    mixed //= 255
    return mixed.astype(np.uint8)


def _enlarged(tile: np.ndarray, scale: int) -> np.ndarray:
    """One tile (H, W, C), alone, so that no neighbour bleeds into it."""
    from PIL import Image

    image = Image.fromarray(tile[..., 0] if tile.shape[2] == 1 else np.ascontiguousarray(tile))
    size = image.width * scale, image.height * scale
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS)).reshape(size[1], size[0], -1)


def _write(picture: np.ndarray, cover: np.ndarray, top: int, left: int, ink: np.ndarray) -> None:
    """Draw a text's cover (h, w) in a colour; what lies outside of the picture is cut off."""
    high, wide = min(cover.shape[0], picture.shape[0] - top), min(cover.shape[1], picture.shape[1] - left)
    if top < 0 or high <= 0 or wide <= 0:
        return
    part = picture[top : top + high, left : left + wide]
    share = cover[:high, :wide, None].astype(np.float32) / 255
    part[:] = np.rint(part * (1 - share) + ink * share).astype(np.uint8)
