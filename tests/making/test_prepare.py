"""One picture to one sample: it fits into the square, and its line fits its colours."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from colorizer.lines.xdog import XDoG
from colorizer.making.line_methods import ExtractorLines, GivenLines, LineMethod, XDoGLines
from colorizer.making.prepare import Preparation, Prepared, prepare
from colorizer.making.sources.base import Item, Picture, Source
from colorizer.pictures.files import Rejection
from colorizer.pictures.geometry import middle, resize
from colorizer.shards.encoding import decode_color, decode_line
from tests.helpers.making import noise, outlined_disc

INK = 128


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
    at_once = resize(middle(noise, (64, 64)), 64, 64)
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


# ---- Ways to a line


def prepared_by(lines: LineMethod, picture: Picture) -> Prepared | Rejection:
    source = Still(picture)
    (item,) = source.find()
    return prepare(Preparation(source, 32, "pad", lines, detail=2), item)


def test_a_given_line_that_is_missing_is_a_rejection() -> None:
    rejection = prepared_by(GivenLines(), Picture(noise(0), None, {}))
    assert rejection == Rejection("still.png", "no line drawing", "")


def test_a_computed_line_is_described_in_the_metadata_and_a_given_one_by_its_source() -> None:
    picture = Picture(noise(0), noise(1)[..., 0], {"lines": {"method": "given", "source": "a"}})
    assert prepared_by(GivenLines(), picture).metadata["lines"] == picture.metadata["lines"]
    for lines in (XDoGLines(XDoG(sigma=0.01)), ExtractorLines("5e", 2)):
        assert prepared_by(lines, picture).metadata["lines"] == lines.settings


def test_samples_are_told_apart_by_given_lines_and_not_by_computed_ones() -> None:
    one, other = (Picture(noise(0), noise(seed)[..., 0], {}) for seed in (1, 2))
    given = [prepared_by(GivenLines(), picture).pixels for picture in (one, other)]
    assert given[0] != given[1]
    computed = (XDoGLines(XDoG()), XDoGLines(XDoG(sigma=0.01)), ExtractorLines("5e", 2))
    assert len({prepared_by(lines, one).pixels for lines in computed}) == 1


def test_the_extractor_gets_a_square_whose_border_is_repeated() -> None:
    wide = np.zeros((10, 20, 3), np.uint8)
    wide[:, 10:] = 200
    undrawn = prepared_by(ExtractorLines("5e", 3), Picture(wide, None, {})).line
    assert (undrawn.width, undrawn.height) == (32, 16)
    assert undrawn.picture.shape == (96, 96, 3)
    assert (undrawn.picture == undrawn.picture[48]).all()
