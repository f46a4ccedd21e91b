"""XDoG leaves ink along drawn edges and nowhere else."""

import cv2
import numpy as np
import pytest

from colorizer.lines.xdog import XDoG, draw_lines, xdog
from tests.helpers.making import outlined_disc

INK, PAPER = 128, 250


@pytest.mark.parametrize("side", [128, 256, 1000])
def test_ink_lies_on_the_drawn_line_only(side: int) -> None:
    picture, outline = outlined_disc(side)
    line = xdog(picture, XDoG())
    assert line.shape == (side, side) and line.dtype == np.uint8
    within_a_pixel = cv2.erode(line, np.ones((3, 3), np.uint8))
    assert np.mean(within_a_pixel[outline] < INK) > 0.95
    reach = np.ones((2 * (side // 50) + 3,) * 2, np.uint8)
    near = cv2.dilate(outline.astype(np.uint8), reach) > 0
    assert line[~near].min() == 255


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (30, 90, 200), (250, 240, 0)])
def test_flat_area_is_white_to_its_border(color: tuple[int, int, int]) -> None:
    flat = np.full((90, 120, 3), color, np.uint8)
    assert xdog(flat, XDoG()).min() == 255


def test_edge_in_shadow_is_found() -> None:
    dark = np.full((256, 256, 3), 60, np.uint8)
    dark[:, 128:] = 20
    line = xdog(dark, XDoG())
    assert line[:, 126:132].min(axis=1).max() < INK
    assert line[:, :120].min() > PAPER and line[:, 140:].min() > PAPER


@pytest.mark.parametrize("side", [200, 512, 3000])
def test_lines_weigh_the_same_whatever_the_picture_size(side: int) -> None:
    """A share of ink over the drawing: thickness does not depend on the source's resolution."""
    line = draw_lines(outlined_disc(side)[0], 256, 256, XDoG())
    assert line.shape == (256, 256)
    circumference = 2 * np.pi * 64
    thickness = np.sum(255 - line.astype(int)) / 255 / circumference
    assert 1.0 < thickness < 3.5
