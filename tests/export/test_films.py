"""Films on disk: read again by PyAV and Pillow they are what was written; they are written as they come."""

from __future__ import annotations

import os
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.core.errors import Cancelled, ExportError
from latentlab.export import write_frames

ENDINGS = [".gif", ".apng", ".webp", ".mp4"]
#: Those of a test card and what lies between: no two share a channel's value where they should not.
COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (200, 100, 50),
    (30, 60, 120),
    (250, 240, 10),
]


def _noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _card(tile=16):
    """Twelve colours, each a square."""
    return np.array(COLOURS, np.uint8).reshape(3, 4, 3).repeat(tile, 0).repeat(tile, 1)


def _flow(count, height=64, width=80):
    """Smooth colours of thousands of shades that move."""
    y, x = np.mgrid[:height, :width] / 40
    for n in range(count):
        waves = [np.sin(x + n / 3), np.sin(y - n / 4 + 1), np.sin(x + y + n / 5 + 2)]
        yield (128 + 90 * np.stack(waves, -1)).astype(np.uint8)


def _psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def _pillow(path, mode):
    """Frames, durations in milliseconds, loop."""
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            frames.append(np.asarray(image.convert(mode)))
            durations.append(image.info["duration"])
        return frames, durations, image.info.get("loop")


def _pyav(path):
    """Frames as RGB, the stream's rate, its length in seconds."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        return frames, stream.average_rate, (film.duration or 0) / 1e6


# What comes back


@pytest.mark.parametrize("ending", [".apng", ".gif"])
@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3), (1, 1), (2, 3, 3)])
def test_films_without_loss_come_back_exactly(tmp_path, ending, shape):
    """Grey, and up to 256 colours: this GIF holds too."""
    pictures = [_noise(*shape, seed=n) for n in range(5)]
    write_frames(tmp_path / f"f{ending}", iter(pictures))
    mode = "L" if len(shape) == 2 else "RGB"
    frames, _, loop = _pillow(tmp_path / f"f{ending}", mode)
    assert loop == 0 and len(frames) == 5
    assert all(np.array_equal(a, b) for a, b in zip(frames, pictures, strict=True))
    again, _, _ = _pyav(tmp_path / f"f{ending}")
    assert len(again) == 5
    first = pictures[0] if mode == "RGB" else np.repeat(pictures[0][..., None], 3, 2)
    assert np.array_equal(again[0], first)


@pytest.mark.parametrize("ending", [".apng", ".webp"])
def test_alpha_is_kept_where_the_format_has_it(tmp_path, ending):
    pictures = [np.dstack([_card(), np.full((48, 64), alpha, np.uint8)]) for alpha in (255, 128, 0, 200)]
    write_frames(tmp_path / f"f{ending}", iter(pictures))
    frames, _, loop = _pillow(tmp_path / f"f{ending}", "RGBA")
    assert loop == 0 and len(frames) == 4
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.array_equal(frame[..., 3], picture[..., 3])
        if ending == ".apng":
            assert np.array_equal(frame, picture)
        elif picture[0, 0, 3]:
            middles = frame[8::16, 8::16, :3].reshape(-1, 3).astype(int)
            assert np.abs(middles - COLOURS).max() < 8


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_alpha_is_laid_on_black_where_the_format_has_none(tmp_path, ending):
    pictures = [np.dstack([_card(), np.full((48, 64), alpha, np.uint8)]) for alpha in (255, 128, 0)]
    write_frames(tmp_path / f"f{ending}", iter(pictures))
    frames, _, _ = _pyav(tmp_path / f"f{ending}")
    for frame, alpha in zip(frames, (255, 128, 0), strict=True):
        middles = frame[8::16, 8::16].reshape(-1, 3)
        assert np.abs(middles - np.array(COLOURS) * alpha / 255).max() < 8


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("tile", [16, 180])
def test_solid_colours_are_right_whatever_the_size(tmp_path, ending, tile):
    """Players guess the colours by the size where a film does not tell: 540 lines may be others than 48."""
    write_frames(tmp_path / f"f{ending}", [_card(tile)] * 2 + [_card(tile)[::-1]])
    if ending == ".webp":  # FFmpeg does not read those that move
        frames, _, _ = _pillow(tmp_path / f"f{ending}", "RGB")
    else:
        frames, _, _ = _pyav(tmp_path / f"f{ending}")
    for frame, colours in ((frames[0], _card(1)), (frames[-1], _card(1)[::-1])):
        middles = frame[tile // 2 :: tile, tile // 2 :: tile].astype(int)
        assert np.abs(middles - colours).max() <= (8 if ending in (".mp4", ".webp") else 0)


def test_an_mp4_tells_its_colours_and_can_begin_at_once(tmp_path):
    write_frames(tmp_path / "f.mp4", [_card()] * 3)
    with av.open(str(tmp_path / "f.mp4")) as film:
        context = film.streams.video[0].codec_context
        assert context.pix_fmt == "yuv420p" and context.name == "h264"
        told = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert [int(value) for value in told] == [1, 1, 1, 1], "BT.709 three times, limited range"
    content = (tmp_path / "f.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_greys_of_an_mp4_are_right(tmp_path):
    """One tone after the other: not lighter, not darker, black is black and white is white."""
    ramp = np.arange(256, dtype=np.uint8).repeat(4).reshape(16, 64).repeat(4, 0)
    write_frames(tmp_path / "f.mp4", [ramp] * 3)
    frames, _, _ = _pyav(tmp_path / "f.mp4")
    difference = frames[0][..., 1].astype(int) - ramp
    assert abs(difference.mean()) < 1 and np.abs(difference).max() <= 5
    black, white = np.zeros((16, 16), np.uint8), np.full((16, 16), 255, np.uint8)
    write_frames(tmp_path / "b.mp4", [black, white])
    (first, second), _, _ = _pyav(tmp_path / "b.mp4")
    assert first.max() <= 1 and second.min() >= 254


def test_colours_that_flow_are_near(tmp_path):
    pictures = list(_flow(6))
    for ending, least in ((".gif", 28), (".webp", 33), (".mp4", 38)):
        write_frames(tmp_path / f"f{ending}", iter(pictures))
        frames = (
            _pillow(tmp_path / f"f{ending}", "RGB") if ending == ".webp" else _pyav(tmp_path / f"f{ending}")
        )[0]
        assert len(frames) == 6
        found = [_psnr(frame, picture) for frame, picture in zip(frames, pictures, strict=True)]
        assert min(found) > least, (ending, found)


def test_shades_of_a_gif_have_no_bands(tmp_path):
    """Seen from afar it is nearer than a palette alone can be, as Pillow makes one."""
    (picture,) = _flow(1, 128, 160)
    write_frames(tmp_path / "f.gif", [picture])
    Image.fromarray(picture).save(tmp_path / "plain.gif")

    def afar(name):
        with Image.open(tmp_path / name) as image:
            return np.asarray(image.convert("RGB").reduce(4))

    true = np.asarray(Image.fromarray(picture).reduce(4))
    assert _psnr(afar("f.gif"), true) > _psnr(afar("plain.gif"), true) + 3


@settings(max_examples=30, deadline=None)
@given(
    ending=st.sampled_from(ENDINGS),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3, 4]),
    count=st.integers(1, 7),
    fps=st.sampled_from([1, 7, 12.5, 24000 / 1001, 25, 50]),
)
def test_every_film_has_its_frames_its_size_and_its_length(
    tmp_path_factory, ending, height, width, channels, count, fps
):
    path = tmp_path_factory.mktemp("film") / f"f{ending}"
    shape = (height, width) if channels == 1 else (height, width, channels)
    pictures = [_noise(*shape, seed=n) // 8 + 30 * (n % 2) + 60 for n in range(count)]
    write_frames(path, iter(pictures), fps)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    if ending == ".mp4":
        frames, rate, length = _pyav(path)
        assert frames[0].shape == (height + height % 2, width + width % 2, 3)
        assert rate == Fraction(fps).limit_denominator(1001)
        assert length == pytest.approx(count / fps, abs=0.001)
    elif count > 1:
        frames, durations, loop = _pillow(path, "RGBA")
        assert frames[0].shape == (height, width, 4) and loop == 0
        slack = {".gif": 10, ".webp": 2, ".apng": 0.01}[ending]
        assert sum(durations) == pytest.approx(1000 * count / fps, abs=slack)
    else:
        with Image.open(path) as image:
            assert image.size == (width, height)
        return
    assert len(frames) == count


def test_odd_sides_of_an_mp4_get_a_copy_of_their_last_pixels(tmp_path):
    picture = np.repeat(np.arange(10, 210, 8, dtype=np.uint8)[:, None], 31, 1)
    write_frames(tmp_path / "f.mp4", [picture] * 2)
    (frame, _), _, _ = _pyav(tmp_path / "f.mp4")
    assert frame.shape == (26, 32, 3)
    assert np.abs(frame[24].astype(int) - frame[25]).max() <= 6
    assert np.abs(frame[:25, :31, 0].astype(int) - picture).max() <= 8


# As they come


@pytest.mark.parametrize("ending", [*ENDINGS, ""])
def test_frames_are_written_as_they_come(tmp_path, ending):
    """What was written is let go, but for the few that an encoder looks back at or works on meanwhile."""

    class Frame(np.ndarray):
        """An array that can be watched."""

    alive: list[weakref.ref[Frame]] = []

    def frames():
        for number in range(60):
            assert sum(ref() is not None for ref in alive) <= 3, "earlier frames are still held"
            frame = _noise(16, 16, 3, seed=number).view(Frame)
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    write_frames(tmp_path / f"f{ending}", frames())
    assert len(alive) == 60


@pytest.mark.parametrize("ending", [".gif", ".apng", ".mp4"])
def test_a_long_film_is_on_the_disk_before_it_ends(tmp_path, ending):
    def frames():
        for number in range(100):
            yield _noise(128, 128, 3, seed=number)
        (partial,) = tmp_path.iterdir()
        sizes.append(partial.stat().st_size)

    sizes: list[int] = []
    write_frames(tmp_path / f"f{ending}", frames())
    assert sizes[0] > (tmp_path / f"f{ending}").stat().st_size // 4


# What goes wrong


@pytest.mark.parametrize("ending", [*ENDINGS, ""])
@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt, GeneratorExit, ZeroDivisionError])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_a_film_that_is_broken_off_leaves_what_was_there(tmp_path, ending, error, after):
    def frames():
        for number in range(after):
            yield _noise(20, 20, 3, seed=number)
        raise error

    path = tmp_path / f"f{ending}"
    if ending:
        path.write_text("mine")
    with pytest.raises(error):
        write_frames(path, frames())
    assert [p.name for p in tmp_path.iterdir()] == ([path.name] if ending else [])
    assert not ending or path.read_text() == "mine"


@pytest.mark.parametrize("ending", [*ENDINGS, ""])
@pytest.mark.parametrize("other", [(8, 9, 3), (9, 8, 3), (8, 8), (8, 8, 4)])
def test_frames_of_two_sizes_are_no_film(tmp_path, ending, other):
    with pytest.raises(ExportError, match=r"^Cannot write .*: frame 3 is .*, the first 8×8 of 3 channels\.$"):
        write_frames(tmp_path / f"f{ending}", [_noise(8, 8, 3), _noise(8, 8, 3), _noise(*other)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [*ENDINGS, ""])
def test_no_frames_are_no_film(tmp_path, ending):
    with pytest.raises(ExportError, match="there are no frames"):
        write_frames(tmp_path / f"f{ending}", iter([]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("ending", "most"), [(".mp4", 16384), (".webp", 16383), (".gif", 65535)])
def test_a_format_says_what_is_too_large_for_it(tmp_path, ending, most):
    with pytest.raises(ExportError, match=f"{most + 1}×2 of 1 channels; expected at most {most} pixels"):
        write_frames(tmp_path / f"f{ending}", [np.zeros((2, most + 1), np.uint8)])
    write_frames(tmp_path / f"f{ending}", [np.zeros((2, most), np.uint8)])


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e-9, 2000])
def test_a_film_needs_a_rate(tmp_path, fps):
    for ending in (*ENDINGS, ""):
        with pytest.raises(ExportError, match=r"frames a second; expected .*0\.01 to 1,000"):
            write_frames(tmp_path / f"f{ending}", [_noise(4, 4)], fps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_may_be_any(tmp_path, ending):
    names = [f"üñ 中{ending}", f"%05d{ending}", f"a b'\"{ending}", f"x{ending.upper()}"]
    if os.name == "posix":
        names.append(f"file:a:b{ending}")
    for name in names:
        write_frames(tmp_path / name, [_noise(8, 8), _noise(8, 8, seed=1)])
    assert {p.name for p in tmp_path.iterdir()} == set(names)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_that_is_not_there_is_an_error(tmp_path, ending):
    with pytest.raises(ExportError, match=r"^Cannot write .*missing.*: No such file or directory\.$"):
        write_frames(tmp_path / "missing" / f"f{ending}", [_noise(8, 8)])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"^Cannot write .*: Not a directory\.$"):
        write_frames(tmp_path / "file" / f"f{ending}", [_noise(8, 8)])
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="there is no limit of file sizes elsewhere")
@pytest.mark.parametrize("ending", [*ENDINGS, ""])
def test_a_disk_that_is_full_is_an_error_and_leaves_what_was_there(tmp_path, ending):
    """At the first byte, in the middle and at the last: written in the index, or when the file is closed."""
    import resource

    pictures = [_noise(40, 40, 3, seed=n) for n in range(12)]
    write_frames(tmp_path / f"whole{ending}", iter(pictures))
    whole = tmp_path / f"whole{ending}"
    size = whole.stat().st_size if ending else (whole / "frame-00000.png").stat().st_size
    path = tmp_path / f"f{ending}"
    if ending:
        path.write_text("mine")
    before = sorted(tmp_path.iterdir())
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (1, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(ExportError, match=r"^Cannot write .*: File too large\.$"):
                write_frames(path, iter(pictures))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert sorted(tmp_path.iterdir()) == before
        assert not ending or path.read_text() == "mine"


def test_nothing_is_said_on_the_way(tmp_path, capfd):
    for ending in ENDINGS:
        write_frames(tmp_path / f"f{ending}", [_noise(8, 8, 3), _noise(8, 8, 3, seed=1)])
    assert capfd.readouterr() == ("", "")


def test_a_webp_s_chunks_are_what_the_standard_says(tmp_path):
    """RFC 9649: every frame as large as the canvas and instead of the one before; still ones stay frames."""
    still = _noise(7, 9, 4)
    write_frames(tmp_path / "f.webp", [still] * 4, 30)
    content = (tmp_path / "f.webp").read_bytes()
    assert content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    chunks, at = [], 12
    while at < len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        chunks.append((content[at : at + 4], content[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    assert at == len(content)
    canvas = (8).to_bytes(3, "little") + (6).to_bytes(3, "little")
    assert chunks[0] == (b"VP8X", bytes([0x12, 0, 0, 0]) + canvas)
    assert chunks[1] == (b"ANIM", bytes(6))
    assert [name for name, _ in chunks[2:]] == [b"ANMF"] * 4
    assert all(frame[:12] == bytes(6) + canvas and frame[15] == 2 for _, frame in chunks[2:])
    assert [int.from_bytes(frame[12:15], "little") for _, frame in chunks[2:]] == [33, 34, 33, 33]
    with Image.open(tmp_path / "f.webp") as film:
        assert film.n_frames == 4
        film.seek(3)
        assert np.abs(np.asarray(film)[..., 3].astype(int) - still[..., 3]).max() == 0
