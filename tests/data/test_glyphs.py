"""Letters from fonts. The one that Pillow carries stands for a machine's, so that all machines agree."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from latentlab.core.errors import DataError
from latentlab.data import fonts, load
from latentlab.data.fonts import font_files, font_folders, usable_fonts
from latentlab.data.glyphs import CHARACTERS
from latentlab.data.report import no_report

CARRIED = ImageFont.load_default(20).path.getvalue()


def renamed(name):
    """The carried font under another name of seven letters; its drawings are the same."""
    assert len(name) == len("Aileron")
    changed = CARRIED.replace("Aileron".encode("utf-16-be"), name.encode("utf-16-be"))
    return changed.replace(b"Aileron", name.encode())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder that is all that this machine has of fonts; empty."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    monkeypatch.setattr(fonts, "font_folders", lambda: [folder])
    return folder


def test_without_fonts_it_is_the_one_that_pillow_carries(machine):
    found = load("glyphs", {"jitter": 0})
    assert found.summary() == "26 images · 32×32 · grey · 26 classes · 6 factors"
    assert found.names[:2] == ["Aileron Regular A", "Aileron Regular B"]


@pytest.mark.parametrize(
    ("characters", "count"), [("digits", 10), ("capitals", 26), ("letters", 52), ("all", 62)]
)
def test_labels_are_the_characters(machine, characters, count):
    found = load("glyphs", {"characters": characters, "jitter": 0})
    assert len(found) == count and found.label_names == tuple(CHARACTERS[characters])
    assert [found.label_names[label] for label in found.labels] == [name[-1] for name in found.names]
    assert len({image.tobytes() for image in found.images}) == count


@pytest.mark.parametrize("size", [8, 32, 64, 100, 256])
@pytest.mark.parametrize("jitter", [0, 1])
def test_all_of_it_is_inside_and_well_sized(machine, size, jitter):
    found = load("glyphs", {"size": size, "jitter": jitter, "characters": "all", "count": 124})
    assert found.image_shape == (1, size, size)
    free = int(0.04 * size)  # of the 0.05 that the source keeps; hinting takes some
    if free > 0:
        edges = [found.images[..., :free, :], found.images[..., -free:, :], found.images[..., :free],
                 found.images[..., -free:]]  # fmt: skip
        assert max(edge.max() for edge in edges) == 0
    if not jitter:
        rows = np.flatnonzero((found.images > 60).any((0, 1, 3)))
        assert 0.7 * size - 1 <= rows[-1] - rows[0] + 1 <= 0.85 * size + 1


def moments(images):
    """The middle of the ink's box, in sides, and the share of white."""
    size = images.shape[-1]
    boxes = []
    for image in images[:, 0]:
        rows, columns = np.flatnonzero((image > 100).any(1)), np.flatnonzero((image > 100).any(0))
        boxes.append(((columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2,
                      columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]))  # fmt: skip
    return np.array(boxes).T / size, images.mean((1, 2, 3)) / 255


@pytest.mark.parametrize("jitter", [0, 0.5])
def test_factors_are_truthful(machine, jitter):
    found = load("glyphs", {"size": 256, "characters": "all", "jitter": jitter, "count": 124})
    (x, y, width, height), ink = moments(found.images)
    # Hinting makes stems whole pixels wide, so a trace more or less at another size.
    np.testing.assert_allclose(ink, found.factors["ink"], atol=0.01)
    if jitter:
        assert abs(found.factors["rotation"]).max() > 8 and found.factors["scale"].min() < 0.9
        # A turned box is not the box of what is turned, but its middle is near.
        assert abs(x - found.factors["x"]).mean() < 0.015 and abs(y - found.factors["y"]).mean() < 0.015
        return
    assert "rotation" not in found.factors and "scale" not in found.factors
    for measured, name in ((x, "x"), (y, "y"), (width, "width"), (height, "height")):
        np.testing.assert_allclose(measured, found.factors[name], atol=0.015, err_msg=name)
    assert (found.factors["x"] == 0.5).all()  # whatever its width, it stands in the middle


def test_letters_share_a_base_line_and_a_scale(machine):
    found = load("glyphs", {"size": 128, "characters": "letters", "jitter": 0})
    (_, y, _, height), _ = moments(found.images)
    name = {letter: i for i, letter in enumerate(found.label_names)}
    bottom = y + height / 2
    for letter in "AHxzim":
        assert abs(bottom[name[letter]] - bottom[name["E"]]) < 0.02
    assert bottom[name["p"]] > bottom[name["E"]] + 0.1
    assert height[name["x"]] < 0.8 * height[name["X"]]


def test_rotation_is_anticlockwise(machine):
    found = load("glyphs", {"size": 128, "characters": "capitals", "jitter": 1, "count": 520})
    stems = found.labels == found.label_names.index("I")
    assert stems.sum() == 20
    rows, columns = np.mgrid[:128, :128]
    for image, rotation in zip(found.images[stems, 0], found.factors["rotation"][stems], strict=True):
        ink = image / image.sum()
        across, down = columns - (ink * columns).sum(), rows - (ink * rows).sum()
        # The stem's direction from second moments: 0 upright, leaning to the left turned anticlockwise.
        tilt = 0.5 * np.arctan2(2 * (ink * across * down).sum(), (ink * (down**2 - across**2)).sum())
        assert abs(np.rad2deg(tilt) - rotation) < 1


def test_the_same_seed_draws_the_same_and_an_image_does_not_depend_on_the_count(machine):
    many, few = load("glyphs", {"count": 300}), load("glyphs", {"count": 100})
    np.testing.assert_array_equal(many.images[:100], few.images)
    for name, values in few.factors.items():
        np.testing.assert_array_equal(many.factors[name][:100], values)
    np.testing.assert_array_equal(load("glyphs", {"count": 300, "limit": 100}).images, few.images)
    assert load("glyphs", {"count": 100, "seed": 1}).fingerprint != few.fingerprint
    assert set(many.class_counts().values()) == {11, 12}


def test_jitter_makes_many_of_one(machine):
    assert len(load("glyphs", {"jitter": 0, "count": 1000})) == 26
    found = load("glyphs", {"jitter": 0.1, "count": 1000})
    assert len(found) == 1000 == len({image.tobytes() for image in found.images})


def test_what_draws_the_same_is_one_font(machine):
    (machine / "b.ttf").write_bytes(CARRIED)
    (machine / "deep").mkdir()
    (machine / "deep" / "a.OTF").write_bytes(CARRIED)
    (machine / "c.ttf").write_bytes(renamed("Zeppeli"))
    assert len(font_files([machine])) == 3
    found = usable_fonts(font_files([machine]), "ABC", no_report)
    assert [font.name for font in found] == ["Aileron Regular"]


def test_what_draws_no_letters_is_left_out(machine):
    (machine / "garbage.ttf").write_bytes(b"\0\1\0\0" + bytes(range(200)))
    (machine / "empty.otf").write_bytes(b"")
    (machine / "cut.ttf").write_bytes(CARRIED[: len(CARRIED) // 3])
    (machine / "symbols.ttf").write_bytes(renamed("Symbols"))
    (machine / ".hidden.ttf").write_bytes(CARRIED)
    (machine / "notes.txt").write_bytes(CARRIED)
    (machine / "a folder.ttf").mkdir()
    (machine / "nowhere.ttf").symlink_to(machine / "none.ttf")
    (machine / "loop").symlink_to(machine)
    assert [path.name for path in font_files([machine])] == [
        "cut.ttf", "empty.otf", "garbage.ttf", "nowhere.ttf", "symbols.ttf",
    ]  # fmt: skip
    (machine / "good.ttf").write_bytes(renamed("Zeppeli"))
    found = load("glyphs", {"jitter": 0})
    assert len(found) == 26 and found.names[0] == "Zeppeli Regular A"


def test_a_font_must_have_every_character(machine):
    (machine / "a.ttf").write_bytes(CARRIED)
    files = font_files([machine])
    assert usable_fonts(files, "AB", no_report)[0].path == machine / "a.ttf"
    assert usable_fonts(files, "A\u0e01", no_report) == []  # nor has the carried one


def test_a_font_whose_letters_look_alike_is_left_out(machine, monkeypatch):
    """As of capitals only: small letters are drawn as these."""
    (machine / "a.ttf").write_bytes(renamed("Zeppeli"))
    real = fonts._drawn
    assert usable_fonts(font_files([machine]), CHARACTERS["letters"], no_report)[0].path is not None
    monkeypatch.setattr(fonts, "_drawn", lambda font, character: real(font, character.upper()))
    assert usable_fonts(font_files([machine]), CHARACTERS["capitals"], no_report)[0].path is not None
    assert usable_fonts(font_files([machine]), CHARACTERS["letters"], no_report) == []


def test_another_font_makes_another_dataset(machine):
    """Of the same name and size, and only its time tells."""
    (machine / "a.ttf").write_bytes(renamed("Zeppeli"))
    first = load("glyphs", {"count": 30})
    assert first.names[0] == "Zeppeli Regular A"
    assert load("glyphs", {"count": 30}).originals.stamp == first.originals.stamp
    (machine / "a.ttf").write_bytes(renamed("Baboons"))
    os.utime(machine / "a.ttf", ns=(1, 1))
    again = load("glyphs", {"count": 30})
    assert again.originals.stamp != first.originals.stamp and again.names[0] == "Baboons Regular A"
    (machine / "b.ttf").write_bytes(b"no font, but who knows")
    assert load("glyphs", {"count": 30}).originals.stamp != again.originals.stamp


def test_originals_may_be_asked_for_from_any_thread(machine):
    found = load("glyphs", {"count": 60, "characters": "all"})
    failures = []

    def ask():
        for i in range(60):
            if not np.array_equal(found.original(i), found.images[i]):
                failures.append(i)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_font_that_went_away_is_told(machine):
    (machine / "a.ttf").write_bytes(CARRIED)
    found = load("glyphs", {"count": 30})
    found.original(0)
    (machine / "a.ttf").unlink()
    again = load("glyphs", {"count": 30})  # the carried one draws the same
    assert again.fingerprint == found.fingerprint
    found.originals._drawings._opened.cache_clear()
    with pytest.raises(DataError, match=r"A font of this dataset cannot be read any more: .+"):
        found.original(0)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, ["/usr/local/share/fonts", "/usr/share/fonts", "~/.local/share/fonts", "~/.fonts"]),
        ("linux", {"XDG_DATA_DIRS": "/opt/share:/usr/share", "XDG_DATA_HOME": "/home/own"},
         ["/opt/share/fonts", "/usr/share/fonts", "/home/own/fonts", "~/.fonts"]),
        ("darwin", {}, ["/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"]),
        ("win32", {"WINDIR": "/W", "LOCALAPPDATA": "/L"}, ["/W/Fonts", "/L/Microsoft/Windows/Fonts"]),
    ],
)  # fmt: skip
def test_every_platform_keeps_fonts_elsewhere(monkeypatch, platform, environment, expected):
    for name in ("XDG_DATA_DIRS", "XDG_DATA_HOME", "WINDIR", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fonts.sys, "platform", platform)
    assert font_folders() == [Path(path).expanduser() for path in expected]


def test_this_machine_s_fonts_make_a_dataset():
    """Whatever is installed: every image has ink, nothing touches an edge, the classes are even."""
    found = load("glyphs", {"count": 520})
    assert found.images.max((1, 2, 3)).min() > 20
    edges = np.concatenate([found.images[..., [0, -1], :].ravel(), found.images[..., [0, -1]].ravel()])
    assert edges.max() < 30
    assert set(found.class_counts().values()) == {20}
