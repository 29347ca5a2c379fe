"""Sheets: pixels by hand and by Pillow, room for labels, limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.core.errors import ExportError
from latentlab.export.layout import Layout
from latentlab.export.lettering import Lettering
from latentlab.export.sheet import MAX_PIXELS, sheet, sheet_size


def _tiles(count, channels, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, channels, height, width), dtype=np.uint8)


def test_a_small_sheet_pixel_by_pixel():
    tiles = np.array([[[[1, 2]]], [[[3, 4]]], [[[5, 6]]]], np.uint8)
    found = sheet(tiles, 2, Layout(spacing=1, border=2, background="#090909"))
    assert found.tolist() == [
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 9, 1, 2, 9, 3, 4, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 9, 5, 6, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
    ]


def test_grey_tiles_on_a_coloured_background_are_coloured():
    found = sheet(np.full((1, 1, 1, 1), 7, np.uint8), 1, Layout(border=1, background="#102030"))
    assert found.shape == (3, 3, 3)
    assert found[0, 0].tolist() == [0x10, 0x20, 0x30] and found[1, 1].tolist() == [7, 7, 7]


def test_what_shines_through_shows_the_background():
    tile = np.array([200, 100, 0, 0], np.uint8)
    tiles = np.stack([tile, tile, tile])
    tiles[:, 3] = 0, 128, 255
    found = sheet(tiles[..., None, None], 3, Layout(border=0, spacing=0, background="#ff0064"))
    assert found[0].tolist() == [[255, 0, 100], [227, 50, 50], [200, 100, 0]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resampling", ["nearest", "smooth"])
def test_tiles_are_enlarged_each_by_itself(channels, resampling):
    tiles = _tiles(6, channels, 5, 7)
    layout = Layout(scale=3, resampling=resampling, spacing=4, border=6)
    found = sheet(tiles, 3, layout).reshape(2 * 15 + 4 + 12, 3 * 21 + 8 + 12, -1)
    for number, tile in enumerate(tiles):
        pixels = tile.transpose(1, 2, 0)
        if resampling == "nearest":
            expected = pixels.repeat(3, 0).repeat(3, 1)
        else:
            image = Image.fromarray(np.ascontiguousarray(pixels.squeeze()))
            expected = np.asarray(image.resize((21, 15), Image.Resampling.LANCZOS)).reshape(15, 21, -1)
        top, left = 6 + number // 3 * 19, 6 + number % 3 * 25
        assert np.array_equal(found[top : top + 15, left : left + 21], expected)


def test_labels_are_beside_above_and_below_and_change_no_tile():
    tiles = np.full((6, 1, 20, 40), 128, np.uint8)
    layout = Layout(labels="both", caption="what it is", border=5, spacing=3, text_size=10)
    found = sheet(tiles, 3, layout, ["first", "second"], ["a", "b", "c"])
    rows, columns = np.where(found == 128)
    tops, lefts = np.unique(rows)[0], np.unique(columns)[0]
    block = found[tops : tops + 43, lefts : lefts + 126]
    assert np.array_equal(block, sheet(tiles, 3, Layout(border=0, spacing=3)))
    rest = found.copy()
    rest[tops : tops + 43, lefts : lefts + 126] = 0
    assert rest[tops : tops + 20, :lefts].max() > 200 and rest[tops + 23 : tops + 43, :lefts].max() > 200
    for column in range(3):
        ink = np.where(rest[:tops, lefts + 43 * column :][:, :40].max(axis=0) > 60)[0]
        assert abs(ink.mean() - 20) < 3, "centred over its column"
    assert rest[tops + 43 :].max() > 200
    assert rest[:5].max() == rest[-5:].max() == rest[:, :5].max() == rest[:, -5:].max() == 0


@pytest.mark.parametrize(
    ("background", "light"), [("#000000", 1), ("#203040", 1), ("#ffffff", 0), ("#f4f1e8", 0)]
)
def test_letters_stand_out(background, light):
    found = sheet(_tiles(1, 3, 1, 1), 1, Layout(background=background, caption="Words", border=0))[4:]
    ground = int(background[1:3], 16)
    assert abs((int(found.max()) if light else int(found.min())) - ground) > 150


def test_labels_that_would_touch_are_elided_and_numbers_left_out():
    lettering = Lettering(12, ["abc"])
    assert lettering.elided("a", 100) == "a"
    cut = lettering.elided("a name that is long", 60)
    assert cut.endswith("…") and "a name that is long".startswith(cut[:-1]) and lettering.width(cut) <= 60
    assert lettering.elided("wide", 1) == ""
    tiles = np.zeros((12, 1, 10, 10), np.uint8)
    found = sheet(tiles, 12, Layout(labels="columns", text_size=12, border=0), (), ["+1.25"] * 12)
    inked = np.where(found[:-10].max(axis=0) > 60)[0]
    assert np.diff(inked).max() > 6, "gaps between those that are left"
    names = sheet(tiles, 12, Layout(labels="columns", text_size=12), (), ["a wide name"] * 12)
    assert names.shape[1] == 12 * 12 + 2, "names do not push columns apart"


def test_a_caption_is_wrapped_to_the_width():
    lettering = Lettering(10, ["x"])
    lines = lettering.wrapped("one two three four five six seven", 60)
    assert " ".join(lines) == "one two three four five six seven" and len(lines) > 1
    assert all(lettering.width(line) <= 60 for line in lines)
    tiles = np.zeros((1, 1, 50, 400), np.uint8)
    short, long = (sheet(tiles, 1, Layout(caption=text)) for text in ("a", "a word and " * 20))
    assert long.shape[1] == short.shape[1] == 404 and long.shape[0] > short.shape[0]


def test_sizes_too_large_are_refused_in_words_before_memory_is_taken():
    with pytest.raises(ExportError, match=r"^The picture would be 258×258000 pixels; expected at most 65500"):
        sheet(np.broadcast_to(np.uint8(0), (1000, 1, 256, 256)), 1, Layout(border=1))
    with pytest.raises(ExportError, match=rf"expected at most 65500 a side and {MAX_PIXELS:,} in all"):
        sheet(np.broadcast_to(np.uint8(0), (1, 1, 256, 256)), 1, Layout(scale=64))
    assert sheet_size(1, 1, 13_377, 13_377, Layout(border=0)) == (13_377, 13_377)
    with pytest.raises(ExportError):
        sheet_size(1, 1, 13_378, 13_378, Layout(border=0))


words = st.text(max_size=30)
layouts = st.builds(
    Layout,
    scale=st.integers(1, 3),
    resampling=st.sampled_from(["nearest", "smooth"]),
    spacing=st.integers(0, 9),
    border=st.integers(0, 20),
    background=st.from_regex(r"^#[0-9a-f]{6}\Z"),
    labels=st.sampled_from(["none", "rows", "columns", "both"]),
    caption=st.text(max_size=60),
    text_size=st.integers(6, 30),
)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_sheet_has_the_stated_size(data):
    layout = data.draw(layouts)
    columns = data.draw(st.integers(1, 5))
    count, channels = data.draw(st.integers(1, 12)), data.draw(st.sampled_from([1, 3, 4]))
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    rows = -(-count // columns)
    labels = data.draw(st.lists(words, max_size=rows)), data.draw(st.lists(words, max_size=columns))
    tiles = _tiles(count, channels, height, width)
    found = sheet(tiles, columns, layout, *labels)
    assert found.shape[:2] == sheet_size(rows, columns, height, width, layout, *labels)
    grey = channels == 1 and len({layout.background[i : i + 2] for i in (1, 3, 5)}) == 1
    assert found.dtype == np.uint8 and found.ndim == (2 if grey else 3)


@pytest.mark.parametrize("text", ["a\nb", "\ud800", "\0\t", "\u202e", "中文 Ελληνικά", "\r\n", "x" * 5000])
def test_any_label_can_be_drawn(text):
    sheet(_tiles(4, 1, 8, 8), 2, Layout(labels="both"), [text, ""], ["", text])
