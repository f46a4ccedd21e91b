"""Lines that a trained extraction network draws, on the way from workers to parts."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from colorizer.making.prepare import Prepared, Undrawn
from colorizer.pictures.files import Rejection
from colorizer.pictures.geometry import pad_to_square, resize
from colorizer.shards.encoding import encode_line

BATCH = 16  # pictures on the device at a time
ENCODERS = 4  # threads


class Drawer:
    """Draws the samples that come without lines: none, unless a subclass does."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """
        Args:
            settings: What determines the lines of the whole set, as JSON values.
        """
        self.settings = settings

    def draw(
        self, outcomes: Iterable[Prepared | Undrawn | Rejection]
    ) -> Iterator[Prepared | Rejection]:
        """The same in the same order, each sample with its line."""
        for outcome in outcomes:
            assert not isinstance(outcome, Undrawn)
            yield outcome


class ExtractionDrawer(Drawer):
    """Draws with a trained extraction network, a batch at a time on its device.

    Batches depend on the order of the items alone, so that the same lines come out whoever draws.
    """

    def __init__(self, checkpoint: Path, scale: int, size: int, local_rank: int) -> None:
        """
        Args:
            checkpoint: Run folder, checkpoint folder or .safetensors file.
            scale: How many times larger than the samples it draws.
            size: Side of the samples.
            local_rank: Which of this machine's processes this is; each takes its own GPU.

        Raises:
            UserError: it is no checkpoint of an extraction network.
        """
        # Imported only where it is used, as torch takes seconds and memory.
        from colorizer.lines.extractor import Extractor
        from colorizer.system.device import choose_device

        self._extractor = Extractor(checkpoint, choose_device(local_rank))
        self._scale, self._size = scale, size
        settings = {"method": "extractor", "sha256": self._extractor.sha256, "scale": scale}
        super().__init__(settings)

    def draw(
        self, outcomes: Iterable[Prepared | Undrawn | Rejection]
    ) -> Iterator[Prepared | Rejection]:
        outcomes = iter(outcomes)
        with ThreadPoolExecutor(ENCODERS) as encoders:
            while batch := list(islice(outcomes, BATCH)):
                undrawn = [outcome for outcome in batch if isinstance(outcome, Undrawn)]
                drawn = encoders.map(self._with_line, undrawn, self._lines(undrawn))
                for outcome in batch:
                    yield next(drawn) if isinstance(outcome, Undrawn) else outcome

    def _lines(self, undrawn: list[Undrawn]) -> np.ndarray:
        """B×S×S uint8, S = scale·size."""
        if not undrawn:
            return np.empty((0, 0, 0), np.uint8)
        return self._extractor.draw_batch(np.stack([one.picture for one in undrawn]))

    def _with_line(self, undrawn: Undrawn, line: np.ndarray) -> Prepared:
        width, height = undrawn.width, undrawn.height
        large_width, large_height = self._scale * width, self._scale * height
        top, left = (len(line) - large_height) // 2, (len(line) - large_width) // 2
        line = resize(line[top : top + large_height, left : left + large_width], width, height)
        metadata = {**undrawn.prepared.metadata, "lines": self.settings}
        encoded = encode_line(pad_to_square(line, self._size))
        return replace(undrawn.prepared, line=encoded, metadata=metadata)
