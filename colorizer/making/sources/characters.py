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
MAX_DRAWN_AT = 4096  # pixels a side: its canvases take a gigabyte


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
        if config.drawn_at is not None and not self._shrinks_evenly(config.drawn_at):
            raise UserError(
                f"--drawn-at is {config.drawn_at}; give a multiple of --size ({config.size}), at"
                f" most {MAX_DRAWN_AT}."
            )

    def _shrinks_evenly(self, drawn_at: int) -> bool:
        size = self.config.size
        return size <= drawn_at <= MAX_DRAWN_AT and drawn_at % size == 0

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
        return identity | self._drawing

    @property
    def _drawing(self) -> dict[str, Any]:
        """What is said of art and size drawn at: nothing of those that were all at first."""
        config = self.config
        art = {} if config.art == "portraits" else {"art": config.art}
        return art if config.drawn_at is None else art | {"drawn_at": config.drawn_at}

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
        art, size, drawn_at = self.config.art, self.config.size, self.config.drawn_at
        drawing = draw(sample_character(seed, art), sample_pose(seed, pose, art), size, drawn_at)
        metadata = {
            "lines": {"method": "drawn"},
            "character": {"seed": seed, "pose": pose} | self._drawing,
        }
        return Picture(drawing.color, drawing.line, metadata, detailed=drawing.large)

    def nothing_found(self) -> str:
        """Never needed: settings without a character are refused."""
        raise AssertionError("at least one character is drawn")
