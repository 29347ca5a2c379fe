"""One image file for a model: cut, resized, in the channels that it takes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from latentlab import data
from latentlab.core.errors import DataError
from latentlab.data.one_image import read_one


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (24, 24), (9, 20), (20, 9)])
def test_an_image_of_the_right_shape_keeps_its_pixels(tmp_path, write_image, mode, channels, height, width):
    image = write_image(tmp_path / "a.png", (width, height), mode)
    found = read_one(tmp_path / "a.png", (channels, height, width))
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    pixels = np.asarray(image).reshape(height, width, channels)
    assert np.array_equal(found, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["a.png", "b.jpg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_square_is_what_a_folder_of_images_gives(tmp_path, write_image, name, channels):
    write_image(tmp_path / "images" / name, (70, 50))
    dataset = data.load(str(tmp_path / "images"), {"size": 16, "channels": channels})
    assert np.array_equal(read_one(str(tmp_path / "images" / name), (channels, 16, 16)), dataset.images[0])


@pytest.mark.parametrize(("height", "width"), [(8, 16), (16, 8), (80, 160), (8, 40)])
def test_an_oblong_keeps_the_middle_and_its_proportions(tmp_path, height, width):
    """Vertical thirds and horizontal thirds of a 90 x 90 image: the middle stays in the middle."""
    pixels = np.zeros((90, 90, 3), np.uint8)
    pixels[:, :30, 0], pixels[:, 60:, 0] = 255, 255
    pixels[:30, :, 1], pixels[60:, :, 1] = 255, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_one(tmp_path / "a.png", (3, height, width))
    assert found.shape == (3, height, width)
    assert found[:, height // 2, width // 2].max() < 10  # Lanczos rings a little
    red, green = found[0].mean(0) > 127, found[1].mean(1) > 127
    assert np.array_equal(red, red[::-1]) and np.array_equal(green, green[::-1])
    scale = 90 / max(height, width)  # the longer side holds the whole image
    longer, shorter = (red, green) if width > height else (green, red)
    assert abs(longer.sum() * scale - 60) <= 2 * scale
    kept = min(height, width) * scale
    assert abs(shorter.sum() * scale - max(0, kept - 30)) <= 2 * scale


def test_grey_colour_and_alpha_are_brought_to_the_model_s(tmp_path):
    Image.fromarray(np.full((10, 10), 77, np.uint8)).save(tmp_path / "grey.png")
    Image.new("RGBA", (10, 10), (200, 100, 50, 0)).save(tmp_path / "clear.png")
    assert (read_one(tmp_path / "grey.png", (3, 12, 8)) == 77).all()
    assert (read_one(tmp_path / "grey.png", (4, 8, 12))[3] == 255).all()
    assert not read_one(tmp_path / "clear.png", (1, 8, 12)).any()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 8, 12)])
def test_what_is_no_image_is_told_in_a_sentence(tmp_path, shape):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90), np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:4000])
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    for name, reason in {
        "empty.png": "the file is empty",
        "text.png": "it is no image of a known kind",
        "cut.png": "it is cut short",
        "phone.heic": "HEIC images are not read; save it as PNG or JPEG",
        "missing.png": "it is not a regular file",
        ".": "it is not a regular file",
    }.items():
        with pytest.raises(DataError, match=f"^Cannot use .*: {reason}.*[.]$"):
            read_one(tmp_path / name, shape)
