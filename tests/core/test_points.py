import numpy as np
import pytest

from latentlab.core import points


def at(*places):
    return np.array(places, np.float32).reshape(-1, *points.SHAPE)


def test_only_the_one_shape_is_a_point():
    assert points.is_points((2, 1, 1)) and points.is_points([2, 1, 1])
    assert not any(points.is_points(s) for s in ((1, 2, 1), (2, 1), (3, 8, 8), (2, 8, 8)))


def test_a_point_is_shown_as_a_picture_and_an_image_as_itself():
    assert points.picture_shape(points.SHAPE) == points.draw(at((0.5, 0.5))).shape[1:] == (1, 64, 64)
    assert points.picture_shape((3, 20, 33)) == (3, 20, 33)


def test_x_goes_to_the_right_and_y_upwards():
    for (x, y), (row, column) in {
        (0.25, 0.75): (16, 16),
        (0.75, 0.75): (16, 48),
        (0.25, 0.25): (48, 16),
    }.items():
        (picture,) = points.draw(at((x, y)))[:, 0]
        # The place falls between four pixels, which are equally bright and the brightest.
        around = picture[row - 1 : row + 1, column - 1 : column + 1]
        assert (around == picture.max()).all() and (picture == picture.max()).sum() == 4


@pytest.mark.parametrize("shift", [0.1, 0.37, 0.5])
def test_a_dot_glides_between_pixels(shift):
    (picture,) = points.draw(at(((30 + shift) / 64, 0.5)))[:, 0].astype(float)
    centres = np.arange(64) + 0.5
    # The middle of the brightness; rounding to 255 levels leaves some hundredths of a pixel.
    assert picture.sum(0) @ centres / picture.sum() == pytest.approx(30 + shift, abs=0.02)
    middle = points.draw(at(((30 + 0.5) / 64, 33.5 / 64)))
    assert middle.max() == 255 and middle.dtype == np.uint8


def test_each_point_has_a_picture_of_its_own():
    many = at((0.2, 0.3), (0.9, 0.1), (1.0, 1.0))
    pictures = points.draw(many)
    assert pictures.shape == (3, 1, 64, 64) and pictures.flags.c_contiguous
    for i in range(3):
        np.testing.assert_array_equal(pictures[i], points.draw(many[i : i + 1])[0])
    assert points.draw(at()).shape == (0, 1, 64, 64)


def test_what_lies_outside_is_not_drawn():
    assert not points.draw(at((-0.5, 0.5), (0.5, 2.0))).any()


def test_a_drawn_point_is_found_again_to_a_fiftieth_of_a_pixel():
    wanted = np.random.default_rng(0).random((500, 2)).astype(np.float32)
    wanted[:6] = [[0, 0], [1, 1], [0, 1], [1, 0], [0.5, 0], [0.003, 0.5]]  # the edge cuts these dots
    found = points.locate(points.draw(at(*wanted)))
    assert found.shape == (500, 2)
    assert np.abs(found - wanted).max() * points.PICTURE[2] < 1 / 50


def test_where_there_is_no_dot_the_middle_is_found():
    found = points.locate(np.zeros((2, *points.PICTURE), np.uint8))
    np.testing.assert_allclose(found, np.full((2, 2), 0.5), atol=1e-12)
