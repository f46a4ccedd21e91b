"""Grids of the best, the median and the worst results, for people to look at."""

from pathlib import Path

import numpy as np

from colorizer import pictures
from colorizer.evaluation import drawn
from colorizer.evaluation.config import Mode
from colorizer.evaluation.examine import Examiner
from colorizer.evaluation.protocol import Column, Protocol

OF_EACH = 3  # best, median and worst pictures
OF_TRUTH = ("lpips-alex", "lpips-vgg", "psnr", "ms-ssim")  # chosen by the first that there is
HIGHER_IS_BETTER = ("psnr", "ms-ssim")
ERROR_SCALE = 4


def write_grids(folder: Path, values: np.ndarray, examiner: Examiner) -> dict[Mode, str]:
    """Colour the chosen pictures again, and write a PNG for each mode.

    Args:
        folder: Where.
        values: N×columns: the figures of all pictures.
        examiner: What they were examined with.

    Returns:
        Mode → name of its file; none for a mode that has no figure to choose by.
    """
    protocol, reader = examiner.protocol, examiner.reader
    written: dict[Mode, str] = {}
    for mode in protocol.modes:
        if (column := _ranked_by(protocol, mode)) is None:
            continue
        figures = values[:, protocol.columns.index(column)]
        chosen = choose(figures, column.metric in HIGHER_IS_BETTER)
        rows, names = [], []
        for number, word in chosen:
            rows.append(_row(mode, number, examiner))
            key = reader.metadata(number)[0]
            names.append(f"{word}: {column.metric} {figures[number]:.4g}   {key}")
        columns = ["line", "reference", "result", *_judged(mode, protocol)]
        written[mode] = f"{mode}.png"
        pictures.write_picture(folder / written[mode], pictures.grid(columns, rows, names))
    return written


def choose(figures: np.ndarray, higher_is_better: bool) -> list[tuple[int, str]]:
    """Numbers of pictures that have a figure, each once, and what they are among all."""
    there = np.flatnonzero(~np.isnan(figures))
    order = there[np.argsort(figures[there], kind="stable")].tolist()
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
    candidates = [*(Column(row, metric) for metric in OF_TRUTH), Column(mode, "palette")]
    return next((column for column in candidates if column in protocol.columns), None)


def _judged(mode: Mode, protocol: Protocol) -> list[str]:
    if mode == "random" and not protocol.redrawn:
        return ["its own colours"]
    return ["truth", f"error x{ERROR_SCALE}"]


def _row(mode: Mode, number: int, examiner: Examiner) -> list[np.ndarray]:
    protocol, reader = examiner.protocol, examiner.reader
    sample, given = reader[number], reader[protocol.references[mode][number]]
    result = examiner.colorize(sample, given).numpy()
    row = [sample.line, given.color, result]
    if mode == "random" and not protocol.redrawn:
        return [*row, sample.color]
    truth = sample.color
    if mode == "random":
        truth = drawn.in_colors_of(drawn.redraw(sample), given)
    return [*row, truth, error_map(result, truth)]


def error_map(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """H×W uint8: white where two H×W×3 pictures are equal, black from 64 levels apart."""
    error = np.abs(result.astype(np.float32) - truth).mean(2)
    return 255 - np.minimum(error * ERROR_SCALE, 255).round().astype(np.uint8)
