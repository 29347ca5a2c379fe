import contextlib
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import film, load
from latentlab.data.film import Film, clock
from latentlab.data.preparation import Preparation
from latentlab.data.report import no_report
from latentlab.data.video import Video, VideoOriginals

RATE, SIZE = 10, (64, 48)


def pictures(count=30, size=SIZE):
    """uint8 (N, H, W, 3): a bar that grows from left to right over a ramp, in every frame a bit."""
    width, height = size
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = np.linspace(0, 120, height, dtype=np.uint8)[:, None, None]
    for i, frame in enumerate(frames):
        frame[:, : width * (i + 1) // count] = (200, 60, 30)
    return frames


def make(path, frames, codec="ffv1", pixels="bgr0", times=None, options=None, **stream_values):
    """A film of uint8 (N, H, W, C); `times` in 1/RATE seconds. Container options start with "mux:"."""
    options = options or {}
    mux = {k[4:]: v for k, v in options.items() if k.startswith("mux:")}
    own = {k: v for k, v in options.items() if not k.startswith("mux:")}
    with av.open(str(path), "w", options=mux) as container:
        stream = container.add_stream(codec, rate=RATE, options=own)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        turn = stream_values.pop("turn", None)
        for name, value in stream_values.items():
            setattr(stream.codec_context, name, value)
        if turn:
            stream.set_display_rotation(turn)
        kind = {1: "gray", 3: "rgb24", 4: "rgba"}[frames.shape[3]]
        for i, pixels_of_one in zip(times or range(len(frames)), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(
                pixels_of_one[..., 0] if kind == "gray" else pixels_of_one, kind
            )
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def bars(images):
    """Where the bar of `pictures` ends in (N, 3, H, W), in shares of the width."""
    red = images[:, 0].astype(int) - images[:, 2]
    return (red > 85).mean((1, 2))


H264 = {"bf": "3", "g": "12"}
KINDS = [
    ("a.mp4", "libx264", "yuv420p", H264),
    ("a.mov", "mpeg4", "yuv420p", {}),
    ("a.mkv", "libx264", "yuv420p10le", H264),
    ("a.webm", "libvpx-vp9", "yuv420p", {"cpu-used": "8"}),
    ("a.avi", "mpeg4", "yuv420p", {"bf": "2"}),
    ("b.avi", "libx264", "yuv420p", H264),
    ("a.m4v", "mpeg4", "yuv420p", {"bf": "2"}),
    ("a.mts", "libx264", "yuv420p", H264),
    ("a.gif", "gif", "rgb8", {}),
    ("a.apng", "apng", "rgb24", {}),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_kinds(tmp_path, name, codec, pixels, options):
    frames = pictures()
    found = load(str(make(tmp_path / name, frames, codec, pixels, options=options)))
    assert found.source == "video" and found.name == name and len(found) == 30 and found.skipped == ()
    assert found.image_shape == (3, 48, 64)
    np.testing.assert_allclose(bars(found.images), bars(frames.transpose(0, 3, 1, 2)), atol=0.03)
    np.testing.assert_allclose(found.factors["time"], np.arange(30) / RATE, atol=0.011)
    assert found.factors["time"].dtype == np.float32
    assert found.name_of(0) == "frame 0 · 0:00.0" and found.name_of(25) == "frame 25 · 0:02.5"
    for i in (29, 3, 17):
        np.testing.assert_array_equal(found.original(i), found.images[i])


def test_mpeg_with_its_own_start_and_rate(tmp_path):
    frames = pictures().repeat(2, 0)
    path = tmp_path / "a.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg1video", rate=25, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    found = load(str(path))
    np.testing.assert_allclose(found.factors["time"], np.arange(60) / 25, atol=1e-3)
    np.testing.assert_allclose(bars(found.images), bars(frames.transpose(0, 3, 1, 2)), atol=0.03)


def test_pixels_are_right_to_the_bit(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), np.uint8)
    found = load(str(make(tmp_path / "a.mkv", frames)))
    np.testing.assert_array_equal(found.images, frames.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("colorspace", "color_range"), [(1, 1), (1, 2), (6, 1), (6, 2)])
def test_colours_are_those_that_the_film_declares(tmp_path, colorspace, color_range):
    path = tmp_path / "a.mkv"
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (200, 60, 30), np.uint8), "rgb24")
    frame = frame.reformat(format="yuv444p", dst_colorspace=colorspace, dst_color_range=color_range)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, color_range
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    np.testing.assert_allclose(load(str(path)).images[0, :, 9, 9], (200, 60, 30), atol=1)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_films_of_turned_cameras_are_upright(tmp_path, turn):
    frames = pictures(8)
    path = make(tmp_path / "a.mp4", frames, "libx264", "yuv420p", turn=turn)
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        assert first.rotation % 360 == turn % 360  # anticlockwise, as numpy's rot90
        expected = np.rot90(first.to_ndarray(format="rgb24"), turn // 90)
    found = load(str(path))
    assert found.image_shape == ((3, 48, 64) if turn == 180 else (3, 64, 48))
    np.testing.assert_array_equal(found.images[0], expected.transpose(2, 0, 1))
    assert found.sizes == {found.images.shape[:1:-1]: 8}


@pytest.mark.parametrize(
    "matrix", [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0), (0, 1, -1, 0)]
)
def test_display_matrices_map_points_as_specified(matrix):
    """Every pixel (x, y) goes to (a x + c y, b x + d y), moved back into the picture."""
    a, b, c, d = matrix

    class Data:
        type = av.sidedata.sidedata.Type.DISPLAYMATRIX

        def __bytes__(self):
            return struct.pack("=9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)

    class Frame:
        side_data = (Data(),)

    stored = np.arange(6).reshape(1, 2, 3)
    turned, rows, columns = film._turn(Frame)
    shown = (stored.transpose(0, 2, 1) if turned else stored)[0, rows, columns]
    places = [(a * x + c * y, b * x + d * y) for y in range(2) for x in range(3)]
    left, top = min(x for x, _ in places), min(y for _, y in places)
    for value, (x, y) in enumerate(places):
        assert shown[y - top, x - left] == value


@pytest.mark.parametrize(
    ("ratio", "shape"), [((2, 1), (3, 48, 128)), ((1, 2), (3, 96, 64)), ((100, 1), (3, 48, 64))]
)
def test_pixels_become_square(tmp_path, ratio, shape):
    frames = pictures(5)
    path = make(tmp_path / "a.mkv", frames, "libx264", "yuv444p", sample_aspect_ratio=Fraction(*ratio))
    found = load(str(path))
    assert found.image_shape == shape
    np.testing.assert_allclose(bars(found.images), bars(frames.transpose(0, 3, 1, 2)), atol=0.02)


def test_a_rate_that_varies(tmp_path):
    times = [0, 1, 2, 7, 30, 31, 600, 36000]
    found = load(str(make(tmp_path / "a.mkv", pictures(8), times=times)))
    np.testing.assert_allclose(found.factors["time"], np.array(times) / RATE)
    assert [found.name_of(i) for i in (3, 6, 7)] == [
        "frame 3 · 0:00.7",
        "frame 6 · 1:00.0",
        "frame 7 · 1:00:00.0",
    ]


def test_frames_that_were_cut_out_are_not_missed(tmp_path):
    frames = pictures(60)
    path = make(tmp_path / "a.mp4", frames, "libx264", "yuv420p", times=range(-40, 20))
    with av.open(str(path)) as container:  # it holds all of them, and a list that says which are shown
        assert container.streams.video[0].frames == 60
        assert sum(packet.is_discard for packet in container.demux(video=0)) == 40
    found = load(str(path))
    assert len(found) == 20 and found.skipped == ()
    np.testing.assert_allclose(bars(found.images), bars(frames[40:].transpose(0, 3, 1, 2)), atol=0.03)
    assert found.factors["time"][0] == 0 and found.name_of(19) == "frame 19 · 0:01.9"


def test_sound_that_lasts_longer_is_no_damage(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        pictures_of, sound = container.add_stream("ffv1", rate=RATE), container.add_stream("aac", rate=8000)
        pictures_of.width, pictures_of.height, pictures_of.pix_fmt = 64, 48, "bgr0"
        for pixels in pictures(5):
            container.mux(pictures_of.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(pictures_of.encode())
        for i in range(80):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 1024 * i
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    found = load(str(path))
    assert len(found) == 5 and found.skipped == ()


def test_alpha(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 4), np.uint8)
    path = make(tmp_path / "a.mov", frames, "png", "rgba")
    np.testing.assert_array_equal(load(str(path), {"channels": 4}).images, frames.transpose(0, 3, 1, 2))
    found = load(str(path), {"background": "#ff0000"})
    alpha = frames[..., 3:] / 255
    expected = frames[..., :3] * alpha + np.array([255, 0, 0]) * (1 - alpha)
    np.testing.assert_allclose(found.images, expected.transpose(0, 3, 1, 2), atol=0.51)


def test_grey(tmp_path):
    frames = pictures(5)[..., :1]
    found = load(str(make(tmp_path / "a.mkv", frames, pixels="gray")))
    np.testing.assert_array_equal(found.images, frames.transpose(0, 3, 1, 2))
    in_colour = make(tmp_path / "b.mkv", frames.repeat(3, 3))
    np.testing.assert_array_equal(load(str(in_colour)).images, frames.transpose(0, 3, 1, 2))
    assert load(str(in_colour), {"channels": 3}).image_shape == (3, 48, 64)


def test_large_frames_become_as_large_as_those_of_a_folder(tmp_path):
    path = str(make(tmp_path / "a.mp4", pictures(4, (480, 320)), "libx264", "yuv420p"))
    found = load(path)
    assert found.image_shape == (3, 64, 64) and found.sizes == {(480, 320): 4}
    assert found.original(2).shape == (3, 320, 480)
    assert load(path, {"size": 32, "fit": "pad"}).image_shape == (3, 32, 32)


def test_a_few_frames_that_were_just_read_are_not_looked_for_again(tmp_path, monkeypatch):
    frames = pictures(60)
    originals = VideoOriginals(make(tmp_path / "a.mkv", frames), every=2)
    chosen = np.array([3, 7, 20])
    list(originals.chunks(chosen, Preparation(3, 8, 8), no_report))
    monkeypatch.setattr(Film, "read", lambda *a: pytest.fail("looked for"))
    for place in chosen.tolist():
        np.testing.assert_array_equal(originals.original(place), frames[2 * place].transpose(2, 0, 1))


def test_every_and_limit(tmp_path):
    frames = pictures()
    path = str(make(tmp_path / "a.mkv", frames))
    found = load(path, {"every": 7})
    np.testing.assert_array_equal(found.images, frames[::7].transpose(0, 3, 1, 2))
    assert found.names[-1] == "frame 28 · 0:02.8" and found.factors["time"][-1] == np.float32(2.8)
    np.testing.assert_array_equal(found.original(3), frames[21].transpose(2, 0, 1))
    found = load(path, {"every": 2, "limit": 5})
    np.testing.assert_array_equal(found.images, frames[:30:6].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(found.original(4), frames[24].transpose(2, 0, 1))


LONG = {"g": "10", "keyint_min": "10", "sc_threshold": "0", "bf": "2"}
SEARCHED = [
    ("a.mp4", "libx264", LONG),
    ("a.mkv", "libx264", LONG),
    ("a.mts", "libx264", LONG),
    ("a.avi", "mpeg4", {"g": "10"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), SEARCHED, ids=[kind[0] for kind in SEARCHED])
def test_few_of_many_frames_are_jumped_to(tmp_path, monkeypatch, name, codec, options):
    frames = pictures(400)
    path = make(tmp_path / name, frames, codec, "yuv420p", options=options)
    whole = load(str(path))
    decoded = []
    inner = film._frames

    def counted(*args):
        for frame in inner(*args):
            decoded.append(1)
            yield frame

    monkeypatch.setattr(film, "_frames", counted)
    found = load(str(path), {"limit": 8})
    np.testing.assert_array_equal(found.images, whole.images[::50])
    np.testing.assert_array_equal(found.factors["time"], whole.factors["time"][::50])
    assert len(decoded) < 200
    decoded.clear()
    np.testing.assert_array_equal(whole.original(377), whole.images[377])
    assert len(decoded) < 60


class Other:
    """Something else in all but what it is given."""

    def __init__(self, inner, **values):
        self.__dict__.update(values, inner=inner)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def open_as(monkeypatch, change):
    """Films are opened as `change` makes of their containers."""
    inner = film._opened

    @contextlib.contextmanager
    def opened(path):
        with inner(path) as (container, stream):
            yield change(container), stream

    monkeypatch.setattr(film, "_opened", opened)


def test_a_film_that_cannot_be_searched_is_decoded_from_its_start(tmp_path, monkeypatch):
    frames = pictures(100)
    path = make(tmp_path / "a.mkv", frames, options={"g": "1"})

    def too_far(container):
        stream = container.streams.video[0]
        return Other(container, seek=lambda *a, **k: container.seek(9000, stream=stream))

    open_as(monkeypatch, too_far)
    found = load(str(path), {"limit": 4})
    np.testing.assert_array_equal(found.images, frames[::25].transpose(0, 3, 1, 2))


def test_a_film_that_names_no_frame_where_decoding_can_begin(tmp_path, monkeypatch):
    frames = pictures(9)

    def keyless(container):
        packets = container.demux
        return Other(container, demux=lambda s: (Other(p, is_keyframe=False) for p in packets(s)))

    open_as(monkeypatch, keyless)
    found = load(str(make(tmp_path / "a.mkv", frames)))
    np.testing.assert_array_equal(found.images, frames.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", H264 | {"mux:movflags": "faststart"}), ("a.mkv", H264 | {"mux:cluster_time_limit": "500"})],
)
def test_a_film_that_is_cut_short(tmp_path, name, options):
    frames = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8)
    path = make(tmp_path / name, frames, "libx264", "yuv420p", options=options)
    whole = load(str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    found = load(str(path))
    assert 15 < len(found) < 30
    np.testing.assert_array_equal(found.images[:15], whole.images[:15])
    assert len(found.factors["time"]) == len(found)
    (skipped,) = found.skipped
    assert skipped.path == name and skipped.reason.startswith("it is cut short")


def test_a_film_that_is_damaged_in_its_middle(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8)
    path = make(tmp_path / "a.avi", frames, "png", "rgb24")
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 400] = bytes(400)
    path.write_bytes(content)
    found = load(str(path))
    assert 36 <= len(found) < 40
    gone = sorted(set(range(40)) - set(found.places.tolist()))
    assert 15 < gone[0] <= gone[-1] < 25
    np.testing.assert_array_equal(found.images, frames[found.places].transpose(0, 3, 1, 2))
    (skipped,) = found.skipped
    assert skipped.reason == f"{len(gone)} of 40 frames show no picture, as if damaged"
    with pytest.raises(DataError, match=f"Frame {gone[0]} of .* cannot be decoded"):
        VideoOriginals(path).original(gone[0])


DAMAGED = [KINDS[0], KINDS[3], KINDS[5], KINDS[8], KINDS[9]]


@pytest.mark.parametrize(("name", "codec", "pixels", "options"), DAMAGED, ids=[kind[0] for kind in DAMAGED])
def test_whatever_is_damaged_loads_in_part_or_says_so(tmp_path, name, codec, pixels, options):
    path = make(tmp_path / name, pictures(20), codec, pixels, options=options)
    content, random = path.read_bytes(), np.random.default_rng(0)
    outcomes = set()
    for _ in range(12):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 6).tolist():
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            found = load(str(path))
            found.original(len(found) - 1)
            outcomes.add("loaded")
        except DataError as error:
            assert str(path) in str(error) and str(error).endswith(".")
            outcomes.add("refused")
    assert "loaded" in outcomes


def test_a_codec_that_is_not_known(tmp_path):
    path = make(tmp_path / "a.mp4", pictures(9), "libx264", "yuv420p")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    says(path, "is packed by a codec that is not known")


def says(path, *words):
    with pytest.raises(DataError) as caught:
        load("video", {"path": str(path)})
    message = str(caught.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message


def test_what_is_no_film(tmp_path):
    path = tmp_path / "a.mp4"
    starts = (
        b"\x1aE\xdf\xa3",
        b"\0\0\0\x18ftyp",
        b"RIFF\0\0\0\0AVI ",
        b"GIF89a",
        b"\0\0\1\xba",
        b"OggS",
        b"FLV\1",
    )
    for content in (b"", b"text " * 900, bytes(5000), *(start + b"no film" * 100 for start in starts)):
        path.write_bytes(content)
        says(path)
    path.write_bytes(b"text " * 900)
    says(path, "is no film of a known kind")
    content = make(tmp_path / "b.mp4", pictures(9), "libx264", "yuv420p").read_bytes()
    path.write_bytes(content[: content.index(b"moov")])  # its table of contents is at its end
    says(path, "is no film of a known kind, or its start or end is damaged")
    says(tmp_path / "nowhere.mp4", "There is no file")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    says(tmp_path / "sound.mp4", "holds no moving pictures")


@pytest.mark.parametrize("kind", ["concat", "hls", "sdp", "image"])
def test_lists_that_name_other_files_are_not_followed(tmp_path, kind):
    inner = make(tmp_path / "inner.mkv", pictures(3))
    texts = {
        "concat": f"ffconcat version 1.0\nfile {inner.name}\n",
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{inner}\n#EXT-X-ENDLIST\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        "image": "P6 8 8 255 " + "x" * 192,
    }
    path = tmp_path / "list.mp4"
    path.write_text(texts[kind])
    says(path, "is no film of a known kind")


def test_frames_too_large_to_be_decoded(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mkv", pictures(3))
    monkeypatch.setattr(film, "MAX_PIXELS", 64 * 48 - 1)
    says(path, "has frames of 64×48 pixels; at most")


@pytest.mark.parametrize("after", [3, 20])
def test_cancelling_is_heard_at_every_frame(tmp_path, after):
    originals = VideoOriginals(make(tmp_path / "a.mkv", pictures(40)))
    calls = []

    def report(done, total):
        calls.append(done)
        if len(calls) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        originals.listing(report)
    assert len(calls) == after
    chosen = np.arange(originals.listing(no_report).count)
    preparation = originals.settle(chosen, Video.Config(), no_report).preparation
    calls.clear()
    with pytest.raises(Cancelled):
        list(originals.chunks(chosen, preparation, report))
    assert len(calls) == after


def test_progress_rises_with_every_frame(tmp_path):
    originals = VideoOriginals(make(tmp_path / "a.mkv", pictures(40)))
    heard = []
    list(originals.chunks(np.arange(40), Preparation(3, 8, 8), lambda done, total: heard.append(done)))
    assert sorted(heard) == heard and set(heard) == set(range(41))


def test_opening_looks_at_nothing_but_the_file_itself(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mkv", pictures(5))
    first = load(str(path))
    monkeypatch.setattr(Film, "index", lambda *a: pytest.fail("looked through"))
    again = load(str(path))  # from the cache
    np.testing.assert_array_equal(again.images, first.images)
    assert list(again.names) == list(first.names)


def webp(path, frames, **options):
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, lossless=True, **options)
    return path


def test_webp(tmp_path):
    frames = pictures(10)
    path = webp(tmp_path / "a.webp", frames, duration=[100] * 4 + [350] * 6)
    found = load(str(path))
    np.testing.assert_array_equal(found.images, frames.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(found.factors["time"], np.cumsum([0, *[0.1] * 4, *[0.35] * 5]), atol=1e-6)
    np.testing.assert_array_equal(found.original(7), frames[7].transpose(2, 0, 1))
    np.testing.assert_array_equal(load(str(path), {"every": 4}).images, frames[::4].transpose(0, 3, 1, 2))
    single = load(str(webp(tmp_path / "b.webp", frames[:1])))
    assert len(single) == 1 and single.factors["time"].tolist() == [0]


def test_webp_that_is_damaged(tmp_path):
    path = webp(tmp_path / "a.webp", np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), np.uint8))
    content = bytearray(path.read_bytes())
    fourth = [i for i in range(len(content)) if content.startswith(b"VP8L", i)][3]
    content[fourth + 20 : fourth + 50] = b"\xff" * 30
    path.write_bytes(content)
    found = load(str(path))
    assert len(found) == 3 and found.skipped[0].reason == "it is damaged after 3 of 6 frames"
    path.write_bytes(b"RIFF    WEBPnothing")
    says(path, "is no WebP image, or its start is damaged")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (5.04, "0:05.0"), (59.96, "1:00.0"), (3723.5, "1:02:03.5"), (600, "10:00.0")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_what_it_takes(tmp_path):
    for name, expected in (
        ("a.MP4", True),
        ("a.gif", True),
        ("a.webp", True),
        ("a.png", False),
        ("a.txt", False),
    ):
        (tmp_path / name).write_bytes(b"")
        assert Video.accepts(tmp_path / name) is expected
    (tmp_path / "folder.mp4").mkdir()
    assert not Video.accepts(tmp_path / "folder.mp4")
