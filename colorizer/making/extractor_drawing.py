"""Lines that a trained extractor draws, on the way from the workers to the disk."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from colorizer.making.line_methods import ExtractorLines, Undrawn
from colorizer.making.prepare import Prepared
from colorizer.pictures.files import Rejection
from colorizer.pictures.geometry import pad, resize
from colorizer.shards.encoding import encode_line

BATCH = 16  # pictures on the device at a time
ENCODERS = 4  # threads


class ExtractorDrawer:
    """Draws with a trained extractor, a batch at a time on its device.

    Batches depend on the order of the items alone, so that the same lines come out whoever draws.
    """

    def __init__(self, checkpoint: Path, scale: int, local_rank: int) -> None:
        """Load the extractor.

        Args:
            checkpoint: Run folder, checkpoint folder, .safetensors file, or `shipped`.
            scale: How many times larger than the samples it draws.
            local_rank: Which of this machine's processes this is; each takes its own GPU.

        Raises:
            UserError: it is no checkpoint of an extractor.
        """
        # Imported only where it is used, as torch takes seconds and memory.
        from colorizer.lines.extractor import Extractor
        from colorizer.system.device import choose_device

        self._extractor = Extractor(checkpoint, choose_device(local_rank))
        self.lines = ExtractorLines(self._extractor.sha256, scale)

    def about_shipped(self) -> str:
        """What a user has to know of lines that the shipped extractor draws."""
        from colorizer.checkpoints.generator_file import about_shipped  # imports torch

        return about_shipped(self._extractor.file)

    def draw(self, outcomes: Iterable[Prepared | Rejection]) -> Iterator[Prepared | Rejection]:
        """The same in the same order, each sample with its line.

        Args:
            outcomes: Rejections, and samples whose lines are undrawn.
        """
        outcomes = iter(outcomes)
        with ThreadPoolExecutor(ENCODERS) as encoders:
            while batch := list(islice(outcomes, BATCH)):
                samples = [outcome for outcome in batch if isinstance(outcome, Prepared)]
                undrawn = [each.line for each in samples if isinstance(each.line, Undrawn)]
                drawn = encoders.map(self._with_line, samples, undrawn, self._draw(undrawn))
                for outcome in batch:
                    yield next(drawn) if isinstance(outcome, Prepared) else outcome

    def _draw(self, undrawn: list[Undrawn]) -> list[np.ndarray]:
        """H×W uint8 of each, scale·shape; those of one shape are drawn together."""
        lines: dict[int, np.ndarray] = {}  # place → line
        for shape in dict.fromkeys(each.shape for each in undrawn):
            places = [place for place, each in enumerate(undrawn) if each.shape == shape]
            pictures = np.stack([undrawn[place].picture for place in places])
            lines |= zip(places, self._extractor.draw_batch(pictures), strict=True)
        return [lines[place] for place in range(len(undrawn))]

    def _with_line(self, sample: Prepared, undrawn: Undrawn, line: np.ndarray) -> Prepared:
        width, height, scale = undrawn.width, undrawn.height, self.lines.scale
        rows, columns = line.shape
        top, left = (rows - scale * height) // 2, (columns - scale * width) // 2
        line = line[top : top + scale * height, left : left + scale * width]
        small = resize(line, width, height)
        return replace(sample, line=encode_line(pad(small, undrawn.shape)))
