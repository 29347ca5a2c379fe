import numpy as np
import pytest

from latentlab import export
from latentlab.core.errors import ExportError
from latentlab.export.points import COVER, SAMPLE, SIDE


def at(*places):
    return np.array(places, np.float32).reshape(-1, 2)


def test_a_dot_lies_where_its_point_is_and_has_its_size():
    picture = export.scatter(at((0.25, 0.75))).astype(float)
    assert picture.shape == (SIDE, SIDE, 3)
    ink = picture[..., 2] / SAMPLE[2]
    rows, columns = np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5
    assert ink.sum(0) @ columns / ink.sum() == pytest.approx(0.25 * SIDE, abs=0.01)
    assert ink.sum(1) @ rows / ink.sum() == pytest.approx(0.25 * SIDE, abs=0.01)  # y is upwards
    assert ink.sum() == pytest.approx(COVER * np.pi * (SIDE / 200) ** 2, rel=0.03)
    inside = picture[SIDE // 4, SIDE // 4]
    np.testing.assert_allclose(inside, np.rint(COVER * SAMPLE), atol=1)


def test_dots_that_lie_on_each_other_are_brighter():
    one, three = (export.scatter(at(*[(0.5, 0.5)] * n))[SIDE // 2, SIDE // 2] for n in (1, 3))
    np.testing.assert_allclose(three, SAMPLE * (1 - (1 - COVER) ** 3), atol=1)
    assert (three > one).all()


def test_samples_cover_the_grey_data_behind_them():
    picture = export.scatter(at((0.5, 0.5)), at((0.5, 0.5), (0.2, 0.2)))
    red, green, blue = picture[round(0.8 * SIDE), round(0.2 * SIDE)].astype(int)
    assert red == green == blue > 0
    assert picture[SIDE // 2, SIDE // 2, 2] > picture[SIDE // 2, SIDE // 2, 0]


def test_what_lies_outside_is_cut_off():
    assert not export.scatter(at((-0.2, 0.5), (0.5, 1.3))).any()
    assert export.scatter(at((0, 0), (1, 1))).any()
    assert not export.scatter(at()).any()


def test_many_points_are_drawn_as_all_of_them_in_parts(monkeypatch):
    points = np.random.default_rng(0).random((300, 2)).astype(np.float32)
    whole = export.scatter(points)
    monkeypatch.setattr("latentlab.export.points.CHUNK", 7)
    assert np.abs(export.scatter(points).astype(int) - whole).max() <= 1


def test_a_scaled_picture_shows_the_same():
    points = np.random.default_rng(1).random((50, 2)).astype(np.float32)
    small, large = export.scatter(points), export.scatter(points, scale=2)
    assert large.shape == (2 * SIDE, 2 * SIDE, 3)
    shrunk = large.reshape(SIDE, 2, SIDE, 2, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 1


def test_a_picture_that_is_too_large_is_refused():
    with pytest.raises(ExportError, match="16384×16384"):
        export.scatter(at((0.5, 0.5)), scale=32)
