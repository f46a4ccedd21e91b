"""A network's small picture becomes clean colours of regions at the drawing's size."""

import cv2
import numpy as np
import pytest

from colorizer.drawings.corrections import Point, pinned, read_points
from colorizer.drawings.filling import colors_of, fill, with_lines
from colorizer.drawings.following import followed
from colorizer.drawings.framing import Frame, frame_of
from colorizer.drawings.opening import parted_by_color
from colorizer.drawings.palette import nearest, palette_of
from colorizer.drawings.regions import find_regions
from colorizer.system.errors import UserError

RED, BLUE = (220, 40, 30), (30, 60, 200)


def boxes(offset: int = 0, side: int = 320, apart: bool = True) -> np.ndarray:
    """Two boxes side by side."""
    picture = np.full((side, side), 255, np.uint8)
    cv2.rectangle(picture, (40 + offset, 80), (160 + offset, 240), 0, 3)
    if apart:
        cv2.rectangle(picture, (160 + offset, 80), (280 + offset, 240), 0, 3)
    return picture


def painted(line: np.ndarray, size: int = 32, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What a network would make of the boxes, colours run over lines a little; and its line."""
    large = np.full((*line.shape, 3), 255, np.uint8)
    left = int(np.flatnonzero(line[160] < 100)[0])
    large[80:240, left : left + 120] = RED
    large[80:240, left + 120 : left + 240] = BLUE
    large = cv2.GaussianBlur(with_lines(large, line), (0, 0), 4)
    small = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA).astype(float)
    small += np.random.default_rng(0).normal(0, noise, small.shape)
    small_line = cv2.resize(line, (size, size), interpolation=cv2.INTER_AREA)
    return small.clip(0, 255).astype(np.uint8), small_line


def filled(line: np.ndarray, noise: float = 0.0):
    small, small_line = painted(line, noise=noise)
    return fill(small, small_line, find_regions(line), Frame(0, 0, *line.shape)), small


def test_each_region_has_its_colour_up_to_its_lines():
    line = boxes()
    filling, _ = filled(line)
    colors = colors_of(filling).astype(int)
    for x, color in ((100, RED), (220, BLUE), (20, (255, 255, 255))):
        assert np.abs(filling.flats[filling.regions.labels[160, x]] - color).max() < 12
        assert np.abs(colors[100:220, x - 5 : x + 5] - color).max() < 25
    assert np.abs(colors[160, 155] - RED).max() < 25  # beside the line, not the mixture
    assert np.abs(colors[160, 165] - BLUE).max() < 25


def test_a_narrow_region_is_not_coloured_by_those_beside_it():
    line = np.full((320, 320), 255, np.uint8)
    for x in (102, 124):  # a strip of one whole cell, and parts of two others
        line[:, x] = 0
    small = np.full((32, 32, 3), BLUE, np.uint8)
    small[:, 11] = RED
    small[:, [10, 12]] = np.mean([RED, BLUE], axis=0)  # as a network runs over lines
    small_line = np.full((32, 32), 255, np.uint8)
    filling = fill(small, small_line, find_regions(line), Frame(0, 0, 320, 320))
    assert np.abs(filling.flats[filling.regions.labels[160, 60]] - BLUE).max() < 6
    assert np.abs(filling.flats[filling.regions.labels[160, 113]] - RED).max() < 40


def test_shades_stay_inside_their_region():
    filling, _ = filled(boxes(), noise=20)
    colors = colors_of(filling)
    assert colors[100:220, 60:140].reshape(-1, 3).std(0).max() > 1
    assert np.abs(colors[100:220, 165:275].astype(int) - BLUE).mean() < 15


def test_white_paper_around_a_figure_stays_white():
    line = boxes()
    small, small_line = painted(line)
    small -= (small > 250).astype(np.uint8) * 6  # a network's white
    small[2:5, 12:20] -= 40  # a smear
    filling = fill(small, small_line, find_regions(line), Frame(0, 0, *line.shape))
    outside = filling.regions.labels == filling.regions.labels[5, 5]
    assert (colors_of(filling)[outside] == 255).all()


def test_an_open_region_is_parted_where_lines_and_colours_are():
    line = boxes()
    line[235:250, 60:140] = 255  # the red box is open below
    filling, small = filled(line)
    assert filling.regions.count == 2
    regions = parted_by_color(filling, small)
    assert regions.count == 3
    assert regions.labels[160, 100] != regions.labels[20, 20]
    assert regions.labels[300, 100] == regions.labels[20, 20]


def test_a_patch_without_lines_is_a_shade_and_no_region():
    line = boxes(apart=False)
    small, small_line = painted(line)
    small[12:20, 8:14] = BLUE  # in the middle of the red box
    filling = fill(small, small_line, find_regions(line), Frame(0, 0, *line.shape))
    assert parted_by_color(filling, small).count == filling.regions.count


def test_shades_end_where_the_network_saw_no_more_without_a_seam():
    line = np.full((320, 320), 255, np.uint8)
    line[150:170, 150:153] = 0
    frame = Frame(80, 80, 160, 160)
    small = np.full((32, 32, 3), 120, np.uint8)
    small[:, 16:] = 150
    filling = fill(small, line[frame.window][::5, ::5], find_regions(line), frame)
    colors = colors_of(filling).astype(int)
    for edge in (80, 240):
        assert np.abs(colors[100:220, edge - 1] - colors[100:220, edge]).max() <= 3
        assert np.abs(colors[edge - 1, 100:220] - colors[edge, 100:220]).max() <= 3
    assert np.abs(colors[160, 120] - colors[160, 200]).max() > 15


def test_a_region_out_of_the_frame_is_paper():
    line = boxes()
    line[300:310, 300:310] = 0
    line[303:307, 303:307] = 255
    small, small_line = painted(line)
    filling = fill(small, small_line, find_regions(line), Frame(0, 0, 290, 290))
    assert (filling.flats[filling.regions.labels[305, 305]] == 255).all()


@pytest.mark.parametrize("size", [(64, 64), (391, 257), (301, 517)])
def test_the_drawing_is_multiplied_over_the_colours_to_the_bit(size):
    rng = np.random.default_rng(1)
    colors, line = rng.integers(0, 256, (*size, 3)), rng.integers(0, 256, size)
    result = with_lines(colors.astype(np.uint8), line.astype(np.uint8))
    expected = np.rint(colors * line[..., None] / 255)
    assert np.array_equal(result, expected.astype(np.uint8))


def test_the_frame_is_what_shows_something():
    picture = np.full((400, 600, 3), 240, np.uint8)
    picture[150:250, 300:420] = 90
    picture[10, 10] = 0  # dust
    frame = frame_of(picture)
    assert abs(frame.top - 126) <= 2 and abs(frame.left - 276) <= 2
    assert abs(frame.height - 148) <= 3 and abs(frame.width - 168) <= 3
    assert frame_of(np.full((40, 60), 255, np.uint8)) == (0, 0, 40, 60)


def test_a_palette_is_made_of_the_references_own_colours_without_ink():
    reference = np.full((200, 200, 3), 255, np.uint8)
    reference[20:180, 20:100], reference[20:180, 100:180] = RED, BLUE
    cv2.rectangle(reference, (20, 20), (180, 180), (0, 0, 0), 2)
    soft = cv2.GaussianBlur(reference, (0, 0), 0.7)
    assert {tuple(c) for c in palette_of([soft]).tolist()} == {(255, 255, 255), RED, BLUE}
    twice = palette_of([soft, soft])
    assert np.array_equal(twice, palette_of([soft]))
    assert palette_of([np.full((30, 30, 3), 7, np.uint8)]).tolist() == [[7, 7, 7]]
    chosen = nearest(np.array([[200.0, 60, 60], [20, 20, 160], [250, 250, 240]]), twice)
    assert [tuple(c) for c in twice[chosen].tolist()] == [RED, BLUE, (255, 255, 255)]


def test_a_point_gives_its_region_the_colour_exactly():
    filling, _ = filled(boxes(), noise=20)
    pinned_one = pinned(filling, [Point(100, 160, (1, 2, 3)), Point(110, 170, (4, 5, 6))])
    colors, before = colors_of(pinned_one), colors_of(filling)
    inside = filling.regions.labels == filling.regions.labels[160, 100]
    assert (colors[inside] == (4, 5, 6)).all()
    assert np.array_equal(colors[~inside], before[~inside])
    with pytest.raises(UserError, match="point 320 5: it lies outside the drawing, 320x320"):
        pinned(filling, [Point(320, 5, RED)])


def test_points_are_read_from_text(tmp_path):
    path = tmp_path / "points.txt"
    reference = np.full((20, 30, 3), BLUE, np.uint8)
    path.write_text(
        "// skin\n10 20 #ff8000\n\nframe 3 5,6 @7 8 2 // hair\n1 1 @ 2 3\n", "utf-8-sig"
    )
    points = read_points(path, [reference, reference // 2])
    assert points == {
        0: [Point(10, 20, (255, 128, 0)), Point(1, 1, BLUE)],
        3: [Point(5, 6, tuple(c // 2 for c in BLUE))],
    }
    for text, words in (
        ("10 20 red", "line 1: '10 20 red' is no point"),
        ("1 2 @30 0", "line 1: 30 0 lies outside reference 1, 30x20 pixels"),
        ("1 2 @1 1 3", "line 1: no reference 3; 2 are given"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=words):
            read_points(path, [reference, reference])
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_points(tmp_path / "none.txt", [])


def test_a_region_keeps_its_colour_when_it_moves():
    lines = [boxes(0), boxes(7)]
    before, _ = filled(lines[0])
    before = pinned(before, [Point(100, 160, (200, 200, 0))])
    after, _ = filled(lines[1])
    kept = followed(after, lines[1], before, lines[0])
    labels = after.regions.labels
    assert (kept.flats[labels[160, 107]] == (200, 200, 0)).all()
    for x in (227, 10):  # the blue box and the ground keep theirs, which were nearly the same
        assert np.abs(kept.flats[labels[160, x]] - after.flats[labels[160, x]]).max() < 12
    elsewhere = boxes(0)[:, ::-1].copy()
    elsewhere[60:70, 60:240] = 0
    other, _ = filled(boxes(0))
    assert followed(other, boxes(0), before, boxes(0)).flats.shape == other.flats.shape
