"""Every kind of drawing becomes dark lines on white; a clean one stays as it is."""

import cv2
import numpy as np
import pytest

from colorizer.drawings.cleaning import clean


def draw(ground, ink, thickness: int = 3) -> np.ndarray:
    """A box and a circle, 200×160."""
    picture = np.full((160, 200, 3), ground, np.uint8)
    cv2.rectangle(picture, (20, 30), (90, 130), ink, thickness)
    cv2.circle(picture, (140, 80), 40, ink, thickness, cv2.LINE_AA)
    return picture


BLACK_ON_WHITE = draw((255, 255, 255), (0, 0, 0))
INK = cv2.dilate((BLACK_ON_WHITE.min(2) < 255).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def assert_is_the_drawing(line: np.ndarray) -> None:
    """Ink where it is in BLACK_ON_WHITE, paper elsewhere."""
    assert (line[~INK] > 245).all()
    assert (line[BLACK_ON_WHITE.min(2) == 0] < 60).all()


def test_a_drawing_on_white_stays_as_it_is_to_the_bit():
    drawing = clean(BLACK_ON_WHITE)
    assert np.array_equal(drawing.over, BLACK_ON_WHITE[..., 0])
    assert drawing.line is drawing.bounds and drawing.notes == ()
    one_bit = (BLACK_ON_WHITE > 127).astype(np.uint8) * 255
    assert np.array_equal(clean(one_bit).over, one_bit[..., 0])


@pytest.mark.parametrize("paper", [(190, 190, 190), (240, 225, 170), (150, 160, 150)])
def test_paper_becomes_white_also_where_light_falls_off(paper):
    light = np.linspace(1.0, 0.8, 200)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 1.5, (160, 200, 3))
    scan = (draw(paper, (20, 20, 25)) * light + noise).clip(0, 255).astype(np.uint8)
    drawing = clean(scan)
    assert_is_the_drawing(drawing.line)
    assert "paper" in drawing.notes[0]


def test_light_lines_on_a_dark_ground_are_inverted():
    drawing = clean(draw((10, 10, 14), (250, 250, 250)))
    assert_is_the_drawing(drawing.line)
    assert "inverted" in drawing.notes[0]


def test_white_lines_on_nothing_are_lines():
    alpha = 255 - BLACK_ON_WHITE[..., 0]
    drawing = clean(np.full_like(BLACK_ON_WHITE, 255), alpha)
    assert np.array_equal(drawing.line, BLACK_ON_WHITE[..., 0])
    assert clean(np.full_like(BLACK_ON_WHITE, 255)).blank


def test_coloured_pencil_keeps_its_colour_and_is_ink_to_the_network():
    pencil = draw((255, 255, 255), (90, 140, 250))
    drawing = clean(pencil)
    assert np.array_equal(drawing.over, pencil)
    assert (drawing.line[BLACK_ON_WHITE.min(2) == 0] < 100).all()
    assert drawing.notes == ()


@pytest.mark.parametrize("color", [(220, 40, 40), (40, 60, 230), (30, 170, 60)])
def test_trace_lines_part_regions_and_go(color):
    traced = BLACK_ON_WHITE.copy()
    cv2.line(traced, (20, 80), (90, 80), color, 2, cv2.LINE_AA)
    drawing = clean(traced)
    assert (drawing.over[76:85, 26:84] == 255).all() and (drawing.line[80, 26:84] == 255).all()
    assert (drawing.bounds[80, 26:84] < 140).all()
    drawing.line[74:87] = BLACK_ON_WHITE[74:87, :, 0]  # what the trace line covers
    assert_is_the_drawing(drawing.line)
    assert "trace" in drawing.notes[0]


def test_a_painting_is_told_from_a_drawing(draw_scene):
    assert "is this a drawing" in " ".join(clean(draw_scene(3, 80, 60)).notes)
