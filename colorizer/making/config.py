"""Every setting of making shards. A field's docstring is its `--help`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from colorizer.lines.xdog import XDoG


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """What all sources share."""

    output: Path
    """Folder to write: train/ and held-out/, each with numbered shards and index.json."""
    size: int = 256
    """Side of the square pictures in the shards, in pixels."""
    fit: Literal["pad", "crop"] = "pad"
    """How a picture becomes square: pad with white, or crop the middle."""
    held_out: float | None = None
    """Share kept from training, chosen by a hash of the group (of the key where there is none).

    Default: val/ where the source has train/ and val/, else 0.05."""
    samples_per_shard: int = 1000
    """Samples in a shard; the last one may have fewer."""
    workers: int = 0
    """Worker processes that read, draw and encode; 0: the machine's cores, shared out."""


@dataclass(frozen=True, kw_only=True)
class CharactersConfig(ShardsConfig):
    """Drawn characters: demo data with lines and exact truth."""

    count: int = 2000
    """How many characters."""
    poses: int = 2
    """Pictures of each."""
    seed: int = 0
    """Another seed draws other characters."""


@dataclass(frozen=True, kw_only=True)
class PicturesConfig(ShardsConfig):
    """What all sources of picture files share."""

    lines: Literal["given", "xdog", "extractor"] = "xdog"
    """Where line drawings come from: the source, XDoG, or a trained extraction network."""
    extractor: Path | None = None
    """For --lines extractor: its run folder, checkpoint folder or .safetensors file."""
    extractor_scale: int = 1
    """For --lines extractor: draw at this many times the size, then shrink: finer lines."""
    xdog: XDoG = field(default_factory=XDoG)
    """For --lines xdog."""
    group_by: str | None = None
    """Which pictures show the same character: `parent` (those of one folder), or a pattern.

    A pattern is a regular expression that is looked for in the picture's path, such as
    '([^/]+)_[0-9]+[.]'; the group's name is what its brackets match."""


@dataclass(frozen=True, kw_only=True)
class FolderConfig(PicturesConfig):
    """A folder of colour pictures, searched with all its subfolders."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of pictures."""
    lines: Literal["xdog", "extractor"] = "xdog"
    """How line drawings are made: XDoG, or a trained extraction network."""


@dataclass(frozen=True, kw_only=True)
class ListConfig(PicturesConfig):
    """A text file that lists pictures, a path in each line.

    After a tab there may be that of its line drawing, for --lines given."""

    file: Annotated[Path, tyro.conf.Positional]
    """The list. Relative paths are relative to the folder it lies in."""


@dataclass(frozen=True, kw_only=True)
class PairedConfig(PicturesConfig):
    """Two folders of pictures, colour/ and line/, with the same names."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder that holds colour/ and line/."""
    lines: Literal["given", "xdog", "extractor"] = "given"
    """Where line drawings come from: the source, XDoG, or a trained extraction network."""


@dataclass(frozen=True, kw_only=True)
class SideBySideConfig(PicturesConfig):
    """Pictures with the colour on the left and its line drawing on the right."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of pictures, or one that holds train/ and val/."""
    lines: Literal["given", "xdog", "extractor"] = "given"
    """Where line drawings come from: the source, XDoG, or a trained extraction network."""


@dataclass(frozen=True, kw_only=True)
class TarsConfig(PicturesConfig):
    """WebDataset tars: a picture (`KEY.jpg`, `.png`, `.webp`, ...) and its KEY.json a sample.

    This is what img2dataset writes. A drawing beside it is KEY.line.png (or .webp, ...), as in the
    shards that this program makes; it is used with --lines given."""

    tars: Annotated[Path, tyro.conf.Positional]
    """A tar, or a folder that is searched for tars with all its subfolders."""
