"""The settings of colouring and of extracting."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from colorizer.config.bounds import Bounds
from colorizer.config.shipped import SHIPPED

Kind = Literal["result", "colors", "lines", "flats", "layers", "psd"]  # of what is written


@dataclass(frozen=True, kw_only=True)
class ColorizeConfig:
    """Colour line drawings with the colours of reference pictures."""

    checkpoint: Path = SHIPPED
    """Use this run (its newest intact checkpoint), checkpoint folder or .safetensors file.
    shipped: the small colorizer that comes with the program, for a first look."""
    line: Path
    """Colour this line drawing, dark lines on white; or those of a folder and its subfolders, of a
    pattern in quotes ('frames/*.png'), or of a .csv with the columns line, reference and, if you
    like, output. Its paths are relative to its folder; several references are parted by |."""
    reference: tuple[Path, ...] = ()
    """Take the colours of these pictures of the character, one or more, or of all in a folder."""
    output: Path
    """Write the result here: .png, .jpg or .webp. For several drawings: a folder, in which the
    results have the drawings' names and subfolders. What is done there is not done again."""
    write: tuple[Kind, ...] = ("result",)
    """Write the coloured drawing (result), its colours alone (colors), its lines alone (lines), one
    colour of the references for each region (flats), or all as layers (layers, psd)."""
    format: Literal["png", "jpg", "webp"] = "png"
    """Write the results in a folder in this format."""
    working_size: int | None = None
    """Let the network see pictures with about as many pixels as a square of this side has;
    without it, as it was trained.
    The result has the drawing's own size."""
    points: Path | None = None
    """Give regions the colours of this text file: `X Y #rrggbb`, or `X Y @X Y` for the colour of
    the first reference at a place, one a line. In a --sequence, `frame N` before it."""
    gap: Annotated[float, Bounds(0, 0.1)] = 0.012
    """Close gaps between lines up to this share of the drawing's longer side."""
    sequence: bool = False
    """The drawings of a folder are the frames of a cut: each takes colours from those before."""
    keys: tuple[Path, ...] = ()
    """Frames of a --sequence that are coloured already: pictures, or a folder of them, with the
    names of their drawings. They keep their colours, and give them to the others."""
    video: Path | None = None
    """Write the frames of a --sequence as this .mp4, too."""
    fps: Annotated[float, Bounds(1, 240)] = 24.0
    """Show so many frames a second in the --video."""
    overwrite: bool = False
    """Colour anew what the output folder holds from other settings, references or programs."""


@dataclass(frozen=True, kw_only=True)
class AppConfig:
    """Open a page to colour drawings on, in a browser."""

    checkpoint: Path = SHIPPED
    """Use this run (its newest intact checkpoint), checkpoint folder or .safetensors file.
    shipped: the small colorizer that comes with the program, for a first look."""
    host: str = "127.0.0.1"
    """Answer at this address. 127.0.0.1: this machine alone. 0.0.0.0: all that can reach it; then
    the page shows no folders of this machine."""
    port: Annotated[int, Bounds(0, 65535)] = 7860
    """Answer at this port; 0: at one that is free."""
    max_megabytes: Annotated[int, Bounds(1, 1000)] = 32
    """Refuse larger files."""
    max_megapixels: Annotated[int, Bounds(1, 100)] = 100
    """Refuse pictures of more million pixels, which is seen before they are decoded."""


@dataclass(frozen=True, kw_only=True)
class OnnxConfig:
    """Colour one line drawing with an exported colorizer: with onnxruntime, without torch."""

    model: Path
    """Use this colorizer of `checkpoint.py export --format onnx`: NAME.onnx, for NAME.reader.onnx
    and NAME.painter.onnx."""
    line: Path
    """Colour this line drawing: dark lines on white."""
    reference: tuple[Path, ...]
    """Take the colours of these pictures of the character, one or more."""
    output: Path
    """Write the result here: .png, .jpg or .webp."""
    working_size: int | None = None
    """Let the network see pictures with about as many pixels as a square of this side has;
    without it, as it was trained.
    The result has the drawing's own size."""


@dataclass(frozen=True, kw_only=True)
class ExtractCommand:
    """Draw the lines of colour pictures."""

    checkpoint: Path = SHIPPED
    """Use this run (its newest intact checkpoint), checkpoint folder or .safetensors file.
    shipped: the small extractor that comes with the program, for a first look."""
    picture: Path
    """Draw this picture, or those of a folder and all its subfolders."""
    output: Path
    """Write here: a .png for a picture; for a folder, one with the same subfolders."""
    tile: int = 1024
    """Draw a larger picture in tiles of this side; memory grows with it, nothing else."""
    overwrite: bool = False
    """Draw pictures again that are drawn already; else they are skipped."""
