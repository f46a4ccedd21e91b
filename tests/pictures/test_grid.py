"""Sheets of pictures, the files they go to, and decibels."""

import numpy as np
import pytest
from PIL import Image

from colorizer.pictures.grid import GAP, LABEL, grid, psnr_of, write_picture
from colorizer.system.errors import UserError
from tests.helpers.making import grey, noise

SIDE = 128


def cell(sheet: np.ndarray, row: int, column: int, above: int = 0) -> np.ndarray:
    """A picture of a sheet whose pictures are 128×128."""
    top = LABEL + row * (above + SIDE + GAP) + above
    left = column * (SIDE + GAP)
    return sheet[top : top + SIDE, left : left + SIDE]


def test_pictures_stand_in_rows_below_the_names_of_their_columns():
    pictures = [[noise(10 * row + column, SIDE, SIDE) for column in range(3)] for row in range(2)]
    sheet = grid(["line", "", "result"], pictures)
    assert sheet.shape == (LABEL + 2 * (SIDE + GAP), 3 * (SIDE + GAP) - GAP, 3)
    for row in range(2):
        for column in range(3):
            assert np.array_equal(cell(sheet, row, column), pictures[row][column])
    names = [sheet[:LABEL, left : left + SIDE] for left in (0, SIDE + GAP, 2 * (SIDE + GAP))]
    assert [bool((name < 128).any()) for name in names] == [True, False, True]
    assert (sheet[:, SIDE : SIDE + GAP] == 255).all()  # white between the columns


def test_names_of_rows_stand_above_them():
    pictures = [[noise(row, SIDE, SIDE)] for row in range(2)]
    sheet = grid(["result"], pictures, ["best", "worst"])
    assert sheet.shape == (LABEL + 2 * (LABEL + SIDE + GAP), SIDE, 3)
    for row in range(2):
        assert np.array_equal(cell(sheet, row, 0, above=LABEL), pictures[row][0])
        top = LABEL + row * (LABEL + SIDE + GAP)
        assert (sheet[top : top + LABEL] < 128).any()


def test_small_pictures_are_enlarged_without_smoothing():
    picture = noise(0, 50, 40)
    sheet = grid(["a"], [[picture]])
    assert np.array_equal(sheet[LABEL:-GAP], picture.repeat(3, 0).repeat(3, 1))


def test_smaller_pictures_stand_in_the_middle_of_their_place():
    wide, tall = noise(0, SIDE, 60), noise(1, 40, SIDE)
    sheet = grid(["a", "b"], [[wide, tall], [tall[..., 0], wide]])
    for row, column, picture in ((0, 0, wide), (0, 1, tall), (1, 1, wide)):
        shown, (height, width) = cell(sheet, row, column).copy(), picture.shape[:2]
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        part = shown[top : top + height, left : left + width]
        assert np.array_equal(part, picture)
        part[:] = 255
        assert (shown == 255).all()


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 1)])
def test_grey_is_shown_as_grey(shape):
    line = noise(0, SIDE, SIDE)[..., 0]
    sheet = grid(["colour", "line"], [[grey(9, SIDE, SIDE), line.reshape(shape)]])
    assert np.array_equal(cell(sheet, 0, 1), np.stack([line] * 3, axis=2))


def test_a_written_picture_has_the_same_pixels_and_its_folder_is_made(tmp_path):
    color = noise(0, 30, 20)
    for name, picture in (("a.png", color), ("deep/er/b.png", color[..., 0])):
        write_picture(tmp_path / name, picture)
        assert np.array_equal(np.asarray(Image.open(tmp_path / name)), picture)
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["a.png", "b.png"]


def test_a_picture_too_large_for_its_format_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"a\.webp: \.webp cannot hold 17000x1 pixels; use \.png"):
        write_picture(tmp_path / "a.webp", grey(0, 17_000, 1))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*a\.png: .*choose another output"):
        write_picture(tmp_path / "file" / "a.png", grey(0))


@pytest.mark.filterwarnings("error")
def test_psnr_falls_with_the_error_and_identical_pictures_have_100_db():
    decibels = psnr_of(np.array([0.0, 1e-9, 1.0, 255.0**2 / 100, 255.0**2]))
    assert decibels == pytest.approx([100, 100, 48.1308, 20, 0], abs=1e-4)
