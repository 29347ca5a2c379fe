"""The preview of a preparation shows what a load would make, to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab import data, run
from latentlab.core.errors import Cancelled, ConfigError, DataError
from latentlab.export.grid import split
from latentlab.run import preparing
from latentlab.training.augmentation import augment


def write(path: Path, size=(40, 24), seed=0, mode="RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures of two sizes in two classes."""
    for i in range(20):
        write(tmp_path / "pets" / ("cats" if i < 12 else "dogs") / f"{i}.png", (40, 24 + i % 2), seed=i)
    return tmp_path / "pets"


SETTINGS = [
    {"size": 16},
    {"size": 32, "fit": "pad", "background": "#ff8000"},
    {"size": 20, "fit": "stretch", "channels": 1},
    {"size": 0, "channels": 0},
    {"size": 16, "channels": 4, "limit": 7},
]


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("seed", [0, 1, 5])
def test_a_folder_is_shown_as_it_is_loaded(folder, values, seed):
    shown = run.preview(str(folder), values, count=6, seed=seed)
    dataset = data.load(str(folder), values)
    place = {name: i for i, name in enumerate(dataset.names)}
    assert len(shown.names) == 6 and shown.settled
    assert shown.count == len(dataset)
    np.testing.assert_array_equal(shown.prepared, dataset.images[[place[name] for name in shown.names]])
    for name, original, size in zip(shown.names, shown.originals, shown.sizes, strict=True):
        with Image.open(folder / name) as image:
            np.testing.assert_array_equal(original.transpose(1, 2, 0), np.asarray(image))
            assert size == image.size


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "npz"])
def test_archives_and_arrays_are_shown_as_they_are_loaded(folder, tmp_path, kind):
    path = tmp_path / f"pets.{kind}"
    if kind == "npz":
        images = np.random.default_rng(0).integers(0, 256, (20, 30, 22, 3), np.uint8)
        np.savez(path, images=images, labels=np.arange(20) % 3)
    else:
        shutil.make_archive(str(folder), {"zip": "zip", "tar.gz": "gztar"}[kind], folder)
    values = {"size": 16, "fit": "pad", "limit": 12}
    for seed in (0, 3):
        shown, dataset = run.preview(str(path), values, seed=seed), data.load(str(path), values)
        places = [_place(dataset, name) for name in shown.names]
        assert places == sorted(set(places)) and len(places) == 6
        np.testing.assert_array_equal(shown.prepared, dataset.images[places])
        for place, original in zip(places, shown.originals, strict=True):
            np.testing.assert_array_equal(original, dataset.original(place))


def _place(dataset, name):
    """Where an image of a preview lies in the dataset."""
    if dataset.names is not None:
        return list(dataset.names).index(name)
    original = int(name.removeprefix("#").replace(",", ""))
    return original if dataset.places is None else dataset.places.tolist().index(original)


@pytest.mark.parametrize("source", ["digits", "shapes", "glyphs"])
def test_built_in_images_are_shown_as_they_are_loaded(source):
    values = {"size": 12, "channels": 3, "limit": 50}
    shown = run.preview(source, values, count=5)
    dataset = data.load(source, values)
    assert [_place(dataset, name) for name in shown.names] == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(shown.prepared, dataset.images[[0, 10, 20, 30, 40]])


def test_the_pictures_are_spread_over_all_and_another_seed_takes_others(folder):
    by_seed = [run.preview(str(folder), {"size": 8}, count=4, seed=seed).names for seed in range(5)]
    quarters = [
        [f"cats/{i}.png" if i < 12 else f"dogs/{i}.png" for i in range(q, q + 5)] for q in range(0, 20, 5)
    ]
    for names in by_seed:
        assert all(name in quarter for name, quarter in zip(names, quarters, strict=True))
    assert len(set(by_seed)) == 5  # all five of every quarter come before one comes again
    assert by_seed[0] == ("cats/0.png", "cats/5.png", "cats/10.png", "dogs/15.png")


def test_fewer_images_than_wanted_are_all_shown(tmp_path):
    for i in range(3):
        write(tmp_path / f"{i}.png", seed=i)
    shown = run.preview(str(tmp_path), {"size": 8}, count=6, seed=2)
    assert shown.names == ("0.png", "1.png", "2.png")


def test_others_stand_in_for_files_that_cannot_be_read(folder):
    for name in ("cats/0.png", "cats/10.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n no more")
    shown = run.preview(str(folder), {"size": 8}, count=4)
    assert len(shown.names) == 4 and not {"cats/0.png", "cats/10.png"} & set(shown.names)
    assert [entry.path for entry in shown.skipped] == ["cats/0.png", "cats/10.png"]
    assert all(entry.reason for entry in shown.skipped)


def test_where_none_can_be_read_one_sentence_says_so(tmp_path):
    for i in range(9):
        (tmp_path / f"{i}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"^None of the 9 images of .* can be read \(first 0\.png: .*\)\.$"):
        run.preview(str(tmp_path), {"size": 8}, count=3)


def test_of_many_files_only_those_shown_are_opened(folder, monkeypatch):
    monkeypatch.setattr(preparing, "SETTLED_WHOLE", 10)
    opened = []
    before = preparing.FileOriginals._each

    def each(self, read, chosen, report):
        opened.extend(chosen.tolist())
        return before(self, read, chosen, report)

    monkeypatch.setattr(preparing.FileOriginals, "_each", each)
    shown = run.preview(str(folder), {}, count=2)  # 40×24 and 40×24: of one size by chance
    assert not shown.settled and shown.prepared.shape[2:] == (24, 40)
    assert set(opened) == {0, 10}
    # What was loaded from there knows better.
    dataset = data.load(str(folder), {})
    source, config = data.resolve(str(folder), {"fit": "pad"})
    held = preparing.opened(dataset)
    assert held.fits(source, config)
    opened.clear()
    shown = preparing.prepared(held, config, count=2, loaded=dataset)
    assert shown.settled and shown.prepared.shape[2:] == (64, 64)
    assert set(opened) == {0, 10}


def test_what_was_opened_serves_until_something_else_is_asked_for(folder):
    source, config = data.resolve(str(folder))
    held = preparing.open_originals(source, config)
    assert held.fits(
        *data.resolve(str(folder), {"size": 9, "fit": "pad", "limit": 3, "augment_flip": "both"})
    )
    assert not held.fits(*data.resolve(str(folder / "cats")))
    source, config = data.resolve("shapes", {"seed": 1})
    held = preparing.open_originals(source, config)
    assert held.fits(*data.resolve("shapes", {"seed": 1, "balance": "over"}))
    for other in ({"seed": 2}, {"seed": 1, "size": 16}, {"seed": 1, "channels": 3}):
        assert not held.fits(*data.resolve("shapes", other))


def test_large_originals_are_shown_smaller_in_their_proportions(tmp_path):
    write(tmp_path / "wide.png", (1600, 400))
    shown = run.preview(str(tmp_path), {"size": 64})
    assert shown.originals[0].shape == (3, 128, 512)
    assert shown.sizes == ((1600, 400),)
    np.testing.assert_array_equal(shown.prepared, data.load(str(tmp_path), {"size": 64}).images)


def test_colour_files_without_colour_are_shown_grey_as_they_are_loaded(tmp_path):
    for i in range(3):
        write(tmp_path / f"{i}.png", (16, 16), i, "L")
        Image.open(tmp_path / f"{i}.png").convert("RGB").save(tmp_path / f"{i}.png")
    shown, dataset = run.preview(str(tmp_path)), data.load(str(tmp_path))
    assert dataset.image_shape == (1, 16, 16)
    np.testing.assert_array_equal(shown.prepared, dataset.images)


def test_what_cannot_be_loaded_cannot_be_shown(tmp_path):
    with pytest.raises(ConfigError, match="size"):
        run.preview("digits", {"size": 3})
    with pytest.raises(DataError, match="There is no file or folder"):
        run.preview(str(tmp_path / "gone"))
    with pytest.raises(DataError, match="Points are not prepared"):
        run.preview("points")


def test_a_preview_can_be_given_up(folder):
    class Stop:
        def __init__(self):
            self.said = []

        def __call__(self, done, total):
            if "Preparing a few" in self.said:
                raise Cancelled

        def say(self, what):
            self.said.append(what)

    stop = Stop()
    with pytest.raises(Cancelled):
        run.preview(str(folder), {"size": 8}, report=stop)
    assert stop.said[0] == "Looking for images" and stop.said[-1] == "Preparing a few"


def test_variants_are_what_a_training_would_see(folder):
    values = {"size": 16, "augment_flip": "both", "augment_rotate": 20.0, "background": "#ff0000"}
    shown = run.preview(str(folder), values, count=4, seed=3)
    assert shown.augmented.shape == (4, 2, 3, 16, 16)
    for step in range(2):
        expected = augment(shown.prepared, values, 3, step)
        np.testing.assert_array_equal(shown.augmented[:, step], expected)
    assert (shown.augmented != shown.prepared[:, None]).any()
    assert run.preview(str(folder), {"size": 16, "balance": "over"}).augmented is None


def test_a_sheet_shows_rows_of_found_prepared_and_augmented(folder):
    values = {"size": 50, "fit": "stretch", "augment_colour": 0.5}
    shown = run.preview(str(folder), values, count=3)
    picture = preparing.sheet(shown)
    assert picture.shape == (3 * 154 + 4, 4 * 154 + 4, 3)  # 50 three times over is the first of at least 128
    tiles = split(picture, 150, 150, spacing=4).reshape(3, 4, 3, 150, 150)
    np.testing.assert_array_equal(tiles[:, 1, :, 1::3, 1::3], shown.prepared)
    np.testing.assert_array_equal(tiles[:, 2:, :, 2::3, ::3], shown.augmented)
    for tile, original in zip(tiles[:, 0], shown.originals, strict=True):  # 40 wide: three times over
        inside = tile[:, 75 - 36 :, 15:135][:, : 3 * original.shape[1] : 3, ::3]
        np.testing.assert_array_equal(inside, original)
        assert (tile[:, :30] == preparing.BACKGROUND).all() and (
            tile[:, :, :15] == preparing.BACKGROUND
        ).all()


def test_what_is_transparent_lies_on_grey_in_a_sheet(tmp_path):
    Image.new("RGBA", (16, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    shown = run.preview(str(tmp_path), {"size": 16, "channels": 4})
    assert (preparing.sheet(shown) == preparing.BACKGROUND).all()
