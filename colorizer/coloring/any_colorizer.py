"""What a colorizer does with drawings of any size and kind, whatever runs its network."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from colorizer.coloring.opened import Picture, opened, opened_all
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import WorkingSize, prepare, prepare_reference
from colorizer.coloring.sequence import as_given, following, prepare_next
from colorizer.drawings.corrections import Point
from colorizer.drawings.palette import palette_of
from colorizer.drawings.regions import GAP
from colorizer.system.errors import UserError

LARGEST = 16_384  # pixels of a working size

Features = TypeVar("Features")  # what the network takes from references


@dataclass(frozen=True)
class References(Generic[Features]):
    """What was read from pictures of a character; colours any number of drawings."""

    features: Features
    palette: np.ndarray  # K×3 uint8


class AnyColorizer(ABC, Generic[Features]):
    """A trained generator at work; a subclass runs the network."""

    size: int  # pixels a side of the pictures that it was trained on
    stride: int  # its pictures' sides are multiples of it
    buckets: bool  # it was trained on pictures of several shapes

    @abstractmethod
    def features_of(self, reference: np.ndarray) -> Features:
        """What the network takes from a picture: H×W×3 uint8 RGB, sides multiples of the stride."""

    @abstractmethod
    def joined(self, several: Sequence[Features]) -> Features:
        """Those of several pictures as one."""

    @abstractmethod
    def colored(self, line: np.ndarray, features: Features) -> np.ndarray:
        """Run the network.

        Args:
            line: B×H×W uint8, white 255, sides multiples of the stride.
            features: The same for all.

        Returns:
            B×H×W×3 uint8 RGB.
        """

    def __call__(
        self,
        line: Picture,
        references: "Picture | Sequence[Picture] | References[Features]",
        working_size: int | None = None,
        points: Sequence[Point] = (),
        gap: float = GAP,
    ) -> Painting:
        """Colour a drawing like pictures of the same character.

        Args:
            line: The drawing, of any size.
            references: One or more pictures, in any order and of any sizes, or what `read` gave.
            working_size: The network sees pictures with about as many pixels as a square of this
                side; default: what it was trained at.
            points: The regions there have their colours.
            gap: Close gaps in the lines up to this share of the longer side.

        Raises:
            UserError: a picture cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        if not isinstance(references, References):
            references = self.read(references, working_size)
        drawing = opened(line)
        prepared = prepare(drawing.pixels, size, drawing.alpha, gap)
        (small,) = self.color_small(prepared.small[None], references)
        return paint(prepared, small, references.palette).corrected(points)

    def sequence(
        self,
        frames: Iterable[Picture],
        references: Picture | Sequence[Picture],
        working_size: int | None = None,
        keys: Mapping[int, Picture] | None = None,
        points: Mapping[int, Sequence[Point]] | None = None,
        gap: float = GAP,
    ) -> Iterator[Painting]:
        """Colour the frames of a cut.

        Each frame has as references those given, the nearest key frame, and the frame before as it
        was coloured. A region that was in the frame before keeps its colour.

        Args:
            frames: Drawings in order, of one size in a cut.
            references: Pictures of the character.
            working_size: As above.
            keys: Frames that are coloured already, by their number from 0; they keep their colours.
            points: Colours of regions, by the frame's number; they hold in the frames that follow.
            gap: As above.

        Yields:
            A painting of each frame.

        Raises:
            UserError: a picture cannot be read.
        """
        keys, points = keys or {}, points or {}
        size = self.working_size(working_size)
        cast = self.read(references, working_size)
        key_features = {n: self.read(key, working_size).features for n, key in keys.items()}
        before: Painting | None = None
        for number, frame in enumerate(frames):
            prepared = prepare_next(frame, size, gap, before)
            if number in keys:
                painting = as_given(prepared, keys[number], cast.palette)
            else:
                features = [cast.features]
                if keys:
                    features.append(key_features[min(keys, key=lambda k: abs(k - number))])
                if before:
                    features.append(self.read(before.picture, working_size).features)
                together = References(self.joined(features), cast.palette)
                (small,) = self.color_small(prepared.small[None], together)
                painting = following(paint(prepared, small, cast.palette), before)
            before = painting.corrected(points.get(number, ()))
            yield before

    def working_size(self, side: int | None = None) -> WorkingSize:
        """The size that the network sees pictures at; default: what it was trained at.

        Raises:
            UserError: it is out of bounds.
        """
        if side is not None and not self.stride <= side <= LARGEST:
            raise UserError(f"working size {side}: it must be from {self.stride} to {LARGEST}.")
        return WorkingSize(side or self.size, self.buckets)

    def read(
        self, references: "Picture | Sequence[Picture]", working_size: int | None = None
    ) -> References[Features]:
        """Read pictures of a character once, to colour several drawings with them.

        Raises:
            UserError: none is given, one cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        pictures = opened_all(references)
        small = [prepare_reference(picture, size)[None] for picture in pictures]
        features = [self.features_of(self.padded(picture)[0]) for picture in small]
        return References(self.joined(features), palette_of(pictures))

    def color_small(self, line: np.ndarray, references: References[Features]) -> list[np.ndarray]:
        """Colour drawings of one size, which is not changed.

        Args:
            line: B×h×w uint8, white 255.
            references: The same for all.

        Returns:
            B of h×w×3 uint8 RGB.
        """
        height, width = line.shape[1:]
        return list(self.colored(self.padded(line), references.features)[:, :height, :width])

    def padded(self, pictures: np.ndarray) -> np.ndarray:
        """B×h×w or B×h×w×3 uint8, white on the right and below up to the network's stride."""
        height, width = pictures.shape[1:3]
        missing = [(0, 0), (0, -height % self.stride), (0, -width % self.stride)]
        channels = [(0, 0)] * (pictures.ndim - 3)
        return np.pad(pictures, missing + channels, constant_values=255)
