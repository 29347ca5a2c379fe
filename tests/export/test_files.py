"""Pictures and films on disk: read back as they were, whole or not at all."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest
from PIL import Image

from latentlab.core.errors import Cancelled, ExportError
from latentlab.export import EXPORTERS, write_frames, write_picture


def _picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _smooth(height=40, width=50):
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)


def _read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def _gif(path):
    """Frames as RGB, and how long each is shown in milliseconds."""
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            durations.append(image.info["duration"])
            frames.append(np.asarray(image.convert("RGB")))
        return frames, durations, image.info.get("loop")


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3), (9, 11, 4)])
def test_png_is_exact(tmp_path, shape):
    picture = _picture(*shape)
    write_picture(tmp_path / "p.png", picture)
    assert np.array_equal(_read(tmp_path / "p.png"), picture)
    assert [f.name for f in tmp_path.iterdir()] == ["p.png"]


def test_endings_may_be_capitals(tmp_path):
    write_picture(tmp_path / "p.PNG", _picture(4, 4))
    assert np.array_equal(_read(tmp_path / "p.PNG"), _picture(4, 4))


@pytest.mark.parametrize("ending", [".jpg", ".jpeg"])
def test_jpeg_is_close(tmp_path, ending):
    for picture in (_smooth(), _smooth()[..., 0]):
        write_picture(tmp_path / f"p{ending}", picture)
        found = _read(tmp_path / f"p{ending}")
        assert found.shape == picture.shape
        assert np.abs(found.astype(int) - picture).mean() < 2


def test_jpeg_keeps_the_colour_of_single_pixels(tmp_path):
    """Halved colour resolution would smear red and blue stripes into each other."""
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 200
    write_picture(tmp_path / "p.jpg", stripes)
    assert np.abs(_read(tmp_path / "p.jpg").astype(int) - stripes).max() < 25


def test_jpeg_lays_alpha_on_black(tmp_path):
    picture = np.full((16, 16, 4), 200, np.uint8)
    picture[:, :8, 3], picture[:, 8:, 3] = 0, 128
    write_picture(tmp_path / "p.jpg", picture)
    found = _read(tmp_path / "p.jpg")
    assert found.shape == (16, 16, 3)
    assert found[:, :8].max() < 12 and abs(found[:, 8:].mean() - 100) < 4


def test_a_file_that_is_there_is_replaced(tmp_path):
    write_picture(tmp_path / "p.png", _picture(4, 4, seed=1))
    write_picture(tmp_path / "p.png", _picture(4, 4, seed=2))
    assert np.array_equal(_read(tmp_path / "p.png"), _picture(4, 4, seed=2))


@pytest.mark.parametrize("frames", [3, 10])
@pytest.mark.parametrize(
    ("fps", "ticks"), [(20, 5), (8, 12.5), (1, 100), (1000, 2), (0.5, 200), (30, 10 / 3)]
)
def test_a_gif_has_its_frames_its_rate_and_no_end(tmp_path, frames, fps, ticks):
    pictures = [_picture(8, 8, seed=n) for n in range(frames)]
    write_frames(tmp_path / "f.gif", iter(pictures), fps)
    found, durations, loop = _gif(tmp_path / "f.gif")
    begins = [round(n * ticks) for n in range(frames)]
    assert durations[:-1] == [10 * (b - a) for a, b in itertools.pairwise(begins)] and loop == 0
    assert abs(sum(durations) - 10 * frames * ticks) <= 10
    for frame, picture in zip(found, pictures, strict=True):
        assert (frame == picture[..., None]).all(), "256 grey values fit a GIF's palette exactly"


def test_colours_of_a_gif_are_near(tmp_path):
    pictures = [_smooth(), 255 - _smooth()]
    write_frames(tmp_path / "f.gif", pictures)
    for frame, picture in zip(_gif(tmp_path / "f.gif")[0], pictures, strict=True):
        assert np.abs(frame.astype(int) - picture).mean() < 8


def test_a_gif_lays_alpha_on_black(tmp_path):
    """Left as it is, what shines through would show the frame before."""
    first = np.full((8, 8, 4), 255, np.uint8)
    second = np.zeros((8, 8, 4), np.uint8)
    second[:4] = [200, 100, 50, 255]
    second[4:6] = [200, 100, 50, 128]
    write_frames(tmp_path / "f.gif", [first, second])
    (_, found), _, _ = _gif(tmp_path / "f.gif")
    assert np.abs(found[:4].astype(int) - [200, 100, 50]).max() < 8
    assert np.abs(found[4:6].astype(int) - [100, 50, 25]).max() < 8
    assert found[6:].max() < 8


def test_frames_are_numbered_and_exact(tmp_path):
    pictures = [_picture(5, 6, 3, seed=n) for n in range(12)]
    write_frames(tmp_path / "new" / "film", iter(pictures))
    files = sorted((tmp_path / "new" / "film").iterdir())
    assert [f.name for f in files] == [f"frame-{n:05d}.png" for n in range(12)]
    assert all(np.array_equal(_read(f), p) for f, p in zip(files, pictures, strict=True))


def test_a_folder_that_is_there_takes_frames_whatever_its_name(tmp_path):
    (tmp_path / "run.v2").mkdir()
    write_frames(tmp_path / "run.v2", [_picture(4, 4)])
    write_frames(f"{tmp_path}/odd.name/", [_picture(4, 4)])
    assert (tmp_path / "run.v2" / "frame-00000.png").exists()
    assert (tmp_path / "odd.name" / "frame-00000.png").exists()


def test_frames_that_are_there_are_not_mixed_with_new_ones(tmp_path):
    write_frames(tmp_path / "film", [_picture(4, 4, seed=1)] * 3)
    with pytest.raises(ExportError, match="it already holds some; choose another folder"):
        write_frames(tmp_path / "film", [_picture(4, 4, seed=2)])
    assert len(list((tmp_path / "film").iterdir())) == 3
    assert np.array_equal(_read(tmp_path / "film" / "frame-00000.png"), _picture(4, 4, seed=1))


@pytest.mark.parametrize("target", ["film", "film.gif"])
def test_a_film_that_is_broken_off_leaves_nothing(tmp_path, target):
    def frames():
        yield from (_picture(4, 4, seed=n) for n in range(3))
        raise Cancelled

    with pytest.raises(Cancelled):
        write_frames(tmp_path / target, frames())
    assert list(tmp_path.iterdir()) == []


def test_frames_broken_off_leave_what_was_there_before(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZeroDivisionError):
        write_frames(tmp_path, (_picture(4, 4) // (1 if n < 2 else 1 // 0) for n in itertools.count()))
    assert [f.name for f in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("target", ["film", "film.gif"])
def test_no_frames_are_no_film(tmp_path, target):
    with pytest.raises(ExportError, match=r"Cannot write .*there are no"):
        write_frames(tmp_path / target, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_a_film_needs_a_rate(tmp_path, fps):
    with pytest.raises(ExportError, match="frames a second; expected more than 0"):
        write_frames(tmp_path / "f.gif", [_picture(4, 4)], fps)


def test_endings_that_are_not_known_are_refused_with_those_that_are(tmp_path):
    with pytest.raises(
        ExportError,
        match=r"ends in '\.tga', expected one of \.png, \.jpg, \.jpeg, \.webp, \.tif, \.tiff, \.pdf\.",
    ):
        write_picture(tmp_path / "p.tga", _picture(4, 4))
    with pytest.raises(ExportError, match=r"ends in '', expected one of"):
        write_picture(tmp_path / "p", _picture(4, 4))
    with pytest.raises(ExportError, match=r"ends in '\.gif', expected one of"):
        write_picture(tmp_path / "p.gif", _picture(4, 4))
    with pytest.raises(ExportError, match=r"ends in '\.avi', expected one of \.gif, \.mp4, \.webp, \.apng\."):
        write_frames(tmp_path / "p.avi", [_picture(4, 4)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.tif", "p.pdf", "p.gif"])
def test_targets_that_cannot_be_written_say_why_and_leave_nothing(tmp_path, name):
    def write(path):
        if name == "p.gif":
            write_frames(path, [_picture(4, 4), _picture(4, 4, seed=1)])
        else:
            write_picture(path, _picture(4, 4))

    with pytest.raises(ExportError, match=r"^Cannot write .*: No such file or directory"):
        write(tmp_path / "missing" / name)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"^Cannot write .*: Not a directory"):
        write(tmp_path / "file" / name)
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_no_picture_file(tmp_path):
    (tmp_path / "p.png").mkdir()
    with pytest.raises(ExportError, match=r"^Cannot write .*: Is a directory"):
        write_picture(tmp_path / "p.png", _picture(4, 4))
    assert [f.name for f in tmp_path.iterdir()] == ["p.png"] and not list((tmp_path / "p.png").iterdir())


def test_a_file_is_no_folder_for_frames(tmp_path):
    (tmp_path / "film").write_text("mine")
    with pytest.raises(ExportError, match=r"^Cannot write .*film: "):
        write_frames(tmp_path / "film", [_picture(4, 4)])
    assert (tmp_path / "film").read_text() == "mine"


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="every folder is open to the administrator"
)
def test_a_folder_that_may_not_be_written_to_says_so(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ExportError, match=r"^Cannot write .*: Permission denied"):
            write_picture(tmp_path / "p.png", _picture(4, 4))
    finally:
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_every_exporter_says_what_it_writes():
    endings = [(e.animated, s) for _, e in EXPORTERS.items() for s in e.suffixes]
    assert len(endings) == len(set(endings))
    for key, exporter in EXPORTERS.items():
        assert exporter.key == key and exporter.title and exporter.suffixes
        assert all(s == s.lower() and (not s or s.startswith(".")) for s in exporter.suffixes)
