"""What holds for every kind of dataset. A new source adds a line to `example`."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from latentlab.core import points
from latentlab.core.config import describe
from latentlab.core.errors import Cancelled, ConfigError
from latentlab.data import SOURCES, load, store
from latentlab.data.fetched import Fetched
from latentlab.data.preparation import Preparation
from latentlab.data.report import no_report

COUNT = 40
#: Those that know no classes.
UNLABELLED = {"video"}
#: Those whose images have neither size nor channels to choose.
POINTS = [
    key for key, source in SOURCES.items() if not {"size", "channels"} <= source.Config.model_fields.keys()
]


@pytest.fixture(params=list(SOURCES))
def example(request, make_example):
    """(spec, settings) of a small dataset of each kind."""
    return make_example(request.param)


@pytest.fixture(params=[key for key in SOURCES if key not in POINTS])
def images_example(request, make_example):
    """The same of each kind that holds images, not points."""
    return make_example(request.param)


@pytest.fixture
def make_example(tmp_path, write_image, write_mnist, publish):
    return lambda key: _example(key, tmp_path, write_image, write_mnist, publish)


def _example(key, tmp_path, write_image, write_mnist, publish):
    if issubclass(SOURCES.get(key), Fetched):
        publish(key)  # on loopback
        return key, {}
    if key == "folder":
        for i in range(COUNT):
            write_image(tmp_path / "pictures" / "ab"[i % 2] / f"{i}.png", seed=i)
        return str(tmp_path / "pictures"), {}
    if key == "archive":
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as file:
            for i in range(COUNT):
                write_image(tmp_path / "one.png", seed=i)
                file.write(tmp_path / "one.png", f"{'ab'[i % 2]}/{i}.png")
        return str(tmp_path / "pictures.zip"), {}
    if key == "idx":
        write_mnist(tmp_path / "mnist")
        return str(tmp_path / "mnist"), {}
    random = np.random.default_rng(0)
    if key == "cifar-binary":
        (tmp_path / "cifar").mkdir()
        for name, count in (("data_batch_1.bin", 30), ("test_batch.bin", 10)):
            records = random.integers(0, 256, (count, 3073), np.uint8)
            records[:, 0] %= 10
            (tmp_path / "cifar" / name).write_bytes(records.tobytes())
        return str(tmp_path / "cifar"), {}
    if key == "numpy":
        images = random.integers(0, 256, (COUNT, 20, 24, 3), np.uint8)
        np.savez_compressed(tmp_path / "a.npz", x=images, y=np.arange(COUNT) % 3, angle=random.random(COUNT))
        return str(tmp_path / "a.npz"), {}
    if key == "video":
        frames = [Image.fromarray(random.integers(0, 256, (24, 32), np.uint8)) for _ in range(COUNT)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        return str(tmp_path / "a.gif"), {}
    if key in ("glyphs", "points", "shapes"):
        return key, {"count": COUNT}
    return key, {"digits": {"limit": COUNT}}[key]


@pytest.mark.parametrize("key", list(SOURCES))
def test_is_described(key):
    source = SOURCES.get(key)
    assert source.key == key and source.title and source.about.endswith(".")
    assert source.needs_path == ("path" in source.Config.model_fields)
    for field in describe(source.Config):
        assert field.title and field.help.endswith("."), field.name


def test_shapes_and_types(example):
    found = load(*example)
    assert len(found) == COUNT
    assert found.images.flags.c_contiguous
    if found.is_points:
        assert found.images.dtype == np.float32 and found.image_shape == points.SHAPE
        assert found.images.min() >= 0 and found.images.max() <= 1
    else:
        assert found.images.dtype == np.uint8
    assert (found.labels is None) == (found.source in UNLABELLED)
    if found.labels is not None:
        assert found.labels.dtype == np.int64 and found.labels.shape == (COUNT,)
        assert found.labels.min() >= 0 and found.labels.max() < len(found.label_names)
        assert sum(found.class_counts().values()) == COUNT
    for values in found.factors.values():
        assert values.dtype == np.float32 and values.shape == (COUNT,)
    assert found.skipped == ()
    assert found.images.std() > (0.1 if found.is_points else 10)


def test_loads_again_from_its_own_config(example):
    first = load(*example)
    again = load(first.source, first.config)
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.images, first.images)
    np.testing.assert_array_equal(again.labels, first.labels)


@pytest.mark.parametrize("size", [8, 20, 64, 100])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_size_and_channels(images_example, size, channels):
    spec, settings = images_example
    found = load(spec, settings | {"size": size, "channels": channels})
    assert found.image_shape == (channels, size, size)
    assert found.images.flags.c_contiguous and found.images.dtype == np.uint8
    if channels == 4 and found.source != "shapes":
        assert (found.images[:, 3] == 255).all()


@pytest.mark.parametrize("limit", [1, 7, COUNT, COUNT + 1])
def test_limit(example, limit):
    spec, settings = example
    everything = load(spec, settings)
    # The digits are only COUNT by their own limit.
    found = load(spec, {"limit": limit} | settings if limit > COUNT else settings | {"limit": limit})
    assert len(found) == min(limit, COUNT)
    assert found.label_names == everything.label_names
    every_image = {image.tobytes(): i for i, image in enumerate(everything.images)}
    places = [every_image[image.tobytes()] for image in found.images]
    if everything.labels is not None:
        np.testing.assert_array_equal(found.labels, everything.labels[places])
    for name, values in everything.factors.items():
        np.testing.assert_array_equal(found.factors[name], values[places])


@pytest.mark.parametrize("mapped", [False, True])
def test_the_same_is_left_out_in_memory_and_on_disk(images_example, mapped, monkeypatch):
    spec, settings = images_example
    everything = {image.tobytes() for image in load(spec, settings).images}
    if mapped:
        monkeypatch.setattr(store, "budget", lambda: 1000)
    for _ in range(2):  # the second time from the cache, if it is there
        found = load(spec, settings | {"duplicates": "exact"})
        assert found.is_mapped == mapped and len(found) == len(everything)
        assert {image.tobytes() for image in found.images} == everything


def _check_progress(spec, settings):
    calls = []
    load(spec, settings, lambda done, total: calls.append((done, total)))
    totals = {total for _, total in calls}
    assert len(totals) == 1 and calls[-1][0] == calls[-1][1] > 0
    steps = [done for done, _ in calls]
    assert steps == sorted(steps) and steps[0] >= 0


def test_progress_rises_to_its_total(example):
    _check_progress(*example)


def test_progress_rises_to_its_total_where_images_are_brought_to_a_size(images_example):
    spec, settings = images_example
    _check_progress(spec, settings | {"size": 32, "channels": 3})


def test_nothing_comes_of_nothing(images_example):
    originals = load(*images_example).originals
    assert list(originals.chunks(np.arange(0), Preparation(3, 8, 8), no_report)) == []


@pytest.mark.parametrize("after", [1, 2])
def test_cancelled_passes_at_once(example, after):
    calls = []

    def report(done, total):
        calls.append(done)
        if len(calls) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        load(*example, report)
    assert len(calls) == after


@pytest.mark.parametrize("settings", [{"limit": -1}, {"colour": 1}])
def test_wrong_settings_are_refused(example, settings):
    with pytest.raises(ConfigError, match=rf"{next(iter(settings))}"):
        load(example[0], example[1] | settings)


@pytest.mark.parametrize("settings", [{"size": 7}, {"size": 257}, {"channels": 2}])
def test_wrong_sizes_and_channels_are_refused(images_example, settings):
    with pytest.raises(ConfigError, match=rf"{next(iter(settings))}"):
        load(images_example[0], images_example[1] | settings)
