"""Every setting of making shards. A field's docstring is its `--help`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from colorizer.characters import Art
from colorizer.lines.xdog import XDoG
from colorizer.pictures.decode import MAX_PIXELS, MIN_SIDE


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """What all sources share."""

    output: Path
    """Write train/ and held-out/ into this folder, each with numbered shards and index.json."""
    size: int = 256
    """Make the pictures squares of this many pixels a side, or of about as many pixels."""
    fit: Literal["pad", "crop", "buckets"] = "pad"
    """Pad a picture with white to a square, crop its middle square, or take the nearest bucket.

    Buckets are shapes of about 1:3 to 3:1. A picture is cropped in its middle to the nearest: a
    seventh of it is lost at most, and more only of pictures beyond 1:3 and 3:1."""
    held_out: float | None = None
    """Keep this share of the pictures from training, whole groups of it.

    A hash of the group's name decides (of the key, if a picture has no group). Of fewer than 200
    groups, or pictures without one, exactly this share is kept: one at least, if there are two.
    Default: 0.05. Leave it out if the pictures come in train/ and val/: val/ is held out then."""
    samples_per_shard: int = 1000
    """Put this many samples into each shard; the last may have fewer."""
    workers: int = 0
    """Start this many worker processes; 0: one for each core that it may use."""
    lines: Literal["exact", "given", "xdog", "extractor"]
    """Which lines the samples get."""
    extractor: Path | None = None
    """Draw with this extractor (--lines extractor): run, checkpoint folder or .safetensors file.
    Without it, the small one that comes with the program draws."""
    extractor_scale: int = 1
    """Draw this many times larger, then shrink, for finer lines (--lines extractor)."""
    xdog: XDoG = field(default_factory=XDoG)
    """Used with --lines xdog."""


@dataclass(frozen=True, kw_only=True)
class CharactersConfig(ShardsConfig):
    """Drawn characters: demo data with lines and exact truth."""

    count: int = 2000
    """Draw this many characters."""
    poses: int = 2
    """Draw each character in this many poses."""
    seed: int = 0
    """Draw other characters with another seed."""
    art: Art = "portraits"
    """Draw portraits by one hand, or varied art.

    Varied art shows each character as whole figure, half figure, face or head, in many poses, by
    hands that ink and shade differently, mostly on white paper; some are animals and mascots."""
    drawn_at: int | None = None
    """Draw with the lines and details of this many pixels a side, a multiple of --size, and shrink.

    So thin lines get faint and eyes small, as in large drawings that are shrunk to a small size.
    Left out: lines and details are made for --size itself."""
    lines: Literal["exact", "xdog", "extractor"] = "exact"
    """Take the lines as drawn, or draw them anew by XDoG or with a trained extractor."""


@dataclass(frozen=True, kw_only=True)
class PicturesConfig(ShardsConfig):
    """What all sources of picture files share."""

    lines: Literal["given", "xdog", "extractor"] = "xdog"
    """Take line drawings from the source, or draw them by XDoG or with a trained extractor."""
    group_by: str | None = None
    """Tell which pictures show the same character: `parent` (those of a folder), or a pattern.

    Of tars also `json:NAME`: the entry NAME of a picture's KEY.json.

    A pattern is a regular expression to be found in the picture's path, such
    as '([^/]+)_[0-9]+[.]'. What its brackets match is the group's name."""
    exclude: tuple[str, ...] = ()
    """Leave out files and folders of these names or paths, such as 'sketches' '*_thumb.*'.

    In a pattern, * is any letters and ? is one. What NAS and desktops keep beside pictures
    (@eaDir, Thumbs.db, __MACOSX, ...) and what is hidden is left out anyway."""
    max_pixels: int = MAX_PIXELS
    """Reject pictures of more pixels. Those over 100 million are averaged down when they are read.

    A worker process then needs 4 bytes for each pixel of such a picture; of a JPEG far less."""
    max_aspect: float | None = None
    """Reject pictures that are longer than this many times their width, either way."""
    min_side: int = MIN_SIDE
    """Reject pictures with a side of fewer pixels."""
    reject_grey: bool = False
    """Reject pictures without colour, such as pages of manga. The report counts them anyway."""


@dataclass(frozen=True, kw_only=True)
class PairsConfig(PicturesConfig):
    """What all sources share that may bring line drawings."""

    invert_lines: bool = False
    """Invert the drawings that have light lines on a dark ground (--lines given)."""
    whiten: bool = False
    """Make the paper of drawings white where it is grey, yellowed or unevenly lit (--lines given).

    Drawings on white paper stay as they are."""


@dataclass(frozen=True, kw_only=True)
class FolderConfig(PicturesConfig):
    """A folder of colour pictures, searched with all its subfolders."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Search this folder for pictures, or its train/ and val/ if it has both.

    Instead of val/ it may have valid/, test/ and the like. What lies beside is not read."""
    lines: Literal["xdog", "extractor"] = "xdog"
    """Draw lines by XDoG, or with a trained extractor."""


@dataclass(frozen=True, kw_only=True)
class ListConfig(PairsConfig):
    """A text file that lists pictures, a path in each line.

    A tab and the path of its line drawing may follow, for --lines given; and a tab and its group.
    """

    file: Annotated[Path, tyro.conf.Positional]
    """Read this list; relative paths start from its folder."""


@dataclass(frozen=True, kw_only=True)
class PairedConfig(PairsConfig):
    """Folders of pictures, colour/ and line/, with the same names, once or in many subfolders."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Search colour/ and line/ at any depth in this folder, each pair of folders side by side.

    Where they hold train/ and val/ (or test/, ...), or lie in these, val/ is held out. What lies
    beside the two is not read."""
    color: Annotated[str | None, tyro.conf.arg(aliases=["--colour"])] = None
    """Search the folders of this name for pictures. Default: colour, or color."""
    line: tuple[str, ...] = ("line",)
    """Search the folders of this name beside them for drawings; of several names, each for one."""
    lines: Literal["given", "xdog", "extractor"] = "given"
    """Take line drawings from the source, or draw them by XDoG or with a trained extractor."""


@dataclass(frozen=True, kw_only=True)
class SideBySideConfig(PairsConfig):
    """Pictures of two halves, the colour on the left and its line drawing on the right."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Search this folder for pictures, or its train/ and val/ if it has both.

    Instead of val/ it may have valid/, test/ and the like. What lies beside is not read."""
    lines: Literal["given", "xdog", "extractor"] = "given"
    """Take line drawings from the source, or draw them by XDoG or with a trained extractor."""
    line_side: Literal["left", "right"] = "right"
    """Take this half as the line drawing, and the other as the colour."""


@dataclass(frozen=True, kw_only=True)
class TarsConfig(PairsConfig):
    """WebDataset tars: a picture (`KEY.jpg`, `.png`, `.webp`, ...) and its KEY.json a sample.

    This is what img2dataset writes. With --lines given, the drawing is KEY.line.png or another
    picture of that name, as in the shards that this program makes.
    """

    tars: Annotated[Path, tyro.conf.Positional]
    """Read this tar, or all tars in this folder and its subfolders."""
