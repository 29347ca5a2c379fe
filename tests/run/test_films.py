"""Films of latents, and of how a run was trained: frames as the model makes them, few at a time."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentlab import run as runs
from latentlab.core.errors import Cancelled, ExportError, RunError
from latentlab.export.grid import compose
from latentlab.run import films, histories
from latentlab.run.films import FilmConfig
from latentlab.run.histories import HistoryConfig
from latentlab.training.run_folder import RunFolder


@pytest.fixture
def run(begin, follow):
    """A run of 14 steps."""
    training = begin()
    follow(training)
    return runs.open_run(training.folder.path)


@pytest.fixture
def trained(run) -> RunFolder:
    """Eleven snapshots, at steps 0, 10, ... 100; tile t of number n is of the grey 20 n + t / 4."""
    for _, path in run.folder.samples():
        path.unlink()
    for number in range(11):
        tiles = (20 * number + np.arange(64) // 4).astype(np.uint8)[:, None, None, None]
        picture = compose(np.broadcast_to(tiles, (64, 1, 8, 8)), 8)
        Image.fromarray(picture).save(run.folder.sample_path(10 * number))
    return run.folder


def _pictures(path):
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            frames.append(np.asarray(image.convert("L")))
            durations.append(image.info["duration"])
    return frames, durations


# Of latents


def test_frames_are_the_models_pixels(run):
    latents = run.latents(5)
    frames = list(films.decoded(run.model, latents, FilmConfig(side=8)))
    assert np.array_equal(np.stack(frames), run.pixels(latents)[:, 0])


@pytest.mark.parametrize(("side", "scale"), [(8, 1), (16, 2), (23, 2), (24, 3), (100, 12)])
def test_nearest_repeats_pixels_a_whole_number_of_times(run, side, scale):
    latents = run.latents(2)
    small = run.pixels(latents)[:, 0]
    frames = np.stack(list(films.decoded(run.model, latents, FilmConfig(side=side, resampling="nearest"))))
    assert np.array_equal(frames, small.repeat(scale, 1).repeat(scale, 2))


def test_smooth_has_the_side_that_was_asked_for(run):
    (frame,) = films.decoded(run.model, run.latents(1), FilmConfig(side=101, resampling="smooth"))
    assert frame.shape == (101, 101) and len(np.unique(frame)) > 64


@given(
    height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(8, 4320), nearest=st.booleans()
)
def test_frames_keep_their_proportions(height, width, side, nearest):
    config = FilmConfig(side=side, resampling="nearest" if nearest else "smooth")
    high, wide = films.frame_size(height, width, config)
    longest = max(height, width)
    assert min(high, wide) >= 1 and max(high, wide) <= side
    if nearest and side >= longest:
        assert high * width == wide * height and high % height == 0 and max(high, wide) > side - longest
    else:
        assert max(high, wide) == side
        assert abs(high - side * height / longest) <= 1 and abs(wide - side * width / longest) <= 1


def test_colours_come_in_their_order():
    tile = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
    frame = films.enlarged(tile, FilmConfig(side=8, resampling="nearest"))
    assert np.array_equal(frame, tile.transpose(1, 2, 0).repeat(2, 0).repeat(2, 1))


def test_points_are_drawn(tmp_path, run, monkeypatch):
    from latentlab.models import pixels

    drawn = np.zeros((3, 1, 64, 64), np.uint8)
    drawn[:, 0, 5, [7, 8, 9]] = 255
    monkeypatch.setattr(pixels, "render", lambda model, z: drawn[: len(z)])
    frames = list(films.decoded(run.model, run.latents(3), FilmConfig(side=64)))
    assert np.array_equal(np.stack(frames), drawn[:, 0])


def test_latents_are_decoded_some_at_a_time(run, monkeypatch):
    from latentlab.models import pixels

    sizes, told, real = [], [], pixels.render

    def render(model, z):
        sizes.append(len(z))
        return real(model, z)

    monkeypatch.setattr(pixels, "render", render)
    monkeypatch.setattr(films, "AT_A_TIME", 8 * 8 * 4)
    frames = films.decoded(
        run.model, run.latents(10), FilmConfig(side=8), lambda done, total: told.append((done, total))
    )
    next(frames)
    assert sizes == [4], "nothing is decoded before it is wanted"
    assert len([*frames]) == 9 and sizes == [4, 4, 2]
    assert told == [(n, 10) for n in range(11)]


def test_a_film_has_its_size_and_frames(tmp_path, run):
    size = films.write_film(
        tmp_path / "f.apng", run.model, run.latents(4), 20, FilmConfig(side=20, resampling="nearest")
    )
    frames, durations = _pictures(tmp_path / "f.apng")
    assert size == (16, 16) and len(frames) == 4 and durations == [50.0] * 4
    assert np.array_equal(frames[3], run.pixels(run.latents(4))[3, 0].repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("name", ["f.gif", "f.mp4", "f.webp", "f.apng", "frames"])
def test_a_film_can_be_given_up(tmp_path, run, name):
    def report(done, total):
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        films.write_film(tmp_path / name, run.model, run.latents(9), 20, FilmConfig(), report)
    assert [p.name for p in tmp_path.iterdir() if p != run.folder.path] == []


# Of the training


@given(count=st.integers(1, 500), stages=st.integers(2, 600), early=st.booleans())
def test_stages_are_the_first_the_last_and_evenly_between(count, stages, early):
    picked = histories.chosen(count, stages, early)
    assert picked[0] == 0 and picked[-1] == count - 1 and len(picked) <= stages
    assert picked == sorted(set(picked))
    gaps = np.diff(picked)
    if not early and stages <= count:
        assert len(picked) == stages and gaps.max() - gaps.min() <= 1
    if early and len(gaps):
        assert gaps[0] <= gaps[-1]


def test_a_strip_shows_its_stages(trained):
    steps, tiles = histories.history(trained, stages=3, count=8)
    assert steps == [0, 50, 100] and tiles.shape == (24, 1, 8, 8)
    assert [int(row[0, 0, 0]) for row in tiles[::8]] == [0, 100, 200]


def test_the_film_goes_from_the_first_step_to_the_last_and_stands_still(tmp_path, trained):
    told = []
    histories.write_history(
        tmp_path / "h.gif",
        trained,
        HistoryConfig(seconds=1.1, fps=10, captions=False),
        FilmConfig(side=64, resampling="nearest"),
        lambda done, total: told.append((done, total)),
    )
    frames, durations = _pictures(tmp_path / "h.gif")
    shown = [int(frame[3, 3]) for frame in frames]
    assert shown == [20 * n for n in range(11)] + [200] * 15
    assert sum(durations) == 2600 and told[0] == (0, 26) and told[-1] == (26, 26)


@pytest.mark.parametrize(("seconds", "early"), [(0.5, False), (3.0, False), (3.0, True)])
def test_the_film_is_as_long_as_it_should_be(trained, seconds, early):
    config = HistoryConfig(seconds=seconds, fps=10, captions=False, early=early)
    frames = list(histories.frames(trained, config, FilmConfig(side=64)))
    assert len(frames) == round(10 * seconds) + 15
    shown = np.array([int(frame[3, 3]) for frame in frames])[: round(10 * seconds)]
    assert shown[0] == 0 and shown[-1] == 200 and (np.diff(shown) >= 0).all()
    if early:
        assert np.median(shown) < 60, "most of the time is given to the beginning"


def test_only_the_tiles_that_are_wanted_are_shown(trained):
    config = HistoryConfig(rows=2, columns=3, captions=False, seconds=0.5)
    frame = next(histories.frames(trained, config, FilmConfig(side=24, resampling="nearest")))
    assert frame.shape == (2 * 10 + 2, 3 * 10 + 2)
    assert [int(frame[5, 5]), int(frame[5, 25]), int(frame[15, 5]), int(frame[15, 25])] == [0, 0, 2, 2]


def test_frames_with_the_step_are_of_one_size(trained):
    frames = list(histories.frames(trained, HistoryConfig(seconds=1.1, fps=10), FilmConfig(side=512)))
    plain = next(histories.frames(trained, HistoryConfig(captions=False), FilmConfig(side=512)))
    assert len({frame.shape for frame in frames}) == 1 and frames[0].shape[0] > plain.shape[0]
    captions = [frame[len(plain) :] for frame in frames]
    assert captions[0].max() > 100 and not np.array_equal(captions[0], captions[10])


def test_snapshots_are_read_one_by_one_and_once(trained, monkeypatch):
    real, read = histories.tiles_of, []

    def tiles_of(folder, path):
        read.append(path.name)
        return real(folder, path)

    monkeypatch.setattr(histories, "tiles_of", tiles_of)
    frames = histories.frames(trained, HistoryConfig(seconds=3, fps=10), FilmConfig(side=64))
    next(frames)
    assert len(read) == 1
    assert len([*frames]) == 44 and read == [path.name for _, path in trained.samples()]


@pytest.mark.parametrize("damage", ["cut", "text", "header", "other size", "colour"])
def test_a_damaged_snapshot_is_named_and_leaves_no_film(tmp_path, trained, damage):
    path = trained.sample_path(50)
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("no picture")
    elif damage == "header":
        path.write_bytes(content[:14] + b"\xff" + content[15:])
    elif damage == "other size":
        Image.fromarray(np.zeros((83, 82), np.uint8)).save(path)
    else:
        Image.fromarray(np.zeros((82, 82, 3), np.uint8)).save(path)
    with pytest.raises(RunError, match=r"The sample .*step-000000050\.png is damaged: "):
        histories.write_history(tmp_path / "h.mp4", trained, HistoryConfig(), FilmConfig(side=64))
    assert [p.name for p in tmp_path.iterdir() if p != trained.path] == []


def test_a_run_without_snapshots_says_so(tmp_path, trained):
    shutil.rmtree(trained.path / "samples")
    with pytest.raises(RunError, match="has no samples yet"):
        histories.write_history(tmp_path / "h.mp4", trained, HistoryConfig(), FilmConfig())


def test_a_history_to_nowhere_is_an_error(tmp_path, trained):
    with pytest.raises(ExportError, match="No such file or directory"):
        histories.write_history(tmp_path / "missing" / "h.mp4", trained, HistoryConfig(), FilmConfig())
