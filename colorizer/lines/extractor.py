"""Draw the lines of a picture with a trained extractor."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.checkpoints.generator_file import about_shipped, find_generator, load_generator
from colorizer.checkpoints.published import sha256_of
from colorizer.config.commands import ExtractCommand
from colorizer.config.networks import ExtractorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.networks.extractor import LineExtractor
from colorizer.pictures.decode import UnusablePicture, decode_file
from colorizer.pictures.files import PictureFile, find_pictures, no_pictures
from colorizer.pictures.grid import write_picture
from colorizer.pictures.result_names import result_names
from colorizer.system import console
from colorizer.system.device import choose_device, exact_float32
from colorizer.system.errors import UserError
from colorizer.system.memory import keep_freed_memory, naming_lack_of_memory
from colorizer.system.storage import check_writable, is_name_refused

TILE = 1024  # pixels a side: about 1 GB of memory at full width


class Extractor:
    """A trained line extractor, for pictures of any size."""

    def __init__(
        self, checkpoint: Path | str = SHIPPED, device: torch.device | None = None
    ) -> None:
        """Load the extractor that `checkpoint` means (see `find_generator`).

        Args:
            checkpoint: Run folder, checkpoint folder or exported file; default: the shipped one.
            device: Default: the accelerator if there is one.

        Raises:
            UserError: it cannot be found or read, or is no line extractor.
        """
        self.file = find_generator(Path(checkpoint), ExtractorConfig)
        self.size: int = self.file.size  # side of the pictures it was trained on
        self.sha256: str = sha256_of(self.file.path)
        self.device = choose_device() if device is None else torch.device(device)
        self.network = load_generator(self.file, LineExtractor, self.device)

    def draw_batch(self, pictures: np.ndarray) -> np.ndarray:
        """Draw pictures whole, all at once.

        Args:
            pictures: B×H×W×3 uint8 RGB, any size.

        Returns:
            B×H×W uint8, dark ink on white (255).
        """
        height, width = pictures.shape[1:3]
        stride = self.network.stride
        # A copy, since Pillow's pixels are read-only, which torch warns about.
        color = to_signed(torch.tensor(pictures).to(self.device).permute(0, 3, 1, 2))
        # Its own border repeated: another colour would be drawn as an edge.
        color = F.pad(color, (0, -width % stride, 0, -height % stride), mode="replicate")
        with torch.inference_mode(), exact_float32():
            line = self.network(color)[:, :, :height, :width]
        return to_uint8(line)[..., 0]

    def draw(self, picture: np.ndarray, tile: int = TILE) -> np.ndarray:
        """Draw one picture of any size, in tiles if it is large; the tiles leave no seams.

        Args:
            picture: H×W×3 uint8 RGB.
            tile: Longest side that is drawn at once; memory grows with it, nothing else.

        Returns:
            H×W uint8, dark ink on white (255).

        Raises:
            UserError: the tile is too small to hold what a pixel of the result depends on.
        """
        height, width = picture.shape[:2]
        drawing = np.empty((height, width), np.uint8)
        columns = self._spans(width, tile)
        for row in self._spans(height, tile):
            for column in columns:
                drawn = self.draw_batch(picture[None, row.read, column.read])[0]
                drawing[row.write, column.write] = drawn[row.keep, column.keep]
        return drawing

    def _spans(self, length: int, tile: int) -> list["Span"]:
        """How tiles divide one side of a picture; they begin at multiples of the stride."""
        if length <= tile:
            whole = slice(0, length)
            return [Span(whole, whole, whole)]
        stride = self.network.stride
        margin = -(-self.network.reach // stride) * stride
        core = (tile - 2 * margin) // stride * stride
        if core < stride:
            raise UserError(
                f"--tile is {tile}; this extractor needs at least {2 * margin + stride}."
            )
        return list(_divide(length, core, margin))


class Span(NamedTuple):
    """A tile along one side: what it reads of the picture, and keeps of its own drawing."""

    read: slice  # of the picture
    write: slice  # of the drawing
    keep: slice  # of the tile's own drawing


def _divide(length: int, core: int, margin: int) -> Iterator[Span]:
    for start in range(0, length, core):
        end = min(start + core, length)
        first = max(start - margin, 0)
        yield Span(
            slice(first, min(end + margin, length)),
            slice(start, end),
            slice(start - first, end - first),
        )


# ---- The program


def extract(config: ExtractCommand) -> None:
    """Draw the lines of a picture, or of every picture in a folder, as PNG files.

    Drawings that exist are left alone, so an interrupted run continues. A picture that cannot be
    read is named, and the others are drawn.

    Raises:
        UserError: the checkpoint, the settings or the only picture cannot be used, or nothing can
            be written.
    """
    jobs = _list_jobs(config)
    todo = [job for job in jobs if config.overwrite or not os.path.exists(job.drawing)]
    check_writable(config.output if config.picture.is_dir() else config.output.parent)
    extractor = Extractor(config.checkpoint)
    if config.checkpoint == SHIPPED:
        console.say(about_shipped(extractor.file))
    if extractor.device.type == "cpu":
        keep_freed_memory()
    rejected = 0
    with console.progress("drawing", len(todo), "pictures") as advance:
        for done, job in enumerate(todo, 1):
            try:
                picture = decode_file(job.picture).pixels
            except UnusablePicture as rejection:
                rejected += 1
                console.warn(f"{job.picture}: {rejection.reason} {rejection.detail}".rstrip())
            else:
                with naming_lack_of_memory(f"give a smaller --tile than {config.tile}."):
                    drawing = extractor.draw(picture, config.tile)
                try:
                    write_picture(job.drawing, drawing)
                except UserError as error:  # of a name that the disk refuses; others go on
                    if not is_name_refused(error):
                        raise
                    rejected += 1
                    console.warn(str(error))
            advance(done)
    drawn = len(todo) - rejected
    if rejected and not drawn:
        raise UserError(f"{config.picture}: no picture could be read, so none was drawn.")
    console.say(
        f"{config.output}: {drawn} drawn, {len(jobs) - len(todo)} drawn before, {rejected}"
        " could not be read"
    )


class Job(NamedTuple):
    """A picture and where its drawing goes."""

    picture: Path
    drawing: Path


def _list_jobs(config: ExtractCommand) -> list[Job]:
    if not config.picture.exists():
        raise UserError(f"{config.picture}: no such picture or folder.")
    if not config.picture.is_dir():
        if config.output.suffix.lower() != ".png":
            raise UserError(f"{config.output}: the drawing's name must end in .png.")
        if config.output.exists() and config.output.samefile(config.picture):
            raise UserError(f"{config.output} would take the place of the picture; choose another.")
        return [Job(config.picture, config.output)]
    if config.output.resolve().is_relative_to(config.picture.resolve()):
        raise UserError(
            f"--output {config.output} lies inside {config.picture}; choose a folder outside it."
        )
    sources = []
    for file in find_pictures(config.picture):
        if isinstance(file, PictureFile):
            sources.append(file.source)
        else:
            console.warn(f"{config.picture / file.source}: {file.why}, skipped")
    if not sources:
        raise UserError(no_pictures(config.picture))
    names = result_names(sources, ".png")
    return [
        Job(config.picture / source, config.output / name)
        for source, name in zip(sources, names, strict=True)
    ]
