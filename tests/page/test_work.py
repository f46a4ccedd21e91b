"""A person's work on the page: colours, points, files."""

import cv2
import numpy as np
import pytest

from colorizer.coloring.colorizer import Colorizer
from colorizer.drawings.corrections import Point
from colorizer.page.uploads import Limits
from colorizer.page.work import (
    Desk,
    color_of,
    file_name,
    hex_of,
    line_of,
    with_another,
    without_last,
)
from colorizer.pictures.grid import write_picture
from colorizer.system.errors import UserError


@pytest.fixture
def desk(trained, tmp_path) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return Desk(Colorizer(trained.output, "cpu"), Limits(1, 1), folder)


@pytest.fixture
def given(tmp_path, draw_scene):
    """A drawing's file and those of two references."""
    paths = [tmp_path / name for name in ("my girl.png", "b.png", "c.png")]
    write_picture(paths[0], cv2.Canny(draw_scene(0, 120, 90), 40, 80) ^ 255)
    write_picture(paths[1], draw_scene(1, 60, 80))
    write_picture(paths[2], draw_scene(2, 80, 60))
    return paths[0], paths[1:]


def test_the_page_gives_what_the_colorizer_gives(desk, given):
    told = []
    work = desk.color(*given, lambda share, what: told.append((share, what)))
    expected = desk.colorizer(*given).picture
    assert np.array_equal(work.painting.picture, expected)
    assert work.said.startswith("Coloured in ") and "120×90" in work.said
    assert told == sorted(told) and len(told) >= 3


def test_files_replace_those_before_and_go_with_the_work(desk, given):
    work = desk.color(*given, lambda *_: None)
    first = work.write(work.painting, ["result", "colors"])
    assert [path.name for path in first] == ["my_girl.png", "my_girl.colors.png"]
    corrected = work.painting.corrected([Point(5, 5, (1, 2, 3))])
    (second,) = work.write(corrected, ["result"])
    assert not first[1].exists()
    written = cv2.imread(str(second))[..., ::-1]
    assert np.array_equal(written, corrected.picture)
    assert work.write(corrected, []) == []
    work.close()
    assert list(desk.folder.iterdir()) == []


def test_two_people_have_folders_of_their_own(desk, given):
    first, second = (desk.color(*given, lambda *_: None) for _ in range(2))
    first.close()
    assert second.folder.is_dir() and first.folder != second.folder


def test_what_is_missing_is_said(desk, given):
    with pytest.raises(UserError, match="No drawing yet"):
        desk.color(None, given[1], lambda *_: None)
    with pytest.raises(UserError, match="No reference yet"):
        desk.color(given[0], [], lambda *_: None)
    assert list(desk.folder.iterdir()) == []


def test_points_are_read_from_the_list(desk, given):
    reference = cv2.imread(str(given[1][1]))[..., ::-1]
    assert desk.points("", given[1]) == []
    assert desk.points("3 4 #0a0b0c\n\n5 6 @7 8 2\n", given[1]) == [
        Point(3, 4, (10, 11, 12)),
        Point(5, 6, tuple(map(int, reference[8, 7]))),
    ]
    with pytest.raises(UserError, match=r"Points, line 2: 'nonsense' is no point"):
        desk.points("3 4 #0a0b0c\nnonsense", given[1])
    with pytest.raises(UserError, match="`frame` is for cuts"):
        desk.points("frame 3 3 4 #0a0b0c", given[1])


def test_the_list_grows_and_shrinks_by_a_line():
    text = with_another("", line_of(3, 4, (10, 11, 12)))
    assert text == "3 4 #0a0b0c\n"
    assert without_last(with_another(text.rstrip(), "5 6 #ffffff")) == text
    assert without_last(text) == without_last("") == ""


def test_a_colour_picker_speaks_in_two_ways():
    assert color_of("#0a0bFF") == (10, 11, 255)
    assert color_of("rgba(10.2, 11, 254.9, 1)") == color_of("rgb(10, 11, 255)") == (10, 11, 255)
    assert hex_of((10, 11, 255)) == "#0a0bff"
    with pytest.raises(UserError, match="'red' is no colour"):
        color_of("red")


@pytest.mark.parametrize(
    ("name", "made"),
    [("a b.png", "a_b"), ("../x.png", "x"), ("....png", "drawing"), ("x" * 300 + ".png", "x" * 80)],
)
def test_a_file_name_can_stand_anywhere(tmp_path, name, made):
    assert file_name(tmp_path / name) == made
