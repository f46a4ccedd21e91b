"""Which results a report shows, and how."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorizer.evaluation.examine import Examiner
from colorizer.evaluation.gallery import choose, error_map, write_grids
from colorizer.evaluation.protocol import Column, Protocol
from colorizer.pictures.grid import GAP, LABEL
from colorizer.shards.reader import ShardReader

PITCH = 128 + GAP  # of cells: 32 pixels, four times


def names(chosen: list[tuple[int, str]], words: str) -> list[int]:
    return [number for number, name in chosen if name == words]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_best_the_median_and_the_worst_are_chosen(higher_is_better):
    figures = np.random.default_rng(0).permutation(101).astype(float)
    chosen = choose(figures, higher_is_better)
    best, median, worst = (
        [int(figures[n]) for n in names(chosen, w)] for w in ("best", "median", "worst")
    )
    assert median in ([49, 50, 51], [51, 50, 49]) and len(chosen) == 9
    assert (best, worst) == (
        ([100, 99, 98], [2, 1, 0]) if higher_is_better else ([0, 1, 2], [98, 99, 100])
    )


def test_of_few_pictures_all_are_shown_in_order():
    figures = np.array([3.0, np.nan, 9.0, 1.0])
    assert choose(figures, True) == [(2, "1 of 3"), (0, "2 of 3"), (3, "3 of 3")]


def test_no_picture_is_shown_twice_and_none_without_a_figure():
    figures = np.array([*range(10), np.nan])
    numbers = [number for number, _ in choose(figures, True)]
    assert len(set(numbers)) == 9 and 10 not in numbers


def test_equal_figures_are_in_the_order_of_the_pictures():
    assert [number for number, _ in choose(np.zeros(4), False)] == [0, 1, 2, 3]


def test_an_error_is_darker_the_larger_it_is():
    truth = np.full((1, 4, 3), 100, np.uint8)
    result = truth.copy()
    result[0, :, :] += np.array([[0], [1], [30], [64]], np.uint8)
    assert error_map(result, truth).tolist() == [[255, 251, 135, 0]]
    assert error_map(truth, result).tolist() == error_map(result, truth).tolist()
    assert error_map(np.zeros_like(truth), np.full_like(truth, 255)).tolist() == [[0] * 4]


def grids(folder, shard_folder, columns: list[Column]) -> dict[str, np.ndarray]:
    """The sheets of ten results: each reference with its colours inverted."""
    inverting = SimpleNamespace(color_batch=lambda lines, references: 255 - references)
    reader = ShardReader(shard_folder)
    cross = [None, *range(9)]  # the first has no other picture of its group
    references = {"self": list(range(10)), "cross": cross}
    protocol = Protocol([""] * 10, references, redrawn=False, columns=columns, absent={})
    values = np.arange(10.0)[:, None] + np.zeros(len(columns))
    values[0, 1:] = np.nan
    written = write_grids(folder, values, Examiner(reader, inverting, protocol, None))
    assert written == {"self": "self.png", "cross": "cross.png"}
    assert sorted(p.name for p in folder.iterdir()) == sorted(written.values())
    return {mode: np.asarray(Image.open(folder / name)) for mode, name in written.items()}


def cells(sheet: np.ndarray, row: int) -> list[np.ndarray]:
    """The pictures of a row, as small as they were."""
    top = LABEL + row * (LABEL + PITCH) + LABEL
    count = (sheet.shape[1] + GAP) // PITCH
    return [sheet[top : top + 128 : 4, c * PITCH : c * PITCH + 128 : 4] for c in range(count)]


def test_a_row_has_line_reference_result_and_what_it_is_judged_by(tmp_path, shard_folder):
    sheets = grids(tmp_path / "report", shard_folder, [Column("self", "psnr")])
    reader = ShardReader(shard_folder)
    sample = reader[9]  # it has the best figure
    inverted = 255 - sample.color
    expected = [
        np.repeat(sample.line[..., None], 3, 2),
        *(sample.color, inverted, sample.color),
        np.repeat(error_map(inverted, sample.color)[..., None], 3, 2),
    ]
    shown = cells(sheets["self"], 0)
    assert len(shown) == 5 and all(map(np.array_equal, shown, expected))
    assert sheets["self"].shape[0] == LABEL + 9 * (LABEL + PITCH)  # best, median, worst: 3 each


def test_without_a_figure_pictures_with_a_reference_are_shown_evenly(tmp_path, shard_folder):
    sheet = grids(tmp_path / "report", shard_folder, [Column("self", "psnr")])["cross"]
    assert sheet.shape[0] == LABEL + 9 * (LABEL + PITCH)
    reader = ShardReader(shard_folder)
    for row, number in enumerate(range(1, 10)):
        line, reference, result, own = cells(sheet, row)  # what is right is not known
        assert np.array_equal(line[..., 0], reader[number].line)
        assert np.array_equal(reference, reader[number - 1].color)
        assert np.array_equal(result, 255 - reference)
        assert np.array_equal(own, reader[number].color)
