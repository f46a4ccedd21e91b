"""The samples of training in their order, as batches."""

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from colorizer.loading.batch import Batch
from colorizer.loading.order import BLOCK, counts_in_block
from colorizer.loading.partners import Partners
from colorizer.loading.sets import JoinedSets
from colorizer.loading.shaped_order import ShapedOrder
from colorizer.pictures.geometry import cropped_to, shown_whole
from colorizer.remote.bucket import NotFetched
from colorizer.remote.cache import ShardFolder
from colorizer.shards.index import Shape
from colorizer.shards.reader import Sample
from colorizer.system.errors import UserError
from colorizer.system.layout import Layout

REPLACEMENTS = 100  # of each shape, tried for one sample

# The augmentation of the n-th samples of a run, for pictures of a shape: tensors with a row a
# sample. Loader processes call it; they are forked, so only numpy may compute there.
Draw = Callable[[list[int], Shape], Sequence[Tensor]]


def draw_nothing(numbers: list[int], shape: Shape) -> Sequence[Tensor]:
    """No augmentation."""
    return ()


def say(folders: Sequence[object]) -> str:
    """Folders as a sentence names them."""
    return " and ".join(map(str, folders))


class Reference(NamedTuple):
    """The picture that a sample's reference is made of."""

    key: str
    color: np.ndarray  # H×W×3 uint8 RGB, of whatever shape
    of_group: bool  # another picture of the sample's group, not its own


class TrainingData:
    """The samples of training, numbered in their order without end."""

    def __init__(
        self,
        folders: Sequence[ShardFolder],
        seed: int,
        window: int,
        bad_samples: float = 0.0,
        same_group: float = 0.0,
        shares: Sequence[float] = (),
        batch_size: int = 1,
        lanes: int = 1,
    ) -> None:
        """Open the shards.

        Args:
            folders: Of shards, one for each set.
            seed: Of the order, and of the references that are drawn.
            window: Shards whose samples are shuffled together.
            bad_samples: Share of the samples, 0 to 1, that may be unreadable, in each process.
                Another takes the place of such a one.
            same_group: Share of the samples, 0 to 1, whose reference is another picture of their
                group, if it has another. Above 0 batches carry the pictures of the references.
            shares: Of each set among the samples, above 0, in proportion to each other; without,
                the sets' sizes.
            batch_size: Samples of a step, over all processes and accumulated batches: they are of
                one shape.
            lanes: Parts of the sets that fixed processes read (`loading.lanes`). With several, a
                reference of the same group is of the same shard, which this process has.

        Raises:
            UserError: an index or a shard is missing or damaged, or a set has no samples, pictures
                of another size or too small a share.
        """
        self.reader = JoinedSets(folders)
        sets = self.reader.readers
        counts = counts_in_block(shares or [len(reader) for reader in sets])
        for folder, count in zip(folders, counts, strict=True):
            if count == 0:
                raise UserError(
                    f"{folder} would give none of {BLOCK} samples; give it more in --shares."
                )
        self.shares = [count / BLOCK for count in counts]
        self.order = ShapedOrder(self.reader, self.shares, seed, window, batch_size, lanes)
        self._window, self._lanes = window, lanes
        self.seed = seed
        self.same_group = same_group
        self.partners = None
        if same_group > 0:
            self.partners = Partners(self.reader.groups, self.reader.starts if lanes > 1 else None)
        self.bad_samples = bad_samples
        # 0.29 * 100 is 28.999...
        self.allowed = math.floor(round(bad_samples * self.order.total, 6))  # unreadable samples
        self._bad: set[int] = set()  # places in the set that this process has found unreadable

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of all samples, each once."""
        return self.order.shapes

    @property
    def of_buckets(self) -> bool:
        """Whether some samples are no squares."""
        return any(height != width for height, width in self.shapes)

    def at_once(self, processes: int) -> int:
        """Shards that one of so many processes reads at the same time."""
        if self._lanes == 1:
            return self._window
        return -(-self._window // self._lanes) * -(-self._lanes // processes)

    def layout(self, count: int, shape: Shape, draw: Draw) -> Layout:
        """How so many samples of a shape lie in memory."""
        color = torch.empty(count, *shape, 3, dtype=torch.uint8)
        references = (color, torch.empty(count, dtype=torch.bool)) if self.partners else ()
        return Layout.of((color, color[..., 0], *references, *draw([0] * count, shape)))

    def load(self, numbers: list[int], draw: Draw = draw_nothing) -> Batch:
        """The samples of these numbers, which are of one step.

        Raises:
            UserError: more are unreadable than may be.
        """
        layout = self.layout(len(numbers), self.order.shape_of(numbers[0]), draw)
        memory = torch.zeros(layout.nbytes, dtype=torch.uint8)
        return Batch(memory, layout, numbers, *self.load_into(layout.views(memory), numbers, draw))

    def load_into(
        self, tensors: Sequence[Tensor], numbers: list[int], draw: Draw
    ) -> tuple[list[str], dict[int, str], list[str]]:
        """Read the samples of these numbers, and draw.

        Returns:
            `keys`, `bad` and `references` of their batch.

        Raises:
            UserError: more are unreadable than may be.
        """
        color, line, *parameters = (tensor.numpy() for tensor in tensors)
        keys: list[str] = []
        bad: dict[int, str] = {}
        references: list[Reference] = []
        shape = color.shape[1], color.shape[2]
        for row, n in enumerate(numbers):
            place, sample = self._read(n, bad)
            color[row], line[row] = (cropped_to(p, shape) for p in (sample.color, sample.line))
            keys.append(sample.key)
            if self.partners is not None:
                own = Reference(sample.key, color[row], of_group=False)
                references.append(self._draw_partner(self.partners, n, place, sample, bad) or own)
        if references:
            pictures, of_group, *parameters = parameters
            # Whole, as cropping a tall character to a wide drawing would leave its belt.
            shown = [shown_whole(reference.color, shape) for reference in references]
            np.stack(shown, out=pictures)
            of_group[...] = [reference.of_group for reference in references]
        drawn = draw(numbers, shape)
        for parameter, values in zip(parameters, drawn, strict=True):
            parameter[...] = values
        return keys, bad, [reference.key for reference in references]

    def _draw_partner(
        self, partners: Partners, n: int, place: int, sample: Sample, bad: dict[int, str]
    ) -> Reference | None:
        """Another picture of the group of the n-th sample; None: its own is to serve.

        It is drawn by (seed, n). While it is unreadable, which is added to `bad`, another is; and
        while it is the sample's own picture, which has another drawing there.

        Raises:
            UserError: more are unreadable than may be.
        """
        rng = np.random.default_rng([self.seed, n, 2])
        if rng.random() >= self.same_group:
            return None
        for partner in islice(partners.drawn_for(place, rng), REPLACEMENTS):
            try:
                key, color = self.reader.color(partner)
            except UserError as error:
                bad[partner] = str(error)
                self._count(partner, error)
                continue
            if not np.array_equal(color, sample.color):
                return Reference(key, color, of_group=True)
        return None

    def _read(self, n: int, bad: dict[int, str]) -> tuple[int, Sample]:
        """The n-th sample or, while that is unreadable, the order's next choice.

        Its place in the set comes with it. It may have another shape than the n-th.

        So what comes in its stead is the same for any number of processes. The unreadable ones are
        added to `bad`.

        Raises:
            UserError: more are unreadable than may be.
        """
        faults: list[str] = []
        for shard, position in self.order.choices(n, REPLACEMENTS):
            place = int(self.reader.starts[shard]) + position
            try:
                return place, self.reader.read(shard, position)
            except UserError as error:
                bad[place] = str(error)
                faults.append(str(error))
                self._count(place, error)
        raise UserError(
            f"none of {len(faults)} samples that were tried for one place can be read; the last:"
            f" {faults[-1]}"
        )

    def _count(self, place: int, error: UserError) -> None:
        # A network that is down makes no sample bad.
        if not self.bad_samples or isinstance(error, NotFetched):
            raise error
        self._bad.add(place)
        if len(self._bad) > self.allowed:
            raise UserError(
                f"{len(self._bad)} of {self.order.total} samples cannot be read, and --bad-samples"
                f" {self.bad_samples:g} allows {self.allowed}; the last: {error}"
            ) from error
