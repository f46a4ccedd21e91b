"""Lines are measured, and brought to what a network sees well."""

import cv2
import numpy as np
import pytest

from colorizer.drawings.strokes import FINEST, USUAL, brought_to_measure, stroke_width


def star(thickness: int, side: int = 600) -> np.ndarray:
    picture = np.full((side, side), 255, np.uint8)
    for angle in np.linspace(0, np.pi, 5)[:-1]:
        reach = np.array([np.cos(angle), np.sin(angle)]) * side * 0.45
        ends = [tuple(np.rint(side / 2 + s * reach).astype(int).tolist()) for s in (-1, 1)]
        cv2.line(picture, *ends, 0, thickness)
    return picture


@pytest.mark.parametrize("thickness", [1, 3, 7, 15])
def test_the_width_of_lines(thickness):
    drawn = star(thickness)
    width = np.count_nonzero(drawn[:, 100] == 0)  # OpenCV draws lines wider than it is told
    assert abs(stroke_width(drawn) - width) <= 0.1 * width
    cv2.circle(drawn, (300, 300), 100, 0, -1)  # black hair is no thick line
    assert abs(stroke_width(drawn) - width) <= 0.1 * width


def test_no_line_has_no_width_and_is_left_alone():
    for level in (255, 150, 0):  # all paper, and all ink
        even = np.full((50, 50), level, np.uint8)
        assert stroke_width(even) == 0
        assert brought_to_measure(even, 0.1) == (even, "")


def test_fine_lines_are_thickened_and_coarse_ones_thinned_where_the_network_works():
    thick, note = brought_to_measure(star(1), 0.1)
    assert stroke_width(thick) * 0.1 == pytest.approx(USUAL, abs=0.2) and "thickened" in note
    thin, note = brought_to_measure(star(45), 0.1)
    assert stroke_width(thin) * 0.1 == pytest.approx(2.6, abs=0.3) and "thinned" in note
    line = star(9)
    assert FINEST < 0.9 and brought_to_measure(line, 0.1) == (line, "")
