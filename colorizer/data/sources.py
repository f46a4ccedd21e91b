"""Where pictures come from: drawn characters, a folder, paired folders, side-by-side pairs.

Each source is listed first (cheap, in one fixed order) as items that know how to load themselves;
worker processes then load them.
"""

import hashlib
import os
import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from colorizer.config import (
    CharactersConfig,
    FolderConfig,
    PairedConfig,
    ShardsConfig,
    SideBySideConfig,
)
from colorizer.data.characters import draw, sample_character, sample_pose
from colorizer.data.decode import Rejected, decode_picture, to_grey
from colorizer.data.files import PictureFile, Rejection, find_pictures, fingerprint
from colorizer.errors import UserError

Part = Literal["train", "held-out"]
SEEDS_APART = 1_000_000  # most characters of one --seed


@dataclass(frozen=True)
class Picture:
    """What an item loads to."""

    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray | None  # H×W uint8, dark ink on white; None: to be drawn
    metadata: dict[str, Any]  # JSON values that only the item knows
    animated: bool = False  # the first of several frames was taken


@dataclass(frozen=True, kw_only=True)
class Item(ABC):
    """One picture to be, small enough to send to a worker process."""

    key: str
    source: str  # its true name: a path relative to the folder, with /
    group: str | None = None  # pictures of one group land on the same side of the split
    part: Part | None = None  # where the source itself says so

    @abstractmethod
    def load(self) -> Picture:
        """Read or draw it.

        Raises:
            Rejected: it cannot be used.
        """


@dataclass(frozen=True)
class Listing:
    """All that a source holds, in order."""

    items: list[Item]
    rejections: list[Rejection]
    identity: dict[str, Any]  # JSON values that tell this source from another

    @property
    def found(self) -> int:
        return len(self.items) + len(self.rejections)


def list_source(config: ShardsConfig) -> Listing:
    """List what the settings name.

    Raises:
        UserError: the folder is missing, laid out otherwise or without pictures, or two pictures
            have the same key.
    """
    match config:
        case CharactersConfig():
            listing = _list_characters(config)
        case FolderConfig():
            listing = _list_folder(config.folder)
        case PairedConfig():
            listing = _list_paired(config.folder)
        case SideBySideConfig():
            listing = _list_side_by_side(config.folder)
        case _:
            raise TypeError(f"no source for {type(config).__name__}")
    _refuse_same_keys(listing.items)
    return listing


def make_key(source: str) -> str:
    """A unique, safe name for a file: the plain letters of its stem, and a hash of its path.

    Args:
        source: Path relative to the source's folder, with /.

    Returns:
        At most 61 lower-case letters, digits, `-` and `_`.
    """
    stem = unicodedata.normalize("NFKD", source.rpartition("/")[2].rpartition(".")[0]).lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", re.sub(r"[^\x00-\x7f]", "", stem)).strip("-")[:48]
    digest = hashlib.sha256(os.fsencode(source)).hexdigest()[:12]
    return f"{slug or 'picture'}-{digest}"


def _refuse_same_keys(items: list[Item]) -> None:
    sources: dict[str, str] = {}
    for item in items:
        if item.key in sources:
            raise UserError(
                f"{sources[item.key]} and {item.source} get the same key {item.key}; rename one."
            )
        sources[item.key] = item.source


# ---- Drawn characters


@dataclass(frozen=True, kw_only=True)
class CharacterItem(Item):
    """A character in a pose."""

    seed: int
    pose: int
    size: int

    def load(self) -> Picture:
        drawing = draw(sample_character(self.seed), sample_pose(self.seed, self.pose), self.size)
        character = {"seed": self.seed, "pose": self.pose}
        metadata = {"lines": {"method": "drawn"}, "character": character}
        return Picture(drawing.color, drawing.line, metadata)


def _list_characters(config: CharactersConfig) -> Listing:
    if config.poses < 1 or not 1 <= config.count <= SEEDS_APART or config.seed < 0:
        raise UserError(
            f"--count {config.count}, --poses {config.poses}, --seed {config.seed}: a count of 1 to"
            f" {SEEDS_APART}, at least 1 pose and a seed from 0 are needed."
        )
    first = config.seed * SEEDS_APART
    items = [
        _character_item(seed, pose, config.size)
        for seed in range(first, first + config.count)
        for pose in range(config.poses)
    ]
    identity = {
        "source": "characters",
        "count": config.count,
        "poses": config.poses,
        "seed": config.seed,
    }
    return Listing(items, [], identity)


def _character_item(seed: int, pose: int, size: int) -> CharacterItem:
    group = f"character-{seed:06d}"
    key = f"{group}-{pose}"
    return CharacterItem(key=key, source=key, group=group, seed=seed, pose=pose, size=size)


# ---- A folder of colour pictures


@dataclass(frozen=True, kw_only=True)
class ColorItem(Item):
    """A colour picture without a line drawing."""

    path: Path

    def load(self) -> Picture:
        decoded = decode_picture(self.path)
        return Picture(decoded.pixels, None, {}, decoded.animated)


def _list_folder(folder: Path) -> Listing:
    pictures, rejections = find_pictures(folder)
    items = [
        ColorItem(key=make_key(file.source), source=file.source, path=file.path)
        for file in pictures
    ]
    return Listing(items, rejections, _identity("folder", pictures))


# ---- Paired folders


@dataclass(frozen=True, kw_only=True)
class PairItem(Item):
    """A colour picture and its line drawing, in two files."""

    color: Path
    line: Path
    line_source: str

    def load(self) -> Picture:
        color, line = decode_picture(self.color), decode_picture(self.line)
        if color.pixels.shape != line.pixels.shape:
            raise Rejected(
                "sizes of a pair differ",
                f"{_dimensions(color.pixels)}, {self.line_source} {_dimensions(line.pixels)}",
            )
        metadata = {"lines": {"method": "given", "source": self.line_source}}
        animated = color.animated or line.animated
        return Picture(color.pixels, to_grey(line.pixels), metadata, animated)


def _list_paired(folder: Path) -> Listing:
    """Pairs have the same path under colour/ and line/ but for the suffix."""
    colors = [name for name in ("colour", "color") if (folder / name).is_dir()]
    if folder.is_dir() and (len(colors) != 1 or not (folder / "line").is_dir()):
        raise UserError(
            f"{folder} must hold one folder colour/ (or color/) and one folder line/, with pictures"
            " of the same names."
        )
    pictures, rejections = find_pictures(folder, (*colors, "line"))
    by_stem: dict[str, list[PictureFile]] = {}
    for file in pictures:
        by_stem.setdefault(_stem_in_part(file.source), []).append(file)
    items: list[Item] = []
    for members in by_stem.values():
        match [file.source.partition("/")[0] for file in members]:
            case ["colour" | "color", "line"]:
                items.append(_pair_item(*members))
            case [_]:
                rejections.append(Rejection(members[0].source, "no partner", ""))
            case _:
                names = ", ".join(file.source for file in members)
                rejections.append(Rejection(members[0].source, "partners not clear", names))
    return Listing(items, rejections, _identity("paired", pictures))


def _stem_in_part(source: str) -> str:
    """colour/a/b.png → a/b"""
    return source.partition("/")[2].rpartition(".")[0]


def _pair_item(color: PictureFile, line: PictureFile) -> PairItem:
    return PairItem(
        key=make_key(color.source),
        source=color.source,
        color=color.path,
        line=line.path,
        line_source=line.source,
    )


# ---- Side-by-side pairs


@dataclass(frozen=True, kw_only=True)
class SideBySideItem(Item):
    """Colour on the left, its line drawing on the right, each a square."""

    path: Path

    def load(self) -> Picture:
        decoded = decode_picture(self.path)
        height, width = decoded.pixels.shape[:2]
        if width != 2 * height:
            raise Rejected("not two squares", f"{width}x{height} pixels")
        color, line = decoded.pixels[:, :height], decoded.pixels[:, height:]
        return Picture(color, to_grey(line), {"lines": {"method": "given"}}, decoded.animated)


def _list_side_by_side(folder: Path) -> Listing:
    """Where the folder holds train/ and val/, these two are searched, and val/ is held out."""
    split = (folder / "train").is_dir() and (folder / "val").is_dir()
    pictures, rejections = find_pictures(folder, ("train", "val") if split else (".",))
    items = [
        SideBySideItem(
            key=make_key(file.source),
            source=file.source,
            path=file.path,
            part=_given_part(file.source) if split else None,
        )
        for file in pictures
    ]
    return Listing(items, rejections, _identity("side-by-side", pictures))


def _given_part(source: str) -> Part:
    return "held-out" if source.startswith("val/") else "train"


def _identity(source: str, pictures: list[PictureFile]) -> dict[str, Any]:
    return {"source": source, "pictures": len(pictures), "fingerprint": fingerprint(pictures)}


def _dimensions(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
