"""Regions are what lines enclose, also over small gaps; every pixel has one."""

import cv2
import numpy as np

from colorizer.drawings import regions as module
from colorizer.drawings.regions import find_regions


def box(gap: int = 0, side: int = 400) -> np.ndarray:
    """A box whose upper side has a gap."""
    picture = np.full((side, side), 255, np.uint8)
    cv2.rectangle(picture, (100, 100), (300, 300), 0, 4)
    if gap:
        picture[90:110, 200 - gap // 2 : 200 + gap - gap // 2] = 255
    return picture


def test_what_lines_enclose_is_a_region():
    found = find_regions(box())
    assert found.count == 2 and found.labels.dtype == np.int32
    inside, outside = found.labels[200, 200], found.labels[20, 20]
    assert inside != outside
    assert (found.labels[110:290, 110:290] == inside).all()
    assert (found.labels[:90] == outside).all()


def test_small_gaps_are_closed_and_large_ones_are_not():
    for gap, closed in ((0, True), (3, True), (4, True), (30, False)):
        labels = find_regions(box(gap)).labels
        assert (labels[200, 200] != labels[20, 20]) == closed, gap
    labels = find_regions(box(10), gap=0.05).labels
    assert labels[200, 200] != labels[20, 20]
    assert (labels[104:120, 120:280] == labels[200, 200]).all()  # also near the line
    assert (labels[80:97, 120:280] == labels[20, 20]).all()
    assert (labels[120:290, 110:290] == labels[200, 200]).all()


def test_a_small_region_with_a_gap_is_closed_by_a_smaller_ball():
    picture = box()
    cv2.rectangle(picture, (20, 20), (50, 50), 0, 2)
    picture[15:25, 32:37] = 255
    labels = find_regions(picture, gap=0.1).labels
    assert labels[35, 35] not in (labels[5, 200], labels[200, 200])


def test_corners_belong_to_their_region_and_narrow_ones_are_their_own():
    picture = np.full((300, 300), 255, np.uint8)
    cv2.polylines(picture, [np.array([[20, 280], [150, 20], [280, 280]])], True, 0, 3)  # sharp
    picture[100:103] = 0
    picture[106:109] = 0  # a strip of three pixels
    labels = find_regions(picture).labels
    assert labels[30, 150] == labels[90, 150]  # the tip and what is below it
    assert labels[104, 150] not in (labels[90, 150], labels[120, 150], labels[5, 5])


def test_pixels_under_lines_belong_to_the_nearest_region():
    found = find_regions(box())
    assert found.labels[200, 99] == found.labels[200, 50]
    assert found.labels[200, 102] == found.labels[200, 150]
    assert set(np.unique(found.labels)) == {0, 1}


def test_blank_and_black_drawings_are_one_region():
    for level in (0, 255):
        found = find_regions(np.full((40, 60), level, np.uint8))
        assert found.count == 1 and not found.labels.any()


def test_a_large_drawing_is_cut_at_a_smaller_size(monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 100 * 100)
    found = find_regions(box())
    assert found.labels.shape == (400, 400) and found.count == 2
    assert (found.labels[115:285, 115:285] == found.labels[200, 200]).all()
