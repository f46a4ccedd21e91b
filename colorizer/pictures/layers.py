"""Layered pictures for paint programs, as OpenRaster (Krita, GIMP, MyPaint); `psd.py`: as PSD."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Literal
from xml.etree import ElementTree

import numpy as np

from colorizer.pictures.geometry import Shape, fitted_size, resize
from colorizer.pictures.grid import encoded
from colorizer.system.errors import UserError
from colorizer.system.storage import partial_name, publish, writing

THUMBNAIL = 256  # pixels of its longer side, by the OpenRaster specification
MAX_PSD_SIDE = 30_000  # pixels, by the PSD specification

Mode = Literal["normal", "multiply", "screen"]
ORA_MODES: dict[Mode, str] = {
    "normal": "svg:src-over",
    "multiply": "svg:multiply",
    "screen": "svg:screen",
}


@dataclass(frozen=True)
class Layer:
    """One of several pictures that lie upon each other."""

    name: str
    mode: Mode  # how it changes what lies below
    pixels: np.ndarray  # H×W×3 uint8 RGB, or H×W×4 RGBA


def write_ora(path: Path, picture: np.ndarray, layers: Iterable[Layer]) -> None:
    """Write an OpenRaster file.

    Args:
        path: Ends in .ora.
        picture: H×W×3 uint8 RGB, what the layers give together.
        layers: The top one first, each as large as the picture; one is held at a time.

    Raises:
        UserError: the file cannot be written.
    """
    height, width = picture.shape[:2]
    image = ElementTree.Element("image", version="0.0.3", w=str(width), h=str(height))
    stack = ElementTree.SubElement(image, "stack")
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        _store(archive, "mimetype", b"image/openraster")  # first, so that `file` knows it
        for number, layer in enumerate(layers):
            source = f"data/{number}-{layer.name}.png"
            _store(archive, source, _png(layer.pixels))
            mode = {"composite-op": ORA_MODES[layer.mode]}
            shown = {"x": "0", "y": "0", "opacity": "1.0", "visibility": "visible"}
            ElementTree.SubElement(
                stack, "layer", {"name": layer.name, "src": source} | mode | shown
            )
        _store(archive, "stack.xml", ElementTree.tostring(image, "UTF-8", xml_declaration=True))
        _store(archive, "mergedimage.png", _png(picture))
        if max(height, width) > THUMBNAIL:
            picture = resize(picture, *fitted_size(width, height, THUMBNAIL))
        _store(archive, "Thumbnails/thumbnail.png", _png(picture))


def _store(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Put a file in as it is (PNG is compressed already), with no date: the same every time."""
    archive.writestr(zipfile.ZipInfo(name), data)


def _png(picture: np.ndarray) -> bytes:
    data = encoded(picture, ".png")
    assert data is not None  # PNG holds any size
    return data


def check_psd(path: Path, shape: Shape | None = None) -> None:
    """Before long work: whether a Photoshop file can be written.

    Args:
        path: Its.
        shape: Of the picture, if it is known already.

    Raises:
        UserError: psd-tools is not installed, or the picture is too large for the format.
    """
    if find_spec("psd_tools") is None:
        raise UserError(
            f"{path}: PSD needs the package psd-tools, which is not installed; "
            'get it with `pip install "colorizer[psd]"`, or write OpenRaster, which needs none.'
        )
    if shape is not None and max(shape) > MAX_PSD_SIDE:
        raise UserError(
            f"{path}: the drawing is {shape[1]}x{shape[0]}, and PSD holds {MAX_PSD_SIDE} pixels a "
            "side; write OpenRaster, which holds more."
        )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which gets its name once it is whole.

    Raises:
        UserError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_name(path).open("wb+") as file:
            yield file
            publish(file, path)
