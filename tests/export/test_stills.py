"""Stills with what they tell of themselves: exact, whole, refused in words."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.core.errors import ExportError
from latentlab.export import write_picture
from latentlab.export.state import FORMAT, State, packed, read_state, to_text

KEEPING = (".png", ".webp", ".tif")


def _picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _state(latents, **more):
    given = {"run": "é 中", "fingerprint": "f", "step": 7, "model": "vae-conv", "source": "seeds"}
    given |= {"rows": 1, "columns": len(latents), "size": latents.shape[1], "latents": packed(latents)}
    return State(**given | more)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KEEPING),
    st.sampled_from([(5, 6), (5, 6, 3), (5, 6, 4), (1, 1)]),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_pixels_and_latents_come_back_to_the_last_bit(ending, shape, count, size, seed):
    bits = np.random.default_rng(seed).integers(0, 2**32, (count, size), dtype=np.uint32)
    latents = np.nan_to_num(bits.view(np.float32), nan=-0.0, posinf=1e-45, neginf=3e38)
    latents[seed % count :: 2] = np.nan  # tiles without a latent
    state, picture = _state(latents, z=packed(np.float32([0.1] * size))), _picture(*shape, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"p{ending}")
        write_picture(path, picture, state)
        with Image.open(path) as image:
            same = image.convert(Image.fromarray(picture).mode)  # WebP knows greys as colours only
            assert np.array_equal(np.asarray(same), picture)
        found = read_state(path)
    assert found == state
    assert found.tiles().tobytes() == latents.tobytes()
    assert found.present().tobytes() == np.float32([0.1] * size).tobytes()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif", ".pdf"])
def test_without_a_state_or_a_place_for_one_there_is_none(tmp_path, ending):
    write_picture(tmp_path / f"bare{ending}", _picture(4, 4, 3))
    assert read_state(tmp_path / f"bare{ending}") is None
    if ending not in KEEPING:
        write_picture(tmp_path / f"p{ending}", _picture(4, 4, 3), _state(np.zeros((1, 2), np.float32)))
        assert read_state(tmp_path / f"p{ending}") is None


def test_a_png_says_it_in_plain_ascii(tmp_path):
    state = _state(np.zeros((1, 2), np.float32))
    write_picture(tmp_path / "p.png", _picture(4, 4), state)
    content = (tmp_path / "p.png").read_bytes()
    assert b"iTXtlatentlab\0\0\0" in content and to_text(state).encode("ascii") in content


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3), (9, 11, 4)])
def test_a_pdf_has_the_exact_pixels_on_a_page_of_their_size(tmp_path, shape):
    picture = _picture(*shape)
    if len(shape) == 3 and shape[2] == 4:
        picture[..., 3] = 255
    write_picture(tmp_path / "p.pdf", picture)
    content = (tmp_path / "p.pdf").read_bytes()
    found = re.search(rb"/Width 11 /Height 9 .*?/Length (\d+) >>\nstream\n", content, re.DOTALL)
    pixels = zlib.decompress(content[found.end() : found.end() + int(found[1])])
    assert pixels == np.ascontiguousarray(picture[..., :3] if len(shape) == 3 else picture).tobytes()
    assert b"/MediaBox [0 0 2.6400 2.1600]" in content
    begin = int(re.search(rb"startxref\n(\d+)", content)[1])
    places = re.findall(rb"^(\d{10}) 00000 n $", content[begin:], re.MULTILINE)
    assert len(places) == 6
    for number, place in enumerate(places, start=1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)


def test_what_webp_cannot_hold_is_said(tmp_path):
    with pytest.raises(ExportError, match=r"16384×1 pixels; WebP holds 16383 a side"):
        write_picture(tmp_path / "p.webp", np.zeros((1, 16384), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif", ".pdf"])
def test_a_full_disk_leaves_the_old_file(tmp_path, ending, monkeypatch):
    path = tmp_path / f"ü 中{ending}"
    write_picture(path, _picture(4, 4, 3))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("latentlab.core.files.os.fsync", full)
    with pytest.raises(ExportError, match=r"^Cannot write .*: No space left on device"):
        write_picture(path, _picture(9, 9, 3))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


FULL = """
import resource, signal, sys
import numpy as np
from latentlab.core.errors import ExportError
from latentlab.export import write_picture
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
for name in sys.argv[1:]:
    try:
        write_picture(name, np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    except ExportError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_file_that_cannot_grow_is_not_left_half(tmp_path):
    names = [str(tmp_path / f"p{ending}") for ending in (".png", ".jpg", ".webp", ".tif", ".pdf")]
    done = subprocess.run([sys.executable, "-c", FULL, *names], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(f"Cannot write {name}: ")
    assert list(tmp_path.iterdir()) == []


def _spoilt(path, **fields):
    """A PNG whose state has other fields than it may."""
    content = json.loads(to_text(_state(np.zeros((2, 3), np.float32)))) | fields
    from PIL import PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("latentlab", json.dumps(content))
    Image.new("L", (4, 4)).save(path, pnginfo=chunks)
    return path


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": FORMAT + 1}, "in format 2; this version reads 1"),
        ({"format": "1"}, "is no JSON object"),
        ({"latents": "no!"}, "its latents is no base64"),
        ({"latents": packed(np.zeros(4, np.float32))}, "its latents has 16 bytes, expected 12 a latent"),
        ({"z": packed(np.zeros(2, np.float32))}, "its z has 8 bytes, expected 12"),
        ({"z": packed(np.full(3, np.nan, np.float32))}, "its z holds numbers that are not finite"),
        ({"latents": packed(np.float32([1, np.nan, 1]))}, "its latents holds numbers that are not finite"),
        ({"size": 2**40}, "size"),
        ({"step": -1}, "step"),
        ({"step": 10**30}, "step"),
        ({"rows": 10**30}, "rows"),
        ({"columns": 10**30}, "columns"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_a_state_that_is_damaged_names_file_and_field(tmp_path, fields, words):
    with pytest.raises(ExportError, match=re.escape(words)) as raised:
        read_state(_spoilt(tmp_path / "p.png", **fields))
    assert str(tmp_path / "p.png") in str(raised.value)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KEEPING), st.data())
def test_any_file_is_a_state_none_or_refused(ending, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"p{ending}")
        write_picture(path, _picture(3, 3), _state(np.zeros((1, 2), np.float32)))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))] or data.draw(st.binary()))
        try:
            found = read_state(path)
        except ExportError:
            return
        assert found is None or isinstance(found.tiles(), np.ndarray)
