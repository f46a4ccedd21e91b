"""The contact sheet beside the shards."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.making.pipeline import make_shards
from colorizer.making.preview import Preview
from colorizer.pictures.grid import GAP, LABEL
from colorizer.shards.encoding import encode_color, encode_line
from colorizer.shards.index import read_index
from tests.helpers.making import ten_pictures, without_workers


def sheet_of(path: Path, count: int, side: int = 128) -> np.ndarray:
    """The sheet of `count` samples, each of its own flat colour, with a line of the same grey."""
    preview = Preview()
    for number in range(count):
        flat = np.full((side, side, 3), (number, 2 * number, 0), np.uint8)
        preview.offer(encode_color(flat), encode_line(flat[..., 0]))
    preview.write(path)
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ("count", "columns", "rows"),
    [(1, 2, 1), (3, 6, 1), (4, 8, 1), (5, 8, 2), (24, 8, 6), (25, 8, 6), (100, 8, 6)],
)
def test_sheet_is_as_large_as_it_must_be(
    tmp_path: Path, count: int, columns: int, rows: int
) -> None:
    sheet = sheet_of(tmp_path / "a.png", count)
    assert sheet.shape == (LABEL + rows * (128 + GAP), columns * (128 + GAP) - GAP, 3)


@pytest.mark.parametrize(("side", "cell"), [(32, 128), (48, 144), (256, 256), (300, 256)])
def test_cells_are_neither_tiny_nor_huge(tmp_path: Path, side: int, cell: int) -> None:
    sheet = sheet_of(tmp_path / "a.png", 1, side)
    assert sheet.shape == (LABEL + cell + GAP, 2 * cell + GAP, 3)


def cells(sheet: np.ndarray) -> list[tuple[int, ...]]:
    middles = sheet[LABEL + 64 :: 128 + GAP, 64 :: 128 + GAP]
    return [tuple(map(int, color)) for color in middles.reshape(-1, 3)]


def test_color_stands_left_of_its_own_line(tmp_path: Path) -> None:
    found = cells(sheet_of(tmp_path / "a.png", 5))
    pairs = list(zip(found[::2], found[1::2], strict=True))
    expected = [((n, 2 * n, 0), (n, n, n)) for n in range(5)]
    white = (255, 255, 255)
    assert pairs == expected + [(white, white)] * 3


def test_choice_is_random_over_all_without_repeats_and_the_same_every_time(tmp_path: Path) -> None:
    chosen = [color[0] for color in cells(sheet_of(tmp_path / "a.png", 100))[::2]]
    assert len(set(chosen)) == 24
    assert sum(number >= 50 for number in chosen) > 4 and min(chosen) < 50
    sheet_of(tmp_path / "b.png", 100)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_preview_shows_what_is_trained_on(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    config = ten_pictures(picture_folder, tmp_path / "made")
    make_shards(config)
    count = read_index(config.output / "train").samples
    assert 4 < count < 10
    sheet = Image.open(config.output / "preview.png")
    assert sheet.size == (8 * (144 + GAP) - GAP, LABEL + 2 * (144 + GAP))
    make_shards(replace(config, output=tmp_path / "again"))
    again = (tmp_path / "again" / "preview.png").read_bytes()
    assert (config.output / "preview.png").read_bytes() == again
