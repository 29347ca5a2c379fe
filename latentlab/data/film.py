"""Films on disk: which frames there are, and what they show. Read with PyAV, animated WebP with Pillow."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data.images import to_array

#: How files of known kinds start -> what FFmpeg calls them. It is never left to guess: it also knows lists
#: that name other files and addresses of the network.
_STARTS = {
    b"\x1aE\xdf\xa3": "matroska",
    b"\0\0\1\xba": "mpeg",
    b"\0\0\1\xb3": "mpegvideo",
    b"\x30\x26\xb2\x75": "asf",
    b"FLV": "flv",
    b"OggS": "ogg",
    b"GIF8": "gif",
    b"\x89PNG": "apng",
}
#: What comes first in QuickTime's files and their like, at byte 4.
_ATOMS = (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"free", b"skip", b"wide", b"pnot")
_BUFFER = 2**18
#: Frames that are rather decoded than jumped over.
_NEAR = 16
#: Frames may be so large, as images may (Pillow's limit).
MAX_PIXELS = 2**30 // 12

Look = Callable[[], None]
#: Frames with their numbers, uint8 (c, h, w).
Frames = Generator[tuple[int, np.ndarray], None, None]


@dataclass(frozen=True, eq=False)
class Index:
    """The frames of a film in the order they are shown.

    times: float64 (N,), seconds since the first. keys: int64, ascending: frames where decoding can begin.
    stamps: int64 (N,), what the file calls their time; None where it does not say. shape: (c, h, w) of every
    frame, upright and with square pixels. damage: why some are missing, as a clause, or "".
    """

    times: np.ndarray
    keys: np.ndarray
    stamps: np.ndarray | None
    shape: tuple[int, int, int]
    damage: str = ""


class Film:
    """A file of moving pictures. Methods open it anew, so that any thread may call them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def index(self, look: Look) -> Index:
        """Looks through the file without decoding it. DataError where it is no film."""
        stamps: list[int] = []
        keys: list[int] = []
        there = count = unknown = 0
        with _opened(self.path) as (container, stream):
            frames, declared = stream.frames, _declared(container, stream)
            # AVI numbers frames as they are stored, which is another order where some look ahead.
            numbered = container.format.name == "avi" and stream.codec_context.has_b_frames
            rate = stream.average_rate or Fraction(25)
            base = stream.time_base or Fraction(1)
            with contextlib.suppress(*_errors()):  # what came before is there
                for packet in container.demux(stream):
                    look()
                    there += packet.size > 0
                    if not packet.size or packet.is_discard:  # cut out by who made the film
                        continue
                    count += 1
                    stamp = packet.pts
                    if stamp is None:
                        unknown += 1
                        continue
                    stamps.append(stamp)
                    if packet.is_keyframe:
                        keys.append(stamp)
        shape = self._shape()
        order = np.unique(np.array(stamps, np.int64))
        if not count:
            raise DataError(f"{self.path} holds no frame; expected a film.")
        if numbered or unknown > count / 2:  # there are so many, and that is all that is known
            times = np.arange(count) / float(rate)
            return Index(times, np.zeros(1, np.int64), None, shape)
        times = (order - order[0]) * float(base)
        damage = ""
        if frames > there:
            damage = f"it is cut short: {there:,} of {frames:,} frames are there"
        elif declared and times[-1] + 1 / float(rate) + max(1, declared / 20) < declared:
            damage = f"it is cut short after {clock(float(times[-1]))} of {clock(declared)}"
        # The first frame is one whatever the file says: decoding has to begin somewhere.
        places = np.searchsorted(order, np.unique([order[0], *keys]))
        return Index(times, places, order, shape, damage)

    def read(self, index: Index, wanted: Iterable[int], look: Look) -> Frames:
        """The frames `wanted` (ascending numbers), uint8 (c, h, w), without those that cannot be decoded.

        Decodes forwards, and jumps where the next is far. Damaged data is passed over.
        """
        from av.video.reformatter import VideoReformatter

        converter = VideoReformatter()  # setting one up takes longer than a frame
        with contextlib.closing(_Decoded(self.path, index, look)) as decoded:
            for number in wanted:
                frame = decoded.at(number)
                if frame is not None:
                    yield number, _pixels(frame, index.shape, converter)

    def _shape(self) -> tuple[int, int, int]:
        with _opened(self.path) as (container, stream):
            for frame in _frames(container, stream, lambda: None):
                width, height = _square(frame, stream)
                if _turn(frame)[0]:
                    width, height = height, width
                return _channels(frame), height, width
        raise DataError(f"{self.path} holds no frame that can be decoded.")


class Webp(Film):
    """The same of an animated WebP image, which FFmpeg does not decode."""

    def index(self, look: Look) -> Index:
        times: list[float] = []
        damage, shape = "", (0, 0, 0)
        with self._opened() as image:
            count = getattr(image, "n_frames", 1)
            for number in range(count):
                look()
                pixels = self._frame(image, number)
                if pixels is None:
                    damage = f"it is damaged after {number:,} of {count:,} frames"
                    break
                shape = shape if times else pixels.shape
                times.append(image.info.get("timestamp", 0) / 1000)
        if not times:
            raise DataError(f"{self.path} holds no frame that can be decoded.")
        return Index(np.array(times), np.zeros(1, np.int64), None, shape, damage)

    def read(self, index: Index, wanted: Iterable[int], look: Look) -> Frames:
        with self._opened() as image:
            for number in wanted:
                look()
                pixels = self._frame(image, number)
                if pixels is not None:
                    yield number, pixels

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        from PIL import Image

        try:
            image = Image.open(self.path, formats=("WEBP",))
        except Exception:  # damaged files make Pillow's plugins raise almost anything
            raise DataError(f"{self.path} is no WebP image, or its start is damaged.") from None
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(_too_large(self.path, image.width, image.height))
            yield image

    def _frame(self, image: Any, number: int) -> Any | None:
        try:
            image.seek(number)
            return to_array(image.convert("RGBA" if image.has_transparency_data else "RGB"))
        except Exception:  # as above
            return None


class _Decoded:
    """The frames of a film in ascending order. To be closed."""

    def __init__(self, path: Path, index: Index, look: Look) -> None:
        self._path, self._index, self._look = path, index, look
        self._opened = contextlib.ExitStack()
        self._may_jump = index.stamps is not None
        self._start()

    def at(self, number: int) -> Any | None:
        """The frame of that number; None where there is none of it."""
        keys = self._index.keys
        last = int(np.searchsorted(keys, number, side="right")) - 1
        if self._may_jump and keys[last] > self._place + _NEAR:
            self._jump(keys[max(0, last - 2) : last + 1].tolist())
        while self._place < number and self._next():
            pass
        return self._frame if self._place == number else None

    def close(self) -> None:
        self._opened.close()

    def _start(self) -> None:
        self._opened.close()
        self._container, self._stream = self._opened.enter_context(_opened(self._path))
        self._frames = _frames(self._container, self._stream, self._look)
        self._place, self._frame = -1, None

    def _jump(self, keys: list[int]) -> None:
        """Go to the last of `keys`, or before it: some files are found only roughly."""
        assert self._index.stamps is not None
        for key in reversed(keys):
            with contextlib.suppress(*_errors()):
                self._container.seek(int(self._index.stamps[key]), stream=self._stream, backward=True)
                self._frames, self._place = _frames(self._container, self._stream, self._look), -1
                if self._next() and self._place <= keys[-1]:
                    return
        # This file cannot be searched: everything is decoded from the start, as far as it takes.
        self._may_jump = False
        self._start()

    def _next(self) -> bool:
        """Go to the next frame; False at the end."""
        for frame in self._frames:
            place = self._place_of(frame)
            if place > self._place:
                self._place, self._frame = place, frame
                return True
        self._place, self._frame = len(self._index.times), None
        return False

    def _place_of(self, frame: Any) -> int:
        """Its number; -1 where the index does not know it."""
        stamps = self._index.stamps
        if stamps is None:
            return self._place + 1
        if frame.pts is None:
            return -1
        place = int(np.searchsorted(stamps, frame.pts))
        return place if place < len(stamps) and stamps[place] == frame.pts else -1


def clock(seconds: float) -> str:
    """``0:05.0``, ``1:02:03.5``."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{tenths // 10:02}.{tenths % 10}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """(container, its first stream of pictures). DataError where there is none."""
    import av

    with contextlib.ExitStack() as stack:
        try:
            # A file, not its name: FFmpeg takes names for addresses of all kinds.
            file = stack.enter_context(path.open("rb"))
            kind = _kind(file.read(200))
            file.seek(0)
            # No other file may be opened, whatever this one says; older FFmpegs crash on being told so of
            # "mpeg", which cannot name any.
            options = {} if kind == "mpeg" else {"protocol_whitelist": "none"}
            if kind is None:
                raise ValueError("no film")
            opened = av.open(file, format=kind, options=options, buffer_size=_BUFFER)
            container = stack.enter_context(opened)
        except (av.FFmpegError, OSError, ValueError) as error:
            if isinstance(error, (FileNotFoundError, PermissionError)):
                raise DataError(f"Cannot read {path}: {error.strerror}.") from None
            raise DataError(f"{path} is no film of a known kind, or its start or end is damaged.") from None
        if not container.streams.video:
            raise DataError(f"{path} holds no moving pictures; expected a film.")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise DataError(f"{path} is packed by a codec that is not known, or its start is damaged.")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_PIXELS:
            raise DataError(_too_large(path, width, height))
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.thread_type = "AUTO"
        yield container, stream


def _kind(start: bytes) -> str | None:
    """What FFmpeg calls files that start so; None where it is none that is read here."""
    if start[4:8] in _ATOMS:
        return "mov"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "avi"
    # Packets of 188 bytes, each with a G first, or 4 bytes of a clock before it.
    if start[::188][:2] == b"GG" or start[4::188][:2] == b"GG":
        return "mpegts"
    return next((kind for first, kind in _STARTS.items() if start.startswith(first)), None)


def _frames(container: Any, stream: Any, look: Look) -> Iterator[Any]:
    """What can be decoded from here on."""
    errors, packets = _errors(), container.demux(stream)
    while True:
        look()
        try:
            packet = next(packets, None)
        except errors:
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except errors:
            continue
        yield from (frame for frame in frames if not frame.is_corrupt)


def _too_large(path: Path, width: int, height: int) -> str:
    most = f"{MAX_PIXELS // 10**6} million are decoded"
    return f"{path} has frames of {width:,}×{height:,} pixels; at most {most}."


def _errors() -> tuple[type[Exception], ...]:
    import av

    return (av.FFmpegError,)


def _declared(container: Any, stream: Any) -> float:
    """Seconds that the pictures of a Matroska file should last, where it says so; else 0.

    Others say how many frames there are, and of how long they last also what is cut out.
    """
    if not container.format.name.startswith("matroska"):
        return 0
    said = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if said:
        return int(said[1]) * 3600 + int(said[2]) * 60 + float(said[3])
    alone = len(container.streams) == 1  # sound may last longer
    return container.duration / 1e6 if container.duration and alone else 0


def _square(frame: Any, stream: Any) -> tuple[int, int]:
    """(width, height) with square pixels: the longer side of a pixel grows, so that no detail is lost."""
    ratio = float(stream.sample_aspect_ratio or 1)
    if not 1 / 8 <= ratio <= 8:  # no camera has such pixels
        ratio = 1
    return round(frame.width * max(1, ratio)), round(frame.height * max(1, 1 / ratio))


def _channels(frame: Any) -> int:
    if any(component.is_alpha for component in frame.format.components):
        return 4
    return 1 if frame.format.name.startswith(("gray", "mono")) else 3


def _pixels(frame: Any, shape: tuple[int, int, int], converter: Any) -> np.ndarray:
    """uint8 (c, h, w), upright, its channels beside each other in memory."""
    channels, height, width = shape
    turned, rows, columns = _turn(frame)
    if turned:
        width, height = height, width
    kind = {1: "gray", 3: "rgb24", 4: "rgba"}[channels]
    stored = converter.reformat(frame, width, height, kind).to_ndarray()
    pixels = stored[None] if stored.ndim == 2 else stored.transpose(2, 0, 1)
    return (pixels.transpose(0, 2, 1) if turned else pixels)[:, rows, columns]


def _turn(frame: Any) -> tuple[bool, slice, slice]:
    """What makes a frame upright: whether rows become columns, and then the order of rows and of columns.

    A film's display matrix (ISO/IEC 14496-12, 8.2.2) maps (x, y) to (a x + c y, b x + d y), y downwards.
    """
    forth, back = slice(None), slice(None, None, -1)
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
            if abs(b) + abs(c) > abs(a) + abs(d):
                return True, forth if b > 0 else back, forth if c > 0 else back
            return False, back if d < 0 else forth, back if a < 0 else forth
    return False, forth, forth
