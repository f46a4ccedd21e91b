"""The settings of colouring and of extracting."""

from dataclasses import dataclass
from pathlib import Path

from colorizer.config.shipped import SHIPPED


@dataclass(frozen=True, kw_only=True)
class ColorizeConfig:
    """Colour one line drawing with the colours of a reference picture."""

    checkpoint: Path = SHIPPED
    """Use this run (its newest intact checkpoint), checkpoint folder or .safetensors file.
    shipped: the small colorizer that comes with the program, for a first look."""
    line: Path
    """Colour this line drawing: dark lines on white."""
    reference: tuple[Path, ...]
    """Take the colours of these pictures of the character, one or more."""
    output: Path
    """Write the result here: .png, .jpg or .webp."""
    working_size: int | None = None
    """Let the network work at this longer side; without it, at the size it was trained at.
    If it was trained on buckets, this is the side of a square of as many pixels.
    The result has the drawing's own size."""


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
    """Let the network work at this longer side; without it, at the size it was trained at.
    If it was trained on buckets, this is the side of a square of as many pixels.
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
