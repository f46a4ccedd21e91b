"""A picture without any paper is no reason to fail."""

import numpy as np

from colorizer.drawings.strokes import brought_to_measure, stroke_width


def test_a_picture_of_ink_alone_has_no_strokes():
    dark = np.full((64, 97), 150, np.uint8)
    assert stroke_width(dark) == 0
    assert brought_to_measure(dark, 0.5) == (dark, "")
