"""Films: GIF, APNG, MP4 and WebP, encoded frame by frame; or a folder of numbered PNG files."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from latentlab.core.errors import ExportError
from latentlab.core.files import atomic_path
from latentlab.export.base import Exporter, opaque, register, save_image

#: GIF counts hundredths of a second, and viewers slow down what is shown for less than two.
GIF_TICKS, GIF_LEAST = 100, 2
#: The greatest denominator of a frame rate where a format takes fractions: 24000/1001 is exact.
FINEST = 1001
#: A palette is made for a sample of so many pixels a side: all of a frame say little more and take a tenfold.
SAMPLE = 64


@register("gif")
class GIF(Exporter):
    """Endless loop, with a palette of its own for every frame; greys and up to 256 colours are exact.

    Frames begin at the hundredth of a second that is nearest to their time, so that the whole lasts as long
    as it should; more than 50 a second last longer. Alpha is laid on black: GIF knows all or nothing.
    """

    title = "GIF"
    suffixes: ClassVar[tuple[str, ...]] = (".gif",)
    animated = True
    most: ClassVar[int] = 65535

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        import av

        ticks = max(GIF_LEAST, GIF_TICKS / fps)
        first, frames = _peeked(path, frames, cls.most)
        muxing = {"final_delay": str(round(ticks))}
        with _encoder(path, "gif", "pal8", first.shape[:2], Fraction(1, GIF_TICKS), muxing) as add:
            for number, frame in enumerate(frames):
                add(av.VideoFrame.from_ndarray(_reduced(frame), format="pal8"), round(number * ticks))


class _Encoded(Exporter):
    """What FFmpeg has an encoder for that takes frames at any rate."""

    animated = True
    codec: ClassVar[str]
    container: ClassVar[str]
    #: Pixels of a side.
    most: ClassVar[int]
    #: Of the encoder, and of the container.
    options: ClassVar[dict[str, str]] = {}
    muxing: ClassVar[dict[str, str]] = {}

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from av.video.reformatter import VideoReformatter

        first, frames = _peeked(path, frames, cls.most)
        converter = VideoReformatter()
        rate = Fraction(fps).limit_denominator(FINEST)
        muxing = cls.muxing | ({"final_delay": str(1 / rate)} if cls.container == "apng" else {})
        pixels, size = cls.pixels(first), cls.prepared(first).shape[:2]
        with _encoder(path, cls.codec, pixels, size, 1 / rate, muxing, cls.options, cls.container) as add:
            for number, frame in enumerate(frames):
                add(cls.framed(cls.prepared(frame), converter), number)

    @classmethod
    def prepared(cls, frame: np.ndarray) -> np.ndarray:
        """A frame as the format can take it."""
        return frame

    @classmethod
    def pixels(cls, first: np.ndarray) -> str:
        """What FFmpeg calls the pixels that are encoded."""
        return _format(first)

    @classmethod
    def framed(cls, frame: np.ndarray, converter: Any) -> Any:
        """An `av.VideoFrame` of `pixels`; the converter is a VideoReformatter, costly to make."""
        import av

        return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=_format(frame))


@register("mp4")
class MP4(_Encoded):
    """H.264 in yuv420p, which plays everywhere, at a quality that hardly shows (CRF 16).

    Colours are those of BT.709, and say so; odd sides get a pixel more, a copy of the last one; alpha is laid
    on black. The index comes first, so that a browser can begin at once.
    """

    title = "MP4"
    suffixes: ClassVar[tuple[str, ...]] = (".mp4",)
    most = 16384
    codec = "libx264"
    container = "mp4"
    options: ClassVar[dict[str, str]] = {
        "crf": "16",
        "preset": "veryfast",  # at this quality no larger than by slower ones, nor farther off
        "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709:log-level=none",
    }
    muxing: ClassVar[dict[str, str]] = {"movflags": "+faststart"}

    @classmethod
    def prepared(cls, frame: np.ndarray) -> np.ndarray:
        flat = np.asarray(opaque(frame))
        odd = [(0, side % 2) for side in flat.shape[:2]] + [(0, 0)] * (flat.ndim - 2)
        return np.pad(flat, odd, mode="edge") if any(more for _, more in odd) else flat

    @classmethod
    def pixels(cls, first: np.ndarray) -> str:
        return "yuv420p"

    @classmethod
    def framed(cls, frame: np.ndarray, converter: Any) -> Any:
        import av
        from av.video.reformatter import ColorRange, Colorspace

        if frame.ndim == 2:  # FFmpeg's own way from all greys to those of a film is off by up to 4
            colourless = np.full((frame.shape[0] // 2, frame.shape[1]), 128, np.uint8)
            luma = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)
            return av.VideoFrame.from_ndarray(np.concatenate([luma[frame], colourless]), format="yuv420p")
        return converter.reformat(
            super().framed(frame, converter),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )


@register("animated-webp")
class AnimatedWebP(Exporter):
    """Endless loop, lossy at quality 90; alpha is kept (RFC 9649).

    Each frame is encoded alone and put into the container by hand: libwebp's own animations are held in
    memory until the end. Times are whole milliseconds.
    """

    title = "WebP"
    suffixes: ClassVar[tuple[str, ...]] = (".webp",)
    animated = True
    most: ClassVar[int] = 16383

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        first, frames = _peeked(path, frames, cls.most)
        height, width = first.shape[:2]
        size = _three(width - 1) + _three(height - 1)
        flags = 0x02 | (0x10 if first.shape[2:] == (4,) else 0)  # animated, with alpha
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(b"RIFF\0\0\0\0WEBP")
            file.write(_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size))
            file.write(_chunk(b"ANIM", bytes(6)))  # background 0, endless
            begins = 0
            for number, frame in enumerate(frames, 1):
                ends = round(1000 * number / fps)
                # In the corner, as large as the whole, which it replaces.
                about = bytes(6) + size + _three(ends - begins) + b"\x02"
                file.write(_chunk(b"ANMF", about + _webp(frame)))
                begins = ends
                if file.tell() > 2**32:
                    raise ExportError(f"Cannot write {path}: a WebP holds 4 GiB at most; MP4 is smaller.")
            total = file.tell()
            file.seek(4)
            file.write((total - 8).to_bytes(4, "little"))


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _webp(frame: np.ndarray) -> bytes:
    """The chunks of a still WebP that hold its pixels and alpha."""
    from PIL import Image

    still = io.BytesIO()
    Image.fromarray(frame).save(still, "WEBP", quality=90)
    content, chunks, at = still.getvalue(), b"", 12
    while at < len(content):
        end = at + 8 + int.from_bytes(content[at + 4 : at + 8], "little")
        end += end % 2
        if content[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            chunks += content[at:end]
        at = end
    return chunks


@register("apng")
class APNG(_Encoded):
    """Endless loop of exact pixels; alpha is kept (PNG, third edition)."""

    title = "APNG"
    suffixes: ClassVar[tuple[str, ...]] = (".apng",)
    most = 65535  # the format allows more
    codec = "apng"
    container = "apng"
    # What was enlarged goes on from the row above: smaller than by any other prediction, in less time. The
    # level costs a twentieth in size and is three times as fast as the usual one.
    options: ClassVar[dict[str, str]] = {"pred": "up", "compression_level": "4"}
    muxing: ClassVar[dict[str, str]] = {"plays": "0"}


@register("frames")
class Frames(Exporter):
    """``frame-00000.png`` and on; the folder is made, and must not already hold such files."""

    title = "PNG sequence"
    suffixes: ClassVar[tuple[str, ...]] = ("",)
    animated = True

    @classmethod
    def write(cls, path: Path, frames: Iterable[np.ndarray], fps: float, state: str = "") -> None:
        from PIL import Image

        if any(path.glob("frame-*.png")):
            raise ExportError(f"Cannot write frames to {path}: it already holds some; choose another folder.")
        new = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        try:
            for index, frame in enumerate(_peeked(path, frames)[1]):
                file = path / f"frame-{index:05d}.png"
                save_image(file, Image.fromarray(frame), format="PNG")
                written.append(file)
        except BaseException:  # also where the person cancels: half a film would be in the next one's way
            for file in written:
                file.unlink(missing_ok=True)
            if new:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise


def _peeked(
    path: Path, frames: Iterable[np.ndarray], most: int = 2**31 - 1
) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """The first frame, and all of them again; each is looked at as it comes.

    ExportError where there is none, where a side has more than `most` pixels, and where two differ in shape.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ExportError(f"Cannot write {path}: there are no frames.")
    shape = first.shape
    if max(shape[:2]) > most:
        raise ExportError(
            f"Cannot write {path}: frames are {_size(shape)}; expected at most {most} pixels a side."
        )

    def alike() -> Iterator[np.ndarray]:
        for number, frame in enumerate(itertools.chain([first], frames), 1):
            if frame.shape != shape:
                raise ExportError(
                    f"Cannot write {path}: frame {number} is {_size(frame.shape)}, the first {_size(shape)}."
                )
            yield frame

    return first, alike()


def _size(shape: tuple[int, ...]) -> str:
    height, width, *depth = shape
    return f"{width}×{height} of {depth[0] if depth else 1} channels"


def _reduced(frame: np.ndarray) -> Any:
    """A frame as places in a palette, uint8 (H, W), and the palette, uint8 (256, 4) in the order ARGB."""
    from PIL import Image

    palette = np.full((256, 4), 255, np.uint8)
    if frame.ndim == 2:
        palette[:, 1:] = np.arange(256)[:, None]
        return frame, palette
    image = opaque(frame)
    if image.getcolors(256):
        image = image.quantize(256)
    else:
        sample = image.resize((min(image.width, SAMPLE), min(image.height, SAMPLE)), Image.Resampling.NEAREST)
        # The median cut alone leaves bands that show in slow changes; the means are nearer by 2 to 4 dB.
        image = image.quantize(256, palette=sample.quantize(256, kmeans=1))
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    palette[: len(colours), 1:] = colours
    return np.asarray(image), palette


def _format(frame: np.ndarray) -> str:
    if frame.ndim == 2:
        return "gray"
    return {3: "rgb24", 4: "rgba"}[frame.shape[2]]


class _Whole(io.FileIO):
    """A file that takes all that is written, or raises: FFmpeg itself misses that a disk is full where it
    moves an MP4's index to the front. Unbuffered, because it does so through another handle.
    """

    def write(self, content: Any) -> int:
        left = memoryview(content)
        while left:
            left = left[super().write(left) :]
        return len(content)


@contextlib.contextmanager
def _encoder(
    path: Path,
    codec: str,
    pixels: str,
    size: tuple[int, ...],
    time_base: Fraction,
    muxing: dict[str, str],
    options: dict[str, str] | None = None,
    container: str = "gif",
) -> Iterator[Any]:
    """Yields add(frame, time): encodes an `av.VideoFrame`, at a time in units of `time_base`, into the file.

    size: height and width. The file has its name once it is whole; on any error nothing is left of it.
    """
    import av
    from av.video.reformatter import ColorRange, Colorspace

    try:
        with atomic_path(path) as temporary, _Whole(temporary, "wb") as file:
            output = av.open(file, "w", format=container, container_options=muxing)
            try:
                stream: Any = output.add_stream(codec, rate=1 / time_base, options=dict(options or {}))
                stream.height, stream.width = size
                stream.pix_fmt = pixels
                stream.time_base = stream.codec_context.time_base = time_base
                if pixels == "yuv420p":
                    stream.codec_context.colorspace = Colorspace.ITU709
                    stream.codec_context.color_range = ColorRange.MPEG

                def add(frame: Any, time: int) -> None:
                    frame.pts, frame.time_base = time, time_base
                    output.mux(stream.encode(frame))

                yield add
                output.mux(stream.encode(None))
            except BaseException:
                with contextlib.suppress(av.error.FFmpegError):  # what is given up need not be completed
                    output.close()
                raise
            output.close()
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise ExportError(f"Cannot write {path}: {error.strerror or error}.") from error
