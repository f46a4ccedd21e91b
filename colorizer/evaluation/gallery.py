"""Grids of the best, the median and the worst results, for people to look at."""

from pathlib import Path

import numpy as np

from colorizer.evaluation.config import Mode
from colorizer.evaluation.examine import Examiner
from colorizer.evaluation.presentation import SHOWN
from colorizer.evaluation.protocol import Column, Protocol
from colorizer.loading.characters_truth import in_colors_of, redraw
from colorizer.pictures import grid

OF_EACH = 3  # best, median and worst pictures
ERROR_SCALE = 4
RANKING = ("lpips-alex", "lpips-vgg", "psnr", "ms-ssim")  # by the first that there is


def write_grids(folder: Path, values: np.ndarray, examiner: Examiner) -> dict[Mode, str]:
    """Colour the chosen pictures again, and write a PNG for each mode.

    Args:
        folder: Where.
        values: N×columns: the figures of all pictures.
        examiner: What they were examined with.

    Returns:
        Mode → name of its file.
    """
    protocol, reader = examiner.protocol, examiner.reader
    written: dict[Mode, str] = {}
    for mode in protocol.modes:
        rows, names = [], []
        for number, words in _chosen(mode, protocol, values):
            rows.append(_row(mode, number, examiner))
            names.append(f"{words}   {reader.metadata(number)[0]}")
        written[mode] = f"{mode}.png"
        sheet = grid.grid(["line", "reference", "result", *_judged(mode, protocol)], rows, names)
        grid.write_picture(folder / written[mode], sheet)
    return written


def _chosen(mode: Mode, protocol: Protocol, values: np.ndarray) -> list[tuple[int, str]]:
    """Numbers of pictures, and what they are; spread evenly if there is no figure to go by."""
    column = _ranked_by(protocol, mode)
    if column is None:
        numbers = [n for n, r in enumerate(protocol.references[mode]) if r is not None]
        count = min(3 * OF_EACH, len(numbers))
        places = np.linspace(0, len(numbers) - 1, count).round().astype(int)
        return [(numbers[place], f"picture {numbers[place]}") for place in places]
    figures = values[:, protocol.columns.index(column)]
    chosen = choose(figures, SHOWN[column.metric].better == "↑")
    return [(n, f"{words}: {column.metric} {figures[n]:.4g}") for n, words in chosen]


def choose(figures: np.ndarray, higher_is_better: bool) -> list[tuple[int, str]]:
    """Numbers of pictures that have a figure, each once, and what they are among all."""
    order = sorted(np.flatnonzero(~np.isnan(figures)).tolist(), key=figures.__getitem__)
    if higher_is_better:
        order.reverse()
    if len(order) <= 3 * OF_EACH:
        return [(number, f"{place} of {len(order)}") for place, number in enumerate(order, 1)]
    middle = (len(order) - OF_EACH) // 2
    return [
        *((number, "best") for number in order[:OF_EACH]),
        *((number, "median") for number in order[middle : middle + OF_EACH]),
        *((number, "worst") for number in order[-OF_EACH:]),
    ]


def _ranked_by(protocol: Protocol, mode: Mode) -> Column | None:
    """With a wrong reference the drawing's own colours are not what is right."""
    row = "recolored" if mode == "random" else mode
    candidates = [*(Column(row, metric) for metric in RANKING), Column(mode, "palette")]
    return next((column for column in candidates if column in protocol.columns), None)


def _judged(mode: Mode, protocol: Protocol) -> list[str]:
    if protocol.truth_is_known(mode):
        return ["truth", f"error x{ERROR_SCALE}"]
    return ["its own colours"]


def _row(mode: Mode, number: int, examiner: Examiner) -> list[np.ndarray]:
    protocol, reader = examiner.protocol, examiner.reader
    sample, given = reader[number], reader[protocol.reference_of(mode, number)]
    result = examiner.colorize(sample, given).numpy()
    row = [sample.line, given.color, result]
    if not protocol.truth_is_known(mode):
        return [*row, sample.color]
    truth = sample.color
    if mode == "random":
        truth = in_colors_of(redraw(sample), given)
    return [*row, truth, error_map(result, truth)]


def error_map(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """H×W uint8: white where two H×W×3 pictures are equal, black from 64 levels apart."""
    error = np.abs(result.astype(np.float32) - truth).mean(2)
    return 255 - np.minimum(error * ERROR_SCALE, 255).round().astype(np.uint8)
