"""Pictures in the shapes of samples: nothing is stretched, and what is added is white."""

import numpy as np
import pytest

from colorizer.pictures.geometry import cropped_to, fitted_area, fitted_size, middle, pad, resize


def columns(width: int, height: int) -> np.ndarray:
    """Grey; each column has its number as its value."""
    return np.tile(np.arange(width, dtype=np.uint8), (height, 1))


@pytest.mark.parametrize(
    ("width", "height", "fitted"),
    [
        (200, 100, (50, 25)),
        (100, 200, (25, 50)),
        (50, 50, (50, 50)),
        (10, 5, (50, 25)),  # enlarged
        (1000, 3, (50, 1)),  # never nothing
    ],
)
def test_the_longer_side_gets_the_size_and_the_shape_stays(width, height, fitted):
    assert fitted_size(width, height, 50) == fitted


@pytest.mark.parametrize(
    ("width", "height", "fitted"),
    [(60, 60, (50, 50)), (640, 360, (67, 38)), (1, 9, (17, 150)), (10_000, 1, (5000, 1))],
)
def test_the_pixels_get_as_many_as_the_square_has_and_the_shape_stays(width, height, fitted):
    assert fitted_area(width, height, 50) == fitted


def test_a_smaller_picture_shows_the_mean_of_what_was_there():
    stripes = columns(8, 4) % 2 * 200
    assert (resize(stripes, 4, 2) == 100).all()


@pytest.mark.parametrize(("width", "height"), [(4, 3), (16, 12)])
def test_flat_colours_stay_what_they_are_at_any_size(width, height):
    flat = np.full((6, 8, 3), (10, 120, 250), np.uint8)
    resized = resize(flat, width, height)
    assert resized.shape == (height, width, 3) and (resized == (10, 120, 250)).all()


def test_a_picture_is_cropped_to_a_shape_and_fills_it():
    tall = np.zeros((40, 24), np.uint8)
    tall[13:27] = 255  # 24·24/40 of the rows, to the nearest
    assert (cropped_to(tall, (24, 40)) == 255).all()
    assert cropped_to(tall, (40, 24)) is tall


def test_the_middle_square_is_cut_from_the_middle():
    assert middle(columns(9, 5), (7, 7))[0].tolist() == [2, 3, 4, 5, 6]
    assert middle(columns(9, 5).T, (1, 1))[:, 0].tolist() == [2, 3, 4, 5, 6]
    colored = np.stack([columns(4, 2)] * 3, axis=2)
    assert middle(colored, (2, 2))[0, :, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("width", "height", "shape", "kept"),
    [
        (90, 40, (20, 40), (40, 80)),  # as high as wide
        (90, 60, (20, 40), (45, 90)),
        (30, 90, (90, 30), (90, 30)),
        (10, 7, (40, 112), (4, 10)),  # 3.57
        (900, 2, (112, 40), (2, 1)),  # never nothing
    ],
)
def test_the_middle_has_the_ratio_of_the_shape(width, height, shape, kept):
    picture = np.add.outer(np.arange(height) * 1000, np.arange(width))
    part = middle(picture, shape)
    assert part.shape == kept
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    assert part[0, 0] == 1000 * top + left


def test_a_square_has_the_whole_picture_in_its_middle_and_white_around_it():
    picture = columns(3, 5)
    square = pad(picture, (7, 7))
    assert square.shape == (7, 7) and np.array_equal(square[1:6, 2:5], picture)
    square[1:6, 2:5] = 255
    assert (square == 255).all()


def test_colour_is_padded_with_white_too():
    square = pad(np.zeros((2, 4, 3), np.uint8), (4, 4))
    assert square[:, 0].tolist() == [[255] * 3, [0] * 3, [0] * 3, [255] * 3]
