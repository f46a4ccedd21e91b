"""Drawn characters as a source: no files, true lines, as many as wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.making.config import CharactersConfig
from colorizer.making.sources.base import Item, Picture, Source
from colorizer.system.errors import UserError

CharacterItem = Item[tuple[int, int]]  # where: seed and pose
SEEDS_APART = 1_000_000  # characters that a --seed may have


@dataclass(frozen=True)
class Characters(Source[tuple[int, int]]):
    """`count` characters, each in `poses` poses."""

    config: CharactersConfig

    def __post_init__(self) -> None:
        config = self.config
        if config.poses < 1 or not 1 <= config.count <= SEEDS_APART or config.seed < 0:
            raise UserError(
                f"--count {config.count}, --poses {config.poses}, --seed {config.seed}: give a"
                f" count of 1 to {SEEDS_APART}, at least 1 pose and a seed of at least 0."
            )

    @property
    def identity(self) -> dict[str, Any]:
        """How many characters and poses, of which seed and art."""
        config = self.config
        identity = {
            "source": "characters",
            "count": config.count,
            "poses": config.poses,
            "seed": config.seed,
        }
        return identity | self._art

    @property
    def _art(self) -> dict[str, Any]:
        """What is said of the art: nothing of portraits, which were all there was at first."""
        return {} if self.config.art == "portraits" else {"art": self.config.art}

    def find(self) -> Iterator[CharacterItem]:
        """Every pose of every character; nothing can be rejected."""
        first = self.config.seed * SEEDS_APART
        for seed in range(first, first + self.config.count):
            group = f"character-{seed:06d}"
            for pose in range(self.config.poses):
                key = f"{group}-{pose}"
                yield Item(key=key, source=key, stamp="", where=(seed, pose), group=group)

    def load(self, item: CharacterItem) -> Picture:
        """Draw the character, with its exact line."""
        seed, pose = item.where
        art = self.config.art
        drawing = draw(sample_character(seed, art), sample_pose(seed, pose, art), self.config.size)
        metadata = {
            "lines": {"method": "drawn"},
            "character": {"seed": seed, "pose": pose} | self._art,
        }
        return Picture(drawing.color, drawing.line, metadata, detailed=drawing.large)

    def nothing_found(self) -> str:
        """Never needed: settings without a character are refused."""
        raise AssertionError("at least one character is drawn")
