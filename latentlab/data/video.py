"""Frames of a film: a video file, or an animated GIF, PNG or WebP."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import Report, Skipped, Source, SourceConfig, no_report, register
from latentlab.data.film import Film, Index, Webp, clock
from latentlab.data.originals import Chunk, Listing, Originals, Settled
from latentlab.data.parallel import in_order
from latentlab.data.preparation import Preparation, as_found
from latentlab.data.report import Counted
from latentlab.data.rows import Few, at_once, stamp_of

_FILMS = ".mp4 .mov .mkv .webm .avi .m4v .mpg .mpeg .wmv .flv .ogv .3gp .mts .m2ts"
SUFFIXES = frozenset([*_FILMS.split(), ".gif", ".apng", ".webp"])


class VideoConfig(SourceConfig):
    path: str = setting("", "Path", "A video file, or an animated .gif, .apng or .webp file.")
    every: int = setting(
        1, "Every", "Take every so many-th frame: neighbours look alike. 1 takes all.", ge=1, le=100_000
    )


@register("video")
class Video(Source):
    """The frames of a film, upright, with square pixels; `every` takes each n-th, `limit` spreads over those.

    Size 0 keeps that of the frames where it is one of 8..256 px a side, else 64. Channels 0 is grey where no
    frame shows colour. The factor ``time`` is in seconds since the first frame. Of a damaged film the frames
    that can be decoded are kept, and `skipped` says so. DataError where it is no film.
    """

    Config = VideoConfig
    title = "Video"
    about = "The frames of a film: mp4, mov, mkv, webm, avi, mpg or an animated gif, apng or webp."
    needs_path = True
    patterns = tuple(f"*{suffix}" for suffix in sorted(SUFFIXES))

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return path.suffix.lower() in SUFFIXES and path.is_file()

    @classmethod
    def open(cls, config: Any, report: Report) -> VideoOriginals:
        return VideoOriginals(Path(config.path).expanduser().absolute(), config.every)


class VideoOriginals(Originals):
    """Every `every`-th frame of a film, which is looked through when it is first listed."""

    costly = True

    def __init__(self, path: Path, every: int = 1) -> None:
        if not path.is_file():
            raise DataError(f"There is no file {path}.")
        self.name, self._path, self._every = path.name, path, every
        self.stamp, self._bytes = stamp_of([path])
        self._film = Webp(path) if path.suffix.lower() == ".webp" else Film(path)
        self._few = Few(0)
        self._index: Index | None = None
        self._listing: Listing | None = None

    def listing(self, report: Report) -> Listing:
        if self._listing is None:
            times = self._frames(report).times[:: self._every]
            frames = zip(range(0, len(times) * self._every, self._every), times.tolist(), strict=True)
            self._listing = Listing(
                len(times),
                names=[f"frame {number:,} · {clock(time)}" for number, time in frames],
                factors={"time": times.astype(np.float32)},
                bytes_found=self._bytes,
            )
        return self._listing

    def settle(self, chosen: np.ndarray, config: SourceConfig, report: Report) -> Settled:
        # Films of grey things are stored in colour, and animated images with alpha that none of them uses.
        channels, *size = self._frames(report).shape
        shape = (min(channels, 3), size[0], size[1])
        return Settled(as_found(shape, config), unsure=not config.channels and channels > 1)

    def chunks(self, chosen: np.ndarray, preparation: Preparation, report: Report) -> Iterator[Chunk]:
        index, progress = self._frames(report), Counted(report, len(chosen))
        channels, height, width = index.shape
        together = at_once(max(channels * height * width, math.prod(preparation.shape)))

        self._few = few = Few(len(chosen))

        def pieces() -> Iterator[tuple[list[int], list[np.ndarray]]]:
            places, frames = list[int](), list[np.ndarray]()
            for number, pixels in self._film.read(index, chosen * self._every, progress.look):
                few.keep([number // self._every], [pixels])
                places.append(number // self._every)
                frames.append(pixels)
                progress.add(1)  # decoding is what takes long
                if len(frames) == together:
                    yield places, frames
                    places, frames = [], []
            if frames:
                yield places, frames

        def prepare(piece: tuple[list[int], list[np.ndarray]]) -> Chunk:
            places, frames = piece
            # As they are, a pixel's channels beside each other: this copies many times faster.
            images = np.stack([frame.transpose(1, 2, 0) for frame in frames]).transpose(0, 3, 1, 2)
            sizes = [(width, height)] * len(places)
            return Chunk(preparation.of_array(images), np.array(places, np.int64), sizes)

        given = 0
        for chunk in in_order(prepare, pieces(), progress.look):
            yield chunk
            given += len(chunk.places)
        if len(chosen) and not given:
            raise DataError(f"No frame of {self._path} can be decoded; expected {len(chosen):,}.")
        if index.damage or given < len(chosen):
            missing = f"{len(chosen) - given:,} of {len(chosen):,} frames show no picture, as if damaged"
            skipped = [Skipped(self.name, index.damage or missing)]
            yield Chunk(np.empty((0, *preparation.shape), np.uint8), np.empty(0, np.int64), [], skipped)

    def original(self, place: int) -> np.ndarray:
        number = place * self._every
        pixels = self._few.get(place)
        if pixels is None:
            read = self._film.read(self._frames(no_report), [number], lambda: None)
            with contextlib.closing(read):
                pixels = next((pixels for _, pixels in read), None)
        if pixels is not None:
            opaque = len(pixels) == 4 and (pixels[3] == 255).all()
            return pixels[:3] if opaque else pixels
        raise DataError(f"Frame {number:,} of {self._path} cannot be decoded.")

    def _frames(self, report: Report) -> Index:
        if self._index is None:
            self._index = self._film.index(lambda: report(0, 1))
        return self._index
