import numpy as np
from sklearn.datasets import load_digits

from latentlab.data import load


def test_values_are_scikit_learns_in_255_parts():
    found, known = load("digits"), load_digits()
    assert found.summary() == "1,797 images · 8×8 · grey · 10 classes"
    np.testing.assert_allclose(found.images[:, 0] / 255, known.images / 16, atol=0.5 / 255)
    assert (found.images.min(), found.images.max()) == (0, 255)
    np.testing.assert_array_equal(found.labels, known.target)
    assert found.label_names == tuple("0123456789")


def test_limit_takes_the_first():
    np.testing.assert_array_equal(load("digits", {"limit": 20}).labels[:10], np.arange(10))


def test_enlarged_digits_keep_their_ink():
    small, large = load("digits", {"limit": 200}), load("digits", {"limit": 200, "size": 32})
    np.testing.assert_allclose(large.images.mean((1, 2, 3)), small.images.mean((1, 2, 3)), atol=4)
    assert len(np.unique(large.images)) > 200  # interpolated, not repeated
