"""What is written of a painting: pictures, flats with a palette, layers for paint programs."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.coloring.painting import Painting
from colorizer.config.commands import Kind
from colorizer.drawings.layering import light_of, shade_of
from colorizer.pictures.grid import write_picture
from colorizer.pictures.layers import Layer, check_psd, write_ora
from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file, writing

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
ENDINGS: dict[Kind, str] = {
    "colors": ".colors.png",
    "lines": ".lines.png",
    "flats": ".flats.png",
    "layers": ".ora",
    "psd": ".psd",
}
MAX_COLORS = 256  # of an indexed PNG


def output_paths(output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """The files that `write_outputs` writes, in the order of the kinds, each once.

    Args:
        output: The result's; the others have its name with other endings.
        kinds: What is written.
    """
    return [_path(output, kind) for kind in dict.fromkeys(kinds)]


def check_outputs(output: Path, kinds: Sequence[Kind]) -> None:
    """Before long work: whether these can be written, by all that is known without a painting.

    Raises:
        UserError: the result's name has another ending, nothing is to be written, or a package is
            missing.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"{output}: the result's name must end in .png, .jpg or .webp.")
    if not kinds:
        raise UserError(f"{output}: nothing is to be written; name one kind of output at least.")
    if "psd" in kinds:
        check_psd(_path(output, "psd"))


def write_outputs(painting: Painting, output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """Write what a painting holds. A name never stands for half a file.

    Args:
        painting: A drawing with colours.
        output: Ends in .png, .jpg or .webp; the files are named after it (see `output_paths`).
        kinds: What to write: the `result`; its `colors`, filled under the lines; its `lines`, their
            ink as opacity; `flats`, an indexed picture; or all as `layers` (OpenRaster) or `psd`.

    Returns:
        The files.

    Raises:
        UserError: a file cannot be written, or its format cannot hold the painting.
    """
    check_outputs(output, kinds)
    if "psd" in kinds:
        check_psd(_path(output, "psd"), painting.drawing.line.shape)
    for kind in dict.fromkeys(kinds):
        _write(painting, _path(output, kind), kind)
    return output_paths(output, kinds)


def _path(output: Path, kind: Kind) -> Path:
    return output if kind == "result" else output.with_name(output.stem + ENDINGS[kind])


def _write(painting: Painting, path: Path, kind: Kind) -> None:
    match kind:
        case "result":
            write_picture(path, painting.picture)
        case "colors":
            write_picture(path, painting.colors)
        case "lines":
            write_picture(path, painting.lines)
        case "flats":
            write_indexed(path, painting.flats, painting.palette)
        case "layers":
            write_ora(path, painting.picture, layers_of(painting))
        case "psd":
            from colorizer.pictures.psd import write_psd  # psd-tools may not be installed

            write_psd(path, painting.picture, layers_of(painting))


def layers_of(painting: Painting) -> Iterator[Layer]:
    """The layers, the top one first, each computed when it is asked for.

    Put together in 8 bits a layer they are the picture, to the bit; under coloured lines, or in
    other arithmetic, they are off by one level at most.
    """
    # Multiplied: two coloured inks darken each other. Black ones do so in any mode.
    grey = painting.drawing.over.ndim == 2
    yield Layer("lines", "normal" if grey else "multiply", painting.lines)
    flats = painting.flats
    light = light_of(painting.colors, flats, painting.palette)
    if light.any():
        yield Layer("light", "screen", light)
    del light  # before the next one is made
    yield Layer("shade", "multiply", shade_of(painting.colors, flats, painting.palette))
    yield Layer("flats", "normal", painting.flat_colors)


def write_indexed(path: Path, indices: np.ndarray, palette: np.ndarray) -> None:
    """Write a PNG of the colours of a palette, which it holds as they are, in their order.

    Args:
        path: Ends in .png.
        indices: H×W, the palette's colour of each pixel.
        palette: K×3 uint8 RGB.

    Raises:
        UserError: the palette is too large for the format, or the file cannot be written.
    """
    if len(palette) > MAX_COLORS:
        raise UserError(
            f"{path}: {len(palette)} colours, and an indexed picture holds {MAX_COLORS}; "
            "give fewer references or colours."
        )
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())
