"""Pictures as the page shows them: a click lands where it was meant."""

import numpy as np
import pytest

from colorizer.drawings.corrections import Point
from colorizer.page.shown import CELL, COLUMNS, SIDE, picked, place_in, sheet, shown, with_marks
from colorizer.page.work import size_of


@pytest.mark.parametrize("shape", [(300, 500), (2160, 3840), (4000, 90)])
def test_every_click_is_the_pixel_that_is_shown_there(shape):
    pixels = np.zeros((*shape, 3), np.uint8)
    small = shown(pixels)
    assert max(small.shape) <= max(SIDE, min(shape))
    for share in (0.0, 0.3, 0.999):
        click = tuple(int(side * share) for side in size_of(small))
        place = place_in(click, size_of(small), pixels)
        for at, of, side, less in zip(place, click, size_of(pixels), size_of(small), strict=True):
            assert of * side / less <= at < min(side, (of + 1) * side / less)


def test_a_picture_that_fits_is_shown_as_it_is():
    pixels = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    assert shown(pixels) is pixels
    assert place_in((29, 39), (30, 40), pixels) == (29, 39)


def test_the_colour_of_a_reference_is_taken_exactly(draw_scene):
    pictures = [draw_scene(number, 90 + 700 * (number % 2), 160) for number in range(5)]
    whole = sheet(pictures)
    assert whole.shape == (2 * CELL, COLUMNS * CELL, 3)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        click = (column * CELL + CELL // 2, row * CELL + CELL // 2)
        color = picked(click, pictures)
        height, width = picture.shape[:2]
        around = picture[height // 2 - 4 : height // 2 + 5, width // 2 - 4 : width // 2 + 5]
        assert (around == color).all(2).any()
    assert picked((3, CELL // 2), pictures) is None  # beside a tall one
    assert picked((COLUMNS * CELL - 2, 2 * CELL - 2), pictures) is None  # where a sixth would be


def test_a_mark_has_the_colour_of_its_point(draw_scene):
    picture = draw_scene(0, 200, 100)
    marked = with_marks(picture, [Point(800, 200, (1, 2, 3))], (2000, 1000))
    assert tuple(marked[20, 80]) == (1, 2, 3)
    assert np.array_equal(marked[60:], picture[60:])
