"""Sizes of pictures that become square."""

import numpy as np

from colorizer.pictures.geometry import fitted_size, middle_square, pad_to_square, resize


def test_shrinking_averages() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[::2] = 200
    assert (resize(stripes, 16, 16) == 100).all()


def test_extreme_shapes_keep_a_pixel() -> None:
    assert fitted_size(16, 16000, 64) == (1, 64)
    sliver = np.zeros((64, 1), np.uint8)
    assert (pad_to_square(sliver, 64) == 0).sum() == 64
    assert middle_square(np.zeros((5, 9, 3), np.uint8)).shape == (5, 5, 3)
