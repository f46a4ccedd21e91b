"""XDoG leaves ink along drawn edges and nowhere else; pictures fit into squares."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from colorizer.lines.xdog import XDoG, draw_lines, xdog
from colorizer.making.line_methods import GivenLines, XDoGLines
from colorizer.making.prepare import Preparation, prepare
from colorizer.making.sources.base import Item, Picture, Source
from colorizer.pictures.geometry import fitted_size, middle_square, pad_to_square, resize
from colorizer.shards.encoding import decode_color, decode_line

INK, PAPER = 128, 250


def outlined_disc(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey disc with a black outline on light grey, and the mask of the outline."""
    picture = np.full((side, side, 3), 200, np.uint8)
    outline = np.zeros((side, side), np.uint8)
    middle, radius, width = (side // 2, side // 2), side // 4, max(1, side // 100)
    cv2.circle(picture, middle, radius, (120, 120, 120), -1)
    cv2.circle(picture, middle, radius, (0, 0, 0), width, cv2.LINE_AA)
    cv2.circle(outline, middle, radius, 255, width)
    return picture, outline > 0


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


# ---- Squares


@dataclass(frozen=True)
class Still(Source):
    """A source of one picture."""

    picture: Picture

    @property
    def identity(self) -> dict:
        return {}

    def find(self):
        yield Item(key="still", source="still.png", stamp="", where=())

    def load(self, item: Item) -> Picture:
        return self.picture

    def nothing_found(self) -> str:
        return ""


def make_square(picture: Picture, size: int, fit: str) -> tuple[np.ndarray, np.ndarray]:
    """Colour and line as they get into a shard; without a line, XDoG draws it."""
    source = Still(picture)
    (item,) = source.find()
    lines = XDoGLines(XDoG()) if picture.line is None else GivenLines()
    prepared = prepare(Preparation(source, size, fit, lines, detail=2), item)
    return decode_color(prepared.color), decode_line(prepared.line)


def test_shrinking_in_two_steps_changes_nothing_to_be_seen() -> None:
    """Pictures over twice the size are averaged twice; boxes of boxes are boxes."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 500, 3), np.uint8)
    color, _ = make_square(Picture(noise, noise[..., 0], {}), 64, "crop")
    at_once = resize(middle_square(noise), 64, 64)
    assert np.abs(color.astype(int) - at_once).max() <= 1


def test_pad_shows_the_whole_picture_centred_on_white() -> None:
    wide = np.zeros((50, 200, 3), np.uint8)
    wide[:, 100:] = (255, 0, 0)
    color, line = make_square(Picture(wide, wide[..., 0], {}), 64, "pad")
    assert color.shape == (64, 64, 3) and line.shape == (64, 64)
    assert (color[:24] == 255).all() and (color[40:] == 255).all()
    assert (line[:24] == 255).all() and (line[40:] == 255).all()
    assert (color[24:40, :32] == 0).all() and (color[24:40, 32:] == (255, 0, 0)).all()
    assert (line[24:40, :32] == 0).all()


def test_crop_shows_the_middle_square() -> None:
    wide = np.zeros((50, 200, 3), np.uint8)
    wide[:, 75:125] = (10, 200, 30)
    color, line = make_square(Picture(wide, wide[..., 1], {}), 25, "crop")
    assert (color == (10, 200, 30)).all()
    assert (line == 200).all()


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_pad_border_is_no_line(fit) -> None:
    """A flat picture, far from white, leaves no ink where padding begins or the crop was cut."""
    flat = np.full((80, 200, 3), 40, np.uint8)
    _, line = make_square(Picture(flat, None, {}), 128, fit)
    assert line.min() == 255


def test_line_and_color_stay_aligned() -> None:
    picture, _ = outlined_disc(300)
    color, line = make_square(Picture(picture[:, 50:], None, {}), 128, "pad")
    dark = color.max(axis=2) < 110
    assert dark.sum() > 100
    near_ink = cv2.erode(line, np.ones((3, 3), np.uint8)) < INK
    assert near_ink[dark].mean() > 0.95


def test_picture_of_the_right_size_is_untouched() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    color, line = make_square(Picture(noise, noise[..., 0], {}), 64, "pad")
    assert np.array_equal(color, noise)
    assert np.array_equal(line, noise[..., 0])


def test_shrinking_averages() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[::2] = 200
    assert (resize(stripes, 16, 16) == 100).all()


def test_extreme_shapes_keep_a_pixel() -> None:
    assert fitted_size(16, 16000, 64) == (1, 64)
    sliver = np.zeros((64, 1), np.uint8)
    assert (pad_to_square(sliver, 64) == 0).sum() == 64
    assert middle_square(np.zeros((5, 9, 3), np.uint8)).shape == (5, 5, 3)
