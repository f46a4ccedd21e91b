"""Colours held-out drawings and compares with the truth (Sec. 4)."""

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import webdataset
from torch import Tensor

from colorizer import console, pictures
from colorizer.config import EvaluateConfig
from colorizer.data.dataset import Sample, ShardReader
from colorizer.data.references import groups, other_group, same_group
from colorizer.data.shards import Index, decode_color, decode_line
from colorizer.errors import UserError
from colorizer.evaluation import drawn
from colorizer.evaluation.metrics import ms_ssim, psnr, psnr_of
from colorizer.inference import Colorizer
from colorizer.storage import check_writable, replace_file

SAMPLE_ROWS = 8  # pictures in samples.png

# What is reported, in the order of the table: (reference, judged against).
ROWS = {
    "self": ("the truth itself", "truth"),
    "cross": ("same character, another picture", "truth"),
    "recolored": ("another character", "truth in that character's colours"),
    "wrong": ("another picture", "truth"),
    "constant": ("none: best constant colour per region", "truth"),
    "as_it_stands": ("same character, not coloured: the reference as it stands", "truth"),
}


# What the right reference has to beat for the colours to come from it.
GAINS = {
    "wrong": "another picture",
    "constant": "the best constant colours",
    "as_it_stands": "the reference itself",
}


class Figures:
    """PSNR and MS-SSIM of every picture, under the rows of the report."""

    def __init__(self) -> None:
        self.psnr: dict[str, list[float]] = defaultdict(list)
        self.ms_ssim: dict[str, list[float]] = defaultdict(list)

    def add(self, row: str, results: Tensor, truths: Tensor) -> None:
        """Compare B×H×W×3 uint8 results with truths."""
        self.psnr[row] += psnr(results, truths).tolist()
        self.ms_ssim[row] += ms_ssim(results, truths).tolist()

    def summary(self) -> dict[str, dict[str, Any]]:
        """Means by row; None where a figure does not exist."""
        found = {}
        for row in ROWS:
            if values := self.psnr.get(row):
                similarity = np.mean(self.ms_ssim[row]) if row in self.ms_ssim else np.nan
                found[row] = {
                    "psnr": float(np.mean(values)),
                    "ms_ssim": None if np.isnan(similarity) else float(similarity),
                    "pictures": len(values),
                }
        return found


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Colour every held-out drawing, print the figures, write samples.png and report.json.

    Raises:
        UserError: the settings, the checkpoint or the shards cannot be used: nothing is written
            then. Or the report cannot be written.
    """
    if config.batch_size < 1 or config.seed < 0:
        raise UserError("--batch-size must be at least 1 and --seed at least 0.")
    check_writable(config.output)
    reader = ShardReader(config.data / "held-out")
    if len(reader) == 0:
        raise UserError(
            f"{reader.index.folder}: nothing is held out; make the shards with a larger --held-out."
        )
    colorizer = Colorizer(config.checkpoint)
    figures, rows = Evaluator(config, reader, colorizer).run()
    report = {
        "checkpoint": str(colorizer.file.path),
        "step": colorizer.file.step,
        "network": asdict(colorizer.file.network),
        "data": str(reader.index.folder),
        "size": reader.index.size,
        "figures": figures.summary(),
    }
    samples, written = config.output / "samples.png", config.output / "report.json"
    pictures.write_picture(samples, pictures.grid(*rows))
    replace_file(written, (json.dumps(report, indent=2) + "\n").encode())
    _print(report)
    console.say(f"Written: {written}, {samples}")
    return report


class Evaluator:
    """One pass over the held-out shards."""

    def __init__(self, config: EvaluateConfig, reader: ShardReader, colorizer: Colorizer) -> None:
        self.config = config
        self.reader = reader
        self.colorizer = colorizer
        found = groups(reader)
        self.partners = same_group(found)
        self.others = other_group(found, config.seed)
        self.figures = Figures()
        self.redrawn = self._can_redraw()
        self.constant = drawn.ConstantColors()
        self.sample_rows: list[list[np.ndarray]] = []

    def _can_redraw(self) -> bool:
        """Whether these are drawn characters, and come out the same when drawn again."""
        first = self.reader[0]
        if not drawn.is_drawn(first.metadata):
            return False
        if drawn.is_redrawn_exactly(first):
            return True
        console.warn(
            f"{self.reader.index.folder}: this version draws {first.key} differently from the one"
            " that made the shards, so the figures that need drawing again are left out."
        )
        return False

    def run(self) -> tuple[Figures, tuple[list[str], list[list[np.ndarray]]]]:
        """The figures, and columns and rows of the sample grid."""
        total = len(self.reader)
        with console.progress("evaluating", total, "pictures") as advance:
            for start, samples in batches(stream(self.reader.index), self.config.batch_size):
                self._evaluate(start, samples)
                advance(start + len(samples))
        if self.redrawn:
            errors = self.constant.mean_squared_errors()
            self.figures.psnr["constant"] += psnr_of(errors).tolist()
        columns = ["line", "reference", "result", "truth", "other reference", "result with it"]
        return self.figures, (columns, self.sample_rows)

    def _evaluate(self, start: int, samples: list[Sample]) -> None:
        lines = [s.line for s in samples]
        truths = [s.color for s in samples]
        self.figures.add("self", self._color(lines, truths), _stack(truths))

        places = range(start, start + len(samples))
        with_partner = [i for i, n in enumerate(places) if self.partners[n] is not None]
        with_other = [i for i, n in enumerate(places) if self.others[n] is not None]
        partners = {i: self.reader[self.partners[start + i]] for i in with_partner}
        others = {i: self.reader[self.others[start + i]] for i in with_other}
        right = self._cross(samples, partners)
        wrong = self._wrong(samples, others)
        if self.redrawn:
            self._compare_drawings(samples, others, wrong)
        self._show(samples, partners, others, right, wrong)

    def _cross(self, samples: list[Sample], partners: dict[int, Sample]) -> dict[int, np.ndarray]:
        """Reference: the same character in another picture."""
        if not partners:
            return {}
        references = [p.color for p in partners.values()]
        results = self._color([samples[i].line for i in partners], references)
        truths = _stack([samples[i].color for i in partners])
        self.figures.add("cross", results, truths)
        self.figures.add("as_it_stands", _stack(references), truths)
        return dict(zip(partners, results.numpy(), strict=True))

    def _wrong(self, samples: list[Sample], others: dict[int, Sample]) -> dict[int, np.ndarray]:
        """Reference: another character, or just another picture."""
        if not others:
            return {}
        results = self._color([samples[i].line for i in others], [o.color for o in others.values()])
        self.figures.add("wrong", results, _stack([samples[i].color for i in others]))
        return dict(zip(others, results.numpy(), strict=True))

    def _compare_drawings(
        self, samples: list[Sample], others: dict[int, Sample], wrong: dict[int, np.ndarray]
    ) -> None:
        """What the exact truths of drawn characters add."""
        drawings = [drawn.redraw(sample) for sample in samples]
        for drawing in drawings:
            self.constant.add(drawing)
        if others:
            truths = [drawn.in_colors_of(drawings[i], other) for i, other in others.items()]
            self.figures.add("recolored", _stack(list(wrong.values())), _stack(truths))

    def _color(self, lines: list[np.ndarray], references: list[np.ndarray]) -> Tensor:
        """B×H×W×3 uint8."""
        return self.colorizer.color_batch(_stack(lines), _stack(references))

    def _show(
        self,
        samples: list[Sample],
        partners: dict[int, Sample],
        others: dict[int, Sample],
        right: dict[int, np.ndarray],
        wrong: dict[int, np.ndarray],
    ) -> None:
        """Add rows to the sample grid, at most one a batch so that they are spread out."""
        blank = np.full_like(samples[0].color, 255)
        if len(self.sample_rows) < SAMPLE_ROWS:
            sample = samples[0]
            partner = partners[0].color if 0 in partners else blank
            other = others[0].color if 0 in others else blank
            self.sample_rows.append(
                [
                    sample.line,
                    partner,
                    right.get(0, blank),
                    sample.color,
                    other,
                    wrong.get(0, blank),
                ]
            )


def stream(index: Index) -> Iterator[Sample]:
    """Every sample of a folder of shards in order, through webdataset.

    Raises:
        UserError: a sample cannot be read, or a shard has fewer samples than its index says.
    """
    for entry in index.shards:
        path = index.folder / entry.name
        count = 0
        try:
            for item in webdataset.WebDataset([str(path.resolve())], shardshuffle=False):
                color, line = decode_color(item["color.webp"]), decode_line(item["line.webp"])
                yield Sample(item["__key__"], color, line, json.loads(item["json"]))
                count += 1
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise UserError(f"{path}: sample {count} cannot be read ({error}).") from error
        if count != entry.samples:
            raise UserError(f"{path}: {count} samples, {entry.samples} by its index.")


def batches(samples: Iterator[Sample], size: int) -> Iterator[tuple[int, list[Sample]]]:
    """(Number of the first sample, up to `size` samples)."""
    start, held = 0, []
    for sample in samples:
        held.append(sample)
        if len(held) == size:
            yield start, held
            start, held = start + size, []
    if held:
        yield start, held


def _stack(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def _print(report: dict[str, Any]) -> None:
    figures = report["figures"]
    rows = []
    for name, row in figures.items():
        similarity = console.ABSENT if row["ms_ssim"] is None else f"{row['ms_ssim']:.4f}"
        rows.append([*ROWS[name], f"{row['psnr']:.2f}", similarity, str(row["pictures"])])
    title = f"{report['data']}, {report['size']}x{report['size']}, step {report['step']}"
    console.table(title, ["reference", "judged against", "PSNR dB", "MS-SSIM", "pictures"], rows)
    if "cross" in figures:
        gains = [
            f"{figures['cross']['psnr'] - figures[other]['psnr']:+.2f} dB over {words}"
            for other, words in GAINS.items()
            if other in figures
        ]
        console.say(f"The same character's picture as reference: {', '.join(gains)}.")
